"""Similarity of silenced genes: of their places in the network, and of responses around them."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Bools, Floats
from echoes.models.gaps import mean_response
from echoes.models.task import Task
from echoes.scoring.gaps import fill_gaps, measured_pairs

#: Standard deviation, log2 units, that `profile_kernel` adds to that of each gene (as a square):
#: so genes that hardly respond count less than genes that do.
FLOOR = 0.05


def _centred(kernel: Floats, n_training: int, known: Bools) -> Floats:
    """Centre a kernel on its known training rows and scale it to a mean diagonal of 1 on them.

    Rows and columns of genes that are not known are 0: they do not help to predict other genes,
    and other genes do not help to predict them.
    """
    rows = np.flatnonzero(known[:n_training])
    if not len(rows):
        return np.zeros_like(kernel)
    column = kernel[:, rows].mean(axis=1)
    centred = kernel - column[:, None] - column + column[rows].mean()
    centred = np.where(known[:, None] & known, centred, 0.0)
    scale = centred[rows, rows].mean()
    # If all features are the same, only rounding errors are left.
    noise = len(rows) * np.finfo(np.float64).eps * kernel[rows, rows].mean()
    return centred / scale if scale > noise else np.zeros_like(kernel)


def network_kernel(task: Task) -> Floats:
    """Similarity of the silenced genes' places in the network, (m + q, m + q).

    The mean over the diffusions of their kernels, each centred on the training perturbations
    and scaled to a mean diagonal of 1 on them. A gene without a link has a row of zeros,
    as has every gene where there is no network.
    """
    if not len(task.kernels):
        return np.zeros((len(task.silenced), len(task.silenced)))
    return mean_kernel(task.kernels, task.n_training, task.known)


def mean_kernel(kernels: Floats, n_training: int, known: Bools) -> Floats:
    """Mean of k kernels (k, r, r), each centred and scaled as in `network_kernel`."""
    mean: Floats = np.mean([_centred(kernel, n_training, known) for kernel in kernels], axis=0)
    return mean


def profile_kernel(task: Task, responses: Floats) -> Floats:
    """Similarity of how the genes around each silenced gene responded in training, (m + q, m + q).

    A gene's profile is its m training responses, centred and divided by their deviation; a
    silenced gene's features are the mean of the profiles around it in the network, weighted by
    its diffusion. The kernel is centred and scaled like `network_kernel`.

    Parameters
    ----------
    task
        Gives the reach of each silenced gene. A gene that reaches no response gene has a row of
        zeros.
    responses
        (m, G) training responses; where one is NaN, not measured, the gene counts as its mean.
    """
    measured = measured_pairs(responses)
    profiles = fill_gaps(responses - mean_response(responses), measured)
    profiles /= np.sqrt(np.einsum("mg,mg->g", profiles, profiles) / len(profiles) + FLOOR**2)
    features = task.reach @ profiles.T
    return _centred(features @ features.T, task.n_training, task.reach.sum(axis=1) > 0)

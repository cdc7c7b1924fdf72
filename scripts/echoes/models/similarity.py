"""Similarity of silenced genes: of their places in the network, and of responses around them."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Bools, Floats, Numbers
from echoes.models.gaps import mean_response
from echoes.models.task import Task
from echoes.scoring.gaps import fill_gaps, measured_pairs

#: Standard deviation, log2 units, that `profile_kernel` adds to that of each gene (as a square):
#: so genes that hardly respond count less than genes that do.
FLOOR = 0.05


def centre_kernel(kernel: Numbers, n_training: int, known: Bools) -> Numbers:
    """Centre a kernel on its known training rows and scale it to a mean diagonal of 1 on them.

    Rows and columns of genes that are not known are 0: they do not help to predict other genes,
    and other genes do not help to predict them.

    Parameters
    ----------
    kernel
        (r, c) kernel, the m training perturbations first in rows and in columns; c ≥ m.
    n_training
        m.
    known
        (r,) which genes are known.
    """
    rows = np.flatnonzero(known[:n_training])
    if not len(rows):
        return np.zeros_like(kernel)
    # A part of a table that is all of it needs no copy.
    of_training = kernel[:, :n_training] if len(rows) == n_training else kernel[:, rows]
    column = of_training.mean(axis=1)
    centred: Numbers = kernel - column[:, None]
    centred -= column[: kernel.shape[1]]
    centred += column[rows].mean()
    centred[~known] = 0.0
    centred[:, ~known[: kernel.shape[1]]] = 0.0
    scale = centred[rows, rows].mean()
    # If all features are the same, only rounding errors are left.
    noise = len(rows) * np.finfo(kernel.dtype).eps * kernel[rows, rows].mean()
    if scale <= noise:
        return np.zeros_like(kernel)
    centred /= scale
    return centred


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
    mean = np.zeros(kernels.shape[1:])
    for kernel in kernels:
        mean += centre_kernel(kernel, n_training, known)
    mean /= len(kernels)
    return mean


def profile_kernel(task: Task, responses: Floats) -> Floats:
    """Similarity of how the genes around each silenced gene responded in training, (m + q, m + q).

    A gene's profile is its m training responses, centred and divided by their deviation; a
    perturbation's features are the profiles of the genes that its silenced gene reaches in the
    network, averaged by `task.reach`.

    Parameters
    ----------
    task
        Gives the network. A silenced gene that reaches no response gene, because it has no link
        or because no response gene is in the same part of the network, is not known: its row is
        zeros.
    responses
        (m, G) training responses; where one is NaN, not measured, the gene counts as its mean.
    """
    measured = measured_pairs(responses)
    profiles = fill_gaps(responses - mean_response(responses), measured)
    profiles /= deviations(profiles)
    return _kernel_of_profiles(task, task.reach @ profiles.T)


def deviations(profiles: Floats) -> Floats:
    """Deviation of each gene (G,) from profiles (m, G) with mean 0; at least `FLOOR`."""
    squares = np.einsum("mg,mg->g", profiles, profiles)
    roots: Floats = np.sqrt(squares / len(profiles) + FLOOR**2)
    return roots


def _kernel_of_profiles(task: Task, features: Floats) -> Floats:
    """Kernel of features (m + q, m), centred and scaled as in `network_kernel`."""
    return centre_kernel(features @ features.T, task.n_training, reaching_genes(task))


def reaching_genes(task: Task) -> Bools:
    """Whether each silenced gene reaches any response gene in the network, (m + q,)."""
    reaching: Bools = task.reach.sum(axis=1) > 0
    return reaching

"""Kernels of silenced genes: how alike their places in the network are, and their answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from echoes.problem import Problem

Array = npt.NDArray[np.float64]

#: Deviation, log2 units, that is added in quadrature to each gene's own in `profile_kernel`:
#: genes that hardly answer shall not count as much as those that do.
FLOOR = 0.05


def enrichment(diffusion: Array, degree: Array) -> Array:
    """Log of how much more often a gene is visited than by a walk without restart, (rows, N).

    log(1 + x_j / π_j), where π is the random walk's stationary distribution: the share of
    each gene in the sum of all degrees (N,).
    """
    visits: Array = np.log1p(diffusion * (degree.sum() / degree))
    return visits


def gram(features: Array) -> Array:
    """Inner products (rows, rows) of features (rows, F), each column scaled to a mean square of 1.

    Columns of zeros stay.
    """
    square = np.mean(features**2, axis=0)
    features = features / np.sqrt(np.where(square > 0, square, 1.0))
    products: Array = features @ features.T
    return products


def _centred(kernel: Array, training: int, known: npt.NDArray[np.bool_]) -> Array:
    """Centre a kernel on its known training rows and scale it to a mean diagonal of 1 on them.

    What is not known stands at the centre: its rows and columns are 0, so that nothing follows
    from it or for it.
    """
    here = np.flatnonzero(known[:training])
    if not len(here):
        return np.zeros_like(kernel)
    column = kernel[:, here].mean(axis=1)
    centred = kernel - column[:, None] - column + column[here].mean()
    centred = np.where(known[:, None] & known, centred, 0.0)
    scale = centred[here, here].mean()
    return centred / scale if scale > 0 else np.zeros_like(kernel)


def network_kernel(problem: Problem) -> Array:
    """Likeness of the silenced genes' places in the network, (m + q, m + q).

    The mean over the diffusions of their kernels, each centred on the training perturbations
    and scaled to a mean diagonal of 1 on them. A gene without a link has a row of zeros.
    """
    parts = [_centred(kernel, problem.training, problem.known) for kernel in problem.kernels]
    mean: Array = np.mean(parts, axis=0)
    return mean


def profile_kernel(problem: Problem, responses: Array) -> Array:
    """Likeness of how the genes around each silenced gene answered to the training perturbations.

    A gene's profile is its m training responses, centred and divided by their deviation; a
    silenced gene's features are the mean of the profiles around it in the network, weighted by
    its diffusion. The kernel is centred and scaled like that of the network.

    Parameters
    ----------
    problem
        Gives the reach of each silenced gene. One that reaches no response gene has a row of
        zeros.
    responses
        (m, G) training responses.
    """
    deviation = responses - responses.mean(axis=0)
    profiles = deviation / np.sqrt(np.mean(deviation**2, axis=0) + FLOOR**2)
    features = problem.reach @ profiles.T
    return _centred(features @ features.T, problem.training, problem.reach.any(axis=1))

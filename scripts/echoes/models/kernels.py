"""Kernels of silenced genes: how alike their places in the network are, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, load_arrays, save_arrays
from echoes.io.files import StrPath
from echoes.models.task import Problem

#: Deviation, log2 units, that is added in quadrature to each gene's own in `profile_kernel`:
#: genes that hardly answer shall not count as much as those that do.
FLOOR = 0.05


@dataclass(frozen=True)
class Kernels:
    """What the network says about r silenced genes; the fields are also the keys in the file.

    Parameters
    ----------
    kernels
        (k, r, r) inner products of the silenced genes' features, one matrix a diffusion.
    reach
        (r, G) share of each response gene in a silenced gene's diffusion.
    known
        (r,) whether a silenced gene has a link.
    """

    kernels: Floats
    reach: Floats
    known: Bools


def save_kernels(path: StrPath, kernels: Kernels) -> None:
    """Write kernels to an npz file."""
    save_arrays(path, vars(kernels))


def load_kernels(path: StrPath) -> Kernels:
    """Read kernels from an npz file that `save_kernels` wrote."""
    return Kernels(*load_arrays(path, *Kernels.__dataclass_fields__))


def build_kernels(features: Sequence[Floats]) -> Floats:
    """Inner products of the silenced genes' features, (k, r, r), from k matrices (r, F)."""
    return np.array([rows @ rows.T for rows in features])


def reach(diffusions: Sequence[Floats], genes: Ints) -> Floats:
    """Share of each response gene in a silenced gene's diffusion, (r, G), mean over diffusions.

    Parameters
    ----------
    diffusions
        k matrices (r, N).
    genes
        (G,) positions of the response genes in the network.

    Returns
    -------
    array
        Rows sum to 1, or are 0 where a diffusion reaches no response gene.
    """
    shares = np.zeros((len(diffusions[0]), len(genes)))
    for diffusion in diffusions:
        part = diffusion[:, genes]
        total = part.sum(axis=1, keepdims=True)
        shares += part / np.where(total > 0, total, 1.0) / len(diffusions)
    return shares


def _centred(kernel: Floats, training: int, known: Bools) -> Floats:
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
    # What rounding leaves of features that are all the same is not likeness.
    noise = len(here) * np.finfo(np.float64).eps * kernel[here, here].mean()
    return centred / scale if scale > noise else np.zeros_like(kernel)


def network_kernel(problem: Problem) -> Floats:
    """Likeness of the silenced genes' places in the network, (m + q, m + q).

    The mean over the diffusions of their kernels, each centred on the training perturbations
    and scaled to a mean diagonal of 1 on them. A gene without a link has a row of zeros.
    """
    parts = [_centred(kernel, problem.training, problem.known) for kernel in problem.kernels]
    mean: Floats = np.mean(parts, axis=0)
    return mean


def profile_kernel(problem: Problem, responses: Floats) -> Floats:
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
    profiles = responses - responses.mean(axis=0)
    profiles /= np.sqrt(np.einsum("mg,mg->g", profiles, profiles) / len(profiles) + FLOOR**2)
    features = problem.reach @ profiles.T
    return _centred(features @ features.T, problem.training, problem.reach.sum(axis=1) > 0)

"""Kernels of silenced genes: how similar their places in the network are, and their responses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, load_arrays, save_arrays
from echoes.io.files import StrPath
from echoes.models.task import Task

#: Deviation, log2 units, that `profile_kernel` adds in quadrature to that of each gene: genes
#: that hardly respond shall not count as much as those that do.
FLOOR = 0.05


@dataclass(frozen=True)
class Kernels:
    """Kernels of r silenced genes, training perturbations first.

    Parameters
    ----------
    kernels
        (k, r, r) inner products of the silenced genes' network features, one matrix a diffusion.
    reach
        (r, G) share of each response gene in a silenced gene's diffusion.
    known
        (r,) whether the silenced gene has a link in the network.
    """

    kernels: Floats
    reach: Floats
    known: Bools


_FIELDS = tuple(field.name for field in dataclasses.fields(Kernels))


def save_kernels(path: StrPath, kernels: Kernels) -> None:
    """Write kernels to an npz file."""
    save_arrays(path, {name: getattr(kernels, name) for name in _FIELDS})


def load_kernels(path: StrPath) -> Kernels:
    """Read kernels that `save_kernels` wrote."""
    return Kernels(*load_arrays(path, *_FIELDS))


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


def _centred(kernel: Floats, n_training: int, known: Bools) -> Floats:
    """Centre a kernel on its known training rows and scale it to a mean diagonal of 1 on them.

    Rows and columns of genes that are not known are 0: they are predicted from no other gene, and
    no other gene is predicted from them.
    """
    rows = np.flatnonzero(known[:n_training])
    if not len(rows):
        return np.zeros_like(kernel)
    column = kernel[:, rows].mean(axis=1)
    centred = kernel - column[:, None] - column + column[rows].mean()
    centred = np.where(known[:, None] & known, centred, 0.0)
    scale = centred[rows, rows].mean()
    # What rounding leaves of features that are all the same is not similarity.
    noise = len(rows) * np.finfo(np.float64).eps * kernel[rows, rows].mean()
    return centred / scale if scale > noise else np.zeros_like(kernel)


def network_kernel(task: Task) -> Floats:
    """Similarity of the silenced genes' places in the network, (m + q, m + q).

    The mean over the diffusions of their kernels, each centred on the training perturbations
    and scaled to a mean diagonal of 1 on them. A gene without a link has a row of zeros.
    """
    parts = [_centred(kernel, task.n_training, task.known) for kernel in task.kernels]
    mean: Floats = np.mean(parts, axis=0)
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
        (m, G) training responses.
    """
    profiles = responses - responses.mean(axis=0)
    profiles /= np.sqrt(np.einsum("mg,mg->g", profiles, profiles) / len(profiles) + FLOOR**2)
    features = task.reach @ profiles.T
    return _centred(features @ features.T, task.n_training, task.reach.sum(axis=1) > 0)

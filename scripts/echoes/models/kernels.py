"""Kernels of silenced genes: inner products of their network features, and the files of these."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, load_arrays, save_arrays
from echoes.io.files import StrPath


@dataclass(frozen=True)
class Kernels:
    """Kernels of r silenced genes, training perturbations first.

    Parameters
    ----------
    kernels
        (k, r, r) inner products of the silenced genes' network features, one matrix a diffusion.
    reach
        (r, G) probabilities of the response genes in each silenced gene's diffusion, scaled to a
        sum of 1 over the response genes; see `reach`.
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
    """Inner products of the features of silenced genes, (k, r, r), from k matrices (r, F)."""
    return np.array([rows @ rows.T for rows in features])


def reach(diffusions: Sequence[Floats], genes: Ints) -> Floats:
    """Probabilities of the response genes in each diffusion, scaled to a sum of 1; mean over k.

    Parameters
    ----------
    diffusions
        k matrices (r, N): probabilities of N network genes, for each of r silenced genes.
    genes
        (G,) positions of the response genes in the network.

    Returns
    -------
    array
        (r, G). A row sums to 1, or less if the diffusions reach no response gene.
    """
    shares = np.zeros((len(diffusions[0]), len(genes)))
    for diffusion in diffusions:
        part = diffusion[:, genes]
        total = part.sum(axis=1, keepdims=True)
        shares += part / np.where(total > 0, total, 1.0) / len(diffusions)
    return shares

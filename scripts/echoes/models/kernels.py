"""Kernels of silenced genes: inner products of their network features, and the files of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.io.files import StrPath
from echoes.io.records import Layout
from echoes.models.sources import Source


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


_ARRAYS = {"kernels": "float k r r", "reach": "float r G", "known": "bool r"}
# Data set, networks, network, kernels, file.
_LAYOUT = Layout(_ARRAYS, depth=5)
# Data set, priors or gene_features, name, file.
_SOURCE = Layout(_ARRAYS, depth=4)


def save_kernels(path: StrPath, kernels: Kernels) -> None:
    """Write the kernels of a network to an npz file."""
    _LAYOUT.save(path, vars(kernels))


def load_kernels(path: StrPath, **sizes: int) -> Kernels:
    """Read kernels that `save_kernels` wrote; see `Layout.load`."""
    return Kernels(*_LAYOUT.load(path, *_ARRAYS, **sizes))


def save_source(path: StrPath, kernels: Kernels) -> None:
    """Write the kernel of another source than a network to an npz file."""
    _SOURCE.save(path, vars(kernels))


def extend_kernels(
    kernels: Kernels, training: Sequence[Floats], features: Sequence[Floats], reached: Floats
) -> Kernels:
    """Add b genes that have a link to the kernels of m training perturbations.

    Parameters
    ----------
    kernels
        Kernels of the training perturbations alone.
    training, features
        k matrices (m, F) and (b, F): features of the training perturbations and of the genes.
    reached
        (b, G) what the genes reach; see `reach`.
    """
    joined = []
    for inner, rows, more in zip(kernels.kernels, training, features, strict=True):
        across = rows @ more.T
        joined.append(np.block([[inner, across], [across.T, more @ more.T]]))
    linked = np.ones(len(reached), dtype=np.bool_)
    return Kernels(
        np.array(joined),
        np.concatenate([kernels.reach, reached]),
        np.concatenate([kernels.known, linked]),
    )


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


def load_source(name: str, path: StrPath, **sizes: int) -> Source:
    """Read a source that `save_source` wrote, or the kernels of a network; see `Layout.load`."""
    layout = _LAYOUT if Path(path).parent.name == "kernels" else _SOURCE
    return Source(name, *layout.load(path, "kernels", "known", **sizes))


def kernels_of_rows(rows: Floats, *, scale_columns: bool) -> Kernels:
    """Kernels of a table with a row for each silenced gene.

    Such a table holds the responses of a screen of other cells, or any numbers that are known of
    genes, such as dependencies or embeddings.

    Parameters
    ----------
    rows
        (r, F) numbers, NaN where there is none. A gene without any number is not known. A gap in
        a known row is filled with the mean of its column over the known rows.
    scale_columns
        Whether to divide each column by its standard deviation over the known rows: for numbers
        of several units. Responses stay as they are, so that large ones count more.

    Returns
    -------
    Kernels
        With one kernel, and a reach without columns.
    """
    present = ~np.isnan(rows)
    known: Bools = np.any(present, axis=1)
    counts = np.maximum(present.sum(axis=0), 1)
    centred = np.where(present, rows - np.where(present, rows, 0.0).sum(axis=0) / counts, 0.0)
    if scale_columns:
        deviation = np.sqrt((centred**2).sum(axis=0) / counts)
        # What rounding leaves of a constant column is not variation.
        largest = np.abs(np.where(present, rows, 0.0)).max(axis=0, initial=0.0)
        varies = deviation > np.finfo(np.float64).eps * len(rows) * largest
        centred = np.where(varies, centred / np.where(varies, deviation, 1.0), 0.0)
    return Kernels((centred @ centred.T)[None], np.empty((len(rows), 0)), known)

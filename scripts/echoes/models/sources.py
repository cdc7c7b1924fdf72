"""Sources of likeness of silenced genes: networks, screens of other cells, and tables of genes.

A source need not know all silenced genes. Every likeness of genes that it does not know is 0, so
that they are strangers to it, and a perturbation is predicted from the sources that know its gene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints

#: Name of the source that is an experiment's own network. The configuration allows no name with
#: a slash, so that a further source called network is another one.
NETWORK = "/network"


@dataclass(frozen=True)
class Source:
    """What a source knows of r silenced genes, training perturbations first.

    Parameters
    ----------
    name
        Name of the source, unlike those of other sources.
    kernels
        (k, r, r) inner products of the silenced genes' features; their cosines are averaged over
        the k matrices, such as diffusions of a network. Any number where a gene is not known.
    known
        (r,) whether the source knows the silenced gene.
    """

    name: str
    kernels: Floats
    known: Bools

    def take(self, rows: Ints) -> Source:
        """Choose perturbations, in this order."""
        return Source(self.name, self.kernels[:, rows[:, None], rows], self.known[rows])


def _centred(kernel: Floats, rows: Ints) -> Floats:
    """Centre a kernel on some of its rows."""
    column = kernel[:, rows].mean(axis=1)
    centred: Floats = kernel - column[:, None]
    centred -= column
    centred += column[rows].mean()
    return centred


def cosines(source: Source, n_training: int) -> Floats:
    """Cosines of the silenced genes' features, centred on the known training rows, (r, r).

    They are averaged over the kernels of the source. A gene is a stranger, with zeros even on the
    diagonal, if the source does not know it or if its features are the mean of the training rows.
    """
    rows = np.flatnonzero(source.known[:n_training])
    mean = np.zeros(source.kernels.shape[1:])
    if not len(rows):
        return mean
    for kernel in source.kernels:
        centred = _centred(kernel, rows)
        centred[~source.known] = 0.0
        centred[:, ~source.known] = 0.0
        square = np.diagonal(centred)
        # If all features are the same, only rounding errors are left.
        noise = len(rows) * np.finfo(np.float64).eps * np.abs(np.diagonal(kernel)[rows]).mean()
        length = np.sqrt(np.where(square > noise, square, np.inf))
        # In place: a new table for each step would take longer.
        centred /= length[:, None]
        centred /= length
        centred /= len(source.kernels)
        mean += centred
    return mean


@dataclass(frozen=True)
class Coverage:
    """Which silenced genes some sources know.

    Parameters
    ----------
    names
        Names of the S sources.
    known
        (S, m + q) which silenced genes each source knows, training perturbations first.
    n_training
        Number of training perturbations, m.
    """

    names: tuple[str, ...]
    known: Bools
    n_training: int

    @classmethod
    def of(cls, sources: Sequence[Source], n_training: int) -> Coverage:
        """Ask the sources."""
        known = np.array([source.known for source in sources], dtype=np.bool_)
        return cls(tuple(source.name for source in sources), known, n_training)

    def split(self, held_out: Ints, training: Ints) -> Coverage:
        """Choose training perturbations that stay so, and others to predict."""
        rows = np.concatenate([training, held_out])
        return Coverage(self.names, self.known[:, rows], len(training))

    def known_to(self, row: int) -> tuple[str, ...]:
        """Names of the sources that know the gene of a perturbation."""
        return tuple(name for name, known in zip(self.names, self.known, strict=True) if known[row])

    def rows_of(self, names: Sequence[str]) -> Ints:
        """Training perturbations whose genes all these sources know."""
        known = self.known[[name in names for name in self.names], : self.n_training]
        return np.flatnonzero(known.all(axis=0))


class Likeness:
    """Kernels of chosen sources, made from the cosines of each.

    Parameters
    ----------
    sources
        The sources, of m + q silenced genes.
    n_training
        Number of training perturbations, m.
    rate
        A source's kernel is exp(rate · cosine): the larger, the more the nearest genes count.
    """

    def __init__(self, sources: Sequence[Source], n_training: int, rate: float) -> None:
        self.coverage = Coverage.of(sources, n_training)
        self._n_training = n_training
        self._exponentials = {
            source.name: np.exp(rate * cosines(source, n_training)) for source in sources
        }

    def kernel(self, names: Sequence[str], join: str) -> Floats:
        """Kernel of some sources, (m + q, m), centred on the training rows, mean diagonal of 1.

        Parameters
        ----------
        names
            Names of the sources.
        join
            ``sum``: two genes are alike if they are in one of the sources; each source weighs the
            same. ``product``: they must be alike in all of them.
        """
        parts = [self._exponentials[name][:, : self._n_training] for name in names]
        if join == "product":
            return self._scaled(np.prod(parts, axis=0))
        mean = self._scaled(parts[0])
        if len(parts) == 1:
            return mean
        for part in parts[1:]:
            mean += self._scaled(part)
        mean /= len(parts)
        return self._scaled(mean)

    def _scaled(self, kernel: Floats) -> Floats:
        """Centre on the training rows and scale to a mean diagonal of 1 on them, or to zeros."""
        column = kernel.mean(axis=1)
        centred: Floats = kernel - column[:, None]
        centred -= column[: self._n_training]
        centred += column[: self._n_training].mean()
        scale = np.diagonal(centred).mean()
        noise = self._n_training * np.finfo(np.float64).eps * np.diagonal(kernel).mean()
        if scale <= noise:
            return np.zeros_like(kernel)
        centred /= scale
        return centred

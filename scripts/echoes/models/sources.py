"""Sources of likeness of silenced genes: networks, screens of other cells, and tables of genes.

A source need not know all silenced genes. Every likeness of genes that it does not know is 0, so
that they are strangers to it, and a perturbation is predicted from the sources that know its gene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
class Likeness:
    """Kernels of chosen sources, made from the cosines of each.

    Parameters
    ----------
    sources
        The sources.
    n_training
        Number of training perturbations, m.
    rate
        A source's kernel is exp(rate · cosine): the larger, the more the nearest genes count.
    """

    sources: Sequence[Source]
    n_training: int
    rate: float

    @property
    def n_rows(self) -> int:
        """Number of perturbations, m + q."""
        return len(self.sources[0].known) if self.sources else self.n_training

    @cached_property
    def _exponentials(self) -> dict[str, Floats]:
        return {
            source.name: np.exp(self.rate * cosines(source, self.n_training))
            for source in self.sources
        }

    def known_to(self, row: int) -> tuple[str, ...]:
        """Names of the sources that know the gene of a perturbation."""
        return tuple(source.name for source in self.sources if source.known[row])

    def rows_of(self, names: Sequence[str]) -> Ints:
        """Training perturbations whose genes all these sources know."""
        parts = [source.known for source in self.sources if source.name in names]
        return np.flatnonzero(np.all(parts, axis=0)[: self.n_training])

    def kernel(self, names: Sequence[str], join: str) -> Floats:
        """Kernel of some sources, (r, r), centred on the training rows, mean diagonal of 1 there.

        Parameters
        ----------
        names
            Names of the sources.
        join
            ``sum``: two genes are alike if they are in one of the sources; each source weighs the
            same. ``product``: they must be alike in all of them.
        """
        parts = [self._exponentials[name] for name in names]
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
        rows = np.arange(self.n_training)
        centred = _centred(kernel, rows)
        scale = np.diagonal(centred)[rows].mean()
        noise = len(rows) * np.finfo(np.float64).eps * np.diagonal(kernel)[rows].mean()
        if scale <= noise:
            return np.zeros_like(kernel)
        centred /= scale
        return centred

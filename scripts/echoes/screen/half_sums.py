"""Deal the cells of each perturbation into two halves, and sum one of them beside the whole.

Halves are dealt in turn along the file, within each perturbation and batch; the cells of the
second half are all that are not in the first one, so that its sums are a difference.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from echoes.io.arrays import Floats, Ints, Strings
from echoes.screen.cell_groups import CellGroups
from echoes.screen.cell_values import add_rows, row_sums
from echoes.screen.halves import Halves

#: Perturbations whose cells are halved: so many at most, for sums of all would need half as much
#: memory again; and no more than have so many cells, which are added twice, if there are enough.
MOST, MOST_CELLS, ENOUGH = 200, 25_000, 50


class HalfSums:
    """Sums of x over the first half of the cells of H perturbations, while they are made.

    Parameters
    ----------
    groups
        The group of each cell.
    genes
        Number of genes of the matrix.

    Attributes
    ----------
    chosen
        (H,) positions of the perturbations, sorted.
    cells, control_cells
        (H, B) cells of each perturbation in each batch that are in the first half, and (B,)
        control cells.
    sums
        (H + B, G) sum of x over the cells of the first half; then over its control cells.
    """

    def __init__(self, groups: CellGroups, genes: int) -> None:
        P, B = groups.cells.shape
        self.chosen = _choose(groups)
        row = np.full(P + B + 1, -1, dtype=np.intp)  # the last one is that of cells not used
        row[self.chosen] = np.arange(len(self.chosen))
        row[P : P + B] = len(self.chosen) + np.arange(B)
        self._row = row[groups.codes]
        used = np.flatnonzero(self._row >= 0)
        pair = self._row[used] * B + groups.batch[used]
        order = np.argsort(pair, kind="stable")
        group = self._row[used][order]
        turn = np.arange(len(group)) - np.searchsorted(group, group)
        self._row[used[order[turn % 2 == 1]]] = -1
        mine = self._row >= 0
        pair = self._row[mine] * B + groups.batch[mine]
        counts = np.bincount(pair, minlength=(len(self.chosen) + B) * B).reshape(-1, B)
        self.cells, self.control_cells = counts[:-B], np.diagonal(counts[-B:])
        self.sums = np.zeros((len(self.chosen) + B, genes))

    def add(self, cells: Ints, piece: Any, memory: Floats) -> None:
        """Add some cells, sorted by group.

        Parameters
        ----------
        cells
            Positions of the cells.
        piece
            Their values, a row a cell.
        memory
            Room for as many numbers as the sums of these cells can have.
        """
        row = self._row[cells]
        mine = np.flatnonzero(row >= 0)
        if not len(mine):
            return
        rows, begins = np.unique(row[mine], return_index=True)
        part = piece[mine]
        genes = self.sums.shape[1]
        pointers = part.indptr[np.append(begins, len(mine))]
        room = memory[: len(rows) * genes].reshape(-1, genes)
        add_rows(self.sums, rows, row_sums(part.data, part.indices, pointers, genes, room))

    def add_columns(self, genes: slice, cells: Any, values: Floats, pointers: Any) -> None:
        """Set the sums of some genes, given the cell and the value of each of their entries."""
        width = len(self.sums)
        row = self._row[cells]
        row[row < 0] = width
        self.sums[:, genes] = row_sums(values, row, pointers, width + 1)[:, :width].T


def _choose(groups: CellGroups) -> Ints:
    """Choose perturbations with two cells or more: at random, but by their names alone."""
    cells = groups.cells.sum(axis=1)
    several = np.flatnonzero(cells > 1)
    digests = [blake2b(name.encode()).digest() for name in groups.perturbations[several].tolist()]
    order = several[sorted(range(len(several)), key=digests.__getitem__)].astype(np.intp)
    few = int(np.searchsorted(np.cumsum(cells[order]), MOST_CELLS, side="right"))
    return np.sort(order[: min(MOST, max(ENOUGH, few))])


def halves_of(
    first: HalfSums, whole: Floats, groups: CellGroups, genes: Strings, kept: Ints
) -> Halves:
    """Compute the effects of both halves, as those of the whole are computed.

    Parameters
    ----------
    first
        Sums of the first half.
    whole
        (P + B, G) sums of all cells, as `CellSums` has them.
    groups
        The group of each cell.
    genes
        (G,) names of the genes of the matrix.
    kept
        Positions of the genes to keep.

    Returns
    -------
    Halves
        A batch with one control cell compares both halves with it.
    """
    chosen, P = first.chosen, len(groups.perturbations)
    H = len(chosen)
    controls = whole[P:, kept]
    sums, cells, control_cells = first.sums[:, kept], first.cells, first.control_cells
    rest = np.vstack([whole[chosen][:, kept], controls]) - sums
    others = groups.cells[chosen] - cells
    effects = []
    for part, n, n_control in (
        (sums, cells, control_cells),
        (rest, others, groups.control_cells - control_cells),
    ):
        means = part[H:] / np.maximum(n_control, 1)[:, None]
        means[n_control == 0] = controls[n_control == 0]
        total = n.sum(axis=1, keepdims=True)
        effects.append(part[:H] / total - (n / total) @ means)
    totals = np.stack([cells.sum(axis=1), others.sum(axis=1)])
    return Halves(groups.perturbations[chosen], genes[kept], np.stack(effects), totals)

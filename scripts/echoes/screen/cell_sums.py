"""Sums over the cells of each perturbation, in one or two passes over a file.

The value of a gene in a cell is x = log2(1 + 10⁴·UMI/total). Per perturbation the sums of x are
kept, per gene that of x². The order in which they are added up follows from the file and the size
of its blocks, never from the number of threads.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.h5ad_matrix import Block, StoredMatrix, blocks
from echoes.screen.cell_groups import CellGroups
from echoes.screen.cell_values import (
    COUNTS,
    WrongValueError,
    add_rows,
    canonical,
    check_scale,
    row_sums,
    used_only,
    wrong_value,
)
from echoes.screen.half_sums import HalfSums
from echoes.screen.scale import TOTAL, to_log2

# Cells that one thread takes at a time, so that its values stay in the processor's cache.
_CELLS = 128
# Values of the sums that a block of columns may have.
_COLUMN_VALUES = 4_000_000
_COLUMN_ENTRIES = 8_000_000
# log2 of a number is so many times its natural logarithm.
_LOG2_E = math.log2(math.e)


@dataclass(frozen=True)
class CellSums:
    """Sums over cells: P perturbations, B batches, G genes, n cells.

    Parameters
    ----------
    sums
        (P + B, G) sum of x over the cells of each perturbation, then over the control cells of
        each batch; log2 units.
    squares
        (G,) sum of x² over all cells that are used.
    perturbed
        (B, G) sum of x over the cells of perturbations in each batch.
    control_shares
        (B, G) sum of 10⁴·UMI/total over the control cells of each batch.
    silenced_shares
        (P,) the same of the silenced gene over the cells of each perturbation; NaN where the
        matrix does not have this gene.
    molecules
        (n,) UMIs of each cell that is used, else 0; None unless the matrix has counts.
    detected
        (n,) genes above 0 in each cell that is used, else 0.
    """

    sums: Floats
    squares: Floats
    perturbed: Floats
    control_shares: Floats
    silenced_shares: Floats
    molecules: Floats | None
    detected: Ints

    def of_genes(self, genes: Ints) -> CellSums:
        """Keep the sums of some genes alone; all that is of cells or silenced genes stays."""
        if len(genes) == len(self.squares):
            return self
        return dataclasses.replace(
            self,
            sums=self.sums[:, genes],
            squares=self.squares[genes],
            perturbed=self.perturbed[:, genes],
            control_shares=self.control_shares[:, genes],
        )


@dataclass(frozen=True)
class Part:
    """Some cells of a block, sorted by group.

    Parameters
    ----------
    block
        The block.
    rows
        Positions of the cells in it.
    groups
        Different groups of these cells, sorted.
    bounds
        Where the cells of each group begin in `rows`, and where the last ones end.
    """

    block: Block
    rows: Ints
    groups: Ints
    bounds: Ints


Job = list[Part]


class _Memory(threading.local):
    """Arrays that a thread uses again and again; new ones would cost as much as the sums."""

    def __init__(self) -> None:
        self._arrays: dict[str, Floats] = {}

    def take(self, name: str, length: int) -> Floats:
        """Give an array of this length; what was in it is lost."""
        if name not in self._arrays or len(self._arrays[name]) < length:
            self._arrays[name] = np.empty(length + length // 4)
        return self._arrays[name][:length]


def sum_cells(
    matrix: StoredMatrix,
    groups: CellGroups,
    targets: Ints,
    *,
    scale: str,
    threads: int,
    first_half: HalfSums | None = None,
    block_entries: int | None = None,
) -> CellSums:
    """Sum the values of the cells of each group.

    Parameters
    ----------
    matrix
        The matrix, of cells and genes.
    groups
        The group of each cell.
    targets
        (P,) position of the silenced gene of each perturbation; −1 if the matrix has none.
    scale
        ``counts`` if the matrix has molecule counts, which is checked; or ``log2``, ``ln`` or
        ``log10`` if it has this logarithm of 1 + 10⁴·share.
    threads
        Threads to compute with, beside one that reads; they do not change the result.
    first_half
        What the sums of the first half of the cells are added to; None to leave them out.
    block_entries
        Entries that are read at a time; None for a number that needs about 0.7 GB.

    Raises
    ------
    InputError
        When a value is not on the scale, or the file is damaged.
    """
    pass_over = _Pass(matrix, groups, targets, scale, first_half, block_entries)
    try:
        if matrix.kind == "csc":
            pass_over.by_columns()
        else:
            with ThreadPoolExecutor(threads) as pool:
                pass_over.by_rows(pool)
    except WrongValueError as error:
        raise wrong_value(matrix, error, scale) from error
    return pass_over.result()


class _Pass:
    """The sums while they are made."""

    def __init__(
        self,
        matrix: StoredMatrix,
        groups: CellGroups,
        targets: Ints,
        scale: str,
        first_half: HalfSums | None,
        block_entries: int | None,
    ) -> None:
        cells, genes = matrix.shape
        self.matrix, self.groups, self.targets, self.scale = matrix, groups, targets, scale
        self.first_half, self.block_entries = first_half, block_entries
        self.P, self.B = len(groups.perturbations), len(groups.batches)
        self.memory = _Memory()
        self.sums = np.zeros((self.P + self.B, genes))
        self.squares = np.zeros(genes)
        self.perturbed = np.zeros((self.B, genes))
        self.control_shares = np.zeros((self.B, genes))
        self.silenced_shares = np.zeros(self.P)
        self.molecules = np.zeros(cells)
        self.detected = np.zeros(cells, dtype=np.intp)
        used = groups.codes >= 0
        # The batch of each cell of a perturbation.
        self.batch = np.where(used & (groups.codes < self.P), groups.batch, -1)

    def result(self) -> CellSums:
        """Give the sums."""
        if self.scale == COUNTS:
            self.sums *= _LOG2_E
            self.perturbed *= _LOG2_E
            self.squares *= _LOG2_E**2
            if self.first_half is not None:
                self.first_half.sums *= _LOG2_E
        perturbed = self.perturbed
        if self.B == 1:
            perturbed = self.sums[: self.P].sum(axis=0, keepdims=True)
        return CellSums(
            sums=self.sums,
            squares=self.squares,
            perturbed=perturbed,
            control_shares=self.control_shares,
            silenced_shares=np.where(self.targets >= 0, self.silenced_shares, np.nan),
            molecules=self.molecules if self.scale == COUNTS else None,
            detected=self.detected,
        )

    def by_rows(self, pool: ThreadPoolExecutor) -> None:
        """Take a matrix that is stored by rows, in one pass."""
        for block in blocks(self.matrix, self.block_entries):
            jobs = _jobs(self.groups.codes, block)
            # In the order of the jobs, whichever is ready first.
            for squares in pool.map(self._add, jobs):
                self.squares += squares
            if self.B > 1:
                for _ in pool.map(self._add_to_batches, _jobs(self.batch, block)):
                    pass

    def _logarithms(self, block: Block, rows: Ints) -> tuple[Any, Floats | None]:
        """Take rows out of a block, as logarithms, and as 10⁴·share if the matrix has counts."""
        piece = canonical(block.values[rows])
        lengths = np.diff(piece.indptr)
        check_scale(piece, self.scale, block.first + rows, by="rows")
        if self.scale != COUNTS:
            piece.data = to_log2(piece.data.astype(np.float64), self.scale)
            return piece, None
        begins = piece.indptr[:-1][lengths > 0]
        totals = np.zeros(len(rows))
        if len(begins):
            totals[lengths > 0] = np.add.reduceat(piece.data, begins, dtype=np.float64)
        self.molecules[block.first + rows] = totals
        # A cell without molecules has no entry.
        shares = np.repeat(TOTAL / np.where(totals > 0, totals, 1.0), lengths)
        shares *= piece.data
        # In natural logarithms, which are faster; `result` makes log2 of their sums.
        piece.data = np.log1p(shares, out=self.memory.take("x", len(shares)))
        return piece, shares

    def _add(self, job: Job) -> Floats:
        """Add cells of some groups; return their sum of squares."""
        total = np.zeros(self.matrix.shape[1])
        for part in job:
            total += self._add_part(part)
        return total

    def _add_part(self, part: Part) -> Floats:
        genes = self.matrix.shape[1]
        piece, shares = self._logarithms(part.block, part.rows)
        self.detected[part.block.first + part.rows] = np.diff(piece.indptr)
        pointers = piece.indptr[part.bounds]
        memory = self.memory.take("sums", len(part.groups) * genes).reshape(-1, genes)
        added = row_sums(piece.data, piece.indices, pointers, genes, memory)
        add_rows(self.sums, part.groups, added)
        if self.first_half is not None:
            self.first_half.add(part.block.first + part.rows, piece, memory.ravel())
        # Control cells stand behind all others.
        begin = int(np.searchsorted(part.groups, self.P))
        if begin < len(part.groups):
            tail = pointers[begin:]
            here = slice(tail[0], tail[-1])
            values = _shares(piece.data[here]) if shares is None else shares[here]
            added = row_sums(values, piece.indices[here], tail - tail[0], genes)
            add_rows(self.control_shares, part.groups[begin:] - self.P, added)
        self._add_silenced(part, piece, shares)
        squares = np.square(piece.data, out=self.memory.take("x", len(piece.data)))
        ends = np.array([0, len(squares)])
        of_genes: Floats = row_sums(squares, piece.indices, ends, genes)[0]
        return of_genes

    def _add_silenced(self, part: Part, piece: Any, shares: Floats | None) -> None:
        """Add what cells have of the gene that is silenced in them."""
        codes = np.repeat(part.groups, np.diff(part.bounds))
        wanted = np.append(self.targets, [-1] * self.B)[codes].astype(piece.indices.dtype)
        found = np.flatnonzero(np.repeat(wanted, np.diff(piece.indptr)) == piece.indices)
        group = codes[np.searchsorted(piece.indptr, found, side="right") - 1]
        level = _shares(piece.data[found]) if shares is None else shares[found]
        np.add.at(self.silenced_shares, group, level)

    def _add_to_batches(self, job: Job) -> None:
        """Add cells of perturbations to the sums of their batches."""
        for part in job:
            piece, _ = self._logarithms(part.block, part.rows)
            pointers = piece.indptr[part.bounds]
            added = row_sums(piece.data, piece.indices, pointers, self.matrix.shape[1])
            add_rows(self.perturbed, part.groups, added)

    def by_columns(self) -> None:
        """Take a matrix that is stored by columns: first the total of each cell, then the sums."""
        cells = self.matrix.shape[0]
        used = self.groups.codes >= 0
        step = max(1, _COLUMN_VALUES // (self.P + self.B + 1))
        limit = _COLUMN_ENTRIES if self.block_entries is None else self.block_entries
        for block in blocks(self.matrix, limit):
            piece = used_only(canonical(block.values), used)
            genes = block.first + np.arange(piece.shape[1])
            check_scale(piece, self.scale, genes, by="columns")
            self.molecules += np.bincount(piece.indices, piece.data, minlength=cells)
            self.detected += np.bincount(piece.indices, minlength=cells)
        with np.errstate(divide="ignore"):
            factor = TOTAL / self.molecules
        for block in blocks(self.matrix, limit):
            whole = used_only(canonical(block.values), used)
            for begin in range(0, whole.shape[1], step):
                self._columns(whole[:, begin : begin + step], block.first + begin, factor)

    def _columns(self, piece: Any, first: int, factor: Floats) -> None:
        genes = slice(first, first + piece.shape[1])
        if self.scale == COUNTS:
            shares = piece.data * factor[piece.indices]
            values = np.log1p(shares)
        else:
            values = to_log2(piece.data.astype(np.float64), self.scale)
            shares = _shares(values)
        codes = self.groups.codes[piece.indices]
        count = self.P + self.B
        self.sums[:, genes] = row_sums(values, codes, piece.indptr, count).T
        if self.first_half is not None:
            self.first_half.add_columns(genes, piece.indices, values, piece.indptr)
        level = row_sums(shares, codes, piece.indptr, count).T
        self.control_shares[:, genes] = level[self.P :]
        here = np.flatnonzero((self.targets >= first) & (self.targets < genes.stop))
        self.silenced_shares[here] = level[here, self.targets[here] - first]
        alike = np.zeros(len(values), dtype=np.intp)
        self.squares[genes] = row_sums(np.square(values), alike, piece.indptr, 1)[:, 0]
        if self.B > 1:
            batch = self.batch[piece.indices]
            batch[batch < 0] = self.B
            added = row_sums(values, batch, piece.indptr, self.B + 1)
            self.perturbed[:, genes] = added[:, : self.B].T


def _jobs(codes: Ints, block: Block) -> Iterator[Job]:
    """Cut the cells of a block into parts, so that all parts of a group are in one job.

    No two threads add to the same sum then.
    """
    mine = codes[block.first : block.first + block.values.shape[0]]
    order = np.argsort(mine, kind="stable")
    order = order[np.searchsorted(mine[order], 0) :]
    group = mine[order]
    begin = 0
    while begin < len(group):
        last = group[min(begin + _CELLS, len(group)) - 1]
        end = int(np.searchsorted(group, last, side="right"))
        # Whole groups, but a group of many cells is taken in several parts.
        cuts = [begin, end]
        if end - begin > 2 * _CELLS:
            cuts = [*range(begin, end, _CELLS), end]
        yield [
            Part(block, order[a:b], groups, np.append(bounds, b - a))
            for a, b in itertools.pairwise(cuts)
            for groups, bounds in [np.unique(group[a:b], return_index=True)]
        ]
        begin = end


def _shares(values: Floats) -> Floats:
    """Compute 10⁴·share from log2(1 + 10⁴·share)."""
    shares: Floats = np.expm1(values * math.log(2))
    return shares

"""What of a run fits into its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.report.page.run import Explored, Perturbation, Run

#: Most bytes of numbers, as base64: of the measured values and the first experiment; and of the
#: next ones together with these, but the second is always shown where both fit in the first limit.
MOST_BYTES = 34_000_000
MORE_BYTES = 12_000_000


@dataclass(frozen=True)
class Shown:
    """What of a run fits into the page.

    Parameters
    ----------
    genes
        Places of the response genes that are shown.
    explored
        The experiments that are shown.
    left_out
        Names of those that are not.
    """

    genes: Ints
    explored: Sequence[Explored]
    left_out: Sequence[str]


def most_explored(measured: int, rows: int, genes: int) -> int:
    """Count the experiments that may fit into a page; others need not be read.

    Parameters
    ----------
    measured, rows, genes
        Perturbations that were measured, all perturbations, and response genes.
    """
    for_one = 2 * rows * genes * 4 / 3
    if 2 * measured * genes * 4 / 3 + for_one > MOST_BYTES:
        # Not even all genes of one fit.
        return 1
    left = MORE_BYTES - 2 * measured * genes * 4 / 3
    return max(2, int(left / for_one)) if for_one else 2


def choose(run: Run) -> Shown:
    """Choose what fits: all experiments, or the first ones; all genes, or those that vary most.

    Genes that are silenced are kept before others.
    """
    rows, count = len(run.perturbations), len(run.genes)
    measured = len(run.truth)
    errors = {one.name: _error_rows(run, one) for one in run.explored}

    def size(explored: Sequence[Explored], genes: int) -> float:
        values = 2 * measured + sum(2 * rows + errors[one.name] for one in explored)
        return values * genes * 4 / 3

    explored = list(run.explored[:1])
    kept = count
    if size(explored, count) > MOST_BYTES:
        kept = max(int(MOST_BYTES / size(explored, 1)), 1)
    for position, one in enumerate(run.explored[1:], 2):
        limit = MOST_BYTES if position == 2 else MORE_BYTES
        if kept == count and size([*explored, one], count) <= limit:
            explored.append(one)
    names = {one.name for one in explored}
    left_out = [one.name for one in run.explored if one.name not in names]
    left_out += run.unexplored
    genes = np.arange(count)
    if kept < count:
        squares, known = np.zeros(count), np.zeros(count)
        for values in run.truth:
            finite = np.isfinite(values)
            squares += np.where(finite, values, 0.0) ** 2
            known += finite
        size_of = squares / np.maximum(known, 1)
        own = [place for each in run.perturbations for place in each.own]
        size_of[own] += 1 + size_of.max()
        genes = np.sort(np.argsort(-size_of, kind="stable")[:kept])
    return Shown(genes, explored, left_out)


def share_rows(error: Floats, perturbations: Sequence[Perturbation]) -> tuple[Floats, list[int]]:
    """Find the different rows of expected errors: those of one fit are the same.

    Parameters
    ----------
    error
        (r, G) expected errors.
    perturbations
        The r perturbations; entries of their silenced genes, which have errors of their own, do
        not count.

    Returns
    -------
    tuple
        (u, G) the different rows, and the place of each of the r rows among them.
    """
    different: list[Floats] = []
    owns: list[set[int]] = []
    places: list[int] = []
    by_hash: dict[bytes, list[int]] = {}
    own_genes = sorted({place for each in perturbations for place in each.own})
    plain = np.ones(error.shape[1], dtype=np.bool_)
    plain[own_genes] = False
    for row, each in zip(error, perturbations, strict=True):
        candidates = by_hash.setdefault(row[plain].tobytes(), [])
        for place in candidates:
            unequal = set(np.flatnonzero(~_same(row, different[place])).tolist())
            if unequal <= owns[place] | {*each.own}:
                # What was the own gene of an earlier row is known from this one.
                for gene in owns[place] - {*each.own}:
                    different[place][gene] = row[gene]
                owns[place] &= {*each.own}
                places.append(place)
                break
        else:
            candidates.append(len(different))
            places.append(len(different))
            different.append(row.copy())
            owns.append({*each.own})
    return np.array(different).reshape(-1, error.shape[1]), places


def _same(one: Floats, other: Floats) -> Bools:
    same: Bools = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def _error_rows(run: Run, one: Explored) -> int:
    return 0 if one.error is None else len(share_rows(one.error, run.perturbations)[0])

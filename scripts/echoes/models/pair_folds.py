"""Folds of a screen with pairs: what each holds out, and what it may learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from echoes.io.arrays import Bools, Ints
from echoes.models.inner_loop import assign_folds
from echoes.scoring.out_of_fold import HeldOutPart


@dataclass(frozen=True)
class PairFolds:
    """Rows of F folds.

    Parameters
    ----------
    held_out
        Rows that each fold scores; each row is in one fold.
    extra
        Rows of single genes that a fold hides from pairs: it predicts them too, for their sums,
        and scores them elsewhere.
    training
        Rows that each fold learns from.
    genes_seen
        (n,) how many of a pair's genes its fold learns from alone; −1 for single genes.
    """

    held_out: list[Ints]
    extra: list[Ints]
    training: list[Ints]
    genes_seen: Ints

    def rows(self) -> list[Ints]:
        """List the rows that each fold predicts."""
        return [np.concatenate(both) for both in zip(self.held_out, self.extra, strict=True)]


def folds_of_pairs(sets: Sequence[tuple[str, ...]], crossval: Mapping[str, Any]) -> PairFolds:
    """Make the folds that the settings of an experiment ask for; see `pair_folds`."""
    pairs = crossval["pairs"]
    return pair_folds(
        sets,
        crossval["folds"],
        pairs["genes_seen"],
        learn_from_pairs=pairs["pairs_of_held_out"] == "learn",
    )


def pair_folds(
    sets: Sequence[tuple[str, ...]],
    folds: int | None,
    genes_seen: Sequence[int],
    *,
    learn_from_pairs: bool,
) -> PairFolds:
    """Assign single genes and pairs to folds.

    Single genes are held out as in other screens. Of pairs, the first by name is held
    out with as many of its genes learnt from alone as `genes_seen` says first, the second as it
    says next, and so on.

    Parameters
    ----------
    sets
        (n,) genes of each perturbation.
    folds
        Number of folds of single genes, and of the pairs of each kind; None for one single gene
        or pair at a time.
    genes_seen
        Numbers of genes of a pair that are learnt from alone, if they were silenced alone.
    learn_from_pairs
        Whether to learn from pairs that have a gene which the fold holds out.
    """
    single = np.array([len(one) == 1 for one in sets])
    number = {one: i for i, one in enumerate(sorted({s for s in sets if len(s) > 1}))}
    kinds = [
        -1 if alone else genes_seen[number[one] % len(genes_seen)]
        for one, alone in zip(sets, single.tolist(), strict=True)
    ]
    rank = {one: i for i, one in enumerate(sorted(set(sets)))}
    result = PairFolds([], [], [], np.full(len(sets), -1))
    for kind in (-1, *genes_seen):
        rows = np.flatnonzero(np.array(kinds) == kind)
        groups = [rank[sets[row]] for row in rows.tolist()]
        for fold in assign_folds(groups, folds or max(len(groups), 1)) if groups else []:
            held_out = rows[fold]
            hidden = set()
            for row in held_out.tolist():
                one = sets[row]
                # Which gene stays takes turns, too.
                turn = 0 if kind < 0 else number[one] // len(genes_seen) % len(one)
                turned = (*one[turn:], *one[:turn])
                hidden |= set(one if kind < 0 else turned[max(kind, 0) :])
            _add_fold(result, sets, single, held_out, hidden, learn_from_pairs)
    return result


def _add_fold(
    result: PairFolds,
    sets: Sequence[tuple[str, ...]],
    single: Bools,
    held_out: Ints,
    hidden: set[str],
    learn_from_pairs: bool,
) -> None:
    """Add the fold that holds some rows out and hides some genes."""
    scored = set(held_out.tolist())
    has_hidden = np.array([not hidden.isdisjoint(one) for one in sets])
    keep = ~has_hidden | (~single & learn_from_pairs)
    keep[held_out] = False
    extra: dict[str, int] = {}
    for row in np.flatnonzero(single & has_hidden).tolist():
        if row not in scored:
            extra.setdefault(sets[row][0], row)
    alone = {sets[row][0] for row in np.flatnonzero(single & keep).tolist()}
    for row in held_out[~single[held_out]].tolist():
        result.genes_seen[row] = len(alone & set(sets[row]))
    result.held_out.append(held_out)
    result.extra.append(np.array(list(extra.values()), dtype=np.intp))
    result.training.append(np.flatnonzero(keep))


def drop_extra(part: HeldOutPart, folds: Sequence[Ints], extra: Sequence[Ints]) -> HeldOutPart:
    """Leave out the predictions of extra rows, which other folds are scored on.

    Parameters
    ----------
    part
        Predictions of the rows of each fold, the extra ones last.
    folds, extra
        Rows of each fold that are scored, and extra ones.
    """
    kept = [np.arange(len(a) + len(b)) < len(a) for a, b in zip(folds, extra, strict=True)]
    keep = np.concatenate([np.zeros(0, dtype=np.bool_), *kept])
    rows = ("rows", "fold", "prediction", "spread")
    return replace(part, **{name: getattr(part, name)[keep] for name in rows})

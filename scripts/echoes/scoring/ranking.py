"""How well predictions rank: AUROC and average precision of each gene and of each perturbation.

Two questions are asked of each measured pair of a perturbation and a gene:

``de``
    Is the gene differentially expressed: is the absolute effect at least the threshold?
``up``
    Of those that are: is the effect above 0?

The score that ranks the pairs is relative to the mean prediction c of the same fitted model for
its training perturbations: ŷ − c for ``up``, |ŷ| − |c| for ``de``. Within a gene and a fold this
is the order of ŷ or |ŷ| itself. A constant prediction has scores of 0, and gets exactly what
chance gives; in folds it would otherwise rank below chance, because the mean of the others is low
where a response is high.

Effects may be labels: 0 and 1, with or without −1. Labels without −1 say nothing of the
direction, and ŷ − c is the score of ``de`` too. Of measured effects the silenced gene of each
perturbation is left out: that it falls is known. Labels count as they are given.
"""

from __future__ import annotations

import argparse

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, row_blocks
from echoes.io.command import between

#: Names of the questions.
QUESTIONS = ("de", "up")
#: Names of the figures; the prevalence is the share of positives, which AP has by chance.
FIGURES = ("auroc", "ap", "prevalence")
#: Rows that are sorted at a time, so that memory stays small.
_ROWS = 256


def add_option(options: argparse.ArgumentParser) -> None:
    """Add the option of a command for the threshold of `rank_metrics`."""
    options.add_argument(
        "--ranking-threshold",
        nargs="?",
        type=between(0),
        help="absolute effect that makes a gene differentially expressed; without, no rankings",
    )


def rank_metrics(
    truth: Floats,
    prediction: Floats,
    centre: Floats,
    silenced: Ints,
    threshold: float,
    fit: Ints | None = None,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Compute AUROC and average precision for both questions.

    Parameters
    ----------
    truth, prediction
        (n, G) effects or labels, NaN where not measured, and predictions of them.
    centre
        (F, G) mean prediction for the training perturbations by each fitted model.
    silenced
        (n,) position of each silenced gene among the G; −1 where it is not measured.
    threshold
        Smallest absolute effect of a differentially expressed gene, log2 units. For labels any
        number above 0 and up to 1.
    fit
        (n,) number of the model that predicts each row; None where each row has one of its own.

    Returns
    -------
    perturbations, genes : dict
        Name, such as ``auroc_de_perturbation`` or ``ap_up_gene`` → (n,) or (G,) values; NaN where
        pairs are of one class only.
    """
    n, count = truth.shape
    fit = np.arange(n) if fit is None else fit
    labels, fallen = True, False
    for rows in row_blocks(n, count):
        values = truth[rows][~np.isnan(truth[rows])]
        labels = labels and bool(np.isin(values, (-1.0, 0.0, 1.0)).all())
        fallen = fallen or bool((values < 0).any())
    directed = not labels or fallen
    found: dict[str, list[Floats]] = {}

    def add(kind: str, rows: slice, genes: slice) -> None:
        y, c = truth[rows, genes], centre[:, genes][fit[rows]]
        counted = ~np.isnan(y)
        if not labels:
            own = silenced[rows]
            places = np.flatnonzero((own >= genes.start) & (own < genes.stop))
            counted[places, own[places] - genes.start] = False
        change, deviation = np.abs(y) >= threshold, prediction[rows, genes] - c
        size = np.abs(prediction[rows, genes]) - np.abs(c) if directed else deviation
        for question, score, positive, of in (
            ("de", size, change, counted),
            ("up", deviation, y > 0, counted & change),
        ):
            given = (score, positive, of)
            figures = rank_rows(*([each.T for each in given] if kind == "gene" else given))
            for name, values in zip(FIGURES, figures, strict=True):
                found.setdefault(f"{name}_{question}_{kind}", []).append(values)

    for rows in row_blocks(n, count):
        add("perturbation", rows, slice(0, count))
    for genes in row_blocks(count, n):
        add("gene", slice(0, n), genes)
    joined = {name: np.concatenate(values) for name, values in found.items()}
    perturbations = {name: each for name, each in joined.items() if name.endswith("_perturbation")}
    return perturbations, {name: joined[name] for name in joined if name not in perturbations}


def rank_rows(score: Floats, positive: Bools, counted: Bools) -> tuple[Floats, Floats, Floats]:
    """Compute AUROC, average precision and prevalence of each row.

    The AUROC is the probability that a positive has a higher score than a negative, where ties
    count half. The average precision is the sum of precisions at each distinct score, weighted by
    the recall that is gained there. Both agree with scikit-learn's.

    Parameters
    ----------
    score, positive, counted
        (u, m) scores, whether each pair is a positive, and whether it counts at all.

    Returns
    -------
    auroc, ap, prevalence
        (u,) each; NaN where a row has not both classes, or a score that counts is NaN.
    """
    figures = np.full((3, len(score)), np.nan)
    for first in range(0, len(score), _ROWS):
        rows = slice(first, first + _ROWS)
        figures[:, rows] = _rank_block(score[rows], positive[rows], counted[rows])
    auroc, ap, prevalence = figures
    return auroc, ap, prevalence


def _rank_block(score: Floats, positive: Bools, counted: Bools) -> Floats:
    """Compute the three figures of a few rows; (3, u)."""
    # The best come first; what does not count comes last, and is neither a hit nor a miss.
    falling = np.where(counted, -score, np.inf)
    order = np.argsort(falling, axis=1)
    falling = np.take_along_axis(falling, order, axis=1)
    hits = np.take_along_axis(positive & counted, order, axis=1).cumsum(axis=1)
    seen = np.take_along_axis(counted, order, axis=1).cumsum(axis=1)
    positives, total = hits[:, -1], seen[:, -1]
    negatives = total - positives
    # Pairs with equal scores are taken together: the last one of each group stands for it.
    ends = np.ones(falling.shape, dtype=np.bool_)
    ends[:, :-1] = falling[:, 1:] != falling[:, :-1]
    row = np.nonzero(ends)[0]
    starts = np.searchsorted(row, np.arange(len(score)))
    hit, miss = hits[ends], (seen - hits)[ends]
    hits_before, misses_before = _shifted(hit, starts), _shifted(miss, starts)
    # In whole numbers: twice the area below the curve through the groups' ends.
    twice_area = np.add.reduceat((miss - misses_before) * (hit + hits_before), starts)
    recall_gained = (hit - hits_before) / np.maximum(positives, 1)[row]
    precision = hit / np.maximum(hit + miss, 1)
    defined = (positives > 0) & (negatives > 0) & ~np.isnan(falling).any(axis=1)
    figures = (
        twice_area / np.maximum(2 * positives * negatives, 1),
        np.add.reduceat(recall_gained * precision, starts),
        positives / np.maximum(total, 1),
    )
    return np.where(defined, figures, np.nan)


def _shifted(sums: Ints, starts: Ints) -> Ints:
    """Give the running sum of the group before each group; 0 for the first group of a row."""
    before = np.roll(sums, 1)
    before[starts] = 0
    return before

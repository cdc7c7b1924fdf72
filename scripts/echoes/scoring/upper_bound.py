"""How well the best of all models could score: what replicates say about the noise of a screen.

A measured response is the effect of the silenced gene plus noise. A model that knew all effects
would still miss the noise, so its figures are upper bounds. Replicates tell how large the noise is
without knowing the effects: other guides of the same gene, or the other half of the cells. They
are also predictions themselves, but noisy ones, whose figures understate the bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, Ints, Strings
from echoes.scoring.bootstrap import DRAWS, Counts, interval, mean_draws, resample
from echoes.scoring.gaps import fill_gaps, measured_pairs
from echoes.scoring.held_out import compute_metrics
from echoes.scoring.metrics import r_squared, weighted_mae
from echoes.scoring.out_of_fold import OutOfFold
from echoes.scoring.overall import Metrics

#: Figures that are sums over perturbations, and grow with their number.
_SUMS = ("score", "sum_of_terms", "better_than_baseline")
#: What a row of the table is about: a model without an error, or the replicate as a prediction.
BOUND, REPLICATE = "upper_bound", "replicate"


@dataclass(frozen=True)
class Bound:
    """What replicates of r of n perturbations say.

    Parameters
    ----------
    replicates
        ``guides`` or ``cells``.
    perturbations
        (r,) names of those that have replicates.
    n
        Perturbations of the screen.
    noise
        By the name of a figure: for each perturbation an unbiased estimate of the sum of squares of
        the noise, and the sum of squares of what was measured.
    predicted
        Figures of the replicates as predictions: one set, or one for each half of the cells.
    """

    replicates: str
    perturbations: Strings
    n: int
    noise: dict[str, tuple[Floats, Floats]]
    predicted: Sequence[Metrics]

    @property
    def r(self) -> int:
        """Number of perturbations that have a replicate."""
        return len(self.perturbations)

    def bound(self, name: str, counts: Counts | None = None) -> Floats:
        """Figure of a model that misses nothing but the noise, of all or of each bootstrap draw.

        R² is the share of all variation that is no noise, and a correlation the square root of
        the mean share. The mean of square roots would be smaller, but biased where noise prevails.

        Parameters
        ----------
        name
            One of `noise`.
        counts
            (draws, n) how many times each draw contains each perturbation; None for all once.
        """
        noise, square = self.noise[name]
        counts = np.ones((1, len(noise)), dtype=np.int64) if counts is None else counts
        if name == "r2_mean":
            return np.maximum(0.0, r_squared(counts @ noise, counts @ square))
        return np.sqrt(np.maximum(0.0, mean_draws(r_squared(noise, square), counts)))


def bound_of_guides(
    perturbations: Strings,
    truth: Floats,
    weights: Floats,
    baseline: Floats,
    silenced: Ints,
    names: Strings,
    *,
    ranking: float | None = None,
) -> Bound | None:
    """Compare each perturbation with the others of the same gene.

    Parameters
    ----------
    perturbations
        (n,) names of the perturbations.
    truth, weights
        (n, G) measured responses, NaN where not measured, and their weights in the score.
    baseline
        (n,) WMAE of the baseline.
    silenced
        (n,) position of each silenced gene among the G; −1 where it is not measured.
    names
        (n,) name of each silenced gene.
    ranking
        Threshold of differential expression; None for no rankings.

    Returns
    -------
    Bound or None
        None unless two genes or more have several perturbations.
    """
    gene, count = _genes(names)
    if np.count_nonzero(count > 1) < 2:
        return None
    mean, others = _mean_of_others(truth, gene, len(count))
    deviation = truth - mean[gene]
    known, filled = _filled(deviation)
    sums, number = (_sum_genes(values, gene, len(count)) for values in (filled, known))
    rows = np.flatnonzero(count[gene] > 1)
    fits, fold = np.unique(gene[rows], return_inverse=True)
    number = number[gene[rows]] - known[rows]
    replicate = _ratio(sums[gene[rows]] - filled[rows], number)
    deviation, others = deviation[rows], others[gene[rows]]
    # The product of both is what the replicate does not confirm of the square of the deviation:
    # the noise of a row, without that of the mean of the others, which both deviate from.
    unconfirmed = (deviation - replicate) * (1 + 1 / np.maximum(others, 1))
    noise = _sums_of_squares(
        truth[rows], deviation, (deviation, unconfirmed), others, silenced[rows]
    )
    predicted = compute_metrics(
        *(truth[rows], weights[rows], baseline[rows], silenced[rows]),
        _predict(deviation, replicate, mean[fits], fold, silenced[rows]),
        ranking=ranking,
    )
    return Bound("guides", perturbations[rows], len(truth), noise, [predicted])


def bound_of_halves(
    halves: tuple[Floats, Ints],
    perturbations: Strings,
    truth: Floats,
    weights: Floats,
    silenced: Ints,
    names: Strings,
    *,
    n: int,
    ranking: float | None = None,
) -> Bound | None:
    """Compare two halves of the cells of each perturbation.

    Parameters
    ----------
    halves
        (2, r, G) responses measured with each half, and (2, r) its cells.
    perturbations
        (r,) names of the perturbations.
    truth, weights
        (r, G) responses measured with all cells, and their weights in the score.
    silenced
        (r,) position of each silenced gene among the G; −1 where it is not measured.
    names
        (r,) name of each silenced gene.
    n
        Perturbations of the screen, of which r have halves.
    ranking
        Threshold of differential expression; None for no rankings.

    Returns
    -------
    Bound or None
        None unless there are two silenced genes or more.
    """
    gene, count = _genes(names)
    if len(count) < 2:
        return None
    effects, cells = halves
    mean, others = _mean_of_others(truth, gene, len(count))
    means = [_mean_of_others(half, gene, len(count))[0] for half in effects]
    one, other = (half - mean[gene] for half, mean in zip(effects, means, strict=True))
    # The response is the mean of the halves, weighted by their cells.
    share = cells[0] / cells.sum(axis=0)
    half_noise = np.sqrt(share * (1 - share))[:, None] * (one - other)
    noise = _sums_of_squares(
        truth, truth - mean[gene], (half_noise, half_noise), others[gene], silenced
    )
    predicted = []
    for half, centre, mine, replicate in zip(
        effects, means, (one, other), (other, one), strict=True
    ):
        baseline = weighted_mae(half, half.mean(axis=0), weights)
        predictions = _predict(mine, replicate, centre, gene, silenced)
        metrics = compute_metrics(half, weights, baseline, silenced, predictions, ranking=ranking)
        predicted.append(metrics)
    return Bound("cells", perturbations, n, noise, predicted)


def upper_bound_table(bounds: Sequence[Bound], seed: int) -> pd.DataFrame:
    """Make a table of upper bounds and of replicates as predictions, with 95 % intervals.

    Parameters
    ----------
    bounds
        What each kind of replicates says.
    seed
        Seed of the bootstrap over perturbations.

    Returns
    -------
    pandas.DataFrame
        One row for each kind of replicates, kind of figure and figure; none without bounds. Sums
        over perturbations are scaled up from those that have replicates to all of the screen.
    """
    rows: list[tuple[object, ...]] = []
    for bound in bounds:
        counts = resample(bound.r, DRAWS, seed, bound.perturbations)
        start = bound.replicates, bound.r, bound.n
        for name in bound.noise:
            limits = interval(bound.bound(name, counts))
            rows.append((*start, BOUND, name, float(bound.bound(name)[0]), *limits))
        for name in bound.predicted[0].overall_names:
            scale = bound.n / bound.r if name in _SUMS else 1.0
            value = np.mean([each.overall(name) for each in bound.predicted])
            draws = np.mean([each.draws(name, counts) for each in bound.predicted], axis=0)
            low, high = interval(scale * draws)
            rows.append((*start, REPLICATE, name, scale * float(value), low, high))
    columns = ["replicates", "with_replicates", "perturbations", "kind", "metric"]
    return pd.DataFrame(rows, columns=[*columns, "value", "lower", "upper"])


def _genes(names: Strings) -> tuple[Ints, Ints]:
    """Give the number of each row's gene, from 0, and how many rows each gene has."""
    _, gene, count = np.unique(names, return_inverse=True, return_counts=True)
    return gene, count


def _filled(values: Floats) -> tuple[Floats, Floats]:
    """Mark measured entries with 1, and give values with gaps of 0."""
    measured = measured_pairs(values)
    # One column stands for all where there is no gap.
    known = np.ones((len(values), 1)) if measured is True else measured.astype(np.float64)
    return known, fill_gaps(values, measured)


def _sum_genes(values: Floats, gene: Ints, genes: int) -> Floats:
    """Sum the rows of each gene."""
    sums = np.zeros((genes, values.shape[1]))
    np.add.at(sums, gene, values)
    return sums


def _ratio(sums: Floats, number: Floats) -> Floats:
    """Divide sums by numbers; NaN where there is none."""
    return np.where(number > 0, sums / np.maximum(number, 1), np.nan)


def _mean_of_others(rows: Floats, gene: Ints, genes: int) -> tuple[Floats, Floats]:
    """Mean over the measured rows of all other genes, one a gene, and how many rows these are."""
    known, filled = _filled(rows)
    others = known.sum(axis=0) - _sum_genes(known, gene, genes)
    return _ratio(filled.sum(axis=0) - _sum_genes(filled, gene, genes), others), others


def _predict(
    deviation: Floats, replicate: Floats, mean: Floats, fold: Ints, silenced: Ints
) -> OutOfFold:
    """Predict the mean of the others, and the replicate's deviation times one slope.

    The slope of a gene is that of least squares in the rows of all others, 0 at least; silenced
    genes are left out of it. Where the replicate was not measured the prediction is the mean.
    """
    kept, x, y = _kept(silenced, replicate, deviation)
    square, product = (np.bincount(fold, np.vecdot(kept * x, other)) for other in (x, y))
    square, product = square.sum() - square, product.sum() - product
    slope = np.maximum(0.0, product) / np.where(square > 0, square, 1.0)
    fits, rows = len(mean), len(deviation)
    _, centre = _filled(mean)
    return OutOfFold(
        rows=np.arange(rows),
        prediction=centre[fold] + slope[fold, None] * _filled(replicate)[1],
        fold=fold,
        centre=centre,
        mean=mean,
        spread=np.empty((rows, 0)),
        quantiles=np.empty((fits, 0)),
        inner_score=np.full(fits, np.nan),
        seconds=np.zeros(fits),
        choices={},
    )


def _kept(silenced: Ints, *arrays: Floats) -> list[Floats]:
    """Mark entries (r, G) that are measured in all arrays and not silenced; fill the others."""
    measured = measured_pairs(np.sum(arrays, axis=0))
    kept = fill_gaps(np.ones_like(arrays[0]), measured)
    rows = np.flatnonzero(silenced >= 0)
    kept[rows, silenced[rows]] = 0
    return [kept, *(fill_gaps(values, measured) for values in arrays)]


def _sums_of_squares(
    truth: Floats, deviation: Floats, noise: tuple[Floats, Floats], others: Floats, silenced: Ints
) -> dict[str, tuple[Floats, Floats]]:
    """Sum the squares of noise and of what was measured, as `Bound.noise` has them.

    Parameters
    ----------
    truth, deviation
        (r, G) responses, and their deviations from the mean of the others.
    noise
        Two arrays (r, G) whose product is expected to be the square of the noise of a deviation,
        also after each of them was centred; NaN where there is no replicate.
    others
        (r, G) or (r, 1) number of the others.
    silenced
        (r,) position of each silenced gene, −1 for none.
    """
    # Responses do not have the noise of the mean that deviations are from.
    alone = noise[1] * (others / (others + 1))
    every, total, u, v = _kept(np.full(len(truth), -1), truth, noise[0], alone)
    control = _centred_squares(total, u, v, every)
    kept, y, u, v = _kept(silenced, deviation, *noise)
    return {
        "pearson_control": control,
        "pearson_mean": _centred_squares(y, u, v, kept),
        "r2_mean": (np.vecdot(kept * u, v), np.vecdot(kept * y, y)),
    }


def _centred_squares(total: Floats, u: Floats, v: Floats, kept: Floats) -> tuple[Floats, Floats]:
    """Sum u·v and total² over the kept entries of each row, all three centred."""
    x, u, v = (_centre(values, kept) for values in (total, u, v))
    square = np.vecdot(x, x)
    # What rounding leaves of a constant row is not variation.
    rounding = (np.finfo(np.float64).eps * total.shape[1]) ** 2 * np.vecdot(total, total)
    return np.vecdot(u, v), np.where(square > rounding, square, 0.0)


def _centre(values: Floats, kept: Floats) -> Floats:
    """Subtract the mean of the kept entries of each row; the others become 0."""
    values = kept * values
    count = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    centred: Floats = kept * (values - values.sum(axis=1, keepdims=True) / count)
    return centred

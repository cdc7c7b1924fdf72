"""How exactly the metrics of a single perturbation are known: they are sums over genes.

Genes that respond together tell the same thing many times over, so that thousands of genes count
like a few dozen independent ones. How many these are is seen in the screen itself: measured
deviations of different perturbations would be uncorrelated if genes were many and independent,
and the more alike genes respond, the more these correlations scatter around 0.

A metric of a perturbation is a smooth function of sums over genes. To first order it is itself a
sum, whose terms, the influences of single genes, have a sum of squares that is the variance for
independent genes [1]_. Genes that are correlated widen it by the ratio of the number of genes to
the number of independent ones, the design effect [2]_, here for products and squares, as all
these metrics have them.

The intervals hold what would differ if the same perturbation were seen in other genes like these,
with the noise of their measurement. They do not hold how a model would differ that had learnt from
other perturbations.

References
----------
.. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993,
   chapter 21 (the delta method by influence functions).
.. [2] L. Kish, "Survey Sampling", Wiley, 1965.
"""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats
from echoes.scoring.gaps import fill_gaps, measured_pairs
from echoes.scoring.metrics import MAXIMAL_TERM, Positions, kept_entries

#: Metrics that have an interval.
METRICS = ("term", "mae", "pearson_control", "pearson_mean", "r2_mean")
#: Share of intervals that hold the value.
LEVEL = 0.95
#: With fewer perturbations, or fewer independent genes, nothing can be said of the scatter.
FEWEST = 6
#: Rows at a time, to save memory.
_BLOCK = 128

Bounds = tuple[Floats, Floats]


def independent_genes(truth: Floats, silenced: Positions) -> float:
    """Count the independent genes that would scatter as the genes of a screen do.

    Correlations of n unrelated vectors of m independent numbers have a mean square of 1/m. The
    correlations here are those of measured deviations from the mean response, so that perturbations
    that are related make m smaller, and intervals wider.

    Parameters
    ----------
    truth
        (n, G) measured responses; NaN where not measured.
    silenced
        (n,) position of each row's silenced gene, which is left out of that row, or (n, s) of sets
        of genes; −1 for none.

    Returns
    -------
    float
        From 1 to G; NaN with fewer than `FEWEST` perturbations that vary.
    """
    measured = measured_pairs(truth)
    kept = fill_gaps(np.ones_like(truth), measured)
    for column in np.atleast_2d(silenced.T):
        rows = np.flatnonzero(column >= 0)
        kept[rows, column[rows]] = 0
    x = kept * fill_gaps(truth, measured)
    for axis in (0, 1):
        count = np.maximum(kept.sum(axis=axis, keepdims=True), 1)
        x -= kept * (x.sum(axis=axis, keepdims=True) / count)
    # Over the genes that both have: without gaps these are the lengths of the rows.
    squares = (x * x) @ kept.T
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (x @ x.T) / np.sqrt(squares * squares.T)
    varies = np.vecdot(x, x) > 0
    n = int(varies.sum())
    if n < FEWEST:
        return np.nan
    pairs = correlation[np.ix_(varies, varies)][np.triu_indices(n, 1)]
    return float(min(1 / np.nanmean(pairs**2), truth.shape[1]))


def perturbation_bounds(
    rows: dict[str, Floats],
    truth: Floats,
    prediction: Floats,
    weights: Floats,
    mean: Floats,
    deviations: tuple[Floats, Floats],
    silenced: Positions,
    independent: float,
) -> dict[str, Bounds]:
    """Give metrics of single perturbations 95 % intervals.

    Parameters
    ----------
    rows
        (n,) values of the metrics, by name.
    truth, prediction, weights
        (n, G) measured and predicted responses, and weights of the score.
    mean
        (n, G) mean response of the training perturbations, which stands for the baseline of terms:
        what makes both errors large cancels.
    deviations
        Two (n, G): measured and predicted deviations.
    silenced
        (n,) position of each silenced gene, −1 for none.
    independent
        Number of independent genes, from `independent_genes`; NaN for no intervals.

    Returns
    -------
    dict
        Name of a metric in `METRICS` → (n,) lower and upper bounds; NaN where it is undefined.
    """
    n = len(truth)
    bounds = {name: (np.full(n, np.nan), np.full(n, np.nan)) for name in METRICS}
    if not independent >= FEWEST:
        return bounds
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        measured = measured_pairs(truth[part])
        all_kept = fill_gaps(np.ones_like(truth[part]), measured)
        error = fill_gaps(np.abs(truth[part] - prediction[part]), measured)
        of_mean = fill_gaps(np.abs(truth[part] - mean[part]), measured)
        kept, y, f = kept_entries(deviations[0][part], deviations[1][part], silenced[part])
        value = {name: rows[name][part] for name in METRICS}
        weighted = weights[part] * error
        step = _log_ratio(weighted, weights[part] * of_mean, all_kept, independent) / np.log(2)
        found = {"term": (value["term"] - step, np.minimum(value["term"] + step, MAXIMAL_TERM))}
        factor = np.exp(_log_ratio(error, all_kept, all_kept, independent))
        found["mae"] = value["mae"] / factor, value["mae"] * factor
        found["pearson_control"] = _correlation(
            value["pearson_control"],
            fill_gaps(truth[part], measured),
            fill_gaps(prediction[part], measured),
            all_kept,
            independent,
        )
        found["pearson_mean"] = _correlation(value["pearson_mean"], y, f, kept, independent)
        factor = np.exp(_log_ratio(kept * (y - f) ** 2, kept * y**2, kept, independent))
        unexplained = 1 - value["r2_mean"]
        found["r2_mean"] = 1 - unexplained * factor, 1 - unexplained / factor
        for name, pair in found.items():
            for whole, one in zip(bounds[name], pair, strict=True):
                whole[part] = np.where(np.isnan(value[name]), np.nan, one)
    return bounds


def _half_width(influence: Floats, kept: Floats, independent: float) -> Floats:
    """Half the width of an interval: (r, G) influences whose sum is the estimate, to (r,)."""
    from scipy.special import stdtrit

    count = kept.sum(axis=1)
    genes = np.minimum(count, independent)
    variance = np.vecdot(influence, influence) * count / np.maximum(genes, 1)
    quantile = stdtrit(np.maximum(genes - 1, 1), (1 + LEVEL) / 2)
    width: Floats = quantile * np.sqrt(variance)
    return np.where(genes >= FEWEST, width, np.nan)


def _log_ratio(above: Floats, below: Floats, kept: Floats, independent: float) -> Floats:
    """Half the width of an interval of the logarithm of the ratio of two sums over genes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [each / each.sum(axis=1, keepdims=True) for each in (above, below)]
    return _half_width(shares[0] - shares[1], kept, independent)


def _correlation(r: Floats, x: Floats, y: Floats, kept: Floats, independent: float) -> Bounds:
    """Bounds of correlations, which are as far apart to both sides on Fisher's scale."""
    count = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    unit = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for each in (x, y):
            centred = kept * (each - (kept * each).sum(axis=1, keepdims=True) / count)
            unit.append(centred / np.sqrt(np.vecdot(centred, centred))[:, None])
        u, v = unit
        influence = (u * v - r[:, None] * (u * u + v * v) / 2) / (1 - r * r)[:, None]
        z, width = np.arctanh(r), _half_width(influence, kept, independent)
        lower, upper = np.tanh(z - width), np.tanh(z + width)
    # What is predicted without any error is known without any.
    perfect = np.abs(r) >= 1
    return np.where(perfect, r, lower), np.where(perfect, r, upper)

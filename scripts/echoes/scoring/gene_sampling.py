"""How exactly the metrics of a single perturbation are known: they are sums over genes.

A metric of a perturbation is a smooth function of sums over genes. To first order it is itself a
sum, whose terms, the influences of single genes, have a sum of squares that is its variance if
genes are independent [1]_. Genes that respond together tell the same thing many times over. Sums
over K alike genes, of which each two have a squared correlation of c on average, have a variance
that is larger by the design effect 1 + (K − 1)·c [2]_: all metrics here are sums of products,
squares or sizes, whose correlations are the squared ones of what is multiplied. Where genes count
differently, K is (Σa)²/Σa² of how much each counts, a.

How much genes respond together is seen in the screen itself. Deviations of unrelated perturbations
are uncorrelated on average, and the more alike genes respond, the more these correlations scatter
around 0. Perturbations that are related make intervals wider.

The intervals hold what would differ if the same perturbation were seen in other genes like these,
with the noise of their measurement. They do not hold how a model would differ that had learnt from
other perturbations.

References
----------
.. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993,
   chapter 21 (influence functions and the delta method).
.. [2] L. Kish, "Survey Sampling", Wiley, 1965.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats
from echoes.scoring.gaps import fill_gaps, measured_pairs
from echoes.scoring.metrics import MAXIMAL_TERM, Positions, kept_entries

#: Metrics that have an interval.
METRICS = ("term", "mae", "pearson_control", "pearson_mean", "r2_mean")
#: Share of intervals that hold the value.
LEVEL = 0.95
#: With fewer perturbations nothing can be said of the scatter; with fewer independent genes none
#: is left to judge by.
FEWEST, FEWEST_GENES = 6, 3
#: Number of pairs of perturbations that are compared at a time.
_PAIRS = 1 << 22
#: Share of entries that are gone from which on products of whole matrices are faster.
_FEW_GAPS = 0.01

Bounds = tuple[Floats, Floats]


@dataclass(frozen=True)
class Genes:
    """How the genes of a screen vary over perturbations.

    Parameters
    ----------
    variance
        (G,) mean squared deviation of each gene, where the deviations of each perturbation have a
        length of 1.
    likeness
        Mean squared correlation of two genes, 0 … 1; NaN if it is not known.
    """

    variance: Floats
    likeness: float

    @property
    def independent(self) -> float:
        """Number of independent genes that would scatter as these do."""
        return float(_design(self.variance[None], self.likeness)[0][0])


def describe_genes(truth: Floats, silenced: Positions) -> Genes:
    """Find how much the genes of a screen respond together.

    Parameters
    ----------
    truth
        (n, G) measured responses; NaN where not measured.
    silenced
        (n,) position of each row's silenced gene, which is left out of that row, or (n, s) of sets
        of genes; −1 for none.

    Returns
    -------
    Genes
        The likeness is not known with fewer than `FEWEST` perturbations that vary.
    """
    measured = measured_pairs(truth)
    x = truth.copy() if measured is True else np.where(measured, truth, 0.0)
    # Where nothing counts: gaps, and the silenced genes.
    gone = np.zeros(truth.shape, dtype=np.bool_) if measured is True else ~measured
    for column in np.atleast_2d(silenced.T):
        rows = np.flatnonzero(column >= 0)
        gone[rows, column[rows]] = True
    x[gone] = 0.0
    for axis in (0, 1):
        count = np.maximum(truth.shape[axis] - gone.sum(axis=axis, keepdims=True), 1)
        x -= x.sum(axis=axis, keepdims=True) / count
        x[gone] = 0.0
    length = np.sqrt(np.vecdot(x, x))
    varies = length > 0
    n = int(varies.sum())
    if n < len(x):
        x, gone, length = x[varies], gone[varies], length[varies]
    x /= length[:, None]
    variance = np.zeros(x.shape[1])
    for row in x:
        variance += row * row
    variance /= np.maximum(n - gone.sum(axis=0), 1)
    if n < FEWEST:
        return Genes(variance, np.nan)
    scatter, alone = _mean_squares(x, gone)
    count = variance.sum() ** 2 / np.vecdot(variance, variance)
    likeness = (scatter / alone - 1) / max(count - 1, 1.0)
    return Genes(variance, float(np.clip(likeness, 0, 1)))


def _mean_squares(x: Floats, gone: Bools) -> tuple[float, float]:
    """Mean squared correlation of each two rows, and what it would be if genes were independent.

    Parameters
    ----------
    x
        (n, G) deviations of length 1, with 0 where nothing counts.
    gone
        (n, G) where nothing counts.
    """
    from scipy.sparse import csr_array

    # Without gaps, a gene or two of each row.
    few = np.count_nonzero(gone) < _FEW_GAPS * gone.size
    flags = csr_array(gone, dtype=np.float64) if few else gone.astype(np.float64)
    sums, pairs = np.zeros(2), 0
    step = max(1, _PAIRS // len(x))
    for first in range(0, len(x) - 1, step):
        own = slice(first, min(first + step, len(x)))
        mine = x[own] ** 2
        # Each two rows once, a part of the matrix of all pairs at a time.
        for start in range(first, len(x), step):
            other = slice(start, min(start + step, len(x)))
            # The product of a matrix with itself takes half the time.
            theirs = mine if start == first else x[other] ** 2
            # Over the genes that both have.
            lengths = 1 - np.asarray(mine @ flags[other].T)
            lengths *= 1 - np.asarray(flags[own] @ theirs.T)
            above = np.arange(own.start, own.stop)[:, None] < np.arange(other.start, other.stop)
            above &= lengths > 0
            lengths = lengths[above]
            sums += [
                ((x[own] @ x[other].T)[above] ** 2 / lengths).sum(),
                ((mine @ theirs.T)[above] / lengths).sum(),
            ]
            pairs += len(lengths)
    scatter, alone = sums / pairs if pairs else np.full(2, np.nan)
    return float(scatter), float(alone)


def perturbation_bounds(
    rows: dict[str, Floats],
    truth: Floats,
    prediction: Floats,
    weights: Floats,
    mean: Floats,
    deviations: tuple[Floats, Floats],
    silenced: Positions,
    genes: Genes,
) -> dict[str, Bounds]:
    """Give metrics of single perturbations 95 % intervals.

    It makes some twenty tables of the size of the rows: give it a few at a time.

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
    genes
        How genes respond together, from `describe_genes`.

    Returns
    -------
    dict
        Name of a metric in `METRICS` → (n,) lower and upper bounds; NaN where it is undefined.
    """
    size = np.sqrt(genes.variance)
    measured = measured_pairs(truth)
    every = fill_gaps(np.ones_like(truth), measured)
    kept, y, f = kept_entries(*deviations, silenced)
    error, of_mean = (fill_gaps(np.abs(truth - x), measured) for x in (prediction, mean))
    truth, prediction = fill_gaps(truth, measured), fill_gaps(prediction, measured)
    value = {name: rows[name] for name in METRICS}

    def factor(above: Floats, below: Floats, counting: Floats) -> Floats:
        return np.exp(_log_ratio(above, below, counting, genes.likeness))

    step = np.log2(factor(weights * error, weights * of_mean, every * weights * size))
    # Beside how much each gene varies anyway: that is no chance.
    of_mae = factor(error, every * size, every * size)
    of_r2 = factor(kept * (y - f) ** 2, kept * y**2, kept * genes.variance)
    unexplained = 1 - value["r2_mean"]
    found = {
        "term": (value["term"] - step, np.minimum(value["term"] + step, MAXIMAL_TERM)),
        "mae": (value["mae"] / of_mae, value["mae"] * of_mae),
        "pearson_control": _correlation(value["pearson_control"], truth, prediction, every, genes),
        "pearson_mean": _correlation(value["pearson_mean"], y, f, kept, genes),
        "r2_mean": (1 - unexplained * of_r2, 1 - unexplained / of_r2),
    }
    undefined = {name: np.isnan(values) for name, values in value.items()}
    return {
        name: (np.where(undefined[name], np.nan, lower), np.where(undefined[name], np.nan, upper))
        for name, (lower, upper) in found.items()
    }


def _design(counting: Floats, likeness: float) -> tuple[Floats, Floats]:
    """Find the number of independent genes and the design effect of r sums over genes.

    Parameters
    ----------
    counting
        (r, G) how much each gene counts.
    likeness
        Mean squared correlation of two genes.
    """
    squares = np.vecdot(counting, counting)
    count = counting.sum(axis=1) ** 2 / np.where(squares > 0, squares, np.nan)
    effect: Floats = 1 + (count - 1) * likeness
    return count / effect, effect


def _half_width(influence: Floats, counting: Floats, likeness: float) -> Floats:
    """Half the width of an interval.

    Parameters
    ----------
    influence
        (r, G) influences of genes on r estimates; a row has a sum of 0.
    counting
        (r, G) how much each gene counts, at least 0.
    likeness
        Mean squared correlation of two genes.

    Returns
    -------
    Floats
        (r,); NaN where there are too few independent genes.
    """
    from scipy.special import stdtrit

    independent, effect = _design(counting, likeness)
    variance = np.vecdot(influence, influence) * effect
    quantile = stdtrit(np.maximum(independent - 1, 1), (1 + LEVEL) / 2)
    width: Floats = quantile * np.sqrt(variance)
    return np.where(independent >= FEWEST_GENES, width, np.nan)


def _log_ratio(above: Floats, below: Floats, counting: Floats, likeness: float) -> Floats:
    """Half the width of an interval of the logarithm of the ratio of two sums over genes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [each / each.sum(axis=1, keepdims=True) for each in (above, below)]
    return _half_width(shares[0] - shares[1], counting, likeness)


def _correlation(r: Floats, x: Floats, y: Floats, kept: Floats, genes: Genes) -> Bounds:
    """Bounds of correlations, which are as far apart to both sides on Fisher's scale."""
    count = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    unit = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for each in (x, y):
            centred = kept * (each - (kept * each).sum(axis=1, keepdims=True) / count)
            unit.append(centred / np.sqrt(np.vecdot(centred, centred))[:, None])
        u, v = unit
        influence = (u * v - r[:, None] * (u * u + v * v) / 2) / (1 - r * r)[:, None]
        width = _half_width(influence, kept * genes.variance, genes.likeness)
        z = np.arctanh(r)
        lower, upper = np.tanh(z - width), np.tanh(z + width)
    # What is predicted without any error is known without any.
    perfect = np.abs(r) >= 1
    return np.where(perfect, r, lower), np.where(perfect, r, upper)

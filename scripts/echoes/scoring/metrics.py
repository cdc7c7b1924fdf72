"""The competition's score and the metrics that the field gives beside it.

The score is that of the competition "Echoes of silenced genes": a sum over
perturbations of log ratios of errors, times one weighted cosine over all of them.

The other metrics have one value for each perturbation; only `gene_correlation` has one
for each gene. Where the truth is NaN nothing was measured: such a pair counts in no sum, no
rank and no number of genes, and a value without any pair is NaN.

Truth and prediction are arrays (n, G) of measured and of out-of-fold predicted responses, for
n perturbations and G response genes. They are deltas (difference to the control, log2 units)
or deviations. The deviation of the truth is its difference from the mean response of the
training perturbations of its fold. The deviation of a prediction is its difference from the
mean of what the same model predicts for them: a constant predictor has deviations of exactly 0.
`silenced` (n,) is the position of each silenced gene among the G response genes, −1 where it
is not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, row_blocks
from echoes.scoring.gaps import Where, fill_gaps, mean_of_measured, measured_pairs

Positions = Ints

#: Smaller errors and norms are replaced by this number.
EPSILON = 1e-12
#: Largest term that one perturbation can add to the score.
MAXIMAL_TERM = 5.0
#: Deltas of at least this size count in full in the weighted cosine, log2 units.
FULL_EFFECT = 0.2


@dataclass(frozen=True)
class ScoreParts:
    """What each row adds to the score: the score of any set of rows follows from their sums.

    Parameters
    ----------
    terms
        (n,) log2 of the baseline's error over the prediction's, at most 5.
    product, truth_square, prediction_square
        (n,) sums over genes of truth times prediction, truth squared and prediction
        squared, weighted as in `weighted_cosine`.
    """

    terms: Floats
    product: Floats
    truth_square: Floats
    prediction_square: Floats


@dataclass(frozen=True)
class Score:
    """The score of a set of predictions and its parts.

    Parameters
    ----------
    wmae
        (n,) weighted mean absolute error of each row.
    parts
        What each row adds to the score.
    cosine
        Weighted cosine over all rows and genes at once, −1 … 1.
    total
        Sum of the terms times the cosine (0 where it is negative), 5 decimals.
    """

    wmae: Floats
    parts: ScoreParts
    cosine: float
    total: float

    @property
    def terms(self) -> Floats:
        """(n,) log2 of the baseline's error over the prediction's, at most 5."""
        return self.parts.terms


def weighted_mae(truth: Floats, prediction: Floats, weights: Floats) -> Floats:
    """Mean over genes of weight times absolute error, one value a row.

    Truth and weights are (n, G), the prediction is too or is the same for all rows, (G,).
    """
    predicted = np.broadcast_to(prediction, truth.shape)
    found = np.empty(len(truth))
    for rows in row_blocks(*truth.shape):
        error = np.abs(truth[rows] - predicted[rows])
        error *= weights[rows]
        found[rows] = mean_of_measured(error, measured_pairs(truth[rows]))
    return found


def weighted_cosine(truth: Floats, prediction: Floats) -> float:
    """Cosine of truth and prediction over all entries, where small deltas count little.

    An entry counts with the square of a smoothstep that goes from 0 at no effect
    to 1 at `FULL_EFFECT` (log2 units), evaluated at the larger of the absolute true and the
    absolute predicted delta. The cosine is 0 if all weighted truths or predictions are 0.
    """
    return float(cosine_of_sums(*(part.sum() for part in _cosine_parts(truth, prediction))))


def _cosine_parts(truth: Floats, prediction: Floats) -> tuple[Floats, Floats, Floats]:
    """Compute what each row adds to the three sums in the weighted cosine; three arrays (n,)."""
    t = np.maximum(np.abs(truth), np.abs(prediction))
    t /= FULL_EFFECT
    np.minimum(t, 1, out=t)
    # The square of the smoothstep, (t²·(3 − 2t))².
    h2 = 3 - 2 * t
    t *= t
    h2 *= t
    h2 *= h2
    measured = measured_pairs(truth)
    of_truth = h2 * truth
    h2 *= prediction
    return (
        np.sum(of_truth * prediction, axis=-1, where=measured),
        np.sum(of_truth * truth, axis=-1, where=measured),
        np.sum(h2 * prediction, axis=-1, where=measured),
    )


def cosine_of_sums(product: Floats, truth_square: Floats, prediction_square: Floats) -> Floats:
    """Weighted cosine from its three sums over rows, `ScoreParts`; any shape, elementwise."""
    length = np.sqrt(truth_square) * np.sqrt(prediction_square)
    cosine = np.clip(product / np.maximum(length, EPSILON), -1, 1)
    return np.where(length < EPSILON, 0.0, cosine)


def score(truth: Floats, prediction: Floats, weights: Floats, baseline: Floats) -> Score:
    """Score predictions as the competition does.

    Parameters
    ----------
    truth, prediction, weights
        (n, G) deltas in log2 units, and their weights.
    baseline
        (n,) weighted mean absolute error of the baseline.

    Notes
    -----
    The total is a sum over rows: totals of sets of different size, and means of
    single rows' totals, are different scales. A row without any measured gene has no term, and
    adds nothing; without any term there is no total (NaN).
    """
    blocks = row_blocks(*truth.shape)
    wmae = weighted_mae(truth, prediction, weights)
    ratio = np.maximum(baseline, EPSILON) / np.maximum(wmae, EPSILON)
    terms = np.minimum(np.log2(ratio), MAXIMAL_TERM)
    parts = [_cosine_parts(truth[rows], prediction[rows]) for rows in blocks]
    sums = tuple(np.concatenate(part) for part in zip(*parts, strict=True))
    cosine = float(cosine_of_sums(*(part.sum() for part in sums)))
    # Adding zero: a negative sum times a cosine of 0 is -0.0, which would be written so.
    total = round(_sum_of_terms(terms, truth) * max(0.0, cosine), 5) + 0.0
    return Score(wmae, ScoreParts(terms, *sums), cosine, total)


def _sum_of_terms(terms: Floats, truth: Floats) -> float:
    """Sum the terms (n,) of the rows of which the truth (n, G) has any gene; NaN without any."""
    counted = ~np.isnan(truth).all(axis=-1)
    return float(terms[counted].sum()) if counted.any() else float("nan")


def mean_absolute_error(truth: Floats, prediction: Floats, axis: int = -1) -> Floats:
    """Mean over genes of the absolute error, one value a row; over rows with ``axis=0``."""
    return mean_of_measured(np.abs(truth - prediction), measured_pairs(truth), axis)


def mean_absolute_percentage_error(
    truth: Floats, prediction: Floats, *, skip_zeros: bool = False
) -> Floats:
    """Mean over genes of the absolute error over the absolute truth, a ratio, one value a row.

    Deltas near zero make it large. It is here because the published method reports it.

    Parameters
    ----------
    truth, prediction
        (n, G) deltas.
    skip_zeros
        Leave out the entries whose truth is exactly 0, such as genes that were detected in
        neither group of cells; NaN for a row without other entries. Otherwise they are
        divided by the machine epsilon, as scikit-learn does.
    """
    floor = np.finfo(np.float64).eps
    measured = measured_pairs(truth)
    ratio = fill_gaps(np.abs(truth - prediction) / np.maximum(np.abs(truth), floor), measured)
    counted = ((truth != 0) | (not skip_zeros)) & measured
    sums, counts = np.sum(ratio * counted, axis=-1), np.sum(counted, axis=-1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def gene_correlation(truth: Floats, prediction: Floats) -> Floats:
    """Pearson correlation over perturbations, one value a gene; NaN where one side is constant."""
    return pearson(truth.T, prediction.T)


def pearson(truth: Floats, prediction: Floats, silenced: Positions | None = None) -> Floats:
    """Pearson correlation over measured genes, one value a row; NaN where one side is constant.

    For deltas against the control this is the "Pearson delta" of the field [1]_. A response
    that all perturbations share makes it high. For deviations from the mean response [2]_ it
    is undefined where the prediction is the same for every perturbation.

    Parameters
    ----------
    truth, prediction
        (n, G) deltas or deviations.
    silenced
        (n,) position of each row's silenced gene, which is left out of that row; −1 for none.

    References
    ----------
    .. [1] C. Ahlmann-Eltze, W. Huber, S. Anders, "Deep-learning-based gene perturbation
       effect prediction does not yet outperform simple linear baselines", Nature Methods,
       2025, doi:10.1038/s41592-025-02772-6.
    .. [2] R. Viñas Torné et al., "Systema: a framework for evaluating genetic perturbation
       response prediction beyond systematic variation", Nature Biotechnology, 2025,
       doi:10.1038/s41587-025-02777-8.
    """
    kept, truth, prediction = kept_entries(truth, prediction, silenced)
    count = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    truth, prediction = kept * truth, kept * prediction
    x = kept * (truth - truth.sum(axis=1, keepdims=True) / count)
    y = kept * (prediction - prediction.sum(axis=1, keepdims=True) / count)
    xx, yy = np.sum(x * x, axis=1), np.sum(y * y, axis=1)
    # What rounding leaves of a constant row is not variation.
    noise = (np.finfo(np.float64).eps * count[:, 0]) ** 2
    flat = (xx <= noise * np.sum(truth**2, axis=1)) | (yy <= noise * np.sum(prediction**2, axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Floats = np.clip(np.sum(x * y, axis=1) / (np.sqrt(xx) * np.sqrt(yy)), -1, 1)
    return np.where(flat, np.nan, r)


def squared_errors(truth: Floats, prediction: Floats, silenced: Positions) -> tuple[Floats, Floats]:
    """Sum squared errors of the prediction, and squares of the truth, over genes; two (n,).

    Of deviations, the second is the squared error of the mean response. One minus the ratio of the
    two is R², the share of what sets perturbations apart that is predicted: 0 for a constant
    prediction, 1 at best. From the sums of many rows follows R² of all of them together.

    Parameters
    ----------
    truth, prediction
        (n, G) deviations.
    silenced
        (n,) position of each row's silenced gene, which is left out of that row; −1 for none.
    """
    kept, truth, prediction = kept_entries(truth, prediction, silenced)
    truth, error = kept * truth, kept * (truth - prediction)
    return np.vecdot(error, error), np.vecdot(truth, truth)


def r_squared(errors: Floats, squares: Floats) -> Floats:
    """R² from the two sums of `squared_errors`, elementwise; NaN where the truth is all 0."""
    defined = squares > 0
    return np.where(defined, 1 - errors / np.where(defined, squares, 1.0), np.nan)


def kept_entries(
    truth: Floats, prediction: Floats, silenced: Positions | None
) -> tuple[Floats, Floats, Floats]:
    """Ones (n, G), with a 0 for gaps and silenced genes; truth and prediction with gaps of 0."""
    measured = measured_pairs(truth)
    kept = fill_gaps(np.ones_like(truth), measured)
    if silenced is not None:
        rows = np.flatnonzero(silenced >= 0)
        kept[rows, silenced[rows]] = 0
    return kept, fill_gaps(truth, measured), fill_gaps(prediction, measured)


def top_overlap(truth: Floats, prediction: Floats, k: int) -> Floats:
    """Share of the k truly largest genes that are among the k predicted largest, one value a row.

    Largest means largest absolute value among the measured genes. Where several of them tie for
    the last places, among the true or the predicted ones, this is the expected share if ties
    are broken at random: a prediction of zeros gets k/G, the share that chance gives.

    Parameters
    ----------
    truth, prediction
        (n, G) deltas or deviations.
    k
        Number of genes, at least 1; all of them where there are fewer.
    """
    return largest_genes(truth, prediction, (k,))[0][0]


def sign_accuracy(truth: Floats, prediction: Floats, k: int) -> Floats:
    """Share of the k truly largest genes that are predicted with their sign, one value a row.

    A predicted 0 is wrong, and so is every prediction of a true 0. Where several genes
    tie for the last places, this is the expected share if ties are broken at random.

    Parameters
    ----------
    truth, prediction
        (n, G) deltas or deviations.
    k
        Number of genes, at least 1; all of them where there are fewer.
    """
    return largest_genes(truth, prediction, (k,))[1][0]


def largest_genes(
    truth: Floats, prediction: Floats, sizes: Sequence[int]
) -> tuple[list[Floats], list[Floats]]:
    """Compute `top_overlap` and `sign_accuracy` for several k; the rows are partly sorted once."""
    measured = measured_pairs(truth)
    places = [_places(k, truth, measured) for k in sizes]
    right = (np.sign(truth) == np.sign(prediction)) & (truth != 0)
    overlaps, signs = [], []
    chances = (_among_largest(each, places, measured) for each in (truth, prediction))
    for count, true, predicted in zip(places, *chances, strict=True):
        overlaps.append(_share_of_places(np.sum(true * predicted, axis=1), count))
        signs.append(_share_of_places(np.sum(true * right, axis=1), count))
    return overlaps, signs


def _places(k: int, truth: Floats, measured: Where) -> Ints:
    """Count the genes in each row's set of k largest ones: all that are measured, if fewer."""
    genes: Ints = np.sum(np.broadcast_to(measured, truth.shape), axis=1)
    return np.minimum(k, genes)


def _share_of_places(sums: Floats, places: Ints) -> Floats:
    """Divide by the number of places; NaN where a row has none."""
    return np.where(places > 0, sums / np.maximum(places, 1), np.nan)


def _among_largest(values: Floats, places: Sequence[Ints], measured: Where) -> Iterator[Floats]:
    """Give the probability of each entry to be among the largest absolute values of its row.

    It is 0 or 1, except where ties are broken at random.

    Parameters
    ----------
    values
        (n, G) values.
    places
        Numbers (n,) of largest values of each row, of one set after the other.
    measured
        Entries that count.

    Yields
    ------
    array
        (n, G) probabilities, of each set.
    """
    # What does not count is smaller than any absolute value.
    size = np.abs(values) if measured is True else np.where(measured, np.abs(values), -1.0)
    counts = [int(each.max()) for each in places]
    wanted = sorted({-k for k in counts if k})
    ordered = np.partition(size, wanted, axis=1) if wanted else size
    for k, of_rows in zip(counts, places, strict=True):
        last = ordered[:, [-k]] if k else np.zeros((len(size), 1))
        above, tied = size > last, (size == last) & measured
        left = of_rows[:, None] - above.sum(axis=1, keepdims=True)
        yield above + tied * (left / np.maximum(tied.sum(axis=1, keepdims=True), 1))

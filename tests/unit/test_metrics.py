"""The competition's score and the figures beside it, by hand and against independent code."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
import scipy.spatial.distance
import scipy.stats
from sklearn.metrics import mean_absolute_error as sklearn_mae
from sklearn.metrics import mean_absolute_percentage_error as sklearn_mape
from sklearn.metrics import r2_score

from echoes.scoring import metrics
from echoes.scoring.discrimination import discrimination

Array = npt.NDArray[np.float64]

DISTANCES = ("l1", "cosine")


def example(seed: int = 0, n: int = 6, genes: int = 9) -> tuple[Array, Array, Array, Array]:
    random = np.random.default_rng(seed)
    truth = 0.2 * random.normal(size=(n, genes))
    prediction = truth + 0.1 * random.normal(size=(n, genes))
    weights = random.random((n, genes))
    return truth, prediction, weights, random.uniform(0.01, 0.2, n)


def cosine_by_loop(truth: Array, prediction: Array) -> float:
    """Take the weighted cosine apart, entry by entry."""
    product = truths = predictions = 0.0
    for y, p in zip(truth.ravel().tolist(), prediction.ravel().tolist(), strict=True):
        t = min(max(abs(y), abs(p)) / 0.2, 1.0)
        h = 3 * t**2 - 2 * t**3
        product += h**2 * y * p
        truths += (h * y) ** 2
        predictions += (h * p) ** 2
    length = math.sqrt(truths) * math.sqrt(predictions)
    return product / length if length >= 1e-12 else 0.0


def test_check_value_of_the_competition() -> None:
    truth = np.array([[1.0, 0.0], [0.0, 1.0]])
    prediction = np.array([[1.0, 1.0], [0.8, 0.8]])
    result = metrics.score(truth, prediction, np.ones((2, 2)), np.array([2.0, 2.0]))
    assert result.total == 2.81113
    np.testing.assert_allclose(result.wmae, [0.5, 0.5])
    np.testing.assert_allclose(result.terms, [2, 2])
    assert result.cosine == pytest.approx(1.8 / math.sqrt(2 * 3.28))


def test_weighted_mae_by_hand() -> None:
    truth = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])
    prediction = np.array([[0.0, 1.0, 5.0], [1.0, -1.0, 2.0]])
    weights = np.array([[3.0, 0.75, 0.0], [1.0, 2.0, 7.0]])
    # (3 + 1.5 + 0) / 3 and (1 + 2 + 0) / 3: over all genes, whatever the weights sum to.
    np.testing.assert_allclose(metrics.weighted_mae(truth, prediction, weights), [1.5, 1])


@pytest.mark.parametrize("n", [2, 5, 80])
def test_mean_of_the_others_has_a_known_score(n: int) -> None:
    random = np.random.default_rng(n)
    truth = random.normal(size=(n, 11))
    weights = random.random((n, 11))
    baseline = np.array(
        [np.mean(w * np.abs(y - truth.mean(axis=0))) for y, w in zip(truth, weights, strict=True)]
    )
    others = (truth.sum(axis=0) - truth) / (n - 1)
    result = metrics.score(truth, others, weights, baseline)
    # Leaving itself out moves the mean away from every row by n / (n − 1).
    np.testing.assert_allclose(result.terms, np.log2((n - 1) / n), rtol=1e-9)
    assert result.terms.sum() == pytest.approx(n * math.log2((n - 1) / n), rel=1e-9)
    # Terms below 0 times a cosine of 0 or more.
    assert result.total <= 0


def test_score_is_the_sum_of_terms_times_the_cosine() -> None:
    truth, prediction, weights, baseline = example()
    result = metrics.score(truth, prediction, weights, baseline)
    wmae = [
        sum(w * abs(y - p) for w, y, p in zip(*row, strict=True)) / 9
        for row in zip(weights, truth, prediction, strict=True)
    ]
    terms = [min(5.0, math.log2(b / e)) for b, e in zip(baseline, wmae, strict=True)]
    np.testing.assert_allclose(result.wmae, wmae)
    np.testing.assert_allclose(result.terms, terms)
    assert result.cosine == pytest.approx(cosine_by_loop(truth, prediction))
    assert result.cosine > 0.5
    assert result.total == round(sum(terms) * cosine_by_loop(truth, prediction), 5)


def test_terms_have_a_cap_and_no_floor() -> None:
    truth = np.ones((4, 2))
    # Errors of 0, just over the cap, just under it, and far too much.
    prediction = truth + np.array([[0], [1 / 33], [1 / 31], [1024]])
    result = metrics.score(truth, prediction, np.ones((4, 2)), np.ones(4))
    np.testing.assert_allclose(result.terms, [5, 5, math.log2(31), -10])


def test_errors_below_epsilon_count_as_epsilon() -> None:
    truth = np.ones((2, 1))
    # A baseline of 0 both times, against an error of 0 and an error of 1.
    prediction = np.array([[1.0], [2.0]])
    result = metrics.score(truth, prediction, np.ones((2, 1)), np.zeros(2))
    np.testing.assert_allclose(result.terms, [0, math.log2(1e-12)])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_without_direction_the_score_is_zero(sign: float) -> None:
    truth, _, weights, baseline = example()
    for prediction in (np.zeros_like(truth), -truth):
        # Terms of either sign times a cosine of 0 or less.
        result = metrics.score(truth, prediction, weights, baseline * 2.0 ** (9 * sign))
        assert np.sign(result.terms.sum()) == sign
        assert result.cosine <= 0
        assert result.total == 0
        assert math.copysign(1, result.total) == 1, "-0.0"


def test_zero_truth() -> None:
    _, prediction, weights, baseline = example()
    result = metrics.score(np.zeros_like(prediction), prediction, weights, baseline)
    assert result.cosine == 0
    assert str(result.total) == "0.0"


def test_rounding_leaves_no_negative_zero() -> None:
    # A cosine above 0 and terms that sum to a little less than 0.
    truth = np.array([[1.0]])
    prediction = np.array([[1.25]])
    result = metrics.score(truth, prediction, np.ones((1, 1)), np.array([0.25 * (1 - 1e-9)]))
    assert result.terms[0] < 0 < result.cosine
    assert str(result.total) == "0.0"


def test_perfect_prediction_scores_five_a_row() -> None:
    truth, _, weights, baseline = example()
    assert metrics.score(truth, truth, weights, baseline).total == 30


def test_smoothstep_by_hand() -> None:
    # t = 1/2 gives h = 1/2; t = 1/4 gives h = 5/32; effects from 0.2 on count in full.
    truth = np.array([[0.1, 0.05], [0.2, -3.0]])
    prediction = np.array([[0.1, -0.05], [0.1, -3.0]])
    h2 = np.array([[1 / 4, 25 / 1024], [1, 1]])
    product = np.sum(h2 * [[0.01, -0.0025], [0.02, 9]])
    lengths = np.sum(h2 * truth**2), np.sum(h2 * prediction**2)
    expected = product / math.sqrt(lengths[0] * lengths[1])
    assert metrics.weighted_cosine(truth, prediction) == pytest.approx(expected, rel=1e-14)
    # All entries at once, which the mean of rows' cosines is not.
    rows = [metrics.weighted_cosine(truth[[i]], prediction[[i]]) for i in (0, 1)]
    assert metrics.weighted_cosine(truth, prediction) != pytest.approx(np.mean(rows), rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [0.02, 0.2, 5.0])
def test_weighted_cosine_agrees_with_a_loop(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    truth, prediction = scale * random.normal(size=(2, 4, 7))
    assert metrics.weighted_cosine(truth, prediction) == pytest.approx(
        cosine_by_loop(truth, prediction), rel=1e-12
    )


def test_weighted_cosine_of_effects_too_small_to_tell() -> None:
    tiny = np.full((1, 3), 1e-4)
    assert metrics.weighted_cosine(tiny, tiny) == 0
    assert metrics.weighted_cosine(100 * tiny, 100 * tiny) == pytest.approx(1)


def test_parts_of_the_score_are_sums_over_genes() -> None:
    truth, prediction, weights, baseline = example()
    result = metrics.score(truth, prediction, weights, baseline)
    parts = result.parts
    np.testing.assert_array_equal(parts.terms, result.terms)
    for i in range(6):
        t = np.clip(np.maximum(abs(truth[i]), abs(prediction[i])) / 0.2, 0, 1)
        h2 = (3 * t**2 - 2 * t**3) ** 2
        assert parts.product[i] == pytest.approx(np.dot(h2, truth[i] * prediction[i]))
        assert parts.truth_square[i] == pytest.approx(np.dot(h2, truth[i] ** 2))
        assert parts.prediction_square[i] == pytest.approx(np.dot(h2, prediction[i] ** 2))


def test_parts_of_some_rows_give_the_score_of_these_rows() -> None:
    truth, prediction, weights, baseline = example()
    parts = metrics.score(truth, prediction, weights, baseline).parts
    rows = [4, 0, 4, 4, 2]
    again = metrics.score(truth[rows], prediction[rows], weights[rows], baseline[rows])
    cosine = metrics.cosine_of_sums(
        parts.product[rows].sum(),
        parts.truth_square[rows].sum(),
        parts.prediction_square[rows].sum(),
    )
    assert again.cosine == pytest.approx(float(cosine), rel=1e-14)
    assert again.total == round(float(parts.terms[rows].sum() * cosine), 5) != 0


def test_cosine_of_sums_by_hand() -> None:
    product = np.array([6.0, -6.0, 7.0, 0.0, 1e-13])
    lengths = np.array([4.0, 4.0, 4.0, 0.0, 1e-13])
    cosine = metrics.cosine_of_sums(product, lengths, np.array([16.0, 16.0, 9.0, 2.0, 1e-13]))
    # The third overshoots 1, as rounding may; the last two have no length to speak of.
    np.testing.assert_array_equal(cosine, [0.75, -0.75, 1, 0, 0])


def test_percentage_error_agrees_with_scikit_learn() -> None:
    truth, prediction, _, _ = example()
    truth[0, 0] = 0
    truth[1] = -1e-300
    ours = metrics.mean_absolute_percentage_error(truth, prediction)
    assert ours.shape == (6,)
    for i in range(6):
        assert ours[i] == pytest.approx(sklearn_mape(truth[i], prediction[i]), rel=1e-12)
    np.testing.assert_allclose(
        metrics.mean_absolute_percentage_error(np.array([[1.0, -2.0]]), np.array([[1.5, 2.0]])),
        [1.25],
    )


def test_percentage_error_without_zeros() -> None:
    truth, prediction, _, _ = example()
    truth[0, [0, 3]] = 0
    truth[1] = 0
    truth[2, 1:] = 0
    ours = metrics.mean_absolute_percentage_error(truth, prediction, skip_zeros=True)
    for i in (0, 2, 3, 4, 5):
        seen = truth[i] != 0
        assert ours[i] == pytest.approx(sklearn_mape(truth[i, seen], prediction[i, seen]))
    assert np.isnan(ours[1])
    assert metrics.mean_absolute_percentage_error(truth, prediction)[1] > 1e10


def test_absolute_error_agrees_with_scikit_learn() -> None:
    truth, prediction, _, _ = example()
    expected = sklearn_mae(truth.T, prediction.T, multioutput="raw_values")
    np.testing.assert_allclose(metrics.mean_absolute_error(truth, prediction), expected)


def pearson(truth: Array, prediction: Array) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            float(scipy.stats.pearsonr(x, y).statistic)
            for x, y in zip(truth.T, prediction.T, strict=True)
        ]


def test_gene_correlation_agrees_with_scipy() -> None:
    random = np.random.default_rng(0)
    truth, prediction = random.normal(size=(2, 8, 12))
    truth[:, 1] = 3 * prediction[:, 1] - 2
    truth[:, 2] = -0.01 * prediction[:, 2]
    truth[:, 3] += 1e6
    prediction[:, 4] *= 1e-9
    ours = metrics.gene_correlation(truth, prediction)
    np.testing.assert_allclose(ours, pearson(truth, prediction), rtol=1e-8)
    assert ours[1] == pytest.approx(1, abs=1e-14)
    assert ours[2] == pytest.approx(-1, abs=1e-14)
    assert np.abs(ours).max() <= 1


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e7 / 3])
@pytest.mark.parametrize("n", [3, 7, 31, 80])
def test_gene_correlation_is_undefined_for_a_constant(value: float, n: int) -> None:
    random = np.random.default_rng(n)
    varies = random.normal(size=(n, 1))
    constant = np.full((n, 1), value)
    both = np.hstack([varies, constant, constant, varies])
    other = np.hstack([constant, varies, constant, varies])
    ours = metrics.gene_correlation(both, other)
    assert np.isnan(ours[:3]).all()
    assert ours[3] == pytest.approx(1)
    assert np.isnan(pearson(both, other)[:3]).all()


def test_rounding_noise_is_what_the_constants_above_have() -> None:
    # Otherwise the test above would not show that noise is told from variation.
    constant = np.full(7, 0.1)
    assert np.ptp(constant) == 0
    assert np.sum((constant - constant.mean()) ** 2) > 0


def test_gene_correlation_of_columns_that_hardly_vary() -> None:
    random = np.random.default_rng(1)
    truth, prediction = 1 + 1e-10 * random.normal(size=(2, 8, 3))
    ours = metrics.gene_correlation(truth, prediction)
    np.testing.assert_allclose(ours, pearson(truth, prediction), rtol=1e-4)


def test_gene_correlation_of_tiny_columns() -> None:
    truth = 1e-90 * np.array([[1.0], [2.0], [5.0]])
    prediction = 1e-90 * np.array([[3.0], [-2.0], [1.0]])
    np.testing.assert_allclose(
        metrics.gene_correlation(truth, prediction),
        metrics.gene_correlation(1e90 * truth, 1e90 * prediction),
    )


def test_pearson_agrees_with_scipy() -> None:
    random = np.random.default_rng(0)
    truth, prediction = random.normal(size=(2, 8, 12))
    truth[1] = 3 * prediction[1] - 2
    truth[2] = -0.01 * prediction[2]
    truth[3] += 1e6
    prediction[4] *= 1e-9
    ours = metrics.pearson(truth, prediction)
    np.testing.assert_allclose(ours, pearson(truth.T, prediction.T), rtol=1e-8)
    assert ours[1:3] == pytest.approx([1, -1], abs=1e-14)


def test_pearson_leaves_out_the_silenced_gene() -> None:
    random = np.random.default_rng(0)
    truth, prediction = random.normal(size=(2, 5, 12))
    silenced = np.array([3, -1, 0, 11, 3])
    for row, gene in enumerate(silenced):
        if gene >= 0:
            # What the silenced genes do would drown the others.
            truth[row, gene], prediction[row, gene] = -1000, -1000
    ours = metrics.pearson(truth, prediction, silenced)
    for row, gene in enumerate(silenced):
        rest = np.delete(np.arange(12), gene if gene >= 0 else [])
        alone = scipy.stats.pearsonr(truth[row, rest], prediction[row, rest]).statistic
        assert ours[row] == pytest.approx(alone, rel=1e-9)
        assert abs(ours[row]) < 0.9
    everything = metrics.pearson(truth, prediction)
    assert (everything[[0, 2, 3, 4]] > 0.99).all()
    assert everything[1] == ours[1]


@pytest.mark.parametrize("value", [0.0, 0.1, -1e7 / 3])
@pytest.mark.parametrize("genes", [7, 80, 5127])
def test_pearson_is_undefined_for_a_constant(value: float, genes: int) -> None:
    random = np.random.default_rng(genes)
    truth = random.normal(size=(3, genes))
    prediction = np.full((3, genes), value)
    assert np.isnan(metrics.pearson(truth, prediction)).all()
    assert np.isnan(metrics.pearson(prediction, truth)).all()
    # Row 0 varies, but at its silenced gene only; row 2 varies at another one.
    prediction[0, 5] = prediction[2, 5] = value - 3
    ours = metrics.pearson(truth, prediction, np.array([5, 5, 4]))
    np.testing.assert_array_equal(np.isnan(ours), [True, True, False])
    assert np.isnan(metrics.pearson(truth, prediction)).tolist() == [False, True, False]


def test_r_squared_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth, prediction = random.normal(size=(2, 5, 12))
    silenced = np.array([3, -1, 0, 11, 3])
    rows = np.flatnonzero(silenced >= 0)
    # What the silenced genes do would drown the others.
    truth[rows, silenced[rows]], prediction[rows, silenced[rows]] = -1000, 1000
    errors, squares = metrics.squared_errors(truth, prediction, silenced)
    ours = metrics.r_squared(errors, squares)
    both = []
    for row, gene in enumerate(silenced):
        x, y = (np.delete(part[row], gene if gene >= 0 else []) for part in (truth, prediction))
        # The mean of deviations is 0; so is that of each value and its negative.
        both.append((np.concatenate([x, -x]), np.concatenate([y, -y])))
        assert ours[row] == pytest.approx(r2_score(*both[-1]), rel=1e-9)
    whole = r2_score(*map(np.concatenate, zip(*both, strict=True)))
    assert metrics.r_squared(errors.sum(), squares.sum()) == pytest.approx(whole, rel=1e-9)


def test_r_squared_of_no_variation_is_undefined() -> None:
    nothing, silenced = np.zeros((2, 4)), np.array([2, -1])
    sums = metrics.squared_errors(nothing, nothing + 0.5, silenced)
    assert np.isnan(metrics.r_squared(*sums)).all()


def orders(values: Array, k: int) -> list[set[int]]:
    """Give the k largest in size, once for every order in which ties may be broken."""
    genes = range(len(values))
    return [
        set(sorted(order, key=lambda gene: -abs(values[gene]))[:k])
        for order in itertools.permutations(genes)
    ]


TIES = np.array(
    [
        [3.0, -2.0, 2.0, 1.0],
        [0.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, -5.0],
        [4.0, -3.0, 1.0, 2.0],
        [-1.0, 1.0, 1.0, -1.0],
    ]
)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_top_overlap_is_the_mean_over_all_ways_to_break_ties(k: int) -> None:
    pairs = [(y, p) for y in TIES for p in TIES]
    ours = metrics.top_overlap(*(np.array(side) for side in zip(*pairs, strict=True)), k)
    for share, (y, p) in zip(ours, pairs, strict=True):
        chosen = itertools.product(orders(y, k), orders(p, k))
        assert share == pytest.approx(np.mean([len(a & b) / k for a, b in chosen]))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_sign_accuracy_is_the_mean_over_all_ways_to_break_ties(k: int) -> None:
    pairs = [(y, p) for y in TIES for p in TIES]
    ours = metrics.sign_accuracy(*(np.array(side) for side in zip(*pairs, strict=True)), k)
    for share, (y, p) in zip(ours, pairs, strict=True):
        right = [{g for g in top if y[g] * p[g] > 0} for top in orders(y, k)]
        assert share == pytest.approx(np.mean([len(genes) / k for genes in right]))


def test_top_overlap_and_sign_accuracy_by_hand() -> None:
    truth = np.array([[5.0, -4.0, 3.0, 0.1, 0.2, 0.0]])
    prediction = np.array([[-9.0, -0.5, 0.0, 2.0, 1.0, 0.0]])
    # The three largest are 0, 1, 2 and 0, 3, 4; of the former only 1 has the right sign.
    assert metrics.top_overlap(truth, prediction, 3) == pytest.approx(1 / 3)
    assert metrics.sign_accuracy(truth, prediction, 3) == pytest.approx(1 / 3)
    # Two by two, 0 and 1 are followed by 0 and 3; one by one, by 0 alone, whose sign is wrong.
    assert metrics.top_overlap(truth, prediction, 2) == pytest.approx(1 / 2)
    assert metrics.top_overlap(truth, prediction, 1) == 1
    assert metrics.sign_accuracy(truth, prediction, 1) == 0
    # There are six; 1, 3 and 4 have the right sign, and gene 5 has none.
    for k in (6, 7, 1000):
        assert metrics.top_overlap(truth, prediction, k) == 1
        assert metrics.sign_accuracy(truth, prediction, k) == pytest.approx(1 / 2)


@pytest.mark.parametrize("k", [1, 20, 50, 400, 1000])
def test_top_overlap_of_a_prediction_of_zeros_is_chance(k: int) -> None:
    truth = np.random.default_rng(k).normal(size=(4, 400))
    zeros = np.zeros_like(truth)
    np.testing.assert_allclose(metrics.top_overlap(truth, zeros, k), min(k, 400) / 400)
    np.testing.assert_array_equal(metrics.sign_accuracy(truth, zeros, k), 0)


def test_signs_of_tiny_deltas_count() -> None:
    tiny = np.array([[1e-200, -1e-200]])
    assert metrics.sign_accuracy(tiny, tiny, 2) == 1


def test_discrimination_by_hand() -> None:
    truth = np.array([[1.0, 0.0, 9.0], [0.0, 1.0, 9.0], [-1.0, 0.0, 9.0], [8.0, 8.0, -9.0]])
    prediction = np.array([[0.9, 0.2, 0.0], [0.9, 0.3, 0.0], [0.0, 0.5, 0.0], [-8.0, 0.0, 0.0]])
    # Of every two perturbations one has gene 2 silenced: it never counts.
    silenced = np.array([2, -1, 2, 2])
    # Row 0 is nearest to its own truth: 0.3 against 1.7, 2.1 and more. Row 1 is at 1.6, nearer
    # to row 0, at 0.4. Row 2 is at 1.5, as far as row 0 and farther than row 1, at 0.5. Row 3 is
    # farthest from its own.
    l1 = discrimination(truth, prediction, silenced)
    np.testing.assert_allclose(l1, [1, 2 / 3, (0.5 + 0 + 1) / 3, 0])
    # Products with the truths' directions: row 1 has 0.3 with its own, 0.9 and 0.85 with rows 0
    # and 3; row 2 has 0, 0.5 and 0.35 with rows 0, 1 and 3, and 0 with its own; row 3 has -5.7
    # with its own and -8 with row 0.
    cosine = discrimination(truth, prediction, silenced, "cosine")
    np.testing.assert_allclose(cosine, [1, 1 / 3, 0.5 / 3, 1 / 3])


def by_loop(truth: Array, prediction: Array, silenced: list[int], distance: str) -> list[float]:
    """Leave two genes out, measure two distances, for every pair of perturbations."""
    n, genes = truth.shape
    shares = []
    for p in range(n):
        won = 0.0
        for q in range(n):
            kept = [g for g in range(genes) if g not in {silenced[p], silenced[q]}]
            of = {"l1": scipy.spatial.distance.cityblock, "cosine": scipy.spatial.distance.cosine}
            near = of[distance](prediction[p, kept], truth[p, kept])
            far = of[distance](prediction[p, kept], truth[q, kept])
            won += (q != p) * float(far > near)
        shares.append(won / (n - 1))
    return shares


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_discrimination_agrees_with_a_loop(distance: str, noise: float) -> None:
    random = np.random.default_rng(int(noise))
    truth = random.normal(size=(12, 9))
    prediction = truth + noise * random.normal(size=(12, 9))
    # Some genes are silenced twice, and some that are silenced are not measured.
    silenced = np.array([0, 8, 3, 3, -1, 5, -1, 0, 1, 3, 7, 2])
    known = np.flatnonzero(silenced >= 0)
    truth[known, silenced[known]] -= 20
    prediction[known, silenced[known]] -= 20
    ours = discrimination(truth, prediction, silenced, distance)
    np.testing.assert_allclose(ours, by_loop(truth, prediction, silenced.tolist(), distance))
    assert 0.5 < ours.mean() < 1
    # With the silenced genes every perturbation would be told from the others.
    everything = discrimination(truth, prediction, np.full(12, -1), distance)
    assert everything.mean() > ours.mean()


def test_how_many_truths_are_compared_at_a_time_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(6)
    truth, prediction = random.normal(size=(2, 11, 7))
    silenced = random.integers(-1, 7, size=11)
    expected = discrimination(truth, prediction, silenced)
    monkeypatch.setattr("echoes.scoring.discrimination._TRUTHS", 3)
    np.testing.assert_array_equal(discrimination(truth, prediction, silenced), expected)


@pytest.mark.parametrize("distance", DISTANCES)
def test_predictions_that_several_share_are_told_apart_by_their_truths(distance: str) -> None:
    random = np.random.default_rng(5)
    truth = random.normal(size=(8, 9))
    # Three predictions for eight perturbations, in no order.
    prediction = random.normal(size=(3, 9))[[2, 0, 0, 1, 2, 0, 1, 2]]
    silenced = np.array([0, 8, 3, 3, -1, 5, -1, 0])
    ours = discrimination(truth, prediction, silenced, distance)
    np.testing.assert_allclose(ours, by_loop(truth, prediction, silenced.tolist(), distance))
    assert len(set(ours)) > 3


@pytest.mark.parametrize("distance", DISTANCES)
def test_discrimination_of_the_truth_is_one(distance: str) -> None:
    truth = np.random.default_rng(0).normal(size=(7, 20))
    silenced = np.array([0, 1, 2, 2, -1, 5, 19])
    ours = discrimination(truth, truth, silenced, distance)
    np.testing.assert_array_equal(ours, 1)


def test_cosines_that_rounding_alone_tells_apart_tie() -> None:
    row = np.random.default_rng(0).normal(size=20)
    truth = np.outer(1 + np.arange(7) / 10, row)
    assert np.ptp(truth @ row / np.linalg.norm(truth, axis=1)) > 0
    ours = discrimination(truth, truth, np.full(7, -1), "cosine")
    np.testing.assert_array_equal(ours, 0.5)


def test_equal_truths_tie() -> None:
    # They differ at silenced genes alone, with sums over all genes that rounding would order.
    random = np.random.default_rng(0)
    truth = np.tile(random.normal(size=30), (6, 1))
    silenced = np.arange(6)
    truth[silenced, silenced] = random.normal(size=6)
    prediction = random.normal(size=truth.shape)
    for distance in DISTANCES:
        ours = discrimination(truth, prediction, silenced, distance)
        np.testing.assert_array_equal(ours, 0.5)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("value", [0.0, 0.1, "mean", "large"])
@pytest.mark.parametrize("n", [5, 79, 80])
def test_discrimination_of_a_constant_is_one_half(
    n: int, value: float | str, distance: str
) -> None:
    random = np.random.default_rng(n)
    truth = 0.06 * random.normal(size=(n, 1031))
    silenced = random.integers(-1, 1031, n)
    silenced[1] = silenced[0]
    known = np.flatnonzero(silenced >= 0)
    truth[known, silenced[known]] -= 3
    named = {"mean": truth.mean(axis=0), "large": 1e9 * random.normal(size=1031)}
    constant = named[value] if isinstance(value, str) else np.full(1031, value)
    ours = discrimination(truth, np.tile(constant, (n, 1)), silenced, distance)
    # Shares are multiples of half a perturbation: as integers their sum has no rounding.
    halves = 2 * (n - 1) * ours
    np.testing.assert_allclose(halves, np.round(halves), atol=1e-9)
    assert np.round(halves).sum() == n * (n - 1)
    if value == 0 and distance == "cosine":
        np.testing.assert_array_equal(ours, 0.5)
    else:
        assert np.ptp(ours) > 0.5


@pytest.mark.parametrize("distance", DISTANCES)
def test_knowing_the_silenced_gene_alone_is_no_discrimination(distance: str) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=(30, 200))
    silenced = np.arange(30)
    truth[silenced, silenced] -= 50
    prediction = np.zeros_like(truth)
    prediction[silenced, silenced] = -50
    ours = discrimination(truth, prediction, silenced, distance)
    assert ours.mean() == pytest.approx(0.5, abs=1e-14)
    assert discrimination(truth, prediction, np.full(30, -1), distance).mean() == 1


def test_cosine_reads_small_predictions_beside_a_large_silenced_gene() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=(10, 40))
    prediction = 1e-9 * (truth + 4 * random.normal(size=truth.shape))
    silenced = np.arange(10)
    expected = discrimination(truth, prediction, silenced, "cosine")
    truth[silenced, silenced] = prediction[silenced, silenced] = -4
    ours = discrimination(truth, prediction, silenced, "cosine")
    np.testing.assert_array_equal(ours, expected)
    assert len(set(ours)) > 1


def test_cosine_with_a_vector_of_zeros_ties() -> None:
    truth = np.array([[1.0, 2.0, 0.0], [2.0, 0.1, 0.0], [0.0, 0.0, 7.0]])
    # Without its silenced gene the last truth is zero: nothing is nearer or farther than that.
    silenced = np.array([-1, -1, 2])
    ours = discrimination(truth, truth, silenced, "cosine")
    np.testing.assert_array_equal(ours, [0.75, 0.75, 0.5])
    np.testing.assert_array_equal(discrimination(truth, truth, silenced), 1)


@pytest.mark.parametrize("distance", DISTANCES)
def test_discrimination_among_one_is_undefined(distance: str) -> None:
    one = np.ones((1, 3))
    ours = discrimination(one, one, np.array([0]), distance)
    assert ours.shape == (1,)
    assert np.isnan(ours).all()


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(KeyError, match="l2"):
        discrimination(np.eye(2), np.eye(2), np.array([0, 1]), "l2")


def test_sets_of_several_sizes_are_those_of_each_size() -> None:
    random = np.random.default_rng(2)
    truth, prediction = np.round(random.normal(size=(2, 6, 40)), 1)
    truth[0, ::2] = np.nan
    truth[1] = np.nan
    sizes = (50, 3, 12, 12)
    overlaps, signs = metrics.largest_genes(truth, prediction, sizes)
    for k, overlap, sign in zip(sizes, overlaps, signs, strict=True):
        np.testing.assert_array_equal(overlap, metrics.top_overlap(truth, prediction, k))
        np.testing.assert_array_equal(sign, metrics.sign_accuracy(truth, prediction, k))

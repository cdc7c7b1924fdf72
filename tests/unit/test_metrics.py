"""The competition's score and the figures beside it, by hand and against independent code."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from sklearn.metrics import mean_absolute_percentage_error as sklearn_mape

from echoes import metrics

Array = npt.NDArray[np.float64]


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

"""The percentile bootstrap, against the rows drawn one by one and against independent code."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from echoes.scoring import bootstrap, metrics
from echoes.scoring.bootstrap import interval, mean_draws, resample, score_draws
from echoes.scoring.metrics import ScoreParts

Array = npt.NDArray[np.float64]


def example(seed: int = 0, n: int = 7, genes: int = 9) -> tuple[Array, Array, Array, Array]:
    random = np.random.default_rng(seed)
    truth = 0.2 * random.normal(size=(n, genes))
    prediction = truth + 0.1 * random.normal(size=(n, genes))
    return truth, prediction, random.random((n, genes)), random.uniform(0.01, 0.2, n)


def test_counts_are_those_of_drawn_rows() -> None:
    counts = resample(5, 40, seed=3)
    drawn = np.random.Generator(np.random.PCG64(3)).integers(5, size=(40, 5))
    for row, draw in zip(counts, drawn.tolist(), strict=True):
        assert dict(enumerate(row.tolist())) == {i: Counter(draw)[i] for i in range(5)}


@pytest.mark.parametrize(("n", "draws"), [(1, 4), (2, 1), (80, 100), (3, 0)])
def test_every_draw_is_as_large_as_the_data(n: int, draws: int) -> None:
    counts = resample(n, draws, seed=0)
    assert counts.shape == (draws, n)
    assert (counts == np.rint(counts)).all()
    assert (counts >= 0).all()
    assert (counts.sum(axis=1) == n).all()


def test_a_seed_gives_its_draws() -> None:
    np.testing.assert_array_equal(resample(20, 50, seed=1), resample(20, 50, seed=1))
    assert (resample(20, 50, seed=1) != resample(20, 50, seed=2)).any()
    # More draws begin with the same ones.
    np.testing.assert_array_equal(resample(20, 60, seed=1)[:50], resample(20, 50, seed=1))


def test_draws_with_names_do_not_depend_on_the_order_of_rows() -> None:
    names = [f"G{i:02d}" for i in range(20)]
    shuffled = np.random.default_rng(0).permutation(20)
    plain = resample(20, 50, 1, names)
    np.testing.assert_array_equal(plain, resample(20, 50, 1))
    other = resample(20, 50, 1, [names[i] for i in shuffled])
    np.testing.assert_array_equal(other, plain[:, shuffled])


def test_counts_are_multinomial() -> None:
    n, draws = 10, 100_000
    counts = resample(n, draws, seed=0)
    # Five standard errors, or 0.02 for the covariances.
    assert counts.mean(axis=0) == pytest.approx(np.ones(n), abs=5 * math.sqrt(0.9 / draws))
    np.testing.assert_allclose(np.cov(counts.T), np.eye(n) - 1 / n, atol=0.02)
    assert np.mean(counts == 0) == pytest.approx(0.9**n, abs=0.005)
    assert np.corrcoef(counts[:-1, 0], counts[1:, 0])[0, 1] == pytest.approx(0, abs=0.016)


def test_score_of_a_draw_is_that_of_its_rows() -> None:
    rows = example()
    counts = resample(7, 30, seed=0).astype(int)
    ours = score_draws(metrics.score(*rows).parts, counts)
    again = [
        metrics.score(*(np.repeat(part, times, axis=0) for part in rows)).total for times in counts
    ]
    np.testing.assert_allclose(ours, again, atol=0.6e-5)
    # Not rounded, and not all the same.
    assert (np.round(ours, 5) != ours).all()
    assert np.ptp(ours) > 1


def test_check_value_of_the_competition() -> None:
    truth = np.array([[1.0, 0.0], [0.0, 1.0]])
    prediction = np.array([[1.0, 1.0], [0.8, 0.8]])
    parts = metrics.score(truth, prediction, np.ones((2, 2)), np.array([2.0, 2.0])).parts
    ours = score_draws(parts, np.array([[1, 1], [2, 0], [0, 2]]))
    # One row twice: its cosine with both genes alike is that of 45 degrees.
    expected = [4 * 1.8 / math.sqrt(2 * 3.28), 4 * math.sqrt(0.5), 4 * math.sqrt(0.5)]
    np.testing.assert_allclose(ours, expected)
    assert round(ours[0], 5) == 2.81113


def test_score_without_direction_is_zero() -> None:
    truth, _, weights, baseline = example()
    counts = resample(7, 20, seed=0)
    for prediction in (np.zeros_like(truth), -truth):
        parts = metrics.score(truth, prediction, weights, baseline).parts
        np.testing.assert_array_equal(score_draws(parts, counts), 0)


def test_mean_of_a_draw_is_that_of_its_defined_rows() -> None:
    values = np.array([1.0, np.nan, 3.5, -2.0, np.nan, 10.0])
    counts = resample(6, 50, seed=0).astype(int)
    for ours, times in zip(mean_draws(values, counts), counts, strict=True):
        assert ours == pytest.approx(np.nanmean(np.repeat(values, times)))
    by_hand = mean_draws(values, np.array([[0, 5, 0, 0, 1, 0], [0, 4, 1, 1, 0, 0]]))
    np.testing.assert_allclose(by_hand, [np.nan, 0.75])
    assert np.isnan(mean_draws(np.full(6, np.nan), counts)).all()


def test_interval_by_hand() -> None:
    draws = np.random.default_rng(0).permutation(np.arange(201.0))
    assert interval(draws) == pytest.approx((5, 195))
    assert interval(draws, level=0.5) == pytest.approx((50, 150))
    assert interval(np.append(draws, [np.nan, np.nan])) == pytest.approx((5, 195))
    assert interval(np.array([3.0])) == (3, 3)
    for none in (np.array([]), np.full(4, np.nan)):
        assert np.isnan(interval(none)).all()


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=80)
    ours = interval(mean_draws(values, resample(80, 40_000, seed=0)), level=0.9)
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        batch=1000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    # The width is about 0.4; quantiles of so many draws are known to a hundredth of it.
    assert ours == pytest.approx(tuple(theirs), abs=0.006)


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    counts = resample(60, 1000, seed=0)
    covered = 0
    for _ in range(400):
        lower, upper = interval(mean_draws(random.normal(size=60), counts), level=0.8)
        covered += lower <= 0 <= upper
    # 0.8, less a little for 60 values; the standard error is 0.02.
    assert covered / 400 == pytest.approx(0.79, abs=0.05)


def test_a_paired_difference_leaves_out_what_is_shared() -> None:
    truth, prediction, weights, baseline = example(n=40)
    counts = resample(40, 2000, seed=0)
    one = score_draws(metrics.score(truth, prediction, weights, baseline).parts, counts)
    # The other errs 1 % less, everywhere: better in every draw, by less than draws differ.
    better = truth + 0.99 * (prediction - truth)
    other = score_draws(metrics.score(truth, better, weights, baseline).parts, counts)
    assert interval(one - one) == (0, 0)
    lower, upper = interval(other - one)
    assert 0 < lower < upper
    apart = interval(one)
    assert interval(other)[0] < apart[1]
    assert upper - lower < 0.1 * (apart[1] - apart[0])


def test_parts_are_not_mixed_up() -> None:
    parts = ScoreParts(
        terms=np.array([1.0, 2.0]),
        product=np.array([3.0, 1.0]),
        truth_square=np.array([9.0, 16.0]),
        prediction_square=np.array([4.0, 5.0]),
    )
    expected = [3 * 4 / (5 * 3), 2 * 3 / (3 * 2) * 1]
    ours = score_draws(parts, np.array([[1, 1], [2, 0]]))
    np.testing.assert_allclose(ours, expected)


def test_draws_do_not_depend_on_how_many_are_drawn_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.Generator(np.random.PCG64(5))
    drawn = random.integers(7, size=(1000, 7), dtype=np.int64)
    expected = [np.bincount(row, minlength=7) for row in drawn]
    for entries in (1, 50, 1 << 22):
        monkeypatch.setattr(bootstrap, "_ENTRIES", entries)
        np.testing.assert_array_equal(resample(7, 1000, 5), expected)

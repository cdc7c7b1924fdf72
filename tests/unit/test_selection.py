"""What candidates are worth, against the score itself and a jackknife written as a loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoes.io import arrays
from echoes.models.inner_loop import (
    assign_folds,
    score_of_sums,
    score_sums,
    single_precision,
    weigh_candidates,
)
from echoes.scoring import metrics

Array = npt.NDArray[np.float64]


def example(m: int = 9, genes: int = 40, count: int = 6) -> tuple[Array, Array, Array]:
    """Make truth, weights and (m, count, genes) candidates, from good ones to bad ones."""
    random = np.random.default_rng(m)
    truth = random.normal(0.1, 0.2, size=(m, genes))
    noise = random.normal(size=(m, count, genes))
    candidates = truth[:, None] + np.geomspace(0.05, 0.4, count)[:, None] * noise
    return truth, random.gamma(1.0, size=(m, genes)), candidates


def sums_of(truth: Array, weights: Array, candidates: Array) -> Array:
    count = candidates.shape[1]
    return score_sums(truth, weights, lambda p: single_precision(candidates[p]), count)


def score_of(truth: Array, weights: Array, prediction: Array) -> metrics.Score:
    baseline = metrics.weighted_mae(truth, truth.mean(axis=0), weights)
    return metrics.score(truth, prediction, weights, baseline)


@pytest.mark.parametrize("entries", [1, 100, 1 << 16])
def test_sums_are_the_parts_of_the_score(monkeypatch: pytest.MonkeyPatch, entries: int) -> None:
    # One, two and all of six candidates are scored together.
    monkeypatch.setattr(arrays, "_SMALL_BLOCK", entries)
    truth, weights, candidates = example()
    sums = sums_of(truth, weights, candidates)
    assert sums.shape == (4, 9, 6)
    for c in range(6):
        score = score_of(truth, weights, candidates[:, c])
        parts = score.parts
        rows = [parts.terms, parts.product, parts.truth_square, parts.prediction_square]
        np.testing.assert_allclose(sums[:, :, c], rows, rtol=1e-4, atol=1e-5)
        assert score_of_sums(sums[:, :, c].sum(axis=1)) == pytest.approx(score.total, abs=1e-4)


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_without_direction_there_is_no_score(factor: float) -> None:
    truth, weights, _ = example()
    sums = sums_of(truth, weights, factor * truth[:, None])
    assert score_of_sums(sums.sum(axis=1)) == pytest.approx([0.0])


def test_a_perfect_candidate_gets_five_a_row() -> None:
    truth, weights, _ = example()
    # Exact in single_precision precision.
    truth = np.round(truth * 64) / 64
    sums = sums_of(truth, weights, truth[:, None])
    np.testing.assert_array_equal(sums[0], 5)
    assert score_of_sums(sums.sum(axis=1)) == pytest.approx(45, rel=1e-6)


def test_a_row_without_weight_is_scored_as_the_score_does() -> None:
    truth, weights, candidates = example()
    weights[4] = 0
    sums = sums_of(truth, weights, candidates)
    for c in range(6):
        score = score_of(truth, weights, candidates[:, c])
        np.testing.assert_allclose(sums[0, :, c], score.terms, atol=1e-4)
    np.testing.assert_array_equal(sums[0, 4], 0)


def test_candidates_are_weighed_by_a_jackknife() -> None:
    truth, weights, candidates = example()
    sums = sums_of(truth, weights, candidates)
    ours, scores = weigh_candidates(sums)

    def score(rows: list[int], c: int) -> float:
        term, product, square, other = sums[:, rows, c].sum(axis=1)
        return float(term * max(0.0, product / np.sqrt(square * other)))

    every = list(range(9))
    expected = [score(every, c) for c in range(6)]
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    best = int(np.argmax(expected))
    raw = []
    for c in range(6):
        lost = [
            score(rows, best) - score(rows, c)
            for rows in (every[:p] + every[p + 1 :] for p in every)
        ]
        # A jackknife takes scores a row: of 8 rows, and then of 9.
        variance = 8 / 9 * sum((one / 8 - sum(lost) / 72) ** 2 for one in lost) * 9**2
        raw.append(np.exp(-(expected[best] - expected[c]) / np.sqrt(variance)) if c != best else 1)
    np.testing.assert_allclose(ours, np.array(raw) / sum(raw), rtol=1e-9)
    assert ours.sum() == pytest.approx(1)
    assert np.argmax(ours) == best
    # The example is one in which others count too.
    assert np.sort(ours)[-2] > 1e-3


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    # With cosines of 1 a score is a sum over rows.
    terms = np.random.default_rng(0).normal(1, 0.5, size=(7, 2))
    sums = np.ones((4, 7, 2))
    sums[0] = terms
    difference = terms[:, np.argmax(terms.sum(axis=0))] - terms[:, np.argmin(terms.sum(axis=0))]
    error = np.sqrt(7 * difference.var(ddof=1))
    ratio = np.exp(-difference.sum() / error)
    np.testing.assert_allclose(
        np.sort(weigh_candidates(sums)[0]), np.array([ratio, 1]) / (1 + ratio)
    )


def test_a_clear_winner_gets_all_weight() -> None:
    truth, weights, candidates = example()
    candidates[:, 2] = truth
    ours, scores = weigh_candidates(sums_of(truth, weights, candidates))
    assert np.argmax(scores) == 2
    assert ours[2] > 1 - 1e-6
    # One that is better by the same in every row has no standard error.
    sums = np.ones((4, 7, 2))
    sums[0] = [[5.0, 1.0]] * 7
    np.testing.assert_array_equal(weigh_candidates(sums)[0], [1, 0])


def test_identical_candidates_share_alike() -> None:
    truth, weights, candidates = example()
    same = np.repeat(candidates[:, [1]], 4, axis=1)
    ours, _ = weigh_candidates(sums_of(truth, weights, same))
    np.testing.assert_allclose(ours, np.full(4, 0.25), rtol=0.01)
    ours, _ = weigh_candidates(sums_of(truth, weights, candidates[:, [0, 3, 1, 3, 0]]))
    np.testing.assert_allclose(ours[[0, 1]], ours[[4, 3]], rtol=0.01)


def test_candidates_of_no_use_share_alike() -> None:
    truth, weights, _ = example()
    ours, scores = weigh_candidates(
        sums_of(truth, weights, -truth[:, None] * [[1.0], [2.0], [3.0]])
    )
    np.testing.assert_array_equal(scores, np.zeros(3))
    np.testing.assert_allclose(ours, np.full(3, 1 / 3))


def test_order_of_candidates_and_of_rows_does_not_matter() -> None:
    truth, weights, candidates = example()
    expected, _ = weigh_candidates(sums_of(truth, weights, candidates))
    rows, order = np.random.default_rng(0).permutation(9), np.array([3, 0, 5, 1, 4, 2])
    ours, _ = weigh_candidates(sums_of(truth[rows], weights[rows], candidates[rows][:, order]))
    np.testing.assert_allclose(ours, expected[order], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("rows", "folds"), [(1, 1), (3, 10), (10, 10), (23, 10), (7, 2)])
def test_folds_are_a_partition(rows: int, folds: int) -> None:
    parts = assign_folds(range(rows), folds)
    assert len(parts) == min(rows, folds)
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    sizes = [len(part) for part in parts]
    assert 0 < max(sizes) <= min(sizes) + 1


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(1, 9))
@settings(derandomize=True)
def test_rows_of_a_group_are_in_one_fold(groups: list[int], folds: int) -> None:
    parts = assign_folds(groups, folds)
    assert len(parts) == min(folds, len(set(groups)))
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    held = [{groups[row] for row in part} for part in parts]
    assert sum(map(len, held)) == len(set(groups))
    assert max(map(len, held)) - min(map(len, held)) <= 1

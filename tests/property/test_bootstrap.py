"""What holds for the draws of any figures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.scoring import metrics
from echoes.scoring.bootstrap import Counts, interval, mean_draws, resample, score_draws
from echoes.scoring.metrics import ScoreParts

Array = npt.NDArray[np.float64]
Example = tuple[Array, Array, Array, Array]

always_the_same = settings(derandomize=True, deadline=None, max_examples=80)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Truth, prediction, weights and baselines of a few perturbations and genes."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    delta = st.integers(-512, 512).map(lambda i: i / 128)
    truth, prediction = draw(hnp.arrays(np.float64, (2, *shape), elements=delta))
    weights = draw(hnp.arrays(np.float64, shape, elements=st.floats(0.01, 10)))
    baseline = draw(hnp.arrays(np.float64, shape[0], elements=st.floats(1e-3, 1e3)))
    return truth, prediction, weights, baseline


@st.composite
def rows_and_counts(draw: st.DrawFn) -> tuple[Example, Counts]:
    """A few perturbations and draws of them."""
    example = draw(examples())
    return example, resample(len(example[0]), 20, draw(st.integers(0, 2**32)))


def of(parts: ScoreParts, rows: list[int]) -> ScoreParts:
    """Give the parts of some rows, in an order."""
    return ScoreParts(
        parts.terms[rows],
        parts.product[rows],
        parts.truth_square[rows],
        parts.prediction_square[rows],
    )


@always_the_same
@given(examples())
def test_every_row_once_is_the_score(example: Example) -> None:
    result = metrics.score(*example)
    once = score_draws(result.parts, np.ones((1, len(example[0])), dtype=np.int64))
    assert once.shape == (1,)
    assert abs(once[0] - result.total) < 0.51e-5


@always_the_same
@given(rows_and_counts())
def test_draws_are_scores_of_their_rows(given_: tuple[Example, Counts]) -> None:
    example, counts = given_
    ours = score_draws(metrics.score(*example).parts, counts)
    for one, times in zip(ours, counts, strict=True):
        again = metrics.score(*(np.repeat(part, times.astype(int), axis=0) for part in example))
        assert abs(one - again.total) < 0.51e-5


@always_the_same
@given(rows_and_counts(), st.integers(2, 4))
def test_a_data_set_twice_has_twice_the_score_and_the_same_means(
    given_: tuple[Example, Counts], times: int
) -> None:
    example, counts = given_
    parts = metrics.score(*example).parts
    rows = list(range(len(parts.terms))) * times
    one, other = score_draws(parts, counts), score_draws(of(parts, rows), np.tile(counts, times))
    np.testing.assert_allclose(other, times * one, atol=1e-9)
    np.testing.assert_allclose(score_draws(parts, times * counts), times * one, atol=1e-9)
    values = np.where(parts.terms > 0, parts.terms, np.nan)
    np.testing.assert_allclose(
        mean_draws(values[rows], np.tile(counts, times)), mean_draws(values, counts)
    )


@always_the_same
@given(rows_and_counts(), st.data())
def test_order_of_rows_does_not_matter(given_: tuple[Example, Counts], data: st.DataObject) -> None:
    example, counts = given_
    parts = metrics.score(*example).parts
    rows = data.draw(st.permutations(range(len(parts.terms))))
    np.testing.assert_allclose(
        score_draws(of(parts, rows), counts[:, rows]), score_draws(parts, counts), atol=1e-9
    )
    np.testing.assert_allclose(
        mean_draws(parts.terms[rows], counts[:, rows]), mean_draws(parts.terms, counts), atol=1e-12
    )


@always_the_same
@given(
    hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100) | st.just(np.nan)),
    st.floats(0, 1),
)
def test_intervals_lie_inside_one_another(draws: Array, level: float) -> None:
    lower, upper = interval(draws, level)
    if np.isnan(draws).all():
        assert np.isnan([lower, upper]).all()
        return
    least, most = interval(draws, 1)
    assert (least, most) == (np.nanmin(draws), np.nanmax(draws))
    middle, _ = interval(draws, 0)
    slack = 1e-9
    assert least - slack <= lower <= middle + slack
    assert middle - slack <= upper <= most + slack
    # Turning the sign turns the interval round.
    np.testing.assert_allclose(interval(-draws, level), (-upper, -lower), atol=slack)


@always_the_same
@given(st.floats(-100, 100), st.integers(1, 6), st.integers(0, 2**32))
def test_a_figure_that_is_the_same_everywhere_has_no_width(value: float, n: int, seed: int) -> None:
    draws = mean_draws(np.full(n, value), resample(n, 20, seed))
    np.testing.assert_allclose(interval(draws), (value, value), rtol=1e-12)

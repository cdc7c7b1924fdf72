"""What holds for baselines on any data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.models import baselines
from echoes.scoring import metrics
from tasks import example_task

Array = npt.NDArray[np.float64]

always_the_same = settings(derandomize=True, deadline=None, max_examples=80)


@st.composite
def responses(draw: st.DrawFn) -> tuple[Array, Array]:
    shape = draw(st.tuples(st.integers(2, 9), st.integers(1, 5)))
    deltas = draw(hnp.arrays(np.float64, shape, elements=st.floats(-4, 4)))
    weights = draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 10)))
    return deltas, weights


@always_the_same
@given(responses())
def test_leave_one_out_mean_has_a_known_sum_of_terms(data: tuple[Array, Array]) -> None:
    deltas, weights = data
    n, genes = deltas.shape
    baseline = metrics.weighted_mae(deltas, deltas.mean(axis=0), weights)
    # Smaller errors drown in rounding, or count as ε.
    assume(baseline.min() > 1e-3)
    task = replace(example_task(n, to_predict=0, genes=genes), deltas=deltas, weights=weights)
    predicted = np.vstack(
        [baselines.mean(task.split(np.array([row])), {}).deltas for row in range(n)]
    )
    terms = metrics.score(deltas, predicted, weights, baseline).terms
    assert abs(terms.sum() - n * math.log2((n - 1) / n)) < 1e-9


@always_the_same
@given(responses())
def test_constants_stay_among_the_responses(data: tuple[Array, Array]) -> None:
    deltas, weights = data
    task = replace(example_task(len(deltas), genes=deltas.shape[1]), deltas=deltas, weights=weights)
    low, high = deltas.min(axis=0) - 1e-12, deltas.max(axis=0) + 1e-12
    for model in (
        baselines.mean,
        baselines.median,
        baselines.weighted_median,
        baselines.reweighted_median,
    ):
        ours = model(task, {})
        assert (low <= ours.centre).all()
        assert (ours.centre <= high).all()
        np.testing.assert_array_equal(ours.deltas, [ours.centre] * 3)

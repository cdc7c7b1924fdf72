"""What holds for the score of any prediction."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes import metrics

Array = npt.NDArray[np.float64]
Example = tuple[Array, Array, Array, Array]

always_the_same = settings(derandomize=True, deadline=None, max_examples=80)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Truth, prediction, weights and baselines of a few perturbations and genes."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    # Multiples of 1/128: sums of them are exact.
    delta = st.integers(-512, 512).map(lambda i: i / 128)
    weight = st.integers(0, 512).map(lambda i: i / 128)
    truth = draw(hnp.arrays(np.float64, shape, elements=delta))
    prediction = draw(hnp.arrays(np.float64, shape, elements=delta))
    weights = draw(hnp.arrays(np.float64, shape, elements=weight))
    baseline = draw(hnp.arrays(np.float64, shape[0], elements=st.floats(1e-3, 1e3)))
    return truth, prediction, weights, baseline


@always_the_same
@given(examples())
def test_is_finite_and_bounded(example: Example) -> None:
    result = metrics.score(*example)
    n = len(result.terms)
    assert (result.terms <= 5).all()
    assert abs(result.cosine) <= 1 + 1e-12
    assert math.isfinite(result.total)
    assert result.total <= 5 * n
    assert result.total == 0 or np.sign(result.total) == np.sign(result.terms.sum())
    assert str(result.total) != "-0.0"
    assert result.total == round(result.total, 5)


@always_the_same
@given(examples(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_scaling_weights_and_baseline_together_changes_nothing(
    example: Example, factor: float
) -> None:
    truth, prediction, weights, baseline = example
    # At errors below epsilon the score knows an absolute scale.
    assume((metrics.weighted_mae(truth, prediction, weights) > 1e-9).all())
    one = metrics.score(truth, prediction, weights, baseline)
    other = metrics.score(truth, prediction, factor * weights, factor * baseline)
    np.testing.assert_allclose(other.terms, one.terms, atol=1e-12)
    assert other.cosine == one.cosine


@always_the_same
@given(examples())
def test_turning_all_signs_changes_nothing(example: Example) -> None:
    truth, prediction, weights, baseline = example
    assert metrics.score(-truth, -prediction, weights, baseline).total == (
        metrics.score(truth, prediction, weights, baseline).total
    )


@always_the_same
@given(examples(), st.data())
def test_order_of_rows_and_genes_does_not_matter(example: Example, data: st.DataObject) -> None:
    truth, prediction, weights, baseline = example
    n, genes = truth.shape
    rows = data.draw(st.permutations(range(n)))
    columns = np.ix_(rows, data.draw(st.permutations(range(genes))))
    one = metrics.score(*example)
    other = metrics.score(truth[columns], prediction[columns], weights[columns], baseline[rows])
    np.testing.assert_allclose(other.terms, one.terms[rows], atol=1e-12)
    np.testing.assert_allclose(other.cosine, one.cosine, atol=1e-12)


@always_the_same
@given(examples())
def test_terms_are_those_of_single_rows(example: Example) -> None:
    truth, prediction, weights, baseline = example
    alone = [
        metrics.score(*(part[[i]] for part in (truth, prediction, weights, baseline))).terms[0]
        for i in range(len(truth))
    ]
    np.testing.assert_allclose(metrics.score(*example).terms, alone)


@always_the_same
@given(examples())
def test_genes_without_weight_do_not_count_in_the_error(example: Example) -> None:
    truth, prediction, weights, baseline = example
    weights[:, 0] = 0
    changed = prediction.copy()
    changed[:, 0] += 1
    one = metrics.score(truth, prediction, weights, baseline)
    other = metrics.score(truth, changed, weights, baseline)
    np.testing.assert_array_equal(other.wmae, one.wmae)


@always_the_same
@given(examples())
def test_cosine_is_symmetric(example: Example) -> None:
    truth, prediction, _, _ = example
    one = metrics.weighted_cosine(truth, prediction)
    np.testing.assert_allclose(metrics.weighted_cosine(prediction, truth), one, atol=1e-14)
    np.testing.assert_allclose(metrics.weighted_cosine(truth, -prediction), -one, atol=1e-14)


@always_the_same
@given(examples(), st.floats(0.01, 100), st.floats(-10, 10))
def test_correlation_knows_no_scale_and_no_origin(
    example: Example, factor: float, shift: float
) -> None:
    truth, prediction, _, _ = example
    one = metrics.gene_correlation(truth, prediction)
    other = metrics.gene_correlation(truth, factor * prediction + shift)
    # A column that varies by 1/128 at least keeps its digits under such factors and shifts.
    np.testing.assert_allclose(other, one, atol=1e-8)
    constant = (np.ptp(truth, axis=0) == 0) | (np.ptp(prediction, axis=0) == 0)
    np.testing.assert_array_equal(np.isnan(one), constant)
    assert (np.abs(one[~constant]) <= 1).all()

"""What holds for the score of any prediction, and for the figures beside it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.scoring import metrics
from echoes.scoring.discrimination import discrimination

Array = npt.NDArray[np.float64]
Example = tuple[Array, Array, Array, Array]
Positions = npt.NDArray[np.intp]

distances = st.sampled_from(["l1", "cosine"])

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


@st.composite
def predictions(draw: st.DrawFn, rows: tuple[int, int] = (1, 5)) -> tuple[Array, Array, Positions]:
    """Truth, prediction and the positions of the silenced genes, with ties of every kind."""
    shape = draw(st.tuples(st.integers(*rows), st.integers(1, 5)))
    delta = st.one_of(st.integers(-2, 2), st.integers(-512, 512).map(lambda i: i / 128))
    truth, prediction = draw(hnp.arrays(np.float64, (2, *shape), elements=delta))
    silenced = draw(hnp.arrays(np.intp, shape[0], elements=st.integers(-1, shape[1] - 1)))
    return truth, prediction, silenced


def left_out(values: Array, silenced: Positions) -> list[Array]:
    """Give each row without its silenced gene."""
    return [
        np.delete(row, gene if gene >= 0 else [])
        for row, gene in zip(values, silenced, strict=True)
    ]


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


@always_the_same
@given(examples(), st.data())
def test_parts_of_any_rows_give_their_score(example: Example, data: st.DataObject) -> None:
    n = len(example[0])
    rows = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=8))
    parts = metrics.score(*example).parts
    sums = (parts.product, parts.truth_square, parts.prediction_square)
    cosine = metrics.cosine_of_sums(*(part[rows].sum() for part in sums))
    again = metrics.score(*(part[rows] for part in example))
    np.testing.assert_allclose(again.cosine, cosine, atol=1e-12)
    np.testing.assert_allclose(again.terms, parts.terms[rows], atol=1e-12)


@always_the_same
@given(predictions())
def test_pearson_is_undefined_where_a_side_is_constant_and_nowhere_else(
    example: tuple[Array, Array, Positions],
) -> None:
    truth, prediction, silenced = example
    ours = metrics.pearson(truth, prediction, silenced)
    sides = zip(left_out(truth, silenced), left_out(prediction, silenced), strict=True)
    constant = [len(set(x)) < 2 or len(set(y)) < 2 for x, y in sides]
    np.testing.assert_array_equal(np.isnan(ours), constant)
    assert (np.abs(ours[~np.isnan(ours)]) <= 1).all()


@always_the_same
@given(predictions(), st.floats(0.01, 100), st.floats(-10, 10))
def test_pearson_knows_no_scale_no_origin_and_no_silenced_gene(
    example: tuple[Array, Array, Positions], factor: float, shift: float
) -> None:
    truth, prediction, silenced = example
    one = metrics.pearson(truth, prediction, silenced)
    np.testing.assert_array_equal(metrics.pearson(prediction, truth, silenced), one)
    np.testing.assert_allclose(metrics.pearson(truth, -prediction, silenced), -one)
    other = metrics.pearson(truth, factor * prediction + shift, silenced)
    np.testing.assert_allclose(other, one, atol=1e-8)
    rows = np.flatnonzero(silenced >= 0)
    prediction[rows, silenced[rows]] += 1000
    truth[rows, silenced[rows]] -= 1000
    np.testing.assert_array_equal(metrics.pearson(truth, prediction, silenced), one)


@always_the_same
@given(predictions(), st.floats(0.01, 100))
def test_r_squared_is_0_for_nothing_and_1_for_everything(
    example: tuple[Array, Array, Positions], factor: float
) -> None:
    truth, prediction, silenced = example

    def r_squared(truth: Array, prediction: Array) -> Array:
        return metrics.r_squared(*metrics.squared_errors(truth, prediction, silenced))

    ours = r_squared(truth, prediction)
    defined = ~np.isnan(ours)
    zero = [not row.any() for row in left_out(truth, silenced)]
    np.testing.assert_array_equal(~defined, zero)
    assert (ours[defined] <= 1).all()
    assert (r_squared(truth, 0 * truth)[defined] == 0).all()
    assert (r_squared(truth, truth)[defined] == 1).all()
    scaled = r_squared(factor * truth, factor * prediction)
    np.testing.assert_allclose(scaled, ours, rtol=1e-9, atol=1e-9)
    rows = np.flatnonzero(silenced >= 0)
    prediction[rows, silenced[rows]] += 1000
    np.testing.assert_array_equal(r_squared(truth, prediction), ours)


@always_the_same
@given(predictions(), st.data())
def test_order_of_genes_does_not_matter(
    example: tuple[Array, Array, Positions], data: st.DataObject
) -> None:
    truth, prediction, silenced = example
    genes = truth.shape[1]
    order = np.array(data.draw(st.permutations(range(genes))))
    k = data.draw(st.integers(1, genes + 1))
    moved = np.where(silenced >= 0, np.argsort(order)[silenced], -1)
    x, y = truth[:, order], prediction[:, order]
    pairs = [
        (metrics.pearson(truth, prediction, silenced), metrics.pearson(x, y, moved)),
        (metrics.mean_absolute_error(truth, prediction), metrics.mean_absolute_error(x, y)),
        (metrics.top_overlap(truth, prediction, k), metrics.top_overlap(x, y, k)),
        (metrics.sign_accuracy(truth, prediction, k), metrics.sign_accuracy(x, y, k)),
        *(
            (
                discrimination(truth, prediction, silenced, distance),
                discrimination(x, y, moved, distance),
            )
            for distance in ("l1", "cosine")
        ),
    ]
    for one, other in pairs:
        np.testing.assert_allclose(other, one, atol=1e-12)


@always_the_same
@given(predictions(), st.integers(1, 6), st.sampled_from([0.25, 1024.0]))
def test_overlap_and_signs_are_shares_that_know_no_scale(
    example: tuple[Array, Array, Positions], k: int, factor: float
) -> None:
    truth, prediction, _ = example
    genes = truth.shape[1]
    overlap = metrics.top_overlap(truth, prediction, k)
    accuracy = metrics.sign_accuracy(truth, prediction, k)
    np.testing.assert_allclose(metrics.top_overlap(prediction, truth, k), overlap)
    np.testing.assert_array_equal(metrics.top_overlap(truth, factor * prediction, k), overlap)
    np.testing.assert_array_equal(metrics.sign_accuracy(truth, factor * prediction, k), accuracy)
    # Two sets of k among G genes share at least 2k − G.
    assert (overlap >= max(0, 2 - genes / min(k, genes)) - 1e-12).all()
    assert (overlap <= 1 + 1e-12).all()
    opposite = metrics.sign_accuracy(truth, -prediction, k)
    assert (accuracy >= 0).all()
    assert (accuracy + opposite <= 1 + 1e-12).all()
    everywhere = metrics.sign_accuracy(truth, prediction, genes)
    np.testing.assert_allclose(everywhere, np.mean(truth * prediction > 0, axis=1))
    constant = metrics.top_overlap(truth, np.full_like(truth, factor), k)
    np.testing.assert_allclose(constant, min(k, genes) / genes)


def exact_discrimination(
    truth: Array, prediction: Array, silenced: Positions, distance: str
) -> list[Fraction]:
    """Compare distances as fractions, which have no rounding."""
    n, genes = truth.shape

    def closeness(p: int, q: int, kept: list[int]) -> Fraction | None:
        x = [Fraction(prediction[p, g]) for g in kept]
        y = [Fraction(truth[q, g]) for g in kept]
        if distance == "l1":
            return -sum((abs(a - b) for a, b in zip(x, y, strict=True)), Fraction())
        product = sum((a * b for a, b in zip(x, y, strict=True)), Fraction())
        length = sum((b * b for b in y), Fraction())
        # The square of the cosine, but for the length of the prediction, with its sign.
        return product * abs(product) / length if length and any(x) else None

    shares = []
    for p in range(n):
        won = Fraction()
        for q in range(n):
            kept = [g for g in range(genes) if g not in {silenced[p], silenced[q]}]
            near, far = closeness(p, p, kept), closeness(p, q, kept)
            if near is None or far is None or near == far:
                won += Fraction(1, 2) * (q != p)
            else:
                won += near > far
        shares.append(won / (n - 1))
    return shares


@always_the_same
@given(predictions(rows=(2, 5)), distances)
def test_discrimination_is_that_of_exact_distances(
    example: tuple[Array, Array, Positions], distance: str
) -> None:
    ours = discrimination(*example, distance)
    expected = [float(share) for share in exact_discrimination(*example, distance)]
    np.testing.assert_allclose(ours, expected, atol=1e-14)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.tuples(st.integers(2, 6), st.integers(1, 7)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1e-15, 1e-9, 1e-7, 1e-5, 1.0]),
    st.sampled_from([1e-310, 1e-40, 1.0, 1e30, 1e38, 1e150]),
    st.sampled_from([0.0, -1e6, 1e37]),
)
def test_sums_in_single_precision_decide_nothing(
    shape: tuple[int, int], seed: int, noise: float, scale: float, silent: float
) -> None:
    random = np.random.default_rng(seed)
    n, genes = shape
    # Many rows are the same, or nearly so.
    truth, prediction = random.integers(-2, 3, size=(2, 3, genes))[:, random.integers(3, size=n)]
    truth, prediction = (
        (each + noise * random.normal(size=shape)) * scale for each in (truth, prediction)
    )
    silenced = random.integers(-1, genes, size=n)
    known = np.flatnonzero(silenced >= 0)
    truth[known, silenced[known]] += silent
    prediction[known[::2], silenced[known[::2]]] += silent
    found = []
    for largest, piece, some in ((0.0, 1024, 128), (1e38, 1024, 128), (1e38, 2, 3)):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (("LARGEST", largest), ("PIECE", piece), ("TRUTHS", some)):
                patch.setattr(f"echoes.scoring.discrimination._{name}", value)
            found.append(discrimination(truth, prediction, silenced))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


@always_the_same
@given(predictions(rows=(2, 5)), distances, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_discrimination_of_a_constant_is_one_half(
    example: tuple[Array, Array, Positions], distance: str, shift: float, factor: float
) -> None:
    truth, prediction, silenced = example
    # Whatever the rounding: one number for each pair decides for both of it.
    constant = np.tile(shift + factor * prediction[0], (len(truth), 1))
    ours = discrimination(factor * truth + shift, constant, silenced, distance)
    assert abs(ours.mean() - 0.5) < 1e-14
    zeros = discrimination(factor * truth, np.zeros_like(truth), silenced, distance)
    assert abs(zeros.mean() - 0.5) < 1e-14


@always_the_same
@given(predictions(rows=(2, 5)), distances, st.data())
def test_discrimination_has_no_order_and_no_scale(
    example: tuple[Array, Array, Positions], distance: str, data: st.DataObject
) -> None:
    truth, prediction, silenced = example
    n = len(truth)
    one = discrimination(truth, prediction, silenced, distance)
    assert (one >= 0).all()
    assert (one <= 1).all()
    rows = data.draw(st.permutations(range(n)))
    other = discrimination(truth[rows], prediction[rows], silenced[rows], distance)
    np.testing.assert_array_equal(other, one[rows])
    scaled = discrimination(0.125 * truth, 0.125 * prediction, silenced, distance)
    np.testing.assert_array_equal(scaled, one)
    if distance == "cosine":
        lengths = 2.0 ** np.array(data.draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n)))
        scaled = discrimination(truth, lengths[:, None] * prediction, silenced, distance)
        np.testing.assert_array_equal(scaled, one)


@always_the_same
@given(predictions(rows=(2, 5)), distances)
def test_discrimination_knows_no_silenced_gene(
    example: tuple[Array, Array, Positions], distance: str
) -> None:
    truth, prediction, silenced = example
    one = discrimination(truth, prediction, silenced, distance)
    rows = np.flatnonzero(silenced >= 0)
    prediction[rows, silenced[rows]] -= 64
    truth[rows, silenced[rows]] -= 128
    other = discrimination(truth, prediction, silenced, distance)
    np.testing.assert_array_equal(other, one)

"""What was not measured counts nowhere: each metric is that of the measured pairs alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoes.scoring import metrics
from echoes.scoring.bootstrap import resample
from echoes.scoring.coverage import coverage
from echoes.scoring.discrimination import discrimination
from echoes.scoring.held_out import calibration_table, compute_metrics
from echoes.scoring.out_of_fold import OutOfFold

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

always_the_same = settings(derandomize=True, deadline=None, max_examples=80)


@st.composite
def incomplete(draw: st.DrawFn, rows: tuple[int, int] = (1, 5)) -> tuple[Array, Array, Positions]:
    """Truth with gaps, prediction and the positions of the silenced genes, with ties."""
    shape = draw(st.tuples(st.integers(*rows), st.integers(1, 6)))
    delta = st.one_of(st.integers(-2, 2), st.integers(-512, 512).map(lambda i: i / 128))
    truth, prediction = draw(hnp.arrays(np.float64, (2, *shape), elements=delta))
    truth[draw(hnp.arrays(np.bool_, shape))] = np.nan
    silenced = draw(hnp.arrays(np.intp, shape[0], elements=st.integers(-1, shape[1] - 1)))
    return truth, prediction, silenced


@always_the_same
@given(incomplete(), st.integers(1, 7))
def test_a_row_has_the_metrics_of_its_measured_genes(
    example: tuple[Array, Array, Positions], k: int
) -> None:
    truth, prediction, silenced = example
    weights, baseline = np.abs(prediction[::-1]) + 1, np.ones(len(truth))
    spread, limits = np.abs(prediction[:, ::-1]) + 0.25, np.array([[0.5, 1.0, 2.0]])
    fold = np.zeros(len(truth), dtype=np.intp)
    score = metrics.score(truth, prediction, weights, baseline)
    found = {
        "wmae": score.wmae,
        "term": score.terms,
        "product": score.parts.product,
        "mae": metrics.mean_absolute_error(truth, prediction),
        "mape": metrics.mean_absolute_percentage_error(truth, prediction),
        "mape of others": metrics.mean_absolute_percentage_error(
            truth, prediction, skip_zeros=True
        ),
        "pearson": metrics.pearson(truth, prediction, silenced),
        "r2": metrics.r_squared(*metrics.squared_errors(truth, prediction, silenced)),
        "overlap": metrics.top_overlap(truth, prediction, k),
        "signs": metrics.sign_accuracy(truth, prediction, k),
        "coverage": coverage(truth, prediction, spread, limits, fold)[:, 1],
    }
    for p, gene in enumerate(silenced):
        has = np.flatnonzero(~np.isnan(truth[p]))
        if not len(has):
            undefined = {name: values[p] for name, values in found.items() if name != "product"}
            assert np.isnan([*undefined.values()]).all(), undefined
            assert found["product"][p] == 0
            continue
        y, x, w, s = (part[[p]][:, has] for part in (truth, prediction, weights, spread))
        place = np.array([[*has].index(gene) if gene in has else -1])
        alone = metrics.score(y, x, w, baseline[[p]])
        expected = {
            "wmae": alone.wmae,
            "term": alone.terms,
            "product": alone.parts.product,
            "mae": metrics.mean_absolute_error(y, x),
            "mape": metrics.mean_absolute_percentage_error(y, x),
            "mape of others": metrics.mean_absolute_percentage_error(y, x, skip_zeros=True),
            "pearson": metrics.pearson(y, x, place),
            "r2": metrics.r_squared(*metrics.squared_errors(y, x, place)),
            "overlap": metrics.top_overlap(y, x, k),
            "signs": metrics.sign_accuracy(y, x, k),
            "coverage": coverage(y, x, s, limits, fold[[0]])[:, 1],
        }
        for name, (value,) in expected.items():
            np.testing.assert_allclose(found[name][p], value, rtol=1e-12, atol=1e-13, err_msg=name)


@always_the_same
@given(incomplete())
def test_a_gene_has_the_correlation_of_the_perturbations_with_it(
    example: tuple[Array, Array, Positions],
) -> None:
    truth, prediction, _ = example
    found = metrics.gene_correlation(truth, prediction)
    for gene in range(truth.shape[1]):
        has = ~np.isnan(truth[:, gene])
        expected = (
            metrics.gene_correlation(truth[has][:, [gene]], prediction[has][:, [gene]])
            if has.any()
            else np.nan
        )
        np.testing.assert_allclose(found[gene], expected, atol=1e-12)


def exact_discrimination(
    truth: Array, prediction: Array, silenced: Positions, distance: str
) -> list[float]:
    """Compare distances over common genes as fractions, which have no rounding."""
    n, genes = truth.shape

    def closeness(p: int, q: int, kept: list[int]) -> Fraction | None:
        x = [Fraction(prediction[p, g]) for g in kept]
        y = [Fraction(truth[q, g]) for g in kept]
        if distance == "l1":
            return -sum((abs(a - b) for a, b in zip(x, y, strict=True)), Fraction())
        product = sum((a * b for a, b in zip(x, y, strict=True)), Fraction())
        length = sum((b * b for b in y), Fraction())
        return product * abs(product) / length if length and any(x) else None

    shares = []
    for p in range(n):
        won = Fraction()
        for q in range(n):
            common = ~np.isnan(truth[p]) & ~np.isnan(truth[q])
            kept = [g for g in range(genes) if common[g] and g not in {silenced[p], silenced[q]}]
            near, far = closeness(p, p, kept), closeness(p, q, kept)
            if near is None or far is None or near == far:
                won += Fraction(1, 2) * (q != p)
            else:
                won += near > far
        shares.append(float(won / (n - 1)) if not np.isnan(truth[p]).all() else np.nan)
    return shares


@always_the_same
@given(incomplete(rows=(2, 5)), st.sampled_from(["l1", "cosine"]))
def test_discrimination_is_over_common_genes(
    example: tuple[Array, Array, Positions], distance: str
) -> None:
    ours = discrimination(*example, distance)
    np.testing.assert_allclose(ours, exact_discrimination(*example, distance), atol=1e-14)


@always_the_same
@given(incomplete(rows=(2, 5)), st.sampled_from(["l1", "cosine"]), st.floats(1e-3, 1e3))
def test_discrimination_of_a_constant_is_one_half(
    example: tuple[Array, Array, Positions], distance: str, factor: float
) -> None:
    truth, prediction, silenced = example
    truth[np.isnan(truth).all(axis=1), 0] = 0
    constant = np.tile(factor * prediction[0], (len(truth), 1))
    ours = discrimination(factor * truth, constant, silenced, distance)
    assert abs(ours.mean() - 0.5) < 1e-14


def screen(n: int = 20, genes: int = 150) -> tuple[Array, Array, Array, Positions, OutOfFold]:
    random = np.random.default_rng(3)
    truth = random.normal(size=(n, genes))
    fold = np.arange(n) % 4
    predictions = OutOfFold(
        rows=np.arange(n),
        prediction=0.5 * truth + random.normal(size=truth.shape),
        fold=fold,
        centre=random.normal(size=(4, genes)),
        mean=random.normal(size=(4, genes)),
        spread=random.random(truth.shape),
        quantiles=np.sort(random.random((4, 5)), axis=1),
        inner_score=np.zeros(4),
        seconds=np.zeros(4),
        choices={},
    )
    return truth, random.random(truth.shape), random.random(n) + 0.2, fold * 7 - 1, predictions


def with_gaps() -> tuple[Array, Array, Array, Positions, OutOfFold]:
    truth, weights, baseline, silenced, predictions = screen()
    truth[np.random.default_rng(4).random(truth.shape) < 0.3] = np.nan
    return truth, weights, baseline, silenced, predictions


def test_nothing_of_a_gap_is_read() -> None:
    truth, *others, predictions = with_gaps()
    one = compute_metrics(truth, *others, predictions)
    table = calibration_table(one, predictions, truth)
    gaps = np.isnan(truth)
    for array in (predictions.prediction, predictions.spread, others[0]):
        array[gaps] = 1e6
    other = compute_metrics(truth, *others, predictions)
    assert other.score.total == one.score.total
    for before, after in ((one.perturbations, other.perturbations), (one.genes, other.genes)):
        for name, values in before.items():
            assert not np.isnan(values).any(), name
            np.testing.assert_array_equal(after[name], values, err_msg=name)
    assert calibration_table(other, predictions, truth).equals(table)


def test_a_gene_without_a_training_mean_is_in_no_metric_of_deviations() -> None:
    truth, weights, baseline, silenced, predictions = with_gaps()
    predictions.mean[:, 9] = predictions.centre[:, 9] = np.nan
    one = compute_metrics(truth, weights, baseline, silenced, predictions)
    assert np.flatnonzero(np.isnan(one.genes["pearson"])).tolist() == [9]
    predictions.prediction[:, 9] = 1e6
    other = compute_metrics(truth, weights, baseline, silenced, predictions)
    for name in ("pearson_mean", "r2_mean", "discrimination_l1", "discrimination_cosine"):
        assert not np.isnan(one.perturbations[name]).any()
        np.testing.assert_array_equal(other.perturbations[name], one.perturbations[name])


def test_a_perturbation_without_measured_genes_adds_nothing() -> None:
    truth, weights, baseline, silenced, predictions = with_gaps()
    whole = compute_metrics(truth, weights, baseline, silenced, predictions)
    truth[5] = np.nan
    one = compute_metrics(truth, weights, baseline, silenced, predictions)
    others = np.delete(np.arange(len(truth)), 5)
    assert np.isnan([values[5] for values in one.perturbations.values()]).all()
    for name in (
        "wmae",
        "term",
        "mae",
        "mape",
        "pearson_mean",
        "r2_mean",
        "overlap_20",
        "coverage_80",
    ):
        np.testing.assert_array_equal(
            one.perturbations[name][others], whole.perturbations[name][others]
        )
    expected = metrics.score(
        *(part[others] for part in (truth, predictions.prediction, weights, baseline))
    )
    assert one.overall("score") == expected.total
    assert one.overall("sum_of_terms") == expected.terms.sum()
    assert one.overall("better_than_baseline") == (expected.terms > 0).sum()
    assert one.overall("wmae_ratio") == pytest.approx(np.exp2(-expected.terms.mean()))
    counts = resample(len(truth), 100, 0)
    for name in one.overall_names:
        drawn = one.draws(name, counts)
        assert np.isfinite(drawn).all() != (name == "gene_pearson")
    assert not calibration_table(one, predictions, truth).isna().to_numpy().any()


def test_a_prediction_that_is_no_number_is_no_gap() -> None:
    truth, weights, baseline, silenced, predictions = with_gaps()
    truth[0, 0], predictions.prediction[0, 0] = 1, np.nan
    found = compute_metrics(truth, weights, baseline, silenced, predictions)
    assert np.isnan(found.score.total)
    assert np.isnan(found.perturbations["mae"][0])


def test_no_measured_pair_at_all() -> None:
    truth, weights, baseline, silenced, predictions = screen(n=4)
    truth[:] = np.nan
    found = compute_metrics(truth, weights, baseline, silenced, predictions)
    shown = {name: found.overall(name) for name in found.overall_names}
    assert shown.pop("better_than_baseline") == 0
    assert shown.pop("weighted_cosine") == 0
    assert np.isnan([*shown.values()]).all()

"""AUROC and average precision are those of scikit-learn, with ties and gaps."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, roc_auc_score

from echoes.scoring import ranking
from echoes.scoring.ranking import rank_metrics, rank_rows

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

always_the_same = settings(derandomize=True, deadline=None, max_examples=150)


@st.composite
def ranked(draw: st.DrawFn) -> tuple[Array, Mask, Mask]:
    """Scores with many ties, classes, and which pairs count."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 12)))
    score = st.one_of(
        st.integers(-2, 2).map(float),
        st.floats(allow_nan=False),
        st.sampled_from([0.0, -0.0]),
    )
    scores = draw(hnp.arrays(np.float64, shape, elements=score))
    positive, counted = draw(hnp.arrays(np.bool_, (2, *shape)))
    return scores, positive, counted


def by_sklearn(score: Array, positive: Mask) -> tuple[float, float, float]:
    if len(set(positive.tolist())) < 2:
        return np.nan, np.nan, np.nan
    # scikit-learn takes no infinite scores: their order is all that counts.
    order = np.unique(score, return_inverse=True)[1].astype(float)
    return (
        roc_auc_score(positive, order),
        average_precision_score(positive, order),
        positive.mean(),
    )


@always_the_same
@given(ranked(), st.integers(1, 3))
def test_figures_are_those_of_sklearn(example: tuple[Array, Mask, Mask], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(ranking, "_ROWS", block)
        found = np.array(rank_rows(*example))
    expected = [
        by_sklearn(score[counted], positive[counted])
        for score, positive, counted in zip(*example, strict=True)
    ]
    np.testing.assert_allclose(found.T, expected, rtol=0, atol=1e-12)


@always_the_same
@given(ranked(), st.floats(-1e6, 1e6))
def test_a_constant_is_exactly_chance(example: tuple[Array, Mask, Mask], value: float) -> None:
    score, positive, counted = example
    auroc, ap, prevalence = rank_rows(np.full_like(score, value), positive, counted)
    assert set(auroc[~np.isnan(auroc)]) <= {0.5}
    np.testing.assert_array_equal(ap, prevalence)
    np.testing.assert_array_equal(np.isnan(auroc), np.isnan(prevalence))


@always_the_same
@given(ranked())
def test_turned_scores_have_the_other_area(example: tuple[Array, Mask, Mask]) -> None:
    score, positive, counted = example
    auroc = rank_rows(score, positive, counted)[0]
    np.testing.assert_allclose(rank_rows(-score, positive, counted)[0], 1 - auroc, atol=1e-15)
    np.testing.assert_allclose(rank_rows(score, ~positive, counted)[0], 1 - auroc, atol=1e-15)


def test_a_score_that_is_no_number_is_undefined() -> None:
    score = np.array([[1.0, np.nan, 0.0], [1.0, np.nan, 0.0]])
    positive = np.array([[True, False, False]] * 2)
    counted = np.array([[True, True, True], [True, False, True]])
    assert np.isnan(rank_rows(score, positive, counted)[0]).tolist() == [True, False]


def screen(n: int = 40, genes: int = 30) -> tuple[Array, Array, Array]:
    """Effects with gaps, predictions, and two mean predictions."""
    random = np.random.default_rng(1)
    truth = random.normal(size=(n, genes))
    prediction = np.round(truth + 2 * random.normal(size=truth.shape), 1)
    truth[random.random(truth.shape) < 0.2] = np.nan
    return truth, prediction, random.normal(size=(2, genes))[np.arange(n) % 2]


def test_measured_effects() -> None:
    truth, prediction, centre = screen()
    silenced = np.arange(40) % 31 - 1
    perturbations, genes = rank_metrics(truth, prediction, centre, silenced, 0.8)
    assert set(genes) == {
        f"{figure}_{question}_gene"
        for figure in ("auroc", "ap", "prevalence")
        for question in ("de", "up")
    }
    assert [name.replace("perturbation", "gene") for name in perturbations] == [*genes]
    own = np.arange(30) == silenced[:, None]
    for axis, found, name in ((0, genes, "gene"), (1, perturbations, "perturbation")):
        for unit in range(truth.shape[1 - axis]):
            y, x, c, out = (np.take(a, unit, 1 - axis) for a in (truth, prediction, centre, own))
            kept = ~np.isnan(y) & ~out
            y, size, dev = y[kept], (abs(x) - abs(c))[kept], (x - c)[kept]
            de = abs(y) >= 0.8
            expected = (*by_sklearn(size, de), *by_sklearn(dev[de], y[de] > 0))
            values = [
                found[f"{figure}_{question}_{name}"][unit]
                for question in ("de", "up")
                for figure in ("auroc", "ap", "prevalence")
            ]
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("threshold", [0.1, 1.0])
def test_labels_of_differential_expression(threshold: float) -> None:
    truth, prediction, centre = screen()
    truth = np.where(np.isnan(truth), np.nan, truth > 0.5)
    centre[:] = centre[0]
    # Each label that is given counts, also that of the silenced gene.
    silenced = np.arange(40) % 30
    _, genes = rank_metrics(truth, prediction, centre, silenced, threshold)
    kept = ~np.isnan(truth)
    # The figure of PerturbQA: of each gene over its pairs, by what is predicted for it.
    expected = [roc_auc_score(truth[kept[:, g], g], prediction[kept[:, g], g]) for g in range(30)]
    np.testing.assert_allclose(genes["auroc_de_gene"], expected, rtol=0, atol=1e-12)
    assert np.isnan(genes["auroc_up_gene"]).all()


def test_labels_of_the_direction() -> None:
    truth, prediction, centre = screen()
    centre[:] = centre[0]
    direction = np.sign(truth)
    _, genes = rank_metrics(direction, prediction, centre, np.full(40, -1), 1.0)
    kept = ~np.isnan(truth)
    expected = [
        roc_auc_score(truth[kept[:, g], g] > 0, prediction[kept[:, g], g]) for g in range(30)
    ]
    np.testing.assert_allclose(genes["auroc_up_gene"], expected, rtol=0, atol=1e-12)
    assert np.isnan(genes["auroc_de_gene"]).all()
    # Labels of three classes answer both questions; either direction is a change.
    three = np.where(abs(truth) > 0.5, direction, 0 * direction)
    _, genes = rank_metrics(three, prediction, centre, np.full(40, -1), 1.0)
    expected = [
        roc_auc_score(three[kept[:, g], g] != 0, abs(prediction[kept[:, g], g])) for g in range(30)
    ]
    np.testing.assert_allclose(genes["auroc_de_gene"], expected, rtol=0, atol=1e-12)

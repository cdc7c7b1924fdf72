"""The held-out protocol: what a model may see, linear models inside it, and ensembles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from echoes.io.errors import InputError
from echoes.models import held_out
from echoes.models.echo import Echo
from echoes.models.held_out import (
    FEWEST,
    MODELS,
    Settings,
    convex_weights,
    inner_score,
    predict,
    predict_ensemble,
)
from echoes.models.inner_loop import deal
from echoes.models.regression import NAMES, Regression
from echoes.models.task import Prediction, Problem
from echoes.scoring import metrics
from problems import example

Array = npt.NDArray[np.float64]
Learn = Callable[[Problem, int], Prediction]

REGRESSION = Regression(penalties=(0.1, 1.0, 10.0), inner_folds=2)
ECHO = Echo(penalties=(1.0, 10.0), inner_folds=4)


def settings(*models: str, **changes: object) -> Settings:
    return replace(Settings(models, 3, REGRESSION, ECHO), **changes)


def alone(name: str, *, inner: bool = False) -> Learn:
    return lambda full, row: predict(full.split(np.array([row])), settings(name), inner=inner)


def ensemble(full: Problem, row: int) -> Prediction:
    names = ("echo", "ridge", "nearest")
    parts = [full.split(np.array([row]))] * 3
    return predict_ensemble(parts, [settings(name) for name in names], names)


def assert_same(one: Prediction, other: Prediction) -> None:
    """Compare all that is told, bit for bit."""
    np.testing.assert_array_equal(one.deltas, other.deltas)
    np.testing.assert_array_equal(one.centre, other.centre)
    assert (one.inner is None) == (other.inner is None)
    if one.inner is not None and other.inner is not None:
        np.testing.assert_array_equal(one.inner, other.inner)
    assert one.choices == other.choices


def assert_blind(learn: Learn, row: int) -> None:
    """Check that nothing changes with the response and the weights of the row left out."""
    full = example(asked=0, genes=40, isolated=(3,))
    expected = learn(full, row)
    random = np.random.default_rng(row)
    noise = random.normal(size=40), random.gamma(1.0, size=40)
    for response, weights in (noise, (1e9, 1e9), (np.nan, np.nan), (np.inf, 0.0)):
        deltas, weighed = full.deltas.copy(), full.weights.copy()
        deltas[row], weighed[row] = response, weights
        assert_same(learn(replace(full, deltas=deltas, weights=weighed), row), expected)
    # What it must not see in this row it sees in the others.
    moved = learn(replace(full, deltas=full.deltas + 1), row)
    assert np.abs(moved.deltas - expected.deltas).max() > 0 or not expected.deltas.any()


@pytest.mark.parametrize("row", [0, 3, 7])
@pytest.mark.parametrize("name", MODELS)
def test_left_out_row_is_never_read(name: str, row: int) -> None:
    assert_blind(alone(name), row)


@pytest.mark.parametrize("name", ["ridge", "nearest", "reweighted_median"])
def test_left_out_row_is_never_read_by_the_inner_loop(name: str) -> None:
    assert_blind(alone(name, inner=True), 5)


@pytest.mark.parametrize("row", [0, 3])
def test_left_out_row_is_never_read_by_an_ensemble(row: int) -> None:
    assert_blind(ensemble, row)


def leaky_centre(full: Problem, row: int) -> Prediction:
    return replace(alone("echo")(full, row), centre=full.deltas.mean(axis=0))


def leaky_components(full: Problem, row: int) -> Prediction:
    axes = np.linalg.svd(full.deltas - full.deltas.mean(axis=0))[2][:3]
    honest = alone("mean")(full, row)
    return replace(honest, deltas=honest.deltas @ axes.T @ axes)


def leaky_weights(full: Problem, row: int) -> Prediction:
    return replace(alone("mean")(full, row), choices={"weight": float(full.weights.mean())})


def leaky_penalty(full: Problem, row: int) -> Prediction:
    penalty = 1.0 if full.deltas[row, 0] > 5 else 10.0
    how = settings("echo", echo=replace(ECHO, penalties=(penalty,)))
    return predict(full.split(np.array([row])), how)


@pytest.mark.parametrize("model", [leaky_centre, leaky_components, leaky_weights, leaky_penalty])
def test_a_model_that_reads_the_left_out_row_is_caught(model: Learn) -> None:
    with pytest.raises((AssertionError, np.linalg.LinAlgError)):
        assert_blind(model, 3)


@pytest.mark.parametrize("row", range(0, 12, 3))
def test_ridge_equals_a_pipeline_of_scikit_learn(row: int) -> None:
    full = example(asked=0)
    ours = predict(full.split(np.array([row])), settings("ridge"))
    kept = np.delete(np.arange(12), row)
    pca = PCA(3, svd_solver="full").fit(full.deltas[kept])
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=REGRESSION.penalties, cv=2))
    model.fit(full.features[kept], pca.transform(full.deltas[kept]))
    expected = pca.inverse_transform(model.predict(full.features[[row]]))
    np.testing.assert_allclose(ours.deltas, expected, atol=1e-10)
    fitted = pca.inverse_transform(model.predict(full.features[kept]))
    np.testing.assert_allclose(ours.centre, fitted.mean(axis=0), atol=1e-10)
    assert ours.choices["ridge_penalty"] == model[-1].alpha_
    assert 0 <= ours.choices["ridge_gap"] <= REGRESSION.gap
    assert ours.inner is None


@pytest.mark.parametrize(("name", "middle"), [("ridge", 1.0), ("elastic_net", 0.01)])
def test_a_penalty_at_the_edge_is_told(name: str, middle: float) -> None:
    problem = example(m=20, signal=0.3)

    def at_edge(*penalties: float) -> float:
        how = settings(name, regression=replace(REGRESSION, penalties=penalties))
        return predict(problem, how).choices[f"{name}_at_edge"]

    assert at_edge(1e-4, 1e4) == at_edge(1.0) == at_edge(1e4, 1e5, 1e6) == 1
    assert at_edge(1e-8, middle, 1e6) == 0


def test_components_are_as_many_as_there_can_be() -> None:
    problem = example(m=6)
    for name in NAMES:
        few, many = (predict(problem, settings(name, n_components=t)) for t in (5, 100))
        assert_same(few, many)


@pytest.mark.parametrize("name", ["mean", "ridge"])
def test_inner_predictions_are_made_without_the_row(name: str) -> None:
    problem = example()
    assert predict(problem, settings(name)).inner is None
    ours = predict(problem, settings(name), inner=True)
    assert ours.inner is not None
    for rows in deal(range(12), 4):
        expected = predict(problem.split(rows), settings(name)).deltas
        np.testing.assert_array_equal(ours.inner[rows], expected)


def test_an_experiment_averages_its_models() -> None:
    problem = example()
    names = ("echo", "ridge", "mean")
    parts = [predict(problem, settings(name), inner=True) for name in names]
    ours = predict(problem, settings(*names), inner=True)
    for part in ("deltas", "centre", "inner"):
        expected = np.mean([getattr(one, part) for one in parts], axis=0)
        np.testing.assert_allclose(getattr(ours, part), expected, atol=1e-15)
    assert ours.choices == parts[0].choices | parts[1].choices
    assert predict(problem, settings(*names)).inner is None


@pytest.mark.parametrize("name", MODELS)
def test_too_few_perturbations(name: str) -> None:
    message = f"held_out leaves {FEWEST - 1} perturbations to learn from; expected at least"
    with pytest.raises(InputError, match=message):
        predict(example(FEWEST - 1), settings(name))
    ours = predict(example(FEWEST), settings(name))
    assert np.isfinite(ours.deltas).all()


def test_split_takes_rows_apart() -> None:
    full = example(asked=0)
    part = full.split(np.array([5, 2]), np.array([0, 9, 4]))
    np.testing.assert_array_equal(part.deltas, full.deltas[[0, 9, 4]])
    np.testing.assert_array_equal(part.weights, full.weights[[0, 9, 4]])
    rows = [0, 9, 4, 5, 2]
    for name in ("silenced", "reach", "known", "features"):
        np.testing.assert_array_equal(getattr(part, name), getattr(full, name)[rows])
    np.testing.assert_array_equal(part.kernels, full.kernels[:, rows][:, :, rows])
    assert full.split(np.array([1])).training == 11


@pytest.mark.parametrize(("members", "steps"), [(1, 10), (2, 10), (3, 4), (4, 3)])
def test_convex_weights_are_all_there_are(members: int, steps: int) -> None:
    weights = convex_weights(members, steps)
    assert weights.shape == (comb(steps + members - 1, members - 1), members)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights * steps, np.round(weights * steps), atol=1e-12)
    assert len(np.unique(weights, axis=0)) == len(weights)


def told(deltas: Array, inner: Array) -> held_out.Model:
    """Make a model that says what it is told to, of any part of the training rows."""
    return lambda *_: Prediction(deltas, deltas.mean(axis=0), inner)


def test_an_ensemble_favours_the_member_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = example()
    random = np.random.default_rng(0)
    wrong = problem.deltas[random.permutation(12)]
    asked = random.normal(size=(2, 3, 15))
    models = {"right": told(asked[0], problem.deltas), "wrong": told(asked[1], wrong)}
    monkeypatch.setattr(held_out, "MODELS", models)
    how = [settings("wrong"), settings("right")]
    ours = predict_ensemble([problem] * 2, how, ["one", "other"])
    assert ours.choices["weight_other"] > 0.99
    assert sum(ours.choices.values()) == pytest.approx(1)
    expected = ours.choices["weight_one"] * asked[1] + ours.choices["weight_other"] * asked[0]
    np.testing.assert_allclose(ours.deltas, expected, atol=1e-14)


def test_an_ensemble_of_two_halves_takes_both(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = example(m=20)
    noise = 0.3 * np.random.default_rng(0).normal(size=problem.deltas.shape)
    asked = np.zeros((3, 15))
    # Errors that cancel.
    models = {
        "over": told(asked, problem.deltas + noise),
        "under": told(asked, problem.deltas - noise),
    }
    monkeypatch.setattr(held_out, "MODELS", models)
    ours = predict_ensemble([problem] * 2, [settings("over"), settings("under")], ["a", "b"])
    assert ours.choices == {f"weight_{name}": pytest.approx(0.5, abs=0.01) for name in "ab"}
    np.testing.assert_allclose(ours.inner, problem.deltas, atol=0.01)


@pytest.mark.parametrize("name", ["echo", "ridge"])
def test_an_ensemble_of_one_experiment_twice_is_that_experiment(name: str) -> None:
    problem, how = example(), settings(name)
    expected = predict(problem, how, inner=True)
    for members in (1, 2):
        ours = predict_ensemble([problem] * members, [how] * members, ["a", "b"][:members])
        for part in ("deltas", "centre", "inner"):
            np.testing.assert_allclose(getattr(ours, part), getattr(expected, part), atol=1e-14)


def test_inner_score_is_the_score_of_the_inner_predictions() -> None:
    problem = example()
    ours = predict(problem, settings("echo"))
    truth, weights = problem.deltas, problem.weights
    baseline = metrics.weighted_mae(truth, truth.mean(axis=0), weights)
    assert ours.inner is not None
    expected = metrics.score(truth, ours.inner, weights, baseline).total
    assert inner_score(problem, ours) == pytest.approx(expected, abs=1e-5)
    assert np.isnan(inner_score(problem, predict(problem, settings("mean"))))

"""The held-out protocol: what a model may see, linear models inside it, and ensembles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from echoes.io.errors import InputError
from echoes.models import held_out
from echoes.models.catalogue import MODELS
from echoes.models.held_out import (
    FEWEST_PERTURBATIONS,
    Member,
    convex_weights,
    inner_score,
    outer_folds,
    predict,
    predict_ensemble,
    predict_folds,
    predict_validation,
)
from echoes.models.inner_loop import assign_folds
from echoes.models.regression import NAMES
from echoes.models.task import Prediction, Settings, Task
from echoes.models.uncertainty import expected_error
from echoes.scoring import metrics
from tasks import REGRESSION, SETTINGS, example_task, settings_with

Array = npt.NDArray[np.float64]
Learn = Callable[[Task, int], Prediction]


def alone(name: str, *, inner: bool = False) -> Learn:
    return lambda full, row: predict(full.split(np.array([row])), [name], SETTINGS, inner=inner)


def members_of(task: Task, *models: str) -> list[Member]:
    return [Member(name, (name,), task, SETTINGS) for name in models]


def ensemble(full: Task, row: int) -> Prediction:
    part = full.split(np.array([row]))
    return predict_ensemble(members_of(part, "echo", "ridge", "nearest"))


def assert_same(one: Prediction, other: Prediction) -> None:
    """Compare all of two predictions, bit for bit."""
    np.testing.assert_array_equal(one.deltas, other.deltas)
    np.testing.assert_array_equal(one.centre, other.centre)
    assert (one.inner is None) == (other.inner is None)
    if one.inner is not None and other.inner is not None:
        np.testing.assert_array_equal(one.inner, other.inner)
    assert one.choices == other.choices


def assert_blind(learn: Learn, row: int) -> None:
    """Check that nothing changes with the response and the weights of the row left out."""
    full = example_task(to_predict=0, genes=40, isolated=(3,))
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


def leaky_centre(full: Task, row: int) -> Prediction:
    return replace(alone("echo")(full, row), centre=full.deltas.mean(axis=0))


def leaky_components(full: Task, row: int) -> Prediction:
    axes = np.linalg.svd(full.deltas - full.deltas.mean(axis=0))[2][:3]
    honest = alone("mean")(full, row)
    return replace(honest, deltas=honest.deltas @ axes.T @ axes)


def leaky_weights(full: Task, row: int) -> Prediction:
    return replace(alone("mean")(full, row), choices={"weight": float(full.weights.mean())})


def leaky_penalty(full: Task, row: int) -> Prediction:
    penalty = 1.0 if full.deltas[row, 0] > 5 else 10.0
    settings = settings_with(echo={"penalties": [penalty]})
    return predict(full.split(np.array([row])), ["echo"], settings)


@pytest.mark.parametrize("model", [leaky_centre, leaky_components, leaky_weights, leaky_penalty])
def test_a_model_that_reads_the_left_out_row_is_caught(model: Learn) -> None:
    with pytest.raises((AssertionError, np.linalg.LinAlgError)):
        assert_blind(model, 3)


@pytest.mark.parametrize("row", range(0, 12, 3))
def test_ridge_equals_a_pipeline_of_scikit_learn(row: int) -> None:
    full = example_task(to_predict=0)
    ours = predict(full.split(np.array([row])), ["ridge"], SETTINGS)
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
def test_a_penalty_at_the_edge_is_reported(name: str, middle: float) -> None:
    task = example_task(m=20, signal=0.3)

    def at_edge(*penalties: float) -> float:
        settings = settings_with(regression={"penalties": penalties})
        return predict(task, [name], settings).choices[f"{name}_at_edge"]

    assert at_edge(1e-4, 1e4) == at_edge(1.0) == at_edge(1e4, 1e5, 1e6) == 1
    assert at_edge(1e-8, middle, 1e6) == 0


def test_components_are_as_many_as_there_can_be() -> None:
    task = example_task(m=6)
    for name in NAMES:
        few, many = (
            predict(task, [name], settings_with(response={"n_components": t})) for t in (5, 100)
        )
        assert_same(few, many)


@pytest.mark.parametrize("name", ["mean", "ridge"])
def test_inner_predictions_are_fits_without_the_row(name: str) -> None:
    task = example_task()
    assert predict(task, [name], SETTINGS).inner is None
    ours = predict(task, [name], SETTINGS, inner=True)
    assert ours.inner is not None
    for rows in assign_folds(range(12), 4):
        expected = predict(task.split(rows), [name], SETTINGS).deltas
        np.testing.assert_array_equal(ours.inner[rows], expected)


def test_an_experiment_averages_its_models() -> None:
    task = example_task()
    names = ("echo", "ridge", "mean")
    parts = [predict(task, [name], SETTINGS, inner=True) for name in names]
    ours = predict(task, names, SETTINGS, inner=True)
    for part in ("deltas", "centre", "inner"):
        expected = np.mean([getattr(one, part) for one in parts], axis=0)
        np.testing.assert_allclose(getattr(ours, part), expected, atol=1e-15)
    assert ours.choices == parts[0].choices | parts[1].choices
    assert predict(task, names, SETTINGS).inner is None


@pytest.mark.parametrize("name", MODELS)
def test_too_few_perturbations(name: str) -> None:
    message = (
        f"held_out leaves {FEWEST_PERTURBATIONS - 1} perturbations to learn from; expected at least"
    )
    with pytest.raises(InputError, match=message):
        predict(example_task(FEWEST_PERTURBATIONS - 1), [name], SETTINGS)
    ours = predict(example_task(FEWEST_PERTURBATIONS), [name], SETTINGS)
    assert np.isfinite(ours.deltas).all()


def test_split_takes_rows_apart() -> None:
    full = example_task(to_predict=0)
    part = full.split(np.array([5, 2]), np.array([0, 9, 4]))
    np.testing.assert_array_equal(part.deltas, full.deltas[[0, 9, 4]])
    np.testing.assert_array_equal(part.weights, full.weights[[0, 9, 4]])
    rows = [0, 9, 4, 5, 2]
    for name in ("silenced", "reach", "known", "features"):
        np.testing.assert_array_equal(getattr(part, name), getattr(full, name)[rows])
    np.testing.assert_array_equal(part.kernels, full.kernels[:, rows][:, :, rows])
    assert full.split(np.array([1])).n_training == 11


@pytest.mark.parametrize(("members", "steps"), [(1, 10), (2, 10), (3, 4), (4, 3)])
def test_convex_weights_are_all_there_are(members: int, steps: int) -> None:
    weights = convex_weights(members, steps)
    assert weights.shape == (comb(steps + members - 1, members - 1), members)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights * steps, np.round(weights * steps), atol=1e-12)
    assert len(np.unique(weights, axis=0)) == len(weights)


def fixed(deltas: Array, inner: Array) -> held_out.Model:
    """Make a model that gives the same prediction whatever the task is."""
    return lambda *_: Prediction(deltas, deltas.mean(axis=0), inner)


def replace_models(monkeypatch: pytest.MonkeyPatch, **models: held_out.Model) -> None:
    monkeypatch.setattr(held_out, "model_function", models.__getitem__)


def test_an_ensemble_favours_the_member_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    task = example_task()
    random = np.random.default_rng(0)
    wrong = task.deltas[random.permutation(12)]
    predicted = random.normal(size=(2, 3, 15))
    replace_models(
        monkeypatch, mean=fixed(predicted[0], task.deltas), median=fixed(predicted[1], wrong)
    )
    ours = predict_ensemble([
        Member("one", ("median",), task, SETTINGS),
        Member("other", ("mean",), task, SETTINGS),
    ])  # fmt: skip
    assert ours.choices["weight_other"] > 0.99
    assert sum(ours.choices.values()) == pytest.approx(1)
    weights = ours.choices["weight_one"], ours.choices["weight_other"]
    expected = weights[0] * predicted[1] + weights[1] * predicted[0]
    np.testing.assert_allclose(ours.deltas, expected, atol=1e-14)


def test_an_ensemble_of_two_halves_takes_both(monkeypatch: pytest.MonkeyPatch) -> None:
    task = example_task(m=20)
    noise = 0.3 * np.random.default_rng(0).normal(size=task.deltas.shape)
    predicted = np.zeros((3, 15))
    # Errors that cancel.
    replace_models(
        monkeypatch,
        mean=fixed(predicted, task.deltas + noise),
        median=fixed(predicted, task.deltas - noise),
    )
    ours = predict_ensemble(members_of(task, "mean", "median"))
    half = pytest.approx(0.5, abs=0.01)
    assert ours.choices == {"weight_mean": half, "weight_median": half}
    assert ours.inner is not None
    np.testing.assert_allclose(ours.inner, task.deltas, atol=0.01)


@pytest.mark.parametrize("name", ["echo", "ridge"])
def test_an_ensemble_of_one_experiment_twice_is_that_experiment(name: str) -> None:
    task = example_task()
    expected = predict(task, [name], SETTINGS, inner=True)
    for count in (1, 2):
        ours = predict_ensemble(members_of(task, name) * count)
        for part in ("deltas", "centre", "inner"):
            np.testing.assert_allclose(getattr(ours, part), getattr(expected, part), atol=1e-14)


def test_inner_score_is_the_score_of_the_inner_predictions() -> None:
    task = example_task()
    ours = predict(task, ["echo"], SETTINGS)
    truth, weights = task.deltas, task.weights
    baseline = metrics.weighted_mae(truth, truth.mean(axis=0), weights)
    assert ours.inner is not None
    expected = metrics.score(truth, ours.inner, weights, baseline).total
    assert inner_score(task, ours) == pytest.approx(expected, abs=1e-5)
    assert np.isnan(inner_score(task, predict(task, ["mean"], SETTINGS)))


def without_inputs(full: Task) -> Task:
    """Leave out kernels and features, as for models that do not need them."""
    rows = len(full.silenced)
    return replace(
        full,
        kernels=np.empty((0, rows, rows)),
        reach=np.empty((rows, 0)),
        known=np.zeros(rows, dtype=bool),
        features=np.empty((rows, 0)),
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_model_reads_what_the_catalogue_says_and_nothing_else(name: str) -> None:
    """Neither inputs nor sections of settings that the catalogue does not list."""
    model, full = MODELS[name], example_task()
    task = without_inputs(full)
    if "kernels" in model.inputs:
        task = replace(task, kernels=full.kernels, reach=full.reach, known=full.known)
    if "features" in model.inputs:
        task = replace(task, features=full.features)
    sections = {entry.partition(".")[0] for entry in model.reads}
    settings: Settings = {key: part for key, part in SETTINGS.items() if key in sections}
    assert_same(predict(task, [name], settings), predict(full, [name], SETTINGS))


#: Other settings than those of `SETTINGS`.
OTHER: dict[str, dict[str, Any]] = {
    "blend": {"shares": [0.1]},
    "echo": {"blends": [0.1], "kernels": ["profile"], "penalties": [0.5]},
    "inner_crossval": {"folds": 3},
    "response": {"n_components": 2},
    "regression": {"penalties": [3.0, 30.0]},
}


@pytest.mark.parametrize(
    ("name", "section"),
    [
        (name, section)
        for name, model in MODELS.items()
        for section in model.reads
        if section in OTHER
    ],
)
def test_a_model_reads_all_that_the_catalogue_says(name: str, section: str) -> None:
    task = example_task()
    one = predict(task, [name], SETTINGS)
    other = predict(task, [name], settings_with(**{section: OTHER[section]}))
    assert np.abs(one.deltas - other.deltas).max() > 0


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].inputs])
def test_a_model_without_what_it_needs_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"members: {name}: there are no {MODELS[name].inputs[0]}"):
        predict(without_inputs(example_task()), [name], SETTINGS)


def no_progress(*_: float) -> None:
    """Report nothing."""


def test_folds_are_predicted_one_after_another() -> None:
    task = example_task(to_predict=0)
    folds = outer_folds(task, 5)
    calls: list[tuple[int, int, float]] = []
    ours = predict_folds(
        members_of(task, "echo"),
        folds,
        inner=False,
        progress=lambda *call: calls.append(call),
    )
    assert [call[:2] for call in calls] == [(number, 5) for number in range(1, 6)]
    seconds_left = [call[2] for call in calls]
    assert min(seconds_left[:-1]) > 0
    assert seconds_left[-1] == 0
    np.testing.assert_array_equal(ours.rows, np.concatenate(folds))
    for number, rows in enumerate(folds):
        part = task.split(rows)
        expected = predict(part, ["echo"], SETTINGS)
        assert expected.inner is not None
        mine = ours.fold == number
        np.testing.assert_array_equal(ours.rows[mine], rows)
        np.testing.assert_array_equal(ours.prediction[mine], expected.deltas)
        np.testing.assert_array_equal(ours.centre[number], expected.centre)
        np.testing.assert_array_equal(ours.mean[number], part.deltas.mean(axis=0))
        spread, quantiles = expected_error(part, expected.inner)
        np.testing.assert_array_equal(ours.spread[mine], spread)
        np.testing.assert_array_equal(ours.quantiles[number], quantiles)
        assert ours.inner_score[number] == inner_score(part, expected)
        choices = dict(zip(ours.choice_names.tolist(), ours.choices[number].tolist(), strict=True))
        assert choices == expected.choices
    assert (ours.seconds > 0).all()


def test_members_may_be_let_go() -> None:
    task = example_task(to_predict=0)
    folds = outer_folds(task, 3)
    kept, emptied = members_of(task, "echo"), members_of(task, "echo")
    expected = predict_folds(kept, folds, inner=False, progress=no_progress)
    ours = predict_folds(emptied, folds, inner=False, progress=no_progress, last_use=True)
    assert kept
    assert not emptied
    np.testing.assert_array_equal(ours.prediction, expected.prediction)


def test_validation_perturbations_are_predicted_by_one_fit() -> None:
    task = example_task()
    ours = predict_validation(members_of(task, "ridge", "mean"), inner=False)
    expected = predict_ensemble(members_of(task, "ridge", "mean"))
    assert ours.rows.tolist() == [0, 1, 2]
    assert ours.fold.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(ours.prediction, expected.deltas)
    assert ours.choice_names.tolist() == ["weight_mean", "weight_ridge"]


@pytest.mark.parametrize("names", [["echo"], ["ridge", "nearest"], ["bilinear"]])
def test_one_gene_twice_is_predicted_alike_to_the_last_bit(names: list[str]) -> None:
    task = example_task(m=8, to_predict=0)
    rows = np.array([6, 7, 6, 6, 7, 6, 6])
    task = task.take(np.arange(6), rows)
    ours = predict_validation(members_of(task, *names), inner=False).prediction
    for row, number in enumerate(rows):
        np.testing.assert_array_equal(ours[row], ours[number - 6])
    assert (ours[0] != ours[1]).any()


def test_a_part_may_be_without_folds() -> None:
    ours = predict_folds(members_of(example_task(), "mean"), [], inner=False, progress=no_progress)
    assert ours.prediction.shape == (0, 15)
    assert len(ours.rows) == len(ours.fold) == len(ours.seconds) == 0


def test_guides_of_one_gene_are_held_out_together() -> None:
    task = example_task(m=6, to_predict=0)
    task = replace(task, groups=np.array([4, 2, 4, 0, 2, 1]))
    assert [rows.tolist() for rows in outer_folds(task, None)] == [[3], [5], [1, 4], [0, 2]]
    assert [rows.tolist() for rows in outer_folds(task, 2)] == [[1, 3, 4], [0, 2, 5]]
    for folds in (1, 5):
        with pytest.raises(InputError, match=f"crossval: folds: {folds} for 4 silenced genes"):
            outer_folds(task, folds)

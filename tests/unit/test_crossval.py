"""One left-out perturbation, against a pipeline of scikit-learn, and what a fold must not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import MultiTaskElasticNetCV, RidgeCV
from sklearn.preprocessing import StandardScaler

from echoes.io.errors import InputError, NotConvergedError
from echoes.models import elastic_net
from echoes.models.components import decompose
from echoes.models.published import (
    FittedFold,
    leave_one_out,
    load_fold,
    save_fold,
    summarise_fold,
)
from echoes.models.regression import BACKENDS
from tasks import REGRESSION

Array = npt.NDArray[np.float64]

BOTH = ("ridge", "elastic_net")
SETTINGS = replace(
    REGRESSION,
    penalties=(0.1, 1.0, 100.0),
    inner_folds=3,
    gap=1e-12,
    max_iter=100_000,
    tolerance=1e-12,
)


def data(n: int = 11, features: int = 16, t: int = 3) -> tuple[Array, Array, Array]:
    random = np.random.default_rng(n)
    train = random.gamma(0.3, size=(n, features))
    # Constant, and constant but for the third row.
    train[:, 4] = 0.1
    train[:, 5] = np.arange(n) == 2
    validation = random.gamma(0.3, size=(4, features))
    targets = 5 * train[:, :3] @ random.normal(size=(3, t)) + 0.1 * random.normal(size=(n, t))
    return train, validation, targets


def pipeline(name: str, train: Array, targets: Array, rows: Array) -> tuple[Array, float]:
    """Fit with scikit-learn alone, on all columns, and predict."""
    model = (
        RidgeCV(alphas=SETTINGS.penalties, cv=SETTINGS.inner_folds)
        if name == "ridge"
        else MultiTaskElasticNetCV(
            l1_ratio=0.5, alphas=SETTINGS.penalties, cv=3, max_iter=100_000, tol=1e-12
        )
    )
    varies = np.ptp(train, axis=0) > 0
    scaler = StandardScaler().fit(train[:, varies])
    model.fit(scaler.transform(train[:, varies]), targets)
    return model.predict(scaler.transform(rows[:, varies])), float(model.alpha_)


def assert_same(one: FittedFold, other: FittedFold) -> None:
    """Compare all but the time, bit for bit."""
    np.testing.assert_array_equal(one.held_out, other.held_out)
    np.testing.assert_array_equal(one.validation, other.validation)
    for a, b in zip(one.fits, other.fits, strict=True):
        np.testing.assert_array_equal(a.coefficients, b.coefficients)
        np.testing.assert_array_equal(a.intercept, b.intercept)
        assert (a.penalty, a.gap, a.unconverged) == (b.penalty, b.gap, b.unconverged)
        np.testing.assert_equal(a.inner_gap, b.inner_gap)


@pytest.mark.parametrize("fold", [0, 2, 10])
@pytest.mark.parametrize("names", [("ridge",), ("elastic_net",), BOTH, BOTH[::-1]])
@pytest.mark.parametrize("backend", BACKENDS)
def test_equals_a_pipeline_of_scikit_learn(fold: int, names: tuple[str, ...], backend: str) -> None:
    train, validation, targets = data()
    settings = replace(SETTINGS, backend=backend)
    ours = leave_one_out(train, validation, targets, fold, names, settings)
    kept = [i for i in range(11) if i != fold]
    rows = np.vstack([train[fold], validation])
    theirs = [pipeline(name, train[kept], targets[kept], rows) for name in names]
    expected = np.mean([prediction for prediction, _ in theirs], axis=0)
    assert ours.held_out.shape == (3,)
    assert ours.validation.shape == (4, 3)
    np.testing.assert_allclose(ours.held_out, expected[0], atol=1e-5)
    np.testing.assert_allclose(ours.validation, expected[1:], atol=1e-5)
    assert [fit.penalty for fit in ours.fits] == [penalty for _, penalty in theirs]
    assert all(fit.coefficients.any() for fit in ours.fits)
    assert len(ours.seconds) == len(names)
    assert all(seconds > 0 for seconds in ours.seconds)


def test_drops_what_is_constant_without_the_left_out_row() -> None:
    train, validation, targets = data()
    without = leave_one_out(train, validation, targets, 2, BOTH, SETTINGS)
    assert {fit.coefficients.shape for fit in without.fits} == {(14, 3)}
    with_it = leave_one_out(train, validation, targets, 3, BOTH, SETTINGS)
    assert {fit.coefficients.shape for fit in with_it.fits} == {(15, 3)}


@pytest.mark.parametrize("names", [("ridge",), ("elastic_net",), BOTH])
@pytest.mark.parametrize("fold", [0, 6, 10])
def test_target_of_the_left_out_row_is_never_read(fold: int, names: tuple[str, ...]) -> None:
    train, validation, targets = data()
    expected = leave_one_out(train, validation, targets, fold, names, SETTINGS)
    for noise in (np.nan, np.inf, 1e9):
        changed = targets.copy()
        changed[fold] = noise
        assert_same(leave_one_out(train, validation, changed, fold, names, SETTINGS), expected)


@pytest.mark.parametrize("fold", [0, 6, 10])
def test_target_of_the_left_out_row_is_never_read_by_a_coarse_start(fold: int) -> None:
    train, validation, targets = data(features=2000)
    expected = leave_one_out(train, validation, targets, fold, ("elastic_net",), SETTINGS)
    for noise in (np.nan, 1e9):
        changed = targets.copy()
        changed[fold] = noise
        found = leave_one_out(train, validation, changed, fold, ("elastic_net",), SETTINGS)
        assert_same(found, expected)


def test_targets_of_all_other_rows_are_read() -> None:
    train, validation, targets = data()
    expected = leave_one_out(train, validation, targets, 4, ("ridge",), SETTINGS)
    for row in (i for i in range(11) if i != 4):
        changed = targets.copy()
        changed[row] += 1
        moved = leave_one_out(train, validation, changed, 4, ("ridge",), SETTINGS)
        assert np.abs(moved.held_out - expected.held_out).max() > 1e-6


def test_features_of_the_left_out_row_move_its_prediction_only() -> None:
    train, validation, targets = data()
    expected = leave_one_out(train, validation, targets, 4, BOTH, SETTINGS)
    changed = train.copy()
    changed[4] *= 3
    moved = leave_one_out(changed, validation, targets, 4, BOTH, SETTINGS)
    np.testing.assert_array_equal(moved.validation, expected.validation)
    assert np.abs(moved.held_out - expected.held_out).max() > 1e-6


def test_a_validation_row_equal_to_the_left_out_one_is_predicted_alike() -> None:
    train, _, targets = data()
    fold = leave_one_out(train, train[[7, 3]], targets, 7, BOTH, SETTINGS)
    np.testing.assert_allclose(fold.validation[0], fold.held_out, rtol=1e-12)
    assert np.abs(fold.validation[1] - fold.held_out).max() > 1e-6


def test_without_validation_rows() -> None:
    train, validation, targets = data()
    fold = leave_one_out(train, validation[:0], targets, 0, BOTH, SETTINGS)
    assert fold.validation.shape == (0, 3)


def test_inputs_are_left_alone() -> None:
    given = data()
    copies = [part.copy() for part in given]
    leave_one_out(*given, 0, BOTH, SETTINGS)
    for part, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize("folds", [2, 3])
def test_too_few_perturbations(folds: int) -> None:
    settings = replace(SETTINGS, penalties=(1.0,), inner_folds=folds)
    enough = 2 * folds + 1
    leave_one_out(*data(enough), 0, BOTH, settings)
    message = rf"regression: inner_folds: {folds} for {enough - 2} training perturbations; expected"
    with pytest.raises(InputError, match=message):
        leave_one_out(*data(enough - 1), 0, BOTH, settings)


@pytest.mark.parametrize("backend", BACKENDS)
def test_settings_reach_the_models(backend: str) -> None:
    train, validation, targets = data()
    one = replace(REGRESSION, penalties=(0.5,), inner_folds=3, backend=backend)
    changes: list[dict[str, Any]] = [{"penalties": (0.6,)}, {"l1_ratio": 0.3}]
    changes += [{"gap": 1e-2}] if backend == "exact" else [{"max_iter": 2}, {"tolerance": 0.5}]
    for change in changes:
        fits = [
            leave_one_out(train, validation, targets, 0, ("elastic_net",), settings).fits[0]
            for settings in (one, replace(one, **change))
        ]
        assert np.abs(fits[0].coefficients - fits[1].coefficients).max() > 0, change


def test_gaps_are_computed_by_the_exact_backend() -> None:
    train, validation, targets = data()
    for gap in (1e-3, 1e-8):
        fold = leave_one_out(train, validation, targets, 3, BOTH, replace(SETTINGS, gap=gap))
        for fit in fold.fits:
            assert -1e-12 < fit.gap <= gap
            assert -1e-12 < fit.inner_gap <= gap
    theirs = leave_one_out(
        train, validation, targets, 3, BOTH, replace(SETTINGS, backend="scikit-learn")
    )
    assert np.isnan([fit.inner_gap for fit in theirs.fits]).all()


def test_a_fit_that_misses_its_gap_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic_net, "_NEWTON_STEPS", 1)
    train, validation, targets = data()
    message = r"^fold 7, elastic_net, penalty 0\.1: relative duality gap \d.* is 1e-12$"
    with pytest.raises(NotConvergedError, match=message):
        leave_one_out(train, validation, targets, 7, BOTH, replace(SETTINGS, penalties=(0.1, 1e4)))


@pytest.mark.parametrize("name", BOTH)
def test_targets_that_are_not_numbers_are_no_solution(name: str) -> None:
    train, validation, targets = data()
    targets[3] = np.nan
    with pytest.raises(NotConvergedError, match=f"^fold 0, {name}, penalty .*: .* gap nan"):
        leave_one_out(train, validation, targets, 0, (name,), SETTINGS)


def test_a_fold_holds_components_and_the_figures_of_its_fits(tmp_path: Path) -> None:
    train, validation, _ = data()
    components = decompose(np.random.default_rng(1).normal(size=(11, 7)), 3)
    fitted = leave_one_out(train, validation, components.scores, 2, BOTH, SETTINGS)
    save_fold(tmp_path / "2.npz", summarise_fold(fitted))
    ours = load_fold(tmp_path / "2.npz")
    assert ours.held_out.shape == (3,)
    assert ours.validation.shape == (4, 3)
    np.testing.assert_array_equal(ours.held_out, fitted.held_out)
    np.testing.assert_array_equal(ours.validation, fitted.validation)
    for name in ("penalty", "gap", "inner_gap", "unconverged"):
        assert getattr(ours, name).tolist() == [getattr(fit, name) for fit in fitted.fits]
    assert ours.seconds.tolist() == list(fitted.seconds)

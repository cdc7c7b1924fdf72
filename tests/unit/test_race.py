"""The race of candidates, and single precision in the inner cross-validation of large screens."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoes.models import component_ridge, eigenvectors, precision, similarity
from echoes.models.candidates import Candidates
from echoes.models.component_ridge import principal_components
from echoes.models.echo import fit_echo
from echoes.models.inner_kernels import solve_singly
from echoes.models.inner_responses import InnerResponses
from echoes.models.knockdown import knockdown_responses, knockdowns_without, remaining_expression
from echoes.models.race import FEWEST_ROWS, clearly_behind
from echoes.models.residuals import centred_responses, solve_exactly
from echoes.models.ridge_path import SharedPaths, ridge_path
from echoes.models.task import Task
from tasks import ECHO, example_task

#: Enough perturbations for single precision and for a race in each inner fold.
M = 450
PENALTIES = (0.1, 1.0, 10.0, 100.0)


@pytest.fixture(scope="module")
def large() -> Task:
    """A screen in which genes that are alike in the network respond alike."""
    random = np.random.default_rng(3)
    task = example_task(M, genes=150, seed=3)
    programmes = random.normal(size=(task.kernels.shape[1], 4))
    features = np.hstack([programmes, random.normal(size=(len(programmes), 30)) / 5])
    deltas = programmes[:M] @ random.normal(size=(4, 150)) / 5 + random.normal(size=(M, 150)) / 10
    return replace(task, deltas=deltas, kernels=(features @ features.T)[None])


def test_nobody_leaves_before_there_are_enough_rows() -> None:
    behind = np.array([0.0, 1e6])
    assert not clearly_behind(behind, np.ones(2), FEWEST_ROWS - 1, 1000).any()
    assert clearly_behind(behind, np.ones(2), FEWEST_ROWS, 1000).tolist() == [False, True]


def test_a_candidate_that_counts_as_several_leaves_later() -> None:
    behind = np.array([0.0, 16.0, 16.0])
    assert clearly_behind(behind, np.array([1.0, 1.0, 20.0]), 999, 1000).tolist() == [
        *(False, True, False)
    ]


@given(seed=st.integers(0, 2**32 - 1), drift=st.floats(0.0, 0.5), rows=st.integers(120, 2000))
@settings(max_examples=200, deadline=None)
def test_who_has_left_would_have_had_no_weight(seed: int, drift: float, rows: int) -> None:
    lead = np.random.default_rng(seed).normal(drift, 1.0, rows)

    def behind(seen: int) -> float:
        return float(lead[:seen].sum() / (lead[:seen].std() * np.sqrt(seen)))

    for seen in range(rows // 10, rows, rows // 10):
        if clearly_behind(np.array([0.0, behind(seen)]), np.ones(2), seen, rows)[1]:
            assert np.exp(-behind(rows)) < 1e-6


def test_candidates_leave_by_blend_and_by_residual() -> None:
    every = Candidates.all_of((0.5, 1.0), ("no residual", "network 1", "sources"), np.ones(3))
    late = np.array([[True, True, True], [True, False, False]]).ravel()
    left, kept = every.without(late)
    assert every.dropped(left) == ["blend 0.5", "no residual"]
    assert (left.size, kept.tolist()) == (2, [4, 5])
    # One that is late stays where others of its blend and of its residual do.
    assert every.without(np.array([False, True, False, False, False, True]))[0].size == 6
    np.testing.assert_array_equal(left.spread(np.array([0.25, 0.75])), [[0, 0, 0], [0, 0.25, 0.75]])


@pytest.mark.parametrize("objective", ["score", "squared"])
def test_the_race_changes_no_prediction(
    large: Task, objective: str, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = replace(ECHO, penalties=PENALTIES, objective=objective)
    with caplog.at_level(logging.INFO):
        ours = fit_echo(large, chosen)
    assert "clearly behind after" in caplog.text
    exact = fit_echo(large, replace(chosen, race=False))
    np.testing.assert_allclose(ours.deltas, exact.deltas, atol=1e-6)
    assert ours.inner is not None
    assert exact.inner is not None
    np.testing.assert_allclose(ours.inner, exact.inner, atol=1e-5)
    for name, value in exact.choices.items():
        assert ours.choices[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


def test_shared_kernels_in_single_precision_hardly_change_a_prediction(
    large: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = replace(ECHO, penalties=PENALTIES, race=False)
    ours = fit_echo(large, chosen)
    monkeypatch.setattr("echoes.models.echo.FEWEST_SINGLE", M + 1)
    exact = fit_echo(large, chosen)
    np.testing.assert_allclose(ours.deltas, exact.deltas, atol=2e-5)
    assert ours.inner is not None
    assert exact.inner is not None
    np.testing.assert_allclose(ours.inner, exact.inner, atol=2e-4)


def test_profiles_that_weigh_little_may_be_in_single_precision(
    large: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted = []
    for weight in (0.0, 2.0):
        monkeypatch.setattr("echoes.models.echo.SINGLE_WEIGHT", weight)
        predicted.append(fit_echo(large, replace(ECHO, penalties=PENALTIES)))
    exact, ours = predicted
    # Here profiles weigh thousands of times as much as where single precision is used.
    assert exact.choices == ours.choices
    assert ours.choices["profile"] + ours.choices["both"] > 0.01
    np.testing.assert_allclose(ours.deltas, exact.deltas, atol=1e-6)
    assert not np.array_equal(ours.deltas, exact.deltas)


def test_operators_in_single_precision(large: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    part = large.split(np.arange(0, M, 10))
    m = part.n_training
    kernel = similarity.network_kernel(part)[:, :m].astype(np.float32)
    penalties = np.array(PENALTIES)
    exact = solve_exactly(kernel.astype(np.float64), penalties)
    ours = np.empty((len(kernel) - m, len(penalties), m), dtype=np.float32)
    solve_singly(kernel, penalties, ours)
    difference = np.linalg.norm(ours.swapaxes(0, 1) - exact) / np.linalg.norm(exact)
    assert 0 < difference < 1e-3
    # What is not precise enough is computed anew in double precision.
    monkeypatch.setattr(precision, "PRECISION", 0.0)
    solve_singly(kernel, penalties, ours)
    np.testing.assert_allclose(ours.swapaxes(0, 1), exact, rtol=1e-6, atol=1e-9)


def test_a_kernel_that_is_not_definite_is_solved_all_the_same() -> None:
    kernel = -np.eye(6, dtype=np.float32)[:, :4]
    ours = np.empty((2, 1, 4), dtype=np.float32)
    solve_singly(kernel, np.array([0.5]), ours)
    np.testing.assert_allclose(ours[:, 0], solve_exactly(kernel.astype(float), np.array([0.5]))[0])


def test_what_a_fold_learns_from_are_its_residuals(large: Task) -> None:
    rows = np.arange(3, M, 7)
    centred, mean = centred_responses(large.split(rows))
    kept = np.delete(np.arange(M), rows)
    every = InnerResponses(large)
    ours = every.without(rows, kept)
    np.testing.assert_allclose(ours.mean, mean, atol=1e-12)
    np.testing.assert_allclose(ours.residuals, centred, atol=1e-6)
    products = every.products_without(kept, ours.shift)
    np.testing.assert_allclose(products, centred @ centred.T, atol=1e-9)


def test_what_a_fold_learns_from_does_not_depend_on_what_is_left_out(large: Task) -> None:
    rows = np.arange(3, M, 7)
    kept = np.delete(np.arange(M), rows)
    changed = large.deltas.copy()
    changed[rows] += 5.0
    folds = []
    for task in (large, replace(large, deltas=changed)):
        every = InnerResponses(task)
        fold = every.without(rows, kept)
        folds.append((fold.mean, fold.residuals, every.products_without(kept, fold.shift)))
    for one, other in zip(*folds, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_knockdowns_of_a_fold_are_those_of_its_task(large: Task) -> None:
    rows = np.arange(3, M, 7)
    ours = knockdowns_without(large, rows, np.delete(np.arange(M), rows))
    part = large.split(rows)
    expected = knockdown_responses(part, remaining_expression(part))
    np.testing.assert_array_equal(ours, expected)
    unknown = replace(large, control=np.full_like(large.control, np.nan))
    ours = knockdowns_without(unknown, rows, np.delete(np.arange(M), rows))
    part = unknown.split(rows)
    np.testing.assert_array_equal(ours, knockdown_responses(part, remaining_expression(part)))


@pytest.mark.parametrize("fewest", [M, M + 1])
def test_the_largest_components_alone(fewest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    residuals_of = np.random.default_rng(0).normal(size=(M, 200)) * np.linspace(2, 0.1, 200)
    monkeypatch.setattr(eigenvectors, "FEWEST_LANCZOS", fewest)
    ours = principal_components(residuals_of, 20)
    monkeypatch.setattr(component_ridge, "FEWEST_LARGEST", M + 1)
    exact = principal_components(residuals_of, 20)
    np.testing.assert_allclose(
        ours.scores @ ours.combinations @ residuals_of,
        exact.scores @ exact.combinations @ residuals_of,
        atol=1e-9,
    )


def test_the_largest_eigenvectors_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    factors = random.normal(size=(M, 60)) * np.geomspace(30, 0.1, 60)
    matrix = factors @ factors.T + random.normal(size=(M, 1)) ** 2 * np.eye(M)
    matrix = (matrix + matrix.T) / 2
    exact = eigenvectors.largest_eigenvectors(matrix, 20, fewest=M)
    values, vectors = eigenvectors.largest_eigenvectors(matrix, 20, fewest=M, fast=True)
    assert (vectors != exact[1]).any()
    np.testing.assert_allclose(values, exact[0], rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(vectors * exact[1], axis=0)), 1, atol=1e-6)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-12)
    # What is not precise enough is computed anew in double precision.
    monkeypatch.setattr(eigenvectors, "PRECISION", 0.0)
    again = eigenvectors.largest_eigenvectors(matrix, 20, fewest=M, fast=True)
    np.testing.assert_array_equal(again[1], exact[1])


@pytest.mark.parametrize("group", [1, 2])
def test_paths_of_parts_follow_from_one_decomposition(
    large: Task, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = similarity.network_kernel(large.training_alone())
    rows = np.arange(3, M, 7)
    kept = np.delete(np.arange(M), rows)
    scores = np.random.default_rng(1).normal(size=(len(kept), 5))
    scores -= scores.mean(axis=0)
    groups = np.arange(len(kept)) // group
    part = kernel[np.concatenate([kept, rows])[:, None], kept]
    part = part - part.mean(axis=1, keepdims=True)
    part -= part[: len(kept)].mean(axis=0)
    exact = ridge_path(part, scores, PENALTIES, groups)
    shared = SharedPaths(kernel, PENALTIES)
    ours = shared.without(rows, kept, scores, groups)
    for one, other in ((ours.left_out, exact.left_out), (ours.predicted, exact.predicted)):
        for penalty in range(len(PENALTIES)):
            difference = np.linalg.norm(one[penalty] - other[penalty])
            assert 0 < difference < 1e-4 * np.linalg.norm(other[penalty])
    # What is not precise enough is computed anew in double precision.
    monkeypatch.setattr(precision, "PRECISION", 0.0)
    again = shared.without(rows, kept, scores, groups)
    np.testing.assert_allclose(again.left_out, exact.left_out, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(again.predicted, exact.predicted, rtol=1e-7, atol=1e-12)

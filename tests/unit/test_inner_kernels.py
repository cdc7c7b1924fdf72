"""Kernels of inner folds that are cut from those of all training perturbations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from echoes.models import precision
from echoes.models.inner_kernels import InnerKernels, profile_features
from echoes.models.residuals import centred_responses, whole_kernels
from echoes.models.similarity import FLOOR, profile_kernel
from echoes.models.task import Task
from tasks import ECHO, example_task

M = 60
HELD_OUT = np.arange(2, M, 7)
TRAINING = np.delete(np.arange(M), HELD_OUT)


@pytest.fixture
def task() -> Task:
    """One diffusion, genes without a link, and a gene that reaches no response gene."""
    made = example_task(M, genes=40, isolated=(3, 9, 16))
    reach = made.reach.copy()
    reach[[4, 23]] = 0.0
    return replace(made, kernels=made.kernels[:1], reach=reach)


def scaled(features: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> npt.ArrayLike:
    """Kernel of the features of a fold's rows, training rows first, by its definition."""
    k = len(TRAINING)
    features = features - features[:k][known[:k]].mean(axis=0)
    features[~known] = 0
    kernel = features @ features[:k].T
    return kernel / np.diagonal(kernel)[known[:k]].mean()


def test_the_network_of_a_fold_is_as_if_it_were_made_of_its_rows_alone(task: Task) -> None:
    (ours,) = InnerKernels.of(task, ECHO).without(HELD_OUT, TRAINING, ["network"])
    part = task.split(HELD_OUT)
    (exact,) = whole_kernels(part, centred_responses(part)[0], ["network"])
    np.testing.assert_allclose(ours, exact, atol=1e-5 * np.abs(exact).max())
    strangers = ~task.known[np.concatenate([TRAINING, HELD_OUT])]
    assert strangers.sum() == 3
    assert not ours[strangers].any()


def test_profiles_of_a_fold_have_its_responses_alone(task: Task) -> None:
    kernels = InnerKernels.of(task, ECHO)
    profile, both, network = kernels.without(HELD_OUT, TRAINING, ["profile", "both", "network"])
    residuals, _ = centred_responses(task)
    deviations = np.sqrt(np.mean(residuals**2, axis=0) + FLOOR**2)
    rows = np.concatenate([TRAINING, HELD_OUT])
    of_fold = residuals[TRAINING] - residuals[TRAINING].mean(axis=0)
    features = (task.reach[rows] / deviations) @ of_fold.T
    expected = scaled(features, task.reach[rows].sum(axis=1) > 0)
    np.testing.assert_allclose(profile, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(both, (network + profile) / 2, atol=1e-6)
    # But for deviations of all perturbations, it is that of a task of the fold alone.
    part = task.split(HELD_OUT)
    alone = profile_kernel(part, centred_responses(part)[0])[:, : len(TRAINING)]
    assert np.linalg.norm(profile - alone) < 0.05 * np.linalg.norm(alone)


@pytest.mark.parametrize("alike", [False, True])
def test_profiles_of_the_rows_to_predict(task: Task, alike: bool) -> None:
    if alike:
        task = replace(task, reach=1.0 + 1e-3 * task.reach)
    part = task.split(HELD_OUT)
    exact = profile_kernel(part, centred_responses(part)[0])[:, : len(TRAINING)]
    ours = InnerKernels.of(part, ECHO).profile_kernel(part)
    np.testing.assert_allclose(ours, exact, atol=1e-5 * np.abs(exact).max())


def test_only_what_a_candidate_needs_is_made(task: Task) -> None:
    chosen = replace(ECHO, kernels=("network",))
    kernels = InnerKernels.of(replace(task, reach=task.reach[:, :0]), chosen)
    assert kernels.features.size == kernels.products.size == 0
    assert kernels.sources is None
    none = InnerKernels.of(task, replace(ECHO, kernels=()))
    assert none.network.size == 0
    assert none.without(HELD_OUT, TRAINING, []) == []


def parts(task: Task) -> tuple[Task, npt.NDArray[np.float64]]:
    return task.training_alone(), centred_responses(task)[0]


def exact_features(task: Task) -> npt.NDArray[np.float64]:
    residuals, _ = centred_responses(task)
    reach, known = task.reach[:M], task.reach[:M].sum(axis=1) > 0
    deviations = np.sqrt(np.mean(residuals**2, axis=0) + FLOOR**2)
    features: npt.NDArray[np.float64] = (reach / deviations) @ residuals.T
    features -= features[known].mean(axis=0)
    features[~known] = 0
    return features


def test_features_in_single_precision(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    exact, (ours, mean) = exact_features(task), profile_features(*parts(task))
    np.testing.assert_allclose(ours, exact, atol=1e-5 * np.abs(exact).max())
    assert not ours[[4, 23]].any()
    assert mean.shape == (M,)
    # What is not precise enough is computed anew in double precision.
    monkeypatch.setattr(precision, "PRECISION", 0.0)
    np.testing.assert_array_equal(profile_features(*parts(task))[0], exact.astype(np.float32))


def test_features_that_are_almost_alike_are_centred_in_double_precision(task: Task) -> None:
    alike = replace(task, reach=1.0 + 1e-3 * task.reach)
    exact = exact_features(alike).astype(np.float32)
    np.testing.assert_allclose(
        profile_features(*parts(alike))[0], exact, atol=2e-7 * np.abs(exact).max()
    )

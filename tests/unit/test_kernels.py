"""Likeness of silenced genes: centred, scaled, and nothing where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.preprocessing import KernelCenterer

from echoes.io.errors import InputError
from echoes.models.kernels import Kernels, load_kernels, reach, save_kernels
from echoes.models.similarity import FLOOR, network_kernel, profile_kernel
from echoes.models.task import Task
from tasks import example_task, inner_products

Array = npt.NDArray[np.float64]

M = 12
#: Two training genes and one to predict without a link.
ALONE = (2, 7, 13)
KNOWN = np.array([row for row in range(M) if row not in ALONE])


def task() -> Task:
    return example_task(M, isolated=ALONE)


def network(given: Task) -> Array:
    return network_kernel(given)


def profile(given: Task) -> Array:
    return profile_kernel(given, given.deltas)


Kernel = Callable[[Task], Array]
both = pytest.mark.parametrize("kernel", [network, profile])


@both
def test_centred_on_known_training_rows(kernel: Kernel) -> None:
    ours = kernel(task())
    assert ours.shape == (15, 15)
    np.testing.assert_allclose(ours[:, KNOWN].sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(ours, ours.T, atol=1e-14)
    # Rows to predict are not what it is centred on.
    assert abs(ours[12].sum()) > 0.1


@both
def test_mean_diagonal_is_one(kernel: Kernel) -> None:
    ours = kernel(task())
    assert ours[KNOWN, KNOWN].mean() == pytest.approx(1)
    assert np.ptp(ours[KNOWN, KNOWN]) > 0.1


@both
def test_what_is_not_known_is_alike_to_nothing(kernel: Kernel) -> None:
    ours = kernel(task())
    rows = np.array(ALONE)
    assert not ours[rows].any()
    assert not ours[:, rows].any()
    assert np.diag(ours)[[0, 12, 14]].all()


@both
def test_positive_semidefinite(kernel: Kernel) -> None:
    ours = kernel(task())
    assert np.linalg.eigvalsh(ours)[0] > -1e-12
    assert np.linalg.eigvalsh(ours)[-1] > 1


@both
def test_nothing_known_is_nothing(kernel: Kernel) -> None:
    assert not kernel(example_task(M, isolated=range(15))).any()
    # Nor is there any likeness if only what is to be predicted is known.
    assert not kernel(example_task(M, isolated=range(M))).any()


@both
@pytest.mark.parametrize("m", [1, 2, 3, 7, 11])
def test_all_the_same_is_nothing(kernel: Kernel, m: int) -> None:
    given = example_task(m)
    same = replace(
        given,
        kernels=inner_products([np.full((m + 3, 4), 0.1), np.full((m + 3, 1), 7.3)]),
        reach=np.full_like(given.reach, 1 / 15),
    )
    assert not kernel(same).any()


@both
def test_order_of_the_training_rows_does_not_matter(kernel: Kernel) -> None:
    given = task()
    order = np.random.default_rng(0).permutation(M)
    rows = np.concatenate([order, [12, 13, 14]])
    shuffled = replace(
        given,
        deltas=given.deltas[order],
        kernels=given.kernels[:, rows[:, None], rows],
        reach=given.reach[rows],
        known=given.known[rows],
    )
    np.testing.assert_allclose(kernel(shuffled), kernel(given)[rows][:, rows], atol=1e-13)


def test_network_kernel_agrees_with_scikit_learn() -> None:
    given = example_task(M, to_predict=0)
    expected = []
    for raw in given.kernels:
        centred = KernelCenterer().fit_transform(raw.copy())
        expected.append(centred / np.trace(centred) * M)
    np.testing.assert_allclose(network_kernel(given), np.mean(expected, axis=0), atol=1e-13)


def test_a_shift_of_all_features_does_not_matter() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(2, 15, 6))
    given = task()
    kernels = [
        network_kernel(replace(given, kernels=inner_products(shifted)))
        for shifted in (features, features + random.normal(size=6), features + 10)
    ]
    np.testing.assert_allclose(kernels[1], kernels[0], atol=1e-12)
    np.testing.assert_allclose(kernels[2], kernels[0], atol=1e-12)


def test_the_scale_of_a_diffusion_does_not_matter() -> None:
    given = task()
    scaled = replace(given, kernels=given.kernels * [[[1e-6]], [[1e6]]])
    np.testing.assert_allclose(network_kernel(scaled), network_kernel(given), atol=1e-12)


def test_profile_kernel_by_loops() -> None:
    given = task()
    responses = given.deltas
    features = np.zeros((15, M))
    for gene in range(15):
        column = responses[:, gene]
        own = (column - column.mean()) / np.sqrt(column.var() + FLOOR**2)
        features += given.reach[:, [gene]] * own
    centred = features - features[KNOWN].mean(axis=0)
    centred[list(ALONE)] = 0
    expected = centred @ centred.T
    expected /= np.mean([expected[i, i] for i in KNOWN])
    np.testing.assert_allclose(profile(given), expected, atol=1e-12)


def test_responses_without_any_variation_are_nothing() -> None:
    given = task()
    assert not profile_kernel(given, np.ones_like(given.deltas)).any()


def test_build_kernels_are_inner_products() -> None:
    features = np.random.default_rng(0).normal(size=(2, 4, 3))
    kernels = inner_products(features)
    assert kernels.shape == (2, 4, 4)
    for i in range(4):
        for j in range(4):
            assert kernels[1, i, j] == pytest.approx(features[1, i] @ features[1, j])


def test_reach_by_hand() -> None:
    one = np.array([[0.5, 0.1, 0.3, 0.1], [0.0, 1.0, 0.0, 0.0], [0.2, 0.2, 0.2, 0.4]])
    other = np.array([[0.4, 0.2, 0.4, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]])
    ours = reach([one, other], np.array([2, 0]))
    expected = [[(0.3 / 0.8 + 0.5) / 2, (0.5 / 0.8 + 0.5) / 2], [0, 0], [0.75, 0.25]]
    np.testing.assert_allclose(ours, expected)
    np.testing.assert_allclose(ours.sum(axis=1), [1, 0, 1])


def test_kernels_are_read_as_they_were_written(tmp_path: Path) -> None:
    given = task()
    save_kernels(tmp_path / "k.npz", Kernels(given.kernels, given.reach, given.known))
    ours = load_kernels(tmp_path / "k.npz")
    np.testing.assert_array_equal(ours.kernels, given.kernels)
    np.testing.assert_array_equal(ours.reach, given.reach)
    np.testing.assert_array_equal(ours.known, given.known)
    np.savez(tmp_path / "less.npz", kernels=given.kernels, reach=given.reach)
    with pytest.raises(InputError, match=r"less\.npz: cannot read kernels, reach, known"):
        load_kernels(tmp_path / "less.npz")

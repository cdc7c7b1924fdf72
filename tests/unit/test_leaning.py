"""What predictions lean on, and what surrounds a gene: against direct computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from echoes.io.arrays import Bools, Floats, Ints
from echoes.models.leaning import leaning_weights
from echoes.models.similarity import mean_kernel
from echoes.network.neighbourhood import neighbourhood
from echoes.report.page.data import LEANS_ON, largest_weights


def weights_of(kernels: Floats, known: Bools, fold: Ints, *given: Any) -> Floats:
    """Put the blocks of weights together; no row is given twice."""
    weights = np.zeros((len(known), len(fold)))
    for rows, block in leaning_weights(kernels, known, fold, *given):
        assert not weights[rows].any()
        weights[rows] = block
    return weights


@pytest.mark.parametrize("fold", [[0, 1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2, 2]])
def test_weights_are_those_of_ridge_regression_without_the_fold(fold: list[int]) -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(2, 9, 20))
    kernels = features @ features.swapaxes(1, 2)
    known = np.ones(9, dtype=np.bool_)
    known[3] = False
    weights = weights_of(kernels, known, np.array(fold), np.ones(7, dtype=np.bool_), 0.7)
    kernel = mean_kernel(kernels, 7, known)
    for row in range(9):
        left = [k for k in range(7) if row >= 7 or fold[k] != fold[row]]
        system = kernel[np.ix_(left, left)] + 0.7 * np.eye(len(left))
        expected = np.zeros(7)
        expected[left] = np.linalg.solve(system, kernel[left, row])
        np.testing.assert_allclose(weights[row], expected, rtol=1e-9, atol=1e-12)
    assert not weights[3].any()


def test_a_kernel_that_rounding_leaves_without_a_factor_is_inverted_all_the_same() -> None:
    kernels = np.diag([3.0, 1.0, 1.0, -0.8, 1.0, 1.2])[None]
    known, fold = np.ones(6, dtype=np.bool_), np.arange(6)
    centred = mean_kernel(kernels, 6, known)
    assert np.linalg.eigvalsh(centred)[0] < -0.1
    system = centred + 0.1 * np.eye(6)
    inverse = np.linalg.inv(system)
    expected = -(inverse - np.diag(np.diag(inverse))) / np.diag(inverse)[:, None]
    found = weights_of(kernels, known, fold, np.ones(6, dtype=np.bool_), 0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_rows_of_a_split_lean_on_the_training_rows_alone() -> None:
    features = np.random.default_rng(2).normal(size=(5, 8))
    training = np.array([True, True, False, True, False])
    weights = weights_of(
        (features @ features.T)[None],
        np.ones(5, dtype=np.bool_),
        np.array([-1, -1, 0, -1, 0]),
        training,
        1.0,
    )
    assert weights[:, ~training].tolist() == np.zeros((5, 2)).tolist()
    assert weights[2].any()
    nothing = weights_of(np.ones((1, 2, 2)), np.ones(2, bool), np.zeros(2, int), ~training[:2], 1)
    assert nothing.tolist() == np.zeros((2, 2)).tolist()


def test_the_neighbourhood_has_the_most_visited_genes_and_their_links() -> None:
    links = np.zeros((6, 6))
    for a, b in ((0, 1), (1, 2), (0, 3), (3, 4)):
        links[a, b] = links[b, a] = 1.0
    adjacency = sp.csr_array(links + np.eye(6))
    walk = np.array([0.5, 0.2, 0.1, 0.2, 0.0, 0.0])
    found = neighbourhood(walk, np.array([0]), adjacency, 2)
    assert found.nodes.tolist() == [0, 1, 3]
    assert found.mass.tolist() == [0.5, 0.2, 0.2]
    assert found.links == [(0, 1), (0, 2)]
    assert neighbourhood(walk, np.array([0]), adjacency, 9).nodes.tolist() == [0, 1, 3, 2]
    assert neighbourhood(walk, np.array([0, 2]), adjacency, 1).nodes.tolist() == [0, 2, 1]


def test_links_of_a_neighbourhood_are_those_of_the_network() -> None:
    random = np.random.default_rng(4)
    matrix = np.triu(random.random((40, 40)) < 0.3, 1).astype(np.float64)
    matrix += matrix.T
    walk = random.random(40)
    found = neighbourhood(walk / walk.sum(), np.array([7, 3]), sp.csr_array(matrix), 15)
    part = np.triu(matrix[np.ix_(found.nodes, found.nodes)])
    assert found.links == [tuple(pair) for pair in np.argwhere(part).tolist()]


@pytest.mark.parametrize("count", [3, LEANS_ON, LEANS_ON + 1, 40])
def test_largest_weights_are_the_first_of_all_sorted(count: int) -> None:
    # Few values, so that many are equal; those that are 0 are left out.
    weights = np.random.default_rng(count).integers(-2, 3, (6, count)) / 4
    for row, found in zip(weights, largest_weights(weights), strict=True):
        order = np.argsort(-np.abs(row), kind="stable")[:LEANS_ON]
        assert found == [(i, row[i]) for i in order.tolist() if row[i]]

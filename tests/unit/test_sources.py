"""Sources of likeness: what they know, and the kernels that are made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from echoes.models.kernels import kernels_of_rows, load_source, save_source
from echoes.models.sources import Likeness, Source, cosines

Array = npt.NDArray[np.float64]

M, R = 9, 12
#: Two training genes and one to predict are strangers.
KNOWN = np.array([row not in (1, 4, 10) for row in range(R)])


def features(seed: int = 0, width: int = 5) -> Array:
    return np.random.default_rng(seed).normal(size=(R, width))


def source(name: str = "one", seed: int = 0, known: npt.NDArray[np.bool_] = KNOWN) -> Source:
    # What stands in the rows of strangers must not matter.
    rows = np.where(known[:, None], features(seed), 1e6)
    return Source(name, (rows @ rows.T)[None], known)


def slow_cosines(rows: Array, known: npt.NDArray[np.bool_]) -> Array:
    centred = rows - rows[:M][known[:M]].mean(axis=0)
    expected = np.zeros((R, R))
    for i in range(R):
        for j in range(R):
            if known[i] and known[j]:
                lengths = np.linalg.norm(centred[i]) * np.linalg.norm(centred[j])
                expected[i, j] = centred[i] @ centred[j] / lengths
    return expected


def test_cosines_are_those_of_the_centred_features() -> None:
    np.testing.assert_allclose(cosines(source(), M), slow_cosines(features(), KNOWN), atol=1e-12)
    rows = [features(seed) for seed in (0, 1)]
    two = Source("two", np.array([one @ one.T for one in rows]), KNOWN)
    expected = (slow_cosines(rows[0], KNOWN) + slow_cosines(rows[1], KNOWN)) / 2
    np.testing.assert_allclose(cosines(two, M), expected, atol=1e-12)


@pytest.mark.parametrize("rows", [np.ones((R, 3)), np.zeros((R, 3))])
def test_the_same_features_everywhere_are_no_likeness(rows: Array) -> None:
    same = Source("same", (rows @ rows.T)[None], np.ones(R, dtype=bool))
    np.testing.assert_array_equal(cosines(same, M), np.zeros((R, R)))
    np.testing.assert_array_equal(Likeness([same], M, 2.0).kernel(["same"], "sum"), 0)
    nobody = source(known=np.zeros(R, dtype=bool))
    np.testing.assert_array_equal(cosines(nobody, M), np.zeros((R, R)))


def scaled(kernel: Array) -> Array:
    centring = np.eye(R)
    centring[:, :M] -= 1 / M
    centred = centring @ kernel @ centring.T
    return centred / np.trace(centred[:M, :M]) * M


def test_kernels_are_sums_and_products_of_exponentials() -> None:
    sources = [source(), source("other", 3, np.arange(R) % 4 > 0)]
    likeness = Likeness(sources, M, 1.5)
    parts = [np.exp(1.5 * cosines(one, M)) for one in sources]
    one, both = likeness.kernel(["one"], "sum"), likeness.kernel(["one", "other"], "sum")
    np.testing.assert_allclose(one, scaled(parts[0])[:, :M], atol=1e-12)
    expected = (scaled(parts[0]) + scaled(parts[1])) / 2
    expected *= M / np.trace(expected[:M, :M])
    np.testing.assert_allclose(both, expected[:, :M], atol=1e-12)
    product = likeness.kernel(["one", "other"], "product")
    np.testing.assert_allclose(product, scaled(parts[0] * parts[1])[:, :M], atol=1e-12)
    for kernel in (one, both, product):
        np.testing.assert_allclose(kernel.sum(axis=1), 0, atol=1e-12)
        assert np.linalg.eigvalsh(kernel[:M]).min() > -1e-12


def test_who_knows_whom() -> None:
    likeness = Likeness([source(), source("other", 3, np.arange(R) % 4 > 0)], M, 2.0)
    assert likeness.coverage.known.shape == (2, R)
    assert [likeness.coverage.known_to(row) for row in (0, 1, 4, 5)] == [
        ("one",), ("other",), (), ("one", "other"),
    ]  # fmt: skip
    assert likeness.coverage.rows_of(["one"]).tolist() == [0, 2, 3, 5, 6, 7, 8]
    assert likeness.coverage.rows_of(["one", "other"]).tolist() == [2, 3, 5, 6, 7]


def test_gaps_in_a_table_are_filled_with_the_mean_of_their_column() -> None:
    nan = np.nan
    rows = np.array([[1.0, 2.0], [nan, nan], [3.0, nan], [5.0, 6.0]])
    ours = kernels_of_rows(rows, scale_columns=False)
    assert ours.known.tolist() == [True, False, True, True]
    assert ours.reach.shape == (4, 0)
    centred = np.array([[-2.0, -2.0], [0.0, 0.0], [0.0, 0.0], [2.0, 2.0]])
    np.testing.assert_allclose(ours.kernels, [centred @ centred.T], atol=1e-12)
    unlike = np.hstack([rows * [1, 1000], np.full((4, 1), 0.1)])
    deviation = [np.sqrt(8 / 3), 2.0]
    expected = centred / deviation
    scaled_columns = kernels_of_rows(unlike, scale_columns=True)
    np.testing.assert_allclose(scaled_columns.kernels, [expected @ expected.T], atol=1e-12)


def test_sources_are_read_from_files_of_kernels(tmp_path: Path) -> None:
    kernels = kernels_of_rows(np.where(KNOWN[:, None], features(), np.nan), scale_columns=False)
    save_source(tmp_path / "cells.npz", kernels)
    ours = load_source("cells", tmp_path / "cells.npz")
    assert ours.name == "cells"
    np.testing.assert_array_equal(ours.kernels, kernels.kernels)
    np.testing.assert_array_equal(ours.known, KNOWN)
    rows = np.array([3, 10, 0])
    np.testing.assert_array_equal(ours.take(rows).kernels[0], kernels.kernels[0][rows][:, rows])
    np.testing.assert_array_equal(ours.take(rows).known, KNOWN[rows])

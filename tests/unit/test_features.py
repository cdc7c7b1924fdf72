"""Diffusions side by side, filtered by variance, against independent computations."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from echoes.network.features import Features, build_features, load_features, save_features

Array = npt.NDArray[np.float64]

RESIDUALS = [1e-11, 3e-11, 2e-11]


def diffusions(*scales: float) -> list[tuple[Array, Array]]:
    """Two diffusions or more of 4 training and 2 validation perturbations over 5 genes."""
    random = np.random.default_rng(0)
    return [(scale * random.random((4, 5)), scale * random.random((2, 5))) for scale in scales]


def test_several_alphas_stand_side_by_side_in_order() -> None:
    blocks = diffusions(1, 10, 100)
    features = build_features(blocks, RESIDUALS[: len(blocks)], None)
    assert features.train.shape == (4, 15)
    assert features.validation.shape == (2, 15)
    np.testing.assert_array_equal(features.block, [0] * 5 + [1] * 5 + [2] * 5)
    np.testing.assert_array_equal(features.gene, [0, 1, 2, 3, 4] * 3)
    for column, (block, gene) in enumerate(zip(features.block, features.gene, strict=True)):
        np.testing.assert_array_equal(features.train[:, column], blocks[block][0][:, gene])
        np.testing.assert_array_equal(features.validation[:, column], blocks[block][1][:, gene])


def test_save_and_load(tmp_path: Path) -> None:
    features = build_features(diffusions(1, 10), RESIDUALS[:2], 40)
    save_features(tmp_path / "features.npz", features)
    loaded = load_features(tmp_path / "features.npz")
    assert loaded.residual.tolist() == RESIDUALS[:2]
    for field in dataclasses.fields(Features):
        one, other = getattr(features, field.name), getattr(loaded, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_none_keeps_constant_columns_too() -> None:
    features = build_features([(np.zeros((3, 4)), np.ones((1, 4)))], [0.0], None)
    assert features.train.shape == (3, 4)


@pytest.mark.parametrize("percentile", [0, 12.5, 50, 80, 99, 100])
def test_filter_equals_an_independent_one(percentile: float) -> None:
    blocks = diffusions(1, 2)
    everything = build_features(blocks, RESIDUALS[: len(blocks)], None)
    columns = everything.train.T.tolist()
    variances = [sum((v - sum(c) / 4) ** 2 for v in c) / 4 for c in columns]
    # The percentile interpolates linearly between order statistics.
    at = percentile / 100 * (len(variances) - 1)
    low = sorted(variances)[int(at)]
    high = sorted(variances)[min(int(at) + 1, len(variances) - 1)]
    threshold = low + (at - int(at)) * (high - low)
    # Where the threshold is a column's variance, rounding shall not decide.
    kept = [i for i, v in enumerate(variances) if v >= threshold * (1 - 1e-12)]

    features = build_features(blocks, RESIDUALS[: len(blocks)], percentile)
    np.testing.assert_array_equal(features.train, everything.train[:, kept])
    np.testing.assert_array_equal(features.validation, everything.validation[:, kept])
    np.testing.assert_array_equal(features.block, everything.block[kept])
    np.testing.assert_array_equal(features.gene, everything.gene[kept])
    assert 0 < len(kept) <= 10
    assert len(kept) == 10 or percentile > 0


def test_filter_keeps_columns_at_the_threshold() -> None:
    # Variances 0, 0, 0, 1, 1: the median is 0 and the 100th percentile 1.
    train = np.array([[3, 3, 3, 1, -1], [3, 3, 3, -1, 1]], dtype=np.float64)
    assert build_features([(train, train)], [0.0], 50).gene.tolist() == [0, 1, 2, 3, 4]
    assert build_features([(train, train)], [0.0], 100).gene.tolist() == [3, 4]
    assert build_features([(train, train)], [0.0], 60).gene.tolist() == [3, 4]


def test_filter_does_not_look_at_validation() -> None:
    blocks = diffusions(1)
    train, validation = blocks[0]
    one = build_features(blocks, [0.0], 50)
    other = build_features([(train, 1e6 * validation)], [0.0], 50)
    np.testing.assert_array_equal(one.gene, other.gene)

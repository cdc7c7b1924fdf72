"""Diffusions side by side, filtered and standardised, against independent computations."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.preprocessing import StandardScaler

from echoes.io.errors import InputError
from echoes.network.features import (
    Features,
    build_features,
    load_features,
    save_features,
    standardise,
)

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


def test_standardise_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(1)
    scale = 10.0 ** random.uniform(-8, 4, 30)
    train = random.normal(size=(9, 30)) * scale + random.normal(size=30)
    validation = random.normal(size=(3, 30))
    scaler = StandardScaler().fit(train)
    ours, unseen, none = standardise(train, validation, validation[:0])
    np.testing.assert_allclose(ours, scaler.transform(train), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(unseen, scaler.transform(validation), rtol=1e-6)
    assert none.shape == (0, 30)
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(ours.std(axis=0), 1, rtol=1e-12)


def test_standardise_drops_what_is_constant_over_training_rows() -> None:
    train = np.array([[1.0, 5, 0, 2], [2, 5, 0, 1], [4, 5, 0, 2]])
    validation = np.array([[7.0, 8, 9, 10]])
    ours, unseen = standardise(train, validation)
    scaler = StandardScaler().fit(train[:, [0, 3]])
    np.testing.assert_allclose(ours, scaler.transform(train[:, [0, 3]]))
    # Columns 1 and 2 vary over all rows, but not over those the model learns from.
    np.testing.assert_allclose(unseen, scaler.transform(validation[:, [0, 3]]))


def test_standardise_draws_the_line_where_scikit_learn_does() -> None:
    random = np.random.default_rng(2)
    rows = 31
    # Columns of 0.1 and the like whose variance is what rounding leaves, and ever larger jitter.
    constant = np.repeat(random.uniform(0.01, 10, (1, 50)), rows, axis=0)
    jitter = 10.0 ** random.uniform(-18, -10, 200)
    near = random.uniform(0.5, 2, 200) + jitter * random.normal(size=(rows, 200))
    train = np.hstack([constant, near, random.normal(size=(rows, 3))])
    assert np.count_nonzero(train.var(axis=0)[:50]) > 10

    (ours,) = standardise(train)
    scaler = StandardScaler().fit(train)
    # scikit-learn gives the columns that it holds to be constant a scale of exactly 1.
    varies = scaler.scale_ != 1
    assert not varies[:50].any()
    assert 10 < np.count_nonzero(varies[50:250]) < 190
    np.testing.assert_array_equal(ours.shape, (rows, np.count_nonzero(varies)))


def test_standardise_keeps_tiny_columns_that_vary() -> None:
    # Diffusions far from the start are this small.
    train = 1e-30 * np.array([[1.0], [2.0], [4.0]])
    (ours,) = standardise(train)
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(train * 1e30), rtol=1e-12)


def test_standardise_leaves_its_input_alone() -> None:
    train = np.arange(6.0).reshape(3, 2)
    standardise(train, train)
    np.testing.assert_array_equal(train, np.arange(6.0).reshape(3, 2))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8])
def test_standardise_raises_when_nothing_varies(value: float) -> None:
    with pytest.raises(InputError, match="none of 4 columns varies over 7 training perturbations"):
        standardise(np.full((7, 4), value), np.arange(4.0)[None])

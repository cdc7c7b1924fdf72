"""Principal components against scikit-learn's, and what makes them unique."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA

from echoes.io.errors import InputError
from echoes.models.components import decompose, load_components, reconstruct, save_components

Array = npt.NDArray[np.float64]


def responses(n: int, genes: int) -> Array:
    random = np.random.default_rng(n * genes)
    # Of falling strength, so that components are well apart.
    strength = 0.7 ** np.arange(min(n, genes))
    left = random.normal(size=(n, len(strength))) * strength
    return np.asarray(left @ random.normal(size=(len(strength), genes)) + random.normal(size=genes))


@pytest.mark.parametrize(("n", "genes"), [(8, 20), (20, 8), (9, 9)])
@pytest.mark.parametrize("t", [1, 3, 7])
def test_agrees_with_scikit_learn_up_to_sign(n: int, genes: int, t: int) -> None:
    Y = responses(n, genes)
    ours = decompose(Y, t)
    pca = PCA(t, svd_solver="full").fit(Y)
    sign = np.sign(np.sum(ours.axes * pca.components_, axis=1))
    np.testing.assert_allclose(ours.axes, sign[:, None] * pca.components_, atol=1e-10)
    np.testing.assert_allclose(ours.scores, sign * pca.transform(Y), atol=1e-10)
    np.testing.assert_allclose(ours.mean, pca.mean_)
    np.testing.assert_allclose(ours.explained_variance, pca.explained_variance_ratio_)
    np.testing.assert_allclose(
        reconstruct(ours.scores, ours.axes, ours.mean),
        pca.inverse_transform(pca.transform(Y)),
        atol=1e-10,
    )


def test_largest_entry_of_every_axis_is_positive() -> None:
    Y = responses(12, 15)
    ours = decompose(Y, 11)
    largest = np.argmax(np.abs(ours.axes), axis=1)
    assert (ours.axes[np.arange(11), largest] > 0).all()
    # Whatever sign the responses have, so have the scores and not the axes.
    turned = decompose(-Y, 11)
    np.testing.assert_allclose(turned.axes, ours.axes, atol=1e-9)
    np.testing.assert_allclose(turned.scores, -ours.scores, atol=1e-9)


def test_by_hand() -> None:
    # Three points on the line through (1, 1) along (3, −4) / 5.
    Y = np.array([[1.0, 1.0], [4.0, -3.0], [-2.0, 5.0]])
    ours = decompose(Y, 1)
    np.testing.assert_allclose(ours.axes, [[-0.6, 0.8]])
    np.testing.assert_allclose(ours.scores, [[0], [-5], [5]], atol=1e-14)
    np.testing.assert_allclose(ours.mean, [1, 1])
    np.testing.assert_allclose(ours.explained_variance, [1])


@pytest.mark.parametrize(("n", "genes"), [(8, 20), (20, 8)])
def test_all_components_reconstruct_exactly(n: int, genes: int) -> None:
    Y = responses(n, genes)
    t = min(n - 1, genes)
    ours = decompose(Y, t)
    np.testing.assert_allclose(reconstruct(ours.scores, ours.axes, ours.mean), Y, atol=1e-12)
    np.testing.assert_allclose(ours.explained_variance.sum(), 1)
    np.testing.assert_allclose(ours.axes @ ours.axes.T, np.eye(t), atol=1e-12)
    np.testing.assert_allclose(ours.scores.mean(axis=0), 0, atol=1e-12)


def test_explained_variance_is_what_the_reconstruction_keeps() -> None:
    Y = responses(10, 14)
    centred = Y - Y.mean(axis=0)
    for t in range(1, 10):
        ours = decompose(Y, t)
        lost = Y - reconstruct(ours.scores, ours.axes, ours.mean)
        kept = 1 - np.sum(lost**2) / np.sum(centred**2)
        np.testing.assert_allclose(ours.explained_variance.sum(), kept, rtol=1e-12)
        assert (np.diff(ours.explained_variance) < 0).all()


def test_fewer_components_are_the_first_of_more() -> None:
    Y = responses(9, 12)
    few, many = decompose(Y, 3), decompose(Y, 8)
    np.testing.assert_array_equal(few.axes, many.axes[:3])
    np.testing.assert_array_equal(few.scores, many.scores[:, :3])
    np.testing.assert_array_equal(few.explained_variance, many.explained_variance[:3])


@pytest.mark.parametrize(("n", "genes", "most"), [(6, 30, 5), (30, 6, 6), (6, 6, 5)])
def test_too_many_components(n: int, genes: int, most: int) -> None:
    Y = responses(n, genes)
    assert decompose(Y, most).scores.shape == (n, most)
    message = rf"n_components: {most + 1}; expected 1 to {most} for {n} perturbations and {genes}"
    with pytest.raises(InputError, match=message):
        decompose(Y, most + 1)


@pytest.mark.parametrize("value", [0.0, -2.5])
def test_constant_responses(value: float) -> None:
    Y = np.full((5, 7), value)
    ours = decompose(Y, 3)
    np.testing.assert_array_equal(ours.scores, 0)
    np.testing.assert_array_equal(ours.explained_variance, 0)
    np.testing.assert_allclose(ours.axes @ ours.axes.T, np.eye(3), atol=1e-14)
    np.testing.assert_array_equal(reconstruct(ours.scores, ours.axes, ours.mean), Y)


def test_components_are_read_as_they_were_written(tmp_path: Path) -> None:
    components = decompose(responses(8, 20), 3)
    save_components(tmp_path / "c.npz", components)
    ours = load_components(tmp_path / "c.npz")
    for name, array in vars(components).items():
        np.testing.assert_array_equal(getattr(ours, name), array)

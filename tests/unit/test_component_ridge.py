"""Kernel ridge regression by component: against refits, and what a source may change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from echoes.models.component_ridge import (
    FEWEST_SHARED,
    candidates_of,
    component_weights,
    left_out_means,
    path_fitter,
    predict_components,
    principal_components,
    stacking_weights,
    usable,
)
from echoes.models.ridge_path import ridge_path
from echoes.models.sources import Likeness, Source

Array = npt.NDArray[np.float64]

M, Q = 60, 30
PENALTIES = (0.1, 1.0, 10.0, 100.0)
ALL = np.ones(M + Q, dtype=bool)
#: Of the genes to predict, the first fifteen.
PART = np.array([row % 3 > 0 if row < M else row < M + 15 for row in range(M + Q)])


def source(name: str, rows: Array, known: npt.NDArray[np.bool_] = ALL) -> Source:
    return Source(name, (rows @ rows.T)[None], known)


def screen(seed: int = 0) -> tuple[Array, Array, Array]:
    """Responses (M + Q, 40) that follow two tables of features."""
    random = np.random.default_rng(seed)
    one, other = random.normal(size=(2, M + Q, 6))
    # Coefficients that differ between genes by far: some follow one table alone.
    deltas = one @ random.normal(size=(6, 40)) * (np.arange(40) % 2)
    deltas += other @ random.normal(size=(6, 40)) + random.normal(size=deltas.shape)
    return deltas, one, other


def centred(deltas: Array) -> Array:
    residuals: Array = deltas[:M] - deltas[:M].mean(axis=0)
    return residuals


def predictions(sources: Sequence[Source], residuals: Array) -> Array:
    likeness = Likeness(sources, M, 2.0)
    fit = path_fitter(likeness, PENALTIES)
    return np.asarray(predict_components(likeness.coverage, residuals, fit, np.arange(M)))


def r_squared(truth: Array, predicted: Array) -> float:
    return float(1 - np.sum((truth - predicted) ** 2) / np.sum(truth**2))


@pytest.mark.parametrize("groups", [np.arange(20), np.arange(20) // 2, np.arange(20) % 7])
def test_left_out_predictions_are_those_of_fits_without_the_rows(
    groups: npt.NDArray[np.intp],
) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(25, 4))
    rows -= rows[:20].mean(axis=0)
    scores = random.normal(size=(20, 3))
    scores -= scores.mean(axis=0)
    path = ridge_path(rows @ rows[:20].T, scores, (1e-6, 0.5, 20.0), groups)
    for number, penalty in enumerate((1e-6, 0.5, 20.0)):
        whole = Ridge(alpha=penalty).fit(rows[:20], scores)
        np.testing.assert_allclose(path.predicted[number], whole.predict(rows[20:]), atol=1e-7)
        for group in np.unique(groups):
            out = groups == group
            fit = Ridge(alpha=penalty).fit(rows[:20][~out], scores[~out])
            expected = fit.predict(rows[:20][out])
            np.testing.assert_allclose(path.left_out[number][out], expected, atol=1e-6)
    means = left_out_means(scores, groups)
    expected = [scores[groups != group].mean(axis=0) for group in groups]
    np.testing.assert_allclose(means, expected, atol=1e-14)


def test_principal_components_are_those_of_the_singular_values() -> None:
    residuals = centred(screen()[0])
    u, s, vt = np.linalg.svd(residuals, full_matrices=False)
    ours = principal_components(residuals, 5)
    found = ours.scores @ ours.combinations @ residuals
    np.testing.assert_allclose(found, (u[:, :5] * s[:5]) @ vt[:5], atol=1e-10)
    assert principal_components(residuals, 100).scores.shape == (M, 40)
    assert principal_components(np.zeros((5, 3)), 100).scores.shape == (5, 0)


def test_component_weights_by_hand() -> None:
    # The second candidate is worse by 1, 2 and 3: d = 6, s = √3 · standard deviation.
    errors = np.array([[[1.0], [1.0], [1.0]], [[2.0], [3.0], [4.0]]])
    d, s = 6.0, np.sqrt(3) * np.sqrt(2 / 3)
    weight = np.exp(-d / s)
    expected = [[1 / (1 + weight)], [weight / (1 + weight)]]
    np.testing.assert_allclose(component_weights(errors), expected, atol=1e-12)
    np.testing.assert_allclose(component_weights(np.ones((4, 3, 2))), 0.25)
    np.testing.assert_allclose(component_weights(np.zeros((2, 3, 1))), 0.5)


def test_stacking_weights_are_least_squares() -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        left_out = random.normal(size=(4, 12, 3))
        scores = 1.3 * left_out[0] - 0.5 * left_out[1] + random.normal(size=(12, 3))
        flat = left_out.reshape(4, -1)
        solved = minimize(
            lambda w, flat=flat, scores=scores: np.sum((w @ flat - scores.ravel()) ** 2),
            np.full(4, 0.1),
            bounds=[(0, 1)] * 4,
            constraints={"type": "ineq", "fun": lambda w: 1 - w.sum()},
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(stacking_weights(left_out, scores), solved.x, atol=1e-5)
    # More than all of a prediction is never taken, and of two the same one each its share.
    np.testing.assert_allclose(stacking_weights(scores[None], 1.3 * scores), [1], atol=1e-12)
    np.testing.assert_allclose(stacking_weights(scores[None], 0.7 * scores), [0.7], atol=1e-12)
    twice = stacking_weights(np.array([scores, scores]), 0.7 * scores)
    assert twice.sum() == pytest.approx(0.7)
    np.testing.assert_array_equal(stacking_weights(np.zeros((2, 5, 3)), scores[:5]), [0, 0])


def test_kernels_of_several_sources() -> None:
    assert candidates_of([]) == []
    assert candidates_of(["a"]) == [(("a",), "sum")]
    assert candidates_of(["a", "b"]) == [
        (("a",), "sum"), (("b",), "sum"), (("a", "b"), "sum"), (("a", "b"), "product"),
    ]  # fmt: skip


def test_a_source_that_few_training_genes_know_is_left_out() -> None:
    few, none = ALL.copy(), ALL.copy()
    few[FEWEST_SHARED - 1 : M] = False
    none[2:M] = False
    _, one, other = screen()
    sources = [source("all", one), source("few", other, few), source("none", other, none)]
    likeness = Likeness(sources, M, 2.0)
    assert usable(likeness.coverage, ["all", "few", "none"]) == ("all",)
    assert usable(likeness.coverage, ["few"]) == ("few",)
    assert usable(likeness.coverage, ["none"]) == ()
    few[FEWEST_SHARED - 1] = True
    likeness = Likeness(sources, M, 2.0)
    assert usable(likeness.coverage, ["all", "few", "none"]) == ("all", "few")


def test_two_sources_predict_better_than_one_and_the_unknown_as_without() -> None:
    deltas, one, other = screen()
    residuals, truth = centred(deltas), deltas[M:] - deltas[:M].mean(axis=0)
    alone, table = source("one", one), source("other", other, PART)
    single = predictions([alone], residuals)
    double = predictions([alone, table], residuals)
    assert r_squared(truth[:15], double[:15]) > r_squared(truth[:15], single[:15]) + 0.1
    assert r_squared(truth, single) > 0.05
    # To the last bit.
    np.testing.assert_array_equal(double[15:], single[15:])
    strangers = predictions([table], residuals)
    np.testing.assert_array_equal(strangers[15:], 0)


def test_a_source_of_noise_costs_little() -> None:
    gains = []
    for seed in range(8):
        deltas, one, _ = screen(seed)
        residuals, truth = centred(deltas), deltas[M:] - deltas[:M].mean(axis=0)
        noise = source("noise", np.random.default_rng(seed + 100).normal(size=(M + Q, 8)))
        figures = [
            r_squared(truth, predictions(sources, residuals))
            for sources in ([source("one", one)], [source("one", one), noise], [noise])
        ]
        gains.append([figures[1] - figures[0], figures[2]])
    assert np.mean(gains, axis=0).min() > -0.02

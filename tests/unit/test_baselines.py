"""Simple predictions, each against a direct computation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import Ridge

from echoes.models import baselines
from echoes.models.baselines import BILINEAR_PENALTIES, NEIGHBOURS
from echoes.models.inner_loop import assign_folds
from echoes.models.medians import Medians
from echoes.models.similarity import network_kernel
from echoes.models.task import Prediction, Task
from echoes.scoring import metrics
from tasks import SETTINGS, example_task, settings_with

Array = npt.NDArray[np.float64]

CONSTANTS = {
    "zero": (baselines.zero, lambda y, _: np.zeros(y.shape[1])),
    "mean": (baselines.mean, lambda y, _: y.sum(axis=0) / len(y)),
    "median": (baselines.median, lambda y, _: np.sort(y, axis=0)[len(y) // 2]),
    "weighted_median": (baselines.weighted_median, lambda y, w: Medians(y, w).weighted()),
    "reweighted_median": (baselines.reweighted_median, lambda y, w: Medians(y, w).reweighted()),
}


def blend(task: Task, *shares: float, folds: int) -> Prediction:
    settings = settings_with(blend={"shares": shares}, inner_crossval={"folds": folds})
    return baselines.blend(task, settings)


def nearest(task: Task, folds: int) -> Prediction:
    return baselines.nearest(task, settings_with(inner_crossval={"folds": folds}))


def bilinear(task: Task, folds: int, rank: int) -> Prediction:
    sections = {"inner_crossval": {"folds": folds}, "response": {"n_components": rank}}
    return baselines.bilinear(task, settings_with(**sections))


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(name: str) -> None:
    model, expected = CONSTANTS[name]
    task = example_task(m=11)
    ours = model(task, SETTINGS)
    centre = expected(task.deltas, task.weights)
    np.testing.assert_allclose(ours.centre, centre, atol=1e-15)
    np.testing.assert_allclose(ours.deltas, [centre] * 3, atol=1e-15)
    assert ours.inner is None
    assert ours.choices == {}


@pytest.mark.parametrize("seed", range(3))
def test_constants_minimise_what_they_are_made_for(seed: int) -> None:
    task = example_task(m=31, genes=60, signal=0, seed=seed)
    truth, weights = task.deltas, task.weights

    def errors(model: str) -> Array:
        return metrics.weighted_mae(truth, CONSTANTS[model][0](task, SETTINGS).centre, weights)

    squared = {
        name: np.sum((truth - model(task, SETTINGS).centre) ** 2)
        for name, (model, _) in CONSTANTS.items()
    }
    absolute = {name: np.sum(errors(name)) for name in CONSTANTS}
    logarithms = {name: np.sum(np.log(errors(name))) for name in CONSTANTS}
    assert min(squared, key=squared.__getitem__) == "mean"
    assert min(absolute, key=absolute.__getitem__) == "weighted_median"
    assert min(logarithms, key=logarithms.__getitem__) == "reweighted_median"


@pytest.mark.parametrize("n", [4, 31])
def test_leave_one_out_mean_has_a_known_sum_of_terms(n: int) -> None:
    task = example_task(m=n, to_predict=0)
    truth, weights = task.deltas, task.weights
    predicted = np.vstack(
        [baselines.mean(task.split(np.array([row])), SETTINGS).deltas for row in range(n)]
    )
    baseline = metrics.weighted_mae(truth, truth.mean(axis=0), weights)
    terms = metrics.score(truth, predicted, weights, baseline).terms
    assert abs(terms.sum() - n * math.log2((n - 1) / n)) < 1e-9


def test_blend_of_one_share() -> None:
    task = example_task()
    mean = task.deltas.mean(axis=0)
    median = baselines.reweighted_median(task, SETTINGS).centre
    for share in (0.0, 0.3, 1.0):
        ours = blend(task, share, folds=4)
        np.testing.assert_allclose(ours.centre, (1 - share) * mean + share * median, atol=1e-15)
        np.testing.assert_array_equal(ours.deltas, [ours.centre] * 3)
        assert ours.choices == {"share": pytest.approx(share)}
        # Where a row was not seen, it is the same blend of the other rows.
        assert ours.inner is not None
        for rows in assign_folds(range(12), 4):
            part = task.split(rows)
            expected = blend(part, share, folds=4).centre
            np.testing.assert_allclose(ours.inner[rows], [expected] * len(rows), atol=1e-15)


def test_blend_takes_what_the_inner_loop_favours() -> None:
    task = example_task(m=24, genes=60)
    # Far outliers in each row: the mean of others is drawn to them, medians are not.
    random = np.random.default_rng(0)
    outliers = 20.0 * (random.random(task.deltas.shape) < 0.03)
    heavy = replace(task, deltas=1 + task.deltas + outliers)
    assert blend(heavy, 0.0, 1.0, folds=6).choices["share"] > 0.95
    # Two values of which the mean lies between: the median is that of the other half.
    halves = np.where(np.arange(24)[:, None] % 2, 1.0, 2.0) + 0.001 * task.deltas
    split = replace(task, deltas=halves, weights=np.ones_like(halves))
    assert blend(split, 0.0, 1.0, folds=24).choices["share"] < 0.05


def with_neighbours(*, isolated: tuple[int, ...] = ()) -> Task:
    """Pair training rows 2i and 2i + 1; rows 6, 7 and 8 to predict are near 0, 3 and 4."""
    random = np.random.default_rng(0)
    places = np.eye(3)[[0, 0, 1, 1, 2, 2, 0, 1, 2]] + 0.01 * random.normal(size=(9, 3))
    places[[6, 7, 8]] = places[[0, 3, 4]]
    known = np.array([row not in isolated for row in range(9)])
    task = example_task(m=6, isolated=isolated)
    return replace(task, kernels=np.array([places @ places.T]), known=known)


def test_nearest_picks_the_obvious_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    task = with_neighbours()
    monkeypatch.setattr(baselines, "NEIGHBOURS", (1,))
    ours = nearest(task, 6)
    np.testing.assert_allclose(ours.deltas, task.deltas[[0, 3, 4]])
    # A training row's neighbour is the other one of its pair: within the fit and without it.
    assert ours.inner is not None
    np.testing.assert_allclose(ours.inner, task.deltas[[1, 0, 3, 2, 5, 4]])
    np.testing.assert_allclose(ours.centre, task.deltas.mean(axis=0))
    monkeypatch.setattr(baselines, "NEIGHBOURS", (2,))
    pairs = task.deltas.reshape(3, 2, -1).mean(axis=1)
    np.testing.assert_allclose(nearest(task, 6).deltas, pairs)


def test_nearest_without_a_link_is_the_mean_and_nobodys_neighbour() -> None:
    task = with_neighbours(isolated=(3, 8))
    mean = task.deltas.mean(axis=0)
    ours = nearest(task, 6)
    np.testing.assert_allclose(ours.deltas[2], mean)
    changed = task.deltas.copy()
    changed[3] += 1
    # Neither of row 2, its pair, nor of any other that has a link, however many neighbours count.
    for k in NEIGHBOURS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(baselines, "NEIGHBOURS", (k,))
            one = nearest(task, 6)
            other = nearest(replace(task, deltas=changed), 6)
        np.testing.assert_array_equal(one.deltas[:2], other.deltas[:2])
        np.testing.assert_allclose(other.deltas[2] - one.deltas[2], 1 / 6)


def test_nearest_of_all_is_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    task = example_task()
    monkeypatch.setattr(baselines, "NEIGHBOURS", (100,))
    ours = nearest(task, 4)
    np.testing.assert_allclose(ours.deltas, [task.deltas.mean(axis=0)] * 3)
    unlinked = nearest(example_task(isolated=range(15)), 4)
    np.testing.assert_allclose(unlinked.deltas, [task.deltas.mean(axis=0)] * 3)


@pytest.mark.parametrize("k", NEIGHBOURS)
def test_nearest_by_a_loop(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    task = example_task(isolated=(4, 5, 14))
    monkeypatch.setattr(baselines, "NEIGHBOURS", (k,))
    kernel = network_kernel(task)

    def mean_of_nearest(place: int) -> Array:
        cosine = {
            row: kernel[place, row] / math.sqrt(kernel[place, place] * kernel[row, row])
            for row in range(12)
            if task.known[row] and row != place
        }
        near = sorted(cosine, key=cosine.__getitem__)[-k:]
        return np.asarray(task.deltas[near].mean(axis=0))

    ours = nearest(task, 4)
    expected = [mean_of_nearest(place) for place in (12, 13)]
    np.testing.assert_allclose(ours.deltas[:2], expected, atol=1e-14)
    average = task.deltas.mean(axis=0)
    fitted = [mean_of_nearest(row) if task.known[row] else average for row in range(12)]
    np.testing.assert_allclose(ours.centre, np.mean(fitted, axis=0), atol=1e-14)


def test_nearest_to_the_centre_is_a_number() -> None:
    # The last of the training rows lies in the middle of the others, up to rounding.
    places = np.array([[0.1, 0.7], [0.4, -0.3], [-0.8, 0.2]])
    places = np.vstack([places, places.mean(axis=0), places])
    task = replace(example_task(m=4), kernels=np.array([places @ places.T]))
    assert np.isfinite(nearest(task, 4).deltas).all()


def bilinear_by_kronecker(task: Task, rank: int, penalty: float) -> Array:
    """Fit W of Y − b ≈ P·W·Eᵀ as one long vector with scikit-learn."""
    m, mean = task.n_training, task.deltas.mean(axis=0)
    residual = task.deltas - mean
    values, axes = np.linalg.eigh(residual.T @ residual)
    E = axes[:, np.argsort(-values)[:rank]]
    P = np.array([E[gene] if gene >= 0 else np.zeros(rank) for gene in task.silenced])
    unit = np.sum(P[:m] ** 2) / rank
    X = np.kron(P[:m], E)
    W = Ridge(alpha=penalty * unit, fit_intercept=False).fit(X, residual.ravel()).coef_
    return mean + P[m:] @ W.reshape(rank, rank) @ E.T


@pytest.mark.parametrize("penalty", BILINEAR_PENALTIES)
@pytest.mark.parametrize("rank", [1, 4])
def test_bilinear_is_one_ridge_regression(
    penalty: float, rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = example_task()
    monkeypatch.setattr(baselines, "BILINEAR_PENALTIES", (penalty,))
    ours = bilinear(task, 4, rank)
    expected = bilinear_by_kronecker(task, rank, penalty)
    np.testing.assert_allclose(ours.deltas, expected, atol=1e-12)
    assert np.abs(ours.deltas - task.deltas.mean(axis=0)).max() > 1e-4
    assert ours.inner is not None
    for rows in assign_folds(range(12), 4):
        part = bilinear_by_kronecker(task.split(rows), rank, penalty)
        np.testing.assert_allclose(ours.inner[rows], part, atol=1e-12)


def test_bilinear_of_a_gene_that_is_not_measured_is_the_mean() -> None:
    task = example_task()
    mean = task.deltas.mean(axis=0)
    ours = bilinear(task, 4, 3).deltas
    np.testing.assert_allclose(ours[[0, 2]], [mean, mean])
    assert np.abs(ours[1] - mean).max() > 1e-4
    unmeasured = replace(task, silenced=np.full(15, -1))
    np.testing.assert_allclose(bilinear(unmeasured, 4, 3).deltas, [mean] * 3)


def test_bilinear_takes_as_many_axes_as_there_are() -> None:
    task = example_task(m=5)
    np.testing.assert_array_equal(bilinear(task, 5, 100).deltas, bilinear(task, 5, 4).deltas)


@pytest.mark.parametrize("name", ["nearest", "bilinear"])
def test_variants_are_averaged_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = example_task()
    constant = "NEIGHBOURS" if name == "nearest" else "BILINEAR_PENALTIES"
    variants: tuple[float, ...] = (1, 5) if name == "nearest" else (0.01, 10.0)

    def fit(*chosen: float) -> Prediction:
        monkeypatch.setattr(baselines, constant, chosen)
        prediction: Prediction = getattr(baselines, name)(task, SETTINGS)
        return prediction

    one, other, both = fit(variants[0]), fit(variants[1]), fit(*variants)
    # One share of the first explains prediction, centre and inner prediction.
    share = np.vdot(both.deltas - other.deltas, one.deltas - other.deltas)
    share /= np.sum((one.deltas - other.deltas) ** 2)
    assert 0 < share < 1
    for part in ("deltas", "centre", "inner"):
        expected = share * getattr(one, part) + (1 - share) * getattr(other, part)
        np.testing.assert_allclose(getattr(both, part), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "limit"), [("nearest", "MOST_KEPT"), ("bilinear", "FEWEST_PARTIAL")]
)
def test_the_way_of_large_screens_agrees(
    name: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = example_task()
    model = getattr(baselines, name)
    usual = model(task, SETTINGS)
    monkeypatch.setattr(baselines, limit, 0)
    large = model(task, SETTINGS)
    for array in ("deltas", "centre", "inner"):
        expected = getattr(usual, array)
        np.testing.assert_allclose(getattr(large, array), expected, rtol=1e-9, atol=1e-12)

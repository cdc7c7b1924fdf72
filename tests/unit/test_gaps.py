"""Learning from screens with gaps: agreement with a loop over genes that knows no matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import Ridge

from echoes.models.baselines import nearest
from echoes.models.catalogue import MODELS
from echoes.models.echo import fit_echo
from echoes.models.gap_ridge import gap_ridge, patterns
from echoes.models.held_out import Member, model_function, predict, predict_folds
from echoes.models.inner_loop import error_sums, score_sums, single_precision
from echoes.models.medians import Medians
from echoes.models.objective import OBJECTIVES
from echoes.models.residuals import SOURCES, residual_operators, residuals_with_gaps
from echoes.models.similarity import network_kernel
from echoes.models.task import Prediction, Task
from tasks import ECHO, SETTINGS, example_task

Array = npt.NDArray[np.float64]

M, Q, GENES = 36, 5, 20
PENALTIES = (0.1, 1.0, 30.0)
FAST = replace(ECHO, penalties=(1.0, 10.0), inner_folds=4)
WITH_GAPS = [name for name, model in MODELS.items() if model.gaps]


def with_gaps(task: Task, share: float, seed: int = 1) -> Task:
    """Drop a share of all pairs; gene 1 keeps all of its rows, and gene 2 loses all."""
    random = np.random.default_rng(seed)
    gone = random.random(task.deltas.shape) < share
    gone[:, 1], gone[:, 2] = False, True
    return replace(
        task,
        deltas=np.where(gone, np.nan, task.deltas),
        weights=np.where(gone, 0.0, task.weights),
    )


def gap_task(share: float = 0.6) -> Task:
    return with_gaps(example_task(m=M, to_predict=Q, genes=GENES, isolated=(3, M + 1)), share)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_each_gene_is_an_independent_ridge(share: float) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 8))
    responses = with_gaps(example_task(m=50, to_predict=1, genes=30), share).deltas
    responses[:, 7] = np.where(np.isnan(responses[:, 5]), np.nan, responses[:, 7])
    predicted = gap_ridge(features @ features[:50].T, responses, PENALTIES)
    for number, penalty in enumerate(PENALTIES):
        for gene, column in enumerate(responses.T):
            rows = np.flatnonzero(~np.isnan(column))
            expected = np.zeros(10)
            if len(rows):
                model = Ridge(alpha=penalty, solver="cholesky").fit(features[rows], column[rows])
                expected = model.predict(features[50:])
            np.testing.assert_allclose(predicted[number, :, gene], expected, atol=1e-10)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.7])
def test_normal_equations(share: float) -> None:
    """Of the fit f = b + K·a the residuals are λ·a, and sum to 0."""
    task = gap_task(share)
    kernel = network_kernel(task)[:M, :M]
    fitted = gap_ridge(np.vstack([kernel, kernel]), task.deltas, PENALTIES)
    for number, penalty in enumerate(PENALTIES):
        residuals = np.nan_to_num(task.deltas - fitted[number])
        np.testing.assert_allclose(residuals.sum(axis=0), 0, atol=1e-12)
        intercepts = fitted[number] - kernel @ residuals / penalty
        np.testing.assert_allclose(np.ptp(intercepts, axis=0), 0, atol=1e-12)


def test_patterns_are_the_sets_of_rows() -> None:
    measured = ~np.isnan(gap_task().deltas)
    measured[:, 9] = measured[:, 4]
    found = list(patterns(measured))
    assert sorted(np.concatenate([one.genes for one in found]).tolist()) == list(range(GENES))
    for one in found:
        np.testing.assert_array_equal(measured[:, one.genes].T, [
            np.isin(np.arange(M), one.rows)
        ] * len(one.genes))  # fmt: skip
    assert {4, 9} in [set(one.genes.tolist()) for one in found]
    assert len({one.rows.tobytes() for one in found}) == len(found)
    assert not list(patterns(measured[:, :0]))


def test_without_gaps_the_residuals_are_those_of_the_operators() -> None:
    """Silenced genes without a link are in the screen, too."""
    task = gap_task(0.0)
    residuals = example_task(m=M, to_predict=Q, genes=GENES, isolated=(3, M + 1)).deltas
    residuals = residuals - residuals.mean(axis=0)
    settings = replace(FAST, kernels=("network", "profile", "both"))
    np.testing.assert_allclose(
        residuals_with_gaps(task, residuals, settings),
        residual_operators(task, residuals, settings) @ residuals,
        atol=1e-10,
    )


def test_echo_follows_an_independent_ridge_of_each_gene() -> None:
    """With 90 % of the pairs dropped, and with one kernel and penalty."""
    task = with_gaps(example_task(m=80, to_predict=Q, genes=GENES), 0.9)
    # No silenced gene is measured: there are no knockdowns.
    task = replace(task, silenced=np.full(len(task.silenced), -1))
    settings = replace(FAST, kernels=("network",), penalties=(3.0,), objective="squared")
    prediction = fit_echo(task, settings)
    share = prediction.choices["network"]
    values, vectors = np.linalg.eigh(network_kernel(task))
    features = vectors * np.sqrt(np.maximum(values, 0.0))
    for gene, column in enumerate(task.deltas.T):
        rows = np.flatnonzero(~np.isnan(column))
        if not len(rows):
            np.testing.assert_array_equal(prediction.deltas[:, gene], 0)
            continue
        mean = column[rows].mean()
        ridge = Ridge(alpha=3.0, solver="cholesky").fit(features[rows], column[rows])
        expected = mean + share * (ridge.predict(features[80:]) - mean)
        np.testing.assert_allclose(prediction.deltas[:, gene], expected, atol=1e-8)
        assert prediction.centre[gene] == pytest.approx(mean)
    assert 0.5 < share <= 1


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_inner_predictions_are_those_of_fits_without_the_row(objective: str) -> None:
    """With one candidate for the residual, the inner predictions are fits of each inner fold."""
    task = gap_task()
    settings = replace(FAST, kernels=("network",), penalties=(1.0,), blends=(0.0,))
    settings = replace(settings, objective=objective)
    prediction = fit_echo(task, settings)
    assert prediction.inner is not None
    for rows in task.inner_folds(settings.inner_folds):
        part = task.split(rows)
        own = np.where(
            np.arange(GENES) == part.silenced[: part.n_training, None], np.nan, part.deltas
        )
        counts = np.maximum((~np.isnan(own)).sum(axis=0), 1)
        mean = np.nansum(own, axis=0) / counts
        kernel = network_kernel(part)[:, : part.n_training]
        residual = gap_ridge(kernel, own - mean, (1.0,))[0]
        expected = mean + prediction.choices["network"] * residual
        counted = ~np.isnan(task.deltas[rows])
        counted &= np.arange(GENES) != task.silenced[rows, None]
        np.testing.assert_allclose(prediction.inner[rows][counted], expected[counted], atol=1e-6)


@pytest.mark.parametrize("name", WITH_GAPS)
def test_predictions_have_no_gaps(name: str) -> None:
    task = gap_task(0.9)
    prediction = predict(task, [name], SETTINGS, inner=True)
    assert prediction.inner is not None
    for values in (prediction.deltas, prediction.centre, prediction.inner):
        assert np.isfinite(values).all()
    own = task.silenced[M:]
    kept = np.arange(GENES) == 2
    for row, silenced in enumerate(own.tolist()):
        # Nothing is known of a gene that was never measured, but that it is silenced.
        assert (prediction.deltas[row, kept & (np.arange(GENES) != silenced)] == 0).all()


@pytest.mark.parametrize("name", WITH_GAPS)
def test_nothing_of_the_held_out_rows_is_seen(name: str) -> None:
    """Other responses, weights and gaps of held-out rows give the same bytes."""
    task = with_gaps(example_task(m=M, to_predict=0, genes=GENES, isolated=(3,)), 0.6)
    held_out = np.array([0, 7, 8, 30])
    deltas, weights = task.deltas.copy(), task.weights.copy()
    deltas[held_out], weights[held_out] = 7.0, 7.0
    deltas[held_out, 5], weights[held_out, 5] = np.nan, 0.0
    other = replace(task, deltas=deltas, weights=weights)
    parts = [
        predict_folds(
            [Member("one", (name,), each, SETTINGS)],
            [held_out],
            inner=True,
            progress=lambda *_: None,
        )
        for each in (task, other)
    ]
    for field in ("prediction", "centre", "mean", "spread", "quantiles", "choices", "inner_score"):
        one, another = (getattr(part, field) for part in parts)
        assert one.tobytes() == another.tobytes(), field
        assert np.isfinite(one).all(), field


def _median(values: Array, weights: Array) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.argmax(reached >= reached[-1] / 2)])


def test_medians_are_those_of_the_measured_rows() -> None:
    task = gap_task(0.3)
    weights = task.weights.copy()
    weights[:, 6] = 0.0
    left_out = np.array([1, 5, 20])
    medians = Medians(task.deltas, weights)
    for part, rows in ((medians, np.arange(M)), (medians.without(left_out), None)):
        kept = np.delete(np.arange(M), left_out) if rows is None else rows
        weighted, middle, best = part.weighted(), part.unweighted(), part.reweighted()
        error = np.nansum(weights[kept] * np.abs(task.deltas[kept] - best), axis=1)
        for gene in range(GENES):
            measured = kept[~np.isnan(task.deltas[kept, gene])]
            if not len(measured):
                assert weighted[gene] == middle[gene] == best[gene] == 0
                continue
            values, of_gene = task.deltas[measured, gene], weights[measured, gene]
            of_gene = of_gene if of_gene.any() else np.ones(len(measured))
            assert weighted[gene] == _median(values, of_gene)
            assert middle[gene] == pytest.approx(np.median(values), abs=1e-15)
            factors = 1 / error[np.isin(kept, measured)]
            assert best[gene] == _median(values, of_gene * factors)


@pytest.mark.parametrize("sums", ["score", 1, 2])
def test_unmeasured_pairs_count_nothing(sums: str | int) -> None:
    """The numbers that candidates are weighed by are those of a table of the measured genes."""
    task = gap_task()
    candidates = single_precision(np.random.default_rng(0).normal(size=(M, 4, GENES)))
    measured = ~np.isnan(task.deltas)

    def judge(
        truth: Array, weights: Array, predicted: Callable[[int], npt.NDArray[np.float32]]
    ) -> Array:
        if isinstance(sums, int):
            return error_sums(truth, predicted, 4, sums)
        return score_sums(truth, weights, predicted, 4, np.ones(len(truth)))

    ours = judge(task.deltas, task.weights, lambda p: candidates[p])
    for row in range(M):
        genes = measured[row]
        theirs = judge(
            task.deltas[row : row + 1, genes],
            task.weights[row : row + 1, genes],
            lambda _, row=row, genes=genes: candidates[row][:, genes],
        )
        np.testing.assert_allclose(ours[..., row, :], theirs[..., 0, :], rtol=1e-5)


def test_nearest_averages_neighbours_that_have_the_gene(monkeypatch: pytest.MonkeyPatch) -> None:
    task = gap_task()
    monkeypatch.setattr("echoes.models.baselines.NEIGHBOURS", (2,))
    prediction = nearest(task, SETTINGS)
    kernel = network_kernel(task)
    for row in range(M, M + Q):
        for gene in range(GENES):
            rows = np.flatnonzero(~np.isnan(task.deltas[:, gene]))
            usable = [p for p in rows if task.known[p] and task.known[row]]
            usable.sort(key=lambda p: -kernel[row, p] / np.sqrt(kernel[p, p]))
            chosen = usable[:2] or rows.tolist()
            expected = task.deltas[chosen, gene].mean() if len(chosen) else 0.0
            assert prediction.deltas[row - M, gene] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", WITH_GAPS)
def test_one_gap_changes_little(name: str) -> None:
    """What is computed with gaps is what is computed without, where there is next to none."""
    task = example_task(m=M, to_predict=Q, genes=GENES)
    task = replace(task, silenced=np.full(len(task.silenced), -1))
    settings = {**SETTINGS, "echo": {**SETTINGS["echo"], "kernels": ["network", "profile"]}}
    deltas, weights = task.deltas.copy(), task.weights.copy()
    # A gene without a weight does not count when candidates are weighed by the score.
    weights[:, 4] = 0.0
    task = replace(task, weights=weights)
    deltas[3, 4] = np.nan
    one, other = (
        model_function(name)(each, settings) for each in (task, replace(task, deltas=deltas))
    )
    others = np.arange(GENES) != 4
    np.testing.assert_allclose(one.deltas[:, others], other.deltas[:, others], atol=2e-3)


def test_sources_are_kernels_of_all_genes() -> None:
    task = gap_task()
    settings = replace(FAST, kernels=(SOURCES,))
    prediction: Prediction = fit_echo(task, settings)
    assert prediction.choices.keys() == {"blend", "no_residual", SOURCES}
    assert prediction.choices[SOURCES] + prediction.choices["no_residual"] == pytest.approx(1)
    assert prediction.choices[SOURCES] > 0.1

"""The echo model: its parts against independent solutions, and what each must not see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.kernel_ridge import KernelRidge

from echoes.models import echo
from echoes.models.echo import fit_echo
from echoes.models.inner_loop import assign_folds
from echoes.models.kernels import kernels_of_rows
from echoes.models.knockdown import fill_silenced_entries, knockdown_responses, remaining_expression
from echoes.models.medians import Medians
from echoes.models.objective import OBJECTIVES, Objective
from echoes.models.residuals import KERNELS, Echo, residual_operators, source_residuals
from echoes.models.similarity import network_kernel, profile_kernel
from echoes.models.sources import Source
from echoes.models.task import Task
from tasks import ECHO, SETTINGS, example_task, settings_with

Array = npt.NDArray[np.float64]

BASE = replace(ECHO, kernels=())


def base_of(task: Task, blend: float) -> Array:
    mean = fill_silenced_entries(task).mean(axis=0)
    return mean + blend * (Medians(task.deltas, task.weights).reweighted() - mean)


def others(task: Task) -> npt.NDArray[np.bool_]:
    """Mark the entries to predict that are no silenced gene's own."""
    mask = np.ones((len(task.silenced) - task.n_training, task.deltas.shape[1]), dtype=bool)
    mask[task.silenced_entries_to_predict()] = False
    return mask


def weigh_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all choices weigh the same, whatever the inner loop finds."""

    def weigh(_: Objective, counts: Array) -> Array:
        return np.full(len(counts), 1 / len(counts))

    monkeypatch.setattr(Objective, "weigh", weigh)


def test_without_kernels_it_is_the_blend_and_the_own_fall() -> None:
    task = example_task()
    ours = fit_echo(task, BASE)
    assert set(ours.choices) == {"blend", "no_residual"}
    assert ours.choices["no_residual"] == pytest.approx(1)
    expected = base_of(task, ours.choices["blend"])
    free = others(task)
    np.testing.assert_allclose(ours.deltas[free], np.tile(expected, (3, 1))[free], atol=1e-15)
    np.testing.assert_allclose(ours.centre, expected, atol=1e-15)
    assert (~free).sum() == 1
    own = knockdown_responses(task, remaining_expression(task))
    np.testing.assert_array_equal(ours.deltas[task.silenced_entries_to_predict()], own[1])
    assert ours.deltas[1, 13] != pytest.approx(expected[13])


def test_where_the_network_knows_nothing_it_is_exactly_its_base() -> None:
    task = example_task(isolated=(4, 12, 14))
    ours = fit_echo(task, ECHO)
    expected = base_of(task, ours.choices["blend"])
    np.testing.assert_array_equal(ours.deltas[[0, 2]], [ours.centre, ours.centre])
    np.testing.assert_allclose(ours.centre, expected, rtol=1e-13)
    # The other one has a residual.
    assert ours.choices["no_residual"] < 0.9
    assert np.abs(ours.deltas[1] - expected)[others(task)[1]].max() > 1e-3
    # If no gene is known at all, every choice is the base.
    nothing = fit_echo(example_task(isolated=range(15)), ECHO)
    free = others(task)
    np.testing.assert_array_equal(nothing.deltas[0], nothing.centre)
    np.testing.assert_array_equal(nothing.deltas[free], np.tile(nothing.centre, (3, 1))[free])


def test_residuals_are_kernel_ridge_regressions() -> None:
    task = example_task(isolated=(3, 13))
    settings = replace(ECHO, penalties=(0.3, 4.0, 50.0))
    responses = fill_silenced_entries(task)
    Y = responses - responses.mean(axis=0)
    operators = list(residual_operators(task, responses, settings))
    assert len(operators) == 9
    network, profile = network_kernel(task), profile_kernel(task, responses)
    choices = [(name, penalty) for name in settings.whole for penalty in settings.penalties]
    for operator, (name, penalty) in zip(operators, choices, strict=True):
        share, rest = KERNELS[name]
        kernel = share * network + rest * profile
        model = KernelRidge(alpha=penalty, kernel="precomputed").fit(kernel[:12, :12], Y)
        np.testing.assert_allclose(operator @ Y, model.predict(kernel[12:, :12]), atol=1e-12)
    assert {name: sum(shares) for name, shares in KERNELS.items()} == dict.fromkeys(KERNELS, 1)


def test_the_fit_is_what_its_choices_say(monkeypatch: pytest.MonkeyPatch) -> None:
    weigh_alike(monkeypatch)
    task = example_task(isolated=(2,))
    settings = replace(ECHO, blends=(0.2, 0.6), penalties=(1.0, 10.0))
    ours = fit_echo(task, settings)
    responses = fill_silenced_entries(task)
    Y = responses - responses.mean(axis=0)
    # Six residuals, that of all sources, and none at all.
    fitted = sum(operator @ Y for operator in residual_operators(task, responses, settings)) / 8
    fitted += source_residuals(task, Y, settings) / 8
    base = base_of(task, 0.4)
    free = others(task)
    np.testing.assert_allclose(ours.deltas[free], (base + fitted)[free], atol=1e-14)
    # The mean of what is fitted to the training rows, knockdowns left out.
    np.testing.assert_allclose(ours.centre, base, atol=1e-14)
    assert ours.choices == {
        "blend": pytest.approx(0.4),
        "no_residual": pytest.approx(1 / 8),
        "network": pytest.approx(2 / 8),
        "profile": pytest.approx(2 / 8),
        "both": pytest.approx(2 / 8),
        "sources": pytest.approx(1 / 8),
        "penalty": pytest.approx(np.sqrt(10)),
        "smallest_penalty": pytest.approx(3 / 8),
    }


@pytest.mark.parametrize("folds", [4, 12])
def test_inner_predictions_are_fits_without_the_row(
    folds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("echoes.models.objective.INNER_TOLERANCE", 0.0)
    weigh_alike(monkeypatch)
    task = example_task(isolated=(5,))
    settings = replace(ECHO, penalties=(1.0, 10.0), inner_folds=folds)
    ours = fit_echo(task, settings).inner
    assert ours is not None
    for rows in assign_folds(range(12), folds):
        part = fit_echo(task.split(rows), settings)
        np.testing.assert_allclose(ours[rows], part.deltas, atol=1e-6)


@pytest.mark.parametrize("row", [0, 5, 11])
def test_a_row_has_no_say_in_its_own_inner_prediction(
    row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    weigh_alike(monkeypatch)
    task = example_task()
    settings = replace(ECHO, penalties=(1.0, 10.0), inner_folds=4)
    expected = fit_echo(task, settings).inner
    assert expected is not None
    deltas, weights = task.deltas.copy(), task.weights.copy()
    random = np.random.default_rng(0)
    deltas[row], weights[row] = random.normal(size=15), random.gamma(1, size=15)
    ours = fit_echo(replace(task, deltas=deltas, weights=weights), settings).inner
    assert ours is not None
    # Rows row, row + 4 and row + 8 are predicted by the same models.
    blind = np.arange(12) % 4 == row % 4
    np.testing.assert_array_equal(ours[blind], expected[blind])
    assert (np.abs(ours - expected).max(axis=1) > 1e-6)[~blind].all()


def test_the_inner_loop_finds_a_signal_and_none() -> None:
    strong = fit_echo(example_task(m=30, genes=80, signal=3.0), ECHO).choices
    assert strong["no_residual"] < 0.01
    assert strong["network"] > 0.5
    none = fit_echo(example_task(m=30, genes=80, signal=0.0), ECHO).choices
    assert none["penalty"] > 3 * strong["penalty"]


def falling(share: float) -> Task:
    """Let each measured silenced gene keep a share of its expression."""
    task = example_task()
    rows, genes = task.silenced_entries()
    deltas = task.deltas.copy()
    control = task.control[genes]
    deltas[rows, genes] = np.log2(1 + share * (2**control - 1)) - control
    return replace(task, deltas=deltas)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0, 1.7])
def test_remaining_expression_is_exact(share: float) -> None:
    task = falling(share)
    assert remaining_expression(task) == pytest.approx(share, abs=1e-12)
    own = knockdown_responses(task, share)
    control = task.control[13]
    assert own[1] == pytest.approx(np.log2(1 + share * (2**control - 1)) - control)
    assert np.isnan(own[[0, 2]]).all()
    if share == 0:
        assert own[1] == pytest.approx(-control)


def test_remaining_expression_is_a_median_of_genes_that_are_expressed() -> None:
    task = falling(0.2)
    rows, genes = task.silenced_entries()
    assert len(rows) == 6
    deltas, control = task.deltas.copy(), task.control.copy()
    deltas[rows[:2], genes[:2]] = 3.0
    assert remaining_expression(replace(task, deltas=deltas)) == pytest.approx(0.2)
    # Of a gene that no cell expresses there is no share; two of the four others are outliers.
    control[genes[2:4]] = 0
    outliers = (2 ** (control[genes[:2]] + 3) - 1) / (2 ** control[genes[:2]] - 1)
    middle = remaining_expression(replace(task, deltas=deltas, control=control))
    assert middle == pytest.approx((0.2 + outliers.min()) / 2)
    silent = replace(task, control=np.zeros(15))
    assert remaining_expression(silent) == 1
    np.testing.assert_array_equal(knockdown_responses(silent, 0.3)[1], 0)
    assert remaining_expression(replace(task, silenced=np.full(15, -1))) == 1
    # Less than no expression is a matter of rounding.
    assert remaining_expression(replace(task, deltas=deltas - 30)) == 0


def test_without_the_control_the_own_fall_is_the_median_of_the_training_falls() -> None:
    task = falling(0.2)
    rows, genes = task.silenced_entries()
    control = task.control.copy()
    control[13] = np.nan
    measured = task.deltas[rows, genes]
    own = knockdown_responses(replace(task, control=control), 0.2)
    assert own[1] == np.median(measured)
    assert np.isnan(own[[0, 2]]).all()
    unknown = replace(task, control=np.full(15, np.nan))
    assert remaining_expression(unknown) == 1
    prediction = fit_echo(unknown, BASE)
    assert np.isfinite(prediction.deltas).all()
    assert prediction.deltas[1, 13] == np.median(measured)
    # Nothing is known of any fall: the gene is predicted like all others.
    silenced = task.silenced.copy()
    silenced[: task.n_training] = -1
    nothing = replace(unknown, silenced=silenced)
    assert np.isnan(knockdown_responses(nothing, 1.0)).all()
    assert np.isfinite(fit_echo(nothing, BASE).deltas).all()


def test_the_silenced_gene_falls_in_all_predictions() -> None:
    task = falling(0.2)
    ours = fit_echo(task, ECHO)
    rows, genes = task.silenced_entries_to_predict()
    control = task.control[genes]
    fall = np.log2(1 + 0.2 * (2**control - 1)) - control
    np.testing.assert_allclose(ours.deltas[rows, genes], fall, atol=1e-12)
    assert ours.inner is not None
    own = task.silenced_entries()
    np.testing.assert_allclose(ours.inner[own], task.deltas[own], atol=1e-6)


def test_silenced_entries_are_filled_by_hand() -> None:
    task = example_task(m=4, to_predict=2, genes=5)
    task = replace(task, silenced=np.array([1, -1, 1, 3, 0, 2]))
    y = task.deltas
    ours = fill_silenced_entries(task)
    expected = y.copy()
    # Two perturbations of gene 1: both are left out of its mean.
    expected[0, 1] = expected[2, 1] = (y[1, 1] + y[3, 1]) / 2
    expected[3, 3] = (y[0, 3] + y[1, 3] + y[2, 3]) / 3
    np.testing.assert_allclose(ours, expected, atol=1e-15)
    everywhere = replace(task, silenced=np.array([1, 1, 1, 1, 0, 2]))
    np.testing.assert_array_equal(fill_silenced_entries(everywhere)[:, 1], np.zeros(4))


def test_knockdowns_do_not_reach_other_perturbations() -> None:
    shallow, deep = falling(0.9), falling(0.05)
    # The silenced gene itself has no weight in the score.
    weights = shallow.weights.copy()
    weights[shallow.silenced_entries()] = 0
    one, other = (
        fit_echo(replace(task, weights=weights), replace(ECHO, blends=(0.0,), kernels=()))
        for task in (shallow, deep)
    )
    np.testing.assert_allclose(one.centre, other.centre, atol=1e-15)
    free = others(shallow)
    np.testing.assert_allclose(one.deltas[free], other.deltas[free], atol=1e-15)


def test_settings_are_read_from_their_sections() -> None:
    settings = settings_with(echo={"penalties": [2.0, 5.0]}, inner_crossval={"folds": 6})
    expected = replace(ECHO, penalties=(2.0, 5.0), inner_folds=6)
    assert Echo.from_settings(settings) == expected
    one, other = echo.echo(example_task(), settings), fit_echo(example_task(), expected)
    np.testing.assert_array_equal(one.deltas, other.deltas)
    assert one.choices == other.choices != echo.echo(example_task(), SETTINGS).choices


def test_the_order_of_genes_does_not_matter() -> None:
    task = example_task(isolated=(13,))
    order = np.random.default_rng(0).permutation(15)
    place = np.argsort(order)
    shuffled = replace(
        task,
        deltas=task.deltas[:, order],
        weights=task.weights[:, order],
        control=task.control[order],
        reach=task.reach[:, order],
        silenced=np.where(task.silenced >= 0, place[task.silenced], -1),
    )
    one, other = fit_echo(task, ECHO), fit_echo(shuffled, ECHO)
    np.testing.assert_allclose(other.deltas, one.deltas[:, order], atol=1e-6)
    np.testing.assert_allclose(other.centre, one.centre[order], atol=1e-6)
    assert one.inner is not None
    assert other.inner is not None
    np.testing.assert_allclose(other.inner, one.inner[:, order], atol=1e-6)
    assert other.choices == pytest.approx(one.choices, rel=1e-3)


def test_the_base_follows_from_the_objective() -> None:
    task = example_task(isolated=range(15))
    responses, free = task.deltas, others(task)
    mean = fill_silenced_entries(task).mean(axis=0)
    squared = fit_echo(task, replace(ECHO, objective="squared"))
    assert squared.choices["blend"] == 0
    np.testing.assert_allclose(squared.deltas[free], np.tile(mean, (3, 1))[free], atol=1e-15)
    absolute = fit_echo(task, replace(ECHO, objective="absolute", blends=(1.0,)))
    # The lower of the two middle responses.
    median = np.sort(responses, axis=0)[5]
    np.testing.assert_allclose(absolute.deltas[free], np.tile(median, (3, 1))[free], atol=1e-15)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_finds_a_signal(objective: str) -> None:
    choices = fit_echo(
        example_task(m=30, genes=80, signal=3.0), replace(ECHO, objective=objective)
    ).choices
    assert choices["no_residual"] < 0.01


def test_without_a_network_it_learns_from_other_sources() -> None:
    task = example_task(m=30, genes=80, signal=3.0)
    features = task.features[:, :6]
    part = kernels_of_rows(features, scale_columns=False)
    rows = len(task.silenced)
    alone = replace(
        task,
        kernels=np.empty((0, rows, rows)),
        reach=np.empty((rows, 0)),
        known=np.zeros(rows, dtype=bool),
        others=(Source("table", part.kernels, part.known),),
    )
    ours = fit_echo(alone, replace(ECHO, kernels=("sources",), objective="squared"))
    assert ours.choices["sources"] > 0.99
    assert np.abs(ours.deltas - ours.centre)[others(task)].max() > 0.3


def test_the_order_of_the_perturbations_to_predict_does_not_matter() -> None:
    task = example_task(isolated=(13,))
    rows = np.concatenate([np.arange(12), [14, 12, 13]])
    shuffled = replace(
        task,
        silenced=task.silenced[rows],
        kernels=task.kernels[:, rows[:, None], rows],
        reach=task.reach[rows],
        known=task.known[rows],
    )
    ours = fit_echo(shuffled, ECHO).deltas
    np.testing.assert_allclose(ours, fit_echo(task, ECHO).deltas[[2, 0, 1]], atol=1e-12)

"""What `echo` may learn from its sources: all of a prior, nothing of what is held out, no noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from echoes.models.echo import fit_echo
from echoes.models.kernels import kernels_of_rows
from echoes.models.objective import OBJECTIVES
from echoes.models.residuals import Echo
from echoes.models.sources import Source
from echoes.models.task import Prediction, Task
from echoes.scoring.bootstrap import resample, score_draws
from echoes.scoring.metrics import score, weighted_mae
from tasks import ECHO, example_task

Array = npt.NDArray[np.float64]

M, GENES = 36, 20
HELD_OUT = np.array([0, 7, 8, 30])
FAST = replace(ECHO, penalties=(1.0, 10.0), inner_folds=4)
KERNELS = [(name,) for name in ECHO.kernels] + [ECHO.kernels]


def table_source(name: str, rows: Array, *, scale_columns: bool = False) -> Source:
    part = kernels_of_rows(rows, scale_columns=scale_columns)
    return Source(name, part.kernels, part.known)


def prior_rows(seed: int = 5) -> Array:
    """Responses of a screen of other cells to some of the silenced genes."""
    random = np.random.default_rng(seed)
    rows = own_screen().features[:, :6] @ random.normal(size=(6, 25))
    rows += 0.3 * random.normal(size=(M, 25))
    rows[random.permutation(np.delete(np.arange(M), HELD_OUT))[:10]] = np.nan
    return rows


def with_sources(task: Task, prior: Array) -> Task:
    """Add two networks, a screen of other cells and a table; most know only a part of the genes."""
    random = np.random.default_rng(6)
    rows = np.arange(M)
    features = random.normal(size=(2, 2, M, 6))
    networks = [
        Source(name, part @ part.swapaxes(1, 2), rows % 5 != place)
        for place, (name, part) in enumerate(
            zip(("coexpression", "physical"), features, strict=True)
        )
    ]
    numbers = random.normal(size=(M, 4))
    numbers[rows % 6 == 1] = np.nan
    table = table_source("dependencies", numbers, scale_columns=True)
    return replace(task, others=(*networks, table_source("cells", prior), table))


def own_screen() -> Task:
    return example_task(m=M, to_predict=0, genes=GENES, isolated=(3, 5))


def assert_same(one: Prediction, other: Prediction) -> None:
    """Compare all of two predictions, bit for bit."""
    for name in ("deltas", "centre", "inner"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.choices == other.choices


def changed(task: Task, value: float) -> Task:
    """Write other responses and weights into the rows that are held out."""
    deltas, weights = task.deltas.copy(), task.weights.copy()
    deltas[HELD_OUT], weights[HELD_OUT] = value, abs(value)
    return replace(task, deltas=deltas, weights=weights)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("kernels", KERNELS, ids="+".join)
def test_what_is_held_out_is_never_seen(kernels: tuple[str, ...], objective: str) -> None:
    task = with_sources(own_screen(), prior_rows())
    settings = replace(FAST, kernels=kernels, objective=objective)
    expected = fit_echo(task.split(HELD_OUT), settings)
    for value in (-1e3, 1e-3, np.nan):
        assert_same(fit_echo(changed(task, value).split(HELD_OUT), settings), expected)
    # What it must not see in these rows it sees in the others.
    assert expected.choices["no_residual"] < 1
    moved = fit_echo(replace(task, deltas=task.deltas * 1.1).split(HELD_OUT), settings)
    assert np.abs(moved.deltas - expected.deltas).min() > 0


def test_held_out_rows_in_a_source_would_be_seen() -> None:
    """A source made of the screen itself is a leak, and the comparison finds it."""
    task, other = own_screen(), changed(own_screen(), 2.0)
    one, two = (
        fit_echo(with_sources(screen, screen.deltas).split(HELD_OUT), FAST)
        for screen in (task, other)
    )
    with pytest.raises(AssertionError, match="deltas"):
        assert_same(one, two)


@pytest.mark.parametrize("kernels", KERNELS, ids="+".join)
def test_what_a_prior_knows_of_a_held_out_gene_may_be_used(kernels: tuple[str, ...]) -> None:
    settings = replace(FAST, kernels=kernels)
    rows = prior_rows()
    other = rows.copy()
    other[HELD_OUT[0]] = rows[12]
    one, two = (
        fit_echo(with_sources(own_screen(), prior).split(HELD_OUT), settings)
        for prior in (rows, other)
    )
    if "sources" not in kernels:
        return assert_same(one, two)
    assert np.abs(one.deltas - two.deltas)[0].max() > 1e-6
    # For other genes nothing changes: kernels are centred on the training genes alone.
    np.testing.assert_allclose(two.deltas[1:], one.deltas[1:], atol=1e-12)
    np.testing.assert_allclose(two.centre, one.centre, atol=1e-12)
    return None


def losses(signal: float, seed: int, *choices: tuple[Echo, int]) -> Array:
    """Compute what is lost on half of the perturbations, (C, 1 + D), for each of C settings.

    First on all of them, then on D random draws of them.

    Parameters
    ----------
    signal
        Size of what follows the network.
    seed
        Seed of the perturbations.
    choices
        Settings, and a number of sources of noise beside the network.
    """
    random = np.random.default_rng(seed + 1000)
    full = example_task(m=80, to_predict=0, genes=30, signal=signal, seed=seed)
    noise = tuple(table_source(f"noise {i}", random.normal(size=(80, 25))) for i in range(2))
    held_out = np.arange(40)
    truth, weights = full.deltas[held_out], full.weights[held_out]
    counts = np.vstack([np.ones((1, 40)), resample(40, 500, seed)])
    found = []
    for settings, count in choices:
        part = replace(full, others=noise[:count]).split(held_out)
        predicted = fit_echo(part, settings).deltas
        if settings.objective == "score":
            baseline = weighted_mae(truth, part.deltas.mean(axis=0), weights)
            found.append(-score_draws(score(truth, predicted, weights, baseline).parts, counts))
        else:
            errors = np.abs(truth - predicted) ** OBJECTIVES[settings.objective]
            found.append(counts @ errors.mean(axis=1) / 40)
    return np.array(found)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_priors_of_noise_cost_nothing_beyond_noise(objective: str) -> None:
    settings = replace(ECHO, penalties=(1.0, 10.0, 100.0), inner_folds=5, objective=objective)
    base = replace(settings, kernels=())
    choices = (settings, 0), (settings, 1), (settings, 2), (base, 0)
    lost = [losses(1.0, seed, *choices)[:, 0] for seed in range(8)]
    without, one, two, none = np.transpose(lost)
    # In shares of what the network gains.
    gained = (none - without).mean()
    assert gained > 0.1 * np.abs(none).mean()
    assert (one - without).mean() < 0.03 * gained
    assert (two - without).mean() < 0.03 * gained


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_without_a_signal_it_is_its_base_within_noise(objective: str) -> None:
    settings = replace(ECHO, penalties=(1.0, 10.0, 100.0), inner_folds=5, objective=objective)
    base = replace(settings, kernels=())
    lost = [losses(0.0, seed, (settings, 0), (settings, 2), (base, 0)) for seed in range(8)]
    ours, noisy, none = np.swapaxes(lost, 0, 1)
    for cost in (ours - none, noisy - none):
        lower = np.percentile(cost[:, 1:], 2.5, axis=1)
        assert np.count_nonzero(lower > 0) <= 1, lower
        share = cost[:, 0].mean() / np.abs(none[:, 0]).mean()
        assert share < (0.1 if objective == "score" else 0.005), share


def test_a_source_called_network_is_not_the_own_network() -> None:
    task = own_screen()
    rows = prior_rows()

    def prediction(name: str) -> Prediction:
        others = (table_source(name, rows),)
        return fit_echo(replace(task, others=others).split(HELD_OUT), FAST)

    assert_same(prediction("network"), prediction("cells"))

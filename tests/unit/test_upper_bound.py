"""Upper bounds from replicates: a model without errors meets them, and no other passes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from echoes.scoring.upper_bound import (
    BOUND,
    REPLICATE,
    Bound,
    bound_of_guides,
    bound_of_halves,
    upper_bound_table,
)
from replicates import Simulated, simulate

BOUNDED = ("pearson_control", "pearson_mean", "r2_mean")
KINDS = ("guides", "cells")
ONE_GUIDE: dict[str, Any] = {"genes": 60, "guides": (1, 1)}


def bound_of(screen: Simulated, kind: str) -> Bound:
    bound = screen.guides() if kind == "guides" else screen.cells()
    assert bound is not None
    return bound


def value(bound: Bound, name: str) -> float:
    return float(bound.bound(name)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("effect", [0.1, 0.2, 0.6])
def test_a_model_that_knows_all_effects_meets_the_bound(kind: str, effect: float) -> None:
    screen = simulate(effect=effect, **({} if kind == "guides" else ONE_GUIDE))
    bound, best = bound_of(screen, kind), screen.metrics(screen.effects)
    for name in BOUNDED:
        assert value(bound, name) == pytest.approx(best.overall(name), abs=0.015), name


def test_the_bound_is_the_share_of_signal() -> None:
    # Var(effect) = Var(noise): half of the variation is signal, and √½ the correlation.
    bound = bound_of(simulate(responses=8000, **ONE_GUIDE), "cells")
    assert value(bound, "r2_mean") == pytest.approx(0.5, abs=0.01)
    assert value(bound, "pearson_mean") == pytest.approx(np.sqrt(0.5), abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unequal", [0.0, 1.0])
def test_no_model_passes_the_bound(kind: str, unequal: float) -> None:
    screen = simulate(
        seed=1, unequal=unequal, effect=0.1, **({} if kind == "guides" else ONE_GUIDE)
    )
    bound = bound_of(screen, kind)
    rng = np.random.default_rng(0)
    mean = screen.effects.mean(axis=0)
    models = [mean + share * (screen.effects - mean) for share in (0.3, 0.7, 1.0, 1.3)]
    models += [screen.effects + rng.normal(0, sd, mean.shape) for sd in (0.05, 0.2)]
    for prediction in models:
        metrics = screen.metrics(prediction)
        for name in BOUNDED:
            assert metrics.overall(name) <= value(bound, name) + 0.01, name
    # A replicate is such a model, too.
    for metrics in bound.predicted:
        for name in BOUNDED:
            assert metrics.overall(name) <= value(bound, name) + 0.01, name
        assert metrics.overall("discrimination_cosine") > 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_signal_nothing_can_be_predicted(kind: str) -> None:
    screen = simulate(effect=0.0, **({} if kind == "guides" else ONE_GUIDE))
    bound = bound_of(screen, kind)
    assert value(bound, "r2_mean") == pytest.approx(0, abs=0.003)
    assert value(bound, "pearson_mean") == pytest.approx(0, abs=0.05)
    table = upper_bound_table([bound], 0).set_index(["kind", "metric"])
    assert table.loc[(BOUND, "r2_mean"), "lower"] == 0
    assert abs(table.loc[(REPLICATE, "r2_mean"), "value"]) < 0.003


def test_the_shares_of_halves_are_those_of_spearman_and_brown() -> None:
    screen = simulate(responses=400, **ONE_GUIDE)
    bound = bound_of(screen, "cells")
    noise, square = bound.noise["pearson_mean"]
    n, G = screen.truth.shape
    for p in range(n):
        others, kept = np.arange(n) != p, np.arange(G) != p
        one, other = (half[p, kept] - half[others][:, kept].mean(axis=0) for half in screen.halves)
        product = np.cov(one, other)[0, 1]
        # Rulon: the share is 4·cov over the variance of the sum of both halves.
        rulon = 4 * product / np.var(one + other, ddof=1)
        assert 1 - noise[p] / square[p] == pytest.approx(rulon, rel=1e-10)
        # It is 2r/(1 + r) where both vary as much.
        r = product / ((one.var(ddof=1) + other.var(ddof=1)) / 2)
        assert rulon == pytest.approx(2 * r / (1 + r), rel=1e-10)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_guides_by_a_plain_loop(gaps: float) -> None:
    G = 50
    screen = simulate(genes=7, guides=(1, 3), responses=G, gaps=gaps)
    bound = bound_of(screen, "guides")
    truth, gene = screen.truth, screen.gene
    n = len(gene)
    mean, others = np.full((n, G), np.nan), np.zeros((n, G))
    replicate = np.full((n, G), np.nan)
    for p in range(n):
        for g in range(G):
            there = [truth[q, g] for q in range(n) if gene[q] != gene[p]]
            there = [value for value in there if not np.isnan(value)]
            mean[p, g], others[p, g] = np.mean(there), len(there)
    deviation = truth - mean
    for p in range(n):
        for g in range(G):
            twins = [deviation[q, g] for q in range(n) if gene[q] == gene[p] and q != p]
            twins = [value for value in twins if not np.isnan(value)]
            if twins:
                replicate[p, g] = np.mean(twins)
    rows = [p for p in range(n) if (gene == gene[p]).sum() > 1]
    assert bound.r == len(rows) < bound.n == n
    kept = ~np.isnan(deviation + replicate) & (np.arange(G) != gene[:, None])
    for i, p in enumerate(rows):
        y, r, k = (values[p, kept[p]] for values in (deviation, replicate, others))
        noise = (y * (y - r) * (1 + 1 / k)).sum()
        assert bound.noise["r2_mean"][0][i] == pytest.approx(noise, rel=1e-10)
        assert bound.noise["r2_mean"][1][i] == pytest.approx(y @ y, rel=1e-10)
        v = (y - r) * (1 + 1 / k)
        noise = ((y - y.mean()) * (v - v.mean())).sum()
        assert bound.noise["pearson_mean"][0][i] == pytest.approx(noise, rel=1e-10)
        here = ~np.isnan(deviation[p] + replicate[p])
        x, y, r = (values[p, here] for values in (truth, deviation, replicate))
        noise = ((y - y.mean()) * (y - r - (y - r).mean())).sum()
        assert bound.noise["pearson_control"][0][i] == pytest.approx(noise, rel=1e-10)
        square = ((x - x.mean()) ** 2).sum()
        assert bound.noise["pearson_control"][1][i] == pytest.approx(square, rel=1e-10)
    # The prediction: its slope has never seen a row of the same gene.
    predictions = []
    for p in rows:
        x, y = (
            np.concatenate([values[q, kept[q]] for q in rows if gene[q] != gene[p]])
            for values in (replicate, deviation)
        )
        slope = max(0.0, np.linalg.lstsq(x[:, None], y, rcond=None)[0][0])
        predictions.append(mean[p] + slope * np.nan_to_num(replicate[p]))
    mae = np.nanmean(np.abs(truth[rows] - predictions), axis=1)
    (metrics,) = bound.predicted
    np.testing.assert_allclose(metrics.perturbations["mae"], mae, rtol=1e-10)
    np.testing.assert_allclose(metrics.score.wmae, mae, rtol=1e-10)


def test_gaps_leave_the_bound_where_it_is() -> None:
    screen = simulate(gaps=0.3)
    bound, best = bound_of(screen, "guides"), screen.metrics(screen.effects)
    for name in BOUNDED:
        assert value(bound, name) == pytest.approx(best.overall(name), abs=0.02), name


def test_rankings_of_replicates() -> None:
    screen = simulate(responses=100)
    arrays = (screen.perturbations, screen.truth, screen.weights, screen.baseline, screen.gene)
    bound = bound_of_guides(*arrays, screen.names, ranking=0.3)
    assert bound is not None
    table = upper_bound_table([bound], 0).set_index("metric")["value"]
    assert 0.6 < table["auroc_de_gene"] < 1


def test_sums_are_scaled_to_the_whole_screen() -> None:
    screen = simulate(genes=10, guides=(1, 2), responses=100)
    bound = bound_of(screen, "guides")
    table = upper_bound_table([bound], 0)
    assert set(table["with_replicates"]) == {bound.r}
    assert set(table["perturbations"]) == {bound.n}
    assert bound.r < bound.n
    values = table[table["kind"] == REPLICATE].set_index("metric")["value"]
    (metrics,) = bound.predicted
    for name in metrics.overall_names:
        scale = bound.n / bound.r
        scaled = name in ("score", "sum_of_terms", "better_than_baseline")
        expected = metrics.overall(name) * (scale if scaled else 1)
        assert values[name] == pytest.approx(expected, nan_ok=True)
    known = table.dropna(subset=["lower"])
    assert set(known["metric"]) >= {"score", *BOUNDED}
    assert (known["lower"] <= known["upper"]).all()


def test_halves_of_different_size() -> None:
    # A third of the cells and the rest: the noise of all cells together is what counts.
    rng = np.random.default_rng(0)
    n, G, cells = 40, 3000, np.array([[20] * 40, [40] * 40])
    effects = rng.normal(0, 0.2, (n, G))
    halves = effects + rng.normal(size=(2, n, G)) / np.sqrt(cells)[:, :, None]
    truth = np.average(halves, axis=0, weights=[1, 2])
    names = np.array([f"g{i}" for i in range(n)])
    none = np.full(n, -1)
    bound = bound_of_halves((halves, cells), names, truth, np.ones((n, G)), none, names, n=n)
    assert bound is not None
    assert value(bound, "r2_mean") == pytest.approx(0.04 / (0.04 + 1 / 60), abs=0.01)


def test_it_takes_two_genes_with_replicates() -> None:
    single = simulate(**ONE_GUIDE)
    assert single.guides() is None
    one = simulate(genes=2, guides=(1, 1))
    one.gene[:] = 0
    assert one.guides() is None
    assert one.cells() is None
    table = upper_bound_table([], 0)
    assert table.empty
    assert "metric" in table.columns

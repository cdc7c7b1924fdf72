"""The figure of scores by perturbation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from echoes.io.arrays import Floats
from echoes.report.style import COLOURS, MARKERS, PAGE, TWIN, draw_reference, short

#: Metric of a perturbation → words of its axis, what no skill reaches, and limits of the axis.
METRICS = {
    "term": ("Score of the perturbation\nlog₂(baseline's / own error)", 0.0, (-1.0, 5.0)),
    "pearson_mean": ("Pearson correlation\nof deviations", 0.0, (-1.0, 1.0)),
    "discrimination_cosine": ("Discrimination\n(cosine)", 0.5, (0.0, 1.0)),
}
#: With more perturbations their names are not readable: lines of ranks are drawn instead.
MOST_NAMED = 80
#: Most experiments that are drawn, and perturbations that are named at each end of a line.
MOST_DRAWN, NAMED = 4, 5


def chosen(comparison: pd.DataFrame, twins: Collection[str]) -> list[str]:
    """Choose the experiments of the figure: those of the best scores, with one twin.

    Parameters
    ----------
    comparison
        The table ``comparison.csv``.
    twins
        Names of the experiments that are another one on a shuffled network.

    Returns
    -------
    list
        At most `MOST_DRAWN` names, the best first; baselines only where there is nothing else.
    """
    rows = comparison[(comparison["protocol"] == "held_out") & (comparison["metric"] == "score")]
    rows = rows.sort_values("value", ascending=False, kind="stable", na_position="last")
    own = rows[rows["kind"] == "experiment"]
    names = (own if len(own) else rows)["experiment"].tolist()
    first = [name for name in names if name not in twins]
    shuffled = [name for name in names if name in twins][:1]
    kept = {*first[: MOST_DRAWN - len(shuffled)], *shuffled}
    return [name for name in names if name in kept]


def draw(scores: pd.DataFrame, names: Sequence[str], twins: Collection[str]) -> Figure:
    """Draw the main metrics of each perturbation in some experiments.

    Parameters
    ----------
    scores
        The table ``perturbation_scores.parquet``.
    names
        Names of the experiments, the best first; perturbations are in the order of its scores.
    twins
        Names of the experiments that are another one on a shuffled network.

    Returns
    -------
    matplotlib.figure.Figure
        Up to `MOST_NAMED` perturbations: a row for each, with a point for each experiment. More:
        lines of sorted values, with the names of the best and the worst ones.
    """
    by_place = scores.set_index(["metric", "pert_symbol", "experiment"])["value"]
    wide = {
        metric: by_place[metric].unstack("experiment").reindex(columns=list(names))  # noqa: PD010
        for metric in METRICS
    }
    first = wide["term"][names[0]].sort_values(ascending=False, kind="stable", na_position="last")
    looks = _looks(names, twins)
    few = len(first) <= MOST_NAMED
    height = 0.9 + 0.125 * max(len(first), 6) if few else 2.8
    figure = Figure(figsize=(PAGE, height), layout="constrained")
    grid = np.atleast_1d(figure.subplots(1, len(METRICS), sharey=few))
    for axes, (metric, (label, chance, limits)) in zip(grid, METRICS.items(), strict=True):
        table = wide[metric].reindex(first.index)
        values = table.to_numpy(float)
        ends = _ends(values[np.isfinite(values)], chance, limits)
        (axes.set_xlim if few else axes.set_ylim)(*ends)
        (_draw_rows if few else _draw_lines)(axes, table, looks)
        draw_reference(axes, chance, upright=few)
        (axes.set_xlabel if few else axes.set_ylabel)(label)
    if not few:
        _name_ends(grid[0], first, next(iter(looks.values()))[0])
    else:
        grid[0].set_yticks(range(len(first)), [short(str(name), 20) for name in first.index])
        grid[0].set_ylim(len(first) - 0.4, -0.6)
        grid[0].tick_params(axis="y", labelsize=6)
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="" if few else "-", label=short(name))
        for name, (colour, marker) in looks.items()
    ]
    for each in handles:
        each.set_markersize(4 if few else 0)
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _looks(names: Sequence[str], twins: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """Colour and marker of each experiment; twins have the colour that they have elsewhere."""
    others = iter([pair for pair in zip(COLOURS, MARKERS, strict=True) if pair[0] != TWIN])
    return {name: (TWIN, "D") if name in twins else next(others) for name in names}


def _draw_rows(axes: Axes, table: pd.DataFrame, looks: Mapping[str, tuple[str, str]]) -> None:
    """Draw a row of points for each perturbation; the first experiment is on top."""
    axes.grid(axis="both")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    lowest = axes.get_xlim()[0]
    for layer, (name, (colour, marker)) in enumerate(reversed(list(looks.items())), 2):
        values, rows = table[name].to_numpy(float), np.arange(len(table))
        beyond = values < lowest
        look: Any = {"linestyle": "", "color": colour, "zorder": layer, "clip_on": False}
        axes.plot(
            *(values[~beyond], rows[~beyond]),
            marker=marker,
            markersize=3.6,
            markeredgecolor="white",
            markeredgewidth=0.4,
            **look,
        )
        # What is farther left has an arrow.
        if beyond.any():
            edge = np.full(np.count_nonzero(beyond), lowest)
            axes.plot(edge, rows[beyond], marker="<", markersize=3.6, **look)


def _draw_lines(axes: Axes, table: pd.DataFrame, looks: Mapping[str, tuple[str, str]]) -> None:
    """Draw the sorted values of each experiment."""
    axes.grid(axis="y")
    for layer, (name, (colour, _)) in enumerate(reversed(list(looks.items())), 2):
        values = np.sort(table[name].dropna().to_numpy(float))[::-1]
        axes.plot(np.arange(1, len(values) + 1), values, color=colour, zorder=layer)
    axes.set_xlabel("Perturbations, best first")
    axes.set_xlim(1, len(table))


def _name_ends(axes: Axes, values: pd.Series[float], colour: str) -> None:
    """Name the best and the worst perturbations where the line of sorted scores leaves room."""
    known = values.dropna()
    blocks = [("best", known.index[:NAMED])]
    if len(known) > 2 * NAMED:
        blocks.append(("worst", known.index[-NAMED:]))
    text = "\n\n".join(
        "\n".join([f"{head}:", *(short(str(name), 16) for name in names)]) for head, names in blocks
    )
    axes.text(
        *(0.97, 0.99, text),
        color=colour,
        fontsize=6,
        ha="right",
        va="top",
        transform=axes.transAxes,
    )


def _ends(values: Floats, chance: float, limits: tuple[float, float]) -> tuple[float, float]:
    """Choose the ends of the axis of values: what is there, if it is worth the space."""
    every = [*values.tolist(), chance]
    low, high = max(min(every), limits[0]), min(max(every), limits[1])
    margin = 0.04 * (high - low) or 0.1
    return low - margin, high + margin

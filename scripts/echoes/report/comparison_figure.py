"""The figure of the comparison: every experiment and baseline, with intervals."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from echoes.report.style import BASELINE, CHANCE, EXPERIMENT, TWIN, draw_reference, short

#: Metric → words of its axis, and what a prediction without skill reaches.
METRICS = {
    "score": ("Score", 0.0),
    "pearson_mean": ("Pearson correlation\nof deviations", 0.0),
    "r2_mean": ("R² of deviations", 0.0),
    "discrimination_cosine": ("Discrimination\n(cosine)", 0.5),
    "auroc_de_gene": ("AUROC, which genes\nrespond", 0.5),
    "auroc_up_gene": ("AUROC, which\ngo up", 0.5),
}
#: The axis of a metric starts here at the latest: what is below has an arrow and its number.
LOWEST = {"pearson_mean": -0.25, "r2_mean": -0.25}


def draw(
    comparison: pd.DataFrame, twins: Collection[str], bounds: pd.DataFrame | None = None
) -> Figure:
    """Draw the main metrics of all held-out experiments and baselines, best score first.

    Parameters
    ----------
    comparison
        The table ``comparison.csv``.
    twins
        Names of the experiments that are another one on a shuffled network.
    bounds
        The table ``upper_bound.csv``, if there is one: its upper bounds become dashed lines.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each metric, with 95 % intervals.
    """
    table = comparison[comparison["protocol"] == "held_out"]
    values = table.set_index(["experiment", "metric"])["value"].unstack()  # noqa: PD010
    kinds = table.groupby("experiment", sort=False)["kind"].first()
    score = values["score"].reindex(kinds.index)
    names = score.sort_values(ascending=False, kind="stable", na_position="last").index.tolist()
    shown = [name for name in METRICS if name in values and values[name].notna().any()]
    limits = {}
    if bounds is not None:
        kept = bounds[bounds["kind"] == "upper_bound"]
        limits = dict(zip(kept["metric"], kept["value"], strict=True))
    figure = Figure(
        figsize=(1.3 + 1.48 * max(len(shown), 2), 0.9 + 0.17 * len(names)), layout="constrained"
    )
    all_axes = np.atleast_1d(figure.subplots(1, len(shown), sharey=True))
    for axes, metric in zip(all_axes, shown, strict=True):
        rows = table[table["metric"] == metric].set_index("experiment").reindex(names)
        _draw_metric(axes, metric, rows, names, kinds, twins)
        if np.isfinite(limit := limits.get(metric, np.nan)):
            axes.axvline(limit, color="black", linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    first = all_axes[0]
    first.set_yticks(range(len(names)), [short(name) for name in names])
    first.set_ylim(len(names) - 0.4, -0.6)
    figure.legend(handles=_legend(names, kinds, twins, limits), loc="outside upper center", ncols=5)
    return figure


def _draw_metric(
    axes: Axes,
    metric: str,
    rows: pd.DataFrame,
    names: list[str],
    kinds: pd.Series[str],
    twins: Collection[str],
) -> None:
    """Draw one metric: a point and a line for its interval in each row."""
    label, chance = METRICS[metric]
    axes.grid(axis="x")
    draw_reference(axes, chance)
    value, lower, upper = (rows[key].to_numpy(float) for key in ("value", "lower", "upper"))
    ends = np.concatenate([value, lower, upper, [chance]])
    ends = ends[np.isfinite(ends)]
    floor = max(float(ends.min()), LOWEST.get(metric, -np.inf))
    margin = 0.06 * (float(ends.max()) - floor) or 0.1
    axes.set_xlim(floor - margin, float(ends.max()) + margin)
    for place, name in enumerate(names):
        colour, marker, face = _look(name, kinds, twins)
        if value[place] < floor:
            axes.plot(floor, place, marker="<", color=colour, markersize=4, clip_on=False)
            text = f" {value[place]:.2f}".replace("-", "−")
            axes.text(floor + margin / 2, place, text, color=colour, va="center", fontsize=6)
            continue
        if np.isfinite(value[place]):
            axes.plot(
                [lower[place], upper[place]], [place, place], color=colour, solid_capstyle="butt"
            )
            axes.plot(
                value[place], place, marker, color=colour, markerfacecolor=face, markersize=4.2
            )
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _look(name: str, kinds: pd.Series[str], twins: Collection[str]) -> tuple[str, str, str]:
    """Colour, marker and inner colour of an experiment."""
    if name in twins:
        return TWIN, "D", "white"
    return (BASELINE, "o", "white") if kinds[name] == "baseline" else (EXPERIMENT, "o", EXPERIMENT)


def _legend(
    names: list[str], kinds: pd.Series[str], twins: Collection[str], limits: dict[str, float]
) -> list[Line2D]:
    """Explain the colours and lines that are there."""
    looks = {_look(name, kinds, twins) for name in names}
    words = {EXPERIMENT: "experiment", TWIN: "its twin on a shuffled network", BASELINE: "baseline"}
    handles = [
        Line2D([], [], color=colour, marker=marker, markerfacecolor=face, label=words[colour])
        for colour, marker, face in sorted(looks, key=lambda look: [*words].index(look[0]))
    ]
    for each in handles:
        each.set_markersize(4.2)
    handles.append(Line2D([], [], color=CHANCE, linewidth=0.8, label="no skill"))
    if limits:
        dashed = Line2D([], [], color="black", linewidth=0.8, linestyle=(0, (4, 2)))
        dashed.set_label("upper bound")
        handles.append(dashed)
    return handles

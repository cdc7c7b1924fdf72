"""The figure of learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from echoes.report.style import PAGE, colours_of, draw_reference, short

#: Score of a prediction that does not tell perturbations apart.
_CHANCE = {"pearson_mean": 0.0, "r2_mean": 0.0, "score": 0.0}


def draw(tables: Mapping[str, pd.DataFrame], metrics: Mapping[str, str]) -> Figure:
    """Draw each metric against the number of training perturbations, with 95 % intervals.

    Parameters
    ----------
    tables
        Name of an experiment → its table with the columns ``training``, and of each metric its
        value, ``_lower`` and ``_upper``.
    metrics
        Names of the metrics, with the words for their axes.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each metric; the last size, all training perturbations, is a filled point.
    """
    figure = Figure(figsize=(PAGE, 0.45 + 1.85 * -(-len(metrics) // 3)), layout="constrained")
    grid = figure.subplots(-(-len(metrics) // 3), 3, squeeze=False)
    looks = colours_of(tables)
    ticks = _ticks([size for table in tables.values() for size in table["training"]])
    for axes, (metric, label) in zip(grid.flat, metrics.items(), strict=False):
        axes.grid()
        draw_reference(axes, _CHANCE.get(metric, 0.5), upright=False)
        for name, table in tables.items():
            colour, marker = looks[name]
            sizes, values, lower, upper = (
                table[key].to_numpy(float)
                for key in ("training", metric, f"{metric}_lower", f"{metric}_upper")
            )
            axes.fill_between(sizes, lower, upper, color=colour, alpha=0.18, linewidth=0)
            axes.plot(sizes, values, marker=marker, color=colour, markersize=4, mfc="white")
            axes.plot(sizes[-1:], values[-1:], marker=marker, color=colour, markersize=4)
        axes.set(xscale="log", xlabel="Training perturbations")
        axes.set_ylabel(label.replace(" of dev", "\nof dev"))
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_major_formatter(FixedFormatter([f"{size:g}" for size in ticks]))
        axes.xaxis.set_minor_locator(NullLocator())
    for axes in grid.flat[len(metrics) :]:
        axes.set_axis_off()
    if len(tables) > 1:
        handles = [grid.flat[0].plot([], [], marker=m, color=c)[0] for c, m in looks.values()]
        figure.legend(handles, map(short, tables), loc="outside upper center", ncols=4)
    return figure


def _ticks(sizes: list[int]) -> list[int]:
    """Choose the sizes that are labelled: of two that are near one another the larger one."""
    ordered = sorted(set(sizes))
    kept = [size for size, after in pairwise(ordered) if after / size > 1.35]
    return [*kept, ordered[-1]] if ordered else []

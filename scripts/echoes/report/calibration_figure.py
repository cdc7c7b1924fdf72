"""The figure of calibration: how often a measured response lies where it is expected."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echoes.report.style import CHANCE, EXPERIMENT, PAGE, panels, short
from echoes.scoring.coverage import ONE_DEVIATION


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the coverage of the prediction intervals of each experiment, a panel for each.

    Parameters
    ----------
    tables
        Name of an experiment → its table ``calibration.csv``.

    Returns
    -------
    matplotlib.figure.Figure
        Points are means over perturbations, bars reach from the 10th to the 90th percentile.
    """
    rows, columns = panels(len(tables))
    width = min(PAGE, 0.5 + 1.7 * columns) if columns > 1 else 2.6
    figure = Figure(figsize=(width, 0.5 + 1.75 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, table) in zip(grid.flat, tables.items(), strict=False):
        _draw_one(axes, name, table)
    for axes in grid.flat[len(tables) :]:
        axes.set_axis_off()
    figure.supxlabel("Nominal level of the interval, %", fontsize=7.5)
    figure.supylabel("Measured responses inside, %", fontsize=7.5)
    return figure


def _draw_one(axes: Axes, name: str, table: pd.DataFrame) -> None:
    """Draw the coverage of one experiment."""
    axes.set_title(short(name, 24))
    axes.grid()
    axes.plot([40, 100], [40, 100], color=CHANCE, linewidth=0.8, zorder=0)
    axes.set(xlim=(43, 102), ylim=(0, 102), xticks=[50, 68, 80, 95], yticks=range(0, 101, 25))
    if not len(table):
        # Too few perturbations for an inner cross-validation.
        axes.text(0.5, 0.5, "no intervals", ha="center", va="center", transform=axes.transAxes)
        return
    level, share, low, high, half = (
        table[key].to_numpy(float)
        for key in ("level", "coverage", "coverage_p10", "coverage_p90", "mean_half_width")
    )
    axes.vlines(100 * level, 100 * low, 100 * high, color=EXPERIMENT, alpha=0.35, linewidth=3)
    axes.plot(100 * level, 100 * share, "o-", color=EXPERIMENT, markersize=3.5)
    if np.isclose(level, ONE_DEVIATION).any():
        width = half[np.isclose(level, ONE_DEVIATION)][0]
        axes.text(0.97, 0.05, f"68 %: ± {width:.2g} log2", ha="right", transform=axes.transAxes)

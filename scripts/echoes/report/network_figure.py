"""The figure of what the network adds, by how many links the silenced gene has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from echoes.io.arrays import Floats
from echoes.report.style import EXPERIMENT, PAGE, TWIN, draw_reference, panels, short
from echoes.scoring.network_help import bins_by_degree, median_interval

_TICKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


@dataclass(frozen=True)
class Help:
    """An experiment and its twin on a shuffled network.

    Parameters
    ----------
    experiment, twin
        Their names.
    degree
        (n,) links of the silenced gene of each perturbation, in the network of the experiment.
    gained
        (n,) correlation of deviations of the experiment minus that of the twin.
    """

    experiment: str
    twin: str
    degree: Floats
    gained: Floats


def draw(pairs: Sequence[Help]) -> Figure:
    """Draw what each experiment gains over its twin, a panel for each pair.

    Parameters
    ----------
    pairs
        The experiments with their twins.

    Returns
    -------
    matplotlib.figure.Figure
        Each perturbation is a point; medians of groups have 95 % intervals.
    """
    rows, columns = panels(len(pairs), 3)
    width = PAGE if columns > 2 else 0.4 + 2.9 * columns
    figure = Figure(figsize=(width, 0.35 + 2.3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    ends = np.concatenate([pair.gained for pair in pairs])
    high = max(float(ends.max(initial=0.0)), 0.1)
    # Below all points there is room for a line of text.
    low = min(float(ends.min(initial=0.0)), 0.0) - 0.22 * (high - float(ends.min(initial=0.0)))
    most = max(float(pair.degree.max(initial=1.0)) for pair in pairs)
    for axes, pair in zip(grid.flat, pairs, strict=False):
        axes.set_xscale("symlog", linthresh=1, linscale=0.4)
        axes.set(xlim=(-0.4, 1.6 * most), ylim=(low, 1.05 * high))
        ticks = [0, *(each for each in _TICKS if each <= 1.6 * most)]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticklabels([f"{tick:,}" for tick in ticks])
        _draw_one(axes, pair)
    for axes in grid.flat[len(pairs) :]:
        axes.set_axis_off()
    figure.supxlabel("Links of the silenced gene in the network", fontsize=7.5)
    figure.supylabel("Gain in correlation of deviations", fontsize=7.5)
    return figure


def _draw_one(axes: Axes, pair: Help) -> None:
    """Draw the perturbations, and the medians of groups with alike numbers of links."""
    axes.set_title(f"{short(pair.experiment, 18)} minus {short(pair.twin, 18)}")
    axes.grid(axis="y")
    draw_reference(axes, 0.0, upright=False)
    count = len(pair.gained)
    if not count:
        axes.text(0.5, 0.5, "no perturbation to compare", ha="center", transform=axes.transAxes)
        return
    axes.plot(
        *(pair.degree, pair.gained, "o"),
        color=EXPERIMENT,
        markersize=float(np.clip(30 / np.sqrt(count), 1.2, 3.5)),
        alpha=float(np.clip(8 / np.sqrt(count), 0.12, 0.6)),
        markeredgewidth=0,
        # Thousands of points are one picture in a PDF or SVG; the text stays text.
        rasterized=count > 2000,
    )
    found = bins_by_degree(pair.degree, pair.gained)
    centre, median = [each.centre for each in found], [each.median for each in found]
    for each in found:
        axes.plot([each.lowest, each.highest], [each.median] * 2, color=TWIN, linewidth=0.8)
        axes.plot([each.centre] * 2, [each.lower, each.upper], color=TWIN, linewidth=1.6)
    axes.plot(centre, median, "o", color=TWIN, markersize=3.8)
    middle = float(np.median(pair.gained))
    lower, upper = median_interval(pair.gained)
    interval = f" ({lower:+.2f} … {upper:+.2f})" if np.isfinite(lower) else ""
    better = int(np.count_nonzero(pair.gained > 0))
    text = f"median {middle:+.2f}{interval}\nbetter for {better:,} of {count:,}"
    axes.text(0.03, 0.03, text.replace("-", "−"), transform=axes.transAxes, fontsize=6.5)

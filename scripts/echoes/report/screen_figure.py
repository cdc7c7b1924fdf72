"""The figure of a screen of cells, before anything is learned from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from echoes.report.screen_table import expression_left
from echoes.report.style import COLOURS, EXPERIMENT, PAGE, TWIN, short

#: Of perturbed cells and wide ranges, beside the darker one.
_LIGHT = COLOURS[5]
# Plain numbers at logarithmic axes: no formulas, which names in the figure could start.
_PLAIN = StrMethodFormatter("{x:,.0f}")


def draw_screen(facts: Mapping[str, Any], *, title: str) -> Figure:
    """Draw how many cells a screen has and how well its genes are silenced.

    Four panels: cells of each perturbation, most first; what is left of the expression of the
    silenced gene; UMIs and genes per cell, of perturbed and of control cells; cells of each
    batch.

    Parameters
    ----------
    facts
        The record of the screen, as `echoes.screen.cell_facts.as_record` writes it.
    title
        Title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(PAGE, 4.8), layout="constrained")
    figure.suptitle(short(title, 90), fontsize=8.5)
    axes = figure.subplots(2, 2)
    _draw_cells(axes[0, 0], facts)
    _draw_left(axes[0, 1], facts)
    _draw_quantiles(axes[1, 0], facts)
    _draw_batches(axes[1, 1], facts)
    return figure


def _draw_cells(axes: Axes, facts: Mapping[str, Any]) -> None:
    cells = np.sort(np.array(facts["cells"], dtype=np.float64))[::-1]
    axes.step(np.arange(1, len(cells) + 1), cells, where="mid", color=EXPERIMENT)
    axes.set(xlabel="Perturbations, most cells first", ylabel="Cells", yscale="log")
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.yaxis.set_minor_formatter(NullFormatter())
    # Where all have alike, the axis would show no number.
    axes.set_ylim(cells[-1] / 3, cells[0] * 3)
    control = sum(facts["controls"].values())
    note = f"{len(cells):,} perturbations, median {np.median(cells):,.0f} cells"
    axes.set_title(f"{note}; {control:,} control cells")


def _draw_left(axes: Axes, facts: Mapping[str, Any]) -> None:
    left = expression_left(facts)
    known = left[~np.isnan(left)]
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(
        xlabel="Expression left of the silenced gene, share of control", ylabel="Perturbations"
    )
    if not len(known):
        axes.text(0.5, 0.5, "no silenced gene is measured", ha="center", transform=axes.transAxes)
        return
    # What is above 1.5 stands in the last bar.
    axes.hist(np.minimum(known, 1.5), bins=np.linspace(0, 1.5, 31).tolist(), color=_LIGHT)
    axes.axvline(facts["most_left"], color=TWIN, linestyle="--", linewidth=1)
    above = np.count_nonzero(known > facts["most_left"])
    axes.set_title(
        f"median {np.median(known):.2f}; {above:,} of {len(known):,} above {facts['most_left']}"
    )


def _draw_quantiles(axes: Axes, facts: Mapping[str, Any]) -> None:
    names = {"molecules_per_cell": "UMIs", "genes_per_cell": "genes"}
    rows = [
        (f"{label}, {cells}", facts[key][cells])
        for key, label in names.items()
        if facts[key] is not None
        for cells in ("perturbed", "control")
    ]
    if not rows:
        axes.text(0.5, 0.5, "single cells are not known", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    for place, (_, (lowest, low, middle, high, highest)) in enumerate(rows):
        axes.plot([lowest, highest], [place, place], color=_LIGHT, linewidth=1.2)
        axes.plot([low, high], [place, place], color=EXPERIMENT, linewidth=4)
        axes.plot(middle, place, "o", color="white", markeredgecolor=EXPERIMENT, markersize=4)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set(xlabel="In a cell: median, middle half, middle 90 %", xscale="log")
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.xaxis.set_minor_formatter(NullFormatter())
    highest = max(values[-1] for _, values in rows)
    lowest = min(values[0] for _, values in rows)
    axes.set_xlim(max(lowest, 1) / 2, max(highest, 1) * 2)
    axes.margins(y=0.2)


def _draw_batches(axes: Axes, facts: Mapping[str, Any]) -> None:
    batches = facts["batches"]
    perturbed, control = np.array([*batches.values()]).T
    places = np.arange(len(batches))
    axes.bar(places, perturbed, color=_LIGHT, label="perturbed")
    axes.bar(places, control, bottom=perturbed, color=EXPERIMENT, label="control")
    names = [short(name, 16) or "all cells" for name in batches]
    step = -(-len(names) // 15)
    axes.set_xticks(places[::step], names[::step], rotation=45, ha="right")
    axes.set(xlabel="Batch", ylabel="Cells")
    axes.set_ylim(0, 1.2 * (perturbed + control).max())
    axes.legend(loc="upper center", ncols=2)

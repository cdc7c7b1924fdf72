"""The figure of a learning curve."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator


def draw(table: pd.DataFrame, metrics: Mapping[str, str], *, title: str) -> Figure:
    """Draw each metric against the number of training perturbations, with 95 % intervals.

    Parameters
    ----------
    table
        Columns ``training``, and of each metric its value, ``_lower`` and ``_upper``.
    metrics
        Names of the metrics, with the words for their axes.
    title
        Title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each metric; the last size is drawn as a filled point.
    """
    rows = -(-len(metrics) // 2)
    figure = Figure(figsize=(8, 3.2 * rows), layout="constrained")
    figure.suptitle(title)
    sizes = table["training"].to_numpy()
    for panel, (name, label) in enumerate(metrics.items(), 1):
        axes = figure.add_subplot(rows, 2, panel)
        values = table[name].to_numpy()
        axes.fill_between(
            sizes, table[f"{name}_lower"], table[f"{name}_upper"], color="#9ecae1", alpha=0.6
        )
        axes.plot(sizes, values, color="#08519c", marker="o", markerfacecolor="white")
        axes.plot(sizes[-1:], values[-1:], color="#08519c", marker="o")
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        # The full set may be so near the last size that their labels would overlap.
        shown = [
            size
            for size, after in zip(sizes, [*sizes[1:], None], strict=True)
            if after is None or after / size > 1.2
        ]
        axes.set_xticks(shown, [str(size) for size in shown])
        axes.set_xlabel("Training perturbations")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    return figure

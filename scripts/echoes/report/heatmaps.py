"""The figure of an experiment: truth beside prediction, and the correlation of each gene."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.mlab import GaussianKDE

from echoes.io.arrays import Bools, Floats, Ints
from echoes.report.style import CHANCE, EXPERIMENT, PAGE, TWIN, short
from echoes.scoring.gaps import mean_of_measured, measured_pairs
from echoes.scoring.predictions import Predictions

#: Share of the entries, without those of the silenced genes themselves, within the colours.
WITHIN = 0.95
#: Entries that were not measured.
_GAP = "#D9D9D9"


def most_variable(truth: Floats, count: int) -> Ints:
    """Positions of the genes whose truth (n, G) varies most, the most variable first.

    Genes without any measured response come last.
    """
    measured = measured_pairs(truth)
    if measured is True:
        variance = truth.var(axis=0)
    else:
        mean = mean_of_measured(truth, measured, axis=0)
        variance = mean_of_measured((truth - mean) ** 2, measured, axis=0)
    # Stable, so that genes with equal variance have the same order on every machine.
    return np.argsort(-variance, kind="stable")[:count]


def colour_limit(truth: Floats, own: Bools) -> float:
    """Absolute value from which on colours are darkest.

    Parameters
    ----------
    truth
        (n, k) responses in the heat map; NaN where not measured.
    own
        (n, k) where the gene is one that the perturbation silences: its fall is ten times as large
        as other responses, and would leave them white.

    Returns
    -------
    float
        The `WITHIN` quantile of the others, rounded up to two digits; 1 where they are all 0.
    """
    others = np.abs(truth[~own & ~np.isnan(truth)])
    limit = float(np.quantile(others, WITHIN)) if len(others) else 0.0
    if not limit > 0:
        return 1.0
    step = 10.0 ** (np.floor(np.log10(limit)) - 1)
    return float(np.ceil(limit / step - 1e-9) * step)


def draw(predictions: Predictions, *, title: str, own: Bools, genes: int = 100) -> Figure:
    """Draw an experiment's out-of-fold predictions beside the responses they are compared with.

    Two heat maps with one colour bar show the most variable genes. Below is a histogram, with a
    density curve, of the Pearson correlation of each gene over perturbations.

    Parameters
    ----------
    predictions
        The experiment's predictions, log2 units.
    title
        Title of the figure.
    own
        (n, G) where the gene is one that the perturbation silences; these entries are marked.
    genes
        Number of genes in the heat maps.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = predictions.perturbations.tolist()
    shown = most_variable(predictions.reference, genes)
    rows = len(names)
    figure = Figure(figsize=(PAGE, 4.4 + min(rows, 120) * 0.028), layout="constrained")
    figure.suptitle(title, fontsize=8)
    grid = figure.add_gridspec(2, 2, height_ratios=[2.2 + min(rows, 120) * 0.016, 1])
    left = figure.add_subplot(grid[0, 0])
    right = figure.add_subplot(grid[0, 1], sharex=left, sharey=left)
    marked = own[:, shown]
    limit = colour_limit(predictions.reference[:, shown], marked)
    beyond = False
    for axes, name, values in (
        (left, predictions.reference_name, predictions.reference),
        (right, "Prediction", predictions.prediction),
    ):
        image = axes.imshow(
            values[:, shown],
            aspect="auto",
            interpolation="nearest",
            cmap="RdBu_r",
            vmin=-limit,
            vmax=limit,
        )
        beyond |= bool((np.abs(values[:, shown]) > limit).any())
        axes.set_facecolor(_GAP)
        axes.set_title(name)
        axes.set_xlabel(f"{len(shown)} most variable genes")
        axes.set_xticks([])
        _mark(axes, marked)
    # Names smaller than about five points are not readable: with many rows, only some are written.
    step = -(-rows // 60)
    labels = [short(name, 20) for name in names[::step]]
    left.set_yticks(range(0, rows, step), labels, fontsize=5 if rows > 30 else 6.5)
    left.set_ylabel("Silenced gene")
    right.tick_params(labelleft=False)
    bar = figure.colorbar(
        image, ax=[left, right], shrink=0.9, pad=0.02, extend="both" if beyond else "neither"
    )
    bar.outline.set_linewidth(0.6)
    bar.set_label(_bar_label(limit, predictions.reference[:, shown], marked))
    measured = predictions.reconstruction is None
    compared = "deviations of truth and prediction" if measured else "truth with prediction"
    correlation = predictions.gene_correlation
    _draw_correlation(figure.add_subplot(grid[1, :]), correlation, compared)
    return figure


def _mark(axes: Axes, own: Bools) -> None:
    """Mark the entries of the silenced genes themselves with a dot."""
    places, columns = np.nonzero(own)
    if len(places):
        size = float(np.clip(60 / len(own), 0.6, 2.0))
        axes.plot(columns, places, "o", color="black", markersize=size, markeredgewidth=0)
        axes.set(xlim=(-0.5, own.shape[1] - 0.5), ylim=(len(own) - 0.5, -0.5))


def _bar_label(limit: float, truth: Floats, own: Bools) -> str:
    """Say what the colours mean, and how far values go beyond them."""
    label = "Δ log2 expression"
    others = truth[~own & ~np.isnan(truth)]
    if len(others) and float(np.abs(others).max()) > limit:
        label += f"; measured {others.min():.2g} … {others.max():.2g}"
    falls = truth[own & ~np.isnan(truth)]
    if len(falls):
        label += f"\n• the silenced gene itself: {falls.min():.2g} … {falls.max():.2g}"
    return label.replace("-", "−")


def _draw_correlation(axes: Axes, gene_correlation: Floats, compared: str) -> None:
    defined = gene_correlation[~np.isnan(gene_correlation)]
    axes.set_xlim(-1, 1)
    axes.set_xlabel(f"Pearson correlation of a gene over perturbations, {compared}")
    axes.set_ylabel("Density of genes")
    axes.axvline(0, color=CHANCE, linewidth=0.8)
    if not len(defined):
        axes.text(0.5, 0.5, "undefined for every gene", ha="center", transform=axes.transAxes)
        return
    axes.hist(defined, bins=np.linspace(-1, 1, 61).tolist(), density=True, color="#A6CEE3")
    if len(defined) > 2 and defined.var() > 0:
        points = np.linspace(-1, 1, 401)
        # That of SciPy is the same, but takes half a second to import.
        axes.plot(points, GaussianKDE(defined)(points), color=EXPERIMENT)
    mean = float(defined.mean())
    label = f"mean {mean:.3f}".replace("-", "−")
    axes.axvline(mean, color=TWIN, linestyle="--", linewidth=1, label=label)
    axes.legend(
        title=f"{len(defined)} genes"
        + (f", {left} undefined" if (left := len(gene_correlation) - len(defined)) else ""),
    )

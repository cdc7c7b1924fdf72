"""The figure of an experiment: truth beside prediction, and the correlation of each gene."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from echoes.io.arrays import Floats, Ints
from echoes.scoring.gaps import mean_of_measured, measured_pairs
from echoes.scoring.predictions import Predictions

#: Deltas of this absolute value or more have the darkest colours, log2 units.
COLOUR_LIMIT = 2.0


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


def draw(predictions: Predictions, *, title: str, genes: int = 100) -> Figure:
    """Draw an experiment's out-of-fold predictions beside the responses they are compared with.

    Two heat maps with one colour bar show the most variable genes. Below is a histogram, with a
    density curve, of the Pearson correlation of each gene over perturbations.

    Parameters
    ----------
    predictions
        The experiment's predictions, log2 units.
    title
        Title of the figure.
    genes
        Number of genes in the heat maps.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = predictions.perturbations.tolist()
    shown = most_variable(predictions.reference, genes)
    rows = len(names)
    figure = Figure(figsize=(12, 7.5 + min(rows, 120) * 0.03), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(2, 2, height_ratios=[2.2, 1])
    left = figure.add_subplot(grid[0, 0])
    right = figure.add_subplot(grid[0, 1], sharex=left, sharey=left)
    for axes, name, values in (
        (left, predictions.reference_name, predictions.reference),
        (right, "Prediction", predictions.prediction),
    ):
        image = axes.imshow(
            values[:, shown],
            aspect="auto",
            interpolation="nearest",
            cmap="RdBu_r",
            vmin=-COLOUR_LIMIT,
            vmax=COLOUR_LIMIT,
        )
        axes.set_title(name)
        axes.set_xlabel(f"{len(shown)} most variable genes")
        axes.set_xticks([])
    # Names smaller than about six points are not readable: with many rows, only some are written.
    step = -(-rows // 60)
    left.set_yticks(range(0, rows, step), names[::step], fontsize=6 if rows > 30 else 8)
    left.set_ylabel("Silenced gene")
    right.tick_params(labelleft=False)
    figure.colorbar(image, ax=[left, right], label="Δ log2 expression", shrink=0.9, extend="both")
    measured = predictions.reconstruction is None
    compared = "deviations of truth and prediction" if measured else "truth with prediction"
    correlation = predictions.gene_correlation
    _draw_correlation(figure.add_subplot(grid[1, :]), correlation, compared)
    return figure


def _draw_correlation(axes: Axes, gene_correlation: Floats, compared: str) -> None:
    defined = gene_correlation[~np.isnan(gene_correlation)]
    axes.set_xlim(-1, 1)
    axes.set_xlabel(f"Pearson correlation of a gene over perturbations, {compared}")
    axes.set_ylabel("Density of genes")
    axes.axvline(0, color="black", linewidth=1)
    if not len(defined):
        axes.text(0.5, 0.5, "undefined for every gene", ha="center", transform=axes.transAxes)
        return
    axes.hist(defined, bins=np.linspace(-1, 1, 61).tolist(), density=True, color="#9ecae1")
    if len(defined) > 2 and defined.var() > 0:
        points = np.linspace(-1, 1, 401)
        axes.plot(points, gaussian_kde(defined)(points), color="#08519c")
    mean = float(defined.mean())
    axes.axvline(mean, color="#cb181d", linestyle="--", linewidth=1, label=f"mean {mean:.3f}")
    axes.legend(
        title=f"{len(defined)} genes"
        + (f", {left} undefined" if (left := len(gene_correlation) - len(defined)) else ""),
        frameon=False,
    )

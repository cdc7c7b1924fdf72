"""Draw the figures of a data set for papers, each as PDF, SVG and PNG."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from echoes.io.command import parser, run
from echoes.network.graph import link_counts, load_matrix, read_positions
from echoes.network.nodes import SILENCED, read_nodes
from echoes.report import (
    calibration_figure,
    comparison_figure,
    learning_curve,
    network_figure,
    perturbation_figure,
    style,
)
from echoes.scoring.learning_curve import METRICS
from echoes.scoring.network_help import correlation_gained
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument(
        "--folder", required=True, help="results of the data set, with the tables to draw"
    )
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--upper-bound", nargs="?", help="table of upper bounds, if any")
    options.add_argument(
        "--calibrated", nargs="*", default=[], help="experiments with expected errors"
    )
    options.add_argument("--curves", nargs="*", default=[], help="experiments with learning curves")
    options.add_argument(
        "--twins", nargs="*", default=[], help="experiment=its twin=the network of the experiment"
    )
    options.add_argument("--output", required=True, help="folder of the figures")
    args = options.parse_args(argv)

    with style.style():
        for name, figure in _figures(args):
            paths = [Path(args.output, f"{name}.{kind}") for kind in style.FORMATS]
            style.save(figure, paths)


def _figures(args: argparse.Namespace) -> Iterator[tuple[str, Figure]]:
    """Draw one figure after the other."""
    folder = Path(args.folder)
    twins = [entry.split("=") for entry in args.twins]
    shuffled = {twin for _, twin, _ in twins}
    comparison = pd.read_csv(folder / "comparison.csv")
    scores = pd.read_parquet(folder / "perturbation_scores.parquet")
    bounds = pd.read_csv(args.upper_bound) if args.upper_bound else None
    yield "comparison", comparison_figure.draw(comparison, shuffled, bounds)
    names = perturbation_figure.chosen(comparison, shuffled)
    yield "perturbations", perturbation_figure.draw(scores, names, shuffled)
    if args.calibrated:
        tables = {name: pd.read_csv(folder / name / "calibration.csv") for name in args.calibrated}
        yield "calibration", calibration_figure.draw(tables)
    if args.curves:
        tables = {name: pd.read_csv(folder / name / "learning_curve.csv") for name in args.curves}
        yield "learning_curve", learning_curve.draw(tables, METRICS)
    if twins:
        links = {each: _links(args, folder / "networks" / each) for _, _, each in twins}
        pairs = []
        for experiment, twin, network in twins:
            gained = correlation_gained(scores, experiment, twin)
            degree = links[network].reindex(gained.index)
            arrays = (np.asarray(each, dtype=np.float64) for each in (degree, gained))
            pairs.append(network_figure.Help(experiment, twin, *arrays))
        yield "network_help", network_figure.draw(pairs)


def _links(args: argparse.Namespace, network: Path) -> "pd.Series[float]":
    """Count the links of the silenced genes of each perturbation, in sum."""
    (names,) = record.load_fields(args.perturbations, "perturbations")
    sets = record.load_sets(args.perturbations)[0]
    counts = link_counts(load_matrix(network / "adjacency.npz"))
    genes = [gene for one in sets for gene in one]
    nodes = read_nodes(network / "coverage.tsv", SILENCED, genes)
    found = counts[read_positions(network / "genes.tsv", nodes, len(counts))]
    starts = np.cumsum([0, *map(len, sets)])[:-1]
    return pd.Series(np.add.reduceat(found, starts).astype(float), index=names)


if __name__ == "__main__":
    run(main)

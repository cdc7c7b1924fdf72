"""Compare all experiments and baselines: metrics with intervals, and paired differences."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Ints
from echoes.io.command import parser, run, whole
from echoes.io.files import atomic_path, load_record
from echoes.io.records import wrong_record
from echoes.models.pair_folds import folds_of_pairs
from echoes.report import markdown
from echoes.scoring import comparison, pairs, ranking, scored
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.tables import save_csv, save_parquet
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    args = _options().parse_args(argv)

    perturbations, genes = record.load_fields(args.perturbations, "perturbations", "genes")
    names = perturbations.tolist()
    entries = load_record(args.experiments)["experiments"]
    folder = Path(args.experiments).parent
    scores: dict[str, scored.Scored] = {}
    for entry in entries:
        if entry["protocol"] == "held_out":
            path = folder / entry["name"] / "metrics.npz"
            scores[entry["name"]] = found = scored.load(path, G=len(genes))
            log.info("%s: score %.5f", entry["name"], found.metrics.score.total)
    rows = np.arange(len(perturbations))
    if scores:
        first = next(iter(scores.values()))
        # Those of a given split predict its test alone, all of them.
        rows = first.rows
        log.info("the genes count like %.1f independent ones", first.sampled.independent)
    for name, found in scores.items():
        if not np.array_equal(found.rows, rows):
            path, problem = folder / name / "metrics.npz", f"{len(found.rows)} other perturbations"
            raise wrong_record(path, "rows", problem, f"the {len(rows)} of {next(iter(scores))}")
    held_out = {
        each["name"]: comparison.Experiment(each["kind"], scores[each["name"]].metrics)
        for each in entries
        if each["name"] in scores
    }
    published = {
        each["name"]: comparison.read_published(folder / each["name"], names).iloc[rows]
        for each in entries
        if each["protocol"] == "published"
    }
    perturbations = perturbations[rows]
    counts = resample(len(perturbations), DRAWS, args.seed, perturbations)
    overall = comparison.comparison_table(held_out, published, counts)
    differences = comparison.difference_table(held_out, counts)
    if args.by_genes_seen:
        seen = _genes_seen(args.perturbations, entries, rows)
        save_csv(args.by_genes_seen, pairs.pair_table(held_out, seen, perturbations, args.seed))
    save_csv(args.comparison, overall)
    save_csv(args.differences, differences)
    save_parquet(args.by_perturbation, comparison.perturbation_table(held_out, perturbations))
    save_parquet(args.by_gene, comparison.gene_table(held_out, genes))
    _warn_of_one_class(overall, args.ranking_threshold)
    bounds = pd.read_csv(args.upper_bound) if args.upper_bound else None
    with atomic_path(args.table) as path:
        path.write_text(markdown.comparison_page(overall, differences, bounds), encoding="utf-8")


def _options() -> argparse.ArgumentParser:
    """List the options of the command."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--experiments",
        required=True,
        help="json of the experiments; metrics and scores are in folders of their names beside it",
    )
    options.add_argument("--upper-bound", nargs="?", help="table of upper bounds, if any")
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the bootstrap")
    ranking.add_option(options)
    options.add_argument("--comparison", required=True, help="table of all metrics")
    options.add_argument("--table", required=True, help="table of the main metrics, markdown")
    options.add_argument("--differences", required=True, help="table of paired differences")
    options.add_argument("--by-perturbation", required=True, help="parquet of each row's metrics")
    options.add_argument("--by-gene", required=True, help="parquet of each gene's metrics")
    options.add_argument("--by-genes-seen", nargs="?", help="table of pairs, if there are any")
    return options


def _warn_of_one_class(overall: pd.DataFrame, threshold: float | None) -> None:
    """Say in the log that a threshold makes all genes differentially expressed, or none."""
    ranked = overall.loc[overall["metric"].str.startswith("auroc"), "value"]
    if len(ranked) and ranked.isna().all():
        log.warning(
            "ranking: threshold %g divides neither a gene nor a perturbation into two classes",
            threshold,
        )


def _genes_seen(
    perturbations: str, entries: Sequence[Mapping[str, Any]], rows: Ints
) -> dict[str, Ints]:
    """Count for each experiment how many genes of each pair its folds have learnt from alone."""
    sets = record.load_sets(perturbations)[0]
    return {
        each["name"]: folds_of_pairs(sets, each).genes_seen[rows]
        for each in entries
        if "pairs" in each
    }


if __name__ == "__main__":
    run(main)

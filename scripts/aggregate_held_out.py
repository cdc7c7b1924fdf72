"""Put an experiment's held-out predictions together: metrics, tables, calibration and summary."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoes.io.arrays import Ints
from echoes.io.command import parser, run, whole
from echoes.io.files import load_record
from echoes.io.tables import Matrix, write_matrix
from echoes.models.pair_folds import folds_of_pairs
from echoes.scoring import held_out, pairs, predictions, ranking, scored
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.out_of_fold import load_part, load_parts
from echoes.scoring.summary import add_options, save_summary
from echoes.scoring.tables import save_csv
from echoes.screen import record
from echoes.screen.measured import Measured

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    args = _options().parse_args(argv)

    settings = load_record(args.settings)
    genes, further = record.load_fields(args.perturbations, "genes", "validation_ids")
    parts = args.parts, settings["crossval"]["parts"]
    some = settings.get("split", False)
    # Tables of perturbations and genes are large: three of them are held at a time, at most.
    out_of_fold = load_parts(*parts, some=some, spread=False, G=len(genes))
    measured = Measured(args.perturbations, out_of_fold.rows)
    found, out_of_fold = measured.score(
        out_of_fold, parts, ranking=args.ranking_threshold, threads=args.threads
    )
    scored.save(args.metrics, found)
    names, baseline, truth = measured.names, measured.baseline, measured.truth
    # Rankings are only compared.
    metrics = found.metrics.unranked()
    with_names = [(names.tolist(), out_of_fold)]
    validation = np.empty((0, len(genes)))
    if args.validation:
        of_validation = load_part(args.validation, G=len(genes))
        with_names.append((further.tolist(), of_validation))
        validation = of_validation.prediction
    held_out.save_uncertainty(args.uncertainty, with_names, genes.tolist())
    calibration = held_out.calibration_table(metrics, out_of_fold, truth)
    save_csv(args.calibration, calibration)
    table = held_out.fold_table(names.tolist(), baseline, metrics, out_of_fold)
    if "pairs" in settings["crossval"]:
        seen = _genes_seen(args.perturbations, settings["crossval"])[out_of_fold.rows]
        table.insert(2, "genes_seen", pairs.seen_column(seen))
    save_csv(args.scores, table)
    matrix = Matrix(tuple(names.tolist()), tuple(genes.tolist()), out_of_fold.prediction)
    write_matrix(args.oof, "pert_symbol", matrix)
    predictions.save(
        args.predictions,
        predictions.Predictions(
            genes=genes,
            perturbations=names,
            truth=truth,
            prediction=out_of_fold.prediction,
            gene_correlation=metrics.genes["pearson"],
            validation=validation,
        ),
    )
    counts = resample(len(names), DRAWS, args.seed, names)
    results = held_out.summarise(metrics, out_of_fold, calibration, counts)
    save_summary(args.summary, settings, results, args.records, ("numpy", "scipy"))
    score = results["held_out"]["score"].values()
    log.info("held out: score %.5f, 95 %% interval %.3f … %.3f", *score)
    for name in held_out.models_at_edge(out_of_fold):
        log.warning(
            "%s: most folds chose the smallest or largest penalty of the list; widen the list", name
        )


def _options() -> argparse.ArgumentParser:
    """List the options of the command."""
    options = parser(__doc__)
    add_options(options)
    options.add_argument("--parts", required=True, help="folder of the parts' npz files")
    options.add_argument("--validation", nargs="?", help="npz of the validation genes' predictions")
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the bootstrap")
    ranking.add_option(options)
    options.add_argument("--threads", type=whole(1), default=1, help="threads that compare rows")
    options.add_argument("--metrics", required=True, help="npz of all metrics, for the comparison")
    options.add_argument("--calibration", required=True, help="table of the intervals' coverage")
    options.add_argument(
        "--uncertainty", required=True, help="parquet of the expected errors of predictions"
    )
    return options


def _genes_seen(perturbations: str, crossval: Mapping[str, Any]) -> Ints:
    """Count how many genes of each pair its fold has learnt from alone, in a screen with pairs."""
    return folds_of_pairs(record.load_sets(perturbations)[0], crossval).genes_seen


if __name__ == "__main__":
    run(main)

"""Put an experiment's held-out predictions together: tables, calibration and summary."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Ints
from echoes.io.command import parser, run, whole
from echoes.io.files import load_record
from echoes.io.tables import Matrix, write_matrix
from echoes.models.pair_folds import folds_of_pairs
from echoes.scoring import held_out, pairs, predictions
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.out_of_fold import load_part, load_parts, take_rows
from echoes.scoring.summary import add_options, save_summary
from echoes.scoring.tables import save_csv, save_parquet
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    add_options(options)
    options.add_argument("--parts", required=True, help="folder of the parts' npz files")
    options.add_argument("--validation", nargs="?", help="npz of the validation genes' predictions")
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the bootstrap")
    options.add_argument("--calibration", required=True, help="table of the intervals' coverage")
    options.add_argument(
        "--uncertainty", required=True, help="parquet of the expected errors of predictions"
    )
    args = options.parse_args(argv)

    settings = load_record(args.settings)
    screen = record.load(args.perturbations)
    genes = screen.genes.tolist()
    some = settings.get("split", False)
    out_of_fold = load_parts(args.parts, settings["crossval"]["parts"], some=some, G=len(genes))
    perturbations, symbols, truth, weights, baseline = take_rows(
        out_of_fold.rows,
        *(screen.perturbations, screen.silenced, screen.truth, screen.weights, screen.baseline),
    )
    names = perturbations.tolist()
    silenced = record.own_positions(record.gene_sets(symbols, screen.separator), genes)
    metrics = held_out.compute_metrics(truth, weights, baseline, silenced, out_of_fold)
    calibration = held_out.calibration_table(metrics, out_of_fold, truth)
    counts = resample(len(names), DRAWS, args.seed, names)
    results = held_out.summarise(metrics, out_of_fold, calibration, counts)
    with_names = [(names, out_of_fold)]
    validation = np.empty((0, len(genes)))
    if args.validation:
        of_validation = load_part(args.validation, G=len(genes))
        with_names.append((screen.validation_ids.tolist(), of_validation))
        validation = of_validation.prediction
    matrix = Matrix(tuple(names), tuple(genes), out_of_fold.prediction)
    write_matrix(args.oof, "pert_symbol", matrix)
    table = held_out.fold_table(names, baseline, metrics, out_of_fold)
    save_csv(args.scores, _with_genes_seen(table, screen, settings["crossval"], out_of_fold.rows))
    save_csv(args.calibration, calibration)
    save_parquet(args.uncertainty, held_out.uncertainty_table(with_names, genes))
    predictions.save(
        args.predictions,
        predictions.Predictions(
            genes=screen.genes,
            perturbations=perturbations,
            truth=truth,
            prediction=out_of_fold.prediction,
            gene_correlation=metrics.genes["pearson"],
            validation=validation,
        ),
    )
    save_summary(args.summary, settings, results, args.records, ("numpy", "scipy"))
    score = results["held_out"]["score"].values()
    log.info("held out: score %.5f, 95 %% interval %.3f … %.3f", *score)
    for name in held_out.models_at_edge(out_of_fold):
        log.warning(
            "%s: most folds chose the smallest or largest penalty of the list; widen the list", name
        )


def _with_genes_seen(
    table: pd.DataFrame, screen: record.Screen, crossval: Mapping[str, Any], rows: Ints
) -> pd.DataFrame:
    """Add how many genes of each pair its fold has learnt from alone, in a screen with pairs."""
    if "pairs" in crossval:
        sets = record.gene_sets(screen.silenced, screen.separator)
        seen = folds_of_pairs(sets, crossval).genes_seen[rows]
        table.insert(2, "genes_seen", pairs.seen_column(seen))
    return table


if __name__ == "__main__":
    run(main)

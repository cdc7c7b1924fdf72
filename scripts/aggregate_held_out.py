"""Put an experiment's held-out predictions together: tables, calibration and summary."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import positions
from echoes.io.command import parser, run
from echoes.io.files import load_json
from echoes.io.tables import Matrix, write_matrix
from echoes.scoring import held_out, predictions
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.out_of_fold import load_part, load_parts
from echoes.scoring.summary import add_options, save_summary
from echoes.scoring.tables import save_csv, save_parquet
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    add_options(args)
    args.add_argument("--parts", required=True, help="folder of the parts' npz files")
    args.add_argument("--validation", nargs="?", help="npz of the validation genes' predictions")
    args.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    args.add_argument("--calibration", required=True, help="table of the intervals' coverage")
    args.add_argument("--uncertainty", required=True, help="parquet of the predictions' errors")
    given = args.parse_args(argv)

    settings = load_json(given.settings)
    screen = record.load(given.perturbations)
    names, genes = screen.perturbations.tolist(), screen.genes.tolist()
    out_of_fold = load_parts(given.parts, settings["crossval"]["parts"])
    silenced = positions(screen.silenced.tolist(), genes)
    metrics = held_out.compute_metrics(
        screen.truth, screen.weights, screen.baseline, silenced, out_of_fold
    )
    calibration = held_out.calibration_table(metrics, out_of_fold)
    counts = resample(len(names), DRAWS, given.seed)
    results = held_out.summarise(metrics, out_of_fold, calibration, counts)
    with_names = [(names, out_of_fold)]
    validation = np.empty((0, len(genes)))
    if given.validation:
        unseen = load_part(given.validation)
        with_names.append((screen.validation_ids.tolist(), unseen))
        validation = unseen.prediction
    matrix = Matrix(tuple(names), tuple(genes), out_of_fold.prediction)
    write_matrix(given.oof, "pert_symbol", matrix)
    save_csv(given.scores, held_out.fold_table(names, screen.baseline, metrics, out_of_fold))
    save_csv(given.calibration, calibration)
    save_parquet(given.uncertainty, held_out.uncertainty_table(with_names, genes))
    predictions.save(
        given.predictions,
        predictions.Predictions(
            genes=screen.genes,
            perturbations=screen.perturbations,
            truth=screen.truth,
            prediction=out_of_fold.prediction,
            gene_correlation=metrics.genes["pearson"],
            validation=validation,
        ),
    )
    save_summary(given.summary, settings, results, given.records, ("numpy", "scipy"))
    score = results["held_out"]["score"].values()
    log.info("held out: score %.5f, 95 %% interval %.3f … %.3f", *score)
    for name in held_out.models_at_edge(out_of_fold):
        log.warning(
            "%s: a penalty at an end of the list was chosen in most folds; widen the list", name
        )


if __name__ == "__main__":
    run(main)

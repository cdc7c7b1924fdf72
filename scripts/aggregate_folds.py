"""Put the folds of an experiment together: out-of-fold predictions, scores and summary."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from echoes.io.command import parser, run
from echoes.io.files import load_json
from echoes.io.tables import Matrix, write_matrix
from echoes.models import components
from echoes.models import published as folds
from echoes.network.features import load_residual
from echoes.scoring import predictions, published
from echoes.scoring.summary import add_options, save_summary
from echoes.scoring.tables import save_csv
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    add_options(args)
    args.add_argument("--features", required=True, help="npz of the features")
    args.add_argument("--components", required=True, help="npz of the response's components")
    args.add_argument("--folds", required=True, help="folder of the folds' npz files")
    given = args.parse_args(argv)

    settings = load_json(given.settings)
    screen = record.load(given.perturbations)
    names, genes = screen.perturbations.tolist(), screen.genes.tolist()
    fitted = components.load_components(given.components)
    residuals = load_residual(given.features)
    prediction = np.empty((len(names), len(genes)))
    # Validation predictions are summed on the way: together they may be larger than memory.
    validation = np.zeros(())
    by_fold = []
    for row in range(len(names)):
        fold = folds.load_fold(Path(given.folds, f"{row}.npz"))
        prediction[row] = fold.held_out
        validation = validation + fold.validation
        by_fold.append((fold.penalty, fold.gap, fold.inner_gap, fold.unconverged, fold.seconds))
    fits = published.Fits(settings["models"], *map(np.array, zip(*by_fold, strict=True)))
    reconstruction = components.reconstruct(fitted.scores, fitted.axes, fitted.mean)
    evaluation = published.evaluate(
        prediction, reconstruction, screen.truth, screen.weights, screen.baseline
    )
    write_matrix(given.oof, "pert_symbol", Matrix(tuple(names), tuple(genes), prediction))
    save_csv(given.scores, published.fold_table(names, screen.baseline, evaluation, fits))
    predictions.save(
        given.predictions,
        predictions.Predictions(
            genes=screen.genes,
            perturbations=screen.perturbations,
            truth=screen.truth,
            prediction=prediction,
            gene_correlation=evaluation.gene_correlation,
            validation=validation / len(names),
            reconstruction=reconstruction,
        ),
    )
    results = published.summarise(
        evaluation, fits, float(fitted.explained_variance.sum()), float(residuals.max())
    )
    packages = ("numpy", "scipy", "scikit-learn")
    save_summary(given.summary, settings, results, given.records, packages)
    log.info(
        "published protocol: mean fold score %.6f, MAPE %.2f",
        *(evaluation.mean_fold_score, evaluation.mape.mean()),
    )
    log.info("against the measured deltas, all rows: score %.5f", evaluation.measured.total)


if __name__ == "__main__":
    run(main)

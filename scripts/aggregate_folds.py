"""Put the folds of an experiment together: out-of-fold predictions, scores and summary."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from echoes.io.command import parser, run
from echoes.io.files import load_record
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
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    add_options(options)
    options.add_argument("--features", required=True, help="npz of the features")
    options.add_argument("--components", required=True, help="npz of the response's components")
    options.add_argument("--folds", required=True, help="folder of the folds' npz files")
    args = options.parse_args(argv)

    settings = load_record(args.settings)
    screen = record.load(args.perturbations)
    names, genes = screen.perturbations.tolist(), screen.genes.tolist()
    fitted = components.load_components(args.components, n=len(names), G=len(genes))
    residuals = load_residual(args.features)
    axes, mean = fitted.axes, fitted.mean
    prediction = np.empty((len(names), len(genes)))
    unknown = len(screen.validation_ids)
    validation = np.zeros((unknown, len(axes)))
    by_fold = []
    for row in range(len(names)):
        path = Path(args.folds, f"{row}.npz")
        fold = folds.load_fold(path, v=unknown, T=len(axes), k=len(settings["models"]))
        prediction[row] = components.reconstruct(fold.held_out, axes, mean)
        validation += fold.validation
        by_fold.append((fold.penalty, fold.gap, fold.inner_gap, fold.unconverged, fold.seconds))
    fits = published.Fits(settings["models"], *map(np.array, zip(*by_fold, strict=True)))
    reconstruction = components.reconstruct(fitted.scores, axes, mean)
    evaluation = published.evaluate(
        prediction, reconstruction, screen.truth, screen.weights, screen.baseline
    )
    write_matrix(args.oof, "pert_symbol", Matrix(tuple(names), tuple(genes), prediction))
    save_csv(args.scores, published.fold_table(names, screen.baseline, evaluation, fits))
    predictions.save(
        args.predictions,
        predictions.Predictions(
            genes=screen.genes,
            perturbations=screen.perturbations,
            truth=screen.truth,
            prediction=prediction,
            gene_correlation=evaluation.gene_correlation,
            validation=components.reconstruct(validation / len(names), axes, mean),
            reconstruction=reconstruction,
        ),
    )
    results = published.summarise(
        evaluation, fits, float(fitted.explained_variance.sum()), float(residuals.max())
    )
    packages = ("numpy", "scipy", "scikit-learn")
    save_summary(args.summary, settings, results, args.records, packages)
    log.info(
        "published protocol: mean fold score %.6f, MAPE %.2f",
        *(evaluation.mean_fold_score, evaluation.mape.mean()),
    )
    log.info("against the measured deltas, all rows: score %.5f", evaluation.measured.total)


if __name__ == "__main__":
    run(main)

"""Put the folds of an experiment together: out-of-fold predictions, scores and summary."""

import json
import logging
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, load_arrays, save_arrays
from echoes.io.command import parser, run
from echoes.io.files import atomic_path, load_json, save_json
from echoes.io.tables import Matrix, write_matrix
from echoes.models.components import reconstruct
from echoes.scoring.published import Evaluation, evaluate
from echoes.screen import record

log = logging.getLogger(__name__)

PACKAGES = ("numpy", "scipy", "scikit-learn")
FIT = ("penalty", "gap", "inner_gap", "unconverged")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument("--features", required=True, help="npz of the features")
    args.add_argument("--components", required=True, help="npz of the response's components")
    args.add_argument("--folds", required=True, help="folder of the folds' npz files")
    args.add_argument("--records", nargs="+", required=True, help="name=json of earlier stages")
    args.add_argument("--experiment", required=True, help="name of the experiment")
    args.add_argument("--settings", required=True, help="its settings, json")
    args.add_argument("--oof", required=True, help="table of out-of-fold predictions")
    args.add_argument("--scores", required=True, help="table of the folds' scores")
    args.add_argument("--summary", required=True, help="json of the experiment's figures")
    args.add_argument("--predictions", required=True, help="npz of all predictions")
    given = args.parse_args(argv)
    settings = json.loads(given.settings)
    records = dict(record.split("=", 1) for record in given.records)

    data = record.load(given.perturbations)
    names, genes = data.perturbations.tolist(), data.genes.tolist()
    scores, axes, mean, explained = load_arrays(
        given.components, "scores", "axes", "mean", "explained_variance"
    )
    (residuals,) = load_arrays(given.features, "residual")
    folds = []
    # Validation predictions are summed on the way: together they may be larger than memory.
    total = np.zeros(())
    for i in range(len(names)):
        path = Path(given.folds, f"{i}.npz")
        unseen, *fold = load_arrays(path, "validation", "held_out", *FIT, "seconds")
        folds.append(fold)
        total = total + unseen
    validation = total / len(folds)
    prediction, *fits, seconds = (np.array(part) for part in zip(*folds, strict=True))
    reconstruction = reconstruct(scores, axes, mean)
    result = evaluate(prediction, reconstruction, data.truth, data.weights, data.baseline)

    # (folds, models) → one record a model
    models = {
        name: {key: part[:, i].tolist() for key, part in zip(FIT, fits, strict=True)}
        for i, name in enumerate(settings["models"])
    }
    write_matrix(given.oof, "pert_symbol", Matrix(tuple(names), tuple(genes), prediction))
    with atomic_path(given.scores) as path:
        _scores(names, data.baseline, result, models).to_csv(path, index=False, lineterminator="\n")
    save_arrays(
        given.predictions,
        {
            "genes": data.genes,
            "names": data.perturbations,
            "truth": reconstruction,
            "prediction": prediction,
            "gene_correlation": result.gene_correlation,
            "validation": validation,
        },
    )
    summary = {
        "experiment": given.experiment,
        "settings": settings,
        **_figures(result),
        "explained_variance": float(explained.sum()),
        "largest_diffusion_residual": float(residuals.max()),
        "fits": {
            name: {
                "penalties": dict(Counter(map(str, fit["penalty"]))),
                "largest_gap": _largest(fit["gap"]),
                "largest_inner_gap": _largest(fit["inner_gap"]),
                "unconverged": sum(fit["unconverged"]),
                "seconds": float(seconds[:, i].sum()),
            }
            for i, (name, fit) in enumerate(models.items())
        },
        **{name: load_json(path) for name, path in records.items()},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
    }
    log.info(
        "published protocol: mean fold score %.6f, MAPE %.2f",
        result.mean_fold_score,
        result.mape.mean(),
    )
    log.info("against the measured deltas, all rows: score %.5f", result.measured.total)
    save_json(given.summary, summary)


def _largest(gaps: Sequence[float]) -> float | None:
    """Largest gap; None where a solver did not tell one."""
    largest = float(np.max(gaps))
    return None if np.isnan(largest) else largest


def _figures(result: Evaluation) -> dict[str, Any]:
    """Figures of an evaluation, the two protocols apart."""
    correlation = result.gene_correlation
    defined = correlation[~np.isnan(correlation)]
    return {
        "published_protocol": {
            "truth": "responses rebuilt from their principal components, a score a row",
            "mean_fold_score": result.mean_fold_score,
            "mape": float(result.mape.mean()),
        },
        "all_rows": {
            "truth": "measured deltas, one score for all rows",
            "score": result.measured.total,
            "sum_of_terms": float(result.measured.terms.sum()),
            "weighted_cosine": result.measured.cosine,
            "better_than_baseline": int((result.measured.terms > 0).sum()),
            "perturbations": len(result.measured.terms),
        },
        "gene_correlation": {
            "truth": "responses rebuilt from their principal components",
            "mean": float(defined.mean()) if len(defined) else None,
            "median": float(np.median(defined)) if len(defined) else None,
            "genes": len(defined),
            "undefined": len(correlation) - len(defined),
        },
    }


def _scores(
    names: Sequence[str],
    baseline: Floats,
    result: Evaluation,
    models: dict[str, dict[str, list[Any]]],
) -> pd.DataFrame:
    """One row a perturbation: parts of both scores, and how each model was fitted."""
    folds = result.folds
    columns: dict[str, Any] = {
        "fold": range(len(folds)),
        "pert_symbol": names,
        "baseline_wmae": baseline,
        "score": [fold.total for fold in folds],
        "wmae": [fold.wmae.item() for fold in folds],
        "term": [fold.terms.item() for fold in folds],
        "weighted_cosine": [fold.cosine for fold in folds],
        "mape": result.mape,
        "measured_wmae": result.measured.wmae,
        "measured_term": result.measured.terms,
    }
    for name, fit in models.items():
        columns |= {f"{name}_{key}": values for key, values in fit.items()}
    return pd.DataFrame(columns)


if __name__ == "__main__":
    run(main)

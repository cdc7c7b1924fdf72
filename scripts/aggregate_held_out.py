"""Put an experiment's held-out predictions together: tables, calibration and summary."""

import json
import logging
import platform
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import pandas as pd

from echoes.io.arrays import positions, save_arrays
from echoes.io.command import parser, run
from echoes.io.files import atomic_path, load_json, save_json
from echoes.io.tables import Matrix, write_matrix
from echoes.scoring import comparison
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.coverage import LEVELS
from echoes.screen import record

log = logging.getLogger(__name__)

PACKAGES = ("numpy", "scipy")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument("--parts", nargs="+", required=True, help="npz files of held-out predictions")
    args.add_argument("--validation", nargs="?", help="npz of the validation genes' predictions")
    args.add_argument("--records", nargs="+", required=True, help="name=json of earlier stages")
    args.add_argument("--experiment", required=True, help="name of the experiment")
    args.add_argument("--settings", required=True, help="its settings, json")
    args.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    args.add_argument("--oof", required=True, help="table of out-of-fold predictions")
    args.add_argument("--scores", required=True, help="table of the perturbations' figures")
    args.add_argument("--calibration", required=True, help="table of the intervals' coverage")
    args.add_argument("--uncertainty", required=True, help="parquet of the predictions' errors")
    args.add_argument("--summary", required=True, help="json of the experiment's figures")
    args.add_argument("--predictions", required=True, help="npz of all predictions")
    given = args.parse_args(argv)

    data = record.load(given.perturbations)
    names, genes = data.perturbations.tolist(), data.genes.tolist()
    made = comparison.load(given.parts)
    silenced = positions(data.silenced.tolist(), genes)
    found = comparison.figures(data.truth, data.weights, data.baseline, silenced, made)
    unseen = comparison.load([given.validation]) if given.validation else None
    validation = unseen.prediction if unseen else np.empty((0, len(genes)))
    calibration = _calibration(found, made)

    write_matrix(given.oof, "pert_symbol", Matrix(tuple(names), tuple(genes), made.prediction))
    scores = pd.DataFrame(
        {"fold": made.fold, "pert_symbol": names, "baseline_wmae": data.baseline}
        | found.rows
        | {name: values[made.fold] for name, values in made.choices.items()}
        | {"inner_score": made.inner_score[made.fold]}
    )
    for path, table in ((given.scores, scores), (given.calibration, calibration)):
        with atomic_path(path) as partial:
            table.to_csv(partial, index=False, lineterminator="\n")
    ids = [*names, *(data.validation_ids.tolist() if unseen else ())]
    errors = [made, unseen] if unseen else [made]
    with atomic_path(given.uncertainty) as partial:
        _uncertainty(ids, genes, errors).to_parquet(partial, index=False)
    save_arrays(
        given.predictions,
        {
            "genes": data.genes,
            "names": data.perturbations,
            "truth": data.truth,
            "prediction": made.prediction,
            "gene_correlation": found.genes["pearson"],
            "validation": validation,
        },
    )
    intervals = comparison.summarise(found, resample(len(names), DRAWS, given.seed))
    summary = {
        "experiment": given.experiment,
        "settings": json.loads(given.settings),
        "held_out": {
            "truth": "measured deltas, one score for all rows; nothing of a row was seen",
            "perturbations": len(names),
            **{
                name: dict(zip(("value", "lower", "upper"), _finite(three), strict=True))
                for name, three in intervals.items()
            },
        },
        "calibration": {f"{row.level:g}": row.coverage for row in calibration.itertuples()},
        "choices": {name: _finite([values.mean()])[0] for name, values in made.choices.items()},
        "inner_score": _finite([made.inner_score.mean()])[0],
        "seconds": float(made.seconds.sum()),
        **{name: load_json(path) for name, path in (r.split("=", 1) for r in given.records)},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
    }
    log.info("held out: score %.5f, 95 %% interval %.3f … %.3f", *intervals["score"])
    for name, values in made.choices.items():
        if name.endswith("at_edge") and values.mean() > 0.5:
            log.warning(
                "%s: a penalty at an end of the list was chosen in most folds; widen the list",
                name.removesuffix("_at_edge"),
            )
    save_json(given.summary, summary)


def _finite(values: Sequence[float]) -> list[float | None]:
    """Replace what is undefined by None, which JSON has."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _calibration(found: comparison.Figures, made: comparison.OutOfFold) -> pd.DataFrame:
    """Tell how many entries the intervals cover, over all and over the middle perturbations."""
    columns = ["level", "coverage", "coverage_p10", "coverage_p90", "mean_half_width"]
    if not made.quantiles.shape[1]:
        return pd.DataFrame(columns=columns)
    covered = np.column_stack([found.rows[comparison.coverage_name(level)] for level in LEVELS])
    low, high = np.quantile(covered, [0.1, 0.9], axis=0)
    width = made.spread.mean(axis=1) @ made.quantiles[made.fold] / len(covered)
    return pd.DataFrame(
        dict(zip(columns, (LEVELS, covered.mean(axis=0), low, high, width), strict=True))
    )


def _uncertainty(
    ids: Sequence[str], genes: Sequence[str], made: Sequence[comparison.OutOfFold]
) -> pd.DataFrame:
    """Half width of the interval that covers as much as one standard deviation, of each entry."""
    at = LEVELS.index(0.6827)
    if not all(part.quantiles.shape[1] for part in made):
        return pd.DataFrame({"perturbation": []})
    widths = np.vstack([part.spread * part.quantiles[part.fold, at, None] for part in made])
    table = pd.DataFrame(widths, columns=list(genes))
    table.insert(0, "perturbation", list(ids), allow_duplicates=True)
    return table


if __name__ == "__main__":
    run(main)

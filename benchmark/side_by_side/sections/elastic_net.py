"""Two folds with their inner cross-validation, and single elastic nets of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import dist, hypot

from side_by_side import methods
from side_by_side.process import Record, attempt, call, join, say
from side_by_side.tables import Bar, Records, cells, number, small, table, times
from side_by_side.workspace import Run

TITLE = "One fold"
#: Penalties of the single fits.
PENALTIES = (1.0, 0.1, 0.01)


def mean_seconds(records: Records, method: str) -> float:
    """Mean time of the folds that were measured."""
    folds = records["elastic_net"]["folds"]
    seconds = [record["seconds"] for record in folds if record["method"] == method]
    return float(sum(seconds) / len(seconds))


BARS = (
    Bar(
        "fold against scikit-learn",
        80,
        "×",
        lambda records: (
            mean_seconds(records, methods.SCIKIT_LEARN) / mean_seconds(records, methods.EXACT)
        ),
    ),
)


def measure(run: Run) -> Record:
    """Measure folds and single fits of the generated data set."""
    size = run.size
    common: Record = {
        "folder": str(run.prepared().prepare("alphas_1/features.npz")),
        "experiment": "alphas_1",
        "rows": size.perturbations,
        "components": size.components,
    }
    folds = []
    for left_out in (0, size.perturbations // 2):
        for method, turns in ((methods.EXACT, size.repeats), (methods.SCIKIT_LEARN, 1)):
            repeated = []
            for turn in range(turns):
                say(f"  fold {left_out}: {method}, {turn + 1}")
                repeated.append(call("elastic_net:fold", method=method, number=left_out, **common))
            # The record of the median, so that its parts add up; every time is kept beside it.
            middle = sorted(repeated, key=lambda record: float(record["seconds"]))[turns // 2]
            seconds = [record["seconds"] for record in repeated]
            folds.append({**middle, "fold": left_out, "all_seconds": seconds})
    limits = {methods.EXACT: None, methods.SKGLM: size.limit, methods.SCIKIT_LEARN: None}
    single = []
    for penalty in PENALTIES:
        for method, limit in limits.items():
            say(f"  single fit at {penalty:g}: {method}")
            common |= {"method": method, "penalty": penalty}
            turns = size.repeats if method == methods.EXACT else 1
            repeated = [attempt("elastic_net:single", limit=limit, **common) for _ in range(turns)]
            if all("seconds" in record for record in repeated):
                single.append(join(repeated, "gap"))
            else:
                single.append({**repeated[0], "method": method, "penalty": penalty})
    return {"folds": folds, "single": single}


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Relative ℓ₂ distance."""
    return dist(one, other) / hypot(*other) if any(other) else dist(one, other)


def write(records: Records) -> Iterator[str]:
    """Write the tables of the folds and of the single fits."""
    folds, single = records["elastic_net"]["folds"], records["elastic_net"]["single"]
    ours = {record["fold"]: record for record in folds if record["method"] == methods.EXACT}
    yield (
        f"Both models with their inner cross-validation: {folds[0]['rows']} rows, "
        f"{folds[0]['features']:,} features, {folds[0]['components']} components, penalties "
        "0.01, 0.1, 1 and 100, 3 inner folds, `l1_ratio` 0.5; one BLAS thread. scikit-learn is "
        "`RidgeCV` and `MultiTaskElasticNetCV` with 1,000 iterations and tolerance 10⁻⁴. The "
        "relative gap is that of the last fit, at the penalty that was chosen."
    )
    yield from table(
        [
            *("solver", "left out", "time, s", "times echoes", "ridge, s", "elastic net, s"),
            *("penalties", "relative gap", "not converged", "peak MB", "runs"),
        ],
        (
            [
                record["method"],
                str(record["fold"]),
                number(record["seconds"]),
                times(record["seconds"], ours[record["fold"]]["seconds"]),
                *cells(record, "ridge_seconds", "elastic_net_seconds"),
                f"{record['ridge_penalty']:g}, {record['elastic_net_penalty']:g}",
                small(record["elastic_net_gap"]),
                f"{record['unconverged']} of 13",
                number(record["memory_mb"]),
                str(len(record["all_seconds"])),
            ]
            for record in folds
        ),
    )
    for record in folds:
        if record["method"] == methods.SCIKIT_LEARN:
            ridge, net = (
                small(_distance(record[key], ours[record["fold"]][key]))
                for key in ("ridge_prediction", "elastic_net_prediction")
            )
            yield (
                f"Predictions of row {record['fold']} differ by {ridge} (ridge) and {net} "
                "(elastic net), relative to echoes'."
            )
    yield ""
    yield (
        "**Single elastic nets of fold 0, cold start.** All are judged by one function of the "
        "coefficients: the objective 1/(2m)‖Y − XB‖² + λρΣ‖B_j‖ + λ(1 − ρ)/2‖B‖². The gap is to "
        "the best lower bound that any of them proves, relative to the objective. skglm has its "
        "penalty from `skglm_penalty.py`, is solved to ever tighter tolerances, each from the one "
        "before, until the gap is 10⁻⁸ or its time is up; compilation is not counted."
    )
    yield from table(
        [
            *("penalty", "solver", "time, s", "times echoes", "relative gap", "objective"),
            *("active", "prediction off by", "runs"),
        ],
        (row for penalty in PENALTIES for row in _single_rows(single, penalty)),
    )


def _single_rows(single: Sequence[Record], penalty: float) -> Iterator[list[str]]:
    records = [record for record in single if record["penalty"] == penalty]
    bound = max(record.get("bound", 0.0) for record in records)
    ours = next(record for record in records if record["method"] == methods.EXACT)
    for record in records:
        late = ", time up" if record["timed_out"] else ""
        if "objective" not in record:
            yield [f"{penalty:g}", record["method"], f"no solution{late}", *(["–"] * 6)]
            continue
        yield [
            f"{penalty:g}",
            record["method"] + late,
            number(record["seconds"]),
            times(record["seconds"], ours["seconds"]),
            small(max(0.0, 1 - bound / record["objective"])),
            f"{record['objective']:.9g}",
            f"{record['active']:,}",
            small(_distance(record["prediction"], ours["prediction"])),
            str(len(record.get("all_seconds", [0]))),
        ]

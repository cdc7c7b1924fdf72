"""The report's tables, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from side_by_side import cost, names
from side_by_side.names import SECTIONS, STAGES

Record = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """What the project must meet, and what was measured; None where it was not."""

    what: str
    wanted: str
    measured: float | None
    limit: float
    unit: str

    @property
    def holds(self) -> bool | None:
        """Whether it is met: ratios from below, all else from above."""
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.unit == "×" else self.measured <= self.limit


def number(value: float | None, digits: int = 3) -> str:
    """Write a number in so many significant digits, without an exponent."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e" in text or abs(value) >= 10**digits else text


def small(value: float | None) -> str:
    """Write a residual, an error or a gap."""
    return "–" if value is None else f"{value:.1e}"


def times(theirs: float | None, ours: float | None) -> str:
    """Write how many times longer theirs takes."""
    return "–" if theirs is None or not ours else f"{number(theirs / ours)}×"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table, its first column to the left and the others to the right."""
    rule = ["---", *(["---:"] * (len(header) - 1))]
    return ["", *(f"| {' | '.join(row)} |" for row in (header, rule, *rows)), ""]


def _mean_fold(raw: dict[str, Record], method: str) -> float:
    """Mean time of the folds that were measured."""
    seconds = [r["seconds"] for r in raw["elastic_net"]["folds"] if r["method"] == method]
    return float(sum(seconds) / len(seconds))


def _first_network(raw: dict[str, Record], method: str) -> Record:
    """Find a method's record on the network that is told first: the real one, if it is there."""
    network = next(iter(raw["diffusion"]["networks"].values()))
    return _of(network["methods"], method)


def _of(records: Sequence[Record], method: str) -> Record:
    return next(record for record in records if record["method"] == method)


def bars(raw: dict[str, Record]) -> list[Bar]:
    """Hold the measurements against what the project must meet."""
    lu = None
    if "diffusion" in raw:
        ours, theirs = (_first_network(raw, m) for m in (names.ECHOES_DIFFUSION, names.SUPERLU))
        lu = theirs["seconds"] / ours["seconds"]
    ratio = (
        _mean_fold(raw, names.SCIKIT_LEARN) / _mean_fold(raw, names.ECHOES_FOLD)
        if ("elastic_net" in raw)
        else None
    )
    run, links = raw.get("whole_run", {}), raw.get("links", {})
    steps = links.get("steps", {}).values()
    seconds = sum(step["seconds"] for step in steps) if steps else None
    memory = max(step["memory_mb"] for step in steps) if steps else None
    return [
        Bar("diffusion against SuperLU", "≥ 150×", lu, 150, "×"),
        Bar("fold against scikit-learn", "≥ 80×", ratio, 80, "×"),
        Bar("whole run, 80 folds, 2 cores", "≤ 90 s", run.get("seconds"), 90, "s"),
        Bar(
            "`echo`, eight baselines and their comparison, added",
            "≤ 60 s",
            raw.get("comparison", {}).get("seconds"),
            60,
            "s",
        ),
        Bar("links file to network", "≤ 20 s", seconds, 20, "s"),
        Bar("its peak memory", "≤ 1,000 MB", memory, 1000, "MB"),
        Bar("peak memory of a fold job", "≤ 600 MB", run.get("fold_memory_mb"), 600, "MB"),
        Bar("`snakemake -n` on the finished run", "≤ 4 s", run.get("dry_run_seconds"), 4, "s"),
    ]


def bar_table(raw: dict[str, Record]) -> list[str]:
    """Write all bars."""
    verdict = {True: "yes", False: "**no**", None: "not measured"}
    return table(
        ["bar", "wanted", "measured", "holds"],
        (
            [
                bar.what,
                bar.wanted,
                "–" if bar.measured is None else f"{number(bar.measured)} {bar.unit}",
                verdict[bar.holds],
            ]
            for bar in bars(raw)
        ),
    )


def _note(record: Record) -> str:
    measured, starts = record["measured_on"], record["starts"]
    sampled = f"{measured} genes, scaled up to {starts}; " if measured < starts else ""
    return sampled + str(record["note"])


def diffusion(raw: dict[str, Record]) -> Iterator[str]:
    """Write the tables of the diffusion."""
    for label, network in raw["diffusion"]["networks"].items():
        ours = _of(network["methods"], names.ECHOES_DIFFUSION)["seconds"]
        yield (
            f"**{label}**: {network['genes']:,} genes, {network['entries']:,} entries, "
            f"{network['starts']} start genes, α = 0.75. Every method is asked for a residual "
            "‖(I − αAD⁻¹)x − (1 − α)e‖₁ of at most 10⁻¹⁰, where it can be asked. Error: largest "
            "|x − x_ref|, x_ref from 150 steps of power iteration (residual "
            f"{small(network['residual'])}); it is small for all, so they agree on self-loops "
            "and isolated genes."
        )
        yield from table(
            ["method", "time, s", "times echoes", "residual", "error", "peak MB", "runs", "note"],
            (
                [
                    record["method"],
                    ("> " if late else "") + number(record["seconds"]),
                    ("> " if late else "") + times(record["seconds"], ours),
                    small(record.get("residual")),
                    small(record.get("error")),
                    number(record["memory_mb"]),
                    str(len(record["all_seconds"])),
                    "time up" if late else _note(record),
                ]
                for record in network["methods"]
                for late in [record["timed_out"]]
            ),
        )
    yield (
        "Not counted: reading the network and bringing it into a library's own graph. Peak memory "
        "is that of the whole process, Python and libraries included."
    )


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Relative ℓ₂ distance."""
    from math import dist, hypot

    return dist(one, other) / hypot(*other) if any(other) else dist(one, other)


def elastic_net(raw: dict[str, Record]) -> Iterator[str]:
    """Write the tables of the fold and of the single fits."""
    folds, single = raw["elastic_net"]["folds"], raw["elastic_net"]["single"]
    ours = {r["fold"]: r for r in folds if r["method"] == names.ECHOES_FOLD}
    theirs = [r for r in folds if r["method"] == names.SCIKIT_LEARN]
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
                number(record["ridge_seconds"]),
                number(record["elastic_net_seconds"]),
                f"{record['ridge_penalty']:g}, {record['elastic_net_penalty']:g}",
                small(record["elastic_net_gap"]),
                f"{record['unconverged']} of 13",
                number(record["memory_mb"]),
                str(len(record["all_seconds"])),
            ]
            for record in folds
        ),
    )
    for one in theirs:
        ridge, net = (
            small(_distance(one[key], ours[one["fold"]][key]))
            for key in ("ridge_prediction", "elastic_net_prediction")
        )
        yield (
            f"Predictions of row {one['fold']} differ by {ridge} (ridge) and {net} (elastic net), "
            "relative to echoes'."
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
        _single_rows(single),
    )


def _single_rows(single: Sequence[Record]) -> Iterator[list[str]]:
    for penalty in names.SINGLE:
        records = [record for record in single if record["penalty"] == penalty]
        bound = max(record.get("bound", 0.0) for record in records)
        ours = next(record for record in records if record["method"] == names.ECHOES_FOLD)
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


def published_seconds(raw: dict[str, Record]) -> tuple[float, float] | None:
    """Estimate the published way on the generated set: the sparse LU, and all folds."""
    if not {"diffusion", "elastic_net", "whole_run"} <= raw.keys():
        return None
    lu = _of(raw["diffusion"]["networks"]["generated"]["methods"], names.SUPERLU)
    folds, silenced = (raw["whole_run"][key] for key in ("folds", "silenced"))
    if lu["timed_out"]:
        return lu["seconds"], folds * _mean_fold(raw, names.SCIKIT_LEARN)
    solves = lu["solve_seconds"] * silenced / lu["starts"]
    return lu["factor_seconds"] + solves, folds * _mean_fold(raw, names.SCIKIT_LEARN)


def whole_run(raw: dict[str, Record]) -> Iterator[str]:
    """Write the tables of the whole run."""
    run = raw["whole_run"]
    folds, seconds = run["folds"], run["seconds"]
    yield (
        f"`snakemake --cores {run['cores']}` from the files to the submission, {folds} folds as "
        f"{folds} jobs: **{number(seconds)} s**. `snakemake -n` afterwards: "
        f"{number(run['dry_run_seconds'])} s. A fold job alone: {number(run['fold_seconds'])} s, "
        f"{number(run['fold_memory_mb'])} MB at its peak."
    )
    if estimate := published_seconds(raw):
        lu, fits = estimate
        reference = _of(raw["diffusion"]["networks"]["generated"]["methods"], names.SUPERLU)
        how = (
            "when its time was up"
            if reference["timed_out"]
            else f"factorisation {number(reference['factor_seconds'])} s, solves measured for "
            f"{reference['starts']} genes and scaled up to {run['silenced']}"
        )
        yield (
            f"The published way, estimated at {number((lu + fits) / 60)} minutes: sparse LU "
            f"{number(lu)} s ({how}), and "
            f"scikit-learn's folds, the mean of those above scaled up to {folds}, "
            f"{number(fits)} s, one after another. "
            f"That is {times(lu + fits, seconds)} the time of the whole run of echoes on "
            f"{run['cores']} cores, and {times((lu + fits) / run['cores'], seconds)} if it were "
            f"spread over {run['cores']} cores without loss."
        )
    stages = sorted(run["stages"].items(), key=lambda item: -float(item[1]["seconds"]))
    total = sum(stage["seconds"] for _, stage in stages)
    yield from table(
        ["rule", "jobs", "seconds of jobs", "share"],
        [
            *(
                [
                    f"`{rule}`",
                    str(stage["jobs"]),
                    number(stage["seconds"]),
                    f"{stage['seconds'] / total:.0%}",
                ]
                for rule, stage in stages
            ),
            ["all", str(sum(stage["jobs"] for _, stage in stages)), number(total), "100%"],
        ],
    )
    start, fits = run["start_seconds"], run["fits"]
    spent = fits["ridge_seconds"] + fits["elastic_net_seconds"]
    folding = run["stages"]["loo_fold"]["seconds"]
    starting = folds * start["fold script"]
    yield (
        f"The {folds} fold jobs took {number(folding)} s: fits {number(spent)} s (ridge "
        f"{number(fits['ridge_seconds'])} s, elastic net {number(fits['elastic_net_seconds'])} s), "
        f"Python's start and imports about {number(starting)} s ({folds} × "
        f"{number(start['fold script'])} s; Python alone {number(start['python'])} s, with numpy "
        f"{number(start['numpy'])} s), and {number(max(0.0, folding - spent - starting))} s for "
        "the shell, files and features. "
        f"{run['cores']} cores for {number(seconds)} s are {number(run['cores'] * seconds)} s; "
        f"the {number(run['cores'] * seconds - total)} s that no job took are Snakemake's own and "
        f"waiting. Snakemake's start alone: {number(start['snakemake'])} s. Largest duality gap "
        f"of all fits: {small(fits['largest_gap'])}."
    )


def comparison(raw: dict[str, Record]) -> Iterator[str]:
    """Write the table of what the comparison adds to a run."""
    record = raw["comparison"]
    yield (
        "The run is finished but for `echo` and the baselines of `config.yaml`; adding them takes "
        f"{number(record['seconds'])} s on two cores. Its jobs, by rule:"
    )
    yield from table(
        ["rule", "jobs", "sum of times, s"],
        [
            [f"`{name}`", str(stage["jobs"]), number(stage["seconds"])]
            for name, stage in sorted(
                record["stages"].items(), key=lambda item: -item[1]["seconds"]
            )
        ],
    )


def links(raw: dict[str, Record]) -> Iterator[str]:
    """Write the table of the large file of links."""
    record = raw["links"]
    made, network = record["file"], record["network"]
    yield (
        f"{made['rows']:,} rows, {made['proteins']:,} proteins, {number(made['compressed_mb'])} MB "
        f"compressed, {number(record['unpacked_mb'])} MB unpacked; {network['kept_link_rows']:,} "
        f"rows kept, {network['genes']:,} genes, {network['adjacency_entries']:,} entries. Times "
        "and memory of the jobs' own commands."
    )
    steps = record["steps"]
    yield from table(
        ["step", "time, s", "peak MB"],
        [
            *(
                [f"`{step}`", number(found["seconds"]), number(found["memory_mb"])]
                for step, found in steps.items()
            ),
            [
                "both",
                number(sum(found["seconds"] for found in steps.values())),
                number(max(found["memory_mb"] for found in steps.values())),
            ],
        ],
    )


def growth(raw: dict[str, Record]) -> Iterator[str]:
    """Write the growth tables."""
    record = raw["growth"]
    titles = {
        "genes": "genes of the network",
        "perturbations": "perturbations, one α",
        "alphas": "restart parameters (0.75, 0.5, 0.25, 0.9)",
    }
    yield "**Diffusion** by " + "; ".join(titles.values()) + ":"
    yield from table(
        ["genes", "entries", "perturbations", "α", "time, s", "iterations", "peak MB"],
        (
            [
                f"{one['genes']:,}",
                f"{one['entries']:,}",
                f"{one['starts']:,}",
                str(one["alphas"]),
                number(one["seconds"]),
                str(one["iterations"]),
                number(one["memory_mb"]),
            ]
            for curve in titles
            for one in record["diffusion"][curve]
        ),
    )
    yield "**One fold** (standardise, ridge, elastic net) by perturbations and by α:"
    yield from table(
        ["perturbations", "α", "features", "time, s", "elastic net, s", "peak MB"],
        (
            [
                str(one["rows"]),
                str(one.get("alphas", 1)),
                f"{one['features']:,}",
                number(one["seconds"]),
                number(one["elastic_net_seconds"]),
                number(one["memory_mb"]),
            ]
            for curve in ("perturbations", "alphas")
            for one in record["folds"][curve]
        ),
    )


def scale(raw: dict[str, Record]) -> Iterator[str]:
    """Write the cost model, the points that it was fitted on, and what it says of larger runs."""
    jobs = raw["scale"]["jobs"]
    yield (
        "A job's cost is a constant and terms in the numbers of perturbations n, network genes N, "
        "response genes G, restart parameters A and components T, none below 0, fitted so that "
        "relative errors are small. **Off**: the largest relative error at a point. **Largest "
        "unseen**: the same where the points of the largest n are predicted from the others. A "
        "fold of `predict_held_out` is one of ten of `echo`; a comparison is of two."
    )
    models = {
        (stage, what): cost.fit(
            [job for job in jobs if job["stage"] == stage],
            time if what == "seconds" else space,
            what,
        )
        for stage, (time, space, _) in STAGES.items()
        for what in cost.WHAT
    }
    yield from table(
        ["stage", "of a job", "model", "off", "largest unseen"],
        (
            [
                f"`{stage}`" if what == "seconds" else "",
                cost.WHAT[what],
                model.formula(),
                f"{model.off:.0%}",
                "–" if model.unseen is None else f"{model.unseen:+.0%}",
            ]
            for (stage, what), model in models.items()
        ),
    )
    yield "By it, at N = 17,000, G = 8,000, A = 3, T = 35, a job takes:"
    sizes = (100, 500, 2_000, 10_000)
    yield from table(
        ["stage", *(f"n = {n:,}" for n in sizes)],
        (
            [
                f"`{stage}`",
                *(
                    ", ".join(
                        f"{number(models[stage, what].at(n, 17_000, 8_000, 3, 35), 2)} {unit}"
                        for what, unit in (("seconds", "s"), ("memory_mb", "MB"), ("disk_mb", "MB"))
                    )
                    for n in sizes
                ),
            ]
            for stage in STAGES
        ),
    )
    yield "Seconds, peak memory, size of what it writes. The points:"
    yield from table(
        ["stage", "n", "N", "G", "A", "T", "time, s", "peak MB", "disk, MB"],
        (
            [
                f"`{job['stage']}`",
                *(f"{job[key]:,}" for key in "nNGAT"),
                *(number(job[what]) for what in cost.WHAT),
            ]
            for job in sorted(jobs, key=lambda job: [*STAGES].index(job["stage"]))
        ),
    )


_WRITERS = {
    "diffusion": diffusion,
    "elastic_net": elastic_net,
    "whole_run": whole_run,
    "comparison": comparison,
    "links": links,
    "growth": growth,
    "scale": scale,
}


def machine(raw: dict[str, Record]) -> Iterator[str]:
    """Describe the machine, and when what was measured."""
    facts = dict(max(raw.values(), key=lambda record: str(record["run"]))["machine"])
    processor, cores, memory = (facts.pop(key) for key in ("processor", "cores", "memory_gb"))
    python, blas, _ = (facts.pop(key) for key in ("python", "blas", "load_at_start"))
    packages = ", ".join(f"{package} {version}" for package, version in facts.items())
    yield (
        f"{processor}, {cores} cores, {memory} GB. Python {python}, BLAS {blas}, {packages}. "
        "Ratios are always of one run."
    )
    yield from table(
        ["run", "sections", "minutes", "load when it began"],
        (
            [
                f"{run[:10]} {run[11:16]} UTC",
                ", ".join(section for section in SECTIONS if section in mine),
                number(sum(record["took_seconds"] for record in mine.values()) / 60, 2),
                str(max(record["machine"]["load_at_start"] for record in mine.values())),
            ]
            for run in sorted({str(record["run"]) for record in raw.values()})
            for mine in [{s: record for s, record in raw.items() if record["run"] == run}]
        ),
    )


_HOW = (
    "Each measurement is a process of its own with one BLAS thread. What is repeated is "
    "measured in turns with the others, and the median is shown."
)


def report(raw: dict[str, Record]) -> str:
    """Write the report."""
    lines = [
        "# Benchmark",
        "",
        *machine(raw),
        "",
        _HOW,
        "",
        "![Times of echoes and others, and how they grow](benchmark.svg)",
        *bar_table(raw),
    ]
    for section, title in SECTIONS.items():
        lines += [f"## {title}", ""]
        lines += _WRITERS[section](raw) if section in raw else ["Not measured."]
        lines.append("")
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"

"""From files to a submission, as a user runs it, and where its time goes."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from side_by_side import methods
from side_by_side.process import ROOT, Record, call, execute, say
from side_by_side.sections.elastic_net import mean_seconds
from side_by_side.tables import (
    Bar,
    Records,
    by_seconds,
    cells,
    number,
    of_method,
    small,
    table,
    times,
)
from side_by_side.workspace import Run, published

TITLE = "The whole run"
BARS = (
    Bar("whole run, 80 folds, 2 cores", 45, "s", lambda records: records["whole_run"]["seconds"]),
    Bar(
        "peak memory of a fold job",
        600,
        "MB",
        lambda records: records["whole_run"]["fold_memory_mb"],
    ),
    Bar(
        "`snakemake -n` on the finished run",
        4,
        "s",
        lambda records: records["whole_run"]["dry_run_seconds"],
    ),
)


def _start_seconds(run: Run, *command: str) -> float:
    """Median time of a process that does nothing."""
    return statistics.median(
        execute([sys.executable, *command]).seconds for _ in range(2 * run.size.repeats)
    )


def measure(run: Run) -> Record:
    """Measure a run from nothing, dry runs after it, and the parts of a fold job."""
    experiments = {"published": published("ridge", "elastic_net")}
    workspace = run.workspace("whole_run", "competition", experiments).clear()
    say("  snakemake --cores 2")
    outcome = workspace.snakemake()
    folds = workspace.dataset / "published" / "folds"
    say("  snakemake -n")
    dry = [workspace.snakemake("-n") for _ in range(max(3, run.size.repeats))]
    if "Nothing to be done" not in dry[-1].text:
        say("  warning: the run is not finished")
    say("  parts of a fold")
    jobs = [workspace.job("published/folds/0.npz") for _ in range(run.size.repeats)]
    return {
        "seconds": outcome.seconds,
        "cores": 2,
        "silenced": run.size.perturbations + run.size.validation,
        "folds": len(list(folds.glob("*.npz"))),
        "memory_mb": outcome.memory,
        "stages": workspace.stages(),
        "fits": call("elastic_net:fitted", folder=str(folds)),
        "dry_run_seconds": statistics.median(one.seconds for one in dry),
        "all_dry_run_seconds": [one.seconds for one in dry],
        "fold_seconds": statistics.median(job.seconds for job in jobs),
        "fold_memory_mb": max(job.memory for job in jobs),
        "start_seconds": {
            "python": _start_seconds(run, "-c", "pass"),
            "numpy": _start_seconds(run, "-c", "import numpy"),
            "fold script": _start_seconds(run, str(ROOT / "scripts" / "loo_fold.py"), "--help"),
            "snakemake": _start_seconds(run, "-m", "snakemake", "--version"),
        },
    }


def write(records: Records) -> Iterator[str]:
    """Write what the run took, what the published way would, and the rules' shares."""
    run = records["whole_run"]
    folds, seconds, cores = run["folds"], run["seconds"], run["cores"]
    yield (
        f"`snakemake --cores {cores}` from the files to the submission, {folds} folds as "
        f"{folds} jobs: **{number(seconds)} s**. `snakemake -n` afterwards: "
        f"{number(run['dry_run_seconds'])} s. A fold job alone: {number(run['fold_seconds'])} s, "
        f"{number(run['fold_memory_mb'])} MB at its peak."
    )
    parts = ("diffusion", "elastic_net", "whole_run")
    machines = {records[part]["machine"]["processor"] for part in parts if part in records}
    if records.keys() >= set(parts) and len(machines) == 1:
        yield _published_way(records)
    total = sum(stage["seconds"] for stage in run["stages"].values())
    jobs = sum(stage["jobs"] for stage in run["stages"].values())
    yield from table(
        ["rule", "jobs", "seconds of jobs", "share"],
        [
            *(
                [f"`{rule}`", *cells(stage, "jobs", "seconds"), f"{stage['seconds'] / total:.0%}"]
                for rule, stage in by_seconds(run["stages"])
            ),
            ["all", str(jobs), number(total), "100%"],
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
        f"{cores} cores for {number(seconds)} s are {number(cores * seconds)} s; "
        f"the {number(cores * seconds - total)} s that no job took are Snakemake's own and "
        f"waiting. Snakemake's start alone: {number(start['snakemake'])} s. Largest duality gap "
        f"of all fits: {small(fits['largest_gap'])}."
    )


def _published_way(records: Records) -> str:
    """Estimate the published way on the generated set: the sparse LU, and all folds."""
    run = records["whole_run"]
    folds, seconds, cores = run["folds"], run["seconds"], run["cores"]
    lu = of_method(records["diffusion"]["networks"]["generated"]["methods"], methods.SUPERLU)
    fits = folds * mean_seconds(records, methods.SCIKIT_LEARN)
    if lu["timed_out"]:
        diffusion, source = lu["seconds"], "when its time was up"
    else:
        diffusion = lu["factor_seconds"] + lu["solve_seconds"] * run["silenced"] / lu["starts"]
        source = (
            f"factorisation {number(lu['factor_seconds'])} s, solves measured for "
            f"{lu['starts']} genes and scaled up to {run['silenced']}"
        )
    total = diffusion + fits
    return (
        f"The published way, estimated at {number(total / 60)} minutes: sparse LU "
        f"{number(diffusion)} s ({source}), and scikit-learn's folds, the mean of those above "
        f"scaled up to {folds}, {number(fits)} s, one after another. That is "
        f"{times(total, seconds)} the time of the whole run of echoes on {cores} cores, and "
        f"{times(total / cores, seconds)} if it were spread over {cores} cores without loss."
    )

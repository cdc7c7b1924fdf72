"""A screen of ten thousand perturbations: killed in the middle, and gone on with to the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from side_by_side.process import MeasurementError, Record, call, say
from side_by_side.tables import Bar, Records, number, stages_table
from side_by_side.workspace import FILES, Run, Workspace, generate

TITLE = "The largest screen"
BARS = (
    Bar("10,000 × 8,000, five folds, 2 cores", 7_200, "s", lambda all_: _seconds(all_["largest"])),
    Bar(
        "memory of all its processes together",
        16_000,
        "MB",
        lambda all_: max(all_["largest"][key] for key in ("memory_mb", "killed_memory_mb")),
    ),
)
#: One fold at a time has both cores.
_ARGUMENTS = ("--set-threads", "predict_held_out=2")


def _seconds(record: Record) -> float:
    return float(record["seconds"]) + float(record["killed_after"])


def _workspace(run: Run) -> Workspace:
    """Make the data and the configuration, with means alone: weights follow from the effects."""
    n, responses, genes, links, _ = run.size.largest
    folder = run.work / f"largest_{n}"
    # The network depends neither on the number of perturbations nor on that of responses.
    size = dataclasses.replace(run.size, genes=genes, links=links, validation=10, responses=100)
    data = generate(folder, size, 20)
    means = folder / "means.parquet"
    if not means.exists():
        call(
            "screens:simulated",
            output=str(means),
            network_genes=genes,
            network_links=links,
            perturbations=n,
            validation_genes=size.validation,
            response_genes=responses,
        )
    settings = {
        "dataset": {
            "name": f"largest_{n}",
            "means": str(means),
            "truth": None,
            "validation": None,
        },
        "networks": {"string": {key: str(data / FILES[key]) for key in ("links", "info")}},
        "crossval": {"scheme": "k_fold", "folds": 5, "parts": 5},
        "experiments": {
            "echo": {
                "models": ["echo"],
                "diffusion": {"alphas": [0.25]},
                "inner_crossval": {"folds": 3},
            }
        },
        "baselines": ["mean", "nearest"],
        "submission": {"padding": 0, "sample": None},
    }
    return Workspace(run.work / "largest", settings)


def _finished(workspace: Workspace) -> dict[Path, int]:
    """When each job that has ended wrote its benchmark."""
    return {path: path.stat().st_mtime_ns for path in workspace.benchmarks.rglob("*.tsv")}


def measure(run: Run) -> Record:
    """Kill the whole workflow after some time, and measure how it goes on."""
    workspace = _workspace(run).clear()
    limit = run.size.largest[-1]
    say(f"  killed after {limit:.0f} s")
    killed = workspace.snakemake(*_ARGUMENTS, limit=limit)
    if not killed.timed_out:
        raise MeasurementError(f"it ended after {killed.seconds:.0f} s, before it was killed")
    before = _finished(workspace)
    say(f"  gone on with, after {len(before)} jobs")
    record = workspace.measure(*_ARGUMENTS)
    after = _finished(workspace)
    files = [path for path in workspace.dataset.rglob("*") if path.is_file()]
    return {
        **record,
        "killed_after": killed.seconds,
        "killed_memory_mb": killed.memory,
        "finished_before": len(before),
        "made_again": sum(after[path] != time for path, time in before.items()),
        "disk_gb": sum(path.stat().st_size for path in files) / 1e9,
    }


def write(records: Records) -> Iterator[str]:
    """Write the table of its jobs, and what was kept of the run that was killed."""
    record = records["largest"]
    yield (
        "10,000 perturbations × 8,000 response genes, 21,000 network genes, `echo` with one "
        "restart parameter in five folds and three inner ones, two baselines, from files to the "
        "page of results, on two cores: "
        f"{number(_seconds(record) / 60)} min, {number(BARS[1].value(records))} MB for all "
        f"processes together, and {number(record['disk_gb'], 2)} GB of results. After "
        f"{number(record['killed_after'])} s all processes were killed, and the same command went "
        f"on. Of {record['finished_before']} jobs that had ended, {record['made_again']} were run "
        "again."
    )
    yield from stages_table(record["stages"])

"""What the echo model, all baselines and their comparison add to a finished run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from side_by_side.process import Record, say
from side_by_side.tables import Bar, Records, number, stages_table
from side_by_side.workspace import Run, Workspace, published

TITLE = "The comparison"
BARS = (
    Bar(
        "`echo`, eight baselines and their comparison, added",
        30,
        "s",
        lambda records: records["comparison"]["seconds"],
    ),
)
#: As in the embedded example.
ECHO = {
    "models": ["echo"],
    "diffusion": {"alphas": [0.25, 0.5, 0.75]},
    "features": {"transform": "log"},
}


def finish_without(workspace: Workspace) -> None:
    """Finish a run without `echo` and baselines, and configure them."""
    say("  a run without them")
    workspace.snakemake()
    shutil.rmtree(workspace.benchmarks)  # the times of that run
    workspace.settings["experiments"]["echo"] = ECHO
    del workspace.settings["baselines"]  # all, by default


def measure(run: Run) -> Record:
    """Finish a run without them, and measure the run that adds them."""
    experiments = {"published": published("ridge")}
    workspace = run.workspace("comparison", "competition", experiments).clear()
    finish_without(workspace)
    say("  the same with them")
    return workspace.measure()


def write(records: Records) -> Iterator[str]:
    """Write the table of the jobs that were added."""
    record = records["comparison"]
    yield (
        "The run is finished but for `echo`, with three restart parameters, and the baselines; "
        f"adding them takes {number(record['seconds'])} s on two cores. Its jobs, by rule:"
    )
    yield from stages_table(record["stages"])

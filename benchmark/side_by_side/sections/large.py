"""A screen of two thousand perturbations, with the code of today and with an earlier one."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator

from side_by_side.earlier import BEFORE, earlier
from side_by_side.process import Record, call, say
from side_by_side.tables import Bar, Records, by_seconds, cells, number, small, table, times
from side_by_side.workspace import ALPHAS, Run, Workspace, generate

TITLE = "A large screen"
BARS = (
    Bar("2,000 × 8,000, ten folds, 2 cores", 300, "s", lambda all_: all_["large"]["seconds"]),
    Bar(
        "the same beside the earlier code",
        3,
        "×",
        lambda all_: all_["large"]["before"]["seconds"] / all_["large"]["seconds"],
    ),
    Bar(
        "largest memory of its processes together",
        8_000,
        "MB",
        lambda all_: all_["large"]["memory_mb"],
    ),
)
#: Folder of the parts of the model's predictions, and the first of them.
PART = "echo/held_out/0.npz"


def _workspace(run: Run) -> Workspace:
    n, responses = run.size.large
    size = dataclasses.replace(run.size, validation=10, responses=responses)
    name = f"large_{n}"
    model = {
        "models": ["echo"],
        "diffusion": {"alphas": list(ALPHAS[:3])},
        "features": {"transform": "log"},
    }
    data = generate(run.work / name, size, n)
    workspace = Run(run.work, size).workspace("large", name, {"echo": model}, data)
    workspace.settings["crossval"] = {"scheme": "k_fold", "folds": 10, "parts": 10}
    workspace.settings["baselines"] = ["mean", "reweighted_median", "nearest"]
    return workspace


def measure(run: Run) -> Record:
    """Run the whole workflow with both, and one fold with all candidates on all inner folds."""
    workspace = _workspace(run).clear()
    say("  today's code")
    record = workspace.measure()
    exact = dataclasses.replace(
        workspace,
        settings={
            **workspace.settings,
            "experiments": {
                **workspace.settings["experiments"],
                "exact": {"like": "echo", "echo": {"race": False}},
            },
        },
    )
    say("  a fold without the race")
    exact.prepare("exact/held_out/0.npz")
    record["agreement"] = call(
        "agreement:predictions",
        one=str(workspace.dataset / PART),
        other=str(workspace.dataset / "exact/held_out/0.npz"),
    )
    say("  the earlier code")
    before = earlier(workspace, run.work / "before")
    record["before"] = before.measure()
    shutil.rmtree(before.path)
    return record


def write(records: Records) -> Iterator[str]:
    """Write the table of both runs, and how far the race moves predictions."""
    record = records["large"]
    before, agreement = record["before"], record["agreement"]
    yield (
        "2,000 perturbations × 8,000 response genes, `echo` with three restart parameters in ten "
        "folds and three baselines, from files to the page of results, on two cores: "
        f"{number(record['seconds'])} s and {number(record['memory_mb'])} MB, "
        f"{times(before['seconds'], record['seconds'])} faster than the code of `{BEFORE}` "
        f"({number(before['seconds'])} s, {number(before['memory_mb'])} MB), whose `echo` has one "
        "candidate less and whose run draws no page. One fold takes "
        f"{number(agreement['seconds'])} s, and {number(agreement['exact_seconds'])} s without the "
        f"race; their predictions differ by {small(agreement['prediction'])} at most, where "
        f"deviations have a size of {number(agreement['deviation'], 2)}."
    )
    names = [
        *record["stages"],
        *(name for name in before["stages"] if name not in record["stages"]),
    ]
    none = {"jobs": 0, "seconds": 0.0}
    joined = {name: record["stages"].get(name, none) for name in names}
    yield from table(
        ["rule", "jobs", "sum of times, s", "jobs before", "sum before, s"],
        (
            [
                f"`{name}`",
                *cells(stage, "jobs", "seconds"),
                *cells(before["stages"].get(name, none), "jobs", "seconds"),
            ]
            for name, stage in by_seconds(joined)
        ),
    )

"""Screens of the competition's size and a real one, with the code of today and an earlier one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from side_by_side.earlier import BEFORE, earlier
from side_by_side.process import Record, call, say
from side_by_side.sections.comparison import finish_without
from side_by_side.tables import Bar, Records, number, small, table, times
from side_by_side.workspace import SHARED, Run, Workspace, published, shared_links

TITLE = "Beside the earlier code"


def _ratio(name: str) -> Callable[[Records], float]:
    def ratio(records: Records) -> float:
        row: Record = records["earlier"][name]
        return float(row["before"]["seconds"]) / float(row["seconds"])

    return ratio


BARS = (
    # Wanted are 45 s on a machine on which the earlier code takes 57 s.
    Bar("the competition's size beside the earlier code", 1.27, "×", _ratio("published")),
    # Wanted are 30 s where it takes 63 s.
    Bar("`echo` and eight baselines added, beside the earlier code", 2.1, "×", _ratio("added")),
    Bar(
        "585 × 4,000 real responses, six experiments and eight baselines, 2 cores",
        120,
        "s",
        lambda records: records["earlier"].get("crispri", {}).get("seconds"),
    ),
)
_HELD_OUT = {"protocol": "held_out", "models": ["echo"]}
_ONE = {**_HELD_OUT, "diffusion": {"alphas": [0.75]}, "features": {"transform": "log"}}
_EXPERIMENTS = {
    "echo": _ONE,
    "echo_three": {**_ONE, "diffusion": {"alphas": [0.25, 0.5, 0.75]}},
    "echo_degree": {**_ONE, "features": {"transform": "degree"}},
    "echo_base": {**_HELD_OUT, "echo": {"kernels": []}},
    "echo_rewired": {**_ONE, "network": "rewired"},
    "echo_permuted": {**_ONE, "network": "permuted"},
}
#: Shuffled networks as the earlier code configures them.
_SHUFFLED = {
    f"echo_{name}": {**_ONE, "diffusion": {"alphas": [0.75], "shuffle": shuffle}}
    for name, shuffle in (("rewired", "links"), ("permuted", "labels"))
}
_WHAT = {
    "published": "published protocol at the competition's size, ridge and elastic net",
    "added": "`echo` and eight baselines, added to a finished run",
    "crispri": "585 genes silenced in K562 cells × 4,000, ten folds, six experiments with `echo` "
    "and eight baselines",
}


def measure(run: Run) -> Record:
    """Run everything with both codes; the real screen at full size alone, and where it is."""
    experiments = {"published": published("ridge", "elastic_net")}
    ridge = {"published": published("ridge")}
    record = {
        "published": _both(
            run.workspace("earlier", "competition", experiments).clear(),
            same="published/oof_predictions.csv",
        ),
        "added": _both(run.workspace("earlier", "competition", ridge).clear(), add=True),
    }
    if run.size.name == "full" and (SHARED / "crispri").is_dir():
        record["crispri"] = _both(_crispri(run), **_SHUFFLED)
    return record


def _both(
    workspace: Workspace,
    *,
    same: str | None = None,
    add: bool = False,
    **experiments: Mapping[str, Any],
) -> Record:
    """Measure a run with both codes, and compare a table that both define alike.

    Parameters
    ----------
    workspace
        What is computed.
    same
        The table, if any.
    add
        Whether the run is finished first, and measured with `echo` and all baselines added to it.
    experiments
        Experiments that the earlier code configures in another way.
    """
    before = earlier(workspace, workspace.path / "before", **experiments)
    records = []
    for name, each in (("today's code", workspace), ("the earlier code", before)):
        if add:
            finish_without(each)
        say(f"  {name}")
        records.append(each.measure())
    record = {**records[0], "before": records[1]}
    if same:
        one, other = (str(each.dataset / same) for each in (workspace, before))
        record["agreement"] = call("agreement:responses", one=one, other=other)
    shutil.rmtree(before.path)
    return record


def _crispri(run: Run) -> Workspace:
    """Configure the real screen, in the layout that the earlier code reads too."""
    folder = run.work / "crispri"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    means = folder / "means.csv"
    call("screens:means", responses=str(SHARED / "crispri/k562_delta.parquet"), output=str(means))
    settings = {
        "dataset": {"name": "k562", "means": str(means), "truth": None, "validation": None},
        "networks": {
            "string": {"version": "11.5", **shared_links()},
            "rewired": {"of": "string", "shuffle": "links"},
            "permuted": {"of": "string", "shuffle": "labels"},
        },
        "crossval": {"scheme": "k_fold", "folds": 10, "parts": 2},
        "experiments": dict(_EXPERIMENTS),
        "submission": {"padding": 0, "sample": None},
    }
    return Workspace(folder, settings)


def write(records: Records) -> Iterator[str]:
    """Write both times of each run, and how far its results are apart."""
    record = records["earlier"]
    rows = {name: record[name] for name in _WHAT if name in record}
    yield (
        f"Whole runs with the code of `{BEFORE}` and that of today, one after the other on two "
        "cores. The earlier code draws neither a page nor figures for papers, and ends the fits "
        "that predict sooner; `echo` and some baselines are defined otherwise since, so that only "
        "predictions of the published protocol can be compared: they differ by "
        f"{small(record['published']['agreement']['largest'])} log2 units at most."
    )
    yield from table(
        ["run", "today, s", "before, s", "ratio", "MB together", "before, MB"],
        (
            [
                _WHAT[name],
                number(row["seconds"]),
                number(row["before"]["seconds"]),
                times(row["before"]["seconds"], row["seconds"]),
                number(row["memory_mb"]),
                number(row["before"]["memory_mb"]),
            ]
            for name, row in rows.items()
        ),
    )

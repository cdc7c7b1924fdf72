"""A real CRISPRi screen beside the repository: six experiments and all baselines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from side_by_side.earlier import beside, earlier, recorded, run_earlier
from side_by_side.process import MeasurementError, Record, call, say
from side_by_side.tables import Bar, Records, by_seconds, cells, number, small, table
from side_by_side.workspace import SHARED, Run, Workspace

TITLE = "A real CRISPRi screen"
BARS = (
    Bar(
        "585 × 4,000, six experiments and eight baselines, 2 cores",
        120,
        "s",
        lambda records: records["crispri"]["seconds"],
    ),
)
_ECHO = {"protocol": "held_out", "models": ["echo"]}
_ONE = {"diffusion": {"alphas": [0.75]}, "features": {"transform": "log"}}
_THREE = {"diffusion": {"alphas": [0.25, 0.5, 0.75]}, "features": {"transform": "log"}}
_EXPERIMENTS = {
    "echo": {**_ECHO, **_ONE},
    "echo_three": {**_ECHO, **_THREE},
    "echo_degree": {**_ECHO, **_ONE, "features": {"transform": "degree"}},
    "echo_base": {**_ECHO, "echo": {"kernels": []}},
    "echo_rewired": {**_ECHO, **_ONE, "network": "rewired"},
    "echo_permuted": {**_ECHO, **_ONE, "network": "permuted"},
}
#: Shuffled networks as the earlier code configures them.
_SHUFFLED = {
    f"echo_{name}": {
        **_ECHO,
        **_ONE,
        "diffusion": {"alphas": [0.75], "shuffle": shuffle},
    }
    for name, shuffle in (("rewired", "links"), ("permuted", "labels"))
}


def measure(run: Run) -> Record:
    """Run all experiments and baselines with both codes.

    Raises
    ------
    MeasurementError
        When the screen is not there.
    """
    screen = SHARED / "crispri" / "k562_delta.parquet"
    if not screen.exists():
        raise MeasurementError(f"{screen} is not there")
    folder = run.work / "crispri"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    means = folder / "means.csv"
    size = call("screens:means", responses=str(screen), output=str(means))
    links = str(SHARED / "string" / "9606.protein.{}.v11.5.txt.gz")
    files = {key: links.format(key) for key in ("links", "info")}
    workspace = Workspace(
        folder,
        {
            "dataset": {"name": "k562", "means": str(means), "truth": None, "validation": None},
            "networks": {
                "string": {"version": "11.5", **files},
                "rewired": {"of": "string", "shuffle": "links"},
                "permuted": {"of": "string", "shuffle": "labels"},
            },
            "crossval": {"scheme": "k_fold", "folds": 10, "parts": 2},
            "experiments": dict(_EXPERIMENTS),
            "submission": {"padding": 0, "sample": None},
        },
    )
    say("  today's code")
    record = recorded(workspace, workspace.snakemake())
    before = earlier(workspace, run.work / "crispri_before", **_SHUFFLED)
    record["before"] = run_earlier(before)
    record["agreement"] = call(
        "agreement:scores",
        one=str(workspace.dataset / "comparison.csv"),
        other=str(before.dataset / "comparison.csv"),
    )
    shutil.rmtree(before.path)
    return record | {key: size[key] for key in ("perturbations", "genes")}


def write(records: Records) -> Iterator[str]:
    """Write the table of the jobs of the run."""
    record = records["crispri"]
    yield (
        f"{record['perturbations']} genes silenced in K562 cells × {record['genes']:,} response "
        "genes, ten folds: `echo` with one and with three restart parameters, with another "
        "transform of the walks, without a network and on two shuffled ones, and eight baselines, "
        f"from files to the page of results. {number(record['seconds'])} s and "
        f"{number(record['memory_mb'])} MB on two cores, {beside(record)}, which draws neither a "
        "page nor figures for papers and whose `echo` has one candidate less. "
        f"Scores of the {record['agreement']['baselines']} baselines differ by "
        f"{small(record['agreement']['baseline'])} at most, those of experiments by "
        f"{small(record['agreement']['experiment'])}."
    )
    yield from table(
        ["rule", "jobs", "sum of times, s"],
        (
            [f"`{rule}`", *cells(stage, "jobs", "seconds")]
            for rule, stage in by_seconds(record["stages"])
        ),
    )

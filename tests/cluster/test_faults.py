"""What goes wrong on a cluster: the run completes, or says why not and completes the next time.

Most of a run is waiting, so all of them are under way at once, each on a cluster of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.runs import Run, on_cluster
from cluster.slurm import Slurm, cluster, wait_for

HERE = Path(__file__).parent
FOLDS = ["results/small/published/folds/2.npz", "results/small/published/folds/3.npz"]

Scenario = Callable[[Any, Slurm, Path], None]


def misbehaving(fault: str, folder: Path) -> dict[str, str]:
    """Return the environment in which the first fold that starts misbehaves."""
    return {
        "PYTHONPATH": str(HERE / "faults"),
        "ECHOES_FAULT": fault,
        "ECHOES_FAULT_FILE": str(folder / "fault"),
    }


@contextmanager
def fold_that(fault: str, work: Any, slurm: Slurm, folder: Path, *arguments: str) -> Iterator[Run]:
    """Start a run of one fold, and wait until it misbehaves."""
    target = FOLDS[0]
    with on_cluster(work, slurm, target, *arguments, **misbehaving(fault, folder)) as run:
        wait_for((folder / "fault").exists, "the fault")
        yield run


def cancelled(work: Any, slurm: Slurm, folder: Path) -> None:
    """A running job is cancelled."""
    with fold_that("hang", work, slurm, folder) as run:
        slurm.ask("scancel", slurm.running_job()["job"])
        text = run.wait()
    assert "SLURM status is: 'CANCELLED'" in text
    assert slurm.states == ["CANCELLED", "COMPLETED"]


def out_of_memory(work: Any, slurm: Slurm, folder: Path) -> None:
    """A job takes more memory than it asked for; the next one asks for more."""
    with fold_that("memory", work, slurm, folder) as run:
        run.wait()
    # What watches the memory here ends the step, and so the job fails; with control groups it
    # would be OUT_OF_MEMORY.
    assert slurm.states == ["FAILED", "COMPLETED"]
    first, second = [int(job["memory"].removesuffix("M")) for job in slurm.history()]
    assert second == 2 * first
    (log,) = (work.path / ".snakemake/slurm_logs").rglob("1.log")
    assert "exceeded memory limit" in log.read_text(encoding="utf-8")


def out_of_time(work: Any, slurm: Slurm, folder: Path) -> None:
    """A job takes longer than it asked for."""
    limit = "--set-resources=loo_fold:runtime=1"
    with fold_that("hang", work, slurm, folder, limit) as run:
        text = run.wait()
    assert "SLURM status is: 'TIMEOUT'" in text
    assert slurm.states == ["TIMEOUT", "COMPLETED"]


def node_killed(work: Any, slurm: Slurm, folder: Path) -> None:
    """The node of a running job dies."""
    with fold_that("hang", work, slurm, folder) as run:
        node = slurm.running_job()["node"]
        slurm.kill_node(node)
        text = run.wait()
    assert "failed due to a node failure" in text
    assert slurm.states == ["NODE_FAIL", "COMPLETED"]
    assert slurm.history()[1]["node"] != node


def node_drained(work: Any, slurm: Slurm, folder: Path) -> None:
    """A node is drained: its job ends there, and the next one runs elsewhere."""
    with fold_that("pause", work, slurm, folder) as run:
        node = slurm.running_job()["node"]
        slurm.ask("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
        run.wait()
    with on_cluster(work, slurm, FOLDS[1]) as run:
        run.wait()
    assert slurm.states == ["COMPLETED"] * 2
    first, second = slurm.history()
    assert first["node"] == node != second["node"]


def controller_restarted(work: Any, slurm: Slurm, folder: Path) -> None:
    """The controller goes while a job runs, and comes back."""
    with fold_that("pause", work, slurm, folder) as run:
        slurm.stop("slurmctld", kill=True)
        slurm.start_controller()
        run.wait()
    assert slurm.states == ["COMPLETED"]


def controller_away(work: Any, slurm: Slurm, folder: Path) -> None:
    """There is no controller to take a job: the run stops, and completes the next time."""
    del folder
    slurm.stop("slurmctld")
    with on_cluster(work, slurm, FOLDS[0], "--retries=0") as run:
        text = run.wait(fails=True)
    assert "SLURM sbatch failed" in text
    assert "Unable to contact slurm controller" in text
    slurm.start_controller()
    slurm.wait_until_idle()
    with on_cluster(work, slurm, FOLDS[0]) as run:
        run.wait()


def interrupted(work: Any, slurm: Slurm, folder: Path) -> None:
    """Snakemake itself is killed while a job runs: the next run makes the fold again."""
    with fold_that("hang", work, slurm, folder) as run:
        run.process.kill()
        run.process.wait()
    slurm.ask("scancel", slurm.running_job()["job"])
    with on_cluster(work, slurm, "--unlock") as run:
        run.wait()
    with on_cluster(work, slurm, FOLDS[0]) as run:
        run.wait()
    assert slurm.states == ["CANCELLED", "COMPLETED"]


SCENARIOS: tuple[Scenario, ...] = (
    out_of_time,
    out_of_memory,
    node_killed,
    cancelled,
    node_drained,
    controller_restarted,
    controller_away,
    interrupted,
)


@pytest.fixture(scope="module")
def under_way(
    reference: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Scenario, Future[Any]]]:
    """Start all scenarios, a few at a time; each gives its folder when it is over."""

    def play(scenario: Scenario, folder: Path) -> Any:
        work = reference.copy(folder / "main")
        for fold in FOLDS:
            (work.path / fold).unlink()
        with cluster(folder) as slurm:
            scenario(work, slurm, folder)
        return work

    with ThreadPoolExecutor(max_workers=3) as pool:
        names = {scenario: scenario.__name__ for scenario in SCENARIOS}
        yield {
            scenario: pool.submit(play, scenario, tmp_path_factory.mktemp(name))
            for scenario, name in names.items()
        }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_run_survives(
    scenario: Scenario, under_way: dict[Scenario, Future[Any]], reference: Any
) -> None:
    work = under_way[scenario].result()
    for fold in FOLDS:
        path = work.path / fold
        if path.exists():
            with np.load(path) as ours, np.load(reference.path / fold) as theirs:
                assert ours.files == theirs.files
                for name in set(ours.files) - {"seconds"}:
                    assert ours[name].tobytes() == theirs[name].tobytes(), name
    assert (work.path / FOLDS[0]).exists()

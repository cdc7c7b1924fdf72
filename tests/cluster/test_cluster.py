"""The workflow on a cluster: the same bytes as on one computer, and what may go wrong.

A run with a fault is mostly waiting, so these are under way beside the other tests, a few at a
time and each on a cluster of its own; the last tests look at how they went.
"""

from __future__ import annotations

import csv
import re
import shlex
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cluster.runs import Run, on_cluster, snakemake
from cluster.slurm import Slurm, cluster, wait_for
from echoes.plan.settings import overlay
from workflow.conftest import ALONE, ECHO, ROOT

HERE = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared"
KNOCKOUT = ROOT / "tests/workflow/knockout.yaml"
COMPARISON = ("comparison.csv", "comparison.md", "differences.csv")
PUBLISHED = (
    *("oof_predictions.csv", "fold_scores.csv", "submission.csv"),
    *("predictions.npz", "figure.png", "figure.pdf"),
)
HELD_OUT = (*PUBLISHED, "calibration.csv", "uncertainty.parquet")
#: What is made of screens other than the example, and compared.
COMPARED = (*COMPARISON, *(f"echo/{name}" for name in HELD_OUT))
TABLES = (
    *COMPARISON,
    *(f"published/{name}" for name in PUBLISHED),
    *(f"echo/{name}" for name in HELD_OUT),
)
#: A submit command of some other scheduler: it runs the job and prints its process.
SUBMIT = """#!/bin/sh
"$@" > "$0.$$.log" 2>&1 &
echo $!
"""
FOLD = "results/example/published/folds/2.npz"
#: Of the real data what takes seconds: echo, and two baselines.
AFFORDABLE = {
    "experiments": {
        **dict.fromkeys((*ALONE, "published", "three_alphas", "ridge_alone")),
        "echo": ECHO | {"diffusion": {"alphas": [0.75]}, "crossval": {"parts": 2}},
    },
    "baselines": ["mean", "reweighted_median"],
}

#: The plan of docs/scale.md for ten thousand perturbations, of fewer: enough for the race of
#: candidates and for single precision.
LARGE = {
    "simulation": {
        "network_genes": 1200,
        "network_links": 6000,
        "perturbations": 550,
        "validation_genes": 3,
        "response_genes": 300,
    },
    "crossval": {"scheme": "k_fold", "folds": 5, "parts": 5},
    "experiments": {
        **dict.fromkeys((*ALONE, "published")),
        "echo": ECHO | {"diffusion": {"alphas": [0.25]}, "inner_crossval": {"folds": 3}},
    },
    "baselines": ["mean", "nearest"],
    "export": [],
}

Scenario = Callable[[Any, Slurm, Path], None]


def assert_same_tables(work: Any, other: Any, names: Iterable[str]) -> None:
    for name in names:
        one, two = (each.file(name, "").read_bytes() for each in (work, other))
        assert one == two, name


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
    with on_cluster(work, slurm, FOLD, *arguments, **misbehaving(fault, folder)) as run:
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
    # Twice as much, where both are rounded to whole megabytes.
    assert second >= 2 * (first - 1)
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
    """A node is drained: its job ends there, and others run elsewhere."""
    with fold_that("pause", work, slurm, folder) as run:
        node = slurm.running_job()["node"]
        slurm.ask("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
        slurm.ask("srun", "true")
        run.wait()
    first, second = slurm.history()
    assert first["state"] == second["state"] == "COMPLETED"
    assert first["node"] == node != second["node"]


def controller_restarted(work: Any, slurm: Slurm, folder: Path) -> None:
    """The controller is restarted while a job runs; it writes down the state that it leaves."""
    with fold_that("pause", work, slurm, folder) as run:
        slurm.stop("slurmctld")
        slurm.start_controller()
        run.wait()
    assert slurm.states == ["COMPLETED"]


def controller_away(work: Any, slurm: Slurm, folder: Path) -> None:
    """There is no controller to take a job: the run stops, and completes the next time."""
    del folder
    slurm.stop("slurmctld")
    with on_cluster(work, slurm, FOLD, "--retries=0") as run:
        text = run.wait(fails=True)
    assert "Unable to contact slurm controller" in text
    slurm.start_controller()
    slurm.wait_until_idle()
    with on_cluster(work, slurm, FOLD) as run:
        run.wait()


def interrupted(work: Any, slurm: Slurm, folder: Path) -> None:
    """Snakemake itself is killed while a job runs: the next run makes the fold again."""
    with fold_that("hang", work, slurm, folder) as run:
        run.process.kill()
        run.process.wait()
    slurm.ask("scancel", slurm.running_job()["job"])
    with on_cluster(work, slurm, "--unlock") as run:
        run.wait()
    with on_cluster(work, slurm, FOLD) as run:
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
def pool() -> Iterator[ThreadPoolExecutor]:
    """Provide threads for the runs that are under way beside the tests."""
    with ThreadPoolExecutor(max_workers=5) as threads:
        yield threads


@pytest.fixture(scope="module")
def selected(request: pytest.FixtureRequest) -> set[Any]:
    """The tests and the scenarios that this session runs."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    scenarios = [item.callspec.params["scenario"] for item in items if hasattr(item, "callspec")]
    return {*scenarios, *(item.function for item in items)}


def tables(work: Any) -> list[str]:
    """List the paths of what is compared."""
    return [str(work.file(name, "").relative_to(work.path)) for name in COMPARED]


def results_of(
    work: Any, folder: Path, *targets: str, **environment: str
) -> tuple[Counter[str], int, int]:
    """Run on a cluster what is given, or else everything.

    Returns the states of the jobs, and how many submissions and arrays there were.
    """
    with cluster(folder) as slurm:
        with on_cluster(work, slurm, *targets, **environment) as run:
            text = run.wait()
        return Counter(slurm.states), slurm.submissions(), text.count("Submitted array job")


@pytest.fixture(scope="module", autouse=True)
def under_way(
    pool: ThreadPoolExecutor,
    selected: set[Any],
    pristine: Any,
    prepared: Any,
    reference: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Any, Future[Any]]:
    """Start all that this session runs; each gives its folder when it is over."""

    def example(folder: Path) -> Any:
        work = prepared.copy(folder / "main")
        states, submissions, arrays = results_of(work, folder, **misbehaving("memory", folder))
        # All folds are one submission and so are all parts of echo; that of the mean goes before,
        # as it needs no kernels. The others may be heavy. One fold of the array takes too much
        # memory, and is tried again alone.
        # One job scores the baselines. The last ones export the predictions of the experiments,
        # draw and write the page.
        assert states == {"COMPLETED": 5 + 6 + 4 + 1 + 5 + 2 + 2, "FAILED": 1}
        assert (submissions, arrays) == (5 + 1 + 1 + 1 + 1 + 5 + 1 + 2 + 2, 2)
        return work

    def shared(folder: Path) -> tuple[Any, Any]:
        works = []
        for name in ("cluster", "local"):
            place = folder / name
            place.mkdir()
            (place / "shared").symlink_to(SHARED)
            works.append(prepared.copy(place / "main"))
            works[-1].settings = overlay(yaml.safe_load(KNOCKOUT.read_text()), AFFORDABLE)
        states, submissions, arrays = results_of(works[0], folder, *tables(works[0]))
        assert states == {"COMPLETED": 3 + 5 + 1 + 3}
        # The parts of echo are an array; the baselines go before, together or one by one, and are
        # scored by a job of their own.
        assert (submissions, arrays) in ((3 + 1 + 1 + 1 + 3, 2), (3 + 1 + 2 + 1 + 3, 1))
        works[1].snakemake(*tables(works[1]), cores=2)
        return works[0], works[1]

    def large(folder: Path) -> tuple[Any, Any]:
        works = [pristine.copy(folder / name / "main") for name in ("cluster", "local")]
        for work in works:
            work.change(**LARGE)
        states, _, arrays = results_of(works[0], folder, *tables(works[0]))
        assert set(states) == {"COMPLETED"}
        assert arrays in (1, 2)
        works[1].snakemake(*tables(works[1]), cores=2)
        return works[0], works[1]

    def play(scenario: Scenario) -> Callable[[Path], Any]:
        def run(folder: Path) -> Any:
            work = reference.copy(folder / "main")
            (work.path / FOLD).unlink()
            with cluster(folder) as slurm:
                scenario(work, slurm, folder)
            return work

        return run

    # The longest goes first.
    runs: dict[Any, Callable[[Path], Any]] = {test_the_embedded_example: example}
    runs[test_a_large_screen] = large
    if (SHARED / "data").is_dir():
        runs[test_the_shared_data] = shared
    runs |= {scenario: play(scenario) for scenario in SCENARIOS}
    return {
        key: pool.submit(run, tmp_path_factory.mktemp(key.__name__))
        for key, run in runs.items()
        if key in selected
    }


def test_eighty_folds_are_two_submissions_and_an_interrupt_cancels_them(
    pristine: Any, tmp_path: Path
) -> None:
    work = pristine.copy(tmp_path / "main")
    work.change(
        simulation={
            "network_genes": 200,
            "network_links": 600,
            "perturbations": 80,
            "validation_genes": 3,
            "response_genes": 100,
        },
        response={"n_components": 3},
        experiments={"published": {"models": ["ridge"]}, **ALONE},
        baselines=[],
    )
    folder = "results/example/published"
    names = ("features.npz", "components.npz", "settings.json")
    work.snakemake(*(f"{folder}/{name}" for name in names), cores=2)
    # In the background of a shell interrupts are ignored, and so would Snakemake.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with cluster(tmp_path) as slurm:
        with on_cluster(work, slurm) as run:
            wait_for(lambda: run.text.count("Submitted array job") == 2, "the submissions")
            assert len(slurm.states) == 80
            run.process.send_signal(signal.SIGINT)
            run.wait(fails=True)
        assert slurm.submissions() == 2
        wait_for(lambda: not {"PENDING", "RUNNING"} & set(slurm.states), "the end of the jobs")


def test_one_allocation_runs_everything(prepared: Any, reference: Any, tmp_path: Path) -> None:
    work = prepared.copy(tmp_path / "main")
    command = work.command("--cores=2", *(f"results/example/{name}" for name in TABLES))
    with cluster(tmp_path) as slurm:
        slurm.ask(
            *("sbatch", "--cpus-per-task=2", f"--chdir={work.path}", "--output=job.log"),
            f"--wrap={shlex.join(command)}",
        )
        wait_for(lambda: slurm.states == ["COMPLETED"], "the job")
    assert_same_tables(work, reference, TABLES)


def test_another_scheduler(reference: Any, tmp_path: Path) -> None:
    work = reference.copy(tmp_path / "main")
    (work.path / FOLD).unlink()
    submit = tmp_path / "submit"
    submit.write_text(SUBMIT, encoding="utf-8")
    submit.chmod(0o755)
    with snakemake(
        work,
        *("--executor=cluster-generic", "--jobs=10", FOLD),
        f"--cluster-generic-submit-cmd={submit}",
    ) as run:
        text = run.wait()
    assert re.search(r"external jobid '\d+'", text)
    assert (work.path / FOLD).exists()


def test_the_embedded_example(under_way: dict[Any, Future[Any]], reference: Any) -> None:
    work = under_way[test_the_embedded_example].result()
    assert_same_tables(work, reference, TABLES)
    assert work.planned() == {}
    (log,) = work.path.glob("run*.log")
    text = log.read_text(encoding="utf-8")
    assert re.search(
        r"^\[.*\] loo_fold: published, .*; 6 of 6 folds of this stage$", text, re.MULTILINE
    )
    # At the end what the folds asked for stands beside what they used.
    table = (work.path / "benchmarks/example/resources.csv").read_text(encoding="utf-8")
    assert re.search(r"^loo_fold,published,6,0,\d{4},", table, re.MULTILINE), table
    assert re.search(r"^loo_fold +published +6 +0 +\d{4} ", text, re.MULTILINE), text


def test_the_shared_data(under_way: dict[Any, Future[Any]]) -> None:
    if test_the_shared_data not in under_way:
        pytest.skip(f"the real data are not there: {SHARED}")
    work, local = under_way[test_the_shared_data].result()
    assert_same_tables(work, local, COMPARED)


def test_a_large_screen(under_way: dict[Any, Future[Any]]) -> None:
    work, local = under_way[test_a_large_screen].result()
    assert_same_tables(work, local, COMPARED)
    # No job of the profile's plan takes more than it asks for; the race was run.
    table = (work.path / "benchmarks/example/resources.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    assert {row["rule"] for row in rows} > {"predict_held_out", "compare_experiments"}
    assert all(float(row["memory_share"] or 0) < 1 for row in rows)
    log = work.path / "logs/example/echo/held_out/0.log"
    assert "clearly behind" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_fault(scenario: Scenario, under_way: dict[Any, Future[Any]], reference: Any) -> None:
    work = under_way[scenario].result()
    with np.load(work.path / FOLD) as ours, np.load(reference.path / FOLD) as theirs:
        assert ours.files == theirs.files
        # How long it took is written into it.
        for name in set(ours.files) - {"seconds"}:
            assert ours[name].tobytes() == theirs[name].tobytes(), name

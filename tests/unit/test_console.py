"""What the terminal shows of a run, from records like Snakemake's and values worked out by hand."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from echoes.report.console import (
    HIDDEN_EVENTS,
    HIDDEN_MESSAGES,
    JobLines,
    Stage,
    describe_job,
    time_left,
)


class Run:
    """A logger with a terminal and a log file, as Snakemake's is, and the records of a run."""

    def __init__(self, folder: Path) -> None:
        self.logger = logging.Logger("run", logging.INFO)
        self.stream = io.StringIO()
        self.terminal = logging.StreamHandler(self.stream)
        self.log = folder / "run.log"
        for handler in (self.terminal, logging.FileHandler(self.log, encoding="utf-8")):
            self.logger.addHandler(handler)
        self.lines = JobLines(self.logger.info)
        self.logger.addHandler(self.lines)
        self.time = 1000.0

    @property
    def shown(self) -> list[str]:
        """The lines on the terminal."""
        return self.stream.getvalue().splitlines()

    def log_record(self, message: str, level: int = logging.INFO, **fields: Any) -> None:
        """Log a message at the present time."""
        values = {"msg": message, "levelno": level, "created": self.time, **fields}
        self.logger.handle(logging.makeLogRecord(values))

    def begin(self, **jobs: int) -> None:
        """Log how many jobs of each rule the run has, and start it."""
        stats = {**jobs, "total": sum(jobs.values())}
        self.log_record("Job stats", event=LogEvent.RUN_INFO, stats=stats)
        self.lines.show(self.logger.handlers)

    def start(self, job: int, rule: str, *, output: bool = True, **wildcards: str) -> None:
        """Log that a job starts."""
        self.log_record("Select jobs to execute...")
        self.log_record("Execute 1 jobs...", event=LogEvent.JOB_STARTED, jobs=[job])
        self.log_record(
            f"rule {rule}",
            event=LogEvent.JOB_INFO,
            jobid=job,
            rule_name=rule,
            wildcards=wildcards,
            output=["file"] if output else [],
        )

    def finish(self, *jobs: int, done: int, total: int) -> None:
        """Log that jobs have finished, and the progress."""
        for job in jobs:
            self.log_record(f"Finished {job}", event=LogEvent.JOB_FINISHED, job_id=job)
        self.log_record("steps done", event=LogEvent.PROGRESS, done=done, total=total)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run that has not begun."""
    started = Run(tmp_path)
    yield started
    for handler in started.logger.handlers:
        handler.close()


def test_a_line_for_each_finished_job(run: Run) -> None:
    run.begin(build_network=1, diffuse=2, all=1)
    run.start(3, "build_network", network="string")
    run.time += 1.26
    run.finish(3, done=1, total=4)
    run.start(1, "diffuse", network="string", alpha="0.25")
    run.start(2, "diffuse", network="string", alpha="0.5")
    run.time += 75
    # A group of jobs ends at once.
    run.finish(1, 2, done=3, total=4)
    assert not run.lines.complete
    run.start(0, "all", output=False)
    run.finish(0, done=4, total=4)
    assert run.lines.complete
    assert run.shown == [
        "Job stats",
        "[1 of 4] build_network: string, 1.3 s",
        "[2 of 4] diffuse: string, alpha 0.25, 75 s",
        "[3 of 4] diffuse: string, alpha 0.5, 75 s",
        "[4 of 4] all: all files are there",
    ]
    log = run.log.read_text(encoding="utf-8")
    for message in ("Select jobs to execute...", "rule diffuse", "Finished 3", "steps done"):
        assert message in log


def test_a_long_run_says_at_its_start_when_the_time_left_is_known(run: Run) -> None:
    run.begin(predict_held_out=30, diffuse=2, all=1)
    (line,) = run.shown[1:]
    assert line.startswith("30 of these jobs fit models, which takes longest; the time left")


def test_folds_are_counted_once_the_checkpoint_has_added_them(run: Run) -> None:
    run.begin(read_perturbations=1, predict_held_out=2, aggregate_folds=1)
    run.start(5, "read_perturbations")
    run.finish(5, done=1, total=4)
    for fold in range(4):
        run.start(10 + fold, "loo_fold", experiment="published", fold=str(fold))
        run.time += 6
        run.finish(10 + fold, done=2 + fold, total=8)
    run.start(6, "predict_held_out", experiment="e", part="0")
    run.time += 30
    run.finish(6, done=6, total=8)
    # The stage's clock stands still while another stage runs.
    run.time += 1000
    run.start(7, "predict_held_out", experiment="echo", part="validation")
    run.time += 200
    run.finish(7, done=7, total=8)
    assert run.shown[2:] == [
        "[2 of 8] loo_fold: published, fold 0, 6.0 s; 1 of 4 folds of this stage",
        "[3 of 8] loo_fold: published, fold 1, 6.0 s; 2 of 4 folds of this stage, about 12 s left",
        "[4 of 8] loo_fold: published, fold 2, 6.0 s; 3 of 4 folds of this stage, about 6 s left",
        "[5 of 8] loo_fold: published, fold 3, 6.0 s; 4 of 4 folds of this stage",
        "[6 of 8] predict_held_out: e, part 0, 30 s; 1 of 2 parts of this stage, about 30 s left",
        "[7 of 8] predict_held_out: echo, validation, 3 min; 2 of 2 parts of this stage",
    ]


def test_the_clock_of_a_stage_stands_still_while_none_of_its_jobs_runs() -> None:
    stage = Stage()
    stage.start(1, 100)
    stage.start(2, 105)
    stage.end(1, 110)
    stage.end(2, 120, failed=True)
    stage.start(2, 500)
    stage.end(2, 507)
    assert stage.ends == [10, 27]


def test_failures_and_warnings_are_shown(run: Run) -> None:
    run.begin(loo_fold=2)
    run.start(1, "loo_fold", fold="0")
    run.log_record("Error in rule loo_fold", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=1)
    run.log_record("Trying to restart job 1.")
    run.log_record("Select jobs to execute...", logging.WARNING)
    run.start(1, "loo_fold", fold="0")
    run.time += 2
    run.finish(1, done=1, total=2)
    assert run.shown[1:] == [
        "Error in rule loo_fold",
        "Trying to restart job 1.",
        "Select jobs to execute...",
        "[1 of 2] loo_fold: fold 0, 2.0 s; 1 of 2 folds of this stage, about 2 s left",
    ]


def test_nothing_is_hidden_or_written_before_it_is_asked_for(run: Run) -> None:
    run.start(0, "compare_experiments")
    run.finish(0, done=1, total=1)
    assert run.shown == [
        "Select jobs to execute...",
        "Execute 1 jobs...",
        "rule compare_experiments",
        "Finished 0",
        "steps done",
    ]
    # The results of such a run are summed up nevertheless.
    assert run.lines.complete


def test_without_a_terminal_nothing_is_written(run: Run) -> None:
    run.logger.removeHandler(run.terminal)
    run.begin(diffuse=1)
    run.start(0, "diffuse")
    run.finish(0, done=1, total=1)
    assert "[1 of 1]" not in run.log.read_text(encoding="utf-8")


def test_a_record_that_is_not_understood_gives_snakemakes_messages_back(run: Run) -> None:
    run.begin(diffuse=2)
    run.log_record("odd", event=LogEvent.JOB_FINISHED)
    run.start(1, "diffuse")
    run.finish(1, done=1, total=2)
    assert run.shown[1].startswith("Cannot follow the jobs of this run")
    assert run.shown[-2:] == ["Finished 1", "steps done"]


def test_a_line_that_cannot_be_written_leaves_the_run_alone(run: Run) -> None:
    def fail(line: str) -> None:
        raise OSError(line)

    run.lines.write = fail
    run.begin(diffuse=1)
    run.start(1, "diffuse")
    run.finish(1, done=1, total=1)


def test_snakemake_has_these_events_and_messages() -> None:
    assert {str(event) for event in LogEvent} >= HIDDEN_EVENTS | {"run_info", "job_error"}
    package = find_spec("snakemake")
    assert package is not None
    assert package.origin is not None
    sources = [
        path.read_text(encoding="utf-8") for path in Path(package.origin).parent.rglob("*.py")
    ]
    for message in HIDDEN_MESSAGES:
        assert any(message in source for source in sources), message


@pytest.mark.parametrize(
    ("wildcards", "name"),
    [
        ({}, "rule"),
        ({"part": "2", "experiment": "echo"}, "rule: echo, part 2"),
        ({"network": "string", "alpha": "1e-3"}, "rule: string, alpha 1e-3"),
        ({"rewired": "_rewired"}, "rule: rewired"),
        ({"rewired": "", "experiment": "echo"}, "rule: echo"),
    ],
)
def test_names_of_jobs(wildcards: dict[str, str], name: str) -> None:
    assert describe_job("rule", wildcards) == name


@pytest.mark.parametrize(
    ("ends", "jobs", "seconds"),
    [
        # Nothing has ended, or nothing is left.
        ([], 5, None),
        ([2.0, 2.0], 0, None),
        # Two at once: only when a third has ended is it known that the others were not under way.
        ([10.0], 9, None),
        ([10.0, 10.1], 8, None),
        ([10.0, 10.1, 20.0], 7, 7 * 20 / 3),
        ([10.0, 10.1, 20.0, 20.2], 6, 6 * 20.2 / 4),
        # All at once: nothing is told until half of them have ended.
        ([60.0, 61.0, 62.0], 4, None),
        ([60.0, 61.0, 62.0, 63.0], 4, 63.0),
        ([60.0, 61.0, 62.0, 63.0, 64.0], 3, 3 * 64 / 5),
        # One of two.
        ([5.0], 1, 5.0),
    ],
)
def test_time_left(ends: list[float], jobs: int, seconds: float | None) -> None:
    assert time_left(ends, jobs) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("workers", [1, 2, 7, 40, 64, 100])
def test_too_long_at_first_but_never_too_short(workers: int) -> None:
    length, total = 30.0, 80
    ends = [length * (1 + job // workers) for job in range(total)]
    told = 0
    for done in range(1, total):
        seconds = time_left(ends[:done], total - done)
        if seconds is not None:
            left = ends[-1] - ends[done - 1]
            assert left - length <= seconds <= 2 * (left + length)
            told += 1
    assert told >= total / 2 - 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (9.4, "9 s"), (89.4, "89 s"), (190, "3 min"), (2.5 * 3600, "2.5 h")],
)
def test_the_unit_of_the_time_left(seconds: float, text: str) -> None:
    assert (
        Stage(2, [seconds]).describe("parts") == f"; 1 of 2 parts of this stage, about {text} left"
    )

"""The progress of a run on the terminal: a line for each finished job.

Snakemake reports each step of a run as a log record with an event. `JobLines` reads these records
and writes one line for each job that has finished; `JobLines.show` hides the records for which
Snakemake itself would write several lines.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

#: Rules with many jobs → what their jobs are; the lines of these jobs show the time left.
STAGES = {"loo_fold": "folds", "predict_held_out": "parts"}
#: The rule whose jobs are added to the run once the perturbations have been read.
ADDED_LATER = "loo_fold"
#: From this number of such jobs on, a run says at its start that they take longest.
MANY = 10
#: Events (`LogEvent` of Snakemake's logger plugins) that `JobLines` writes in its own way.
HIDDEN_EVENTS = frozenset(
    {"group_info", "job_finished", "job_info", "job_started", "progress", "shellcmd"}
)
#: Messages without an event between the jobs, which a reader does not need.
HIDDEN_MESSAGES = frozenset(
    {
        "DAG of jobs will be updated after completion.",
        "Select jobs to execute...",
        "Updating checkpoint dependencies.",
    }
)


@dataclass
class Stage:
    """Progress of the jobs of one rule.

    Attributes
    ----------
    jobs
        Number of jobs of this rule in the run; 0 if unknown.
    ends
        End time of each finished job, in order. The clock, in seconds, starts with the first job
        of the rule and stops while none of its jobs is running.
    running
        Numbers of the jobs that are running.
    """

    jobs: int = 0
    ends: list[float] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    _busy: float = 0.0
    _latest: float = 0.0

    def start(self, job: int, time: float) -> None:
        """Note that a job started."""
        self._advance(time)
        self.running.add(job)

    def end(self, job: int, time: float, *, failed: bool = False) -> None:
        """Note that a job ended."""
        self._advance(time)
        self.running.discard(job)
        if not failed:
            self.ends.append(self._busy)

    def describe(self, unit: str) -> str:
        """Write the number of finished jobs and, if it can be estimated, the time left."""
        done = len(self.ends)
        if self.jobs <= 1 or done > self.jobs:
            return ""
        seconds = time_left(self.ends, self.jobs - done)
        left = "" if seconds is None else f", about {_duration(max(seconds, 1), 0)} left"
        return f"; {done} of {self.jobs} {unit} of this stage{left}"

    def _advance(self, time: float) -> None:
        """Move the clock."""
        if self.running:
            self._busy += max(time - self._latest, 0)
        self._latest = time


@dataclass(frozen=True)
class Job:
    """A job that has started: its rule, its name for the reader, and its start in seconds."""

    rule: str
    name: str
    start: float
    gathers: bool


class JobLines(logging.Handler):
    """Write one line for each finished job.

    It must be a handler of Snakemake's logger before the run starts. It writes nothing before
    `show`, which a dry run and the jobs on other machines never call.

    Parameters
    ----------
    write
        Called with each line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self.write = write
        self.complete = False
        self._shown = False
        self._terminals: list[logging.Handler] = []
        self._stages = {rule: Stage() for rule in STAGES}
        self._running: dict[int, Job] = {}
        self._finished: list[tuple[Job, float]] = []
        self._total: int | None = None

    def show(self, handlers: Iterable[logging.Handler]) -> None:
        """Start to write lines, and hide Snakemake's messages about jobs from the terminal.

        Parameters
        ----------
        handlers
            Handlers of Snakemake's logger. Log files and logger plugins keep all records. No line
            is written if none of the handlers writes to the terminal (a plugin may do so instead).
        """
        self._terminals = [
            handler
            for handler in handlers
            if isinstance(handler, logging.StreamHandler)
            and not isinstance(handler, logging.FileHandler)
        ]
        for handler in self._terminals:
            handler.addFilter(is_shown)
        self._shown = bool(self._terminals)
        fits = sum(stage.jobs for stage in self._stages.values())
        if self._shown and fits >= MANY:
            self.write(
                f"{fits} of these jobs fit models, which takes longest; the time left is shown "
                "once some of them have ended."
            )

    def hide(self) -> None:
        """Stop writing lines, and show Snakemake's messages on the terminal again."""
        self._shown = False
        for handler in self._terminals:
            handler.removeFilter(is_shown)

    def emit(self, record: logging.LogRecord) -> None:
        """Process a record of Snakemake's logger. An error here never stops the run."""
        understood = False
        with suppress(Exception):
            self._follow(record)
            understood = True
        if not understood and self._shown:
            self.hide()
            with suppress(Exception):
                self.write("Cannot follow the jobs of this run; Snakemake's messages follow.")

    def _follow(self, record: Any) -> None:
        """Note which jobs start and end; write the lines when Snakemake reports its progress."""
        event = getattr(record, "event", None)
        if event == "run_info":
            self._total = record.stats.get("total")
            for rule, stage in self._stages.items():
                stage.jobs = record.stats.get(rule, 0)
        elif event == "job_info":
            name = describe_job(record.rule_name, record.wildcards)
            self._running[record.jobid] = Job(
                record.rule_name, name, record.created, gathers=not record.output
            )
            if record.rule_name in self._stages:
                self._stages[record.rule_name].start(record.jobid, record.created)
        elif event == "job_error":
            job = self._running.pop(record.jobid, None)
            if job is not None and job.rule in self._stages:
                self._stages[job.rule].end(record.jobid, record.created, failed=True)
        elif event == "job_finished":
            self._finish(record.job_id, record.created)
        elif event == "progress":
            self._write_lines(record.done, record.total)

    def _finish(self, number: int, time: float) -> None:
        """Store a finished job until Snakemake reports the progress."""
        job = self._running.pop(number, None)
        if job is None:
            return
        if job.rule in self._stages:
            self._stages[job.rule].end(number, time)
        self.complete |= job.gathers or job.rule == "compare_experiments"
        self._finished.append((job, time - job.start))

    def _write_lines(self, done: int, total: int) -> None:
        """Write the lines of all jobs that finished since the last progress."""
        if self._total is not None:
            self._stages[ADDED_LATER].jobs += total - self._total
        self._total = total
        finished, self._finished = self._finished, []
        if not self._shown:
            return
        for number, (job, seconds) in enumerate(finished, done - len(finished) + 1):
            if job.gathers:
                text = f"{job.name}: all files are there"
            else:
                separator = ", " if ": " in job.name else ": "
                text = f"{job.name}{separator}{_duration(seconds)}"
            if job.rule in self._stages:
                text += self._stages[job.rule].describe(STAGES[job.rule])
            self.write(f"[{number:{len(str(total))}} of {total}] {text}")


def is_shown(record: logging.LogRecord) -> bool:
    """Return whether the terminal shows a record of Snakemake; warnings and errors always."""
    if record.levelno >= logging.WARNING:
        return True
    event = getattr(record, "event", None)
    return event not in HIDDEN_EVENTS and (
        event is not None or record.getMessage() not in HIDDEN_MESSAGES
    )


def describe_job(rule: str, wildcards: Mapping[str, str]) -> str:
    """Name a job for the reader: `predict_held_out: echo, part 2`.

    Parameters
    ----------
    rule
        The rule's name.
    wildcards
        Values of the rule's wildcards. The experiment comes first; numbers follow the name of
        their wildcard, other values stand alone.
    """
    words = []
    for name in sorted(wildcards, key="experiment".__ne__):
        value = wildcards[name].strip("_")
        if value:
            words.append(f"{name} {value}" if _is_number(value) else value)
    return f"{rule}: {', '.join(words)}" if words else rule


def time_left(ends: Sequence[float], jobs: int) -> float | None:
    """Estimate the time for the remaining jobs, from the pace of the jobs that have ended.

    It is unknown how many jobs run at the same time, so the first ends alone do not show the pace.
    There is no estimate until as much time has passed since the first end as before it, or as many
    jobs have ended as are left. Running jobs count as not started: at first the estimate is too
    long, by a factor of up to 2. If all jobs take equally long, it is never too short by more than
    one job.

    Parameters
    ----------
    ends
        End times of jobs of the same kind, in order; seconds since the first of them started.
    jobs
        Number of jobs that are left.

    Returns
    -------
    float or None
        Seconds from the last end on; None where there is no estimate, or no job is left.
    """
    if not jobs or not ends or (ends[-1] < 2 * ends[0] and len(ends) < jobs):
        return None
    return jobs * ends[-1] / len(ends)


def _is_number(value: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def _duration(seconds: float, digits: int = 1) -> str:
    """Write a time in s, min or h; below 9.95 s with this number of decimals."""
    if seconds < 90:
        return f"{max(seconds, 0):.{digits if seconds < 9.95 else 0}f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"

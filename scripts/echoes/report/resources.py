"""What jobs asked for and what they used, by Snakemake's benchmarks of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echoes.io.errors import InputError

#: Folders of benchmarks that are not named after their rules.
FOLD_RULES = {"folds": "loo_fold", "held_out": "predict_held_out"}
COLUMNS = (
    *("rule", "experiment", "jobs", "input_mb"),
    *("requested_mb", "used_mb", "memory_share"),
    *("requested_min", "longest_min", "time_share", "processor_s"),
)


@dataclass(frozen=True)
class Job:
    """A job that ended well; what is not known is None.

    Attributes
    ----------
    rule
        Name of its rule.
    experiment
        Whose folds it makes; empty for other jobs.
    minutes
        How long it took.
    used_mb
        The most memory that Snakemake saw it take, in MB.
    processor_s
        Processor time that Snakemake saw it take, in seconds.
    requested_mb, requested_min
        Memory in MB and time in minutes that it asked for.
    input_mb
        Size of its input files in MB.
    """

    rule: str
    experiment: str
    minutes: float
    used_mb: float | None
    processor_s: float | None
    requested_mb: float | None = None
    requested_min: float | None = None
    input_mb: float | None = None


def read_benchmarks(folder: Path, rules: Sequence[str]) -> list[Job]:
    """Read all benchmarks of a folder, in the order of their paths.

    Parameters
    ----------
    folder
        Where Snakemake has written them, of one data set or of several.
    rules
        Names of the rules; benchmarks that are not extended tell theirs by their paths alone.

    Raises
    ------
    InputError
        When there is none, or one is no benchmark.
    """
    paths = sorted(folder.rglob("*.tsv"))
    if not paths:
        raise InputError(
            folder,
            "",
            "no benchmark",
            expected="the .tsv files that a run writes",
            remedy="Run the workflow first, or name the folder of its benchmarks.",
        )
    return [
        _job(path, path.relative_to(folder).with_suffix("").parts, rules, record)
        for path in paths
        for record in _records(path)
    ]


def _records(path: Path) -> list[dict[str, str]]:
    """Split a benchmark into its records, by column."""
    # Nothing in it is quoted.
    header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    columns = header.split("\t")
    missing = sorted({"s", "max_rss", "cpu_time"} - set(columns))
    if missing:
        raise _damaged(path, "line 1", f"no column {missing[0]}", "a benchmark of Snakemake")
    records = []
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            expected = f"{len(columns)}, as in line 1"
            raise _damaged(path, f"line {number}", f"{len(cells)} cells", expected)
        records.append(dict(zip(columns, cells, strict=True)))
    return records


def _job(path: Path, parts: Sequence[str], rules: Sequence[str], record: Mapping[str, str]) -> Job:
    """Read one record."""
    name = record.get("rule_name") or _rule(parts, rules)
    in_folds = len(parts) > 2 and parts[-2] in FOLD_RULES
    seconds = _number(path, record, "s")
    if seconds is None:
        raise _damaged(path, "column s", repr(record["s"]), "the seconds that the job took")
    requested = _mapping(path, record, "resources")
    sizes = _mapping(path, record, "input_size_mb")
    return Job(
        rule=name,
        experiment=parts[-3] if in_folds else "",
        minutes=seconds / 60,
        used_mb=_number(path, record, "max_rss"),
        processor_s=_number(path, record, "cpu_time"),
        requested_mb=_amount(requested, "mem_mb"),
        requested_min=_amount(requested, "runtime"),
        input_mb=sum(sizes.values()) if sizes else None,
    )


def _rule(parts: Sequence[str], rules: Sequence[str]) -> str:
    """Tell a benchmark's rule by its path: the innermost part that begins with a rule's name."""
    for part in reversed(parts):
        if part in FOLD_RULES:
            return FOLD_RULES[part]
        named = [name for name in rules if re.match(rf"{re.escape(name)}(?![a-z])", part)]
        if named:
            return max(named, key=len)
    return parts[-1]


def _number(path: Path, record: Mapping[str, str], column: str) -> float | None:
    """Read a number; NA where a job was too short to be looked at."""
    if record[column] in ("NA", "-"):
        return None
    try:
        return float(record[column])
    except ValueError:
        raise _damaged(path, f"column {column}", repr(record[column]), "a number or NA") from None


def _mapping(path: Path, record: Mapping[str, str], column: str) -> dict[str, Any]:
    """Read a mapping in Python's notation, empty where the benchmark is not extended."""
    text = record.get(column, "{}")
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        found = None
    if not isinstance(found, dict):
        raise _damaged(path, f"column {column}", repr(text), "a mapping of names to values")
    return found


def _amount(requested: Mapping[str, Any], name: str) -> float | None:
    """Return an amount that was asked for, if it was."""
    amount = requested.get(name)
    return float(amount) if isinstance(amount, int | float) else None


def _damaged(path: Path, place: str, problem: str, expected: str) -> InputError:
    """Make the error for a file that is no benchmark."""
    remedy = "Delete the file; a run of its rule writes it again."
    return InputError(path, place, problem, expected=expected, remedy=remedy)


def tabulate(jobs: Iterable[Job]) -> list[tuple[str | float | None, ...]]:
    """Sum up jobs by rule, and by experiment where they make folds.

    Parameters
    ----------
    jobs
        What was asked for and used.

    Returns
    -------
    list of tuples
        A row each with the values of `COLUMNS`: inputs, requests, memory and time are the largest
        of the jobs, shares those of the job that came closest to what it asked for, processor time
        is the sum. None where nothing is known. Rows are sorted by name.
    """
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.rule, job.experiment), []).append(job)
    return [
        (
            *name,
            len(own),
            _largest(job.input_mb for job in own),
            _largest(job.requested_mb for job in own),
            _largest(job.used_mb for job in own),
            _largest(_share(job.used_mb, job.requested_mb) for job in own),
            _largest(job.requested_min for job in own),
            _largest(job.minutes for job in own),
            _largest(_share(job.minutes, job.requested_min) for job in own),
            _total(job.processor_s for job in own),
        )
        for name, own in sorted(groups.items())
    ]


def _share(used: float | None, requested: float | None) -> float | None:
    return used / requested if used is not None and requested else None


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _largest(values: Iterable[float | None]) -> float | None:
    return max(_known(values), default=None)


def _total(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return sum(known) if known else None

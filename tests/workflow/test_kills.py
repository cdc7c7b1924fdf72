"""Runs that are killed at seeded moments, and completed by the same command.

Three of them by default, one of each way; ECHOES_KILLS says how many.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

WAYS = ("SIGTERM to Snakemake", "SIGKILL to all", "SIGKILL to Snakemake")
KILLS = int(os.environ.get("ECHOES_KILLS", "3"))
#: Seconds that Snakemake may take to end after SIGTERM, with jobs that take a second or two.
PATIENCE = 90


def tables(work: Any) -> dict[str, bytes]:
    """Read all tables of a run."""
    results = work.path / "results"
    found = [path for ending in ("csv", "tsv", "md") for path in results.rglob(f"*.{ending}")]
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in found}


def folds(work: Any) -> dict[Path, int]:
    """List the finished folds, with the numbers of their files: a new file has another one."""
    return {path: path.stat().st_ino for path in (work.path / "results").rglob("folds/*.npz")}


def jobs_of(group: int) -> list[psutil.Process]:
    """List the living processes of a group."""
    alive = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return alive


def interrupt(work: Any, how: str, chance: random.Random, total: int) -> tuple[str, bool]:
    """Start a run and end it after some of its jobs; return how, and whether a lock is left."""
    command = work.command("--cores=2")
    with subprocess.Popen(
        command,
        cwd=work.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as run:
        after, pause = chance.randrange(total), chance.uniform(0, 0.6)
        assert run.stdout is not None
        for line in run.stdout if after else ():
            found = re.match(r"\[ *(\d+) of", line)
            if found and int(found[1]) >= after:
                break
        time.sleep(pause)
        os.killpg(run.pid, signal.SIGKILL) if how == "SIGKILL to all" else run.send_signal(
            signal.SIGTERM if "SIGTERM" in how else signal.SIGKILL
        )
        try:
            run.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            how += ", not answered"
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        # Jobs of a killed Snakemake go on; its successor starts when they have ended.
        deadline = time.monotonic() + PATIENCE
        while jobs_of(run.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not jobs_of(run.pid)
    return how, "SIGKILL" in how or "not answered" in how


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_run_is_completed_by_the_same_command(
    finished: Any, fresh: Any, seed: int, record_property: Any
) -> None:
    chance = random.Random(seed)  # noqa: S311
    total = sum(fresh.planned().values())
    how, locked = interrupt(fresh, WAYS[seed % len(WAYS)], chance, total)
    record_property("how", how)
    kept = folds(fresh)
    if locked:
        # Without a lock, this does nothing.
        fresh.snakemake("--unlock")
    fresh.snakemake()
    assert tables(fresh) == tables(finished)
    # What was ended while it was written down is made again, on two cores two files at most.
    again = [path for path, number in folds(fresh).items() if kept.get(path, number) != number]
    assert len(again) <= 2, how
    assert [path for path in (fresh.path / "results").rglob(".*") if path.is_file()] == []
    assert not fresh.planned()


def test_two_runs_in_one_folder(fresh: Any) -> None:
    target = "results/small/comparison.csv"
    command = fresh.command("--cores=1", target)
    with subprocess.Popen(
        command, cwd=fresh.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
        stderr=subprocess.STDOUT,
    ) as first:  # fmt: skip
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("["):
                break
        second = fresh.snakemake(target, fails=True)
        output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output
    assert "Directory cannot be locked. Please make sure that no other Snakemake" in second.text
    assert "Traceback" not in second.text

"""Measurements in processes of their own: time, peak memory and what they report.

A task is a generator of records in a module of `side_by_side.methods`. It runs in a fresh process
with one BLAS thread; what it yielded last is its result, also when its time is up.

A measured process starts with the peak memory of the one that starts it. Hence nothing that
`run.py` imports before it has measured may import numpy.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent

#: Fewest seconds between two looks at the memory of a process with children, and how many times as
#: long as such a look: for gigabytes it takes a while, on processors that are to do other things.
_INTERVAL, _REST = 0.05, 50
#: Characters of a failed process's last words.
_TAIL = 3000

Record = dict[str, Any]


class MeasurementError(RuntimeError):
    """A measured process that failed."""


@dataclass(frozen=True)
class Outcome:
    """How a process ended."""

    seconds: float  # wall time, start-up included
    #: Peak resident memory, MB. Of a process with children: the largest proportional set size of
    #: all of them together, if that is more.
    memory: float
    text: str  # standard output and standard error
    timed_out: bool


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(text, flush=True)


def user_variables() -> dict[str, str]:
    """Variables of a process as a user starts it: this Python's programs come first."""
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    variables = os.environ | {"PATH": os.pathsep.join(programs)}
    # Where it is set, each of a thousand jobs compiles the code that it imports.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


def _measured_variables() -> dict[str, str]:
    """Variables of a measured process: one thread, and the modules of echoes and the benchmark."""
    libraries = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "VECLIB_MAXIMUM")
    return (
        user_variables()
        | {f"{library}_NUM_THREADS": "1" for library in libraries}
        | {
            "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT / "scripts")]),
            "PYTHONHASHSEED": "0",
        }
    )


def memory_so_far() -> dict[str, float]:
    """Peak resident memory of this process so far, MB, as part of a record.

    Nothing, once it has had children: then whoever watches from outside knows better.
    """
    if resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss:
        return {}
    return {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text(encoding="ascii").split()):
            yield child
            yield from _descendants(child)


def _proportional(pid: int) -> float:
    """Proportional set size of one process, MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _watch(pid: int, ended: threading.Event, largest: list[float]) -> None:
    """Keep the largest memory of a process and its children together."""
    looked = 0.0
    while not ended.wait(max(_INTERVAL, _REST * looked)):
        begin = time.perf_counter()
        try:
            if family := [*_descendants(pid)]:
                largest[0] = max(largest[0], sum(map(_proportional, [pid, *family])))
        except (OSError, StopIteration):
            pass  # one of them has just ended
        looked = time.perf_counter() - begin


def execute(
    command: Sequence[str | os.PathLike[str]],
    *,
    folder: Path = ROOT,
    limit: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command in a folder and measure it; end it after `limit` seconds.

    Its environment variables are those of a measured process unless others are given.

    Raises
    ------
    MeasurementError
        When it fails for another reason than its time.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_measured_variables() if variables is None else variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        ended, largest = threading.Event(), [0.0]
        watcher = threading.Thread(target=_watch, args=(process.pid, ended, largest), daemon=True)
        watcher.start()
        timer = threading.Timer(limit or threading.TIMEOUT_MAX, end)
        if limit:
            timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watcher.join()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if process.returncode and not late.is_set():
        raise MeasurementError(f"{' '.join(map(str, command))}\n{text[-_TAIL:]}")
    return Outcome(seconds, max(usage.ru_maxrss / 1024, largest[0]), text, late.is_set())


def call(task: str, *, limit: float | None = None, **arguments: Any) -> Record:
    """Run a task in a fresh process.

    Parameters
    ----------
    task
        Module of `side_by_side.methods` and generator in it, such as ``elastic_net:fold``.
    limit
        Seconds after which it is ended; its last record counts.
    arguments
        Of the task; anything that JSON holds.

    Returns
    -------
    dict
        The record that it yielded last, ``memory_mb`` and ``timed_out``.

    Raises
    ------
    MeasurementError
        When it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "record.json"
        outcome = execute(
            [sys.executable, "-m", __name__, task, json.dumps(arguments), result], limit=limit
        )
        text = result.read_text(encoding="utf-8") if result.exists() else "{}"
    return {
        "memory_mb": round(outcome.memory, 1),
        **json.loads(text),
        "timed_out": outcome.timed_out,
    }


def attempt(task: str, **arguments: Any) -> Record:
    """Run a task whose failure shall not end the others; without result then."""
    try:
        return call(task, **arguments)
    except MeasurementError as error:
        say(f"  failed: {error}")
        return {"timed_out": False}


def join(records: Sequence[Record], *largest: str) -> Record:
    """Join repeated measurements: all times, their median, the largest of other numbers."""
    seconds = [record["seconds"] for record in records]
    return {
        **records[0],
        **{key: max(record[key] for record in records) for key in ("memory_mb", *largest)},
        "seconds": statistics.median(seconds),
        "all_seconds": seconds,
    }


def _main(task: str, arguments: str, result: str) -> None:
    module, _, name = task.partition(":")
    function = getattr(importlib.import_module(f"side_by_side.methods.{module}"), name)
    partial = Path(result).with_suffix(".partial")
    for record in function(**json.loads(arguments)):
        partial.write_text(json.dumps(record), encoding="utf-8")
        partial.replace(result)


if __name__ == "__main__":
    _main(*sys.argv[1:])

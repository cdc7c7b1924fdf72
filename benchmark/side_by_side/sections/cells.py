"""A screen of 300,000 cells, from an `.h5ad` file to effects and weights."""

from __future__ import annotations

import json
from collections.abc import Iterator

from side_by_side.process import Record, attempt, call, join, say
from side_by_side.tables import Bar, Records, cells, number, small, table
from side_by_side.workspace import Run

TITLE = "A large screen of cells"

ECHOES, RAW, ANNDATA = "echoes", "h5py, reading alone", "anndata backed, means alone"
_TASKS = {ECHOES: "echoes", RAW: "raw", ANNDATA: "anndata_backed"}


def _ratio(records: Records) -> float:
    stored = records["cells"]["files"]["uncompressed"]["methods"]
    return float(stored[ECHOES]["seconds"] / stored[RAW]["seconds"])


def _memory(records: Records) -> float:
    return float(records["cells"]["files"]["uncompressed"]["methods"][ECHOES]["memory_mb"])


BARS = (
    Bar("cells to effects and weights", 2.5, "times reading the file", _ratio),
    Bar("peak memory of that", 1500, "MB", _memory),
)


def measure(run: Run) -> Record:
    """Measure each method in turns, on a file that is compressed and on one that is not."""
    folder = run.work / "cells"
    folder.mkdir(exist_ok=True)
    files: Record = {}
    for name, compression in (("uncompressed", None), ("gzip", "gzip")):
        path, note = folder / f"{name}.h5ad", folder / f"{name}.json"
        if not note.exists():
            say(f"  write the file, {name}")
            size = dict(
                zip(("cells", "genes", "entries", "perturbations"), run.size.cells, strict=True)
            )
            written = call("cells:write", path=str(path), compression=compression, **size)
            note.write_text(json.dumps(written), encoding="utf-8")
        results = folder / "results.npz"
        measured: dict[str, list[Record]] = {}
        for turn in range(max(1, run.size.repeats // 2)):
            for method, task in _TASKS.items():
                say(f"  {name}, {method}, {turn + 1}")
                record = attempt(f"cells:{task}", path=str(path), results=str(results))
                if "seconds" in record:
                    measured.setdefault(method, []).append(record)
        methods = {
            method: join(records, "processor_seconds") for method, records in measured.items()
        }
        files[name] = {"file": json.loads(note.read_text(encoding="utf-8")), "methods": methods}
        # Each is a few gigabytes.
        for file in (path, note, results):
            file.unlink(missing_ok=True)
    return {"size": list(run.size.cells), "files": files}


def write(records: Records) -> Iterator[str]:
    """Write a table of the methods for each file."""
    record = records["cells"]
    count, genes, _, perturbations = record["size"]
    entries = record["files"]["uncompressed"]["file"]["entries"]
    yield (
        f"{count:,} cells of {perturbations:,} perturbations and a control, {genes:,} genes, "
        f"{entries:,} entries above 0, by rows. The file is read from the disk each time, not from "
        "the operating system's memory. echoes computes means, variances, effects, moderated t, "
        "weights and knock-down, with two threads and one that reads; anndata's blocks are summed "
        "to means and second moments alone. Processor time is that of all threads."
    )
    rows = []
    for name, file in record["files"].items():
        methods = file["methods"]
        reading = methods[RAW]["seconds"]
        for method, measured in methods.items():
            rows.append(
                [
                    f"{name}, {number(file['file']['file_mb'])} MB: {method}",
                    number(measured["seconds"]),
                    f"{number(measured['seconds'] / reading)}×",
                    *cells(measured, "processor_seconds", "memory_mb"),
                    f"{len(measured['all_seconds'])}",
                    small(measured.get("difference")),
                ]
            )
    yield from table(
        [
            *("file, method", "time, s", "times reading", "processor, s", "peak MB", "runs"),
            "largest difference",
        ],
        rows,
    )

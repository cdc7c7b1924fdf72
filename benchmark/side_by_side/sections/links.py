"""A file of links as large as STRING's for human: it is unpacked and its network is built."""

from __future__ import annotations

import json
from collections.abc import Iterator

from side_by_side.process import Record, call, join, say
from side_by_side.tables import Bar, Records, cells, number, table
from side_by_side.workspace import NETWORK, Run, published

TITLE = "A file of links as large as STRING's"


def _seconds(records: Records) -> float:
    return float(sum(step["seconds"] for step in records["links"]["steps"].values()))


def _memory(records: Records) -> float:
    return float(max(step["memory_mb"] for step in records["links"]["steps"].values()))


BARS = (
    Bar("links file to network", 20, "s", _seconds),
    Bar("its peak memory", 1000, "MB", _memory),
)


def measure(run: Run) -> Record:
    """Measure the two jobs that lead from the file to the network."""
    folder = run.work / "large_links"
    folder.mkdir(exist_ok=True)
    files = {name: str(folder / f"{name}.txt.gz") for name in ("links", "info")}
    note = folder / "record.json"
    if not note.exists():
        say("  write the file")
        names = str(run.data() / "info.txt.gz")
        arguments = {**files, "names": names, "rows": run.size.rows}
        written = call("large_links:write", limit=None, **arguments)
        note.write_text(json.dumps(written), encoding="utf-8")
    workspace = run.workspace("prepared", "large", {"published": published("ridge")})
    workspace.settings["networks"]["string"] |= files
    say("  prepare")
    jobs = {
        "gunzip_string": f"{NETWORK}/source/links.txt",
        "read_string": f"{NETWORK}/links.npz",
        "build_network": f"{NETWORK}/adjacency.npz",
    }
    dataset = workspace.prepare(*jobs.values())
    steps: dict[str, list[Record]] = {}
    for turn in range(max(1, run.size.repeats // 2)):
        for step, file in jobs.items():
            say(f"  {step}, {turn + 1}")
            job = workspace.job(file)
            steps.setdefault(step, []).append({"seconds": job.seconds, "memory_mb": job.memory})
    summary = json.loads((dataset / NETWORK / "summary.json").read_text(encoding="utf-8"))
    return {
        "file": json.loads(note.read_text(encoding="utf-8")),
        "steps": {step: join(records) for step, records in steps.items()},
        "network": {key: value for key, value in summary.items() if isinstance(value, int)},
        "unpacked_mb": (dataset / jobs["gunzip_string"]).stat().st_size / 1e6,
    }


def write(records: Records) -> Iterator[str]:
    """Write the table of the jobs."""
    record = records["links"]
    file, network = record["file"], record["network"]
    # Each link that is kept is in the matrix twice, as in the file.
    kept = network["adjacency_entries"] - network["genes"]
    yield (
        f"{file['rows']:,} rows, {file['proteins']:,} proteins, {number(file['compressed_mb'])} MB "
        f"compressed, {number(record['unpacked_mb'])} MB unpacked; {kept:,} "
        f"rows kept, {network['genes']:,} genes, {network['adjacency_entries']:,} entries. Times "
        "and memory of the jobs' own commands."
    )
    yield from table(
        ["step", "time, s", "peak MB"],
        [
            *(
                [f"`{name}`", *cells(step, "seconds", "memory_mb")]
                for name, step in record["steps"].items()
            ),
            ["together", number(_seconds(records)), number(_memory(records))],
        ],
    )

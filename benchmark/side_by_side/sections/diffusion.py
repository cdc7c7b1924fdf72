"""Diffusion from many genes, on the real network where it is there and on the generated one."""

from __future__ import annotations

from collections.abc import Iterator

from side_by_side import methods
from side_by_side.process import Record, attempt, call, join, say
from side_by_side.tables import Bar, Records, cells, number, of_method, small, table, times
from side_by_side.workspace import NETWORK, SHARED, Run, Workspace, shared_settings

TITLE = "Diffusion"


def _gain(records: Records) -> float:
    """Speed against SuperLU on the first network: the real one, if it is there."""
    network = next(iter(records["diffusion"]["networks"].values()))
    theirs, ours = (
        of_method(network["methods"], method)["seconds"]
        for method in (methods.SUPERLU, methods.ITERATIVE)
    )
    return float(theirs / ours)


BARS = (Bar("diffusion against SuperLU", 150, "×", _gain),)


def measure(run: Run) -> Record:
    """Measure all methods on each network."""
    workspaces = {"generated": run.prepared()}
    if SHARED.is_dir():
        shared = Workspace(run.work / "prepared", shared_settings())
        workspaces = {"STRING v11.5, shared data": shared, **workspaces}
    return {"networks": {label: _network(run, label, each) for label, each in workspaces.items()}}


def _network(run: Run, label: str, workspace: Workspace) -> Record:
    """Measure all methods on one network, in turns."""
    reference, limit = str(run.work / "reference.npy"), 5 * run.size.limit
    folder = str(workspace.prepare(f"{NETWORK}/adjacency.npz"))
    common: Record = {"folder": folder, "count": run.size.starts}
    network = call("diffusion:reference", output=reference, **common)
    repeated: dict[str, list[Record]] = {}
    for turn in range(run.size.repeats):
        for method, frequency in methods.DIFFUSION.items():
            if turn and frequency != "repeated":
                continue
            say(f"  {label}: {method}, {turn + 1}")
            common |= {"method": method, "sample": run.size.sample, "reference": reference}
            record = attempt("diffusion:measure", limit=limit, **common)
            if "seconds" not in record and record["timed_out"]:
                # What it took at least.
                record |= {"method": method, "seconds": limit}
            if "seconds" in record:
                repeated.setdefault(method, []).append(record)
    return {
        **network,
        "methods": [
            join(turns, *(key for key in ("residual", "error") if all(key in t for t in turns)))
            for turns in repeated.values()
        ],
    }


def write(records: Records) -> Iterator[str]:
    """Write a table for each network."""
    for label, network in records["diffusion"]["networks"].items():
        ours = of_method(network["methods"], methods.ITERATIVE)["seconds"]
        yield (
            f"**{label}**: {network['genes']:,} genes, {network['entries']:,} entries, "
            f"{network['starts']} start genes, α = 0.75. Every method is asked for a residual "
            "‖(I − αAD⁻¹)x − (1 − α)e‖₁ of at most 10⁻¹⁰, where it can be asked. Error: largest "
            "|x − x_ref|, x_ref from 150 steps of power iteration (residual "
            f"{small(network['residual'])}); it is small for all, so they agree on self-loops "
            "and isolated genes."
        )
        yield from table(
            ["method", "time, s", "times echoes", "residual", "error", "peak MB", "runs", "note"],
            (_row(record, ours) for record in network["methods"]),
        )
    yield (
        "Not counted: reading the network and bringing it into a library's own graph. Peak memory "
        "is that of the whole process, Python and libraries included."
    )


def _row(record: Record, ours: float) -> list[str]:
    at_least, note = ("> ", "time up") if record["timed_out"] else ("", record.get("note", ""))
    if not record["timed_out"] and record["measured_on"] < record["starts"]:
        note = f"{record['measured_on']} genes, scaled up to {record['starts']}; {note}"
    return [
        record["method"],
        at_least + number(record["seconds"]),
        at_least + times(record["seconds"], ours),
        small(record.get("residual")),
        small(record.get("error")),
        *cells(record, "memory_mb"),
        str(len(record["all_seconds"])),
        note,
    ]

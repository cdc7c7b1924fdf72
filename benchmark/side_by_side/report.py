"""From measurements to the report: ``benchmark.json``, ``benchmark.md`` and ``benchmark.svg``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from side_by_side.process import Record
from side_by_side.sections import SECTIONS
from side_by_side.tables import Records, number, table

_INTRODUCTION = (
    "Each measurement is a process of its own with one BLAS thread. What is repeated is "
    "measured in turns with the others, and the median is shown."
)


def read(work: Path, output: Path, size: str) -> dict[str, Record]:
    """Read what is measured, the latest of each section.

    Parameters
    ----------
    work
        Folder of the measurements of this machine, one file a section.
    output
        Folder of an earlier report, whose sections stay unless they are measured again.
    size
        How much is measured; an earlier report of another size does not count.
    """
    earlier: Record = {}
    if (output / "benchmark.json").exists():
        report = json.loads((output / "benchmark.json").read_text(encoding="utf-8"))
        earlier = report if report["size"] == size else {}
    records: dict[str, Record] = {}
    for section in SECTIONS:
        file = work / f"{section}.json"
        measured = [json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []
        measured += [earlier[section]] if section in earlier else []
        if measured:
            records[section] = max(measured, key=lambda record: str(record["run"]))
    return records


def write(records: Records, output: Path, size: str) -> str:
    """Write the three files; return what the project must meet, as text."""
    from side_by_side.plot import draw  # numpy would make the process large that measures

    if not records:
        return "nothing is measured"
    output.mkdir(parents=True, exist_ok=True)
    content = {"size": size, "bars": _bars(records), **records}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (output / "benchmark.json").write_text(text + "\n", encoding="utf-8")
    (output / "benchmark.md").write_text(as_markdown(records), encoding="utf-8")
    draw(records, output / "benchmark.svg")
    return "\n".join(_bar_table(records)) + f"\n{output / 'benchmark.md'}"


def as_markdown(records: Records) -> str:
    """Write the report."""
    lines = [
        *("# Benchmark", ""),
        *_machine(records),
        *("", _INTRODUCTION, ""),
        "![Times of echoes and others, and how they grow](benchmark.svg)",
        *_bar_table(records),
    ]
    for name, section in SECTIONS.items():
        lines += [f"## {section.TITLE}", ""]
        lines += section.write(records) if name in records else ["Not measured."]
        lines.append("")
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _bars(records: Records) -> list[Record]:
    """Hold the measurements against what the project must meet; None where there are none."""
    bars = []
    for name, section in SECTIONS.items():
        for bar in section.BARS:
            value = bar.value(records) if name in records else None
            holds = None if value is None else bar.holds(value)
            bars.append({"what": bar.what, "measured": value, "holds": holds})
    return bars


def _bar_table(records: Records) -> list[str]:
    verdict = {True: "yes", False: "**no**", None: "not measured"}
    bars = [bar for section in SECTIONS.values() for bar in section.BARS]
    return table(
        ["bar", "wanted", "measured", "holds"],
        (
            [
                bar.what,
                bar.wanted,
                "–" if row["measured"] is None else f"{number(row['measured'])} {bar.unit}",
                verdict[row["holds"]],
            ]
            for bar, row in zip(bars, _bars(records), strict=True)
        ),
    )


def _machine(records: Records) -> Iterator[str]:
    """Describe the packages, and where and when what was measured."""
    facts = dict(max(records.values(), key=lambda record: str(record["run"]))["machine"])
    for key in ("processor", "cores", "memory_gb", "load_at_start"):
        del facts[key]
    python, blas = facts.pop("python"), facts.pop("blas")
    packages = ", ".join(f"{package} {version}" for package, version in facts.items())
    yield (
        f"Python {python}, BLAS {blas}, {packages}. Times of different runs may be of different "
        "machines."
    )
    yield from table(
        ["run", "sections", "machine", "minutes", "load when it began"],
        (
            [
                f"{run[:10]} {run[11:16]} UTC",
                ", ".join(section for section in SECTIONS if section in mine),
                "{processor}, {cores} cores, {memory_gb} GB".format(**facts),
                number(sum(record["took_seconds"] for record in mine.values()) / 60, 2),
                str(facts["load_at_start"]),
            ]
            for run in sorted({str(record["run"]) for record in records.values()})
            for mine in [{s: record for s, record in records.items() if record["run"] == run}]
            for facts in [next(iter(mine.values()))["machine"]]
        ),
    )

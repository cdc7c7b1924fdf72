"""Measure echoes beside other ways to compute the same, and write tables and a plot of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from platform import python_version

from side_by_side import report
from side_by_side.process import HERE, ROOT, MeasurementError, execute, say
from side_by_side.sections import SECTIONS
from side_by_side.workspace import SIZES, Run

_PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "snakemake"),
    *("scikit-network", "igraph", "networkx", "skglm", "numba", "h5py", "anndata"),
)
_BLAS = """
import numpy
blas = numpy.show_config("dicts")["Build Dependencies"]["blas"]
print(blas["name"], blas["version"])
"""


def _machine() -> dict[str, object]:
    """Describe what it runs on, without names of machines."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.+)$", cpu, re.MULTILINE)
    return {
        "processor": model[1] if model else "unknown",
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": python_version(),
        "blas": execute([sys.executable, "-c", _BLAS]).text.strip(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _measure(run: Run, sections: Sequence[str]) -> list[str]:
    """Measure sections, each into a file of its own; return those that failed."""
    machine = _machine()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    failed = []
    for section in sections:
        say(f"{SECTIONS[section].TITLE} …")
        start = time.perf_counter()
        try:
            record = SECTIONS[section].measure(run)
        except MeasurementError as error:
            say(f"  failed: {error}")
            failed.append(section)
            continue
        seconds = round(time.perf_counter() - start, 1)
        record |= {"run": began, "took_seconds": seconds, "machine": machine}
        text = json.dumps(record, indent=1)
        (run.work / f"{section}.json").write_text(text, encoding="utf-8")
        say(f"  {seconds:.0f} s")
    return failed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 when a section failed, else 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, help="sections to measure; others stay as they are"
    )
    parser.add_argument("--resume", action="store_true", help="skip sections that are measured")
    parser.add_argument("--size", choices=SIZES, default="full", help="small: to try it out")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "results" / "benchmark", help="folder of its files"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="folder of the report; benchmark/results at full size, else the folder of its files",
    )
    arguments = parser.parse_args(argv)
    run = Run(arguments.work.resolve() / arguments.size, SIZES[arguments.size])
    run.work.mkdir(parents=True, exist_ok=True)
    sections = [
        section
        for section in arguments.only or SECTIONS
        if not (arguments.resume and (run.work / f"{section}.json").exists())
    ]
    failed = _measure(run, sections)
    output = arguments.output or (HERE / "results" if arguments.size == "full" else run.work)
    records = report.read(run.work, output, arguments.size)
    say(report.write(records, output, arguments.size))
    if failed:
        say(f"failed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

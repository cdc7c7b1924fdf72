"""Measure echoes beside other ways to compute the same, and write tables and a plot of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from platform import python_version

from side_by_side.names import SECTIONS as TITLES
from side_by_side.process import HERE, ROOT, MeasurementError, call, execute
from side_by_side.sections import SECTIONS, Run, processor, say
from side_by_side.workspace import SIZES

_PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "snakemake"),
    *("scikit-network", "igraph", "networkx", "skglm", "numba"),
)
_BLAS = """
import numpy
blas = numpy.show_config("dicts")["Build Dependencies"]["blas"]
print(blas["name"], blas["version"])
"""


def _machine() -> dict[str, object]:
    """Describe what it runs on, without names of machines."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    blas = execute([sys.executable, "-c", _BLAS]).text.strip()
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": python_version(),
        "blas": blas,
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 when a section failed, else 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=TITLES, help="sections to measure; others stay as they are"
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
    given = parser.parse_args(argv)
    run = Run(given.work.resolve() / given.size, SIZES[given.size])
    run.work.mkdir(parents=True, exist_ok=True)
    output = given.output or (HERE / "results" if given.size == "full" else run.work)
    chosen = list(given.only or TITLES)
    if given.resume:
        chosen = [section for section in chosen if not run.raw(section).exists()]
    machine = _machine()
    this_run = datetime.now(UTC).isoformat(timespec="seconds")
    failed = []
    for section in chosen:
        say(f"{TITLES[section]} …")
        start = time.perf_counter()
        try:
            record = SECTIONS[section](run)
        except MeasurementError as error:
            say(f"  failed: {error}")
            failed.append(section)
            continue
        record |= {
            "run": this_run,
            "took_seconds": round(time.perf_counter() - start, 1),
            "machine": machine,
        }
        run.raw(section).write_text(json.dumps(record, indent=1), encoding="utf-8")
        say(f"  {record['took_seconds']:.0f} s")
    report = call("report:write", work=str(run.work), output=str(output), size=run.size.name)
    say(report["text"])
    if failed:
        say(f"failed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

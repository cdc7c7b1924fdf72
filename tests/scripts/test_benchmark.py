"""The benchmark's report can be written again from the numbers that are kept with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmark" / "results"
WRITE = """
import sys
from pathlib import Path
from side_by_side import report
assert "numpy" not in sys.modules, "measured processes start with the memory of the runner"
work, output = map(Path, sys.argv[1:])
report.write(report.read(work, output, "full"), output, "full")
"""


def write_report(work: Path, output: Path) -> None:
    """Write the report in a process of its own, from measurements and an earlier report."""
    variables = os.environ | {"PYTHONPATH": str(ROOT / "benchmark")}
    subprocess.run([sys.executable, "-c", WRITE, work, output], check=True, env=variables)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Copy the numbers that are kept, without the text and the plot of them."""
    folder = tmp_path / "output"
    folder.mkdir()
    (folder / "benchmark.json").write_bytes((RESULTS / "benchmark.json").read_bytes())
    return folder


def test_report_is_that_of_its_numbers(tmp_path: Path, output: Path) -> None:
    write_report(tmp_path, output)
    for name in ("benchmark.json", "benchmark.md"):
        assert (output / name).read_text("utf-8") == (RESULTS / name).read_text("utf-8")


def test_new_measurements_replace_their_section_alone(tmp_path: Path, output: Path) -> None:
    kept = json.loads((RESULTS / "benchmark.json").read_text("utf-8"))
    stages = {"predict_held_out": {"jobs": 12, "seconds": 34.5}}
    facts = {"run": "2999-01-01T00:00:00+00:00", "took_seconds": 60.0}
    measured = {"seconds": 61.0, "memory_mb": 300.0, "stages": stages}
    record = {**measured, **facts, "machine": kept["links"]["machine"]}
    (tmp_path / "comparison.json").write_text(json.dumps(record), encoding="utf-8")
    # An older measurement than the one that is kept.
    outdated = {**kept["links"], "run": "2000-01-01T00:00:00+00:00", "unpacked_mb": -1}
    (tmp_path / "links.json").write_text(json.dumps(outdated), encoding="utf-8")

    write_report(tmp_path, output)
    report = json.loads((output / "benchmark.json").read_text("utf-8"))
    assert report["comparison"] == record
    for section in kept.keys() - {"comparison", "bars"}:
        assert report[section] == kept[section]
    text = (output / "benchmark.md").read_text("utf-8")
    assert "| `predict_held_out` | 12 | 34.5 |" in text
    assert "added | ≤ 30 s | 61 s | **no** |" in text

"""A table of links as large as STRING's becomes a network in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import read_perturbations
import simulate_example
from echoes.io.files import save_record
from screens import write_dataset_settings

ROOT = Path(__file__).resolve().parents[2]
ROWS = 13_700_000
#: Bytes; the unpacked table has more than half as many again.
MOST = 1_000_000_000
GENERATE = f"""
import sys
sys.path.insert(0, {str(ROOT / "benchmark")!r})
from side_by_side.methods import large_links
for _ in large_links.write(*sys.argv[1:4], int(sys.argv[4]), level=1):
    pass
"""


def peak_memory(script: str, *arguments: str) -> int:
    """Run a script in a process of its own and return the most memory it had, in bytes."""
    process = subprocess.Popen([sys.executable, ROOT / "scripts" / script, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.slow
def test_links_as_many_as_strings(tmp_path: Path) -> None:
    names = ("links.gz", "info.gz", "means", "truth", "validation", "sample-submission")
    small = {name: tmp_path / f"small.{name}" for name in (*names, "validation-truth")}
    simulate_example.main([f"--{name.removesuffix('.gz')}={path}" for name, path in small.items()])
    read_perturbations.main([
        f"--table={small['means']}",
        *(f"--{name}={small[name]}" for name in ("truth", "validation")),
        write_dataset_settings(tmp_path / "dataset.json", "means"),
        f"--output={tmp_path / 'perturbations.npz'}",
        f"--folds={tmp_path / 'folds.tsv'}",
        f"--checks={tmp_path / 'checks.md'}",
        f"--summary={tmp_path / 'perturbations.json'}",
    ])  # fmt: skip

    packed = {name: tmp_path / f"{name}.txt.gz" for name in ("links", "info")}
    # In a process of its own: a child's peak begins with the memory of its parent.
    files = [packed["links"], packed["info"], small["info.gz"]]
    subprocess.run([sys.executable, "-c", GENERATE, *files, str(ROWS)], check=True)

    for name, path in packed.items():
        out = tmp_path / f"{name}.txt"
        assert peak_memory("gunzip_string.py", f"--input={path}", f"--output={out}") < MOST
    assert (tmp_path / "links.txt").stat().st_size > MOST / 2
    save_record(tmp_path / "receipt.json", {"source": "a shelf"}, 5)
    peak = peak_memory(
        "read_string.py",
        f"--links={tmp_path / 'links.txt'}",
        f"--info={tmp_path / 'info.txt'}",
        *("--receipts", *[str(tmp_path / "receipt.json")] * 2),
        "--score-threshold=0.5",
        f"--output={tmp_path / 'links.npz'}",
        f"--record={tmp_path / 'links.json'}",
    )
    assert peak < MOST
    summary = tmp_path / "network.json"
    peak = peak_memory(
        "build_network.py",
        f"--links={tmp_path / 'links.npz'}",
        f"--record={tmp_path / 'links.json'}",
        f"--perturbations={tmp_path / 'perturbations.npz'}",
        "--self-loop=1",
        "--edge-multiplicity=2",
        f"--adjacency={tmp_path / 'adjacency.npz'}",
        f"--genes={tmp_path / 'genes.tsv'}",
        f"--coverage={tmp_path / 'coverage.tsv'}",
        f"--summary={summary}",
    )
    assert peak < MOST
    record = json.loads(summary.read_text(encoding="utf-8"))
    assert record["link_rows"] == ROWS
    assert record["unmapped_link_rows"] == 0
    assert record["connected_genes"] > 1000

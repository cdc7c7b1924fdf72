"""Each command of docs/tutorial.md and docs/one-gene.md, as a reader runs it."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_page(page_name: str, pristine: Any, tmp_path: Path) -> Path:
    """Run all commands of a page in a clone, and return its folder."""
    work = pristine.copy(tmp_path / "main").path
    for name in ("Makefile", "requirements.lock"):
        shutil.copy2(ROOT / name, work / name)
    # The environment of the tests stands in for the one that `make` would install.
    environment = Path(sys.prefix)
    (work / ".venv").mkdir()
    (work / ".venv/bin").symlink_to(environment / "bin")
    (work / ".venv/installed").touch()
    page = (ROOT / "docs" / page_name).read_text("utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert blocks
    # Activation only changes the path.
    text = "\n".join(blocks).replace(
        "source .venv/bin/activate", f"export PATH={environment / 'bin'}:$PATH"
    )
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=work,
        env=os.environ | {"LC_ALL": "C"},
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=1500,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    return Path(work)


@pytest.mark.slow
def test_the_commands_of_the_answer_for_a_gene(pristine: Any, tmp_path: Path) -> None:
    work = run_page("one-gene.md", pristine, tmp_path)
    table = (work / "results/gene/echo/top_effects.csv").read_text(encoding="utf-8")
    page = (ROOT / "docs/one-gene.md").read_text("utf-8").splitlines()
    header, *rows = table.splitlines()[:4]
    shown = page[page.index(header) + 1 :]
    for row, line in zip(rows, shown, strict=False):
        *names, predicted, _, error = row.split(",")
        *expected, value, _, width = line.split(",")
        assert names == expected
        assert (float(predicted), float(error)) == pytest.approx((float(value), float(width)), 1e-3)
    assert (work / "results/gene/figures/network_help.svg").is_file()


@pytest.mark.long
def test_the_commands_of_the_tutorial(pristine: Any, tmp_path: Path) -> None:
    work = run_page("tutorial.md", pristine, tmp_path)
    results = work / "results/my_screen"
    assert (results / "perturbations/cells.png").stat().st_size > 10_000
    assert (results / "echo/predictions.h5ad").is_file()
    with (results / "comparison.csv").open(encoding="utf-8", newline="") as table:
        score = {
            row["experiment"]: float(row["value"])
            for row in csv.DictReader(table)
            if row["metric"] == "score"
        }
    assert score["echo"] > score["echo_rewired"] > score["mean"]
    with (results / "echo/submission.csv").open(encoding="utf-8", newline="") as table:
        assert [row[0] for row in csv.reader(table)] == ["pert_id", "first", "second"]

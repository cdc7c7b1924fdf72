"""Whether results are those on record."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import verify_results
from echoes.io.files import save_json
from echoes.report.verification import (
    changed_inputs,
    differences,
    link_inputs,
    recorded_inputs,
)


def folder(path: Path, *, cell: str = "1", value: float = 1.0, seconds: float = 3.0) -> Path:
    (path / "echo").mkdir(parents=True)
    (path / "comparison.csv").write_text(f"a,b\n{cell},2\n")
    (path / "echo/figure.png").write_text(cell)
    np.savez(path / "echo/0.npz", x=np.array([value, np.nan]), seconds=seconds, place=str(path))
    return path


def test_two_runs_alike(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a"), folder(tmp_path / "b", seconds=5.0)
    assert differences(one, other) == (2, [])


def test_each_difference_is_named(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a"), folder(tmp_path / "b", cell="3", value=1 + 1e-15)
    (one / "old.md").write_text("")
    (other / "new.tsv").write_text("")
    (one / "cut.npz").write_bytes(b"PK")
    (other / "cut.npz").write_bytes(b"PK")
    alike, different = differences(one, other)
    assert alike == 0
    assert different[0] == "comparison.csv: another content"
    assert different[1].startswith("cut.npz: cannot read ")
    assert different[2:] == [
        "echo/0.npz: x",
        "new.tsv: it is missing",
        "old.md: the configuration on record does not make it",
    ]


def test_inputs_that_changed_stop_it(tmp_path: Path) -> None:
    table = tmp_path / "means.csv"
    table.write_text("x")
    digest = hashlib.sha256(b"x").hexdigest()
    results = tmp_path / "results/try"
    inputs = {"means": {"path": str(table), "sha256": digest}, "other": ["x", 1, None]}
    save_json(results / "perturbations/summary.json", {"inputs": inputs})
    assert recorded_inputs(results) == {str(table): digest}
    assert changed_inputs({str(table): digest}) == []
    table.write_text("y")
    (problem,) = changed_inputs(recorded_inputs(results))
    assert problem.startswith(f"{table}: its SHA-256 is ")
    save_json(results / "config.json", {"config": {}, "files": {str(tmp_path / "gone"): ""}})
    with pytest.raises(SystemExit) as end:
        verify_results.main([f"--results={results}"])
    assert end.value.code == 1


def test_relative_paths_lead_to_the_same_files(tmp_path: Path) -> None:
    here, folder = tmp_path / "here", tmp_path / "a/b/c"
    here.mkdir()
    folder.mkdir(parents=True)
    (here / "x.csv").write_text("x")
    (tmp_path / "y.csv").write_text("y")
    link_inputs({"x.csv": "", "../y.csv": "", str(here / "x.csv"): ""}, here, folder)
    assert (folder / "x.csv").read_text() == "x"
    assert (folder / "../y.csv").read_text() == "y"

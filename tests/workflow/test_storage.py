"""All files in an object store, as on Kubernetes: nothing is looked for beside the workflow."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).parent / "plugins"
OUTPUTS = ("oof_predictions.csv", "fold_scores.csv", "figure.png", "submission.csv")


def test_a_run_in_an_object_store_makes_the_same_files(
    fresh: Any, finished: Any, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(fresh.path / "scripts", store / "scripts")
    shutil.move(fresh.path / "data", store / "data")
    targets = [f"results/small/published/{name}" for name in OUTPUTS]
    plan = ["--default-storage-provider=folder", f"--default-storage-prefix={store}", *targets]
    fresh.snakemake(*plan, PYTHONPATH=str(PLUGINS))
    for name, target in zip(OUTPUTS, targets, strict=True):
        assert (store / target).read_bytes() == finished.file(name).read_bytes(), name
    assert not (fresh.path / "results").exists()
    assert "Nothing to be done" in fresh.snakemake(*plan, PYTHONPATH=str(PLUGINS)).text

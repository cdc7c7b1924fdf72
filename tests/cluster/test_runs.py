"""The workflow on a cluster: the same bytes as on one computer, and few submissions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cluster.runs import on_cluster
from cluster.slurm import cluster

TABLES = ("oof_predictions.csv", "fold_scores.csv", "submission.csv", "predictions.npz", "figure.png")


def test_the_tables_are_those_of_a_local_run(prepared: Any, reference: Any, tmp_path: Path) -> None:
    work = prepared.copy(tmp_path / "main")
    with cluster(tmp_path) as slurm:
        with on_cluster(work, slurm) as run:
            text = run.wait()
        assert text.count("Submitted array job") == 1
        assert set(slurm.history().values()) == {"COMPLETED"}
    for name in TABLES:
        assert work.file(name).read_bytes() == reference.file(name).read_bytes(), name
    assert work.planned() == {}

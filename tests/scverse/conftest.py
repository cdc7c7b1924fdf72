"""A run of the workflow by its own environment, whose files are read by that of the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workflow.conftest import ECHO, ROOT, SIMULATION, SMALL, Workspace, pristine

__all__ = ["pristine"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let other programs warn of what they like: they are not ours."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def finished(pristine: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The embedded example made small, of both protocols, with predictions in all formats."""
    work = pristine.copy(tmp_path_factory.mktemp("finished") / "main")
    work.change(
        **SMALL,
        simulation=SIMULATION,
        export=["parquet", "h5ad", "effects"],
        echo={"blends": [0.5, 1], "penalties": [1, 10]},
        inner_crossval={"folds": 3},
    )
    work.change(experiments={"echo": ECHO})
    python = str(ROOT / ".venv/bin/python")
    run = subprocess.run(
        [python, *work.command("--cores=2")[1:]],
        cwd=work.path,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stdout
    return work

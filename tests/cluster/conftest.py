"""What the tests on a cluster start from, and when they cannot run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cluster.slurm import missing_programs
from workflow.conftest import ECHO, SIMULATION, SMALL, Workspace, pristine

__all__ = ["pristine"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a cluster, and leave it out with the reason where there can be none."""
    reason = ""
    if missing := missing_programs():
        reason = f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge"
    elif not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        reason = "Snakemake's plugin for Slurm is not installed: make cluster"
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.cluster)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def prepared(pristine: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The embedded example made small, of both protocols; nothing has run. Copy it."""
    work = pristine.copy(tmp_path_factory.mktemp("prepared") / "main")
    work.change(
        **SMALL,
        simulation=SIMULATION,
        echo={"blends": [0.5, 1], "penalties": [1, 10]},
        inner_crossval={"folds": 3},
    )
    work.change(experiments={"echo": ECHO | {"diffusion": {"alphas": [0.75]}}})
    return work


@pytest.fixture(scope="session")
def reference(prepared: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same after a run on this computer, without any cluster. Copy it."""
    work = prepared.copy(tmp_path_factory.mktemp("reference") / "main")
    work.snakemake(cores=2)
    return work

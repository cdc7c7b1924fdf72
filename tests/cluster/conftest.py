"""What the tests on a cluster start from, and when they cannot run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cluster.slurm import missing_programs
from workflow.conftest import Workspace, local, pristine

__all__ = ["local", "pristine"]

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
def prepared(local: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The small data set with one experiment; nothing has run. Copy it."""
    work = local.copy(tmp_path_factory.mktemp("prepared") / "main")
    work.change(experiments={"second": None})
    return work


@pytest.fixture(scope="session")
def reference(prepared: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same after a run on this computer, without any cluster. Copy it."""
    work = prepared.copy(tmp_path_factory.mktemp("reference") / "main")
    work.snakemake(cores=2)
    return work

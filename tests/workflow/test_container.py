"""What stands in the container's recipe; .ci/container builds it where there is an engine."""

from __future__ import annotations

import re
from pathlib import Path

from workflow.conftest import TRACKED

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"requirements.lock", "requirements-cluster.lock"}


def test_the_container_holds_the_workflow_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    first, *others = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    assert {line[1:] for line in others if line.startswith("!")} == {*TRACKED, *LOCKS}


def test_the_container_installs_from_the_locks_alone() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [line for line in recipe.splitlines() if "install" in line]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0].split()
    assert set(re.findall(r"-r (\S+)", installs[0])) == LOCKS

"""The code of docs/outputs.md, on the files of a run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from workflow.conftest import ROOT, Workspace

PAGE = (ROOT / "docs/outputs.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.path)
    names: dict[str, Any] = {}
    assert len(blocks("python")) == 4
    for block in blocks("python"):
        exec(compile(block, "docs/outputs.md", "exec"), names)  # noqa: S102
    assert names["effects"]["beyond_error"].notna().all()
    assert np.isfinite(names["error"]).all()
    assert len(names["scores"]) == len(names["known"])


def test_the_command_of_the_page_runs(finished: Workspace) -> None:
    (command,) = blocks("bash")
    program, *arguments = command.split()
    assert program == "python"
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=finished.path,
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"valid: \d+ rows and \d+ genes, in the order of .*\n", run.stdout)

"""What a command imports before it does anything: hundreds of jobs start it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import loo_fold

SCRIPTS = Path(loo_fold.__file__).parent
HEAVY = ("pandas", "pyarrow", "matplotlib", "sklearn", "scipy", "requests", "snakemake")
ALLOWED = {
    "aggregate_folds": {"pandas", "pyarrow"},
    "build_laplacian": {"scipy"},
    "build_network": {"pyarrow", "scipy"},
    "diffuse": {"scipy"},
    "plot_figure": {"matplotlib", "scipy"},
    "read_perturbations": {"pyarrow"},
    "simulate_example": {"scipy"},
    "write_submission": {"pyarrow"},
}


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_a_command_imports_no_more_than_it_needs(script: str) -> None:
    code = (
        f"import sys; import {script}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert set(ended.stdout.split()) <= ALLOWED.get(script, set())

"""What a command imports before it does anything: hundreds of jobs start it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import loo_fold
from echoes.io.files import save_record
from echoes.models.components import decompose, save_components
from placed import put
from tasks import SETTINGS

SCRIPTS = Path(loo_fold.__file__).parent
HEAVY = (
    *("h5py", "pandas", "pyarrow", "matplotlib", "sklearn", "scipy", "requests", "snakemake"),
    *("altair", "jinja2", "vl_convert"),
)
ALLOWED = {
    "aggregate_folds": {"pandas", "pyarrow"},
    "aggregate_held_out": {"pandas", "pyarrow"},
    "align_prior": {"pyarrow"},
    "build_features": {"scipy"},
    "build_kernels": {"scipy"},
    "build_laplacian": {"scipy"},
    "build_network": {"pyarrow", "scipy"},
    "build_source": {"pyarrow"},
    "bundle_charts": {"altair", "jinja2", "vl_convert"},
    "combine_networks": {"pyarrow"},
    "check_submission": {"pyarrow"},
    "compare_experiments": {"pandas", "pyarrow"},
    "describe_cells": {"matplotlib"},
    "diffuse": {"scipy"},
    "plot_learning_curve": {"matplotlib", "pandas", "pyarrow"},
    "estimate_upper_bound": {"pandas", "pyarrow"},
    "export_predictions": {"pyarrow"},
    "plot_figure": {"matplotlib"},
    "plot_results": {"matplotlib", "pandas", "pyarrow", "scipy"},
    "predict_genes": {"pyarrow", "scipy"},
    "rank_sweep": {"pandas", "pyarrow"},
    "read_cells": {"pyarrow"},
    "read_edges": {"pyarrow"},
    "read_perturbations": {"pyarrow"},
    "read_prior": {"pyarrow"},
    "read_string": {"pyarrow", "scipy"},
    "score_baselines": {"pandas", "pyarrow"},
    "rewire_network": {"scipy"},
    "simulate_example": {"scipy"},
    "tabulate_resources": {"pandas", "pyarrow"},
    "write_gene_predictions": {"pyarrow"},
    "write_report": {"pandas", "pyarrow", "scipy", "jinja2"},
    "write_submission": {"pyarrow"},
}


def loaded(statement: str) -> set[str]:
    """Run a statement in a process of its own, and name the heavy packages that it imported."""
    code = f"import sys; {statement}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_a_command_imports_no_more_than_it_needs(script: str) -> None:
    assert loaded(f"import {script}") <= ALLOWED.get(script, set())


@pytest.mark.parametrize(
    ("backend", "expected"), [("exact", set()), ("scikit-learn", {"sklearn", "scipy"})]
)
def test_a_fold_imports_only_what_its_backend_needs(
    backend: str, expected: set[str], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    features, components = tmp_path / "features.npz", tmp_path / "components.npz"
    train, validation = random.normal(size=(9, 12)), random.normal(size=(2, 12))
    put(features, {"train": train, "validation": validation}, 3)
    save_components(components, decompose(random.normal(size=(9, 5)), 2))
    settings = tmp_path / "try" / "settings.json"
    regression = SETTINGS["regression"] | {"backend": backend}
    models = ["ridge", "elastic_net"]
    save_record(settings, {"experiment": "try", "models": models, "regression": regression}, 3)
    arguments = [
        f"--features={features}",
        f"--components={components}",
        f"--settings={settings}",
        "--fold=0",
        f"--output={tmp_path / '0.npz'}",
    ]
    imported = loaded(f"import loo_fold; loo_fold.main({arguments!r})")
    assert (tmp_path / "0.npz").exists()
    assert imported >= expected
    # What scikit-learn imports itself is its own affair.
    assert backend == "scikit-learn" or not imported

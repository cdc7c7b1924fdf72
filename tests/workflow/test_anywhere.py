"""The workflow runs from anywhere: other folders, odd names, links, as a module of another one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from echoes.plan.settings import overlay
from workflow.conftest import Workspace

#: One experiment of each protocol: enough to reach every script but those of sweeps.
FEW = {
    "experiments": {
        "published": {"protocol": "published", "models": ["ridge"]},
        "second": None,
        "echo": {"models": ["echo"], "features": {"transform": "log"}, "network": "rewired"},
    },
    "echo": {"blends": [0.5, 1], "penalties": [1, 10]},
    "inner_crossval": {"folds": 3},
}
MADE = ("comparison.csv", "published/submission.csv", "echo/figure.png", "echo/submission.csv")
#: Tables that do not depend on the place.
TABLES = ("comparison.csv", "differences.csv", "echo/oof_predictions.csv")


def settings_of(local: Any, data: Path) -> dict[str, Any]:
    """The settings of the small data set, with its files where they are."""
    settings = overlay(local.settings, FEW)
    text = yaml.safe_dump(settings).replace("data/", f"{data}/")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def assert_made(work: Workspace, name: str = "small", *arguments: str) -> None:
    """Check that a run has made all files, and that a second one has nothing to do."""
    assert all((work.path / "results" / name / file).is_file() for file in MADE)
    assert work.planned(*arguments) == {}


@pytest.fixture(scope="session")
def expected(local: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of tables of a run where the workflow is."""
    work = local.copy(tmp_path_factory.mktemp("expected") / "main")
    work.settings = settings_of(local, local.path / "data")
    work.snakemake(*(f"results/small/{name}" for name in TABLES))
    return work.path / "results/small"


def assert_same(folder: Path, expected: Path) -> None:
    """Compare the tables of two runs byte by byte."""
    for name in TABLES:
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


def test_from_another_folder(local: Workspace, expected: Path, tmp_path: Path) -> None:
    elsewhere = Workspace(tmp_path, settings_of(local, local.path / "data"))
    start = [f"--snakefile={local.path / 'Snakefile'}"]
    start += [f"results/small/{name}" for name in (*MADE, *TABLES)]
    elsewhere.snakemake(*start)
    assert_made(elsewhere, "small", *start)
    assert_same(tmp_path / "results/small", expected)
    assert not (local.path / "results").exists()


def test_with_a_directory(local: Workspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    work = local.copy(tmp_path / "main")
    work.settings = settings_of(local, local.path / "data")
    options = [f"--directory={elsewhere}", "comparison.csv"]
    options[1] = "results/small/comparison.csv"
    work.snakemake(*options)
    assert (elsewhere / "results/small/comparison.csv").is_file()
    assert not (work.path / "results").exists()
    assert work.planned(*options) == {}


def test_the_example_from_another_folder(pristine: Workspace, tmp_path: Path) -> None:
    jobs = Workspace(tmp_path).planned(f"--snakefile={pristine.path / 'Snakefile'}")
    assert jobs["simulate_example"] == 1
    assert jobs["compare_experiments"] == 1


def test_both_snakefiles_plan_the_same(local: Workspace, tmp_path: Path) -> None:
    work = local.copy(tmp_path / "main")
    assert work.planned() == work.planned("--snakefile=workflow/Snakefile") != {}


def test_a_path_with_a_space_and_an_umlaut(
    local: Workspace, expected: Path, tmp_path: Path
) -> None:
    work = local.copy(tmp_path / "größere Läufe; 'heute'")
    work.settings = settings_of(local, work.path / "data")
    work.snakemake()
    assert_made(work)
    assert_same(work.path / "results/small", expected)


def test_results_behind_a_symbolic_link(local: Workspace, expected: Path, tmp_path: Path) -> None:
    work = local.copy(tmp_path / "main")
    work.settings = settings_of(local, work.path / "data")
    (tmp_path / "scratch").mkdir()
    (work.path / "results").symlink_to(tmp_path / "scratch", target_is_directory=True)
    targets = [f"results/small/{name}" for name in MADE]
    work.snakemake(*targets)
    assert_made(work, "small", *targets)
    assert (work.path / "results").is_symlink()
    assert_same(tmp_path / "scratch/small", expected)


@pytest.mark.parametrize("name", ["a b'c", "größer & $HOME", "x;y"])
def test_a_data_set_with_an_odd_name(
    local: Workspace, expected: Path, tmp_path: Path, name: str
) -> None:
    work = local.copy(tmp_path / "main")
    work.settings = settings_of(local, work.path / "data")
    work.change(dataset={"name": name})
    if name == "a b'c":
        targets = [f"results/{name}/{file}" for file in (*MADE, *TABLES)]
        work.snakemake(*targets)
        assert_made(work, name, *targets)
        assert_same(work.path / "results" / name, expected)
    else:
        target = f"results/{name}/networks/rewired/laplacian.npz"
        work.snakemake(target)
        assert (work.path / target).is_file()


MODULE = """
configfile: "test.yaml"

module echoes:
    snakefile:
        {snakefile}
    config:
        config

use rule * from echoes{names}

rule mine:
    default_target: True
    input:
        "results/small/comparison.csv",
        "results/small/published/submission.csv",
        "results/small/echo/figure.png",
        "results/small/echo/submission.csv",
"""


def module(folder: Path, settings: dict[str, Any], snakefile: str, names: str = "") -> Workspace:
    """Write a workflow that uses the workflow as a module."""
    folder.mkdir()
    text = MODULE.format(snakefile=snakefile, names=names)
    (folder / "Snakefile").write_text(text, encoding="utf-8")
    return Workspace(folder, settings)


@pytest.mark.parametrize("names", ["", " as echoes_*"])
def test_as_a_module_of_another_workflow(
    local: Workspace, expected: Path, tmp_path: Path, names: str
) -> None:
    snakefile = repr(str(local.path / "workflow/Snakefile"))
    settings = settings_of(local, local.path / "data")
    work = module(tmp_path / "mine", settings, snakefile, names)
    work.snakemake()
    assert_made(work)
    assert_same(work.path / "results/small", expected)


def test_as_a_module_from_a_repository(
    local: Workspace, pristine: Workspace, expected: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(pristine.path, repository)
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*identity, "commit", "--quiet", "--message=first"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    snakefile = f'gitfile({str(repository)!r}, path="workflow/Snakefile", tag="v1")'
    settings = settings_of(local, local.path / "data")
    work = module(tmp_path / "mine", settings, snakefile)
    # What is not committed is not there for a workflow that names a tag.
    shutil.rmtree(repository / "scripts")
    work.snakemake()
    assert_made(work)
    assert_same(work.path / "results/small", expected)

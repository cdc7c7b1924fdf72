"""The workflow on a cluster: the same bytes as on one computer, and few submissions."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import yaml

from cluster.runs import on_cluster, snakemake
from cluster.slurm import cluster, wait_for

ROOT = Path(__file__).resolve().parents[2]
TABLES = (
    *("oof_predictions.csv", "fold_scores.csv", "submission.csv"),
    *("predictions.npz", "figure.png", "figure.pdf"),
)
#: A submit command of some other scheduler: it runs the job and prints its process.
SUBMIT = """#!/bin/sh
"$@" > "$0.$$.log" 2>&1 &
echo $!
"""


def test_the_tables_are_those_of_a_local_run(prepared: Any, reference: Any, tmp_path: Path) -> None:
    work = prepared.copy(tmp_path / "main")
    with cluster(tmp_path) as slurm:
        with on_cluster(work, slurm) as run:
            text = run.wait()
        assert set(slurm.states) == {"COMPLETED"}
        # One for all folds, and one each for the stages that may be heavy.
        assert text.count("Submitted array job") == 1
        assert slurm.submissions() == 7
    for name in TABLES:
        assert work.file(name).read_bytes() == reference.file(name).read_bytes(), name
    assert work.planned() == {}


def test_eighty_folds_are_two_submissions_and_an_interrupt_cancels_them(
    pristine: Any, tmp_path: Path
) -> None:
    work = pristine.copy(tmp_path / "main")
    work.change(
        simulation={
            "network_genes": 200,
            "network_links": 600,
            "perturbations": 80,
            "validation_genes": 3,
            "response_genes": 100,
        },
        response={"n_components": 3},
        experiments={"published": {"models": ["ridge"]}},
    )
    folder = "results/example/published"
    work.snakemake(f"{folder}/features.npz", f"{folder}/components.npz", cores=2)
    with cluster(tmp_path) as slurm:
        with on_cluster(work, slurm) as run:
            wait_for(lambda: run.text.count("Submitted array job") == 2, "the submissions")
            assert len(slurm.states) == 80
            run.process.send_signal(signal.SIGINT)
            run.wait(fails=True)
        assert slurm.submissions() == 2
        wait_for(lambda: not {"PENDING", "RUNNING"} & set(slurm.states), "the end of the jobs")


def test_one_allocation_runs_everything(prepared: Any, reference: Any, tmp_path: Path) -> None:
    work = prepared.copy(tmp_path / "main")
    work.planned()  # Writes the configuration.
    command = [sys.executable, "-m", "snakemake", "--cores=2", "--configfile=test.yaml"]
    with cluster(tmp_path) as slurm:
        slurm.ask(
            *("sbatch", "--cpus-per-task=2", f"--chdir={work.path}", "--output=job.log"),
            f"--wrap={shlex.join(command)}",
        )
        wait_for(lambda: slurm.states == ["COMPLETED"], "the job", 100)
    for name in TABLES:
        assert work.file(name).read_bytes() == reference.file(name).read_bytes(), name


def test_another_scheduler(reference: Any, tmp_path: Path) -> None:
    work = reference.copy(tmp_path / "main")
    fold = work.file("folds/2.npz")
    fold.unlink()
    submit = tmp_path / "submit"
    submit.write_text(SUBMIT, encoding="utf-8")
    submit.chmod(0o755)
    with snakemake(
        work,
        *("--executor=cluster-generic", "--jobs=10", fold.relative_to(work.path).as_posix()),
        f"--cluster-generic-submit-cmd={submit}",
    ) as run:
        text = run.wait()
    assert re.search(r"external jobid '\d+'", text)
    assert fold.exists()


def test_every_rule_of_the_profile_is_one_of_the_workflow() -> None:
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text(encoding="utf-8"))
    rules = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("workflow/rules/*.smk"))
    named = {*profile["set-threads"], *profile["set-resources"]}
    named |= set(profile["slurm-array-jobs"].split(","))
    assert named <= set(re.findall(r"^(?:rule|checkpoint) (\w+):$", rules, re.MULTILINE))

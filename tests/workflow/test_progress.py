"""What a run tells while it goes, and that one computer hears of nothing that is for many."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = re.compile(r"slurm|sbatch|squeue|cluster|partition|plugin|submitted", re.IGNORECASE)
LINE = re.compile(r"^(\w+): (\d+) of (\d+) folds(?:, about \d+ s left)?$", re.MULTILINE)
#: Three folds in two parts.
THIRD = {
    "protocol": "held_out",
    "models": ["mean"],
    "crossval": {"scheme": "k_fold", "folds": 3, "parts": 2},
}


def told(text: str) -> dict[str, list[int]]:
    """Return how many folds of each experiment were done, in the order in which it was told."""
    found: dict[str, list[int]] = {}
    for name, done, folds in LINE.findall(text):
        found.setdefault(f"{name} of {folds}", []).append(int(done))
    return found


@pytest.fixture
def unfinished(done: Any) -> Any:
    """A run that has got as far as four of six folds, and another experiment at its start."""
    done.change(experiments={"third": THIRD})
    for fold in (1, 4):
        done.file(f"folds/{fold}.npz").unlink()
    done.file("oof_predictions.csv").unlink()
    return done


def test_folds_are_counted_over_runs_and_parts(unfinished: Any) -> None:
    folder = "results/small"
    targets = [f"{folder}/published/oof_predictions.csv", f"{folder}/third/oof_predictions.csv"]
    planned = unfinished.snakemake("--dry-run", *targets).text
    assert not told(planned)
    text = unfinished.snakemake(*targets, cores=1).text
    lines = told(text)
    assert lines.pop("published of 6") == [5, 6]
    # The parts have two folds and one, in whatever order they are made.
    assert lines.pop("third of 3") in ([1, 3], [2, 3])
    assert not lines
    # Of two jobs one has ended, so the pace is known.
    assert re.search(r"^published: 5 of 6 folds, about \d+ s left$", text, re.MULTILINE)
    # Each stands below Snakemake's own count.
    after = re.findall(r"^\d+ of \d+ steps .*\n(\w+): \d+ of \d+ folds", text, re.MULTILINE)
    assert sorted(after) == ["published", "published", "third", "third"]
    for words in (planned, text):
        assert not ELSEWHERE.search(words.replace(str(unfinished.path), ""))


@pytest.mark.parametrize(
    ("quiet", "heard"), [(["rules", "host"], True), ([], False), (["progress"], False)]
)
def test_it_is_as_quiet_as_snakemake(unfinished: Any, quiet: list[str], heard: bool) -> None:
    target = "results/small/published/folds/1.npz"
    # What is asked for alone is all that is counted.
    text = unfinished.snakemake(target, "--quiet", *quiet).text
    assert told(text) == ({"published of 1": [1]} if heard else {})


def test_a_failure_to_tell_leaves_the_run_alone(unfinished: Any) -> None:
    module = unfinished.path / "scripts/echoes/report/progress.py"
    module.write_text("raise RuntimeError\n", encoding="utf-8")
    text = unfinished.snakemake("results/small/published/folds/1.npz").text
    assert not told(text)
    assert "RuntimeError" not in text


def test_a_plan_and_a_job_do_not_load_it(unfinished: Any) -> None:
    target = "results/small/published/folds/1.npz"
    start = [sys.executable, "-X", "importtime", "-m", "snakemake", "--configfile=test.yaml"]
    unfinished.command()
    for how in (["--dry-run"], ["--cores=1", "--mode=subprocess", "--no-hooks"]):
        ended = subprocess.run(
            [*start, *how, target],
            cwd=unfinished.path,
            check=True,
            capture_output=True,
            text=True,
        )
        imports = set(re.findall(r"\| +([\w.]+)$", ended.stderr, re.MULTILINE))
        assert "snakemake.logging" in imports
        assert not {name for name in imports if name.partition(".")[0] == "echoes"}


def test_benchmarks_tell_what_was_asked_for_where_they_are_to(unfinished: Any) -> None:
    work = unfinished
    target = "results/small/published/folds/1.npz"
    table = work.path / "benchmarks/small/resources.csv"
    plain = (work.path / "benchmarks/small/published/folds/0.tsv").read_text(encoding="utf-8")
    assert plain.split("\n")[0].split("\t")[-1] == "cpu_time"
    assert not table.exists()

    resources = ("--default-resources", "mem_mb=500", "runtime=3")
    text = work.snakemake(target, "--benchmark-extended", *resources).text
    assert "in benchmarks/small/resources.csv too:\nrule " in text
    with table.open(encoding="utf-8", newline="") as stream:
        rows = {(row["rule"], row["experiment"]): row for row in csv.DictReader(stream)}
    fold = rows["loo_fold", "published"]
    assert (fold["jobs"], fold["requested_mb"], fold["requested_min"]) == ("6", "500", "3")
    assert rows["loo_fold", "second"]["requested_mb"] == ""
    assert rows["diffuse", ""]["jobs"] == "3"
    assert {name for name, _ in rows} <= {path.stem for path in (ROOT / "scripts").glob("*.py")}


def test_nothing_for_a_cluster_is_needed(finished: Any) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "snakemake==" in lock
    assert "snakemake-executor-plugin" not in lock
    text = finished.snakemake("--dry-run").text
    assert "profile profiles/default" in text
    assert not ELSEWHERE.search(text.replace(str(finished.path), ""))


def test_a_report_shows_the_run_times_of_each_stage(done: Any) -> None:
    done.snakemake("--report", "report.html")
    text = (done.path / "report.html").read_text(encoding="utf-8")
    start = "runtimes_spec = "
    spec, _ = json.JSONDecoder().raw_decode(text[text.index(start) + len(start) :])
    shown: dict[str, list[float]] = {}
    for job in spec["data"]["values"]:
        shown.setdefault(job["rule"], []).append(job["runtime"])
    assert len(shown["loo_fold"]) == 12
    assert {"read_perturbations", "build_network", "diffuse", "aggregate_folds"} <= shown.keys()
    assert all(seconds > 0 for times in shown.values() for seconds in times)
    # It needs no network to be looked at.
    assert not re.search(r"""<(?:script|link|img)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//""", text)

"""What a run shows on the terminal, and that one computer shows nothing that is for a cluster."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = re.compile(r"slurm|sbatch|squeue|cluster|partition|plugin|submitted", re.IGNORECASE)
LINE = re.compile(r"^\[ *(\d+) of (\d+)\] (\w+)(?:: (.*))?$", re.MULTILINE)
STAGE = re.compile(r"; (\d+) of (\d+) (folds|parts) of this stage(?:, about \d+ s left)?$")
#: What Snakemake writes of its jobs, which the terminal does not show.
USUAL = re.compile(
    r"^(?:(?:local)?(?:rule|checkpoint) \w+:|Select jobs to execute\.\.\.|Execute \d+ jobs\.\.\."
    r"|Finished jobid: .*|\d+ of \d+ steps .*|\[\w+ \w+ +\d+ [\d:]+ \d+\]| +(?:reason|input): .*)$",
    re.MULTILINE,
)
#: Three folds in two parts.
THIRD = {
    "protocol": "held_out",
    "models": ["mean"],
    "crossval": {"scheme": "k_fold", "folds": 3, "parts": 2},
}


def lines(text: str) -> dict[str, list[str]]:
    """Return what the lines of finished jobs say, by rule."""
    found: dict[str, list[str]] = {}
    for _, _, rule, rest in LINE.findall(text):
        found.setdefault(rule, []).append(rest)
    return found


@pytest.fixture
def unfinished(done: Any) -> Any:
    """A run that has got as far as four of six folds, and another experiment at its start."""
    done.change(experiments={"third": THIRD})
    for fold in (1, 4):
        done.file(f"folds/{fold}.npz").unlink()
    done.file("oof_predictions.csv").unlink()
    return done


def test_a_line_for_each_finished_job(unfinished: Any) -> None:
    folder = "results/small"
    targets = [f"{folder}/published/oof_predictions.csv", f"{folder}/third/oof_predictions.csv"]
    planned = unfinished.snakemake("--dry-run", *targets).text
    assert not LINE.search(planned)
    assert USUAL.search(planned)
    run = unfinished.snakemake(*targets, cores=1)
    assert Counter(rule for _, _, rule, _ in LINE.findall(run.text)) == run.ran
    numbers = [int(done) for done, *_ in LINE.findall(run.text)]
    assert numbers == list(range(1, run.ran.total() + 1))
    stages = {
        rule: [STAGE.search(rest) for rest in lines(run.text)[rule]]
        for rule in ("loo_fold", "predict_held_out")
    }
    # Two folds were left; the validation genes are a third part.
    for matches, number, unit in zip(stages.values(), (2, 3), ("folds", "parts"), strict=True):
        counts = [match.groups() for match in matches if match is not None]
        assert counts == [(str(done), str(number), unit) for done in range(1, number + 1)]
    # Of two jobs one has ended, so the pace is known.
    assert re.search(r"1 of 2 folds of this stage, about \d+ s left$", run.text, re.MULTILINE)
    assert not USUAL.search(run.text)
    assert len(USUAL.findall(run.log)) >= 5 * run.ran.total()
    for words in (planned, run.text):
        assert not ELSEWHERE.search(words.replace(str(unfinished.path), ""))


@pytest.mark.parametrize(
    ("options", "written", "usual"),
    [
        (["--quiet", "rules", "host"], True, False),
        (["--quiet"], False, False),
        (["--quiet", "progress"], False, False),
        (["--quiet", "all"], False, False),
        (["--verbose"], False, True),
        (["--printshellcmds"], False, True),
    ],
)
def test_options_of_snakemake_are_heeded(
    unfinished: Any, options: list[str], written: bool, usual: bool
) -> None:
    target = "results/small/published/folds/1.npz"
    text = unfinished.snakemake(target, *options).text
    assert (LINE.findall(text) != []) == written
    assert (USUAL.search(text) is not None) == usual


def test_a_run_ends_with_its_results(done: Any) -> None:
    done.file("../comparison.csv").unlink()
    text = done.snakemake().text
    end = text[text.index("all files are there") :]
    assert "\nBest held-out scores of small (higher is better), 95 % interval:\n  mean " in end
    assert "\n  results/small/comparison.md  (all scores)\n" in end
    assert "/figure.png  (" in end
    # Nothing of it where a part of the results alone is made.
    done.file("figure.png").unlink()
    assert "Best held-out scores" not in done.snakemake("results/small/published/figure.png").text


def test_a_failed_job_is_shown_in_full(done: Any) -> None:
    done.change(response={"n_components": 200})
    text = done.snakemake("results/small/published/components.npz", fails=True).text
    assert "Error in rule decompose_responses:" in text
    assert "\n    log: logs/small/published/decompose_responses.log" in text
    assert "\nerror: configuration: response: n_components: 200; expected" in text
    assert not LINE.search(text)


def test_a_job_on_another_machine_writes_no_lines(unfinished: Any) -> None:
    target = "results/small/published/folds/1.npz"
    text = unfinished.snakemake(target, "--mode=subprocess", "--no-hooks").text
    assert not LINE.search(text)


def test_benchmarks_tell_what_was_asked_for_where_they_are_to(unfinished: Any) -> None:
    work = unfinished
    target = "results/small/published/folds/1.npz"
    table = work.path / "benchmarks/small/resources.csv"
    plain = (work.path / "benchmarks/small/published/folds/0.tsv").read_text(encoding="utf-8")
    assert plain.split("\n")[0].split("\t")[-1] == "cpu_time"
    assert not table.exists()

    resources = ("--default-resources", "mem_mb=500", "runtime=3")
    text = work.snakemake(target, "--benchmark-extended", *resources).text
    assert "Resources of all jobs, in benchmarks/small/resources.csv too:\nrule " in text
    with table.open(encoding="utf-8", newline="") as stream:
        rows = {(row["rule"], row["experiment"]): row for row in csv.DictReader(stream)}
    fold = rows["loo_fold", "published"]
    assert (fold["jobs"], fold["requested_mb"], fold["requested_min"]) == ("6", "500", "3")
    assert rows["loo_fold", "second"]["requested_mb"] == ""
    assert rows["diffuse", ""]["jobs"] == "3"
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    assert {name for name, _ in rows} <= scripts | {"list_experiments"}


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

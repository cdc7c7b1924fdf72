"""What the terminal shows at the end of a run, from tables written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from echoes.report.results import result_text

ROWS = """\
experiment,kind,protocol,metric,value,lower,upper
zero,baseline,held_out,score,0.0,-0.0,0.0
mean,baseline,held_out,score,-0.42111,-0.5334,-0.3342
mean,baseline,held_out,pearson,0.9,0.8,1.0
worst,experiment,held_out,score,-1.5,-2,-1
echo,experiment,held_out,score,9.84727,7.5761,12.1527
second,experiment,held_out,score,5.6,,
undefined,experiment,held_out,score,nan,nan,nan
blend,baseline,held_out,score,1.76545,0.8674,2.9379
median,baseline,held_out,score,-0.15238,-0.388,0.0878
published,experiment,published,mean_fold_score,0.1,0,0.2
"""


def write(path: Path, value: str | dict[str, Any]) -> None:
    """Write a file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of results."""
    folder = tmp_path / "small"
    write(folder / "comparison.csv", ROWS)
    write(folder / "comparison.md", "")
    write(folder / "echo/figure.png", "")
    write(folder / "echo/top_effects.csv", "")
    write(folder / "figures/comparison.png", "")
    write(folder / "report.html", "")
    counts = {"train": {"genes": 24, "isolated": ["A"]}, "validation": {"genes": 8}}
    for network in ("string", "rewired"):
        write(folder / f"networks/{network}/summary.json", {"perturbed": counts})
    full = {"train": {"genes": 24, "isolated": []}}
    write(folder / "networks/full/summary.json", {"perturbed": full})
    write(folder / "perturbations/summary.json", {"warnings": ["Numbers over 13.3."]})
    return folder


def test_about_ten_lines(results: Path) -> None:
    alone = "Without a link in the network (rewired, string):"
    assert result_text(results / "comparison.csv").splitlines() == [
        "",
        "Best held-out scores of small (higher is better), 95 % interval:",
        "  echo     9.85  (7.58 … 12.15)",
        "  second   5.60",
        "  blend    1.77  (0.87 … 2.94)    baseline",
        "  zero     0.00  (0.00 … 0.00)    baseline",
        "  median  -0.15  (-0.39 … 0.09)   baseline",
        "  mean    -0.42  (-0.53 … -0.33)  baseline",
        f"{alone} 1 of 24 silenced genes; see coverage.tsv there.",
        "Warning: Numbers over 13.3.",
        "Look first at:",
        f"  {results}/report.html  (all results on one page, for a browser)",
        f"  {results}/comparison.md  (all scores)",
        f"  {results}/echo/figure.png  (echo: predictions beside measurements)",
        (
            f"  {results}/echo/top_effects.csv  "
            "(what happens if the genes that you asked for are silenced)"
        ),
        f"  {results}/figures/comparison.png  (all scores drawn; more beside it)",
        "The same command with `--report run.zip` makes a report of all files and run times.",
    ]


def test_many_warnings_are_cut_short(results: Path) -> None:
    path = results / "perturbations/summary.json"
    write(path, {"warnings": [f"w{number}" for number in range(7)]})
    lines = result_text(results / "comparison.csv").splitlines()
    assert [line for line in lines if line.startswith("Warning: ")][-1] == "Warning: w4"
    assert f"2 more warnings are in {path}." in lines


def test_a_warning_about_several_files_is_said_once(results: Path) -> None:
    for name in ("full", "string"):
        write(results / f"networks/{name}/summary.json", {"warnings": ["No node.", name]})
    write(results / "priors/other/summary.json", {"warnings": ["o.csv: numbers over 13.3."]})
    write(results / "networks/broken/summary.json", "{")
    lines = result_text(results / "comparison.csv").splitlines()
    warnings = [line for line in lines if line.startswith("Warning: ")]
    texts = ("Numbers over 13.3.", "o.csv: numbers over 13.3.", "No node.", "full", "string")
    assert warnings == [f"Warning: {text}" for text in texts]


def test_a_published_experiment_alone_has_its_figure(results: Path) -> None:
    header, *rows = ROWS.splitlines()
    write(results / "comparison.csv", "\n".join([header, rows[-1]]))
    write(results / "published/figure.png", "")
    text = result_text(results / "comparison.csv")
    assert "Best held-out scores" not in text
    assert f"  {results}/published/figure.png" in text


@pytest.mark.parametrize("name", ["comparison.csv", "networks/string/summary.json"])
@pytest.mark.parametrize("content", ["", "{", "a,b\n1\n", '{"perturbed": 3}', "\0"])
def test_what_cannot_be_read_is_left_out(results: Path, name: str, content: str) -> None:
    write(results / name, content)
    text = result_text(results / "comparison.csv")
    assert "Warning: Numbers over 13.3." in text
    assert ("95 % interval" in text) == (name != "comparison.csv")


def test_without_results_nothing_is_shown(tmp_path: Path) -> None:
    assert not result_text(tmp_path / "comparison.csv").strip()

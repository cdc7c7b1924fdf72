"""What jobs asked for and used, against sums worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from echoes.io.errors import InputError
from echoes.report.resources import DIGITS, tabulate

RULES = ("build_network", "build_features", "diffuse", "loo_fold", "plot_figure", "rank_sweep")
USED = ("s", "h:m:s", "max_rss", "max_vms", "max_uss", "max_pss", "io_in", "io_out", "mean_load")
USED += ("cpu_time",)
MORE = ("jobid", "rule_name", "wildcards", "params", "threads", "cpu_usage", "resources")
MORE += ("input_size_mb",)


def write(path: Path, used: Mapping[str, str], more: Mapping[str, str] | None = None) -> None:
    """Write a benchmark as Snakemake does, with all columns."""
    cells = dict.fromkeys(USED, "0.00") | used
    if more is not None:
        cells |= dict.fromkeys(MORE, "{}") | more
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map("\t".join, (cells, cells.values()))) + "\n", encoding="utf-8")


def fold(memory: str, seconds: str, processor: str, requests: str, inputs: str) -> tuple[Any, Any]:
    used = {"s": seconds, "max_rss": memory, "cpu_time": processor}
    more = {"rule_name": "loo_fold", "resources": requests, "input_size_mb": inputs}
    return used, more | {"params": "{'models': ['ridge'], 'text': \"it's 5\\\" long\"}"}


def test_jobs_are_summed_up(tmp_path: Path) -> None:
    request = "{'tmpdir': '/tmp', 'mem_mb': %d, 'runtime': %d, '_cores': 1}"
    jobs = {
        # The second came closest to its memory, the first to its time.
        "first/folds/0": fold("300", "480", "400", request % (1000, 10), "{'a b.py': 20}"),
        "first/folds/1": fold("200", "540", "500", request % (400, 20), "{'a': 29.5, 'b': 0.5}"),
        "first/folds/2": fold("NA", "60", "NA", request % (500, 10), "{'a': 25}"),
        "second/folds/0": fold("10", "60", "100", "{'mem_mb': '<TBD>'}", "{}"),
    }
    for name, cells in jobs.items():
        write(tmp_path / f"small/{name}.tsv", *cells)
    write(tmp_path / "small/diffuse/alpha~0.5.tsv", {"s": "6.00", "max_rss": "-", "cpu_time": "-"})
    table = tabulate(tmp_path, RULES)
    assert list(table) == ["rule", "experiment", *DIGITS]
    rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    assert rows == [
        ["diffuse", "", 1, None, None, None, None, None, 0.1, None, None],
        ["loo_fold", "first", 3, 30, 1000, 300, 0.5, 20, 9, 0.8, 900],
        ["loo_fold", "second", 1, None, None, 10, None, None, 1, None, 100],
    ]


@pytest.mark.parametrize("request_of", ["mem_mb", "runtime"])
def test_a_request_of_nothing_has_no_share(tmp_path: Path, request_of: str) -> None:
    write(tmp_path / "a.tsv", *fold("10", "60", "1", f"{{'{request_of}': 0}}", "{}"))
    assert tabulate(tmp_path, RULES)[["memory_share", "time_share"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("path", "rule", "experiment"),
    [
        ("small/build_network.tsv", "build_network", ""),
        ("small/build_network_threshold~0.6.tsv", "build_network", ""),
        ("small/diffuse_threshold~0.6_rewired/alpha~0.5.tsv", "diffuse", ""),
        ("small/published/folds/12.tsv", "loo_fold", "published"),
        ("small/echo.1/held_out/validation.tsv", "predict_held_out", "echo.1"),
        ("small/diffuse_more/plot_figure.tsv", "plot_figure", ""),
        ("small/diffuse_more/held_out/0.tsv", "predict_held_out", "diffuse_more"),
        ("small/rank_sweep/alphas.tsv", "rank_sweep", ""),
        ("small/gone/old.tsv", "old", ""),
        # The folder of one data set.
        ("published/folds/12.tsv", "loo_fold", "published"),
        ("build_network.tsv", "build_network", ""),
    ],
)
def test_the_path_tells_the_rule(tmp_path: Path, path: str, rule: str, experiment: str) -> None:
    write(tmp_path / path, {"s": "60.00"})
    write(tmp_path / "z/extended.tsv", *fold("10", "60", "1", "{}", "{}"))
    table = tabulate(tmp_path, RULES)
    assert (rule, experiment) in zip(table["rule"], table["experiment"], strict=True)


def test_repeats_are_jobs(tmp_path: Path) -> None:
    text = "s\tmax_rss\tcpu_time\tresources\n60\t1\t2\t{}\n120\t3\t4\t{}\n"
    (tmp_path / "diffuse.tsv").write_text(text, encoding="utf-8")
    [row] = tabulate(tmp_path, RULES).to_dict("records")
    assert (row["jobs"], row["used_mb"], row["longest_min"], row["processor_s"]) == (2, 3, 2, 6)


def test_without_requests_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert tabulate(tmp_path / "none", RULES).empty
    write(tmp_path / "diffuse.tsv", {"s": "60.00"})
    table = tabulate(tmp_path, RULES)
    assert isinstance(table, pd.DataFrame)
    assert table.empty


GOOD = "s\tmax_rss\tcpu_time\tresources\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read (No columns"),
        ("s\tcpu_time\n1\t1\n", "no column 'max_rss'"),
        (GOOD + "1\tmany\t2\t{}\n", "cannot be read (could not convert string to float: 'many'"),
        (GOOD + "1\t1\t2\tmem_mb=1\n", "cannot be read (invalid syntax"),
        (GOOD + "1\t1\t2\t[1]\n", "cannot be read ("),
        (GOOD + "1\t2\t3\t{}\n1\t2\t3\t{}\t5\n", "cannot be read (Error tokenizing data"),
    ],
)
def test_what_is_no_benchmark_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "diffuse.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        tabulate(tmp_path, RULES)
    assert str(error.value).startswith(f"{path}: {problem}")
    assert "; expected a benchmark of Snakemake" in str(error.value)
    assert "\n" not in str(error.value)

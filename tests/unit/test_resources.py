"""What jobs asked for and used, against sums worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from echoes.io.errors import InputError
from echoes.report.resources import COLUMNS, Job, read_benchmarks, tabulate

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


def test_requests_and_use_of_an_extended_benchmark(tmp_path: Path) -> None:
    write(
        tmp_path / "small/published/folds/7.tsv",
        {"s": "90.00", "max_rss": "250.50", "cpu_time": "80.25"},
        {
            "rule_name": "loo_fold",
            "params": "{'models': ['ridge'], 'text': \"it's 5\\\" long\"}",
            "resources": "{'tmpdir': '/tmp', 'mem_mb': 1000, 'runtime': 10, '_cores': 1}",
            "input_size_mb": "{'a.py': 0.25, 'b c.npz': 20.5}",
        },
    )
    assert read_benchmarks(tmp_path, RULES) == [
        Job("loo_fold", "published", 1.5, 250.5, 80.25, 1000, 10, 20.75)
    ]


def test_without_requests_there_are_no_amounts(tmp_path: Path) -> None:
    write(
        tmp_path / "small/diffuse/alpha~0.5.tsv",
        {"s": "6.00", "max_rss": "NA", "cpu_time": "NA"},
        {"rule_name": "diffuse", "resources": "{'tmpdir': '/tmp', 'mem_mb': '<TBD>'}"},
    )
    assert read_benchmarks(tmp_path, RULES) == [Job("diffuse", "", 0.1, None, None)]


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
    assert read_benchmarks(tmp_path, RULES) == [Job(rule, experiment, 1, 0, 0)]


def test_repeats_are_jobs(tmp_path: Path) -> None:
    (tmp_path / "diffuse.tsv").write_text(
        "s\tmax_rss\tcpu_time\n60\t1\t2\n120\t3\t4\n", encoding="utf-8"
    )
    assert read_benchmarks(tmp_path, RULES) == [
        Job("diffuse", "", 1, 1, 2),
        Job("diffuse", "", 2, 3, 4),
    ]


GOOD = "s\tmax_rss\tcpu_time\tresources\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column cpu_time; expected a benchmark of Snakemake. Delete"),
        ("s\tcpu_time\n1\t1\n", "line 1: no column max_rss; expected"),
        (GOOD + "1\t2\n", "line 2: 2 cells; expected 4, as in line 1."),
        (GOOD + "1\tmany\t2\t{}\n", "column max_rss: 'many'; expected a number or NA."),
        (GOOD + "NA\t1\t2\t{}\n", "column s: 'NA'; expected the seconds that the job took."),
        (GOOD + "1\t1\t2\tmem_mb=1\n", "column resources: 'mem_mb=1'; expected a mapping"),
        (GOOD + "1\t1\t2\t[1]\n", "column resources: '[1]'; expected a mapping"),
    ],
)
def test_what_is_no_benchmark_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "diffuse.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_benchmarks(tmp_path, RULES)
    assert str(error.value).startswith(f"{path}: {message}")


def test_no_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no benchmark; expected the \.tsv files"):
        read_benchmarks(tmp_path / "benchmarks", RULES)


def test_jobs_are_summed_up() -> None:
    rows = tabulate(
        [
            Job("loo_fold", "second", 1, 10, 100, None, None, None),
            # The second came closest to its memory, the first to its time.
            Job("loo_fold", "first", 8, 300, 400, 1000, 10, 20),
            Job("loo_fold", "first", 9, 200, 500, 400, 20, 30),
            Job("loo_fold", "first", 1, None, None, 500, 10, 25),
            Job("diffuse", "", 2, None, None, 0, 0, None),
        ]
    )
    assert rows == [
        ("diffuse", "", 1, None, 0, None, None, 0, 2, None, None),
        ("loo_fold", "first", 3, 30, 1000, 300, 0.5, 20, 9, 0.8, 900),
        ("loo_fold", "second", 1, None, None, 10, None, None, 1, None, 100),
    ]
    assert {len(row) for row in rows} == {len(COLUMNS)}

"""The table of experiments in Markdown, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from echoes.report.markdown import comparison_table

COMPARISON = ["experiment", "kind", "protocol", "metric", "value", "lower", "upper"]
DIFFERENCES = ["experiment", "reference", "metric", "value", "lower", "upper"]
HEADER = [
    (
        "|  | score, held out | minus that of `mean` | better | Pearson | of deviations "
        "| R² | discrimination | mean fold score, published |"
    ),
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
]


def table_of(rows: list[tuple[object, ...]], differences: list[tuple[object, ...]]) -> list[str]:
    text = comparison_table(
        pd.DataFrame(rows, columns=COMPARISON), pd.DataFrame(differences, columns=DIFFERENCES)
    )
    assert text.endswith("|\n")
    return text.splitlines()


def test_the_best_is_first_and_the_published_protocol_last() -> None:
    published = ("old", "experiment", "published")
    mean, echo = ("mean", "baseline", "held_out"), ("echo", "experiment", "held_out")
    rows = [
        (*published, "mean_fold_score", 0.5, 0.25, 0.754),
        (*published, "mape", 30.0, 20.0, 40.0),
        (*mean, "score", -0.001, -1.0, 1.0),
        (*mean, "better_than_baseline", 3.0, 1.0, 5.0),
        (*mean, "pearson_control", 0.456, 0.1, 0.9),
        (*mean, "pearson_mean", np.nan, np.nan, np.nan),
        (*mean, "discrimination_cosine", 0.5, 0.5, 0.5),
        (*echo, "score", 9.847, 7.576, 12.153),
        (*echo, "pearson_mean", 0.25, 0.2, 0.3),
        (*echo, "r2_mean", -0.001, -0.1, 0.1),
    ]
    differences = [
        ("echo", "mean", "score", 9.848, 7.0, 12.0),
        ("echo", "mean", "wmae_ratio", 1.0, 1.0, 1.0),
        ("echo", "other", "score", 2.0, 2.0, 2.0),
        ("mean", "echo", "score", -9.848, -12.0, -7.0),
    ]
    assert table_of(rows, differences) == [
        *HEADER,
        "| `echo` | 9.85 (7.58 … 12.15) | 9.85 (7.00 … 12.00) |  |  | 0.25 | 0.00 |  |  |",
        # What is undefined is empty, and what is rounded to nothing has no sign.
        "| `mean` | 0.00 (-1.00 … 1.00) |  | 3 | 0.46 |  |  | 0.50 |  |",
        "| `old` |  |  |  |  |  |  |  | 0.50 (0.25 … 0.75) |",
    ]


def test_without_experiments() -> None:
    assert table_of([], []) == HEADER


def test_rankings_have_columns_with_what_chance_gives() -> None:
    echo, mean = ("echo", "experiment", "held_out"), ("mean", "baseline", "held_out")
    nan = np.nan
    rows = [
        (*echo, "score", 2.0, 1.0, 3.0),
        (*echo, "auroc_de_gene", 0.754, nan, nan),
        (*echo, "ap_de_gene", 0.41, nan, nan),
        (*echo, "prevalence_de_gene", 0.123, nan, nan),
        (*echo, "auroc_up_gene", nan, nan, nan),
        (*mean, "score", 1.0, 1.0, 3.0),
        (*mean, "auroc_de_gene", 0.5, nan, nan),
        (*mean, "ap_de_gene", 0.123, nan, nan),
    ]
    # Labels have no direction: a column that is empty everywhere is left out.
    assert table_of(rows, []) == [
        f"{HEADER[0]} AUROC differential (chance 0.50) | AP differential (chance 0.12) |",
        f"{HEADER[1]}---:|---:|",
        "| `echo` | 2.00 (1.00 … 3.00) |  |  |  |  |  |  |  | 0.75 | 0.41 |",
        "| `mean` | 1.00 (1.00 … 3.00) |  |  |  |  |  |  |  | 0.50 | 0.12 |",
    ]

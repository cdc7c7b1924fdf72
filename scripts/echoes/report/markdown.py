"""Tables in Markdown, for people to read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

#: Columns of the table that compares experiments; the first holds their names.
_COLUMNS = (
    *("", "score, held out", "minus that of `mean`", "better", "Pearson", "of deviations", "R²"),
    *("discrimination", "mean fold score, published"),
)
#: Rankings → their column, and the metric that has what chance gives; None for one half.
_RANKINGS = {
    "auroc_de_gene": ("AUROC differential", None),
    "ap_de_gene": ("AP differential", "prevalence_de_gene"),
    "auroc_up_gene": ("AUROC up or down", None),
}

#: Columns of the table of upper bounds.
_BOUND_COLUMNS = ("", "score", "better", "Pearson", "of deviations", "R²", "discrimination")
#: Lines of that table, of one kind of replicates.
_BOUND_ROWS = {
    "upper_bound": "upper bound, by {}",
    "replicate": "prediction by {}",
}
_REPLICATES = {"guides": "other guides", "cells": "halves of the cells"}


def comparison_page(
    comparison: pd.DataFrame, differences: pd.DataFrame, bounds: pd.DataFrame | None
) -> str:
    """Write the table of all experiments, and what is left to them if a screen has replicates."""
    section = "" if bounds is None else upper_bound_section(bounds)
    return comparison_table(comparison, differences) + section


def comparison_table(comparison: pd.DataFrame, differences: pd.DataFrame) -> str:
    """Write the main metrics of all experiments as a table in Markdown.

    Parameters
    ----------
    comparison, differences
        Tables from `comparison_table` and `difference_table` of `scoring.comparison`.

    Returns
    -------
    str
        One line for each experiment, the best held-out score first, experiments of the published
        protocol last. A cell is empty where a metric is undefined. Rankings have columns only if
        they are in the table; the title says what chance gives.
    """
    metrics = {(row["experiment"], row["metric"]): row for row in comparison.to_dict("records")}
    against_mean = {
        row["experiment"]: row
        for row in differences.to_dict("records")
        if row["reference"] == "mean" and row["metric"] == "score"
    }
    names = list(dict.fromkeys(comparison["experiment"]))
    held_out = [name for name in names if (name, "score") in metrics]
    held_out.sort(key=lambda name: -metrics[name, "score"]["value"])
    rankings = _ranking_columns(comparison)
    columns = [*_COLUMNS, *rankings.values()]
    lines = [_table_line(columns), "|---" + "|---:" * (len(columns) - 1) + "|"]
    for name in [*held_out, *(name for name in names if name not in held_out)]:
        cells = [
            _cell(metrics.get((name, "score")), bounds=True),
            _cell(against_mean.get(name), bounds=True),
            _cell(metrics.get((name, "better_than_baseline")), digits=0),
            _cell(metrics.get((name, "pearson_control"))),
            _cell(metrics.get((name, "pearson_mean"))),
            _cell(metrics.get((name, "r2_mean"))),
            _cell(metrics.get((name, "discrimination_cosine"))),
            _cell(metrics.get((name, "mean_fold_score")), bounds=True),
            *(_cell(metrics.get((name, ranking))) for ranking in rankings),
        ]
        lines.append(_table_line([f"`{name}`", *cells]))
    return "\n".join(lines) + "\n"


def _ranking_columns(comparison: pd.DataFrame) -> dict[str, str]:
    """Name the columns of the rankings that are defined, with what chance gives."""
    values = comparison.dropna(subset="value").groupby("metric")["value"].first()
    return {
        ranking: f"{title} (chance {values[chance] if chance else 0.5:.2f})"
        for ranking, (title, chance) in _RANKINGS.items()
        if ranking in values
    }


def upper_bound_section(bounds: pd.DataFrame) -> str:
    """Write what replicates say about the best that a model can do, to stand below the table.

    Parameters
    ----------
    bounds
        Table from `upper_bound_table` of `scoring.upper_bound`.
    """
    if bounds.empty:
        return (
            "\nNo upper bound: it takes two silenced genes or more that were measured twice, by "
            "several guides or in halves of their cells, and this screen has none.\n"
        )
    lines = ["", "How well a model could do at best, by replicates:", ""]
    lines += [_table_line(_BOUND_COLUMNS), "|---" + "|---:" * (len(_BOUND_COLUMNS) - 1) + "|"]
    notes = []
    for replicates, of_kind in bounds.groupby("replicates", sort=False):
        count, total = of_kind[["with_replicates", "perturbations"]].to_numpy()[0]
        notes.append(f"{count:,} of {total:,} perturbations have replicates by {replicates}")
        for kind, text in _BOUND_ROWS.items():
            rows = of_kind[of_kind["kind"] == kind].to_dict("records")
            row = {row["metric"]: row for row in rows}
            cells = [
                _cell(row.get("score"), bounds=True),
                _cell(row.get("better_than_baseline"), digits=0),
                _cell(row.get("pearson_control")),
                _cell(row.get("pearson_mean"), bounds=True),
                _cell(row.get("r2_mean"), bounds=True),
                _cell(row.get("discrimination_cosine")),
            ]
            lines.append(_table_line([text.format(_REPLICATES[str(replicates)]), *cells]))
    lines += ["", f"{'; '.join(notes)}. What predicts by a noisy replicate understates the bound."]
    return "\n".join(lines) + "\n"


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Mapping[Hashable, Any] | None, digits: int = 2, *, bounds: bool = False) -> str:
    """Write a value, with the bounds of its interval if `bounds` is set; empty if undefined."""
    if row is None or np.isnan(row["value"]):
        return ""
    # Adding zero turns -0.0 into 0.0.
    value, lower, upper = (round(row[key], digits) + 0.0 for key in ("value", "lower", "upper"))
    text = f"{value:.{digits}f}"
    return f"{text} ({lower:.{digits}f} … {upper:.{digits}f})" if bounds else text

"""Resources that jobs requested and used, from the benchmark files that Snakemake writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from echoes.io.errors import InputError

#: Folders of benchmark files that do not have the name of their rule.
FOLD_RULES = {"folds": "loo_fold", "held_out": "predict_held_out"}
#: Digits after the decimal point of the numbers in each column of the table.
DIGITS = {
    "jobs": 0,
    "input_mb": 0,
    "requested_mb": 0,
    "used_mb": 0,
    "memory_share": 2,
    "requested_min": 0,
    "longest_min": 2,
    "time_share": 2,
    "processor_s": 0,
}


def _rule(parts: Sequence[str], rules: Sequence[str]) -> str:
    """Find the rule of a benchmark file: the last part of its path with the name of a rule."""
    for part in reversed(parts):
        if part in FOLD_RULES:
            return FOLD_RULES[part]
        matches = [name for name in rules if re.match(rf"{re.escape(name)}(?![a-z])", part)]
        if matches:
            return max(matches, key=len)
    return parts[-1]


def _amounts(cell: Any) -> dict[str, float]:
    """Read the numbers of a mapping in Python's notation; empty where there is none."""
    values = ast.literal_eval(cell) if isinstance(cell, str) else {}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def _read(path: Path, parts: Sequence[str], rules: Sequence[str]) -> pd.DataFrame:
    """Read the jobs of one benchmark file."""
    try:
        # Nothing is quoted. NA and - mean that a job was too short to be measured.
        cells = pd.read_csv(
            path, sep="\t", quoting=3, na_values=["-"], index_col=False, encoding_errors="replace"
        )
        requested = [_amounts(cell) for cell in cells.get("resources", [None] * len(cells))]
        inputs = [_amounts(cell) for cell in cells.get("input_size_mb", [None] * len(cells))]
        return pd.DataFrame(
            {
                "rule": cells.get("rule_name", _rule(parts, rules)),
                "experiment": parts[-3] if len(parts) > 2 and parts[-2] in FOLD_RULES else "",
                "extended": "resources" in cells,
                "input_mb": [sum(sizes.values()) if sizes else None for sizes in inputs],
                "requested_mb": [amounts.get("mem_mb") for amounts in requested],
                "used_mb": cells["max_rss"].astype(float),
                "requested_min": [amounts.get("runtime") for amounts in requested],
                "longest_min": cells["s"].astype(float) / 60,
                "processor_s": cells["cpu_time"].astype(float),
            }
        )
    except (KeyError, ValueError, SyntaxError, AttributeError) as error:
        text = str(error).strip()
        raise InputError(
            path,
            "",
            f"no column {text}" if isinstance(error, KeyError) else f"cannot be read ({text})",
            expected="a benchmark of Snakemake with the columns s, max_rss and cpu_time",
            remedy="Delete the file; a run of its rule writes it again.",
        ) from error


def tabulate(folder: Path, rules: Sequence[str]) -> pd.DataFrame:
    """Compare requested with used resources, one row for each rule and experiment.

    Parameters
    ----------
    folder
        Folder of the benchmark files, of one data set or of several.
    rules
        Names of all rules. Only extended benchmark files contain the name of their rule; for the
        others it is read from their path.

    Returns
    -------
    DataFrame
        Columns rule, experiment and those of `DIGITS`. Sizes (MB), times (minutes) and shares of
        the request that were used are the largest ones of all jobs; processor seconds are the
        sum. Empty if no benchmark file is extended.

    Raises
    ------
    InputError
        If a file is not a benchmark file of Snakemake.
    """
    paths = sorted(folder.rglob("*.tsv"))
    parts = [path.relative_to(folder).with_suffix("").parts for path in paths]
    tables = [_read(path, names, rules) for path, names in zip(paths, parts, strict=True)]
    if not any(table["extended"].any() for table in tables):
        return pd.DataFrame(columns=["rule", "experiment", *DIGITS])
    jobs = pd.concat([table.astype(dict.fromkeys(table.columns[3:], float)) for table in tables])
    jobs["memory_share"] = jobs["used_mb"] / jobs["requested_mb"].replace(0, float("nan"))
    jobs["time_share"] = jobs["longest_min"] / jobs["requested_min"].replace(0, float("nan"))
    groups = jobs.groupby(["rule", "experiment"])
    table = groups.max()
    table["jobs"], table["processor_s"] = groups.size(), groups["processor_s"].sum(min_count=1)
    return table[list(DIGITS)].reset_index()


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers of a table as text, with `DIGITS`; unknown numbers as empty text."""
    text = table.copy()
    for name, digits in DIGITS.items():
        text[name] = [f"{value:.{digits}f}" if pd.notna(value) else "" for value in table[name]]
    return text

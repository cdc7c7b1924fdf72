"""How far two files of results are apart."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def predictions(one: str, other: str) -> Iterator[dict[str, Any]]:
    """Compare the predictions and expected errors of two parts of a held-out experiment."""
    with np.load(one, allow_pickle=False) as ours, np.load(other, allow_pickle=False) as theirs:
        if not np.array_equal(ours["rows"], theirs["rows"]):
            raise ValueError("other perturbations")
        record = {
            name: float(np.abs(ours[name] - theirs[name]).max())
            for name in ("prediction", "spread")
        }
        record["deviation"] = float((ours["prediction"] - ours["mean"][ours["fold"]]).std())
        record["seconds"] = float(ours["seconds"].sum())
        record["exact_seconds"] = float(theirs["seconds"].sum())
    yield record


def responses(one: str, other: str) -> Iterator[dict[str, Any]]:
    """Compare two tables of responses, whose first column names perturbations."""
    tables = []
    for path in (one, other):
        with Path(path).open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        names = [header, [row[0] for row in rows]]
        tables.append((names, np.array([row[1:] for row in rows], dtype=np.float64)))
    (names, ours), (others, theirs) = tables
    if names != others:
        raise ValueError("other perturbations or genes")
    yield {"largest": float(np.abs(ours - theirs).max())}

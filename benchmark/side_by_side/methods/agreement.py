"""How far two files of results are apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from echoes.io.tables import read_matrix


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
    """Compare two tables of out-of-fold predictions."""
    ours, theirs = (read_matrix(path, "pert_symbol") for path in (one, other))
    if (ours.rows, ours.columns) != (theirs.rows, theirs.columns):
        raise ValueError("other perturbations or genes")
    yield {"largest": float(np.abs(ours.values - theirs.values).max())}

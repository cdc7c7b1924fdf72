"""Ranking of the runs of a sweep over settings."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats
from echoes.scoring.bootstrap import Counts, interval, score_draws
from echoes.scoring.metrics import Score, score

_log = logging.getLogger(__name__)

#: Name of the row whose settings are chosen anew in each fold.
NESTED = "chosen in each fold"


@dataclass(frozen=True)
class Run:
    """One run of a sweep, with predictions of n perturbations and G genes.

    Parameters
    ----------
    name
        Name of the run.
    varied
        The settings that the sweep varies, by name, with the values of this run.
    inner_score
        (n,) score of the inner cross-validation of the fit that predicts each perturbation.
    prediction
        (n, G) out-of-fold predictions.
    """

    name: str
    varied: Mapping[str, Any]
    inner_score: Floats
    prediction: Floats


def rank_runs(
    runs: Sequence[Run], truth: Floats, weights: Floats, baseline: Floats, counts: Counts
) -> pd.DataFrame:
    """Rank the runs of a sweep by their inner score, with the held-out score beside it.

    A choice by the held-out score would be too optimistic, because it uses the responses that
    the score is computed on. The last row is nested: each perturbation is predicted by the run
    with the best inner score in its fold.

    Parameters
    ----------
    runs
        The runs, in the order of the configuration.
    truth, weights
        (n, G) measured responses and their weights in the score.
    baseline
        (n,) WMAE of the baseline.
    counts
        (draws, n) how many times each bootstrap draw contains each perturbation.

    Returns
    -------
    pandas.DataFrame
        One row for each run, the best inner score first, then the nested row. Settings are
        written as JSON.
    """

    def row(name: str, varied: Mapping[str, Any], inner: Floats, outer: Score) -> dict[str, Any]:
        lower, upper = interval(score_draws(outer.parts, counts))
        return {
            "run": name,
            **{key: json.dumps(value) for key, value in varied.items()},
            "inner_score": float(inner.mean()),
            "held_out_score": outer.total,
            "lower": lower,
            "upper": upper,
        }

    table = pd.DataFrame(
        [
            row(
                run.name,
                run.varied,
                run.inner_score,
                score(truth, run.prediction, weights, baseline),
            )
            for run in runs
        ]
    )
    # Stable: runs with equal scores stay in the order of the configuration.
    table = table.sort_values("inner_score", ascending=False, kind="stable")
    outer_rank = table["held_out_score"].rank(ascending=False, method="min").astype(int)
    table.insert(0, "inner_rank", range(1, len(table) + 1))
    table["held_out_rank"] = outer_rank
    table["note"] = _notes(table)

    inner_scores = np.array([run.inner_score for run in runs])
    chosen = np.argmax(inner_scores, axis=0)
    nested = np.array([runs[run].prediction[i] for i, run in enumerate(chosen)])
    last = row(NESTED, {}, inner_scores.max(axis=0), score(truth, nested, weights, baseline))
    last["note"] = "the honest score of the sweep"
    table = pd.concat([table, pd.DataFrame([last])], ignore_index=True)
    # Whole numbers, although the last row has none.
    return table.astype({"inner_rank": "Int64", "held_out_rank": "Int64"})


def _notes(ranked: pd.DataFrame) -> list[str]:
    """Write a note for the chosen run, and for another run that has the best held-out score."""
    notes = [""] * len(ranked)
    best = int(ranked["held_out_score"].argmax())
    if best:
        notes[best] = "best held-out score: choosing by it would flatter"
        _log.warning(
            "%s has the best held-out score, %s the best inner one; a choice by the held-out "
            "score has seen what it is scored on",
            *ranked["run"].iloc[[best, 0]],
        )
    notes[0] = "chosen by the inner score"
    return notes

"""Rank the settings of a sweep by their inner score, the held-out one beside it."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.scoring import comparison
from echoes.scoring.bootstrap import DRAWS, interval, resample, score_draws
from echoes.scoring.metrics import Score, score
from echoes.screen import record

log = logging.getLogger(__name__)

#: Name of the row whose settings are chosen anew in each fold.
NESTED = "chosen in each fold"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument(
        "--runs", required=True, help="what each run varies, and its parts, by name, json"
    )
    args.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    args.add_argument("--output", required=True, help="table of the ranking")
    given = args.parse_args(argv)

    truth, weights, baseline = record.load_fields(
        given.perturbations, "truth", "weights", "baseline"
    )
    counts = resample(len(truth), DRAWS, given.seed)
    runs = json.loads(given.runs)
    inner, predictions = [], []
    for own in runs.values():
        made = comparison.load(own["parts"])
        inner.append(made.inner_score[made.fold])
        predictions.append(made.prediction)

    def row(name: str, varied: dict[str, Any], inner_score: float, outer: Score) -> dict[str, Any]:
        lower, upper = interval(score_draws(outer.parts, counts))
        settings = {key: json.dumps(value) for key, value in varied.items()}
        return (
            {"run": name}
            | settings
            | {
                "inner_score": inner_score,
                "held_out_score": outer.total,
                "lower": lower,
                "upper": upper,
            }
        )

    table = pd.DataFrame(
        [
            row(name, own["varied"], float(each.mean()), score(truth, made, weights, baseline))
            for (name, own), each, made in zip(runs.items(), inner, predictions, strict=True)
        ]
    )
    # Stable: runs that are as good stay in the order of the configuration.
    table = table.sort_values("inner_score", ascending=False, kind="stable")
    outer_rank = table["held_out_score"].rank(ascending=False, method="min").astype(int)
    table.insert(0, "inner_rank", range(1, len(table) + 1))
    table["held_out_rank"] = outer_rank
    notes = [""] * len(table)
    best = int(table["held_out_score"].argmax())
    if best:
        notes[best] = "best held-out score: choosing by it would flatter"
        log.warning(
            "%s has the best held-out score, %s the best inner one; a choice by the held-out "
            "score has seen what it is scored on",
            *table["run"].iloc[[best, 0]],
        )
    notes[0] = "chosen by the inner score"
    table["note"] = notes
    chosen = np.argmax(inner, axis=0)
    nested = np.array([predictions[run][i] for i, run in enumerate(chosen)])
    whole = row(
        NESTED, {}, float(np.max(inner, axis=0).mean()), score(truth, nested, weights, baseline)
    )
    whole["note"] = "the honest score of the sweep"
    table = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    for name in ("inner_rank", "held_out_rank"):
        table[name] = table[name].astype("Int64")
    with atomic_path(given.output) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main)

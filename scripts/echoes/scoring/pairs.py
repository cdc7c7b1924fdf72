"""Pairs told apart by how many of their genes a fold has learnt from alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, Ints, Strings
from echoes.scoring.bootstrap import DRAWS, Counts, interval, mean_draws, resample
from echoes.scoring.comparison import Experiment

#: The baseline that others are compared with.
REFERENCE = "additive"
#: Metrics of a perturbation that are averaged.
METRICS = ("mae", "wmae", "pearson_control", "pearson_mean", "discrimination_l1")


def seen_column(genes_seen: Ints) -> pd.Series:
    """Make a column of how many genes were seen; empty for single genes."""
    return pd.Series(genes_seen).astype("Int64").where(genes_seen >= 0)


def pair_table(
    held_out: Mapping[str, Experiment], genes_seen: Mapping[str, Ints], names: Strings, seed: int
) -> pd.DataFrame:
    """Make a table of metrics of pairs, with 95 % bootstrap intervals over pairs.

    Parameters
    ----------
    held_out
        Held-out experiments by name.
    genes_seen
        For each, (n,) how many genes of a pair were learnt from alone; −1 for single genes.
    names
        (n,) names of the perturbations.
    seed
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row for each experiment, number of genes and metric: the mean over pairs, and its
        difference from that of `REFERENCE` where this has held out the same pairs in this way.
    """
    rows: list[dict[str, object]] = []
    for name, experiment in held_out.items():
        seen = genes_seen[name]
        for number in sorted(set(seen[seen >= 0].tolist()), reverse=True):
            pairs = np.flatnonzero(seen == number)
            counts = resample(len(pairs), DRAWS, seed, names[pairs])
            alike = REFERENCE in held_out and bool((genes_seen[REFERENCE][pairs] == number).all())
            for metric in METRICS:
                values = experiment.metrics.perturbations[metric][pairs]
                row: dict[str, object] = {
                    "experiment": name,
                    "kind": experiment.kind,
                    "genes_seen": number,
                    "pairs": len(pairs),
                    "metric": metric,
                }
                row |= _with_interval("value", values, counts)
                other = held_out[REFERENCE].metrics.perturbations[metric][pairs] if alike else None
                difference = np.full(len(pairs), np.nan) if other is None else values - other
                row |= _with_interval(f"minus_{REFERENCE}", difference, counts)
                rows.append(row)
    return pd.DataFrame(rows)


def _with_interval(name: str, values: Floats, counts: Counts) -> dict[str, float]:
    """Give a mean over pairs with its interval; NaN where it is undefined."""
    draws = mean_draws(values, counts)
    defined = values[~np.isnan(values)]
    lower, upper = interval(draws)
    mean = float(defined.mean()) if len(defined) else float("nan")
    return {name: mean, f"{name}_lower": lower, f"{name}_upper": upper}

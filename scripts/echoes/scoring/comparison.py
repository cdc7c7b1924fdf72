"""Tables that compare experiments: metrics with intervals, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, Strings
from echoes.io.errors import abbreviate
from echoes.io.files import load_record
from echoes.io.records import wrong_record
from echoes.scoring.bootstrap import Counts, interval, mean_draws
from echoes.scoring.overall import Metrics

#: Metrics by which each two held-out experiments are compared.
PAIRED_METRICS = ("score", "wmae_ratio", "discrimination_l1", "pearson_mean", "r2_mean")
#: Metrics that are compared likewise where there are rankings.
PAIRED_RANKINGS = ("auroc_de_perturbation", "auroc_up_perturbation")
#: Metrics of the published protocol: column of the table of fold scores → name of its mean.
#: The names differ from those of the held-out protocol, because the scales differ.
PUBLISHED_METRICS = {"score": "mean_fold_score", "mape": "mape"}
#: Columns that say which experiment a value belongs to.
EXPERIMENT_COLUMNS = ("experiment", "kind", "protocol")
#: Columns of a value with the bounds of its interval.
VALUE_COLUMNS = ("metric", "value", "lower", "upper")


@dataclass(frozen=True)
class Experiment:
    """A held-out experiment to compare with others.

    Parameters
    ----------
    kind
        ``experiment`` or ``baseline``.
    metrics
        Metrics of its out-of-fold predictions.
    """

    kind: str
    metrics: Metrics


def read_published(folder: Path, perturbations: Sequence[str]) -> pd.DataFrame:
    """Read the fold scores of an experiment of the published protocol.

    Parameters
    ----------
    folder
        Folder of the experiment, with ``fold_scores.csv`` and ``summary.json``.
    perturbations
        n names of the perturbations.

    Returns
    -------
    pandas.DataFrame
        A row for each perturbation.

    Raises
    ------
    InputError
        When the table is damaged, or is not the one that the summary tells of: then it is that of
        another experiment, or was changed.
    """
    file = folder / "fold_scores.csv"
    try:
        table = pd.read_csv(file, dtype={"pert_symbol": "str"}, keep_default_na=False)
        table = table.astype(dict.fromkeys(PUBLISHED_METRICS, "float64"))
        names, means = table["pert_symbol"].tolist(), table[[*PUBLISHED_METRICS]].mean()
    except (KeyError, ValueError) as error:
        raise wrong_record(file, "", f"it cannot be read ({error})", "a table of scores") from error
    if names != list(perturbations):
        problem = f"the perturbations {abbreviate(names)}"
        raise wrong_record(file, "column pert_symbol", problem, f"{abbreviate(perturbations)}")
    figures = load_record(folder / "summary.json")["published_protocol"]
    for column, name in PUBLISHED_METRICS.items():
        if not math.isclose(means[column], figures[name], rel_tol=1e-9, abs_tol=1e-9):
            problem = f"the mean is {means[column]:.6g}"
            expected = f"{figures[name]:.6g}, as summary.json beside it says"
            raise wrong_record(file, f"column {column}", problem, expected)
    return table


def comparison_table(
    held_out: Mapping[str, Experiment], published: Mapping[str, pd.DataFrame], counts: Counts
) -> pd.DataFrame:
    """Make a table of the metrics of all experiments, each with its 95 % bootstrap interval.

    Parameters
    ----------
    held_out
        Held-out experiments by name.
    published
        Tables of fold scores of the experiments with the published protocol, by name.
    counts
        (draws, n) how many times each draw contains each perturbation.

    Returns
    -------
    pandas.DataFrame
        One row for each experiment and metric; those of the published protocol at the end.
    """
    rows: list[tuple[object, ...]] = []
    for name, experiment in held_out.items():
        for metric, values in experiment.metrics.intervals(counts).items():
            rows.append((name, experiment.kind, "held_out", metric, *values))
    for name, fold_scores in published.items():
        for column, metric in PUBLISHED_METRICS.items():
            scores = fold_scores[column].to_numpy()
            bounds = interval(mean_draws(scores, counts))
            rows.append((name, "experiment", "published", metric, float(scores.mean()), *bounds))
    return pd.DataFrame(rows, columns=[*EXPERIMENT_COLUMNS, *VALUE_COLUMNS])


def difference_table(held_out: Mapping[str, Experiment], counts: Counts) -> pd.DataFrame:
    """Make a table of the differences between each two experiments, with 95 % intervals.

    Both experiments use the same draws, so that the variation they share cancels.

    Parameters
    ----------
    held_out
        Held-out experiments by name.
    counts
        (draws, n) how many times each draw contains each perturbation.

    Returns
    -------
    pandas.DataFrame
        One row for each experiment, reference and metric in `PAIRED_METRICS`, and in
        `PAIRED_RANKINGS` if there are any: the value of the experiment minus that of the
        reference.
    """
    known = {name for each in held_out.values() for name in each.metrics.overall_names}
    paired = [*PAIRED_METRICS, *(name for name in PAIRED_RANKINGS if name in known)]
    values_and_draws = {
        (name, metric): (
            experiment.metrics.overall(metric),
            experiment.metrics.draws(metric, counts),
        )
        for name, experiment in held_out.items()
        for metric in paired
    }
    rows: list[tuple[object, ...]] = []
    for name, reference in permutations(held_out, 2):
        for metric in paired:
            value, draws = values_and_draws[name, metric]
            reference_value, reference_draws = values_and_draws[reference, metric]
            bounds = interval(draws - reference_draws)
            rows.append((name, reference, metric, value - reference_value, *bounds))
    return pd.DataFrame(rows, columns=["experiment", "reference", *VALUE_COLUMNS])


def perturbation_table(held_out: Mapping[str, Experiment], perturbations: Strings) -> pd.DataFrame:
    """Make a tidy table of the metrics of each of the n perturbations in each experiment.

    Those in `gene_sampling.METRICS` have 95 % intervals, ``lower`` and ``upper``; others NaN.
    """
    none = np.full(len(perturbations), np.nan)
    tables = (
        (name, each.kind, metric, [values, *each.metrics.bounds.get(metric, (none, none))])
        for name, each in held_out.items()
        for metric, values in each.metrics.perturbations.items()
    )
    return _tidy_table("pert_symbol", perturbations, ("value", "lower", "upper"), tables)


def gene_table(held_out: Mapping[str, Experiment], genes: Strings) -> pd.DataFrame:
    """Make a tidy table of the metrics of each of the G genes in each experiment."""
    tables = (
        (name, each.kind, metric, [values])
        for name, each in held_out.items()
        for metric, values in each.metrics.genes.items()
    )
    return _tidy_table("gene", genes, ("value",), tables)


def _tidy_table(
    name_column: str,
    names: Strings,
    columns: Sequence[str],
    parts: Iterable[tuple[str, str, str, Sequence[Floats]]],
) -> pd.DataFrame:
    """Make a table with one row for each experiment, metric and name; it may have no rows."""
    types = dict.fromkeys((*EXPERIMENT_COLUMNS, name_column, "metric"), "string")
    types |= dict.fromkeys(columns, "float64")
    tables = [
        pd.DataFrame(
            {
                **dict(zip(EXPERIMENT_COLUMNS, (experiment, kind, "held_out"), strict=True)),
                name_column: names,
                "metric": metric,
                **dict(zip(columns, values, strict=True)),
            }
        )
        for experiment, kind, metric, values in parts
    ]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(types))
    return table.astype(types)

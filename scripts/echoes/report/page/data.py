"""Numbers that the page reads: compact arrays, and what charts and tables are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from echoes.io.arrays import Floats, largest_places
from echoes.report.page.choice import Shown, share_rows
from echoes.report.page.compact import Packed, pack, pack_places, pack_positive, rounded
from echoes.report.page.metrics import EVERY, INTERVAL, METRICS, OF_PERTURBATIONS
from echoes.report.page.networks import is_null
from echoes.report.page.run import Explored, Run
from echoes.report.page.words import Outcome, main_metric

#: Most perturbations that a prediction is said to lean on.
LEANS_ON = 12


def pack_numbers(run: Run, shown: Shown) -> tuple[dict[str, Packed], dict[str, Any]]:
    """Pack measured and predicted values, and describe them."""
    arrays = {"truth": pack(run.truth[:, shown.genes])}
    experiments = []
    for number, one in enumerate(shown.explored):
        arrays[f"prediction-{number}"] = pack(one.prediction[:, shown.genes])
        rows: list[int] = []
        if one.error is not None:
            shared, rows = share_rows(one.error, run.perturbations)
            arrays[f"error-{number}"] = pack_positive(shared[:, shown.genes])
        experiments.append(
            {
                "name": one.name,
                "network": one.network,
                "prediction": f"prediction-{number}",
                "error": None if one.error is None else f"error-{number}",
                "errorRows": rows,
                "ownErrors": _own_errors(run, one),
                "leans": None if one.leans is None else [[*map(list, row)] for row in one.leans],
                "note": one.note,
            }
        )
    every = run.every
    if every is not None:
        arrays["every-genes"] = pack_places(every.largest)
        arrays["every-predicted"] = pack(every.predicted)
        arrays["every-beyond"] = pack(every.beyond_mean)
        arrays["every-error"] = pack_positive(every.error)
    record: dict[str, Any] = {
        "every": None
        if every is None
        else {
            "experiment": every.experiment,
            "genes": list(every.genes),
            "measured": np.flatnonzero(every.measured).tolist(),
            "names": list(every.names),
            "most": every.largest.shape[1],
        },
        "genes": [str(run.genes[place]) for place in shown.genes],
        "arrays": {name: dict(packed.record) for name, packed in arrays.items()},
        "experiments": experiments,
    }
    place = {int(gene): number for number, gene in enumerate(shown.genes)}
    record["perturbations"] = [
        {
            "name": each.name,
            "silenced": list(each.silenced),
            "measured": each.measured,
            "own": [place[one] for one in each.own if one in place],
            "links": dict(each.links),
            "cells": each.cells,
            "left": None if each.expression_left is None else rounded(each.expression_left, 3),
            "size": rounded(size, 3) if number < len(run.truth) else None,
            "warnings": list(each.warnings),
        }
        for number, (each, size) in enumerate(
            zip(run.perturbations, _response_sizes(run), strict=True)
        )
    ]
    return arrays, record


def _own_errors(run: Run, one: Explored) -> list[list[float | None]]:
    """List the expected errors of the silenced genes' own entries."""
    if one.error is None:
        return []
    return [
        [rounded(float(row[place]), 3) for place in each.own]
        for row, each in zip(one.error, run.perturbations, strict=True)
    ]


def _response_sizes(run: Run) -> list[float]:
    """Root mean square response of each perturbation without the silenced gene, log2 units."""
    sizes: list[float] = []
    for values, each in zip(run.truth, run.perturbations, strict=False):
        known = np.isfinite(values)
        known[list(each.own)] = False
        square = (np.where(known, values, 0.0) ** 2).sum()
        sizes.append(float(np.sqrt(square / max(int(known.sum()), 1))))
    further = len(run.perturbations) - len(run.truth)
    return [*sizes, *[math.nan] * further]


def largest_weights(weights: Floats) -> list[list[tuple[int, float]]]:
    """List the perturbations of largest weight for each row: their places and weights."""
    found: list[list[tuple[int, float]]] = []
    for row in weights:
        largest = largest_places(np.abs(row), LEANS_ON)
        found.append([(int(i), rounded(row[i], 3) or 0.0) for i in largest if row[i]])
    return found


def chart_data(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Collect what charts and tables of the page read beside the arrays."""
    nulls = {name for twins in outcome.twins.values() for name in twins}
    nulls |= {name for name, one in run.summaries.items() if is_null(one)}
    kinds = {each["name"]: each["kind"] for each in run.experiments}
    present = [name for name in METRICS if name in set(run.comparison["metric"])]
    names = [each["name"] for each in run.experiments]
    scores: dict[str, dict[str, list[list[float | None] | None]]] = {}
    order: dict[str, list[int]] = {each.name: [] for each in run.perturbations}
    for number, each in enumerate(run.perturbations[: len(run.truth)]):
        order[each.name].append(number)
    for (metric, experiment), rows in run.scores.groupby(["metric", "experiment"], sort=False):
        if metric in OF_PERTURBATIONS:
            values: list[list[float | None] | None] = [None] * len(run.truth)
            left = {name: list(places) for name, places in order.items()}
            columns = (rows[key] for key in ("pert_symbol", "value", "lower", "upper"))
            for name, value, *bounds in zip(*columns, strict=True):
                known = [rounded(each) for each in bounds if math.isfinite(each)]
                values[left[name].pop(0)] = [rounded(value), *known]
            scores.setdefault(str(metric), {})[str(experiment)] = values
    return {
        "metrics": {
            name: {
                "title": metric.title,
                "text": metric.text,
                "chance": _chance(run, name),
                "lowerIsBetter": metric.lower_is_better,
                "digits": metric.digits,
            }
            for name, metric in EVERY.items()
        },
        "interval": INTERVAL,
        "compared": [name for name in present if name != "mean_fold_score"] or present,
        "main": main_metric(outcome),
        "comparison": [
            {
                "experiment": name,
                "group": "null network" if name in nulls else kinds[name],
                "figures": {
                    metric: [rounded(number, 5) for number in outcome.figure(name, metric)]
                    for metric in present
                    if math.isfinite(outcome.figure(name, metric)[0])
                },
            }
            for name in names
        ],
        "bounds": {metric: rounded(value, 4) for metric, (value, *_) in outcome.bounds.items()},
        "scores": {name: scores[name] for name in OF_PERTURBATIONS if name in scores},
        "curves": {
            name: table.drop(columns="note", errors="ignore").to_dict("records")
            for name, table in run.curves.items()
        },
        "pairs": []
        if run.pairs is None
        else [
            row | {"group": "null network" if row["experiment"] in nulls else row["kind"]}
            for row in run.pairs.to_dict("records")
        ],
        "surroundings": {
            name: {
                "alpha": one.alpha,
                "names": list(one.names),
                "rows": [
                    [list(nodes), [rounded(mass, 3) for mass in masses], silenced, list(links)]
                    for nodes, masses, silenced, links in one.rows
                ],
            }
            for name, one in run.surroundings.items()
        },
    }


def _chance(run: Run, metric: str) -> float | None:
    """Get what guessing gives: for an average precision it depends on the screen."""
    if metric == "ap_de_gene":
        table = run.comparison
        shares = table.loc[table["metric"] == "prevalence_de_gene", "value"].dropna()
        return rounded(float(shares.iloc[0])) if len(shares) else None
    return EVERY[metric].chance

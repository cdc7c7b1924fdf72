"""Put the page together: tables and texts in HTML, numbers in compact arrays, charts."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from echoes.report.page.choice import choose
from echoes.report.page.citations import ARTICLES, PROGRAM
from echoes.report.page.compact import json_text, rounded
from echoes.report.page.data import chart_data, pack_numbers
from echoes.report.page.facts import (
    count_names,
    describe_cells,
    describe_networks,
    first_rows,
    list_calibration,
    list_facts,
    list_inputs,
    list_settings,
    list_versions,
    list_warnings,
    made_by,
)
from echoes.report.page.metrics import METRICS
from echoes.report.page.networks import is_null
from echoes.report.page.run import Run
from echoes.report.page.words import Estimate, Outcome, conclusions, estimate_text, main_metric

_FOLDER = Path(__file__).parent


def build_page(run: Run, drawing: Mapping[str, Any]) -> str:
    """Write the page of a run.

    Parameters
    ----------
    run
        What it shows.
    drawing
        Its charts and the script that draws them, from `charts.bundle`.

    Returns
    -------
    str
        One HTML file. It is the same for the same run, whatever the time and the machine.
    """
    shown = choose(run)
    arrays, record = pack_numbers(run, shown)
    outcome = make_outcome(run)
    scripts = [drawing["javascript"], (_FOLDER / "page.js").read_text(encoding="utf-8")]
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["code"] = _code
    page: str = environment.get_template("page.html").render(
        run=run,
        title=run.dataset,
        conclusions=conclusions(outcome),
        facts=list_facts(run),
        networks=describe_networks(run),
        made=made_by(run),
        warnings=list_warnings(run),
        coverage=count_names(run),
        cells=describe_cells(run),
        comparison=_comparison(run, outcome),
        metrics=METRICS,
        calibration=list_calibration(run),
        curves=bool(run.curves),
        pairs=run.pairs is not None and len(run.pairs) > 0,
        sweeps={name: first_rows(table) for name, table in run.sweeps.items()},
        shown=shown,
        total=len(run.genes),
        experiments=list_settings(run),
        inputs=list_inputs(run),
        versions=list_versions(run),
        program=PROGRAM,
        articles=ARTICLES,
        style=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        arrays=arrays,
        data=json_text(record | chart_data(run, outcome) | {"charts": drawing["charts"]}),
    )
    return page


def make_outcome(run: Run) -> Outcome:
    """Collect the figures that conclusions are made of."""
    held_out = [
        each["name"]
        for each in run.experiments
        if each["protocol"] == "held_out" and each["kind"] == "experiment"
    ]
    summaries = {name: run.summaries[name] for name in held_out if name in run.summaries}
    real = [name for name in held_out if name in summaries and not is_null(summaries[name])]
    bounds = {}
    if run.bounds is not None and len(run.bounds):
        rows = run.bounds[run.bounds["kind"] == "upper_bound"]
        bounds = {row["metric"]: _estimate(row) for row in reversed(rows.to_dict("records"))}
    return Outcome(
        figures={
            (row["experiment"], row["metric"]): _estimate(row)
            for row in run.comparison.to_dict("records")
        },
        differences={
            (row["experiment"], row["reference"], row["metric"]): _estimate(row)
            for row in run.differences.to_dict("records")
        },
        experiments=real,
        baselines=[each["name"] for each in run.experiments if each["kind"] == "baseline"],
        twins=run.twins,
        perturbations=len(run.truth),
        coverage={
            name: one["calibration"]["0.6827"]
            for name, one in summaries.items()
            if one.get("calibration", {}).get("0.6827") is not None
        },
        bounds=bounds,
    )


def _estimate(row: Mapping[Any, Any]) -> Estimate:
    return float(row["value"]), float(row["lower"]), float(row["upper"])


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _code(text: str) -> Markup:
    """Escape a text; what stands between backticks is code."""
    parts = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _number(value: float | None, digits: int = 2) -> str:
    """Write a number for a table; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")


def _comparison(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Make the table of all experiments, best first."""
    present = set(run.comparison.loc[run.comparison["value"].notna(), "metric"])
    metrics = [name for name in METRICS if name in present]
    names = [each["name"] for each in run.experiments]
    main = main_metric(outcome)

    def rank(name: str) -> tuple[bool, float]:
        value = outcome.figure(name, main)[0]
        return (not math.isfinite(value), -value if math.isfinite(value) else 0.0)

    kinds = {each["name"]: each["kind"] for each in run.experiments}
    nulls = {name for name, one in run.summaries.items() if is_null(one)}
    return {
        "metrics": metrics,
        "rows": [
            {
                "name": name,
                "kind": "null network" if name in nulls else kinds[name],
                "cells": [
                    _cell(outcome.figure(name, metric), METRICS[metric].digits)
                    for metric in metrics
                ],
            }
            for name in sorted(names, key=rank)
        ],
        "bounds": [
            _cell(outcome.bounds.get(metric, (math.nan,) * 3), METRICS[metric].digits)
            for metric in metrics
        ]
        if outcome.bounds
        else [],
    }


def _cell(estimate: Estimate, digits: int) -> dict[str, Any]:
    value = estimate[0]
    if not math.isfinite(value):
        return {"value": None, "text": "–", "interval": ""}
    text = estimate_text(estimate, digits)
    head, _, interval = text.partition(" ")
    return {"value": rounded(value, 6), "text": head, "interval": interval.strip("()")}

"""Put the page together: tables and texts in HTML, numbers in compact arrays, charts."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from echoes.io.arrays import Bools, Floats, Ints
from echoes.report.page import charts
from echoes.report.page.citations import ARTICLES, PROGRAM
from echoes.report.page.compact import Packed, json_text, pack, pack_positive, rounded
from echoes.report.page.metrics import METRICS, OF_PERTURBATIONS
from echoes.report.page.run import Explored, Perturbation, Run
from echoes.report.page.twins import find_twins, is_null, networks_of
from echoes.report.page.words import Estimate, Outcome, conclusions, estimate_text, main_metric
from echoes.report.provenance import VERSION

#: Most bytes of numbers, as base64: of the measured values and the first experiment; and of the
#: next ones together with these, but the second is always shown where both fit in the first limit.
MOST_BYTES = 34_000_000
MORE_BYTES = 12_000_000
#: Most perturbations that a prediction is said to lean on.
LEANS_ON = 12

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Shown:
    """What of a run fits into the page.

    Parameters
    ----------
    genes
        Places of the response genes that are shown.
    explored
        The experiments that are shown.
    left_out
        Names of those that are not.
    """

    genes: Ints
    explored: Sequence[Explored]
    left_out: Sequence[str]


def build_page(run: Run) -> str:
    """Write the page of a run.

    Returns
    -------
    str
        One HTML file. It is the same for the same run, whatever the time and the machine.
    """
    shown = choose(run)
    arrays, record = _numbers(run, shown)
    outcome = make_outcome(run)
    scripts = [charts.javascript(), (_FOLDER / "page.js").read_text(encoding="utf-8")]
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
        facts=_facts(run),
        networks=_networks(run),
        made=_made(run),
        warnings=_warnings(run),
        coverage=_coverage(run),
        cells=_cells(run),
        comparison=_comparison(run, outcome),
        metrics=METRICS,
        calibration=_calibration(run),
        curves=bool(run.curves),
        sweeps={name: _table(table) for name, table in run.sweeps.items()},
        shown=shown,
        total=len(run.genes),
        experiments=_provenance(run),
        inputs=_inputs(run),
        versions=_versions(run),
        program=PROGRAM,
        articles=ARTICLES,
        style=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        arrays=arrays,
        data=json_text(record | _tables(run, outcome)),
    )
    return page


def most_explored(measured: int, rows: int, genes: int) -> int:
    """Count the experiments that may fit into a page; others need not be read.

    Parameters
    ----------
    measured, rows, genes
        Perturbations that were measured, all perturbations, and response genes.
    """
    for_one = 2 * rows * genes * 4 / 3
    left = MORE_BYTES - 2 * measured * genes * 4 / 3
    return max(2, int(left / for_one)) if for_one else 2


def choose(run: Run) -> Shown:
    """Choose what fits: all experiments, or the first ones; all genes, or those that vary most.

    Genes that are silenced are kept before others.
    """
    rows, count = len(run.perturbations), len(run.genes)
    measured = len(run.truth)
    errors = {one.name: _error_rows(run, one) for one in run.explored}

    def size(explored: Sequence[Explored], genes: int) -> float:
        values = 2 * measured + sum(2 * rows + errors[one.name] for one in explored)
        return values * genes * 4 / 3

    explored = list(run.explored[:1])
    kept = count
    if size(explored, count) > MOST_BYTES:
        kept = max(int(MOST_BYTES / size(explored, 1)), 1)
    for position, one in enumerate(run.explored[1:], 2):
        limit = MOST_BYTES if position == 2 else MORE_BYTES
        if kept == count and size([*explored, one], count) <= limit:
            explored.append(one)
    names = {one.name for one in explored}
    left_out = [one.name for one in run.explored if one.name not in names]
    left_out += run.unexplored
    genes = np.arange(count)
    if kept < count:
        known = np.isfinite(run.truth)
        squares = np.where(known, run.truth, 0.0) ** 2
        size_of = squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        own = [place for each in run.perturbations for place in each.own]
        size_of[own] += 1 + size_of.max()
        genes = np.sort(np.argsort(-size_of, kind="stable")[:kept])
    return Shown(genes, explored, left_out)


def share_rows(error: Floats, perturbations: Sequence[Perturbation]) -> tuple[Floats, list[int]]:
    """Find the different rows of expected errors: those of one fit are the same.

    Parameters
    ----------
    error
        (r, G) expected errors.
    perturbations
        The r perturbations; entries of their silenced genes, which have errors of their own, do
        not count.

    Returns
    -------
    tuple
        (u, G) the different rows, and the place of each of the r rows among them.
    """
    different: list[Floats] = []
    owns: list[set[int]] = []
    places: list[int] = []
    by_hash: dict[bytes, list[int]] = {}
    own_genes = sorted({place for each in perturbations for place in each.own})
    plain = np.ones(error.shape[1], dtype=np.bool_)
    plain[own_genes] = False
    for row, each in zip(error, perturbations, strict=True):
        candidates = by_hash.setdefault(row[plain].tobytes(), [])
        for place in candidates:
            unequal = set(np.flatnonzero(~_same(row, different[place])).tolist())
            if unequal <= owns[place] | {*each.own}:
                # What was the own gene of an earlier row is known from this one.
                for gene in owns[place] - {*each.own}:
                    different[place][gene] = row[gene]
                owns[place] &= {*each.own}
                places.append(place)
                break
        else:
            candidates.append(len(different))
            places.append(len(different))
            different.append(row.copy())
            owns.append({*each.own})
    return np.array(different).reshape(-1, error.shape[1]), places


def _same(one: Floats, other: Floats) -> Bools:
    same: Bools = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def _own_errors(run: Run, one: Explored) -> list[list[float | None]]:
    """List the expected errors of the silenced genes' own entries."""
    if one.error is None:
        return []
    return [
        [rounded(float(row[place]), 3) for place in each.own]
        for row, each in zip(one.error, run.perturbations, strict=True)
    ]


def _error_rows(run: Run, one: Explored) -> int:
    return 0 if one.error is None else len(share_rows(one.error, run.perturbations)[0])


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
        twins=find_twins(summaries),
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


def _numbers(run: Run, shown: Shown) -> tuple[dict[str, Packed], dict[str, Any]]:
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
                "leans": None if one.weights is None else _leans(one.weights),
                "note": one.note,
            }
        )
    record = {
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


def _response_sizes(run: Run) -> list[float]:
    """Root mean square response of each perturbation without the silenced gene, log2 units."""
    values = run.truth.copy()
    for row, each in zip(values, run.perturbations, strict=False):
        row[list(each.own)] = np.nan
    known = np.isfinite(values)
    squares = (np.where(known, values, 0.0) ** 2).sum(axis=1)
    sizes = np.sqrt(squares / np.maximum(known.sum(axis=1), 1))
    further = len(run.perturbations) - len(run.truth)
    return [*sizes.tolist(), *[math.nan] * further]


def _leans(weights: Floats) -> list[list[list[float]]]:
    """List the perturbations of largest weight for each row: their places and weights."""
    found: list[list[list[float]]] = []
    for row in weights:
        largest = np.argsort(-np.abs(row), kind="stable")[:LEANS_ON]
        found.append([[int(i), rounded(row[i], 3) or 0.0] for i in largest if row[i]])
    return found


def _tables(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Collect what charts and tables of the page read beside the arrays."""
    nulls = {name for twins in outcome.twins.values() for name in twins}
    nulls |= {name for name, one in run.summaries.items() if is_null(one)}
    kinds = {each["name"]: each["kind"] for each in run.experiments}
    present = [name for name in METRICS if name in set(run.comparison["metric"])]
    names = [each["name"] for each in run.experiments]
    scores: dict[str, dict[str, list[float | None]]] = {}
    order: dict[str, list[int]] = {each.name: [] for each in run.perturbations}
    for number, each in enumerate(run.perturbations[: len(run.truth)]):
        order[each.name].append(number)
    for (metric, experiment), rows in run.scores.groupby(["metric", "experiment"], sort=False):
        if metric in OF_PERTURBATIONS:
            values: list[float | None] = [None] * len(run.truth)
            left = {name: list(places) for name, places in order.items()}
            for name, value in zip(rows["pert_symbol"], rows["value"], strict=True):
                values[left[name].pop(0)] = rounded(value)
            scores.setdefault(str(metric), {})[str(experiment)] = values
    return {
        "metrics": {
            name: {
                "title": METRICS[name].title,
                "text": METRICS[name].text,
                "chance": _chance(run, name),
                "lowerIsBetter": METRICS[name].lower_is_better,
                "digits": METRICS[name].digits,
            }
            for name in dict.fromkeys([*present, *scores])
        },
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
        "charts": charts.charts(),
    }


def _chance(run: Run, metric: str) -> float | None:
    """Get what guessing gives: for an average precision it depends on the screen."""
    if metric == "ap_de_gene":
        table = run.comparison
        shares = table.loc[table["metric"] == "prevalence_de_gene", "value"].dropna()
        return rounded(float(shares.iloc[0])) if len(shares) else None
    return METRICS[metric].chance


def _made(run: Run) -> str:
    """Say which program made the run, and of what date its files are, where that is known."""
    dates = [one["date"] for one in _inputs(run) if one["date"]]
    python = _versions(run).get("python")
    text = f"Made by echoes {VERSION}" + (f" with Python {python}" if python else "")
    return text + (
        f"; files of networks are of {', '.join(dict.fromkeys(dates))}." if dates else "."
    )


def _facts(run: Run) -> list[tuple[str, str]]:
    """List the counts at the head of the page."""
    measured = len(run.truth)
    further = len(run.perturbations) - measured
    facts = [
        (f"{measured:,}", "perturbations"),
        (f"{len(run.genes):,}", "response genes"),
    ]
    if further:
        facts.append((f"{further:,}", "perturbations to predict"))
    if run.cells is not None:
        facts.append((f"{sum(run.cells['cells']):,}", "cells"))
    held_out = sum(each["kind"] == "experiment" for each in run.experiments)
    facts.append((f"{held_out:,}", "experiment" if held_out == 1 else "experiments"))
    others = len(run.experiments) - held_out
    if others:
        facts.append((f"{others:,}", "baselines"))
    return facts


def _networks(run: Run) -> list[str]:
    """Describe each network: where its links are from, and how large it is."""
    described: dict[str, str] = {}
    for one in run.summaries.values():
        settings = one["settings"]
        member = next(iter(settings.get("members", {"": settings}).values()))
        given, counts = member.get("network"), one.get("network")
        if not given or not isinstance(counts, Mapping):
            continue
        name = given.get("of") or given["name"]
        text = name
        if given.get("version"):
            text += f", STRING {given['version']}, species {given.get('species')}"
        if given.get("score_threshold") is not None:
            text += f", confidence of {given['score_threshold']:g} or more"
        if "genes" in counts and "kept_links" in counts:
            text += f": {counts['genes']:,} genes, {counts['kept_links']:,} links"
        described.setdefault(name, text)
    return list(described.values())


def _coverage(run: Run) -> list[dict[str, Any]]:
    """Count for each network how many names of genes it knows, and how."""
    rows = []
    for network, roles in run.coverage.items():
        for role, ways in roles.items():
            total = sum(ways.values())
            lost = sum(ways.get(way, 0) for way in ("ambiguous", "spreadsheet date", "unknown"))
            rows.append(
                {
                    "network": network,
                    "role": role,
                    "total": total,
                    "found": total - lost,
                    "ways": ", ".join(f"{count:,} {way}" for way, count in ways.items()),
                }
            )
    return rows


def _warnings(run: Run) -> list[str]:
    """List the warnings of the checks, of the data and of the networks, each once."""
    found = [f"{what}: {text}" for what, text, verdict in run.checks if verdict != "passed"]
    told = [*run.screen.get("warnings", [])]
    for one in run.summaries.values():
        network = one.get("network")
        told += network.get("warnings", []) if isinstance(network, Mapping) else []
    # What a check found stands in the warning too, in more words.
    return list(dict.fromkeys([*told, *found])) if told else found


def _cells(run: Run) -> list[tuple[str, str]]:
    """Describe the cells of the screen."""
    if run.cells is None:
        return []
    cells = np.array(run.cells["cells"])
    left = np.array([math.nan if x is None else x for x in run.cells["expression_left"]])
    known = left[np.isfinite(left)]
    rows = [
        (
            "cells a perturbation",
            f"{int(np.median(cells)):,} (median); {cells.min():,} to {cells.max():,}",
        ),
        ("control cells", f"{sum(run.cells['controls'].values()):,}"),
        ("batches", f"{len(run.cells['batches']):,}"),
    ]
    if len(known):
        poor = int((known > run.cells["most_left"]).sum())
        rows.append(
            (
                "expression left of the silenced gene",
                (
                    f"{np.median(known):.0%} (median of {len(known):,}); more than "
                    f"{run.cells['most_left']:.0%} in {poor:,}"
                ),
            )
        )
    return rows


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


def _calibration(run: Run) -> list[dict[str, Any]]:
    """List how many measurements lie inside intervals, for experiments that give them."""
    return [
        {
            "name": name,
            "shares": list(one["calibration"].values()),
            "levels": list(one["calibration"]),
        }
        for name, one in run.summaries.items()
        if one.get("calibration")
    ]


def _table(table: pd.DataFrame) -> dict[str, Any]:
    """Write the first rows of a table as texts."""

    def text(value: Any) -> str:
        if isinstance(value, float):
            return "" if math.isnan(value) else f"{value:.4g}"
        return str(value)

    head = table.head(20)
    return {
        "columns": list(map(str, table.columns)),
        "rows": [[text(value) for value in row] for row in head.itertuples(index=False)],
        "more": len(table) - len(head),
    }


def _provenance(run: Run) -> list[dict[str, Any]]:
    """List settings and certificates of each experiment."""
    listed = []
    for name, one in run.summaries.items():
        listed.append(
            {
                "name": name,
                "protocol": one["settings"]["protocol"].replace("_", "-"),
                "networks": networks_of(one),
                "certificates": _certificates(one),
                "settings": json.dumps(one["settings"], indent=2, ensure_ascii=False),
            }
        )
    return listed


def _certificates(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List proofs that numerics are right: residuals, duality gaps."""
    found = []
    residual = summary.get("largest_diffusion_residual")
    if residual is not None:
        found.append(("largest residual of diffusions", f"{residual:.1e}"))
    for model, fit in summary.get("fits", {}).items():
        if fit.get("largest_gap") is not None:
            found.append((f"largest duality gap, {model}", f"{fit['largest_gap']:.1e}"))
        if fit.get("unconverged") is not None:
            found.append((f"fits that did not converge, {model}", f"{fit['unconverged']}"))
    for name, value in summary.get("choices", {}).items():
        if "gap" in name and value is not None:
            found.append((f"mean {name.replace('_', ' ')}", f"{value:.1e}"))
    return found


def _inputs(run: Run) -> list[dict[str, str]]:
    """List the files that were read, each once, with their checksums."""
    files: dict[tuple[str, str], dict[str, str]] = {}

    def add(name: str, record: Mapping[str, Any]) -> None:
        path = str(record.get("source") or record.get("path") or "")
        files[path, str(record["sha256"])] = {
            "name": name,
            "path": re.sub(r"//[^/@]*@", "//", path),
            "sha256": str(record["sha256"]),
            "date": str(record.get("last_modified") or ""),
        }

    for name, record in run.screen.get("inputs", {}).items():
        add(name, record)
    for one in run.summaries.values():
        for name, record in one.items():
            if isinstance(record, Mapping) and "sha256" in record:
                add(name, record)
    return list(files.values())


def _versions(run: Run) -> dict[str, str]:
    """Collect the versions of programs that experiments were made with."""
    versions = {"echoes": VERSION}
    for one in run.summaries.values():
        versions |= one.get("versions", {})
    return versions

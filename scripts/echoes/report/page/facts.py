"""Facts of a run in words: counts, networks, cells, warnings, settings, files and versions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

from echoes.report.page.networks import networks_of
from echoes.report.page.run import Run
from echoes.report.provenance import VERSION


def made_by(run: Run) -> str:
    """Say which program made the run, and of what date its files are, where that is known."""
    dates = [one["date"] for one in list_inputs(run) if one["date"]]
    python = list_versions(run).get("python")
    text = f"Made by echoes {VERSION}" + (f" with Python {python}" if python else "")
    return text + (
        f"; files of networks are of {', '.join(dict.fromkeys(dates))}." if dates else "."
    )


def list_facts(run: Run) -> list[tuple[str, str]]:
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


def describe_networks(run: Run) -> list[str]:
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
        text += _origin(given, str(one.get("links", {}).get("source", "")))
        if given.get("score_threshold") is not None:
            text += f", confidence of {given['score_threshold']:g} or more"
        if "genes" in counts and "kept_links" in counts:
            text += f": {counts['genes']:,} genes, {counts['kept_links']:,} links"
        described.setdefault(name, text)
    return list(described.values())


def _origin(given: Mapping[str, Any], source: str) -> str:
    """Say which version of STRING a network is of, or name the user's file that its links are of.

    STRING has species and version in the names of its files; the settings only say which would be
    fetched.
    """
    if not given.get("version"):
        return ""
    species, version, name = given.get("species"), given["version"], PurePath(source).name
    if name and not (name.startswith(f"{species}.") and f".v{version}." in name):
        return f", links of {name}"
    return f", STRING {version}, species {species}"


def count_names(run: Run) -> list[dict[str, Any]]:
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


def list_warnings(run: Run) -> list[str]:
    """List the warnings of the checks, of the data and of the networks, each once."""
    found = [f"{what}: {text}" for what, text, verdict in run.checks if verdict != "passed"]
    told = [*run.screen.get("warnings", [])]
    for one in run.summaries.values():
        network = one.get("network")
        told += network.get("warnings", []) if isinstance(network, Mapping) else []
    # What a check found stands in the warning too, in more words.
    return list(dict.fromkeys([*told, *found])) if told else found


def describe_cells(run: Run) -> list[tuple[str, str]]:
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


def list_calibration(run: Run) -> list[dict[str, Any]]:
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


def first_rows(table: pd.DataFrame) -> dict[str, Any]:
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


def list_settings(run: Run) -> list[dict[str, Any]]:
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


def list_inputs(run: Run) -> list[dict[str, str]]:
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


def list_versions(run: Run) -> dict[str, str]:
    """Collect the versions of programs that experiments were made with."""
    versions = {"echoes": VERSION}
    for one in run.summaries.values():
        versions |= one.get("versions", {})
    return versions

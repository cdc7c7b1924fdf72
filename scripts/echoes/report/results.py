"""The results of a successful run on the terminal, in about ten lines."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from echoes.io.files import StrPath, load_json

#: Largest number of scores, and of warnings, that are shown.
MOST_ROWS = 5


def result_text(comparison: StrPath) -> str:
    """Summarise the results of a run for the terminal. Parts that cannot be read are left out.

    Parameters
    ----------
    comparison
        The table that compares all experiments, in the folder of the data set's results.

    Returns
    -------
    str
        The best scores of the table, how many silenced genes have no link in the networks, the
        warnings of the summaries of data and networks, and the files to look at.
    """
    lines: list[str] = []
    for section in (_score_lines, _link_lines, _warning_lines, _file_lines):
        with suppress(Exception):  # A run that went well does not fail because of its summary.
            lines += section(Path(comparison).parent)
    return "\n".join(["", *lines, ""])


def _score_lines(results: Path) -> list[str]:
    """Write the best held-out scores, best first, and that of the mean for reference."""
    rows = _held_out_scores(_comparison(results))
    if not rows:
        return []
    best = rows[:MOST_ROWS]
    best += [row for row in rows[MOST_ROWS:] if row["experiment"] == "mean"]
    cells = [(row["experiment"], f"{float(row['value']):.2f}", _interval(row)) for row in best]
    names, values, intervals = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = [f"Best held-out scores of {results.name} (higher is better), 95 % interval:"]
    for row, (name, value, interval) in zip(best, cells, strict=True):
        kind = "baseline" if row["kind"] == "baseline" else ""
        line = f"  {name:{names}}  {value:>{values}}  {interval:{intervals}}  {kind}"
        lines.append(line.rstrip())
    return lines


def _held_out_scores(comparison: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows of the comparison with a held-out score, best first."""
    rows = [
        row
        for row in comparison
        if (row["protocol"], row["metric"]) == ("held_out", "score")
        and math.isfinite(float(row["value"]))
    ]
    return sorted(rows, key=_value, reverse=True)


def _value(row: Mapping[str, str]) -> float:
    """Return the value of a row of the comparison."""
    return float(row["value"])


def _comparison(results: Path) -> list[dict[str, str]]:
    """Read the comparison."""
    with (results / "comparison.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def _interval(row: Mapping[str, str]) -> str:
    """Write the interval of a row of the comparison; empty if it has none."""
    ends = [float(row[name] or "nan") for name in ("lower", "upper")]
    # Adding 0 takes the sign from a rounded -0.
    lower, upper = (round(end, 2) + 0.0 for end in ends)
    return f"({lower:.2f} … {upper:.2f})" if math.isfinite(lower + upper) else ""


def _link_lines(results: Path) -> list[str]:
    """Write the numbers of silenced genes without a link, for each network."""
    kinds = {"train": "silenced genes", "validation": "genes to predict"}
    networks: dict[str, list[str]] = {}
    for path in sorted(results.glob("networks/*/summary.json")):
        genes = load_json(path).get("perturbed", {})
        counts = [
            f"{len(genes[key]['isolated'])} of {genes[key]['genes']} {kind}"
            for key, kind in kinds.items()
            if genes.get(key, {}).get("isolated")
        ]
        if counts:
            networks.setdefault(", ".join(counts), []).append(path.parent.name)
    return [
        f"Without a link in the network ({', '.join(names)}): {counts}; see coverage.tsv there."
        for counts, names in networks.items()
    ]


def _warning_lines(results: Path) -> list[str]:
    """Write the warnings about the data, the priors and the networks, each once."""
    paths = [
        results / "perturbations" / "summary.json",
        *sorted(results.glob("priors/*/summary.json")),
        *sorted(results.glob("networks/*/summary.json")),
    ]
    # For each warning the file that has it.
    found: dict[str, Path] = {}
    for path in paths:
        with suppress(Exception):  # As above, and a damaged file hides no warning of another one.
            for warning in load_json(path).get("warnings", []):
                found.setdefault(warning, path)
    lines = [f"Warning: {warning}" for warning in [*found][:MOST_ROWS]]
    if len(found) > MOST_ROWS:
        places = dict.fromkeys(map(str, [*found.values()][MOST_ROWS:]))
        lines.append(f"{len(found) - MOST_ROWS} more warnings are in {', '.join(places)}.")
    return lines


def _file_lines(results: Path) -> list[str]:
    """Write the files that a reader should look at first."""
    comparison = _comparison(results)
    rows = [*_held_out_scores(comparison), *comparison]
    experiments = [row["experiment"] for row in rows if row["kind"] == "experiment"]
    files = [
        (results / "report.html", "all results on one page, for a browser"),
        (results / "comparison.md", "all scores"),
    ]
    if experiments:
        figure = results / experiments[0] / "figure.png"
        files.append((figure, f"{experiments[0]}: predictions beside measurements"))
        effects = results / experiments[0] / "top_effects.csv"
        files.append((effects, "what happens if the genes that you asked for are silenced"))
    files.append((results / "figures" / "comparison.png", "all scores drawn; more beside it"))
    lines = [f"  {path}  ({text})" for path, text in files if path.exists()]
    return [
        *(["Look first at:", *lines] if lines else []),
        "The same command with `--report run.zip` makes a report of all files and run times.",
    ]

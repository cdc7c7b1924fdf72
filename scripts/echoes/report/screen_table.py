"""The table of a screen of cells, before anything is learned from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from echoes.io.arrays import Floats

_NAMED = 20


def expression_left(facts: Mapping[str, Any]) -> Floats:
    """Give the expression left of each silenced gene; NaN where it is not known."""
    return np.array(
        [np.nan if v is None else v for v in facts["expression_left"]], dtype=np.float64
    )


def screen_table(facts: Mapping[str, Any]) -> str:
    """Write the figures of a screen as a Markdown table, and name what is left out or doubtful.

    Parameters
    ----------
    facts
        As in `draw_screen`.

    Returns
    -------
    str
        Perturbations with little knock-down are those with more than ``most_left`` left.
    """
    cells, left = np.array(facts["cells"]), expression_left(facts)
    known = ~np.isnan(left)
    rows = [
        ("perturbations", f"{len(cells):,}"),
        ("cells of a perturbation: fewest, median, most", _spread(cells)),
        ("control cells", _counts(facts["controls"])),
        ("genes, response genes", f"{facts['genes']:,}, {facts['response_genes']:,}"),
    ]
    for key, label in (("molecules_per_cell", "UMIs"), ("genes_per_cell", "genes")):
        if facts[key] is not None:
            middle = (f"{facts[key][kind][2]:,.0f}" for kind in ("perturbed", "control"))
            rows.append((f"{label} in a perturbed, a control cell (median)", ", ".join(middle)))
    if len(facts["batches"]) > 1:
        rows.append(("batches", f"{len(facts['batches']):,}"))
    if known.any():
        rows.append(
            ("expression left of the silenced gene (median)", f"{np.median(left[known]):.2f}")
        )
    little = np.flatnonzero(known & (np.nan_to_num(left) > facts["most_left"]))
    little = little[np.argsort(-left[little], kind="stable")]
    names = facts["perturbations"]
    for label, found in (
        (f"more than {facts['most_left']} left", [f"{names[i]} ({left[i]:.2f})" for i in little]),
        ("silenced gene not measured", [names[i] for i in np.flatnonzero(~known)]),
        ("left out, too few cells", _named(facts["too_few_cells"])),
        ("left out, several genes", _named(facts["several_genes"])),
        ("cells left out, batch without control cells", _named(facts["without_control_cells"])),
    ):
        if found:
            rows.append((f"{label}: {len(found):,}", _first(found)))
    lines = ["| screen | |", "|---|---|"]
    lines += [f"| {label} | {_escape(value)} |" for label, value in rows]
    return "\n".join(lines) + "\n"


def _spread(values: Any) -> str:
    return f"{values.min():,}, {np.median(values):,.0f}, {values.max():,}" if len(values) else "–"


def _counts(controls: Mapping[str, int]) -> str:
    total = f"{sum(controls.values()):,}"
    return total if len(controls) > 5 else f"{total} ({', '.join(controls)})"


def _named(counts: Mapping[str, int]) -> list[str]:
    return [f"{name} ({count:,})" for name, count in counts.items()]


def _first(names: list[str]) -> str:
    left = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {left:,} more" if left > 0 else "")


def _escape(text: str) -> str:
    """Keep signs in names from being taken for Markdown or HTML."""
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", text.replace("\n", " "))

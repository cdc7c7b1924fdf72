"""The figure and the table of a screen of cells."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from cell_files import simulate, write_cells
from echoes.io.h5ad import open_h5ad
from echoes.io.h5ad_matrix import find_matrix
from echoes.report import style
from echoes.report.screen_figure import draw_screen
from echoes.report.screen_table import screen_table
from echoes.screen.cell_facts import as_record
from echoes.screen.cell_groups import LAYOUTS, group_cells
from echoes.screen.cells import gene_names, screen_of_cells
from echoes.screen.guides import GENE_NAMES

FACTS: dict[str, Any] = {
    "perturbations": ["A", "B_|1", "C", "D"],
    "cells": [10, 200, 30, 40],
    "expression_left": [0.1, 0.9, None, 0.3],
    "most_left": 0.5,
    "controls": {"ctrl_1": 50, "ctrl_2": 60},
    "batches": {"b1": [140, 60], "b2": [140, 50]},
    "quantiles": [0.05, 0.25, 0.5, 0.75, 0.95],
    "molecules_per_cell": {"perturbed": [1, 2, 3000, 4000, 5000], "control": [1, 2, 3, 4, 5]},
    "genes_per_cell": {"perturbed": [1, 2, 3, 4, 5], "control": [1, 2, 3, 4, 5]},
    "genes": 20_000,
    "response_genes": 5_000,
    "too_few_cells": {"rare": 3},
    "several_genes": {},
    "without_control_cells": {"b3": 12},
}
BULK = FACTS | {
    "molecules_per_cell": None,
    "genes_per_cell": None,
    "batches": {"": [280, 110]},
    "expression_left": [None] * 4,
}


def test_table() -> None:
    text = screen_table(FACTS)
    assert text.splitlines() == [
        "| screen | |",
        "|---|---|",
        "| perturbations | 4 |",
        "| cells of a perturbation: fewest, median, most | 10, 35, 200 |",
        r"| control cells | 110 (ctrl\_1, ctrl\_2) |",
        "| genes, response genes | 20,000, 5,000 |",
        "| UMIs in a perturbed, a control cell (median) | 3,000, 3 |",
        "| genes in a perturbed, a control cell (median) | 3, 3 |",
        "| batches | 2 |",
        "| expression left of the silenced gene (median) | 0.30 |",
        r"| more than 0.5 left: 1 | B\_\|1 (0.90) |",
        "| silenced gene not measured: 1 | C |",
        "| left out, too few cells: 1 | rare (3) |",
        "| cells left out, batch without control cells: 1 | b3 (12) |",
    ]
    assert "UMIs" not in screen_table(BULK)
    many = FACTS | {"too_few_cells": {f"g{i}": i for i in range(30)}}
    assert "g19 (19) and 10 more |" in screen_table(many)


@pytest.mark.parametrize("facts", [FACTS, BULK])
def test_figure(facts: dict[str, Any], tmp_path: Path) -> None:
    with style.style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_screen(facts, title="A $screen_{")
        style.save(figure, [tmp_path / f"cells.{kind}" for kind in style.FORMATS])
    assert "A $screen_{" in (tmp_path / "cells.svg").read_text(encoding="utf-8")
    cells, left, quantiles, batches = figure.axes
    assert cells.lines[0].get_ydata().tolist() == [200, 40, 30, 10]
    assert "110 control cells" in cells.get_title()
    heights = [bar.get_height() for bar in left.patches]
    assert sum(heights) == sum(value is not None for value in facts["expression_left"])
    assert len(quantiles.lines) == (12 if facts["genes_per_cell"] else 0)
    assert len(batches.patches) == 2 * len(facts["batches"])


def test_record_of_a_screen_can_be_drawn(tmp_path: Path) -> None:
    cells = simulate()
    cells.obs["target_gene"][0] = "elsewhere"
    with open_h5ad(write_cells(tmp_path / "a.h5ad", cells)) as h5ad:
        matrix = find_matrix(h5ad, "X")
        groups = group_cells(
            h5ad,
            LAYOUTS["cell_eval"],
            guides=GENE_NAMES,
            guides_of_a_gene="merged",
            several_genes="refuse",
            fewest_cells=1,
            fewer_cells="refuse",
        )
        genes = gene_names(h5ad, "var", None, add_ids=False)
        found = screen_of_cells(
            matrix,
            groups,
            genes,
            scale="counts",
            most_genes=None,
            lowest_expression=None,
            threads=1,
        )
    record = json.loads(json.dumps(as_record(found.facts), allow_nan=False))
    assert "silenced gene not measured: 1 | elsewhere" in screen_table(record)
    assert draw_screen(record, title="").axes

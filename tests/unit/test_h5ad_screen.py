"""Cells and pseudobulks as the configuration says, in the layouts of common files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cell_files import Cells, simulate, write_cells
from echoes.io.errors import InputError
from echoes.screen.cell_facts import as_record
from echoes.screen.cells import CellScreen
from echoes.screen.guides import GENE_NAMES, Guides
from echoes.screen.h5ad_screen import cell_warnings, read_h5ad_screen
from screens import name_genes

CELLS: dict[str, Any] = {
    "layout": None,
    "perturbation": None,
    "guide": None,
    "batch": None,
    "genes": None,
    "separator": None,
    "matrix": "X",
    "guides_of_a_gene": "merged",
    "several_genes": "refuse",
    "fewest_cells": 1,
    "fewer_cells": "leave_out",
    "most_genes": None,
    "lowest_expression": None,
}
#: Layout → column of obs with the perturbations, label of the controls, column of var.
COLUMNS: dict[str, tuple[str, str, str | None]] = {
    "competition": ("sgrna_symbol", "non-targeting", None),
    "replogle_cells": ("gene", "non-targeting", "gene_name"),
    "virtual_cell_challenge": ("target_gene", "non-targeting", None),
    "scperturb": ("perturbation", "control", None),
    "gears": ("condition", "ctrl", "gene_name"),
    "cell_eval": ("target_gene", "non-targeting", None),
}


def read(path: Path, guides: Guides = GENE_NAMES, **options: Any) -> CellScreen:
    control, scale = options.pop("control", []), options.pop("scale", "counts")
    settings = {"control": control, "scale": scale, "cells": {**CELLS, **options}}
    return read_h5ad_screen(path, settings, guides, name_genes, threads=2)


@pytest.fixture
def cells() -> Cells:
    return simulate()


@pytest.fixture
def plain(cells: Cells, tmp_path: Path) -> CellScreen:
    write_cells(tmp_path / "plain.h5ad", cells)
    return read(tmp_path / "plain.h5ad", perturbation="target_gene", control=["non-targeting"])


def same(one: CellScreen, other: CellScreen) -> None:
    assert one.screen.genes.tolist() == other.screen.genes.tolist()
    assert one.screen.silenced.tolist() == other.screen.silenced.tolist()
    for name in ("truth", "weights", "control", "baseline"):
        np.testing.assert_array_equal(getattr(one.screen, name), getattr(other.screen, name))


@pytest.mark.parametrize("layout", COLUMNS)
def test_named_layouts(cells: Cells, plain: CellScreen, tmp_path: Path, layout: str) -> None:
    column, control, genes = COLUMNS[layout]
    labels = [control if name == "non-targeting" else name for name in cells.obs["target_gene"]]
    if layout == "gears":
        labels = [name if name == control else f"{name}+ctrl" for name in labels]
    names = cells.genes if genes is None else [f"ENSG{i:011}" for i in range(len(cells.genes))]
    var = {} if genes is None else {genes: cells.genes}
    path = tmp_path / "x.h5ad"
    write_cells(path, Cells(cells.values, names, {column: labels}, var=var))
    same(read(path, layout=layout), plain)


def test_columns_of_ones_own(cells: Cells, plain: CellScreen, tmp_path: Path) -> None:
    labels = [name.replace("non-targeting", "NTC_1") for name in cells.obs["target_gene"]]
    path = tmp_path / "x.h5ad"
    write_cells(path, Cells(cells.values, cells.genes, {"mine": labels}))
    same(read(path, perturbation="mine", control=["NTC_*"]), plain)
    same(read(path, layout="scperturb", perturbation="mine", control=["NTC_1"]), plain)


def test_guides_lead_to_genes(cells: Cells, plain: CellScreen, tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    labels = [n if n == "non-targeting" else f"{n}_sg1" for n in cells.obs["target_gene"]]
    write_cells(path, Cells(cells.values, cells.genes, {"target_gene": labels}))
    guides = Guides("_", None, None)
    same(read(path, guides, perturbation="target_gene", control=["non-targeting"]), plain)


def test_silenced_genes_have_the_names_of_the_file(
    cells: Cells, plain: CellScreen, tmp_path: Path
) -> None:
    """An Ensembl id without version silences the gene with the version in var."""
    ids = {gene: f"ENSG{i:011}" for i, gene in enumerate(cells.genes)}
    labels = [ids.get(name, name) for name in cells.obs["target_gene"]]
    path = tmp_path / "x.h5ad"
    genes = [f"{name}.3" for name in ids.values()]
    write_cells(path, Cells(cells.values, genes, {"target_gene": labels}))
    screen = read(path, perturbation="target_gene", control=["non-targeting"])
    assert screen.screen.silenced.tolist() == [
        f"{ids[gene]}.3" for gene in plain.screen.silenced.tolist()
    ]
    np.testing.assert_array_equal(screen.screen.weights, plain.screen.weights)
    np.testing.assert_array_equal(screen.facts.expression_left, plain.facts.expression_left)


def test_the_filters(cells: Cells, tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    write_cells(path, cells)
    options: dict[str, Any] = {"perturbation": "target_gene", "control": ["non-targeting"]}
    screen = read(path, **options, most_genes=7)
    control = read(path, **options).screen.control
    assert sorted(screen.screen.control) == sorted(control)[-7:]
    counts = dict(zip(screen.screen.perturbations, screen.facts.cells, strict=True))
    fewest = int(min(counts.values())) + 1
    few = [name for name, count in counts.items() if count < fewest]
    left = read(path, **options, fewest_cells=fewest)
    assert left.screen.perturbations.tolist() == [name for name in counts if name not in few]
    (warning,) = [w for w in cell_warnings(as_record(left.facts)) if "too few" in w]
    assert all(f"{name} ({fewest - 1} cells)" in warning for name in few)
    with pytest.raises(InputError, match=f"have fewer cells than {fewest}"):
        read(path, **options, fewest_cells=fewest, fewer_cells="refuse")


def test_a_gene_that_is_not_silenced_is_warned_about(cells: Cells, tmp_path: Path) -> None:
    labels = cells.obs["target_gene"]
    # The cells of g0 are called those of a gene that nobody silenced.
    renamed = ["g20" if name == "g0" else name for name in labels]
    path = tmp_path / "x.h5ad"
    write_cells(path, Cells(cells.values, cells.genes, {"target_gene": renamed}))
    screen = read(path, perturbation="target_gene", control=["non-targeting"])
    (warning,) = cell_warnings(as_record(screen.facts))
    assert warning.startswith("1 of 4 silenced genes keep more than 50% of their expression")
    assert "g20" in warning

"""Read a screen from an `.h5ad` file as the configuration says: cells, or a pseudobulk."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoes.io.arrays import Strings
from echoes.io.errors import abbreviate
from echoes.io.files import StrPath
from echoes.io.h5ad_matrix import StoredMatrix, find_matrix
from echoes.screen import cell_groups, pseudobulk
from echoes.screen.cell_facts import MOST_LEFT
from echoes.screen.cell_groups import CellGroups, CellLayout, group_cells
from echoes.screen.cells import CellScreen, gene_names, screen_of_cells
from echoes.screen.effect_screen import NameGenes
from echoes.screen.guides import GENE_NAMES, Guides
from echoes.screen.pseudobulk import PseudobulkLayout, read_pseudobulk, screen_of_pseudobulk

_NO_LAYOUT = CellLayout(None, (), None, None, None, None)


def read_h5ad_screen(
    path: StrPath,
    settings: Mapping[str, Any],
    guides: Guides,
    name_genes: NameGenes,
    *,
    threads: int,
    halve: bool = False,
) -> CellScreen:
    """Read the screen of an `.h5ad` file.

    Parameters
    ----------
    path
        The file.
    settings
        Keys of `dataset:` in the configuration, all of them.
    guides
        How the silenced gene follows from the label of a perturbation.
    name_genes
        Finds the name that silenced genes have among the genes of the file.
    threads
        Threads to compute with.
    halve
        Whether to compute the effects of two halves of the cells, too; a pseudobulk has none.

    Raises
    ------
    InputError
        When the file is damaged or of a layout that is not read, a column is missing or has gaps,
        there are no controls, a value is not on the scale, or no perturbation is left.
    """
    from echoes.io.h5ad import open_h5ad

    cells = settings["cells"]
    chosen: dict[str, Any] = {key: cells[key] for key in ("most_genes", "lowest_expression")}
    few = {key: cells[key] for key in ("fewest_cells", "fewer_cells")}
    with open_h5ad(path) as h5ad:
        matrix = find_matrix(h5ad, cells["matrix"])
        if cells["layout"] in pseudobulk.LAYOUTS:
            bulk = _bulk_layout(settings, guides)
            genes = gene_names(h5ad, matrix.var, bulk.genes, add_ids=True)
            rows = read_pseudobulk(matrix, bulk, rows_of_a_gene=cells["guides_of_a_gene"], **few)
            silenced = name_genes(rows.silenced.tolist(), genes.tolist())
            rows = dataclasses.replace(rows, silenced=np.array(silenced, dtype=np.str_))
            return screen_of_pseudobulk(matrix, rows, genes, **chosen)
        layout = _cell_layout(settings)
        genes = gene_names(h5ad, matrix.var, layout.genes, add_ids=True)
        groups = group_cells(
            h5ad,
            layout,
            guides=guides,
            guides_of_a_gene=cells["guides_of_a_gene"],
            several_genes=cells["several_genes"],
            **few,
        )
        chosen |= {"threads": threads, "halve": halve}
        return _screen(matrix, groups, genes, settings, name_genes, chosen)


def _screen(
    matrix: StoredMatrix,
    groups: CellGroups,
    genes: Strings,
    settings: Mapping[str, Any],
    name_genes: NameGenes,
    chosen: Mapping[str, Any],
) -> CellScreen:
    every = list(dict.fromkeys(gene for parts in groups.parts for gene in parts))
    name = dict(zip(every, name_genes(every, genes.tolist()), strict=True))
    parts = tuple(tuple(name[gene] for gene in part) for part in groups.parts)
    silenced = np.array(["+".join(part) for part in parts], dtype=np.str_)
    groups = dataclasses.replace(groups, parts=parts, silenced=silenced)
    return screen_of_cells(matrix, groups, genes, scale=settings["scale"], **chosen)


def _cell_layout(settings: Mapping[str, Any]) -> CellLayout:
    """Overlay the layout that is named with the columns that are."""
    cells = settings["cells"]
    layout = cell_groups.LAYOUTS[cells["layout"]] if cells["layout"] else _NO_LAYOUT
    keys = {"perturbation", "separator", "guide", "batch", "genes"}
    given = {key: cells[key] for key in keys if cells[key] is not None}
    if settings["control"]:
        given["controls"] = tuple(settings["control"])
    return dataclasses.replace(layout, **given)


def _bulk_layout(settings: Mapping[str, Any], guides: Guides) -> PseudobulkLayout:
    cells = settings["cells"]
    layout = pseudobulk.LAYOUTS[cells["layout"]]
    given = {key: cells[key] for key in ("perturbation", "genes") if cells[key] is not None}
    if settings["control"]:
        given["controls"] = tuple(settings["control"])
    if guides != GENE_NAMES:
        given["guides"] = guides
    return dataclasses.replace(layout, **given)


def cell_warnings(facts: Mapping[str, Any]) -> list[str]:
    """Write a sentence or two on each thing that is left out or looks wrong in a screen of cells.

    Parameters
    ----------
    facts
        The record of the screen; see `echoes.screen.cell_facts.as_record`.
    """
    warnings = []
    left_out = {
        "too_few_cells": "perturbations have too few cells and are left out",
        "several_genes": "perturbations of several genes are left out",
        "without_control_cells": "batches have no control cells; their cells are not used",
    }
    for key, text in left_out.items():
        if facts[key]:
            named = [f"{name} ({count:,} cells)" for name, count in facts[key].items()]
            warnings.append(f"{len(named):,} {text}: {abbreviate(named)}.")
    shares = zip(facts["perturbations"], facts["expression_left"], strict=True)
    little = [f"{name} ({left:.2f})" for name, left in _highest(shares) if left > MOST_LEFT]
    known = sum(left is not None for left in facts["expression_left"])
    if little:
        warnings.append(
            f"{len(little):,} of {known:,} silenced genes keep more than {MOST_LEFT:.0%} of their "
            f"expression, so that they may not be silenced: {abbreviate(little)}."
        )
    return warnings


def _highest(shares: Any) -> Sequence[tuple[str, float]]:
    known = [(name, left) for name, left in shares if left is not None]
    return sorted(known, key=lambda pair: -pair[1])

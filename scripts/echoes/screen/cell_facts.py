"""What there is to know of a screen of cells before anything is learned from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoes.io.arrays import Floats, Ints, Strings
from echoes.screen.cell_groups import CellGroups
from echoes.screen.cell_sums import CellSums

#: A gene with more of its expression left than this may not be silenced.
MOST_LEFT = 0.5
#: Shares of cells below which the quantiles are.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class CellFacts:
    """Figures of a screen of n perturbations.

    Parameters
    ----------
    perturbations
        (n,) names.
    cells
        (n,) cells of each.
    expression_left
        (n,) expression of the silenced gene in these cells as a share of that in control cells
        of the same batches: 0.1 is a knock-down by 90 %. Means of UMI/total are compared. NaN
        where the matrix does not have the gene, or no control cell expresses it.
    controls
        Label of control → cells.
    batches
        Batch → cells of perturbations, and control cells.
    molecules
        Quantiles of UMIs a cell at `QUANTILES`, in cells of perturbations and in control cells.
        None unless the matrix has counts.
    detected
        The same of genes above 0 a cell; None where single cells are not known.
    genes
        Numbers of genes in the matrix, and of response genes.
    too_few, several, without_control
        What is left out, as in `CellGroups`.
    """

    perturbations: Strings
    cells: Ints
    expression_left: Floats
    controls: Mapping[str, int]
    batches: Mapping[str, tuple[int, int]]
    molecules: tuple[Floats, Floats] | None
    detected: tuple[Floats, Floats] | None
    genes: tuple[int, int]
    too_few: Mapping[str, int]
    several: Mapping[str, int]
    without_control: Mapping[str, int]


def describe_cells(
    groups: CellGroups, sums: CellSums, targets: Ints, *, genes_kept: int
) -> CellFacts:
    """Compute the figures of a screen.

    Parameters
    ----------
    groups, sums
        From `group_cells` and `sum_cells`.
    targets
        (n,) position of each silenced gene among the genes of the matrix; −1 for none.
    genes_kept
        Number of response genes.
    """
    perturbed = (groups.codes >= 0) & (groups.codes < len(targets))
    control = groups.codes >= len(targets)

    def quantiles(values: Floats | Ints) -> tuple[Floats, Floats]:
        one, other = (np.quantile(values[cells], QUANTILES) for cells in (perturbed, control))
        return one, other

    return CellFacts(
        perturbations=groups.perturbations,
        cells=groups.cells.sum(axis=1),
        expression_left=expression_left(groups, sums, targets),
        controls=groups.controls,
        batches={
            str(name): (int(cells), int(controls))
            for name, cells, controls in zip(
                groups.batches, groups.cells.sum(axis=0), groups.control_cells, strict=True
            )
        },
        molecules=None if sums.molecules is None else quantiles(sums.molecules),
        detected=quantiles(sums.detected),
        genes=(sums.sums.shape[1], genes_kept),
        too_few=groups.too_few,
        several=groups.several,
        without_control=groups.without_control,
    )


def expression_left(groups: CellGroups, sums: CellSums, targets: Ints) -> Floats:
    """Compute how much of the silenced gene's expression is left, as in `CellFacts`.

    Parameters
    ----------
    groups, sums, targets
        As in `describe_cells`.

    Returns
    -------
    array
        (n,) shares: 0 for a gene without any molecule left, 1 for no knock-down.
    """
    cells = groups.cells.sum(axis=1)
    means = sums.control_shares / groups.control_cells[:, None]
    expected = np.einsum("pb,bp->p", groups.cells / cells[:, None], means[:, targets])
    left: Floats = np.full(len(targets), np.nan)
    known = (targets >= 0) & (expected > 0)
    left[known] = sums.silenced_shares[known] / cells[known] / expected[known]
    return left


def as_record(facts: CellFacts) -> dict[str, Any]:
    """Write the figures as a record for a JSON file; NaN becomes None."""

    def spread(values: tuple[Floats, Floats] | None) -> dict[str, list[float]] | None:
        if values is None:
            return None
        return dict(zip(("perturbed", "control"), (v.tolist() for v in values), strict=True))

    left = [None if np.isnan(value) else float(value) for value in facts.expression_left]
    return {
        "perturbations": facts.perturbations.tolist(),
        "cells": facts.cells.tolist(),
        "expression_left": left,
        "most_left": MOST_LEFT,
        "controls": dict(facts.controls),
        "batches": {name: list(cells) for name, cells in facts.batches.items()},
        "quantiles": list(QUANTILES),
        "molecules_per_cell": spread(facts.molecules),
        "genes_per_cell": spread(facts.detected),
        "genes": facts.genes[0],
        "response_genes": facts.genes[1],
        "too_few_cells": dict(facts.too_few),
        "several_genes": dict(facts.several),
        "without_control_cells": dict(facts.without_control),
    }

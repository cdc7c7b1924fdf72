"""Make a screen of a pseudobulk: an `.h5ad` file with a row for each perturbation, no cells.

The files `*_raw_bulk_01.h5ad` of Replogle et al. 2022 hold mean UMIs per cell; times the number of
cells they are whole numbers. The expression that follows from them is log2(1 + 10⁴·share), with
the share of a gene among all UMIs of a row: a logarithm of a mean, while cells give a mean of
logarithms, which is smaller. Effects are differences of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Strings, positions
from echoes.io.errors import InputError, abbreviate
from echoes.io.h5ad import H5ad, read_names, read_numbers
from echoes.io.h5ad_matrix import StoredMatrix, blocks
from echoes.screen.cell_facts import CellFacts
from echoes.screen.cell_values import MOST_MOLECULES
from echoes.screen.cells import CellScreen, choose_genes, make_screen, silenced_genes
from echoes.screen.effect_screen import weights_of_t
from echoes.screen.guides import Guides, guide_genes, pool_controls
from echoes.screen.moderated_t import VariancePrior, estimate_prior, moderate, t_statistics
from echoes.screen.scale import TOTAL

#: Rows of controls that their scatter can be estimated from.
FEWEST_CONTROLS = 3


@dataclass(frozen=True)
class PseudobulkLayout:
    """Where a file says what its rows are.

    Parameters
    ----------
    perturbation
        Column of obs with the name of each row; None for the index.
    controls
        Labels of controls among the names; ``*`` and ``?`` as in `pool_controls`.
    guides
        How the silenced gene follows from the other names.
    trusted
        Column of obs that is true in the controls to use, such as ``core_control``; other
        controls are left out. None to use all.
    cells
        Column of obs with the number of cells of each row.
    genes
        Column of var with the names of the genes; None for the index.
    values
        Whether the matrix has ``means`` of UMIs per cell or their ``sums``.
    """

    perturbation: str | None
    controls: tuple[str, ...]
    guides: Guides
    trusted: str | None
    cells: str
    genes: str | None
    values: Literal["means", "sums"]


#: Layouts of pseudobulks by name.
LAYOUTS = {
    "replogle_pseudobulk": PseudobulkLayout(
        perturbation=None,
        controls=("*_non-targeting_*",),
        guides=Guides(separator=None, pattern="replogle_transcript", table=None),
        trusted="core_control",
        cells="num_cells_filtered",
        genes="gene_name",
        values="means",
    )
}


@dataclass(frozen=True)
class BulkRows:
    """Perturbations and controls of a pseudobulk, with UMIs summed over cells.

    Parameters
    ----------
    perturbations, silenced
        (n,) names and silenced genes.
    cells, molecules
        (n,) cells and (n, G) UMIs of each.
    control_names
        (m,) names of the rows of controls.
    control_cells, control_molecules
        (m,) and (m, G) the same of each row of controls.
    too_few
        Perturbation that is left out, with too few cells → its cells.
    """

    perturbations: Strings
    silenced: Strings
    cells: Floats
    molecules: Floats
    control_names: Strings
    control_cells: Floats
    control_molecules: Floats
    too_few: dict[str, int]


def read_pseudobulk(
    matrix: StoredMatrix,
    layout: PseudobulkLayout,
    *,
    rows_of_a_gene: Literal["merged", "apart"],
    fewest_cells: int,
    fewer_cells: Literal["refuse", "leave_out"],
) -> BulkRows:
    """Read a pseudobulk.

    Parameters
    ----------
    matrix
        The matrix, of rows and genes.
    layout
        Where the file says what the rows are.
    rows_of_a_gene
        ``merged``: the cells of all rows of a gene (guides, or transcripts that start at
        different promoters) are taken together. ``apart``: each row is a perturbation.
    fewest_cells
        Cells that a perturbation must have.
    fewer_cells
        What to do with perturbations that have fewer: an error, or leave them out.

    Raises
    ------
    InputError
        When a column is missing, a name does not lead to a gene, there are no controls, a value is
        negative or no number, or no perturbation is left.
    """
    h5ad = matrix.h5ad
    names = read_names(h5ad, "obs", layout.perturbation)
    texts = names.tolist()
    cells = read_numbers(h5ad, "obs", layout.cells)
    cells = np.where(np.isnan(cells), 0.0, cells)
    is_control = pool_controls(texts, layout.controls, file=h5ad.path)
    others = np.flatnonzero(~is_control)
    genes = guide_genes([texts[i] for i in others], layout.guides, file=h5ad.path)
    controls = _trusted_controls(h5ad, layout, is_control, cells)

    labels = np.array(genes if rows_of_a_gene == "merged" else [texts[i] for i in others])
    perturbations, first, code = np.unique(labels, return_index=True, return_inverse=True)
    count: Floats = np.bincount(code, cells[others], minlength=len(perturbations)).astype(
        np.float64
    )
    enough = count >= max(1, fewest_cells)
    few = {str(perturbations[i]): int(count[i]) for i in np.flatnonzero(~enough)}
    if not enough.any() or (few and fewer_cells == "refuse"):
        named = abbreviate([f"{name} ({number})" for name, number in few.items()])
        raise InputError(
            h5ad.path,
            f"obs, column {layout.cells}",
            f"{len(few)} of {len(enough)} perturbations have fewer cells than {fewest_cells}: "
            f"{named}",
            expected=f"perturbations with {fewest_cells} cells or more",
            remedy="Ask for fewer cells, or let such perturbations be left out.",
        )
    molecules = _molecules(matrix, names, cells if layout.values == "means" else None)
    sums = np.zeros((len(perturbations), matrix.shape[1]))
    np.add.at(sums, code, molecules[others])
    return BulkRows(
        perturbations=perturbations[enough],
        silenced=np.array(genes, dtype=np.str_)[first][enough],
        cells=count[enough],
        molecules=sums[enough],
        control_names=names[controls],
        control_cells=cells[controls],
        control_molecules=molecules[controls],
        too_few=few,
    )


def _trusted_controls(
    h5ad: H5ad, layout: PseudobulkLayout, is_control: Bools, cells: Floats
) -> Ints:
    """Find the rows of controls that are used."""
    used = is_control & (cells > 0)
    if layout.trusted is not None:
        used &= read_numbers(h5ad, "obs", layout.trusted) == 1
    if not used.any():
        raise InputError(
            h5ad.path,
            f"obs, column {layout.trusted or layout.cells}",
            f"none of {np.count_nonzero(is_control)} controls can be used",
            expected="controls with cells, in which this column is true",
            remedy="Correct the column or the labels of the controls.",
        )
    return np.flatnonzero(used)


def _molecules(matrix: StoredMatrix, names: Strings, cells: Floats | None) -> Floats:
    """Read the matrix; with numbers of cells, means are multiplied by them."""
    values = np.zeros(matrix.shape)
    for block in blocks(matrix):
        part = block.values.toarray()
        if matrix.kind == "csc":
            values[:, block.first : block.first + part.shape[1]] = part
        else:
            values[block.first : block.first + len(part)] = part
    wrong = ~((values >= 0) & (values <= MOST_MOLECULES))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        gene = read_names(matrix.h5ad, matrix.var, None)[column]
        raise InputError(
            matrix.h5ad.path,
            f"{matrix.name}, row {names[row]}, gene {gene}",
            f"{values[row, column]:.6g} is no number of molecules",
            expected="mean or summed UMIs, 0 or more",
            remedy="Take the raw pseudobulk, not the normalised one.",
        )
    if cells is not None:
        values *= cells[:, None]
    return values


def expression(molecules: Floats) -> Floats:
    """Compute log2(1 + 10⁴·share) of rows of UMIs; 0 in a row without any."""
    total = molecules.sum(axis=-1, keepdims=True)
    values: Floats = np.log1p(molecules * (TOTAL / np.where(total > 0, total, 1.0))) / np.log(2)
    return values


def scatter_of_controls(rows: BulkRows) -> tuple[Floats, float]:
    """Estimate the variance of a cell from how the rows of controls differ.

    A row of n cells is taken to have 1/n of the variance of a cell. So that is estimated by
    Σ n·(x − mean)²/(m − 1) over m rows, with the mean weighted by cells.

    Returns
    -------
    array, float
        (G,) variances in log2 units, and their degrees of freedom m − 1.
    """
    x, cells = expression(rows.control_molecules), rows.control_cells[:, None]
    mean = (cells * x).sum(axis=0) / cells.sum()
    degrees = len(x) - 1
    variance: Floats = (cells * (x - mean) ** 2).sum(axis=0) / max(degrees, 1)
    return variance, float(degrees)


def screen_of_pseudobulk(
    matrix: StoredMatrix,
    rows: BulkRows,
    genes: Strings,
    *,
    most_genes: int | None,
    lowest_expression: float | None,
) -> CellScreen:
    """Make a screen of a pseudobulk.

    The controls are taken together, each cell counting the same. A pseudobulk does not say how
    cells of a perturbation differ, but several rows of controls say how much such means scatter:
    with `FEWEST_CONTROLS` or more, t and weights follow from that and from the numbers of cells,
    otherwise all weights are 1.

    Parameters
    ----------
    matrix
        The matrix, for messages.
    rows
        From `read_pseudobulk`.
    genes
        (G,) names of all genes of the matrix.
    most_genes, lowest_expression
        Which response genes are kept; see `choose_genes`.

    Raises
    ------
    InputError
        When no gene is kept.
    """
    pooled = rows.control_molecules.sum(axis=0)
    control = expression(pooled)
    kept = choose_genes(control, matrix, most=most_genes, lowest=lowest_expression)
    delta = np.ascontiguousarray((expression(rows.molecules) - control)[:, kept])
    itself = silenced_genes([[str(gene)] for gene in rows.silenced], genes[kept])
    t, error = np.full_like(delta, np.nan), np.full_like(delta, np.nan)
    weights = np.ones_like(delta)
    variance, degrees = scatter_of_controls(rows)
    prior: VariancePrior | None = None
    if len(rows.control_cells) >= FEWEST_CONTROLS:
        prior = estimate_prior(variance[kept], degrees)
        moderated = moderate(variance[kept], degrees, prior)
        factor = 1 / rows.cells + 1 / rows.control_cells.sum()
        error = np.sqrt(factor[:, None] * moderated)
        t = t_statistics(delta, error)
        weights = weights_of_t(t, np.ones_like(itself), itself)
    return CellScreen(
        screen=make_screen(
            rows.perturbations, rows.silenced, genes[kept], control[kept], delta, weights
        ),
        t=t,
        standard_error=error,
        degrees=degrees + (prior.degrees if prior else 0.0),
        prior=prior,
        facts=_facts(rows, pooled, genes, len(kept)),
    )


def _facts(rows: BulkRows, pooled: Floats, genes: Strings, kept: int) -> CellFacts:
    targets = positions(rows.silenced.tolist(), genes.tolist())
    expected = pooled[targets] / pooled.sum()
    total = rows.molecules.sum(axis=1)
    found = rows.molecules[np.arange(len(targets)), targets] / np.where(total > 0, total, 1.0)
    left = np.full(len(targets), np.nan)
    known = (targets >= 0) & (expected > 0)
    left[known] = found[known] / expected[known]
    names, number = np.unique(rows.control_names, return_inverse=True)
    cells = np.bincount(number, rows.control_cells)
    return CellFacts(
        perturbations=rows.perturbations,
        cells=rows.cells.astype(np.intp),
        expression_left=left,
        controls={str(name): int(count) for name, count in zip(names, cells, strict=True)},
        batches={"": (int(rows.cells.sum()), int(rows.control_cells.sum()))},
        molecules=None,
        detected=None,
        genes=(len(genes), kept),
        too_few=rows.too_few,
        several={},
        without_control={},
    )

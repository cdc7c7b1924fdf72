"""Make a screen of the cells in an `.h5ad` file: effects, moderated t, weights, and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Bools, Floats, Ints, Strings, positions, save_arrays
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.h5ad import H5ad, read_names
from echoes.io.h5ad_matrix import StoredMatrix
from echoes.screen.cell_facts import CellFacts, describe_cells
from echoes.screen.cell_groups import CellGroups
from echoes.screen.cell_sums import CellSums, sum_cells
from echoes.screen.effect_screen import weights_of_t
from echoes.screen.half_sums import HalfSums, halves_of
from echoes.screen.halves import Halves
from echoes.screen.matrix_screen import baseline_of_mean
from echoes.screen.moderated_t import VariancePrior, estimate_prior, moderate, t_statistics
from echoes.screen.record import Screen


@dataclass(frozen=True)
class CellScreen:
    """A screen of cells, with its statistics: n perturbations, G response genes.

    Parameters
    ----------
    screen
        The screen; its weights are those of the competition, from `t`.
    t
        (n, G) moderated t of each effect; NaN where the noise is not known.
    standard_error
        (n, G) of each effect, log2 units; NaN where it is not known.
    degrees
        Degrees of freedom of t, d₀ + d.
    prior
        What all genes say about the variance of one; None where the noise is not known.
    facts
        What there is to know of the screen before anything is learned.
    halves
        Effects of two halves of the cells of each perturbation, of 200 at most; None where they
        were not asked for, or there are no single cells.
    """

    screen: Screen
    t: Floats
    standard_error: Floats
    degrees: float
    prior: VariancePrior | None
    facts: CellFacts
    halves: Halves | None = None


def save_statistics(path: StrPath, cells: CellScreen) -> None:
    """Write t, standard errors and degrees of freedom of a screen to an npz file."""
    statistics: dict[str, npt.ArrayLike] = {
        "perturbations": cells.screen.perturbations,
        "genes": cells.screen.genes,
        "t": cells.t,
        "standard_error": cells.standard_error,
        "degrees": cells.degrees,
    }
    save_arrays(path, statistics)


@dataclass(frozen=True)
class CellEffects:
    """Effects of n perturbations on G genes, against the control cells of the same batches.

    Parameters
    ----------
    delta
        (n, G) effects, log2 units.
    variance
        (G,) residual variance of a cell.
    degrees
        Degrees of freedom of `variance`.
    factor
        (n,) variance of an effect, in units of that of a cell.
    """

    delta: Floats
    variance: Floats
    degrees: float
    factor: Floats


def gene_names(h5ad: H5ad, table: str, column: str | None, *, add_ids: bool) -> Strings:
    """Read the names of the genes, each of which must be different.

    Parameters
    ----------
    h5ad
        The open file.
    table
        ``var``, or that of the matrix.
    column
        Column with the names, such as symbols; None for the index.
    add_ids
        Whether genes of one name are told apart by their name in the index, as
        ``TBCE (ENSG00000284770)``, instead of refused.

    Raises
    ------
    InputError
        When a name is missing or, unless `add_ids`, stands twice.
    """
    names = read_names(h5ad, table, column)
    unique, inverse, counts = np.unique(names, return_inverse=True, return_counts=True)
    if (counts > 1).any() and add_ids and column is not None:
        ids = read_names(h5ad, table, None)
        several = counts[inverse] > 1
        pairs = [f"{name} ({identifier})" for name, identifier in zip(names, ids, strict=True)]
        names = np.where(several, np.array(pairs), names)
        unique, counts = np.unique(names, return_counts=True)
    if (counts > 1).any():
        twice = unique[counts > 1]
        raise InputError(
            h5ad.path,
            f"{table}, column {column}" if column is not None else f"{table}, index",
            f"{len(twice)} names of genes stand more than once: {abbreviate(twice.tolist())}",
            expected="a different name for each gene",
            remedy="Name a column with different names, let ids be added to names, or make them "
            "different (`var_names_make_unique` of anndata).",
        )
    return names


def effects_of(sums: CellSums, groups: CellGroups) -> CellEffects:
    """Compute effects and the residual variance of each gene.

    Each cell of a perturbation is compared with the mean of the control cells of its batch; an
    effect is the mean of that. So the effects within batches are averaged with the number of a
    perturbation's cells in each as weights. The residual variance is pooled over all groups: that
    of perturbed cells about their effect and of control cells about the mean of their batch. With
    one batch, effect and variance are those of a two-sample t with a pooled variance.

    Parameters
    ----------
    sums, groups
        From `sum_cells` and `group_cells`.

    Returns
    -------
    CellEffects
    """
    n, n_control = groups.cells.sum(axis=1), groups.control_cells
    perturbed, controls = sums.sums[: len(n)], sums.sums[len(n) :]
    means = controls / n_control[:, None]
    share = groups.cells / n[:, None]
    delta = perturbed / n[:, None]
    residual = sums.squares - (n_control[:, None] * means**2).sum(axis=0)
    if len(n_control) == 1:
        residual -= np.einsum("pg,pg,p->g", perturbed, perturbed, 1 / n)
        delta -= means
    else:
        cells = groups.cells.sum(axis=0)[:, None]
        residual -= (means * (2 * sums.perturbed - cells * means)).sum(axis=0)
        delta -= share @ means
        residual -= np.einsum("pg,pg,p->g", delta, delta, n.astype(np.float64))
    degrees = float((n - 1).sum() + (n_control - 1).sum())
    # Rounding leaves a tiny number, of any sign, where all cells are alike.
    alike = residual <= 1e-12 * sums.squares
    return CellEffects(
        delta=delta,
        variance=np.where(alike, 0.0, residual) / max(degrees, 1.0),
        degrees=degrees,
        factor=1 / n + (share**2 / n_control).sum(axis=1),
    )


def choose_genes(
    control: Floats, matrix: StoredMatrix, *, most: int | None, lowest: float | None
) -> Ints:
    """Choose response genes by their mean expression in control cells only.

    Parameters
    ----------
    control
        (G,) mean expression of the control cells, log2 units.
    matrix
        The matrix, for messages.
    most
        Number of the most expressed genes to keep; None to keep all.
    lowest
        Lowest mean expression to keep, log2 units; None to keep all.

    Returns
    -------
    array
        Positions of the chosen genes, in their order.

    Raises
    ------
    InputError
        When no gene is kept.
    """
    chosen = np.ones(len(control), dtype=np.bool_)
    if lowest is not None:
        chosen &= control >= lowest
    if most is not None and most < len(control):
        # Of equally expressed genes, the first.
        rank = np.argsort(-control, kind="stable")
        chosen[rank[most:]] = False
    if not chosen.any():
        raise InputError(
            matrix.h5ad.path,
            matrix.name,
            f"no gene has a mean of {lowest} or more in control cells; the highest is "
            f"{control.max(initial=0):.3g}",
            expected="response genes",
            remedy="Lower the limit.",
        )
    return np.flatnonzero(chosen)


def screen_of_cells(
    matrix: StoredMatrix,
    groups: CellGroups,
    genes: Strings,
    *,
    scale: str,
    most_genes: int | None,
    lowest_expression: float | None,
    threads: int,
    halve: bool = False,
) -> CellScreen:
    """Make a screen of cells.

    Parameters
    ----------
    matrix
        The matrix of cells and genes.
    groups
        From `group_cells`.
    genes
        Names of all genes of the matrix, from `gene_names`.
    scale
        ``counts`` for molecule counts; ``log2``, ``ln`` or ``log10`` for this logarithm of
        1 + 10⁴·share.
    most_genes, lowest_expression
        Which response genes are kept; see `choose_genes`.
    threads
        Threads to compute with.
    halve
        Whether to compute the effects of two halves of the cells, too.

    Raises
    ------
    InputError
        When a value is not on the scale, the file is damaged, no gene is kept, or there is only
        one cell in each group.
    """
    targets = positions(groups.silenced.tolist(), genes.tolist())
    first = HalfSums(groups, len(genes)) if halve else None
    sums = sum_cells(matrix, groups, targets, scale=scale, threads=threads, first_half=first)
    control = sums.sums[len(targets) :].sum(axis=0) / groups.control_cells.sum()
    kept = choose_genes(control, matrix, most=most_genes, lowest=lowest_expression)
    effects = effects_of(sums.of_genes(kept), groups)
    if effects.degrees < 1:
        raise InputError(
            matrix.h5ad.path,
            "obs",
            "each perturbation has one cell only, and so has the control",
            expected="several cells of a perturbation, to estimate how much cells differ",
            remedy="Name the column with perturbations; read a pseudobulk as such.",
        )
    prior = estimate_prior(effects.variance, effects.degrees)
    moderated = moderate(effects.variance, effects.degrees, prior)
    standard_error = np.sqrt(effects.factor[:, None] * moderated)
    t = t_statistics(effects.delta, standard_error)
    itself = silenced_genes(groups.parts, genes[kept])
    weights = weights_of_t(t, np.ones_like(itself), itself)
    return CellScreen(
        screen=make_screen(
            groups.perturbations,
            groups.silenced,
            genes[kept],
            control[kept],
            effects.delta,
            weights,
        ),
        t=t,
        standard_error=standard_error,
        degrees=prior.degrees + effects.degrees,
        prior=prior,
        facts=describe_cells(groups, sums, targets, genes_kept=len(kept)),
        halves=None if first is None else halves_of(first, sums.sums, groups, genes, kept),
    )


def silenced_genes(parts: Sequence[Sequence[str]], genes: Strings) -> Bools:
    """Mark the genes that each perturbation silences itself, (n, G)."""
    itself = np.zeros((len(parts), len(genes)), dtype=np.bool_)
    place = {str(gene): i for i, gene in enumerate(genes)}
    for row, silenced in enumerate(parts):
        itself[row, [place[gene] for gene in silenced if gene in place]] = True
    return itself


def make_screen(
    perturbations: Strings,
    silenced: Strings,
    genes: Strings,
    control: Floats,
    delta: Floats,
    weights: Floats,
) -> Screen:
    """Make the record of a screen whose baseline is the error of the mean effect."""
    none = np.array([], dtype=np.str_)
    return Screen(
        perturbations=perturbations,
        silenced=silenced,
        genes=genes,
        control=control,
        responses=delta,
        truth=delta,
        weights=weights,
        baseline=baseline_of_mean(delta, weights),
        validation_ids=none,
        validation_silenced=none,
    )

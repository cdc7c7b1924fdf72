"""Which cells belong together: those of one perturbation, and control cells of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np

from echoes.io.arrays import Bools, Ints, Strings
from echoes.io.errors import InputError, abbreviate, require_printable
from echoes.io.h5ad import H5ad, Labels, read_labels, read_names, row_count
from echoes.screen.guides import Guides, guide_genes, pool_controls

#: Texts that mean that nothing was entered; early versions of anndata wrote NaN as a text.
_MISSING = ("", "nan", "NaN", "<NA>", "None")


@dataclass(frozen=True)
class CellLayout:
    """Where a file says what was done to each cell.

    Parameters
    ----------
    perturbation
        Column of obs with the perturbation of each cell; None for the index.
    controls
        Labels of control cells in it; ``*`` and ``?`` as in `pool_controls`.
    separator
        Text between the genes of a perturbation of several genes, such as ``+``; None where
        there are none. A control beside a gene (``TP53+ctrl``) is left out of its name.
    guide
        Column of obs with the guide of each cell; None where there is none.
    batch
        Column of obs with the batch of each cell; None to take all cells as one batch.
    genes
        Column of var with the names of the genes; None for the index.
    """

    perturbation: str | None
    controls: tuple[str, ...]
    separator: str | None
    guide: str | None
    batch: str | None
    genes: str | None


def _layout(
    perturbation: str, control: str, *, separator: str | None = None, genes: str | None = None
) -> CellLayout:
    return CellLayout(perturbation, (control,), separator, None, None, genes)


#: Layouts of cells by name.
LAYOUTS = {
    "competition": _layout("sgrna_symbol", "non-targeting"),
    "replogle_cells": _layout("gene", "non-targeting", genes="gene_name"),
    "virtual_cell_challenge": _layout("target_gene", "non-targeting"),
    "scperturb": _layout("perturbation", "control"),
    "gears": _layout("condition", "ctrl", separator="+", genes="gene_name"),
    "cell_eval": _layout("target_gene", "non-targeting"),
}


@dataclass(frozen=True)
class CellGroups:
    """P perturbations and B batches of n cells.

    Parameters
    ----------
    codes
        (n,) for each cell the position of its perturbation, P + b for a control cell of batch b,
        and −1 for a cell that is not used.
    perturbations
        (P,) names, sorted.
    silenced
        (P,) silenced gene of each; of several genes, their names joined by ``+``.
    parts
        (P,) the silenced genes of each, usually one.
    batches
        (B,) names; one batch without a name where none are distinguished.
    batch
        (n,) batch of each cell.
    cells
        (P, B) cells of each perturbation in each batch.
    control_cells
        (B,) control cells of each batch; at least one.
    controls
        Label of control → its cells.
    too_few, several
        Perturbation that is left out → its cells: it has too few, or silences several genes.
    without_control
        Batch without control cells → cells of perturbations in it, which are not used.
    """

    codes: Ints
    perturbations: Strings
    silenced: Strings
    parts: tuple[tuple[str, ...], ...]
    batches: Strings
    batch: Ints
    cells: Ints
    control_cells: Ints
    controls: Mapping[str, int]
    too_few: Mapping[str, int]
    several: Mapping[str, int]
    without_control: Mapping[str, int]


def group_cells(
    h5ad: H5ad,
    layout: CellLayout,
    *,
    guides: Guides,
    guides_of_a_gene: Literal["merged", "apart"],
    several_genes: Literal["refuse", "leave_out", "keep"],
    fewest_cells: int,
    fewer_cells: Literal["refuse", "leave_out"],
) -> CellGroups:
    """Find the group of each cell; the matrix is not read.

    Parameters
    ----------
    h5ad
        The open file.
    layout
        Where it says what was done.
    guides
        How the silenced gene follows from a label of a perturbation.
    guides_of_a_gene
        ``merged``: a perturbation is a gene. ``apart``: it is a guide, from the column of the
        guides if the layout has one, otherwise a label.
    several_genes
        What to do with perturbations of several genes: an error that names them, leave their
        cells out, or keep each combination as a perturbation.
    fewest_cells
        Cells that a perturbation must have, in batches with control cells.
    fewer_cells
        What to do with perturbations that have fewer: an error, or leave their cells out.

    Raises
    ------
    InputError
        When a column is missing or has gaps, there are no control cells, a label does not lead
        to a gene, or no perturbation is left.
    """
    place = f"obs, column {layout.perturbation}" if layout.perturbation else "obs, index"
    known = _read_perturbations(h5ad, layout, place, guides)
    batches, batch = _batches(h5ad, layout.batch)
    names, name = _name_cells(h5ad, layout, known, guides_of_a_gene)
    several = np.array([len(genes) > 1 for genes in known.genes], dtype=np.bool_)
    if several.any() and several_genes == "refuse":
        raise _several_refused(h5ad, place, [known.texts[i] for i in np.flatnonzero(several)])

    controls = known.is_control[known.label]
    control_cells = np.bincount(batch[controls], minlength=len(batches))
    # Batches without control cells are no batches of the screen.
    in_use = control_cells > 0
    wanted = ~controls
    if several_genes == "leave_out":
        wanted &= ~several[known.label]
    without = wanted & ~in_use[batch]

    present, first, code = np.unique(name[wanted], return_index=True, return_inverse=True)
    label_of = known.label[wanted][first].tolist()
    perturbations, parts = names[present], [known.genes[i] for i in label_of]
    _refuse_two_genes(h5ad, layout, perturbations, code, known.label[wanted], known.genes, parts)
    codes = np.full(len(batch), -1, dtype=np.intp)
    codes[wanted] = code
    codes[without] = -1
    counts = np.bincount(codes[codes >= 0], minlength=len(present))
    enough = counts >= max(1, fewest_cells)
    few = {str(perturbations[i]): int(counts[i]) for i in np.flatnonzero(~enough)}
    _refuse_few(h5ad, place, few, enough, fewest_cells, fewer_cells)

    kept, used_batches = np.flatnonzero(enough), np.flatnonzero(in_use)
    codes = _renumber(enough)[codes]
    batch_code = _renumber(in_use)[batch]
    pairs = codes[codes >= 0] * len(used_batches) + batch_code[codes >= 0]
    cells = np.bincount(pairs, minlength=len(kept) * len(used_batches))
    codes[controls] = len(kept) + batch_code[controls]
    return CellGroups(
        codes=codes,
        perturbations=perturbations[kept],
        silenced=np.array(["+".join(parts[i]) for i in kept], dtype=np.str_),
        parts=tuple(parts[i] for i in kept),
        batches=batches[used_batches],
        batch=batch_code,
        cells=cells.reshape(len(kept), len(used_batches)),
        control_cells=control_cells[used_batches],
        controls=_tally(known.texts, known.label, known.is_control),
        too_few=few,
        several={} if several_genes == "keep" else _tally(known.texts, known.label, several),
        without_control=_tally([str(text) for text in batches], batch[without], ~in_use),
    )


@dataclass(frozen=True)
class _Perturbations:
    """Different labels of a file, and the label of each cell.

    `texts` are the labels, `genes` the genes that each silences (none in a control), and `label`
    is the position of the label of each cell.
    """

    texts: tuple[str, ...]
    genes: tuple[tuple[str, ...], ...]
    is_control: Bools
    label: Ints


def _read_perturbations(
    h5ad: H5ad, layout: CellLayout, place: str, guides: Guides
) -> _Perturbations:
    labels = _complete(h5ad, layout.perturbation, place, layout.controls)
    used, label = np.unique(labels.codes, return_inverse=True)
    texts = [str(text) for text in labels.texts[used]]
    parts = [_parts(text, layout) for text in texts]
    is_control = _controls(h5ad, place, texts, parts, layout)
    wanted = [i for i in range(len(texts)) if not is_control[i]]
    found = iter(guide_genes([part for i in wanted for part in parts[i]], guides, file=h5ad.path))
    genes: list[tuple[str, ...]] = [() for _ in texts]
    for i in wanted:
        genes[i] = tuple(dict.fromkeys(next(found) for _ in parts[i]))
    return _Perturbations(tuple(texts), tuple(genes), is_control, label.astype(np.intp))


def _name_cells(
    h5ad: H5ad,
    layout: CellLayout,
    known: _Perturbations,
    guides_of_a_gene: Literal["merged", "apart"],
) -> tuple[Strings, Ints]:
    """Give sorted names, and for each cell the position of that of its perturbation."""
    if guides_of_a_gene == "apart" and layout.guide is not None:
        column = _complete(h5ad, layout.guide, f"obs, column {layout.guide}")
        return column.texts, column.codes
    merged = guides_of_a_gene == "merged"
    names = [
        "+".join(genes) if merged or len(genes) > 1 else text
        for text, genes in zip(known.texts, known.genes, strict=True)
    ]
    unique, position = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return unique, position[known.label].astype(np.intp)


def _renumber(kept: Bools) -> Ints:
    """Give each kept position its new number, and −1 to the others and to position −1."""
    return np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.intp)


def _tally(names: Sequence[str], codes: Ints, chosen: Bools) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(names))
    kept = np.flatnonzero(chosen & (counts > 0)).tolist()
    return {str(names[i]): int(counts[i]) for i in kept}


def _complete(h5ad: H5ad, column: str | None, place: str, allowed: Sequence[str] = ()) -> Labels:
    """Read a column in which each cell must have a text; `allowed` texts do not mean a gap."""
    labels = read_labels(h5ad, "obs", column)
    gaps = [text for text in _MISSING if text not in allowed]
    missing = np.append(np.isin(labels.texts, gaps), True)[labels.codes]
    if missing.any():
        cell = read_names(h5ad, "obs", None)[np.argmax(missing)]
        raise InputError(
            h5ad.path,
            f"{place}, cell {cell}",
            f"the entry is empty or NaN, as in {np.count_nonzero(missing):,} of {len(missing):,} "
            "cells",
            expected="an entry for each cell",
            remedy="Remove these cells, or give them a label of their own.",
        )
    require_printable(h5ad.path, place, labels.texts[np.unique(labels.codes)].tolist())
    return labels


def _parts(text: str, layout: CellLayout) -> tuple[str, ...]:
    """Take a label of several genes apart, and leave out controls beside a gene."""
    if not layout.separator:
        return (text,)
    parts = text.split(layout.separator)
    genes = [part for part in parts if not any(fnmatchcase(part, c) for c in layout.controls)]
    return tuple(sorted(dict.fromkeys(genes))) or (parts[0],)


def _controls(
    h5ad: H5ad,
    place: str,
    texts: Sequence[str],
    parts: Sequence[tuple[str, ...]],
    layout: CellLayout,
) -> Bools:
    names = [part[0] if len(part) == 1 else text for text, part in zip(texts, parts, strict=True)]
    try:
        controls = pool_controls(names, layout.controls, file=h5ad.path)
    except InputError as error:
        problem = error.problem.replace("no row is named", "no cell has the label")
        problem = problem.replace("rows are", "labels are")
        raise InputError(
            h5ad.path,
            place,
            f"{problem}; the labels are {abbreviate(texts, 10)}",
            expected="control cells and others",
            remedy=error.remedy,
        ) from error
    if not controls.any():
        raise InputError(
            h5ad.path,
            place,
            "no label of control cells is given",
            expected="the label of the control cells",
            remedy=f"Give it; the labels are {abbreviate(texts, 10)}.",
        )
    return controls


def _batches(h5ad: H5ad, column: str | None) -> tuple[Strings, Ints]:
    if column is None:
        return np.array([""], dtype=np.str_), np.zeros(row_count(h5ad, "obs"), dtype=np.intp)
    labels = _complete(h5ad, column, f"obs, column {column}")
    used, batch = np.unique(labels.codes, return_inverse=True)
    return labels.texts[used], batch.astype(np.intp)


def _several_refused(h5ad: H5ad, place: str, names: Sequence[str]) -> InputError:
    return InputError(
        h5ad.path,
        place,
        f"{len(names)} perturbations silence several genes: {abbreviate(names)}",
        expected="one silenced gene for each perturbation",
        remedy="Leave such cells out, or keep the combinations, by the setting for them.",
    )


def _refuse_two_genes(
    h5ad: H5ad,
    layout: CellLayout,
    perturbations: Strings,
    code: Ints,
    of_cell: Ints,
    genes: Sequence[tuple[str, ...]],
    silenced: Sequence[tuple[str, ...]],
) -> None:
    """Refuse a guide whose cells have labels of different genes."""
    for pair in np.unique(code * len(genes) + of_cell):
        guide, label = divmod(int(pair), len(genes))
        if genes[label] != silenced[guide]:
            named = " and ".join("+".join(part) for part in (silenced[guide], genes[label]))
            raise InputError(
                h5ad.path,
                f"obs, column {layout.guide}",
                f"guide {perturbations[guide]} has cells with two labels, {named}",
                expected="one gene for each guide",
                remedy="Correct the columns of guide and perturbation, or merge the guides.",
            )


def _refuse_few(
    h5ad: H5ad,
    place: str,
    few: Mapping[str, int],
    enough: Bools,
    fewest: int,
    fewer: Literal["refuse", "leave_out"],
) -> None:
    if enough.any() and (fewer == "leave_out" or not few):
        return
    named = abbreviate([f"{name} ({count})" for name, count in few.items()])
    problem = f"{len(few)} of {len(enough)} perturbations have fewer cells than {fewest}: {named}"
    raise InputError(
        h5ad.path,
        place,
        problem if len(enough) else "no cell but controls has a perturbation that is used",
        expected=f"perturbations with {fewest} cells or more, in batches with control cells",
        remedy="Ask for fewer cells, or let such perturbations be left out.",
    )

"""Long tables of effects as programs for differential expression write them.

A row is a perturbation and a gene. `echoes.screen.effect_screen` makes a screen of such a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from echoes.io.arrays import Floats, Ints, Strings
from echoes.io.delimited import Layout, place_of_row, read_text_columns
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import require_names
from echoes.io.text import SEPARATORS
from echoes.io.wide import MISSING, layout_with_row_names
from echoes.screen.scale import to_log2

#: What a column may be. The first three are needed.
ROLES = ("perturbation", "gene", "effect", "standard_error", "t", "padj", "label", "split")
_NUMBERS = ("effect", "standard_error", "t", "padj")

_GENE = ("gene", "gene_symbol", "symbol", "SYMBOL", "row", "")
_PERTURBATION = ("perturbation", "contrast", "target_gene")

#: Columns of other programs' tables, by program. Of several names the first counts that the table
#: has; "" is a column without a name (row names).
PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    # results() of DESeq2, the tables of all perturbations bound together.
    "deseq2": {
        "perturbation": _PERTURBATION,
        "gene": _GENE,
        "effect": ("log2FoldChange",),
        "standard_error": ("lfcSE",),
        "t": ("stat",),
        "padj": ("padj",),
    },
    # topTable() of limma.
    "limma": {
        "perturbation": (*_PERTURBATION, "coef"),
        "gene": (*_GENE[:-1], "ID", ""),
        "effect": ("logFC",),
        "t": ("t",),
        "padj": ("adj.P.Val",),
    },
    # topTags() of edgeR, which has no t.
    "edger": {
        "perturbation": _PERTURBATION,
        "gene": (*_GENE[:-1], "genes", ""),
        "effect": ("logFC",),
        "padj": ("FDR",),
    },
    # FindMarkers() and FindAllMarkers() of Seurat from version 4 on.
    "seurat": {
        "perturbation": ("cluster", *_PERTURBATION),
        "gene": _GENE,
        "effect": ("avg_log2FC",),
        "padj": ("p_val_adj",),
    },
    # scanpy.get.rank_genes_groups_df(); scores are t of a t-test, z of a Wilcoxon test.
    "scanpy": {
        "perturbation": ("group", *_PERTURBATION),
        "gene": ("names",),
        "effect": ("logfoldchanges",),
        "t": ("scores",),
        "padj": ("pvals_adj",),
    },
}


@dataclass(frozen=True)
class Effects:
    """r measured pairs of n perturbations and G genes.

    Parameters
    ----------
    file
        The file that they were read from, for error messages.
    perturbations, genes
        (n,) and (G,) names in the order in which they first occur in the table.
    row, column
        (r,) positions of the perturbation and of the gene of each pair. No pair occurs twice.
    effect
        (r,) log fold changes, log2 units; NaN where the table has none.
    standard_error
        (r,) standard errors of the effects, log2 units; None if the table has none.
    t
        (r,) statistics: the table's, or else effect over standard error; None without both.
    padj
        (r,) adjusted p values; None if the table has none.
    label
        (r,) labels, for instance ``up``; None if the table has none.
    split
        (n,) part of the data to which each perturbation belongs; None if the table has none.
    """

    file: str
    perturbations: Strings
    genes: Strings
    row: Ints
    column: Ints
    effect: Floats
    standard_error: Floats | None
    t: Floats | None
    padj: Floats | None
    label: Strings | None
    split: Strings | None


class _Codes:
    """Positions of names in the order in which they first occur; one text a name, none a row."""

    def __init__(self) -> None:
        self.position: dict[str, int] = {}
        self.blocks: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []

    def add(self, names: pa.Array) -> None:
        encoded = pc.dictionary_encode(pc.fill_null(pc.cast(names, pa.string()), ""))
        known = self.position
        codes = [known.setdefault(n, len(known)) for n in encoded.dictionary.to_pylist()]
        self.blocks.append(np.array(codes, dtype=np.int32)[encoded.indices.to_numpy()])

    def names(self) -> tuple[str, ...]:
        return tuple(self.position)

    def codes(self) -> Ints:
        return np.concatenate(self.blocks, dtype=np.intp)


def read_effects(
    path: StrPath, columns: Mapping[str, str | Sequence[str]], *, scale: str
) -> Effects:
    """Read a long table of effects.

    Parameters
    ----------
    path
        Table with a header: text (tabs, commas, semicolons; plain or gzip-compressed) or parquet.
    columns
        Role (see `ROLES`) → column; or one of `PRESETS`. Of a sequence of columns the first
        counts that the table has; if the table has none of them, there is none, except for the
        perturbation, the gene and the effect.
    scale
        Scale of effects and standard errors: ``log2``, ``ln`` or ``log10``.

    Returns
    -------
    Effects
        In log2 units.

    Raises
    ------
    InputError
        When a column is missing, a name is empty, a cell is neither a finite number nor missing,
        a pair stands twice or a perturbation belongs to two splits; the message has the lines.
    ValueError
        When a role is unknown or `perturbation`, `gene` or `effect` is not given.
    """
    if not {*ROLES[:3]} <= set(columns) <= {*ROLES}:
        raise ValueError(f"columns are {', '.join(columns)}; expected {', '.join(ROLES)}")
    layout = layout_with_row_names(path)
    position = _columns(layout, columns)
    codes = {role: _Codes() for role in position if role not in _NUMBERS}
    numbers: dict[str, list[Floats]] = {role: [] for role in position if role in _NUMBERS}
    start = 0
    for block in _blocks(layout, position):
        for role, names in codes.items():
            names.add(block[role])
        for role, parts in numbers.items():
            parts.append(_floats(layout, role, position[role], block[role], start))
        start += len(block["effect"])
    if not start:
        raise InputError(
            path,
            "",
            "there are no rows",
            expected="one row a perturbation and gene",
            remedy="Check that this is the right file and that it is complete.",
        )
    for role in ("perturbation", "gene"):
        _refuse_empty(layout, layout.columns[position[role]], codes[role])
    row, column = codes["perturbation"].codes(), codes["gene"].codes()
    _refuse_pairs(layout, codes, row, column)
    _refuse_row_names(layout, position["gene"], codes, row)
    values = {role: np.concatenate(parts) for role, parts in numbers.items()}
    effect = to_log2(values["effect"], scale)
    error = to_log2(values["standard_error"], scale) if "standard_error" in values else None
    t = values.get("t")
    if t is None and error is not None:
        t = np.divide(effect, error, out=np.full_like(effect, np.nan), where=error > 0)
    label = np.array(codes["label"].names(), dtype=np.str_) if "label" in codes else None
    return Effects(
        file=str(path),
        perturbations=np.array(codes["perturbation"].names(), dtype=np.str_),
        genes=np.array(codes["gene"].names(), dtype=np.str_),
        row=row,
        column=column,
        effect=effect,
        standard_error=error,
        t=t,
        padj=values.get("padj"),
        label=None if label is None else label[codes["label"].codes()],
        split=_splits(layout, codes, row) if "split" in codes else None,
    )


def _columns(layout: Layout, columns: Mapping[str, str | Sequence[str]]) -> dict[str, int]:
    """Find the position of the column of each role; roles without a column are left out."""
    position = {}
    for role, wanted in columns.items():
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        present = [name for name in names if name in layout.columns]
        if present:
            position[role] = layout.columns.index(present[0])
        elif isinstance(wanted, str) or role in ROLES[:3]:
            apart = f", separated by {SEPARATORS[layout.separator]}" if layout.separator else ""
            there = abbreviate([name or "one without a name" for name in layout.columns], 20)
            raise InputError(
                layout.path,
                "line 1" if layout.separator else "",
                f"the column of the {role} ({' or '.join(n for n in names if n)}) is missing; "
                f"there are {there}{apart}",
                expected="a column each for perturbation, gene and effect",
                remedy=f"Say which column has the {role} in `dataset: columns:`, or name a matrix "
                "of perturbations and genes by `deltas:` or `means:`.",
            )
    return position


def _blocks(layout: Layout, position: Mapping[str, int]) -> Iterator[dict[str, pa.Array]]:
    """Yield blocks of rows: role → column."""
    distinct = list(dict.fromkeys(position.values()))
    for batch in read_text_columns(layout, distinct):
        yield {role: batch.column(distinct.index(i)) for role, i in position.items()}


def _floats(layout: Layout, role: str, at: int, cells: pa.Array, start: int) -> Floats:
    """Convert a block of cells, whose first row has the number `start`; missing is NaN."""
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type):
        texts, parsed = cells, cells
    else:
        texts = pc.utf8_trim_whitespace(pc.cast(cells, pa.string()))
        parsed = pc.replace_substring(texts, ",", ".") if layout.separator == ";" else texts
        empty = pc.is_in(texts, value_set=pa.array(MISSING))
        parsed = pc.if_else(empty, pa.scalar(None, pa.string()), parsed)
    try:
        values: Floats = pc.cast(parsed, pa.float64()).to_numpy(zero_copy_only=False)
        wrong = np.isinf(values)
    except pa.ArrowInvalid:
        wrong = np.array([not _parses(cell) for cell in parsed], dtype=np.bool_)
        values = np.zeros(0)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise InputError(
            layout.path,
            f"column {layout.columns[at]}, {place_of_row(layout, start + i)}",
            f"{texts[i].as_py()!r} is not a finite number",
            expected=f"a number ({role}), or NA where there is none",
            remedy="Correct the cell, or check that this is the right column.",
        )
    return values


def _parses(cell: pa.Scalar) -> bool:
    try:
        value = cell.cast(pa.float64()).as_py()
    except pa.ArrowInvalid:
        return False
    return value is None or bool(np.isfinite(value))


def _refuse_empty(layout: Layout, title: str, codes: _Codes) -> None:
    if (empty := codes.position.get("")) is not None:
        at = int(np.argmax(codes.codes() == empty))
        raise InputError(
            layout.path,
            f"column {title or 'without a name'}, {place_of_row(layout, at)}",
            "an empty name",
            expected="a name in each row",
            remedy="Fill in the name, or remove the row.",
        )
    require_names(layout.path, title or "without a name", codes.names())


def _refuse_pairs(layout: Layout, codes: Mapping[str, _Codes], row: Ints, column: Ints) -> None:
    """Refuse a pair that stands twice, with both lines."""
    genes = codes["gene"].names()
    pair = row * len(genes) + column
    order = np.argsort(pair, kind="stable")
    again = np.flatnonzero(np.diff(pair[order]) == 0)
    if len(again):
        # The pair whose second row comes first in the file.
        k = again[np.argmin(order[again + 1])]
        first, second = int(order[k]), int(order[k + 1])
        raise InputError(
            layout.path,
            f"{place_of_row(layout, first)} and {place_of_row(layout, second)}",
            f"perturbation {codes['perturbation'].names()[row[first]]} and gene "
            f"{genes[column[first]]} stand twice ({len(again):,} rows repeat a pair)",
            expected="each pair of a perturbation and a gene once",
            remedy="Keep one row of each pair; give batches or cell types tables of their own.",
        )


def _refuse_row_names(layout: Layout, at: int, codes: Mapping[str, _Codes], row: Ints) -> None:
    """Refuse row names of bound tables: R makes them differ (TP53, TP531), pandas counts."""
    perturbations, genes = codes["perturbation"].names(), codes["gene"].names()
    if not layout.columns[at] and len(perturbations) > 1 and len(genes) == len(row):
        raise InputError(
            layout.path,
            "column without a name",
            f"no row name occurs twice, though there are {len(perturbations)} perturbations "
            f"({abbreviate([genes[0], genes[-1]])}): R changes row names when it binds tables, "
            "and pandas numbers rows",
            expected="the same names of genes for each perturbation",
            remedy="Write the genes into a column of their own before the tables are bound.",
        )


def _splits(layout: Layout, codes: Mapping[str, _Codes], row: Ints) -> Strings:
    """Find the split of each perturbation, which must be the same in all of its rows."""
    split = codes["split"].codes()
    first = np.unique(row, return_index=True)[1]
    differs = split != split[first][row]
    if differs.any():
        at = int(np.argmax(differs))
        before = int(first[row[at]])
        names = codes["split"].names()
        raise InputError(
            layout.path,
            f"{place_of_row(layout, before)} and {place_of_row(layout, at)}",
            f"perturbation {codes['perturbation'].names()[row[at]]} belongs to "
            f"{names[split[before]]!r} and to {names[split[at]]!r}",
            expected="one split for all rows of a perturbation",
            remedy="Correct the column of the split.",
        )
    return np.array(codes["split"].names(), dtype=np.str_)[split[first]]

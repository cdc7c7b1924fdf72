"""Controls and guides: which rows are controls, and which gene each guide silences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from echoes.io.arrays import Bools
from echoes.io.delimited import column_of, layout_of, place_of_row, read_text_columns
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath

#: Patterns of guide names in common libraries, by a name that may be given as `Guides.pattern`.
PATTERNS = {
    # Guides of the Weissman lab's CRISPRi libraries: A1BG_-_58858617.23-P1
    "weissman_guide": r"(?P<gene>.+?)_[+-]_[0-9.]+-[^|]+",
    # Perturbations of Replogle et al. 2022: 10000_ZNF233_P1P2_ENSG00000159915
    "replogle_transcript": r"[0-9]+_(?P<gene>.+?)_(?:P[^_]*|ENST[^_]*|all)_ENSG[0-9.]+",
}


@dataclass(frozen=True)
class Guides:
    """How the silenced gene follows from the name of a perturbation; at most one way is not None.

    With all three None, a perturbation has the name of its gene.

    Parameters
    ----------
    separator
        Text between the gene and the guide; the gene is the part before the last one. A name
        without it is the name of the gene.
    pattern
        Regular expression for the whole name, with a group ``gene`` for the gene, such as
        ``(?P<gene>.+)_sg[0-9]+``; or a name in `PATTERNS`.
    table
        Guide → gene, for instance from `read_guide_table`.

    Raises
    ------
    ValueError
        When more than one way is given.
    """

    separator: str | None
    pattern: str | None
    table: Mapping[str, str] | None

    def __post_init__(self) -> None:
        """Check that there is one way only."""
        if sum(way is not None for way in (self.separator, self.pattern, self.table)) > 1:
            raise ValueError("give a separator, a pattern or a table of guides: one of them")


#: Perturbations that have the name of their gene.
GENE_NAMES = Guides(separator=None, pattern=None, table=None)


def pool_controls(
    names: Sequence[str], labels: Sequence[str], *, file: StrPath, genes: Sequence[str] = ()
) -> Bools:
    """Find the rows of the control cells, which may have several names.

    Parameters
    ----------
    names
        Names of the rows.
    labels
        Names of controls. In a label that is no name, ``*`` stands for any text and ``?`` for any
        character: ``*non-targeting*``. Small and capital letters differ.
    file
        The file with the names, for error messages.
    genes
        Names of the genes, among which a label is where a table is read the wrong way round.

    Returns
    -------
    array
        True for each name that is a control; empty labels give no control.

    Raises
    ------
    InputError
        When a label fits no name, or each name is a control.
    """
    present = set(names)
    controls = np.zeros(len(names), dtype=np.bool_)
    for label in labels:
        fits = np.array(
            [name == label if label in present else fnmatchcase(name, label) for name in names],
            dtype=np.bool_,
        )
        if not fits.any():
            similar = difflib.get_close_matches(label, sorted(present), n=3)
            near = f"; similar names are {abbreviate(similar)}" if similar else ""
            remedy = (
                "Set `dataset: control:` to the name of the controls; `*` in it stands for "
                "any text."
            )
            if any(fnmatchcase(gene, label) for gene in genes):
                near = "; it stands where names of genes should be"
                remedy = "Set `dataset: genes_in: rows`, or `columns` if it is rows now."
            raise InputError(
                file,
                "",
                f"no row is named {label!r}{near}",
                expected="a row for each label of the controls",
                remedy=remedy,
            )
        controls |= fits
    if len(names) and controls.all():
        raise InputError(
            file,
            "",
            f"all {len(names)} rows are controls ({abbreviate(list(names))})",
            expected="at least one perturbation",
            remedy="Check `dataset: control:`, and that the table is complete.",
        )
    return controls


def guide_genes(names: Sequence[str], guides: Guides, *, file: StrPath) -> tuple[str, ...]:
    """Find the gene that each perturbation silences.

    A name of two guides joined by ``|``, which act in the same cells, is that of the gene of
    both. Joined names are taken apart if any way is given in `guides`, unless the table has the
    whole name.

    Parameters
    ----------
    names
        Names of the perturbations, without those of controls.
    guides
        How the gene follows from a name.
    file
        The file with the names, for error messages.

    Returns
    -------
    tuple of str
        The silenced gene of each perturbation; two perturbations may silence one gene.

    Raises
    ------
    InputError
        When a name does not fit, is of guides of two genes, or the pattern is none.
    """
    if guides == GENE_NAMES:
        return tuple(names)
    pattern = _compile(guides.pattern, file) if guides.pattern is not None else None

    def gene_of(guide: str) -> str | None:
        if guides.table is not None:
            return guides.table.get(guide)
        if pattern is not None:
            match = pattern.fullmatch(guide)
            return match["gene"] or None if match else None
        return guide.rpartition(guides.separator or "|")[0] or guide or None

    genes, unknown = [], []
    for name in names:
        whole = guides.table.get(name) if guides.table is not None else None
        joined = [name] if "|" in (guides.separator or "") else name.split("|")
        parts = [whole] if whole else [gene_of(part) for part in joined]
        present = dict.fromkeys(part for part in parts if part)
        if len(present) < 1 or None in parts:
            unknown.append(name)
        elif len(present) > 1:
            raise InputError(
                file,
                f"perturbation {name}",
                f"its guides silence {len(present)} genes, {' and '.join(present)}",
                expected="guides of one gene",
                remedy="Remove the rows of pairs of genes; they cannot be used yet.",
            )
        genes.append(next(iter(present), ""))
    if unknown:
        raise InputError(
            file,
            f"perturbation {unknown[0]}",
            f"{len(unknown)} of {len(names)} names do not lead to a gene: {abbreviate(unknown)}",
            expected=_expectation(guides),
            remedy="Correct the names or the way to read them; name controls as controls.",
        )
    return tuple(genes)


def _expectation(guides: Guides) -> str:
    if guides.table is not None:
        return "a row for each guide in the table of guides"
    if guides.pattern is not None:
        return f"names that fit {PATTERNS.get(guides.pattern, guides.pattern)}"
    return f"a gene before {guides.separator!r}"


def _compile(pattern: str, file: StrPath) -> re.Pattern[str]:
    text = PATTERNS.get(pattern, pattern)
    problem = ""
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        problem = f"is no regular expression ({error})"
    else:
        if "gene" not in compiled.groupindex:
            problem = "has no group named gene"
    if problem:
        raise InputError(
            file,
            "pattern of the guides",
            f"{text!r} {problem}",
            expected=f"a regular expression with a group (?P<gene>…), or {', '.join(PATTERNS)}",
            remedy="Correct the pattern, for instance to (?P<gene>.+)_sg[0-9]+.",
        )
    return compiled


def read_guide_table(path: StrPath, *, guide: str | int, gene: str | int) -> dict[str, str]:
    """Read which gene each guide silences.

    Parameters
    ----------
    path
        Table with a header: text (tabs, commas, semicolons; plain or gzip-compressed) or parquet.
    guide, gene
        The columns: names, or positions counted from 1.

    Raises
    ------
    InputError
        When a column is missing, a cell is empty, or a guide has two genes.
    """
    layout = layout_of(path, header=True)
    columns = [column_of(layout, guide), column_of(layout, gene)]
    genes: dict[str, str] = {}
    lines: dict[str, int] = {}
    row = -1
    for batch in read_text_columns(layout, columns):
        for pair in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            row += 1
            key, value = (str(cell).strip() if cell is not None else "" for cell in pair)
            if not key or not value:
                raise InputError(
                    path,
                    place_of_row(layout, row),
                    f"guide {key!r} has the gene {value!r}",
                    expected="a guide and its gene",
                    remedy="Fill in the cell, or remove the row.",
                )
            if genes.setdefault(key, value) != value:
                raise InputError(
                    path,
                    f"{place_of_row(layout, lines[key])} and {place_of_row(layout, row)}",
                    f"guide {key} has two genes, {genes[key]} and {value}",
                    expected="one gene for each guide",
                    remedy="Correct or remove one of the rows.",
                )
            lines.setdefault(key, row)
    if not genes:
        raise InputError(
            path,
            "",
            "there are no rows",
            expected="one row a guide",
            remedy="Check that this is the right file and that it is complete.",
        )
    return genes

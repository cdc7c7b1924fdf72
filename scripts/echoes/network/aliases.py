"""Other names of genes: former symbols, aliases, Ensembl and Entrez ids."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from echoes.io.command import text
from echoes.io.delimited import Layout, column_of, layout_of, read_text_columns
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import read_batches
from echoes.io.text import separator_in
from echoes.network.identifiers import ENSEMBL_VERSION

#: Sources in STRING's table of aliases that have the symbol that a gene has today.
_APPROVED = r"(^| )(Ensembl_HGNC_symbol|Ensembl_HGNC_Approved_Symbol|Ensembl_MGI|BioMart_HUGO)( |$)"

#: Tables of names that are recognised: the column of symbols, those of other names, and what is
#: between several names in a cell. Sources: HGNC's complete set and its custom downloads,
#: https://www.genenames.org/download/.
_LAYOUTS = (
    ("symbol", ("prev_symbol", "alias_symbol", "ensembl_gene_id", "entrez_id"), "|"),
    (
        "approved symbol",
        (
            *("previous symbols", "previous symbol", "alias symbols", "alias symbol", "synonyms"),
            *("ensembl gene id", "ensembl id", "ncbi gene id", "entrez gene id"),
        ),
        ",",
    ),
    ("symbol", ("name",), None),
)
#: HGNC writes a symbol that no gene has any more with this ending.
_WITHDRAWN = "~withdrawn"


@dataclass(frozen=True)
class Names:
    """A table of other names of genes.

    Parameters
    ----------
    file
        The file that it was read from.
    table
        A row for each other name of a gene; a row may be repeated. Three columns: ``name``;
        ``symbol``, the name that stands for the gene in this table; and ``approved``, whether
        today's official nomenclature gives this name to this gene. Ensembl ids are without
        version.
    """

    file: str
    table: pa.Table

    def rows(self, column: str, values: Iterable[str]) -> dict[str, list[tuple[str, bool]]]:
        """Look up names or symbols.

        Parameters
        ----------
        column
            ``name`` or ``symbol``: where to look.
        values
            What to look up there.

        Returns
        -------
        dict
            For each value that is there, what stands in the other of the two columns, and
            whether it is approved.
        """
        among = pa.array(sorted(set(values)), type=pa.string())
        rows = self.table.filter(pc.is_in(self.table.column(column), value_set=among))
        other = "symbol" if column == "name" else "name"
        result: dict[str, list[tuple[str, bool]]] = {}
        for value, partner, approved in zip(
            *(rows.column(name).to_pylist() for name in (column, other, "approved")), strict=True
        ):
            result.setdefault(value, []).append((partner, approved))
        return result


def read_names(path: StrPath, *, name: str | int | None, symbol: str | int | None) -> Names:
    """Read a table of other names of genes and the symbols of these genes.

    Parameters
    ----------
    path
        Text (tabs, commas or semicolons; plain or gzip-compressed) or parquet. Either a table of
        HGNC's, such as ``hgnc_complete_set.txt`` or a custom download with previous symbols,
        aliases, Ensembl or Entrez ids, several in a cell; or one with a name in each row.
    name, symbol
        The two columns of a table with a name in each row. A name may have several rows, and a
        symbol, too. None to recognise HGNC's columns, or the columns ``name`` and ``symbol``.

    Raises
    ------
    InputError
        When a column is missing or the table has no rows.
    """
    layout = layout_of(path, header=True)
    if name is not None and symbol is not None:
        wanted, separator = [column_of(layout, name), column_of(layout, symbol)], None
    else:
        wanted, separator = _recognised(layout)
    *others, of_symbol = wanted
    # One name may be in the column of symbols: then Arrow reads the column once.
    different = list(dict.fromkeys(wanted))
    names: list[pa.Array] = []
    symbols: list[pa.Array] = []
    for batch in read_text_columns(layout, different):
        texts = (pc.cast(column, pa.string()) for column in batch.columns)
        columns = dict(zip(different, texts, strict=True))
        for other in others:
            one, title = columns[other], columns[of_symbol]
            if separator is not None:
                parts = pc.split_pattern(pc.fill_null(one, ""), separator)
                title = title.take(pc.list_parent_indices(parts))
                one = pc.list_flatten(parts)
            names.append(one)
            symbols.append(title)
    return _names(
        path,
        pa.chunked_array(names, type=pa.string()),
        pa.chunked_array(symbols, type=pa.string()),
        None,
    )


def _recognised(layout: Layout) -> tuple[list[int], str | None]:
    """Find the columns of other names and, last, that of symbols; and what is between names."""
    place = {_plain(title): i for i, title in reversed([*enumerate(layout.columns)])}
    for symbol, others, separator in _LAYOUTS:
        found = [place[other] for other in others if other in place]
        if symbol in place and found:
            # A symbol is a name of its own gene, too.
            own = [] if separator is None else [place[symbol]]
            return [*own, *found, place[symbol]], separator
    raise InputError(
        layout.path,
        "line 1" if layout.separator else "",
        f"the columns {abbreviate(layout.columns)} are not those of a known table of names",
        expected="HGNC's symbol with prev_symbol or alias_symbol, Approved symbol with Previous "
        "symbols or Alias symbols, or the columns name and symbol",
        remedy="Say which columns have the other names and the symbols: "
        "`names: {name: …, symbol: …}`.",
    )


def _plain(title: str) -> str:
    """Write the title of a column without HGNC's remark on its source, in small letters."""
    return re.sub(r"\s*\(supplied by .*\)$", "", title.strip().lower())


def read_string_aliases(path: StrPath, info: Mapping[str, str]) -> Names:
    """Read STRING's table of aliases.

    Parameters
    ----------
    path
        STRING's ``protein.aliases``, plain or gzip-compressed.
    info
        Preferred gene name of each protein; see `echoes.network.string_db.read_info`.

    Raises
    ------
    InputError
        When the table is not of this kind, or has no protein of `info`.
    """
    columns = ("#string_protein_id", "alias", "source")
    types = dict.fromkeys(columns, pa.string())
    proteins = pa.array(info.keys(), type=pa.string())
    symbols = pa.array(info.values(), type=pa.string())
    parts: list[tuple[pa.Array, pa.Array, pa.Array]] = []
    for batch in read_batches(path, types, delimiter=separator_in(path, "\t"), quoting=False):
        protein = pc.index_in(batch.column(0), value_set=proteins)
        known = pc.is_valid(protein)
        approved = pc.match_substring_regex(batch.column(2), _APPROVED)
        symbol = symbols.take(protein.filter(known))
        parts.append((batch.column(1).filter(known), symbol, approved.filter(known)))
    if not sum(len(part[0]) for part in parts):
        raise InputError(
            path,
            "column #string_protein_id",
            "no alias of a protein of the info table",
            expected=f"proteins such as {abbreviate([*info], 2)}",
            remedy="Use aliases and info of the same species and version of STRING.",
        )
    names, titles, official = (
        pa.chunked_array([part[i] for part in parts], type=kind)
        for i, kind in enumerate((pa.string(), pa.string(), pa.bool_()))
    )
    return _names(path, names, titles, official)


def _names(
    path: StrPath, name: pa.ChunkedArray, symbol: pa.ChunkedArray, approved: pa.ChunkedArray | None
) -> Names:
    """Make the record: Ensembl ids without version, no empty names."""
    columns = [
        pc.replace_substring_regex(pc.utf8_trim_whitespace(column), ENSEMBL_VERSION, r"\1")
        for column in (name, symbol)
    ]
    if approved is None:
        # A table of two columns has the approved symbols in the second one.
        approved = pc.equal(*columns)
    table = pa.table([*columns, approved], names=["name", "symbol", "approved"])
    table = table.filter(
        pc.and_(pc.not_equal(table.column("name"), ""), pc.not_equal(table.column("symbol"), ""))
    )
    table = table.filter(pc.invert(pc.ends_with(table.column("symbol"), _WITHDRAWN)))
    if not table.num_rows:
        raise InputError(
            path,
            "",
            "no names",
            expected="a table of names and symbols of genes",
            remedy="Check that this is the right file and that it is complete.",
        )
    return Names(os.fspath(path), table)


def add_options(options: argparse.ArgumentParser) -> None:
    """Add the options of a command that name a table of other names; see `read_option`."""
    options.add_argument("--names", nargs="?", help="table of other names of genes, if any")
    options.add_argument(
        "--name-column", nargs="?", type=text, help="its column of other names, if any"
    )
    options.add_argument(
        "--symbol-column", nargs="?", type=text, help="its column of symbols, if any"
    )


def read_option(given: argparse.Namespace) -> Names | None:
    """Read the table that the options of `add_options` name; None if they name none."""
    if not given.names:
        return None
    return read_names(given.names, name=given.name_column, symbol=given.symbol_column)

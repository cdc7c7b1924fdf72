"""Other names of genes: former symbols, aliases, Ensembl and Entrez ids."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from echoes.io.delimited import column_of, layout_of, read_text_columns
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import read_batches
from echoes.network.identifiers import ENSEMBL_VERSION

#: Sources in STRING's table of aliases that have the symbol that a gene has today.
_APPROVED = r"(^| )(Ensembl_HGNC_symbol|Ensembl_HGNC_Approved_Symbol|Ensembl_MGI|BioMart_HUGO)( |$)"


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


def read_names(path: StrPath, *, name: str | int, symbol: str | int) -> Names:
    """Read a table with two columns, other names of genes and the symbols of these genes.

    Parameters
    ----------
    path
        Text (tabs, commas or semicolons; plain or gzip-compressed) or parquet, such as a table
        of HGNC's former symbols and aliases, or of Ensembl or Entrez ids.
    name, symbol
        The two columns. A name may have several rows, and a symbol, too.

    Raises
    ------
    InputError
        When a column is missing or the table has no rows.
    """
    layout = layout_of(path, header=True)
    columns = [column_of(layout, name), column_of(layout, symbol)]
    blocks = [
        [pc.cast(batch.column(i), pa.string()) for i in (0, 1)]
        for batch in read_text_columns(layout, columns)
        if batch.num_columns == 2
    ]
    names, symbols = (
        pa.chunked_array([block[i] for block in blocks], type=pa.string()) for i in (0, 1)
    )
    return _names(path, names, symbols, None)


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
    for batch in read_batches(path, types, delimiter="\t", quoting=False):
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
    if not table.num_rows:
        raise InputError(
            path,
            "",
            "no names",
            expected="a table of names and symbols of genes",
            remedy="Check that this is the right file and that it is complete.",
        )
    return Names(os.fspath(path), table)

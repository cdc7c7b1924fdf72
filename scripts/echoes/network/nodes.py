"""The table that says which node of a network each gene of a screen has, and why."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.records import wrong_record

# Jobs that only read the table need no pyarrow.
if TYPE_CHECKING:
    from echoes.network.matches import Matches

#: The two lists of genes of a screen.
SILENCED = "silenced"
RESPONSE = "response"


def write_coverage(path: StrPath, matches: Mapping[str, Matches]) -> None:
    """Write what each gene of a screen matched in a network, tab-separated, a row for each name.

    Its columns are ``name``; ``role``; ``matched``, the name in the network, empty if there is
    none; ``how``, see `echoes.network.matches.Matches`; and ``candidates``, with commas.

    Parameters
    ----------
    path
        The file to write.
    matches
        What was matched, by the role of the genes: `SILENCED` or `RESPONSE`.
    """
    from echoes.io.tables import write_rows

    rows = (
        [name, role, matched, way, ",".join(candidates)]
        for role, group in matches.items()
        for name, matched, way, candidates in zip(
            group.wanted, group.matched, group.way, group.candidates, strict=True
        )
    )
    write_rows(path, ["name", "role", "matched", "how", "candidates"], rows, delimiter="\t")


def read_nodes(path: StrPath, role: str, genes: Sequence[str]) -> list[str]:
    """Look up the nodes of genes, from the table of `write_coverage`.

    Parameters
    ----------
    path
        The table.
    role
        `SILENCED` or `RESPONSE`.
    genes
        k names of genes of the screen; a name may be repeated.

    Returns
    -------
    list
        k names of nodes. A gene that matched nothing is a node of its own, under its own name.

    Raises
    ------
    InputError
        When a gene is not in the table.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            node = {
                row["name"]: row["matched"] or row["name"]
                for row in csv.DictReader(lines, delimiter="\t")
                if row["role"] == role
            }
    except (ValueError, KeyError, csv.Error) as error:
        raise wrong_record(path, "", f"cannot be read ({error})", "a table of nodes") from error
    if missing := [gene for gene in genes if gene not in node]:
        raise InputError(
            path,
            "column name",
            f"{abbreviate(missing)} missing",
            expected=f"all {role} genes",
            remedy="Delete the file and run the workflow again.",
        )
    return [node[gene] for gene in genes]

"""STRING's tables of proteins and links, read a block at a time.

Formats: https://string-db.org/cgi/download (``protein.info`` and ``protein.links``).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from echoes.io.arrays import positions
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import read_batches, read_columns, read_header, require_names, require_unique
from echoes.io.text import separator_in
from echoes.network.channels import FULL_SCORE, channel_columns, recombine
from echoes.network.links import Links

Codes = npt.NDArray[np.int32]
Pairs = npt.NDArray[np.int64]

#: Column of the proteins in the table of STRING 11.0 and earlier.
_OLD_PROTEIN = "protein_external_id"


@dataclass(frozen=True)
class RowCounts:
    """How many rows of STRING's table of links were read and used.

    Parameters
    ----------
    total
        All rows.
    unmapped
        Rows with a protein that the table of proteins does not name.
    kept
        Rows that passed the score threshold and, if core genes were chosen, have one.
    """

    total: int
    unmapped: int
    kept: int


def read_info(path: StrPath) -> dict[str, str]:
    """Read the preferred gene name of each protein.

    Raises
    ------
    InputError
        When a column is missing, a protein is in two rows, or a protein has no name.
    """
    protein, name = "#string_protein_id", "preferred_name"
    separator = separator_in(path, "\t")
    if _OLD_PROTEIN in read_header(path, delimiter=separator, quoting=False):
        protein = _OLD_PROTEIN
    # Annotations are free text: a quote in them is an ordinary character.
    types = {protein: pa.string(), name: pa.string()}
    table = read_columns(path, types, delimiter=separator, quoting=False)
    proteins, names = table.column(protein).to_pylist(), table.column(name).to_pylist()
    if not proteins:
        raise InputError(
            path,
            "",
            "there are no rows",
            expected="one row a protein",
            remedy="Check that this is the right file and that it is complete.",
        )
    require_unique(path, protein, proteins)
    require_names(path, name, names, proteins)
    return dict(zip(proteins, names, strict=True))


def read_links(
    path: StrPath,
    info: dict[str, str],
    core: Collection[str] | None,
    score_threshold: float,
    channels: Sequence[str] | None = None,
) -> tuple[Links, RowCounts]:
    """Read the confident links; all of them, or those of core genes.

    A pair of genes has the summed scores of all different pairs of their proteins, divided by 1000.
    Memory stays near the size of the rows that are kept, and eight bytes for each other row.

    Parameters
    ----------
    path
        Table of links between proteins; each pair is in it twice, a b and b a.
    info
        Gene name of each protein; see `read_info`.
    core
        Gene names; links between two other genes are left out. None keeps all.
    score_threshold
        Lowest confidence of a link that is kept, 0 … 1.
    channels
        Channels whose scores are combined (see `echoes.network.channels`), from a table with
        the channels: ``links.full`` or ``links.detailed``. None for the combined score of the
        table.

    Returns
    -------
    links, counts
        The links between genes, each pair once, and the numbers of rows read.

    Raises
    ------
    InputError
        When the table cannot be read or does not have a channel, a score is not in 0 … 1000, no
        row has two proteins of the info table, a pair of proteins has two scores, or the two
        directions of a link differ.
    """
    names = tuple(sorted(set(info.values())))
    gene = positions(list(info.values()), names).astype(np.int32)
    in_core = np.array([core is None or name in core for name in names], dtype=bool)
    proteins = pa.array(info.keys(), type=pa.string())
    columns: dict[str, tuple[str, ...]] = {"": ("combined_score",)}
    separator = separator_in(path, " ")
    if channels is not None:
        header = read_header(path, delimiter=separator, quoting=False)
        columns = channel_columns(path, header, channels)
    types = {"protein1": pa.string(), "protein2": pa.string()}
    types |= dict.fromkeys((name for group in columns.values() for name in group), pa.int32())
    kept: list[tuple[Pairs, Codes]] = []
    others: list[Pairs] = []
    rows = unmapped = 0
    for batch in read_batches(path, types, delimiter=separator, quoting=False):
        score = _scores(path, batch, columns, rows)
        first, second = (_protein_positions(batch.column(i), proteins) for i in (0, 1))
        mapped = (first >= 0) & (second >= 0)
        rows += len(score)
        unmapped += int(np.count_nonzero(~mapped))
        confident = mapped & (score / FULL_SCORE >= score_threshold)
        pair = first.astype(np.int64) * len(proteins) + second
        others.append(pair[mapped & ~confident])
        confident &= in_core[gene[first]] | in_core[gene[second]]
        kept.append((pair[confident], score[confident]))
    if rows == unmapped:
        raise InputError(
            path,
            "",
            f"none of {rows} links joins two proteins of the info table",
            expected="protein ids of the info table's first column, such as "
            + abbreviate([*info], 2),
            remedy="Use links and info of the same species and version of STRING.",
        )
    pair, score = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    counts = RowCounts(rows, unmapped, len(score))
    del kept
    pair, score = _each_pair_once(path, [*info], pair, score, others)
    first, second = np.divmod(pair, len(proteins))
    # The two directions of a link of a protein to itself are one row.
    score = np.where(first == second, 2 * score, score)
    return _join_directions(os.fspath(path), names, gene[first], gene[second], score), counts


def _each_pair_once(
    path: StrPath, proteins: Sequence[str], pair: Pairs, score: Codes, others: Sequence[Pairs]
) -> tuple[Pairs, Codes]:
    """Keep one row of each pair of proteins in one direction; all its rows must have one score.

    Parameters
    ----------
    path, proteins
        The table and the names of the proteins, for the message.
    pair, score
        Numbers of the pairs, first · number of proteins + second, and scores of the rows to keep.
    others
        Numbers of the pairs of the rows with a lower score than the threshold.
    """
    order = np.argsort(pair, kind="stable")
    pair, score = pair[order], score[order]
    same = np.diff(pair) == 0
    two = pair[:-1][same & (np.diff(score) != 0)]
    if len(pair):
        for other in others:
            at = np.searchsorted(pair, other)
            two = np.append(two, other[pair[np.minimum(at, len(pair) - 1)] == other])
    if len(two):
        first, second = divmod(int(two[0]), len(proteins))
        raise InputError(
            path,
            f"{proteins[first]} and {proteins[second]}",
            "different scores of one pair",
            expected="one score for each pair of proteins, however often it is there",
            remedy="Do not join files of several versions; correct or fetch the file again.",
        )
    once = np.concatenate([[True], ~same])[: len(pair)]
    return pair[once], score[once]


def _scores(
    path: StrPath, batch: pa.RecordBatch, columns: dict[str, tuple[str, ...]], rows: int
) -> Codes:
    """Check the scores of a block that follows so many rows, and combine them if chosen."""
    scores = {
        channel: [batch.column(name).to_numpy() for name in names]
        for channel, names in columns.items()
    }
    for channel, names in columns.items():
        for name, score in zip(names, scores[channel], strict=True):
            _check_scores(path, name, score, rows)
    return scores[""][0] if "" in scores else recombine(scores)


def _check_scores(path: StrPath, column: str, score: Codes, rows: int) -> None:
    """Check one column of scores of a block that follows so many rows."""
    wrong = (score < 0) | (score > FULL_SCORE)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise InputError(
            path,
            f"column {column}, line {rows + i + 2}",
            str(score[i]),
            expected=f"0 … {FULL_SCORE}",
            remedy="Use a file of STRING's scores.",
        )


def _protein_positions(column: pa.Array, proteins: pa.Array) -> Codes:
    """Find the position of each protein in the info table; −1 if it is not there.

    This is `positions` for Arrow's columns, which are too long to become Python strings.
    """
    return np.asarray(pc.index_in(column, value_set=proteins).fill_null(-1), dtype=np.int32)


def _join_directions(
    file: str, names: tuple[str, ...], source: Codes, target: Codes, score: Codes
) -> Links:
    """Check that both directions of each link are there, and keep one of them."""
    shape = (len(names), len(names))
    # Sums of whole numbers, not of weights: they do not depend on the order of the rows.
    scores = sp.coo_array((score.astype(np.float64), (source, target)), shape=shape).tocsr()
    one_way = sp.coo_array(scores - scores.T)
    one_way.eliminate_zeros()
    if one_way.nnz:
        i, j = one_way.row[0], one_way.col[0]
        raise InputError(
            file,
            f"{names[i]} and {names[j]}",
            "the two directions of this link differ, or one is missing",
            expected="each link twice, a b and b a, with one score, as in STRING's files",
            remedy="Fetch the file again, or add the missing directions.",
        )
    upper = sp.triu(scores, format="csr").tocoo()
    upper.eliminate_zeros()
    # Both directions of a link between two proteins of one gene are on the diagonal.
    directions = np.where(upper.row == upper.col, 2, 1)
    weight = upper.data / (FULL_SCORE * directions)
    return Links(file, names, upper.row.astype(np.int32), upper.col.astype(np.int32), weight)

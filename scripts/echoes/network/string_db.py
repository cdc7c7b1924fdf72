"""STRING's tables of proteins and links, read a block at a time.

Formats: https://string-db.org/cgi/download (``protein.info`` and ``protein.links``).
"""

from __future__ import annotations

import os
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import read_batches, read_columns, require_names, require_unique
from echoes.network.graph import FULL_SCORE, Links


def read_info(path: StrPath) -> dict[str, str]:
    """Read the preferred gene name of each protein.

    Raises
    ------
    InputError
        When a column is missing, or a protein stands twice or has no name.
    """
    protein, name = "#string_protein_id", "preferred_name"
    # Annotations are free text: a quote in them opens nothing.
    types = {protein: pa.string(), name: pa.string()}
    table = read_columns(path, types, delimiter="\t", quoting=False)
    proteins, names = table.column(protein).to_pylist(), table.column(name).to_pylist()
    require_unique(path, protein, proteins)
    require_names(path, name, names, proteins)
    return dict(zip(proteins, names, strict=True))


def read_links(
    path: StrPath, info: dict[str, str], core: Collection[str], score_threshold: float
) -> Links:
    """Read the links that matter: both ends named, confident enough, one end in the core.

    Memory stays near what is kept.

    Parameters
    ----------
    path
        Table of links; each pair stands in both directions.
    info
        Gene name of each protein; see `read_info`.
    core
        Gene names of which a kept link must have one.
    score_threshold
        Least confidence of a kept link, 0 … 1.

    Raises
    ------
    InputError
        When the table is bad, a score is not in 0 … 1000, or no row has an end
        that the info table names.
    """
    names = tuple(sorted(set(info.values())))
    position = {name: i for i, name in enumerate(names)}
    codes = np.array([position[name] for name in info.values()], dtype=np.int32)
    in_core = np.array([name in core for name in names], dtype=bool)
    proteins = pa.array(info.keys(), type=pa.string())
    types = {"protein1": pa.string(), "protein2": pa.string(), "combined_score": pa.int32()}
    kept: list[tuple[npt.NDArray[np.int32], ...]] = []
    rows = unmapped = 0
    for batch in read_batches(path, types, delimiter=" ", quoting=False):
        score = batch.column(2).to_numpy()
        if len(score) and (score.min() < 0 or score.max() > FULL_SCORE):
            i = int(np.argmax((score < 0) | (score > FULL_SCORE)))
            raise InputError(
                path,
                f"column combined_score, line {rows + i + 2}",
                str(score[i]),
                expected=f"0 … {FULL_SCORE}",
                remedy="Use a file of STRING's combined scores.",
            )
        one, two = (_look_up(batch.column(i), proteins) for i in (0, 1))
        mapped = (one >= 0) & (two >= 0)
        rows += len(score)
        unmapped += int(np.count_nonzero(~mapped))
        confident = np.flatnonzero(mapped & (score / FULL_SCORE >= score_threshold))
        source, target = codes[one[confident]], codes[two[confident]]
        touches = in_core[source] | in_core[target]
        kept.append((source[touches], target[touches], score[confident[touches]]))
    if rows == unmapped:
        raise InputError(
            path,
            "",
            f"none of {rows} links joins two proteins of the info table",
            expected="protein ids of the info table's first column, such as "
            + abbreviate([*info], 2),
            remedy="Use links and info of the same species and version of STRING.",
        )
    source, target, score = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return Links(os.fspath(path), names, source, target, score, rows, unmapped)


def _look_up(column: pa.Array, proteins: pa.Array) -> npt.NDArray[np.int32]:
    """Tell which of the proteins each entry is; −1 where it is none of them."""
    found = pc.index_in(column, value_set=proteins).fill_null(-1)
    return np.asarray(found, dtype=np.int32)

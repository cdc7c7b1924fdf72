"""Edge lists of any program: tables, GraphML and SIF."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.network.edge_rows import Directed, EdgeCounts, EdgeRows, links_of
from echoes.network.edge_tables import read_sif, read_table
from echoes.network.graphml import read_graphml
from echoes.network.links import Links


def read_edges(
    path: StrPath,
    *,
    source: str | int | None,
    target: str | int | None,
    weight: str | int | None,
    header: bool = True,
    scale: float = 1.0,
    directed: Directed = "once",
    threshold: float = 0.0,
    core: Collection[str] | None = None,
) -> tuple[Links, EdgeCounts]:
    """Read a list of links between genes.

    The format follows from the name of the file: ``.graphml``, ``.xml`` or ``.sif``, each also
    with ``.gz``; all others are tables, text (tabs, commas, semicolons or spaces; plain or
    gzip-compressed) or parquet. Links of a gene with itself are dropped, links of weight 0 are
    none.

    Parameters
    ----------
    path
        The file.
    source, target
        The columns with the two genes: names, or positions counted from 1. In GraphML both are
        the node attribute with the name of the gene, or None where the ids of the nodes are the
        names. None in SIF.
    weight
        The column, or GraphML's edge attribute, with the weight. None gives each link weight 1.
    header
        Whether a table of text has the names of its columns in the first line.
    scale
        The largest possible weight; weights are divided by it.
    directed
        ``once``: a pair may be listed in one direction or both. ``both``: each pair is listed
        in both directions, and a missing one is an error.
    threshold
        Lowest weight of a link that is kept, 0 … 1, after the division.
    core
        Gene names; links between two other genes are left out. None keeps all.

    Returns
    -------
    links, counts
        The links, each pair once, and the numbers of rows read.

    Raises
    ------
    InputError
        When the file cannot be read, a weight is not in 0 … `scale`, one pair has two weights,
        a direction is missing, or names are of different kinds.
    """
    rows = _read(path, source, target, weight, header)
    return links_of(rows, scale=scale, directed=directed, threshold=threshold, core=core)


def _read(
    path: StrPath,
    source: str | int | None,
    target: str | int | None,
    weight: str | int | None,
    header: bool,
) -> EdgeRows:
    """Read the rows of a file by its format."""
    name = Path(path).name.lower().removesuffix(".gz")
    if name.endswith((".graphml", ".xml")):
        if source != target or isinstance(source, int) or isinstance(weight, int):
            raise _wrong_columns(path, "GraphML", "one node attribute for both genes, or none")
        return read_graphml(path, source, weight)
    if name.endswith(".sif"):
        if (source, target, weight) != (None, None, None):
            raise _wrong_columns(path, "SIF", "no columns and no weight")
        return read_sif(path)
    if source is None or target is None:
        raise _wrong_columns(path, "a table", "the columns with the two genes")
    return read_table(path, source, target, weight, header)


def _wrong_columns(path: StrPath, kind: str, expected: str) -> InputError:
    return InputError(
        path,
        "",
        f"the columns that are named do not fit {kind}",
        expected=expected,
        remedy="Correct `source:`, `target:` and `weight:` of this network.",
    )

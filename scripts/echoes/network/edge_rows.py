"""Rows of an edge list as they stand in a file, and how they become links."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from echoes.io.arrays import Bools, Floats, Ints
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.network.identifiers import require_one_kind
from echoes.network.links import Links

Codes = npt.NDArray[np.int32]
Directed = Literal["once", "both"]


@dataclass(frozen=True)
class EdgeRows:
    """r rows of an edge list.

    Parameters
    ----------
    path
        The file.
    names
        Names of the genes, in the order in which they first occur.
    source, target
        (r,) positions of the two genes of each row in `names`.
    weight
        (r,) weights as the file has them.
    place
        Says where in the file the row with a given number stands.
    """

    path: StrPath
    names: tuple[str, ...]
    source: Codes
    target: Codes
    weight: Floats
    place: Callable[[int], str]


@dataclass(frozen=True)
class EdgeCounts:
    """How many rows of an edge list were read and used.

    Parameters
    ----------
    total
        All rows.
    self_links
        Rows that link a gene to itself; they are dropped.
    repeated
        Rows with a pair of genes that an earlier row has, in this or the other direction.
    kept
        Pairs of genes that became links.
    """

    total: int
    self_links: int
    repeated: int
    kept: int


class NameCodes:
    """Numbers for names, in the order in which the names first occur."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of their numbers."""
        return tuple(self._codes)

    def code(self, name: str) -> int:
        """Give the number of a name."""
        return self._codes.setdefault(name, len(self._codes))

    def codes(self, column: pa.Array) -> Codes:
        """Give the numbers of the names in a column of text."""
        # Only the different names of a block become Python strings.
        encoded = column.dictionary_encode()
        different = [self.code(name) for name in encoded.dictionary.to_pylist()]
        codes: Codes = np.array(different, dtype=np.int32)[encoded.indices.to_numpy()]
        return codes


def links_of(
    rows: EdgeRows,
    *,
    scale: float,
    directed: Directed,
    threshold: float,
    core: Collection[str] | None,
) -> tuple[Links, EdgeCounts]:
    """Make links of the rows of an edge list; see `echoes.network.edges.read_edges`.

    Raises
    ------
    InputError
        When a name or a weight is not usable, one pair has two weights, or a direction is
        missing.
    """
    _check_names(rows)
    weight = rows.weight / scale
    _check_weights(rows, weight, scale)
    names = tuple(sorted(rows.names))
    place = {name: i for i, name in enumerate(names)}
    rank = np.array([place[name] for name in rows.names], dtype=np.int32)
    source, target = rank[rows.source], rank[rows.target]
    joins = np.flatnonzero(source != target)
    low = np.minimum(source[joins], target[joins])
    high = np.maximum(source[joins], target[joins])
    pair = low.astype(np.int64) * len(names) + high
    # Stable, so that the first row of a pair stays the first.
    order = np.argsort(pair, kind="stable")
    same = np.diff(pair[order]) == 0
    first: Bools = np.concatenate([[True], ~same])[: len(order)]
    joins = joins[order]
    _check_repeated(rows, joins, same)
    if directed == "both":
        _check_directions(rows, joins, np.flatnonzero(first), source[joins] < target[joins])
    chosen = joins[first]
    low, high, weight = low[order][first], high[order][first], weight[chosen]
    keep = (weight > 0) & (weight >= threshold)
    if core is not None:
        in_core = np.array([name in core for name in names], dtype=bool)
        keep &= in_core[low] | in_core[high]
    counts = EdgeCounts(
        total=len(rows.weight),
        self_links=len(rows.weight) - len(joins),
        repeated=len(joins) - len(chosen),
        kept=int(np.count_nonzero(keep)),
    )
    file = os.fspath(rows.path)
    return Links(file, names, low[keep], high[keep], weight[keep]), counts


def _check_names(rows: EdgeRows) -> None:
    """Check that there are links, and that all genes have usable names of one kind."""
    if not len(rows.source):
        raise InputError(
            rows.path,
            "",
            "no links",
            expected="at least one link between two genes",
            remedy="Check that this is the right file and that it is complete.",
        )
    for code, name in enumerate(rows.names):
        if not name or name != name.strip() or re.search(r"[\x00-\x1f\x7f]", name):
            row = int(np.argmax((rows.source == code) | (rows.target == code)))
            raise InputError(
                rows.path,
                rows.place(row),
                f"the name {name!r} is empty, has spaces around it or control characters",
                expected="two names of genes",
                remedy="Correct the row, or check that the right columns are named.",
            )
    require_one_kind(rows.path, "", rows.names)


def _check_weights(rows: EdgeRows, weight: Floats, scale: float) -> None:
    wrong = ~((weight >= 0) & (weight <= 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            rows.path,
            rows.place(row),
            f"the weight {rows.weight[row]:g}",
            expected=f"0 … {scale:g}",
            remedy="State the scale of the weights, their largest possible value, or correct it.",
        )


def _check_repeated(rows: EdgeRows, joins: Ints, same: Bools) -> None:
    """Check that rows of the same pair have the same weight."""
    differ = np.flatnonzero(same & (np.diff(rows.weight[joins]) != 0))
    if len(differ):
        one, other = joins[differ[0]], joins[differ[0] + 1]
        raise InputError(
            rows.path,
            f"{rows.place(one)} and {rows.place(other)}",
            f"{_pair(rows, one)} has two weights, {rows.weight[one]:g} and {rows.weight[other]:g}",
            expected="one weight for each pair of genes",
            remedy="Keep one of the rows.",
        )


def _check_directions(rows: EdgeRows, joins: Ints, starts: Ints, forward: Bools) -> None:
    """Check that each pair has a row in each direction."""
    if not len(starts):
        return
    both = np.logical_or.reduceat(forward, starts) & np.logical_or.reduceat(~forward, starts)
    if not both.all():
        row = joins[starts[np.argmin(both)]]
        raise InputError(
            rows.path,
            rows.place(row),
            f"{_pair(rows, row)} is there in one direction only",
            expected="each pair in both directions, a b and b a",
            remedy="Add the missing row, or say that pairs are listed once.",
        )


def _pair(rows: EdgeRows, row: int) -> str:
    return f"{rows.names[rows.source[row]]} and {rows.names[rows.target[row]]}"

"""Links between genes as a table: what all readers of networks return and all graphs start from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats
from echoes.io.files import StrPath
from echoes.io.records import Layout, wrong_record


@dataclass(frozen=True)
class Links:
    """m weighted links without direction; each pair of genes is listed once.

    Parameters
    ----------
    file
        The file that the links were read from, for error messages.
    names
        Names of all genes that the links may join, sorted. A link names its two genes by their
        positions in this list.
    source, target
        (m,) int32 positions of the two genes of each link. The source is never after the
        target. The links are sorted by source, then by target. A gene that is linked to itself
        has source and target equal.
    weight
        (m,) float64 weight of each link, at least 0: 0 … 1 for one pair of proteins. Where
        several pairs of proteins belong to one pair of genes, it is the sum of their weights.

    Raises
    ------
    ValueError
        When the links are not sorted, a pair of genes is listed twice, or a weight is negative.
    """

    file: str
    names: tuple[str, ...]
    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]
    weight: Floats

    def __post_init__(self) -> None:
        """Check the order of the links and the sign of their weights."""
        place = self.source.astype(np.int64) * len(self.names) + self.target
        ends = np.concatenate([self.source[:1], self.target])
        if ends.size and not 0 <= ends.min() <= ends.max() < len(self.names):
            raise ValueError("a link joins a gene that has no name")
        if (self.source > self.target).any() or (np.diff(place) <= 0).any():
            raise ValueError("links are not sorted, or a pair of genes is listed twice")
        if not (self.weight >= 0).all():
            raise ValueError("a link has a negative weight")


def links_of_core(links: Links, core: Collection[str]) -> Links:
    """Keep the links of which at least one gene is a core gene; all names stay.

    Parameters
    ----------
    links
        m links.
    core
        Names of genes; some may have no link.
    """
    in_core = np.array([name in core for name in links.names], dtype=bool)
    keep = in_core[links.source] | in_core[links.target]
    return Links(
        links.file, links.names, links.source[keep], links.target[keep], links.weight[keep]
    )


_LAYOUT = Layout(
    {
        "read_from": "str",
        "names": "str N",
        "source": "int m",
        "target": "int m",
        "weight": "float m",
    },
    # Data set, networks, network, file.
    depth=4,
)


def save_links(path: StrPath, links: Links) -> None:
    """Write links to an npz file; equal links give files with the same bytes."""
    _LAYOUT.save(
        path,
        {
            "read_from": np.array(links.file, dtype=np.str_),
            "names": np.array(links.names, dtype=np.str_),
            "source": links.source,
            "target": links.target,
            "weight": links.weight,
        },
    )


def load_links(path: StrPath) -> Links:
    """Read links that `save_links` wrote.

    Raises
    ------
    InputError
        When the file is damaged or is no such file.
    """
    file, names, source, target, weight = _LAYOUT.load(path)
    try:
        return Links(str(file), tuple(names.tolist()), source, target, weight)
    except ValueError as error:
        raise wrong_record(path, "", str(error), "links that this workflow wrote") from error

"""Links between genes as a table: what all readers of networks return and all graphs start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats


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
        if (self.source > self.target).any() or (np.diff(place) <= 0).any():
            raise ValueError("links are not sorted, or a pair of genes is listed twice")
        if not (self.weight >= 0).all():
            raise ValueError("a link has a negative weight")

"""Make one network of several: their union, their intersection or their weighted mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from echoes.io.arrays import Floats, positions
from echoes.io.errors import InputError
from echoes.network.edge_rows import Codes
from echoes.network.identifiers import kind_of_name
from echoes.network.links import Links

How = Literal["union", "intersection", "mean"]


def combine(networks: Sequence[Links], how: How, weights: Sequence[float] | None = None) -> Links:
    """Combine the links of several networks.

    Parameters
    ----------
    networks
        Two or more networks whose genes have the same kind of names.
    how
        ``union``: links of any network, each with its largest weight. ``intersection``: links
        of all networks, each with its smallest weight. ``mean``: links of any network, each
        with the weighted mean of its weights; it is 0 in a network without the link.
    weights
        Positive weight of each network, for the mean only; None to give all the same.

    Returns
    -------
    Links
        Its names are those of all networks, also in an intersection.

    Raises
    ------
    InputError
        When two networks have no name of a gene in common.
    ValueError
        When there are fewer than two networks, or `weights` do not fit.
    """
    if len(networks) < 2:
        raise ValueError("fewer than two networks to combine")
    if weights is not None and how != "mean":
        raise ValueError("only a mean has weights")
    shares = np.ones(len(networks)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(shares) != len(networks) or not (np.isfinite(shares) & (shares > 0)).all():
        raise ValueError("the weights of the networks are not positive, or of another number")
    _check_names(networks)
    names = tuple(sorted({name for links in networks for name in links.names}))
    pairs = [_pairs(links, names) for links in networks]
    every = np.unique(np.concatenate(pairs))
    table = np.zeros((len(networks), len(every)))
    for row, pair, links in zip(table, pairs, networks, strict=True):
        row[np.searchsorted(every, pair)] = links.weight
    weight = _combined(table, how, shares / shares.sum())
    keep = weight > 0
    source, target = np.divmod(every[keep], len(names))
    file = ", ".join(dict.fromkeys(links.file for links in networks))
    return Links(file, names, _codes(source), _codes(target), weight[keep])


def _combined(table: Floats, how: How, shares: Floats) -> Floats:
    """Combine a table of networks and links."""
    if how == "union":
        return np.asarray(table.max(axis=0))
    if how == "intersection":
        return np.asarray(table.min(axis=0))
    return np.asarray(shares @ table)


def _pairs(links: Links, names: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Give each pair of genes a number; sorted, as both lists of names are sorted."""
    place = positions(links.names, names).astype(np.int64)
    return np.asarray(place[links.source] * len(names) + place[links.target])


def _codes(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Codes:
    return values.astype(np.int32)


def _check_names(networks: Sequence[Links]) -> None:
    """Check that each network shares a gene with the first one."""
    first = networks[0]
    for other in networks[1:]:
        if not set(first.names) & set(other.names):
            examples = [
                f"{links.names[0]} ({kind_of_name(links.names[0])})"
                for links in (first, other)
                if links.names
            ]
            raise InputError(
                other.file,
                "",
                f"no gene of {first.file} has this name here: {' and '.join(examples)}",
                expected="networks with the same kind of names",
                remedy="Translate the names of one network to those of the other.",
            )

"""The simulated protein network: gene symbols, proteins, and scored links within communities.

The links follow a degree-corrected stochastic block model: Karrer and Newman, Phys. Rev. E 83
(2011), 016107, doi:10.1103/PhysRevE.83.016107.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from echoes.example.parameters import SCORE_THRESHOLD
from echoes.io.arrays import Bools, Floats, Ints, Strings

#: Probability that a link is drawn within a community.
INSIDE = 0.8


@dataclass(frozen=True)
class Network:
    """A protein network as STRING publishes it.

    Parameters
    ----------
    proteins
        Protein ids, sorted. Not all have a link.
    names
        The preferred gene name of each protein; empty if the info file lacks the protein.
        Two proteins may have the same name.
    sizes
        The length of each protein in amino acids.
    annotations
        Free text on each protein.
    pairs
        int64, (links × 2): positions in `proteins`, the smaller one first, in sorted order.
    scores
        int64, 150 to 999: the combined score of each pair.
    """

    proteins: tuple[str, ...]
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    annotations: tuple[str, ...]
    pairs: Ints
    scores: Ints


def make_symbols(rng: np.random.Generator, count: int) -> list[str]:
    """Invent gene symbols: each family has a name of letters, and its members have numbers."""
    letters = np.array(list("ABCDEFGHIKLMNPQRSTVXZ"))
    families = count // 8 + 5
    symbols: dict[str, None] = {}
    while len(symbols) < count:
        stems = letters[rng.integers(letters.size, size=(families, 4))]
        lengths = rng.choice([3, 4], families, p=[0.4, 0.6])
        prefixes = ["".join(s[:k]) for s, k in zip(stems.tolist(), lengths.tolist(), strict=True)]
        family = rng.integers(families, size=count).tolist()
        number = rng.integers(1, 30, size=count).tolist()
        shape = rng.random(count).tolist()
        tails = letters[rng.integers(letters.size, size=count)].tolist()
        for f, k, kind, tail in zip(family, number, shape, tails, strict=True):
            if kind < 0.03:
                symbol = f"{prefixes[f]}-{tail}{k}"
            elif kind < 0.15:
                symbol = f"{prefixes[f]}{k}{tail}"
            else:
                symbol = f"{prefixes[f]}{k}"
            symbols[symbol] = None
    return list(symbols)[:count]


def draw_links(
    rng: np.random.Generator, count: int, n_genes: int, gene_of: Ints, community: Ints
) -> tuple[Ints, Ints]:
    """Draw pairs of linked proteins and their scores.

    Parameters
    ----------
    rng
        Generator of random numbers.
    count
        Number of different pairs.
    n_genes
        Number of genes; the first proteins in the list belong to one gene each.
    gene_of
        Number of each protein's gene; -1 if the info file lacks the protein.
    community
        The community of each protein.

    Returns
    -------
    tuple
        Pairs (count × 2), the smaller number first, and their scores.
    """
    n = gene_of.size
    # A power law of exponent 2.5, cut where one protein would link to most others.
    attraction = np.minimum((1 - rng.random(n)) ** (-1 / 1.5), math.sqrt(n))
    order = np.argsort(community, kind="stable")
    reach = np.concatenate([[0.0], np.cumsum(attraction[order])])
    first = np.searchsorted(community[order], np.arange(community.max() + 2))

    def attracted(low: Floats, high: Floats) -> Ints:
        spot = low + rng.random(low.size) * (high - low)
        return order[np.clip(np.searchsorted(reach, spot, side="right") - 1, 0, n - 1)]

    def partners(source: Ints) -> Ints:
        inside = rng.random(source.size) < INSIDE
        home = community[source]
        return attracted(
            np.where(inside, reach[first[home]], 0.0),
            np.where(inside, reach[first[home + 1]], reach[-1]),
        )

    def allowed(a: Ints, b: Ints) -> Bools:
        one_gene = (gene_of[a] == gene_of[b]) & (gene_of[a] >= 0)
        return np.asarray((a != b) & ~one_gene, dtype=np.bool_)

    def keys(a: Ints, b: Ints) -> Ints:
        # Two proteins of one gene are never linked: that would be a link to itself.
        kept = allowed(a, b)
        return np.unique(np.minimum(a, b)[kept] * n + np.maximum(a, b)[kept])

    # Each protein gets a strong link to the first protein of a gene, so that none is unlinked.
    each = np.arange(n)
    partner = partners(each)
    while (wrong := ~allowed(each, partner) | (partner >= n_genes)).any():
        partner[wrong] = rng.integers(n_genes, size=int(wrong.sum()))
    sure = keys(each, partner)
    drawn = sure
    rounds = 0
    while drawn.size < count:
        missing = count - drawn.size
        rounds += 1
        # Full communities give no new pairs; after many rounds any pair will do.
        if rounds <= 50:
            a = attracted(np.zeros(2 * missing), np.full(2 * missing, reach[-1]))
            b = partners(a)
        else:
            a, b = rng.integers(n, size=(2, 2 * missing))
        new = np.setdiff1d(keys(a, b), drawn, assume_unique=True)
        drawn = np.concatenate([drawn, rng.permutation(new)[:missing]])

    pairs = np.stack([drawn // n, drawn % n], axis=1)
    together = community[pairs[:, 0]] == community[pairs[:, 1]]
    strong = rng.random(count) < np.where(together, 0.6, 0.2)
    strong[: sure.size] = True
    low = 150 + rng.exponential(110.0, count)
    high = 999 - (998 - 1000 * SCORE_THRESHOLD) * rng.beta(1.0, 1.6, count)
    scores = np.clip(np.where(strong, high, low), 150, 999).astype(np.int64)
    return pairs, scores


# Quotes, commas and apostrophes stand in STRING's annotations as they are.
_ANNOTATIONS = (
    "annotation not available",
    "Made-up kinase of {size} residues; phosphorylates what it meets, in vitro.",
    'Made-up subunit, also called "the {size} residue one"; its partners aren\'t known.',
    "Made-up transcription factor; binds 5'-ends, 3'-ends, and \"nothing in between\".",
    'Made-up protein with an unpaired " in its name, after the inch.',
    "Made-up channel; opens at night, closes by day; doesn't conduct; Belongs to no family.",
)


def describe(
    rng: np.random.Generator,
    symbols: Strings,
    gene_of: Ints,
    pairs: Ints,
    scores: Ints,
) -> Network:
    """Give the proteins ids and descriptions, and sort all by id."""
    n = gene_of.size
    numbers = np.sort(rng.choice(max(500_000, 10 * n), n, replace=False))
    place = rng.permutation(n)
    gene_at = np.empty(n, dtype=np.int64)
    gene_at[place] = gene_of
    kinds = rng.integers(len(_ANNOTATIONS), size=n).tolist()
    sizes = np.exp(rng.normal(6.0, 0.7, n)).astype(np.int64) + 30
    placed = np.sort(place[pairs], axis=1)
    order = np.lexsort((placed[:, 1], placed[:, 0]))
    return Network(
        proteins=tuple(f"9606.ENSP{number:011d}" for number in numbers.tolist()),
        names=tuple(str(symbols[g]) if g >= 0 else "" for g in gene_at.tolist()),
        sizes=tuple(sizes.tolist()),
        annotations=tuple(
            _ANNOTATIONS[k].format(size=s) for k, s in zip(kinds, sizes.tolist(), strict=True)
        ),
        pairs=placed[order],
        scores=scores[order],
    )

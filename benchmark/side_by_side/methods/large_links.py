"""A file of links as large as STRING's for human."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: Proteins of STRING v12.0 for human.
PROTEINS = 19_699
_BLOCK = 500_000
_SCORE_SCALE = 130.0  # leaves about 1 link in 15 at 0.5 or above, as in STRING


def _draw_pairs(rng: np.random.Generator, proteins: int, count: int) -> Ints:
    """Draw different pairs by a heavy-tailed attraction, as keys first · proteins + second."""
    attraction = (1 - rng.random(proteins)) ** -0.4
    reach = np.cumsum(attraction)
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < count:
        spots = rng.random((2, int(1.3 * (count - len(keys))) + 1000)) * reach[-1]
        ends = np.searchsorted(reach, spots).astype(np.int64)
        low, high = ends.min(axis=0), ends.max(axis=0)
        keys = np.union1d(keys, (low * proteins + high)[low != high])
    return np.sort(rng.permutation(keys)[:count])


def _digits(numbers: Ints, width: int) -> npt.NDArray[np.uint8]:
    """Decimal digits, (len(numbers), width)."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def write(
    links: str, info: str, names: str, rows: int, seed: int = 0, level: int = 6
) -> Iterator[dict[str, float]]:
    """Write links and proteins in STRING's layout.

    All rows are of one width, so that they are made as blocks of bytes.

    Parameters
    ----------
    links, info
        Where they are written, compressed.
    names
        A table of proteins whose gene names come first; further ones are made up.
    rows
        Rows of links; each pair stands in both directions.
    seed
        Where the random numbers start.
    level
        How hard links are compressed: 1 leaves a larger file than STRING's, 9 takes minutes.
    """
    rng = np.random.default_rng(seed)
    proteins = min(PROTEINS, max(2000, rows // 100))
    with gzip.open(names, "rt", encoding="utf-8") as lines:
        next(lines)
        known = list(dict.fromkeys(line.split("\t")[1] for line in lines))
    genes = [*known, *(f"MADEUP{i}" for i in range(proteins))][:proteins]
    numbers = np.sort(rng.choice(500_000, proteins, replace=False))
    ids = np.concatenate(
        [
            np.tile(np.frombuffer(b"9606.ENSP", dtype=np.uint8), (proteins, 1)),
            _digits(numbers, 11),
        ],
        axis=1,
    )
    with gzip.open(info, "wt", encoding="utf-8", compresslevel=6) as output:
        output.write("#string_protein_id\tpreferred_name\tprotein_size\tannotation\n")
        for identifier, gene in zip(ids, genes, strict=True):
            output.write(f"{identifier.tobytes().decode()}\t{gene}\t300\tmade up\n")

    pairs = _draw_pairs(rng, proteins, rows // 2)
    scores = np.minimum(150 + rng.exponential(_SCORE_SCALE, len(pairs)), 999).astype(np.int64)
    ends = np.stack([pairs // proteins, pairs % proteins])
    # By the first protein; within one in no order, as in STRING's files.
    first, second = np.concatenate([ends, ends[::-1]], axis=1)
    order = np.argsort(first * 2**32 + rng.integers(2**32, size=len(first)))
    first, second, scores = first[order], second[order], np.tile(scores, 2)[order]
    with gzip.open(links, "wb", compresslevel=level) as output:
        output.write(b"protein1 protein2 combined_score\n")
        for begin in range(0, len(first), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            a, b, digits = ids[first[part]], ids[second[part]], _digits(scores[part], 3)
            space = np.full((len(a), 1), ord(" "), dtype=np.uint8)
            end = np.full((len(a), 1), ord("\n"), dtype=np.uint8)
            output.write(np.concatenate([a, space, b, space, digits, end], axis=1).tobytes())
    yield {
        "proteins": proteins,
        "rows": len(first),
        "compressed_mb": Path(links).stat().st_size / 1e6,
        "confident_share": float(np.mean(scores >= 500)),
    }

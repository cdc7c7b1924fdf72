"""Random subsets of the training perturbations, for learning curves."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import Ints
from echoes.io.errors import InputError

_log = logging.getLogger(__name__)


def training_subsets(
    silenced: Sequence[str], folds: Sequence[Ints], size: int, seed: int
) -> list[Ints]:
    """Draw the perturbations that each fold learns from.

    Each fold puts the silenced genes that it does not hold out in a random order and takes the
    first ones. The order depends on the seed and on the names of genes alone: subsets of different
    sizes are nested, and the order of the rows does not matter.

    Parameters
    ----------
    silenced
        Silenced gene of each of the n perturbations. All guides of a gene are in a subset, or none.
    folds
        Rows that each fold holds out.
    size
        Number of training perturbations. A subset has fewer where the guides of the next gene
        would be too many, or where the fold has fewer.
    seed
        Seed of the random order.

    Returns
    -------
    list of arrays
        The training rows of each fold, ascending.

    Raises
    ------
    InputError
        When no fold has as many training perturbations as `size`.
    """
    largest = max(len(silenced) - len(rows) for rows in folds)
    if size > largest:
        raise InputError(
            "configuration",
            "experiments: learning_curve",
            f"{size} training perturbations, but a fold learns from {largest} at most",
            expected=f"numbers up to {largest}; the curve ends with all of them anyway",
            remedy="Remove the number.",
        )
    subsets = []
    for number, rows in enumerate(folds):
        subset = _first_genes(silenced, rows, size, seed)
        available = len(silenced) - len(rows)
        if available < size:
            _log.warning("fold %d learns from all its %d perturbations", number, available)
        subsets.append(subset)
    return subsets


def _first_genes(silenced: Sequence[str], held_out: Ints, size: int, seed: int) -> Ints:
    """Take genes in the random order of a fold for as long as their rows are `size` at most."""
    rows: dict[str, list[int]] = {}
    excluded = set(held_out.tolist())
    for row, gene in enumerate(silenced):
        if row not in excluded:
            rows.setdefault(gene, []).append(row)
    # Another order in each fold, so that the curve does not depend on a single draw.
    fold = min(silenced[row] for row in excluded)

    def draw(gene: str) -> bytes:
        return hashlib.sha256(f"{seed}\n{fold}\n{gene}".encode()).digest()

    chosen: list[int] = []
    for gene in sorted(rows, key=draw):
        if len(chosen) + len(rows[gene]) > size:
            break
        chosen += rows[gene]
    return np.array(sorted(chosen), dtype=np.intp)

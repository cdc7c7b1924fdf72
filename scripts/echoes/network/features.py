"""Features of a perturbation: its diffusions side by side, filtered by variance, standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Ints

#: Names that `transform` takes.
TRANSFORMS = ("none", "degree", "log")


@dataclass(frozen=True)
class Features:
    """Features of the training and the validation perturbations.

    Parameters
    ----------
    train
        (n, F), one row a training perturbation.
    validation
        (v, F), one row a perturbation to predict.
    block
        (F,) which diffusion each column came from.
    gene
        (F,) position in the network of the gene that each column is about.
    """

    train: Floats
    validation: Floats
    block: npt.NDArray[np.int32]
    gene: npt.NDArray[np.int32]


def transform(diffusion: Floats, degree: Floats, kind: str) -> Floats:
    """Bring how often a random walk visits each gene to another scale.

    Parameters
    ----------
    diffusion
        (rows, N) diffusions.
    degree
        (N,) weighted degree of each gene. Its share in the sum of all is how often a walk
        without restart visits it, π.
    kind
        ``none``; ``degree``, x / π; ``log``, log(1 + x / π).
    """
    if kind == "none":
        return diffusion
    ratio: Floats = diffusion * (degree.sum() / degree)
    return ratio if kind == "degree" else np.log1p(ratio)


def build_features(
    diffusions: Sequence[tuple[Floats, Floats]], variance_percentile: float | None = None
) -> Features:
    """Put diffusions side by side and keep the columns that vary most over training rows.

    Parameters
    ----------
    diffusions
        For each restart parameter, in order, (n, N) of the training and (v, N) of
        the validation perturbations.
    variance_percentile
        Columns are kept whose variance is at least this percentile of all columns'
        variances, 0 … 100. None keeps all.
    """
    train = np.hstack([block for block, _ in diffusions])
    validation = np.hstack([block for _, block in diffusions])
    blocks, genes = len(diffusions), diffusions[0][0].shape[1]
    block = np.repeat(np.arange(blocks, dtype=np.int32), genes)
    gene = np.tile(np.arange(genes, dtype=np.int32), blocks)
    if variance_percentile is not None:
        variance = train.var(axis=0)
        keep = variance >= np.percentile(variance, variance_percentile)
        train, validation, block, gene = (
            train[:, keep],
            validation[:, keep],
            block[keep],
            gene[keep],
        )
    return Features(train, validation, block, gene)


def permute_labels(n: int, v: int, seed: int) -> Ints:
    """Draw whose place in the network each silenced gene takes: never its own.

    The permutation is one cycle through all genes, in a random order.

    Parameters
    ----------
    n, v
        Numbers of training and of validation perturbations; they are permuted together.
    seed
        Where the random numbers start, at least 0.

    Returns
    -------
    array
        (n + v,) positions, training perturbations first: perturbation i takes the place of
        perturbation `result[i]`. One alone keeps its own.
    """
    order = np.random.default_rng(seed).permutation(n + v)
    labels = np.empty(n + v, dtype=np.intp)
    labels[order] = np.roll(order, 1)
    return labels

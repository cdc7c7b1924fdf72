"""Features of a perturbation: its diffusions side by side, filtered by variance, standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats
from echoes.io.files import StrPath
from echoes.io.records import Layout

#: Names that `transform` takes.
TRANSFORMS = ("none", "degree", "log")


@dataclass(frozen=True)
class Features:
    """F features of n training and v validation perturbations, from k diffusions.

    The fields are also the names of the arrays in the file.

    Parameters
    ----------
    train
        (n, F), one row a training perturbation.
    validation
        (v, F), one row a perturbation to predict.
    block
        (F,) int32, number of the diffusion that each column comes from.
    gene
        (F,) int32, position in the network of the gene that each column belongs to.
    residual
        (k,) largest residual of each diffusion, ℓ₁ norm.
    """

    train: Floats
    validation: Floats
    block: npt.NDArray[np.int32]
    gene: npt.NDArray[np.int32]
    residual: Floats


_LAYOUT = Layout(
    {
        "train": "float n F",
        "validation": "float v F",
        "block": "int F",
        "gene": "int F",
        "residual": "float k",
    },
    # Data set, experiment, file.
    depth=3,
)


def save_features(path: StrPath, features: Features) -> None:
    """Write features to an npz file."""
    _LAYOUT.save(path, vars(features))


def load_features(path: StrPath) -> Features:
    """Read features from an npz file that `save_features` wrote."""
    return Features(*_LAYOUT.load(path))


def load_groups(path: StrPath, **sizes: int) -> tuple[Floats, Floats]:
    """Read the features of the training perturbations (n, F), and of those to predict (v, F)."""
    train, validation = _LAYOUT.load(path, "train", "validation", **sizes)
    return train, validation


def load_residual(path: StrPath) -> Floats:
    """Read the largest residual of each diffusion alone."""
    (residual,) = _LAYOUT.load(path, "residual")
    return np.asarray(residual, dtype=np.float64)


def transform(diffusion: Floats, degree: Floats, kind: str) -> Floats:
    """Divide the probabilities of a random walk by those of a walk that never restarts.

    Parameters
    ----------
    diffusion
        (rows, N) probabilities x of a random walk with restart, one row a start gene.
    degree
        (N,) weighted degree of each gene. Divided by the sum of all degrees it is π, the
        probability of a walk without restart.
    kind
        ``none`` returns x, ``degree`` returns x / π and ``log`` returns log(1 + x / π).

    Returns
    -------
    array
        (rows, N).
    """
    if kind == "none":
        return diffusion
    ratio: Floats = diffusion * (degree.sum() / degree)
    return ratio if kind == "degree" else np.log1p(ratio)


def build_features(
    diffusions: Sequence[tuple[Floats, Floats]],
    residual: Sequence[float],
    variance_percentile: float | None,
) -> Features:
    """Put diffusions side by side and keep the columns that vary most over training rows.

    Parameters
    ----------
    diffusions
        For each of the k restart parameters, in order: (n, N) of the training and (v, N) of
        the validation perturbations, both after `transform`.
    residual
        k numbers, the largest residual of each diffusion.
    variance_percentile
        Columns are kept if their variance over the training rows is at least this percentile
        of the variances of all columns, 0 … 100. None keeps all columns.

    Returns
    -------
    Features
        F = k·N columns, or fewer if columns are left out.
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
    return Features(train, validation, block, gene, np.array(residual, dtype=np.float64))

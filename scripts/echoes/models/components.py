"""Principal components of the response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.io.records import Layout


@dataclass(frozen=True)
class Components:
    """T principal components of n responses of G genes.

    Parameters
    ----------
    scores
        (n, T) coordinates of the responses.
    axes
        (T, G) orthonormal directions; the largest entry of each is positive.
    mean
        (G,) mean response.
    explained_variance
        (T,) share of the variance along each direction.
    """

    scores: Floats
    axes: Floats
    mean: Floats
    explained_variance: Floats


_LAYOUT = Layout(
    {
        "scores": "float n T",
        "axes": "float T G",
        "mean": "float G",
        "explained_variance": "float T",
    },
    # Data set, experiment, file.
    depth=3,
)


def save_components(path: StrPath, components: Components) -> None:
    """Write components to an npz file."""
    _LAYOUT.save(path, vars(components))


def load_components(path: StrPath, **sizes: int) -> Components:
    """Read components that `save_components` wrote; see `Layout.load`."""
    return Components(*_LAYOUT.load(path, **sizes))


def load_scores(path: StrPath, **sizes: int) -> Floats:
    """Read the scores (n, T) alone."""
    (scores,) = _LAYOUT.load(path, "scores", **sizes)
    return np.asarray(scores, dtype=np.float64)


def decompose(responses: Floats, n_components: int) -> Components:
    """Find the principal components of the responses by a singular value decomposition.

    Parameters
    ----------
    responses
        (n, G) responses, log2 units.
    n_components
        T, less than n and at most G.

    Raises
    ------
    InputError
        When there are too few perturbations or genes for this number of components.
    """
    n, genes = responses.shape
    if not 1 <= n_components <= min(n - 1, genes):
        raise InputError(
            "configuration",
            "response: n_components",
            str(n_components),
            expected=f"1 to {min(n - 1, genes)} for {n} perturbations and {genes} genes",
            remedy="Choose another number, or add perturbations.",
        )
    mean = responses.mean(axis=0)
    u, s, axes = np.linalg.svd(responses - mean, full_matrices=False)
    # The sign of a component is arbitrary: it is fixed so that files do not depend on LAPACK.
    sign = np.sign(axes[np.arange(len(axes)), np.argmax(np.abs(axes), axis=1)])
    total = float(s @ s)
    return Components(
        scores=(u * s * sign)[:, :n_components],
        axes=(axes * sign[:, None])[:n_components],
        mean=mean,
        explained_variance=s[:n_components] ** 2 / total if total else np.zeros(n_components),
    )


def reconstruct(scores: Floats, axes: Floats, mean: Floats) -> Floats:
    """Compute responses (·, G) from their scores (·, T), axes (T, G) and mean (G,)."""
    responses: Floats = scores @ axes + mean
    return responses

"""A small problem to learn from, for the tests of models."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from echoes.models.kernels import build_kernels
from echoes.models.task import Problem


def example(
    m: int = 12,
    asked: int = 3,
    genes: int = 15,
    *,
    isolated: Collection[int] = (),
    signal: float = 1.0,
    seed: int = 0,
) -> Problem:
    """Make responses that follow features; of the silenced genes every other one is measured."""
    random = np.random.default_rng(seed)
    n = m + asked
    features = random.normal(size=(2, n, 6))
    known = np.array([row not in isolated for row in range(n)])
    reach = random.random((n, genes)) * known[:, None]
    deltas = (
        0.1 * random.normal(size=genes)
        + 0.1 * signal * features[0, :m] @ random.normal(size=(6, genes))
        + 0.03 * random.normal(size=(m, genes))
    )
    return Problem(
        deltas=deltas,
        weights=random.gamma(1.0, size=(m, genes)),
        control=random.uniform(1, 4, genes),
        silenced=np.array([row % genes if row % 2 else -1 for row in range(n)]),
        kernels=build_kernels(features * known[:, None]),
        reach=reach / np.maximum(reach.sum(axis=1, keepdims=True), 1e-300),
        known=known,
        features=np.hstack(list(features)),
        groups=np.arange(n),
    )

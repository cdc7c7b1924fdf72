"""The multi-task elastic net for skglm, which has its two parts but not their sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64
from numpy.linalg import norm
from skglm.penalties.base import BasePenalty
from skglm.utils.prox_funcs import BST


class MultiTaskElasticNet(BasePenalty):
    """λρ·Σ_j‖W_j‖₂ + λ(1 − ρ)/2·‖W‖²; numba compiles its methods.

    Parameters
    ----------
    group
        λρ.
    squared
        λ(1 − ρ).
    """

    def __init__(self, group: float, squared: float) -> None:
        self.group = group
        self.squared = squared

    def get_spec(self) -> tuple[tuple[str, Any], ...]:
        """Give the types of the attributes."""
        return (("group", float64), ("squared", float64))

    def params_to_dict(self) -> dict[str, float]:
        """Give the attributes."""
        return {"group": self.group, "squared": self.squared}

    def value(self, W):  # type: ignore[no-untyped-def]
        """Value of the penalty at W."""
        return self.group * np.sqrt(np.sum(W**2, axis=1)).sum() + 0.5 * self.squared * np.sum(W**2)

    def prox_1feat(self, value, stepsize, j):  # type: ignore[no-untyped-def]
        """Proximal operator for one feature."""
        return BST(value, self.group * stepsize) / (1.0 + self.squared * stepsize)

    def subdiff_distance(self, W, grad, ws):  # type: ignore[no-untyped-def]
        """Distance of the negative gradient to the subdifferential, for each feature of `ws`."""
        distance = np.zeros_like(ws, dtype=grad.dtype)
        for i, j in enumerate(ws):
            if not np.any(W[j, :]):
                distance[i] = max(0, norm(grad[i, :]) - self.group)
            else:
                distance[i] = norm(
                    grad[i, :] + self.group * W[j, :] / norm(W[j, :]) + self.squared * W[j, :]
                )
        return distance

    def is_penalized(self, n_features):  # type: ignore[no-untyped-def]
        """All features are."""
        return np.ones(n_features, dtype=np.bool_)

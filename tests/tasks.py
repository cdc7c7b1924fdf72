"""A small task to learn from, and settings of all models, for the tests of models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.models.regression import Regression
from echoes.models.residuals import Echo
from echoes.models.task import Task

#: Sections of the settings, as an experiment has them.
SETTINGS: dict[str, dict[str, Any]] = {
    "blend": {"shares": [0.25, 0.5, 0.75, 1.0]},
    "echo": {
        "blends": [0.25, 0.5, 0.75, 1.0],
        "kernels": ["network", "profile", "both", "sources"],
        "penalties": [1.0, 10.0],
        "objective": "score",
        "rate": 2.0,
        "race": True,
    },
    "inner_crossval": {"folds": 4},
    "transfer": {"share": 0.5},
    "response": {"n_components": 3},
    "regression": {
        "penalties": [0.1, 1.0, 10.0],
        "inner_folds": 2,
        "l1_ratio": 0.5,
        "backend": "exact",
        "gap": 1e-8,
        "max_iter": 1000,
        "tolerance": 1e-4,
    },
}
REGRESSION = Regression.from_settings(SETTINGS["regression"])
#: With more penalties and folds than in `SETTINGS`.
ECHO = Echo(
    blends=(0.25, 0.5, 0.75, 1.0),
    kernels=("network", "profile", "both", "sources"),
    penalties=(1.0, 3.0, 10.0, 30.0, 100.0),
    inner_folds=10,
    objective="score",
    rate=2.0,
    race=True,
)


def settings_with(**changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Change keys of the settings: ``settings_with(blend={"shares": [1.0]})``."""
    assert changes.keys() <= SETTINGS.keys()
    return {name: {**section, **changes.get(name, {})} for name, section in SETTINGS.items()}


def example_task(
    m: int = 12,
    to_predict: int = 3,
    genes: int = 15,
    *,
    isolated: Collection[int] = (),
    signal: float = 1.0,
    seed: int = 0,
) -> Task:
    """Make responses that follow features; of the silenced genes every other one is measured."""
    random = np.random.default_rng(seed)
    n = m + to_predict
    features = random.normal(size=(2, n, 6))
    known = np.array([row not in isolated for row in range(n)])
    reach = random.random((n, genes)) * known[:, None]
    deltas = (
        0.1 * random.normal(size=genes)
        + 0.1 * signal * features[0, :m] @ random.normal(size=(6, genes))
        + 0.03 * random.normal(size=(m, genes))
    )
    return Task(
        deltas=deltas,
        weights=random.gamma(1.0, size=(m, genes)),
        control=random.uniform(1, 4, genes),
        silenced=np.array([row % genes if row % 2 else -1 for row in range(n)]),
        kernels=inner_products(features * known[:, None]),
        reach=reach / np.maximum(reach.sum(axis=1, keepdims=True), 1e-300),
        known=known,
        features=np.hstack(list(features)),
        groups=np.arange(n),
    )


def inner_products(features: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Kernels (k, r, r) of k matrices of features (r, F)."""
    return np.array([rows @ rows.T for rows in features])

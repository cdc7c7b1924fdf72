"""Metrics of an experiment's predictions, from the stage that scores to one that compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.files import StrPath
from echoes.io.records import Layout
from echoes.scoring.gene_sampling import Genes
from echoes.scoring.metrics import Score, ScoreParts
from echoes.scoring.overall import Metrics

_LAYOUT = Layout(
    {
        "rows": "int n",
        "wmae": "gap n",
        "terms": "gap n",
        "product": "gap n",
        "truth_square": "gap n",
        "prediction_square": "gap n",
        "cosine": "number",
        "total": "number",
        "errors": "gap n",
        "squares": "gap n",
        "names": "str M",
        "perturbations": "number M n",
        "gene_names": "str L",
        "genes": "number L G",
        "bound_names": "str B",
        "bounds": "number B E n",
        "variance": "gap G",
        "likeness": "number",
    },
    # Data set, experiment, file.
    depth=3,
)


@dataclass(frozen=True)
class Scored:
    """Metrics of the predictions of some rows of a screen.

    Parameters
    ----------
    rows
        (n,) numbers of the perturbations in the screen.
    metrics
        The metrics of their predictions.
    sampled
        How the genes respond together in these rows.
    """

    rows: Ints
    metrics: Metrics
    sampled: Genes


def save(path: StrPath, scored: Scored) -> None:
    """Write metrics to an npz file."""
    metrics = scored.metrics
    parts = metrics.score.parts
    n, count = len(scored.rows), len(scored.sampled.variance)
    _LAYOUT.save(
        path,
        {
            "rows": scored.rows,
            "wmae": metrics.score.wmae,
            **vars(parts),
            "cosine": metrics.score.cosine,
            "total": metrics.score.total,
            "errors": metrics.squared_errors[0],
            "squares": metrics.squared_errors[1],
            "names": np.array([*metrics.perturbations], dtype=np.str_),
            "perturbations": _stacked([*metrics.perturbations.values()], n),
            "gene_names": np.array([*metrics.genes], dtype=np.str_),
            "genes": _stacked([*metrics.genes.values()], count),
            "bound_names": np.array([*metrics.bounds], dtype=np.str_),
            "bounds": np.array([*metrics.bounds.values()]).reshape(-1, 2, n),
            "variance": scored.sampled.variance,
            "likeness": scored.sampled.likeness,
        },
    )


def load(path: StrPath, **sizes: int) -> Scored:
    """Read metrics that `save` wrote; see `Layout.load`."""
    found = dict(zip(_LAYOUT.arrays, _LAYOUT.load(path, **sizes, E=2), strict=True))
    parts = ("terms", "product", "truth_square", "prediction_square")
    metrics = Metrics(
        score=Score(
            found["wmae"],
            ScoreParts(*(found[name] for name in parts)),
            float(found["cosine"]),
            float(found["total"]),
        ),
        squared_errors=(found["errors"], found["squares"]),
        perturbations=dict(zip(found["names"].tolist(), found["perturbations"], strict=True)),
        genes=dict(zip(found["gene_names"].tolist(), found["genes"], strict=True)),
        bounds={
            name: (lower, upper)
            for name, (lower, upper) in zip(
                found["bound_names"].tolist(), found["bounds"], strict=True
            )
        },
    )
    return Scored(found["rows"], metrics, Genes(found["variance"], float(found["likeness"])))


def _stacked(arrays: list[Floats], width: int) -> Floats:
    return np.array(arrays, dtype=np.float64).reshape(-1, width)

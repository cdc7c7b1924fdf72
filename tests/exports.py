"""Predicted responses to be written: measured ones, ones to predict, and the control."""

from __future__ import annotations

import numpy as np

from echoes.report import export
from echoes.report.export import PredictedResponses

GENES = np.array(["TP53", "NKX2-1", "RP11-34.2", "É"])
N, V, G = 5, 2, len(GENES)
CONTROL = np.array([6.5, 7.25, 5.0, 8.0])
PROVENANCE = {"program": "echoes 0.1", "settings": {"alphas": [0.25], "none": None, "a/b": "α"}}


def responses(*, errors: bool = True, control: bool = True) -> PredictedResponses:
    random = np.random.default_rng(1)
    measured = random.normal(size=(N, G))
    measured[1, 2] = np.nan
    known = export.out_of_fold_responses(
        np.array([f"guide {i}" for i in range(N)]),
        np.array(["A", "B", "A", "C", "D"]),
        GENES,
        predicted=random.normal(size=(N, G)),
        measured=measured,
        fold=np.array([1, 0, 1, 2, 0]),
        expected_error=random.uniform(size=(N, G)) if errors else None,
    )
    unknown = export.validation_responses(
        np.array(["pert_1", "pert_2"]),
        np.array(["E", "F"]),
        GENES,
        predicted=random.normal(size=(V, G)),
        expected_error=random.uniform(size=(V, G)) if errors else None,
    )
    records = [known, unknown]
    if control:
        records.append(export.control_response("non-targeting", GENES))
    return export.join(records)

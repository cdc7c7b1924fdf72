"""Screens in layouts that the workflow reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from echoes.example.parameters import Parameters
from echoes.example.simulate import simulate


def means(responses: str, output: str) -> Iterator[dict[str, Any]]:
    """Write responses as a table of means, as an earlier code reads it, beside an empty control."""
    table = pd.read_parquet(responses).set_index("perturbation").rename_axis("pert_symbol")
    control = pd.DataFrame(0.0, index=["non-targeting"], columns=table.columns)
    pd.concat([control.rename_axis("pert_symbol"), table]).to_csv(output)
    yield {}


def simulated(output: str, **parameters: int) -> Iterator[dict[str, Any]]:
    """Simulate a screen and write its means alone, as parquet: a third of the size of CSV."""
    screen = simulate(Parameters(**parameters))
    means = np.abs(np.vstack([screen.control + screen.training.deltas, screen.control]))
    names = [*screen.training.perturbations, "non-targeting"]
    columns = dict(zip(screen.genes, means.astype(np.float32).T, strict=True))
    pq.write_table(pa.table({"pert_symbol": names, **columns}), output, compression="zstd")
    yield {}

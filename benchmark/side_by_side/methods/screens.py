"""Screens in the layout that the earlier code reads, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def means(responses: str, output: str) -> Iterator[dict[str, Any]]:
    """Write responses as a table of means, beside a control without any expression."""
    table = pd.read_parquet(responses).set_index("perturbation").rename_axis("pert_symbol")
    control = pd.DataFrame(0.0, index=["non-targeting"], columns=table.columns)
    pd.concat([control.rename_axis("pert_symbol"), table]).to_csv(output)
    yield {}

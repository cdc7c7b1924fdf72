"""Write tables of results to files."""

from __future__ import annotations

import pandas as pd

from echoes.io.files import StrPath, atomic_path


def save_csv(path: StrPath, table: pd.DataFrame) -> None:
    """Write a table with commas, without its index."""
    with atomic_path(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def save_parquet(path: StrPath, table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as partial:
        table.to_parquet(partial, index=False)

"""Screens read from tables, with the defaults of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from echoes.io.files import StrPath, save_record
from echoes.network.matches import match_names
from echoes.screen.dataset import Tables, read_screen
from echoes.screen.record import Screen

SETTINGS: dict[str, Any] = {
    "genes_in": "columns",
    "name_column": None,
    "preset": None,
    "columns": {},
    "standard_error": None,
    "incomplete_genes": "refuse",
    "guides": {
        "separator": None,
        "pattern": None,
        "guide_column": "guide",
        "gene_column": "gene",
    },
    "scale": "log2",
}


def dataset_settings(layout: str, **settings: Any) -> dict[str, Any]:
    """All settings of a data set, as the plan writes them for the job that reads its tables."""
    control = ["non-targeting"] if layout == "means" else []
    given = {**SETTINGS, "layout": layout, "control": control, **settings}
    return {**given, "guides": {**SETTINGS["guides"], **settings.get("guides", {})}}


def write_dataset_settings(path: Path, layout: str, **settings: Any) -> str:
    """Write a data set's settings, and give the option that names the file."""
    save_record(path, dataset_settings(layout, **settings), 3)
    return f"--settings={path}"


def name_genes(silenced: Sequence[str], genes: Sequence[str]) -> Sequence[str]:
    return match_names(silenced, genes).names()


def read_table(
    layout: str,
    main: StrPath,
    *,
    truth: StrPath | None = None,
    validation: StrPath | None = None,
    control_expression: StrPath | None = None,
    guide_table: StrPath | None = None,
    **settings: Any,
) -> tuple[Screen, list[str]]:
    """Read a data set's tables, and what looks wrong in them."""
    tables = Tables(main, truth, validation, control_expression, guide_table)
    screen, checks = read_screen(tables, dataset_settings(layout, **settings), name_genes)
    return screen, [warning for check in checks for warning in check.warnings]


def read_competition(
    means: StrPath,
    truth: StrPath | None,
    validation: StrPath | None,
    control: str = "non-targeting",
    *,
    scale: str,
) -> Screen:
    """Read the competition's tables."""
    return read_table(
        "means", means, truth=truth, validation=validation, control=[control], scale=scale
    )[0]

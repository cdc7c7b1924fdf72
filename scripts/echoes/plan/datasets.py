"""Screens of a configuration, its data set and its priors: tables that they name, and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from echoes.plan import asked
from echoes.plan.settings import ConfigError, Settings, nearest

#: Kinds of a data set's main table, which are also the keys of its path.
LAYOUTS = ("means", "deltas", "effects", "h5ad")
#: Names of the controls in a table of means if none are set.
CONTROLS = ["non-targeting"]
#: Names of patterns of guides, which `echoes.screen.guides` has.
PATTERNS = ("weissman_guide", "replogle_transcript")
_MATRICES = ("means", "deltas")
_TABLES = ("means", "deltas", "effects")
#: Settings of a data set that only some kinds of tables have.
_KEYS_OF = {
    "genes_in": _MATRICES,
    "name_column": _MATRICES,
    "truth": _MATRICES,
    "control_expression": ("deltas", "effects"),
    "preset": ("effects",),
    "columns": ("effects",),
    "standard_error": _TABLES,
    "incomplete_genes": _TABLES,
    "checksum": ("h5ad",),
    "cells": ("h5ad",),
}
#: Paths of tables, which are inputs of rules; and keys that no job reads.
_FILES = (*LAYOUTS, "truth", "validation", "control_expression")
_UNREAD = ("name", "source", "checksum")
#: Settings of a data set that a prior does not have: they are about scores.
_PRIOR: Settings = {"incomplete_genes": "keep", "standard_error": None}


def layout(dataset: Mapping[str, Any], place: str = "dataset") -> str:
    """Find the kind of a screen's main table: ``means``, ``deltas``, ``effects`` or ``h5ad``.

    Raises
    ------
    ConfigError
        When there is none, or more than one.
    """
    given = [key for key in LAYOUTS if dataset.get(key) is not None]
    if len(given) != 1:
        raise ConfigError(
            place,
            f"it has {' and '.join(given)}" if given else "it has no table",
            expected="one of means, deltas, effects and h5ad",
            remedy="Use one data set for each table."
            if given
            else "Name the table of your screen, for instance `means: data/means.csv`.",
        )
    return given[0]


def check_dataset(dataset: Mapping[str, Any], place: str = "dataset") -> None:
    """Check that a screen's settings fit its table, before the defaults are filled in.

    Raises
    ------
    ConfigError
        When it has not one main table, a setting of another kind of table, two ways to find
        the genes of guides, or a pattern of guides that is none.
    """
    kind = layout(dataset, place)
    for key, allowed in _KEYS_OF.items():
        if dataset.get(key) is not None and kind not in allowed:
            raise ConfigError(
                f"{place}: {key}",
                f"this is a setting for a table of {' or '.join(allowed)}",
                expected=f"settings of a table of {kind}",
                remedy="Remove it, or name the table by its kind.",
            )
    if kind != "h5ad" and dataset.get("scale") == "counts":
        raise ConfigError(
            f"{place}: scale",
            f"counts in a table of {kind}",
            expected="log2, ln or log10",
            remedy="Take the logarithm first; only cells in an h5ad are read as counts.",
        )
    cells = dataset.get("cells") or {}
    if kind == "h5ad" and cells.get("layout") is None and cells.get("perturbation") is None:
        raise ConfigError(
            f"{place}: cells",
            "it does not say which column has the perturbation of a cell",
            expected="`layout:` or `perturbation:`",
            remedy="Set one of them, for instance `cells: {perturbation: target_gene}`.",
        )
    if dataset.get("truth") is not None and dataset.get("standard_error") is not None:
        raise ConfigError(
            f"{place}: standard_error",
            "the table of truth has weights of its own",
            expected="one of truth and standard_error",
            remedy="Remove one of them.",
        )
    guides = dataset.get("guides") or {}
    ways = [key for key in ("separator", "pattern", "table") if guides.get(key) is not None]
    if len(ways) > 1:
        raise ConfigError(
            f"{place}: guides",
            f"it has {' and '.join(ways)}",
            expected="one of separator, pattern and table",
            remedy="Keep the one that fits the names of your perturbations.",
        )
    _check_pattern(guides.get("pattern"), f"{place}: guides: pattern")


def _check_pattern(pattern: str | None, place: str) -> None:
    """Refuse a pattern of guides that is no regular expression, or does not say the gene."""
    if pattern is None or pattern in PATTERNS:
        return
    try:
        gene = "gene" in re.compile(pattern).groupindex
        problem = "" if gene else "it has no group named gene"
    # So many parentheses, or so large a number, are none either.
    except (re.error, OverflowError, RecursionError) as error:
        problem = f"this is no regular expression ({error})"
    if problem:
        raise ConfigError(
            place,
            f"{pattern!r}: {problem}",
            expected=f"a regular expression with a group (?P<gene>…), or {' or '.join(PATTERNS)}",
            remedy=nearest(pattern, PATTERNS, "A start is (?P<gene>.+)_sg[0-9]+."),
        )


def reading_settings(dataset: Mapping[str, Any], *, prior: bool = False) -> Settings:
    """Collect the settings that the reading of a screen depends on, without paths.

    Parameters
    ----------
    dataset
        Settings of the screen with all defaults.
    prior
        Whether it is a prior, which may have gaps.

    Returns
    -------
    dict
        The settings with ``layout``, and with controls as a list.
    """
    kind = layout(dataset)
    cells = kind == "h5ad"
    others = (*_FILES, *_UNREAD, *(() if cells else ("cells",)))
    settings = {key: value for key, value in dataset.items() if key not in others}
    settings.pop("pairs", None)
    settings["guides"] = {k: v for k, v in dataset["guides"].items() if k != "table"}
    control = dataset["control"]
    if control is None:
        # The layout of cells names their controls.
        named = kind == "means" or (cells and dataset["cells"]["layout"] is None)
        control = CONTROLS if named else []
    settings["control"] = [control] if isinstance(control, str) else control
    settings["scale"] = dataset["scale"] or ("counts" if cells else "log2")
    if not prior and (genes := asked.genes(dataset)):
        settings["validation_genes"] = genes
    if not prior and (separator := asked.separator(dataset)) is not None:
        settings["pairs_separator"] = separator
    return {"layout": kind, **settings, **(_PRIOR if prior else {})}


def has_weights(dataset: Mapping[str, Any]) -> bool:
    """Say whether a data set has weights of the score, other than 1."""
    t = any(dataset["columns"][key] is not None for key in ("t", "standard_error"))
    preset = dataset["preset"] not in {None, "edger", "seurat"}
    given = dataset["truth"] is not None or dataset["standard_error"] is not None
    return given or layout(dataset) == "h5ad" or t or preset


def has_replicates(dataset: Mapping[str, Any]) -> bool:
    """Say whether a gene may be measured several times: by guides, or in halves of its cells."""
    ways = [dataset["guides"][key] for key in ("separator", "pattern", "table")]
    return layout(dataset) == "h5ad" or any(way is not None for way in ways)


def prior_tables(prior: Mapping[str, Any]) -> dict[str, str | None]:
    """List the tables of a prior by their keys: the main one, and that of guides if it is set."""
    main = layout(prior)
    return {main: prior[main], "guides: table": prior["guides"]["table"]}

"""Checks that a schema cannot do: old keys, a mixture with the example's files, missing files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from echoes.plan.networks import Network
from echoes.plan.settings import ConfigError

#: Folder of the embedded example.
EXAMPLE = "<results>/simulated/"

#: Kinds of a data set's main table, which are also the keys of its path.
LAYOUTS = ("means", "deltas", "effects", "h5ad")
#: Names of the controls in a table of means if none are set.
CONTROLS = ["non-targeting"]
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

#: Keys of earlier versions → what replaces them.
_RENAMED = {
    ("string",): "`networks: {string: …}` with the keys species, version, links, info, checksums",
    ("network",): "`networks: {string: …}` with score_threshold, self_loop, edge_multiplicity",
    ("diffusion", "shuffle"): "a network, `networks: {rewired: {of: string, shuffle: "
    "links}}`, and its name in the experiment: `network: rewired`",
    ("dataset", "guide_separator"): "`dataset: {guides: {separator: …}}`",
    ("echo", "inner_folds"): "`inner_crossval: {folds: …}`",
}


def check_renamed(config: Mapping[str, Any]) -> None:
    """Refuse keys of earlier versions; the message names the keys that replace them.

    Raises
    ------
    ConfigError
        When there is such a key.
    """
    experiments = config.get("experiments")
    experiments = experiments if isinstance(experiments, Mapping) else {}
    parts = [("", config)]
    parts += [(f"experiments: {name}: ", each) for name, each in experiments.items()]
    for place, part in parts:
        for keys, replacement in _RENAMED.items():
            value: Any = part
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            # `network: <name>` in an experiment is not the old section.
            named = bool(place) and keys == ("network",) and isinstance(value, str)
            if value is not None and not named:
                raise ConfigError(
                    place + ": ".join(keys),
                    "this key is no longer used",
                    expected=replacement,
                    remedy="config/README.md explains all keys.",
                )


def layout(dataset: Mapping[str, Any]) -> str:
    """Find the kind of a data set's main table: ``means``, ``deltas``, ``effects`` or ``h5ad``.

    Raises
    ------
    ConfigError
        When there is none, or more than one.
    """
    given = [key for key in LAYOUTS if dataset.get(key) is not None]
    if len(given) != 1:
        raise ConfigError(
            "dataset",
            f"it has {' and '.join(given)}" if given else "it has no table",
            expected="one of means, deltas, effects and h5ad",
            remedy="Use one data set for each table."
            if given
            else "Name the table of your screen, for instance `means: data/means.csv`.",
        )
    return given[0]


def check_dataset(dataset: Mapping[str, Any]) -> None:
    """Check that a data set's settings fit its table, before the defaults are filled in.

    Raises
    ------
    ConfigError
        When it has not one main table, a setting of another kind of table, or two ways to find
        the genes of guides.
    """
    kind = layout(dataset)
    for key, allowed in _KEYS_OF.items():
        if dataset.get(key) is not None and kind not in allowed:
            raise ConfigError(
                f"dataset: {key}",
                f"this is a setting for a table of {' or '.join(allowed)}",
                expected=f"settings of a table of {kind}",
                remedy="Remove it, or name the table by its kind.",
            )
    if kind != "h5ad" and dataset.get("scale") == "counts":
        raise ConfigError(
            "dataset: scale",
            f"counts in a table of {kind}",
            expected="log2, ln or log10",
            remedy="Take the logarithm first; only cells in an h5ad are read as counts.",
        )
    cells = dataset.get("cells") or {}
    if kind == "h5ad" and cells.get("layout") is None and cells.get("perturbation") is None:
        raise ConfigError(
            "dataset: cells",
            "it does not say which column has the perturbation of a cell",
            expected="`layout:` or `perturbation:`",
            remedy="Set one of them, for instance `cells: {perturbation: target_gene}`.",
        )
    if dataset.get("truth") is not None and dataset.get("standard_error") is not None:
        raise ConfigError(
            "dataset: standard_error",
            "the table of truth has weights of its own",
            expected="one of truth and standard_error",
            remedy="Remove one of them.",
        )
    guides = dataset.get("guides") or {}
    ways = [key for key in ("separator", "pattern", "table") if guides.get(key) is not None]
    if len(ways) > 1:
        raise ConfigError(
            "dataset: guides",
            f"it has {' and '.join(ways)}",
            expected="one of separator, pattern and table",
            remedy="Keep the one that fits the names of your perturbations.",
        )


def table_paths(config: Mapping[str, Any]) -> dict[str, str | None]:
    """List the tables of the data set and of the submission, by their keys; None if not set."""
    dataset = config["dataset"]
    keys = (*LAYOUTS, "truth", "validation", "control_expression")
    tables = {f"dataset: {key}": dataset[key] for key in keys}
    tables["dataset: guides: table"] = dataset["guides"]["table"]
    return {**tables, "submission: sample": config["submission"]["sample"]}


def check_example(config: Mapping[str, Any], networks: Mapping[str, Network]) -> None:
    """Refuse a configuration that mixes files of the embedded example with other files.

    Raises
    ------
    ConfigError
        When there are both; the message names the keys of both.
    """
    paths = table_paths(config)
    for name, network in networks.items():
        keys = {"string": ("links", "info"), "edges": ("edges",)}.get(network.kind, ())
        paths |= {
            f"networks: {name}: {key}": network.settings[key] or "STRING's server" for key in keys
        }
    example = [f"`{key}`" for key, path in paths.items() if path and path.startswith(EXAMPLE)]
    other = [f"`{key}`" for key, path in paths.items() if path and not path.startswith(EXAMPLE)]
    if example and other:
        raise ConfigError(
            f"{', '.join(example)}",
            f"still the embedded example's, while {', '.join(other)} is not"
            if len(other) == 1
            else f"still the embedded example's, while {', '.join(other)} are not",
            expected="files of the example only, or none of them",
            remedy="Name your own files, or set a key to null. config/own.yaml is a start.",
        )


def check_names(settings: Mapping[str, Any]) -> None:
    """Refuse one column of a table of names without the other.

    Raises
    ------
    ConfigError
        When `settings`, the section ``names``, has only one of the two columns, or no table.
    """
    columns = [key for key in ("name", "symbol") if settings[key] is not None]
    missing = [key for key in ("name", "symbol", "table") if settings[key] is None]
    if columns and missing:
        raise ConfigError(
            "names",
            f"`{columns[0]}:` without `{missing[0]}:`",
            expected="`table:` alone, or with both `name:` and `symbol:`",
            remedy=f"Set `{missing[0]}:`, or remove `{columns[0]}:`.",
        )


def local_file(
    path: str | None, key: str, *, remedy: str, urls: bool = False, stored: bool = False
) -> list[str]:
    """List the local file that a setting names; the list is empty if it names none.

    Parameters
    ----------
    path
        The value of the setting.
    key
        Its key in the configuration, for messages.
    remedy
        What to do if the file is missing, for messages.
    urls
        Whether the value may be a URL, which is no local file.
    stored
        Whether files are in an object store, where this function cannot look for them.

    Raises
    ------
    ConfigError
        When the value is not a local path, or the file is missing. So a missing file is reported
        before any job runs.
    """
    scheme = urlsplit(path or "").scheme
    if not path or (urls and scheme in ("http", "https", "ftp")):
        return []
    if scheme == "file":
        path = unquote(urlsplit(path).path)
    elif len(scheme) > 1:
        raise ConfigError(
            key,
            f"{path} names no local file",
            expected="the path of one",
            remedy="Download the file, and set the path of your copy.",
        )
    # A rule writes the files below <results>: they may not exist yet.
    if not path.startswith("<") and not stored and not Path(path).is_file():
        raise ConfigError(
            key, f"{path}: there is no such file", expected="the path of a file", remedy=remedy
        )
    return [path]

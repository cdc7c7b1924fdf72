"""Read the screen of a data set from its tables, whatever their layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoes.io.arrays import Strings
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.io.tables import Matrix
from echoes.screen.checks import Check, check_screen
from echoes.screen.competition import read_validation, with_truth
from echoes.screen.effect_screen import NameGenes, screen_of_effects, weigh_by_error
from echoes.screen.effects import PRESETS, ROLES, read_effects
from echoes.screen.guides import GENE_NAMES, Guides, read_guide_table
from echoes.screen.matrix_screen import (
    complete_genes,
    screen_of_deltas,
    screen_of_means,
    with_control,
    with_validation,
)
from echoes.screen.pairs import with_pairs
from echoes.screen.record import Screen, load, require_complete, require_some
from echoes.screen.scale import to_log2
from echoes.screen.table import read_wide


@dataclass(frozen=True)
class Tables:
    """Paths of a data set's tables.

    Parameters
    ----------
    main
        Table of means, deltas or effects; or the screen that was made of cells, as
        `echoes.screen.record.save` writes it.
    truth, validation, control, guides
        Tables of true deltas and weights in the competition's layout, of perturbations to predict,
        of the controls' expression, and of the genes of guides; None where there is none.
    """

    main: StrPath
    truth: StrPath | None = None
    validation: StrPath | None = None
    control: StrPath | None = None
    guides: StrPath | None = None


def read_screen(
    tables: Tables, settings: Mapping[str, Any], name_genes: NameGenes
) -> tuple[Screen, list[Check]]:
    """Read the tables of a data set.

    Parameters
    ----------
    tables
        Where they are.
    settings
        Keys of `dataset:` in the configuration, all of them, with ``layout``: ``means``,
        ``deltas``, ``effects`` or ``h5ad``.
    name_genes
        Finds the response of a silenced gene itself, which may have another name than the
        silenced gene.

    Returns
    -------
    screen, checks
        The screen in log2 units, where `Screen.silenced` has the name of the response gene if the
        silenced gene is measured; and what was looked at, with sentences on what looks wrong.

    Raises
    ------
    InputError
        When a table cannot be used, or two tables do not belong together.
    """
    guides = read_guides(settings["guides"], tables.guides)
    screen = _read_main(tables.main, settings, guides, name_genes)
    if tables.control is not None:
        screen = with_control(screen, tables.control, scale=settings["scale"])
    if tables.truth is not None:
        screen = with_truth(screen, tables.truth, scale=settings["scale"])
    if tables.validation is not None:
        ids, names = read_validation(tables.validation)
        screen = with_validation(screen, ids, names, guides=guides, file=tables.validation)
        named = _named(screen.validation_silenced, screen.genes, name_genes)
        screen = dataclasses.replace(screen, validation_silenced=named)
    if asked := settings.get("validation_genes"):
        screen = with_validation(screen, asked, asked, guides=GENE_NAMES, file="configuration")
        named = _named(screen.validation_silenced, screen.genes, name_genes)
        screen = dataclasses.replace(screen, validation_silenced=named)
    pairs = settings.get("pairs_separator")
    if pairs is not None:
        screen = with_pairs(screen, pairs, settings["control"], name_genes, file=tables.main)
    if settings["incomplete_genes"] == "keep":
        require_some(screen, tables.main)
    else:
        require_complete(screen, tables.main)
    return screen, check_screen(screen, tables.main, settings, truth=tables.truth)


def read_guides(settings: Mapping[str, Any], table: StrPath | None) -> Guides:
    """Read how the silenced gene follows from the name of a perturbation.

    Parameters
    ----------
    settings
        Keys of `dataset: guides:` in the configuration, all of them.
    table
        Table of guides and their genes; None if there is none.

    Raises
    ------
    InputError
        When the table cannot be used.
    """
    genes = None
    if table is not None:
        columns = {key: settings[f"{key}_column"] for key in ("guide", "gene")}
        genes = read_guide_table(table, **columns)
    return Guides(settings["separator"], settings["pattern"], genes)


def _read_main(
    path: StrPath, settings: Mapping[str, Any], guides: Guides, name_genes: NameGenes
) -> Screen:
    """Read the main table, or the screen that was made of cells."""
    if settings["layout"] == "h5ad":
        return load(path)
    return read_table(path, settings, guides, name_genes)


def read_table(
    path: StrPath, settings: Mapping[str, Any], guides: Guides, name_genes: NameGenes
) -> Screen:
    """Read a table of means, deltas or effects.

    Parameters
    ----------
    path
        The table.
    settings
        Settings of a data set, or of a prior.
    guides, name_genes
        As in `read_screen`.

    Raises
    ------
    InputError
        When the table cannot be used.
    """
    read = _read_effects if settings["layout"] == "effects" else _read_matrix
    return read(path, settings, guides, name_genes)


def _read_matrix(
    path: StrPath, settings: Mapping[str, Any], guides: Guides, name_genes: NameGenes
) -> Screen:
    """Read a matrix of means or deltas."""
    matrix = read_wide(
        path,
        genes_in=settings["genes_in"],
        name_column=settings["name_column"],
        allow_missing=settings["incomplete_genes"] != "refuse",
    )
    if settings["incomplete_genes"] == "drop":
        keep = complete_genes(matrix.values, matrix.columns, path)
        genes = tuple(np.array(matrix.columns, dtype=np.str_)[keep].tolist())
        matrix = Matrix(matrix.rows, genes, np.ascontiguousarray(matrix.values[:, keep]))
    read = screen_of_means if settings["layout"] == "means" else screen_of_deltas
    screen = read(matrix, settings["control"], guides=guides, scale=settings["scale"], file=path)
    silenced = _named(screen.silenced, screen.genes, name_genes)
    return _weighed(dataclasses.replace(screen, silenced=silenced), settings)


def _read_effects(
    path: StrPath, settings: Mapping[str, Any], guides: Guides, name_genes: NameGenes
) -> Screen:
    """Read a long table of effects."""
    preset = PRESETS.get(settings["preset"] or "", {role: (role,) for role in ROLES[:3]})
    chosen = {role: column for role, column in settings["columns"].items() if column is not None}
    effects = read_effects(path, {**preset, **chosen}, scale=settings["scale"])
    screen = screen_of_effects(
        effects,
        settings["control"],
        guides=guides,
        name_genes=name_genes,
        drop_incomplete=settings["incomplete_genes"] == "drop",
        hold_out=settings.get("hold_out_test", False),
    )
    if effects.t is None:
        return _weighed(screen, settings)
    if settings["standard_error"] is not None:
        raise InputError(
            path,
            "",
            "the table has t or standard errors of its own",
            expected="no `dataset: standard_error:` then",
            remedy="Remove this setting, or do not name the columns of t and standard_error.",
        )
    return screen


def _weighed(screen: Screen, settings: Mapping[str, Any]) -> Screen:
    """Weigh a screen without t, if its standard error is set."""
    error = settings["standard_error"]
    if error is None:
        return screen
    return weigh_by_error(screen, float(to_log2(np.array(error), settings["scale"])))


def _named(silenced: Strings, genes: Strings, name_genes: NameGenes) -> Strings:
    """Give silenced genes the names of their own responses."""
    return np.array(name_genes(silenced.tolist(), genes.tolist()), dtype=np.str_)

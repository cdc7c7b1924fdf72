"""Effects of two halves of the cells of each perturbation: how well cells predict other cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, Strings, positions
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.records import Layout


@dataclass(frozen=True)
class Halves:
    """Two measurements of H perturbations and G response genes, by different cells.

    Parameters
    ----------
    perturbations
        (H,) names of the perturbations, some of those of the screen.
    genes
        (G,) response genes.
    effects
        (2, H, G) effects of each half, against its half of the control cells; log2 units.
    cells
        (2, H) cells of each half, one or more.
    """

    perturbations: Strings
    genes: Strings
    effects: Floats
    cells: Ints


# Data set, perturbations, file.
_LAYOUT = Layout(
    {"perturbations": "str H", "genes": "str G", "effects": "gap two H G", "cells": "int two H"},
    depth=3,
)


def empty(genes: Strings) -> Halves:
    """Make halves of no perturbation, for a screen without single cells."""
    return Halves(
        np.array([], dtype=np.str_),
        genes,
        np.empty((2, 0, len(genes))),
        np.empty((2, 0), dtype=np.intp),
    )


def save(path: StrPath, halves: Halves) -> None:
    """Write halves to an npz file."""
    _LAYOUT.save(path, vars(halves))


def load(path: StrPath, perturbations: Strings, genes: Strings) -> Halves:
    """Read the halves that `save` wrote, with the response genes of a screen.

    Parameters
    ----------
    path
        The npz file.
    perturbations, genes
        Names in the screen, which must have all perturbations of the halves; the halves must
        have all genes of the screen.

    Raises
    ------
    InputError
        When the file is damaged, is not such a file, or belongs to another screen.
    """
    names, measured, effects, cells = _LAYOUT.load(path, two=2)
    place = positions(genes.tolist(), measured.tolist())
    unknown = sorted(set(names.tolist()) - set(perturbations.tolist()))
    unknown += [str(gene) for gene in genes[place < 0]]
    if unknown:
        raise InputError(
            path,
            "",
            f"names that the screen does not share: {abbreviate(unknown)}",
            expected="halves of the cells of this screen",
            remedy="Delete the file and run the workflow again.",
        )
    return Halves(names, genes, effects[:, :, place], cells)

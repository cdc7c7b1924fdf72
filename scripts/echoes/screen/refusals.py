"""Screens that cannot be what they claim to be: each is refused in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.screen.guides import PATTERNS
from echoes.screen.record import Screen

#: No logarithm of an expression, and no difference of two, is larger than this.
LARGEST = 1000.0
# Responses that differ by less are the same but for rounding.
_ALIKE = 1e-12
# Columns of the tables that are written: no gene may have one of these names.
_RESERVED = ("perturbation", "pert_id", "pert_symbol", "gene")


def refuse_reserved(screen: Screen, file: StrPath) -> None:
    """Refuse response genes with the name of a column of the tables that are written."""
    wrong = [name for name in screen.genes.tolist() if name in _RESERVED]
    if wrong:
        raise InputError(
            file,
            f"gene {wrong[0]}",
            "this is the name of a column in the tables that are written",
            expected=f"names of genes, none of them {', '.join(_RESERVED)}",
            remedy="Remove the column if it is no gene, or rename it.",
        )


def refuse_huge(screen: Screen, file: StrPath) -> None:
    """Refuse values that no logarithm of an expression can have."""
    known = np.where(np.isnan(screen.control), 0.0, screen.control)
    values = np.vstack([known, known + screen.responses])
    wrong = np.abs(values) > LARGEST
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        row = f"perturbation {screen.perturbations[i - 1]}" if i else "the control"
        raise InputError(
            file,
            f"gene {screen.genes[j]}, {row}",
            f"{values[i, j]:.6g} log2 units ({np.count_nonzero(wrong):,} values are as large)",
            expected=f"logarithms, from {-LARGEST:g} to {LARGEST:g}",
            remedy="Correct the cell, or take the logarithm of log2(1 + 10⁴ · share) if these are "
            "counts.",
        )


def refuse_alike(screen: Screen, file: StrPath) -> None:
    """Refuse a screen in which all perturbations have the same response."""
    measured = ~np.isnan(screen.truth)
    largest = np.max(screen.truth, axis=0, where=measured, initial=-np.inf)
    smallest = np.min(screen.truth, axis=0, where=measured, initial=np.inf)
    if len(screen.truth) > 1 and (largest - smallest <= _ALIKE).all():
        raise InputError(
            file,
            "",
            f"no response differs: all {len(screen.truth)} perturbations have the same",
            expected="perturbations with different responses",
            remedy="Check that the table has a row of its own for each perturbation.",
        )


def refuse_pairs(screen: Screen, file: StrPath) -> None:
    """Refuse perturbations of several genes, whose names are joined."""
    silenced = [*screen.silenced.tolist(), *screen.validation_silenced.tolist()]
    known = {*silenced, *screen.genes.tolist()}
    pairs = [name for name in dict.fromkeys(silenced) if _is_pair(name, known)]
    if pairs:
        raise InputError(
            file,
            f"perturbation {pairs[0]}",
            f"{len(pairs)} of {len(set(silenced))} names are of several genes: {abbreviate(pairs)}",
            expected="one silenced gene for each perturbation",
            remedy="Say what stands between the genes, for instance `dataset: pairs: {separator: "
            '"+"}`, or remove these rows.',
        )


def _is_pair(name: str, known: set[str]) -> bool:
    for separator in ("+", "|", ",", ";", "&", "_"):
        parts = [part.strip() for part in name.split(separator)]
        if len(parts) > 1 and len(set(parts)) > 1 and all(part in known for part in parts):
            return True
    return False


def refuse_guides(screen: Screen, file: StrPath) -> None:
    """Refuse names that are those of guides, if no setting says how to read them."""
    names = [*screen.perturbations.tolist(), *dict.fromkeys(screen.validation_silenced.tolist())]
    for label, pattern in PATTERNS.items():
        fits = [n for n in names if all(re.fullmatch(pattern, part) for part in n.split("|"))]
        if fits:
            raise _guides_refused(file, fits, len(names), f"pattern: {label}")
    genes = set(screen.genes.tolist()) | {name for name in names if "_" not in name}
    fits = [n for n in names if n not in genes and re.fullmatch(r".+_(sg|g)?[0-9]+", n)]
    fits = [name for name in fits if name.rpartition("_")[0] in genes]
    if fits:
        raise _guides_refused(file, fits, len(names), "separator: _")


def _guides_refused(file: StrPath, names: Sequence[str], count: int, setting: str) -> InputError:
    return InputError(
        file,
        f"perturbation {names[0]}",
        f"{len(names)} of {count} names look like those of guides: {abbreviate(names)}",
        expected="names of silenced genes, or a setting that leads from a guide to its gene",
        remedy=f"Set `dataset: guides: {{{setting}}}`, or rename the perturbations.",
    )

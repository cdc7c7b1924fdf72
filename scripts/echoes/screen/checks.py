"""Does a screen look like what it claims to be? Checks of all its tables together, once read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.screen.guides import PATTERNS
from echoes.screen.record import Screen
from echoes.screen.scale import scale_warnings

#: No logarithm of an expression, and no difference of two, is larger than this.
LARGEST = 1000.0
# With fewer perturbations than this, it may be chance that no silenced gene is measured.
_FEW = 5
# With fewer perturbations than this, a screen may well have more of them than response genes.
_MANY = 100
# Responses that differ by less are the same but for rounding.
_ALIKE = 1e-12
# A truth that correlates so well with the responses is the same on a scale of its own.
_EXACT = 0.99
# A truth on another scale of logarithms has responses so many times as large.
_RATIOS = {"ln": np.log(2), "log10": np.log10(2)}

# Names that libraries give to guides without a target.
_CONTROL = re.compile(
    r"(non[-_ ]?target(ing)?|ntc?|neg(ative)?[-_ ]?(ctrl|control)|control|ctrl|safe[-_ ]?"
    r"(targeting|harbou?r)|scrambled?|unperturbed|mock|intergenic)([-_. ]\w+|[0-9]+)*",
    re.IGNORECASE,
)


def check_screen(
    screen: Screen, file: StrPath, settings: Mapping[str, Any], *, truth: StrPath | None
) -> list[str]:
    """Check a screen as a whole.

    Parameters
    ----------
    screen
        The screen, without gaps.
    file
        The file of its responses, for messages.
    settings
        Keys of `dataset:` in the configuration, all of them, with ``layout``.
    truth
        The file of the true deltas, for messages; None if there is none.

    Returns
    -------
    list of str
        A sentence or two on each thing that looks wrong; empty if nothing does.

    Raises
    ------
    InputError
        When a value cannot be an expression or a response, no response differs from the others,
        names are those of guides or of pairs of genes, or the truth is that of other means.
    """
    cells = settings["layout"] == "h5ad"
    if not cells:
        _refuse_huge(screen, file)
        _refuse_pairs(screen, file)
    _refuse_alike(screen, file)
    if not any(settings["guides"].get(key) for key in ("separator", "pattern", "table")):
        _refuse_guides(screen, file)
    # The values of cells were brought to log2 and checked when they were read.
    warnings = [] if cells else scale_warnings(screen, settings["scale"])
    if truth is not None:
        warnings += _truth_warnings(screen, truth)
    warnings += _layout_warnings(screen, settings["layout"])
    return [*warnings, *_control_warnings(screen), *_name_warnings(screen)]


def _refuse_huge(screen: Screen, file: StrPath) -> None:
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


def _refuse_alike(screen: Screen, file: StrPath) -> None:
    """Refuse a screen in which all perturbations have the same response."""
    if len(screen.truth) > 1 and (np.ptp(screen.truth, axis=0) <= _ALIKE).all():
        raise InputError(
            file,
            "",
            f"no response differs: all {len(screen.truth)} perturbations have the same",
            expected="perturbations with different responses",
            remedy="Check that the table has a row of its own for each perturbation.",
        )


def _refuse_pairs(screen: Screen, file: StrPath) -> None:
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
            remedy="Remove these rows; combinations of genes cannot be used yet.",
        )


def _is_pair(name: str, known: set[str]) -> bool:
    for separator in ("+", "|", ",", ";", "&", "_"):
        parts = [part.strip() for part in name.split(separator)]
        if len(parts) > 1 and len(set(parts)) > 1 and all(part in known for part in parts):
            return True
    return False


def _refuse_guides(screen: Screen, file: StrPath) -> None:
    """Refuse names that are those of guides, if no setting says how to read them."""
    names = screen.perturbations.tolist()
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


def _truth_warnings(screen: Screen, truth: StrPath) -> list[str]:
    """Refuse a truth of other rows, and warn of one on another scale."""
    own, other = _normalised(screen.truth), _normalised(screen.responses)
    if len(own) < _FEW:
        return []
    likeness = own @ other.T
    itself = np.diag(likeness).copy()
    np.fill_diagonal(likeness, -np.inf)
    wrong = np.flatnonzero(itself < likeness.max(axis=1))
    if 2 * len(wrong) > len(own):
        i = int(wrong[0])
        best = screen.perturbations[int(np.argmax(likeness[i]))]
        raise InputError(
            truth,
            f"row {screen.perturbations[i]}",
            f"its deltas are not the means less the control: they fit {best} better, and so on in "
            f"{len(wrong)} of {len(own)} rows",
            expected="the deltas of the perturbation in this row",
            remedy="Use tables that belong together, with rows under their own names and genes "
            "under theirs.",
        )
    size = float(np.vdot(screen.responses, screen.responses))
    slope = float(np.vdot(screen.truth, screen.responses)) / size if size else 1.0
    if itself.min() < _EXACT:
        return []
    for scale, ratio in _RATIOS.items():
        for wanted, which in ((ratio, "deltas"), (1 / ratio, "means")):
            if abs(slope / wanted - 1) < 0.02:
                warning = (
                    f"the deltas of {truth} are {slope:.3f} times the means less the control: the "
                    f"{which} look like {scale}, the others like log2. Bring both tables to one "
                    "scale."
                )
                return [warning]
    return []


def _normalised(values: Floats) -> Floats:
    """Rows of length 1. They are not centred: one wrong row would move all others."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(length > 0, length, 1.0))


def _layout_warnings(screen: Screen, layout: str) -> list[str]:
    """Warn of a matrix that looks as if perturbations and genes stood in each other's places."""
    n, genes = screen.responses.shape
    if layout == "effects" or n < _MANY or n <= 2 * genes:
        return []
    warning = (
        f"{n:,} perturbations ({abbreviate(screen.perturbations.tolist())}) have only {genes:,} "
        f"response genes ({abbreviate(screen.genes.tolist())}). Is a row a gene, and a column a "
        "perturbation? Then set `dataset: genes_in: rows`, or columns if it is rows now."
    )
    return [warning]


def _control_warnings(screen: Screen) -> list[str]:
    """Warn of perturbations whose names are those of controls."""
    warnings = []
    for names, role in (
        (screen.perturbations.tolist(), "perturbations"),
        (screen.validation_silenced.tolist(), "perturbations to predict"),
    ):
        controls = [name for name in names if _CONTROL.fullmatch(name)]
        if controls:
            warnings.append(
                f"{len(controls)} {role} have the name of a control: {abbreviate(controls)}. They "
                "are taken for silenced genes. If they are controls, name them in `dataset: "
                "control:`, where * stands for any text."
            )
    return warnings


def _name_warnings(screen: Screen) -> list[str]:
    """Warn if no silenced gene has a response of its own: their names may be of another kind."""
    silenced, genes = screen.silenced.tolist(), screen.genes.tolist()
    if len(silenced) < _FEW or set(silenced) & set(genes):
        return []
    warning = (
        f"none of the silenced genes ({abbreviate(silenced)}) is among the {len(genes):,} response "
        f"genes ({abbreviate(genes)}). If they have other names there, such as Ensembl ids, give a "
        "table of names: `names: {table: …}`. Otherwise their knockdown cannot be predicted."
    )
    return [warning]

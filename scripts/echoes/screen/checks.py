"""Does a screen look like what it claims to be? Checks of all its tables together, once read."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import abbreviate
from echoes.io.files import StrPath
from echoes.screen.record import Screen
from echoes.screen.refusals import (
    refuse_alike,
    refuse_guides,
    refuse_huge,
    refuse_pairs,
    refuse_reserved,
)
from echoes.screen.scale import scale_warnings
from echoes.screen.spelling import changed_names, odd_characters, show_characters, twins
from echoes.screen.truth_checks import baseline_warnings, truth_warnings

# With fewer perturbations than this, it may be chance that no silenced gene is measured.
_FEW = 5
# With fewer perturbations than this, a screen may well have more of them than response genes.
_MANY = 100

# Columns that describe perturbations, or cells, or what was done to them.
_NO_GENE = re.compile(
    r"batch|sample|replicate|condition|cluster|cells|counts?|size|score|p_?val(ue)?|plate|lane|dose|"
    r"[a-z][a-z0-9]*(_[a-z0-9]+)+|[A-Za-z]+_(counts?|cells|scores?)(_.*)?",
)
# Names of rows and columns that sum up others.
_SUMMARY = re.compile(
    r"(grand[-_ ]?)?total|sum|mean|average|avg|median|sd|std|stdev", re.IGNORECASE
)
# Names that programs give to a column that stands twice.
_AGAIN = re.compile(r"(.+)[._-][0-9]{1,2}")
# Names that libraries give to guides without a target.
_CONTROL = re.compile(
    r"(sg)?(non?[-_ ]?target(s|ing)?|ntc?|neg(ative)?[-_ ]?(ctrl|control)|control|ctrl|safe[-_ ]?"
    r"(targeting|harbou?r)|scrambled?|unperturbed|untreated|unassigned|mock|intergenic|vehicle|dmso|"
    r"wild[-_ ]?type|aavs1|lacz|e?gfp|mcherry|luciferase)([-_. ]\w+|[0-9]+)*|wt",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at in a screen that was read.

    Parameters
    ----------
    name
        What was looked at.
    figure
        What was found there, in a few words.
    warnings
        A sentence or two on each thing that looks wrong; empty if nothing does.
    """

    name: str
    figure: str
    warnings: tuple[str, ...] = ()


def check_screen(
    screen: Screen, file: StrPath, settings: Mapping[str, Any], *, truth: StrPath | None
) -> list[Check]:
    """Check a screen as a whole.

    Parameters
    ----------
    screen
        The screen.
    file
        The file of its responses, for messages.
    settings
        Keys of `dataset:` in the configuration, all of them, with ``layout``.
    truth
        The file of the true deltas, for messages; None if there is none.

    Returns
    -------
    list of Check
        What was looked at, what was found, and what looks wrong.

    Raises
    ------
    InputError
        When a value cannot be an expression or a response, no response differs from the others,
        names are those of guides, of pairs of genes or of the tables that are written, a baseline
        cannot be an error, or the truth is that of other means.
    """
    cells = settings["layout"] == "h5ad"
    refuse_reserved(screen, file)
    if not cells:
        refuse_huge(screen, file)
        if screen.separator is None:
            refuse_pairs(screen, file)
    refuse_alike(screen, file)
    if not any(settings["guides"].get(key) for key in ("separator", "pattern", "table")):
        refuse_guides(screen, file)
    n, genes = screen.responses.shape
    checks = [
        Check("size", f"{n:,} perturbations × {genes:,} response genes", _layout(screen, settings)),
        Check("values", _range(screen)),
        Check("responses that differ", *_same_responses(screen)),
        Check("names that can be read", *_spelling(screen)),
        Check("response genes that are genes", *_genes(screen)),
        Check("response genes that differ", *_copied_genes(screen)),
        Check("genes with the controls' expression", *_known_expression(screen)),
        Check("controls among the perturbations", *_controls(screen)),
        Check("silenced genes among the response genes", *_measured(screen)),
        Check("genes to predict", *_validation(screen)),
    ]
    # The values of cells were brought to log2 and checked when they were read.
    if not cells:
        warnings = tuple(scale_warnings(screen, settings["scale"]))
        checks.insert(2, Check("scale", settings["scale"], warnings))
    if truth is not None:
        compared = _filled(screen)
        checks += [
            Check("deltas of the truth", *truth_warnings(compared, truth)),
            Check("baselines of the truth", *baseline_warnings(screen, truth)),
        ]
    return checks


def check_prior(screen: Screen, file: StrPath, settings: Mapping[str, Any]) -> list[str]:
    """Check a prior that was read from a table; it is not scored, and may have any names.

    Parameters
    ----------
    screen
        The prior.
    file
        Its file, for messages.
    settings
        Its settings, as those of a data set.

    Returns
    -------
    list of str
        A sentence or two on each thing that looks wrong.

    Raises
    ------
    InputError
        When a value cannot be an expression or a response.
    """
    refuse_huge(screen, file)
    return [*scale_warnings(screen, settings["scale"]), *_spelling(screen)[1]]


def _filled(screen: Screen) -> Screen:
    """Take pairs that were not measured for 0 in both tables, so that they say nothing."""
    missing = np.isnan(screen.responses) | np.isnan(screen.truth)
    if not missing.any():
        return screen
    responses, truth = (np.where(missing, 0.0, each) for each in (screen.responses, screen.truth))
    return dataclasses.replace(screen, responses=responses, truth=truth)


def _range(screen: Screen) -> str:
    """Write the range of expression, or of responses where it is not known."""
    if np.isnan(screen.control).any():
        values, what = screen.responses, "differences"
    else:
        values, what = screen.control + screen.responses, "expression"
    return f"{what} {np.nanmin(values):.3g} … {np.nanmax(values):.3g}, log2"


def _same_responses(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count rows of responses, and warn of rows that are copies of others."""
    seen: dict[bytes, int] = {}
    first = [seen.setdefault(_digest(row), i) for i, row in enumerate(screen.responses)]
    copies = [i for i, same in enumerate(first) if same != i]
    figure = f"{len(seen):,} of {len(screen.responses):,}"
    if not copies:
        return figure, ()
    pairs = [f"{screen.perturbations[i]} and {screen.perturbations[first[i]]}" for i in copies]
    warning = (
        f"{len(copies)} perturbations have the responses of another one, to the last digit: "
        f"{abbreviate(pairs)}. Were rows copied?"
    )
    return figure, (warning,)


def _digest(row: Floats) -> bytes:
    """Tell rows apart, in time linear in their number; 0 is −0, and what was not measured alike."""
    values = np.where(np.isnan(row), np.nan, row + 0.0)
    return hashlib.sha256(values.tobytes()).digest()


def _spelling(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count names, and warn of characters that cannot be seen, and of names that look alike."""
    warnings = []
    lists = {
        "silenced genes": dict.fromkeys(screen.silenced.tolist()),
        "response genes": dict.fromkeys(screen.genes.tolist()),
        "genes to predict": dict.fromkeys(screen.validation_silenced.tolist()),
    }
    for role, names in lists.items():
        odd = [name for name in names if odd_characters(name)]
        if odd:
            warnings.append(
                f"{len(odd)} {role} have characters that cannot be seen or that look like others: "
                f"{abbreviate([show_characters(name) for name in odd])}. No other table knows such "
                "names: type them again."
            )
        changed = changed_names(names)
        if changed:
            warnings.append(
                f"{len(changed)} {role} have names that a spreadsheet or another program has made: "
                f"{abbreviate(changed)}. Write the names of the genes in their place."
            )
        alike = [" and ".join(map(show_characters, group)) for group in twins(list(names))]
        if alike:
            warnings.append(
                f"{len(alike)} groups of {role} differ in capital letters or in the form of "
                f"characters alone: {abbreviate(alike)}. Are they the same genes?"
            )
    return f"{sum(map(len, lists.values())):,} names", tuple(warnings)


def _genes(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count response genes, and warn of those with a name that is no gene's."""
    genes = screen.genes.tolist()
    wrong = [name for name in genes if _NO_GENE.fullmatch(name) or _SUMMARY.fullmatch(name)]
    figure = f"{len(genes) - len(wrong):,} of {len(genes):,}"
    if not wrong:
        return figure, ()
    warning = (
        f"{len(wrong)} response genes have names that are no genes': {abbreviate(wrong)}. They are "
        "taken for genes, predicted and scored. Remove the columns if they are something else."
    )
    return figure, (warning,)


def _copied_genes(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count response genes, and warn of columns that stand twice, which programs rename."""
    place = {name: number for number, name in enumerate(screen.genes.tolist())}
    copies = []
    for name, column in place.items():
        match = _AGAIN.fullmatch(name)
        if match and match[1] in place:
            first, second = (screen.responses[:, j] for j in (place[match[1]], column))
            if np.array_equal(first, second, equal_nan=True) and np.nanstd(first) > 0:
                copies.append(f"{name} of {match[1]}")
    figure = f"{len(place) - len(copies):,} of {len(place):,}"
    if not copies:
        return figure, ()
    warning = (
        f"{len(copies)} response genes are copies of others, to the last digit: "
        f"{abbreviate(copies)}. Programs rename a column that stands twice: remove one."
    )
    return figure, (warning,)


def _known_expression(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count genes whose expression in the controls is known; warn where it is not of some."""
    unknown = screen.genes[np.isnan(screen.control)].tolist()
    known = len(screen.genes) - len(unknown)
    figure = f"{known:,} of {len(screen.genes):,}"
    if not known or not unknown:
        return figure, ()
    warning = (
        f"the expression of {len(unknown)} genes in the controls is not known: "
        f"{abbreviate(unknown)}. Their knockdown is predicted from those of other perturbations. "
        "Is the table of the controls' expression complete, and does it name genes alike?"
    )
    return figure, (warning,)


def _layout(screen: Screen, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Warn of a matrix that looks as if perturbations and genes stood in each other's places."""
    n, genes = screen.responses.shape
    if settings["layout"] == "effects" or n < _MANY or n <= 2 * genes:
        return ()
    warning = (
        f"{n:,} perturbations ({abbreviate(screen.perturbations.tolist())}) have only {genes:,} "
        f"response genes ({abbreviate(screen.genes.tolist())}). Is a row a gene, and a column a "
        "perturbation? Then set `dataset: genes_in: rows`, or columns if it is rows now."
    )
    return (warning,)


def _controls(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count and warn of perturbations whose names are those of controls."""
    warnings, count = [], 0
    for names, role in (
        (screen.perturbations.tolist(), "perturbations"),
        (screen.validation_silenced.tolist(), "perturbations to predict"),
    ):
        controls = [
            name for name in names if all(map(_CONTROL.fullmatch, re.split(r"[|+,;&]", name)))
        ]
        count += len(controls)
        if controls:
            warnings.append(
                f"{len(controls)} {role} have the name of a control: {abbreviate(controls)}. They "
                "are taken for silenced genes. If they are controls, name them in `dataset: "
                "control:`, where * stands for any text."
            )
        sums = [name for name in names if _SUMMARY.fullmatch(name)]
        if sums:
            warnings.append(
                f"{len(sums)} {role} have the name of a summary of others: {abbreviate(sums)}. "
                "They are taken for silenced genes. Remove the rows if they are something else."
            )
    return str(count), tuple(warnings)


def _measured(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count silenced genes with a response of their own, and warn if there are none."""
    silenced, genes = [*dict.fromkeys(screen.silenced.tolist())], screen.genes.tolist()
    measured = len(set(silenced) & set(genes))
    figure = f"{measured:,} of {len(silenced):,}"
    if len(silenced) < _FEW or measured:
        return figure, ()
    warning = (
        f"none of the silenced genes ({abbreviate(silenced)}) is among the {len(genes):,} response "
        f"genes ({abbreviate(genes)}). If they have other names there, such as Ensembl ids, give a "
        "table of names: `names: {table: …}`. Otherwise their knockdown cannot be predicted."
    )
    return figure, (warning,)


def _validation(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """Count genes to predict, and warn of those that are named twice or were measured."""
    names = screen.validation_silenced.tolist()
    warnings = []
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        warnings.append(
            f"{len(twice)} genes to predict are named more than once: {abbreviate(twice)}. Their "
            "rows will be the same."
        )
    measured = set(screen.silenced.tolist())
    known = [name for name in dict.fromkeys(names) if name in measured]
    if known:
        warnings.append(
            f"{len(known)} genes to predict were silenced in the screen: {abbreviate(known)}. The "
            "models that predict them have seen their responses."
        )
    return str(len(names)), tuple(warnings)

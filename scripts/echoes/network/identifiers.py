"""Kinds of gene names: symbols, Ensembl and Entrez ids, and dates that a spreadsheet made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from echoes.io.errors import InputError
from echoes.io.files import StrPath

_KINDS = {
    "Ensembl gene ids": re.compile(r"ENS[A-Z]{0,6}G\d{11}(\.\d+)?"),
    "Ensembl protein ids": re.compile(r"(\d+\.)?ENS[A-Z]{0,6}P\d{11}(\.\d+)?"),
    "Entrez ids": re.compile(r"\d+"),
}
_SYMBOLS = "symbols"
#: An Ensembl id and its version, for Python and for Arrow.
ENSEMBL_VERSION = r"^(ENS[A-Z]{0,6}[GPT][0-9]{11})\.[0-9]+$"

#: Today's symbols of the genes that a spreadsheet turns into dates, by old symbol and number.
#: Source: HGNC, which renamed most of them for this reason.
_TODAY: dict[str, dict[int, tuple[str, ...]]] = {
    "MARCH": {number: (f"MARCHF{number}",) for number in range(1, 12)},
    "MARC": {1: ("MTARC1",), 2: ("MTARC2",)},
    "SEPT": {number: (f"SEPTIN{number}",) for number in range(1, 15)},
    "SEP": {15: ("SELENOF",)},
    "OCT": {1: ("POU2F1",), 2: ("POU2F2",), 3: ("POU5F1",), 4: ("POU5F1",)},
    "DEC": {1: ("DELEC1", "BHLHE40"), 2: ("BHLHE41",)},
}
_STEMS = {"mar": ("MARCH", "MARC"), "sep": ("SEPT", "SEP"), "oct": ("OCT",), "dec": ("DEC",)}
_NUMBERS = {3: "mar", 9: "sep", 10: "oct", 12: "dec"}
_MONTH = r"(?P<month>mar(?:ch)?|sept?|oct|dec)"
_DAY = r"0?(?P<day>\d{1,2})"
#: 1-Mar, Mar-01, 2001-03-01 and 03-01.
_DATES = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_DAY}[-. /]{_MONTH}(?:[-. /]\d{{2,4}})?",
        rf"{_MONTH}[-. /]{_DAY}",
        rf"(?:\d{{4}}[-/])?(?P<month>0?[39]|1[02])[-/]{_DAY}",
    )
]
_OLD_SYMBOL = re.compile(r"(?P<stem>MARCH|MARC|SEPT|SEP|DEC)0?(?P<number>\d{1,2})", re.IGNORECASE)


def kind_of_name(name: str) -> str:
    """Tell the kind of a gene's name by its form.

    Returns
    -------
    str
        ``Ensembl gene ids``, ``Ensembl protein ids``, ``Entrez ids`` or ``symbols``.
    """
    return next((kind for kind, form in _KINDS.items() if form.fullmatch(name)), _SYMBOLS)


def without_version(name: str) -> str:
    """Remove the version from an Ensembl id: ENSG00000141510.18 becomes ENSG00000141510."""
    return re.sub(ENSEMBL_VERSION, r"\1", name)


def require_one_kind(path: StrPath, column: str, names: Iterable[str]) -> None:
    """Check that the names of genes are of one kind.

    Some lists of symbols have an Ensembl id where a gene has no symbol: up to a tenth of the
    names may be of another kind.

    Raises
    ------
    InputError
        When more than a tenth of the names are of another kind than the others.
    """
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name in names:
        kind = kind_of_name(name)
        counts[kind] += 1
        first.setdefault(kind, name)
    if not counts or counts.most_common(1)[0][1] >= 0.9 * counts.total():
        return
    seen = [f"{count} {kind} such as {first[kind]}" for kind, count in counts.most_common()]
    raise InputError(
        path,
        f"column {column}" if column else "",
        f"mixed kinds of names: {', '.join(seen)}",
        expected="one kind of names",
        remedy="Translate the names to one kind, or choose another column.",
    )


def spreadsheet_date(name: str) -> tuple[str, ...]:
    """Say which genes a name may have been before a spreadsheet took it for a date.

    Parameters
    ----------
    name
        A name such as ``1-Mar``, ``Mar-01`` or ``2-Sep``, or the old symbols themselves,
        ``MARCH1`` or ``SEPT2``, which such tables are often repaired to.

    Returns
    -------
    tuple
        Today's symbols of the genes, such as MARCHF1 and MTARC1; empty if the name is no date.
    """
    if form := _OLD_SYMBOL.fullmatch(name):
        return _TODAY[form["stem"].upper()].get(int(form["number"]), ())
    dates = (form.fullmatch(name) for form in _DATES)
    date = next((date for date in dates if date), None)
    if date is None:
        return ()
    month, day = date["month"].lower(), int(date["day"])
    stems = _STEMS[_NUMBERS[int(month)] if month.isdigit() else month[:3]]
    return tuple(gene for stem in stems for gene in _TODAY[stem].get(day, ()))


def is_date(name: str) -> bool:
    """Tell whether a name is written as a date, such as ``1-Mar``; MARCH1 is a symbol."""
    return any(form.fullmatch(name) for form in _DATES)

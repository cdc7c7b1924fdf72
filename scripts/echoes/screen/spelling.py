"""Names that look like others: characters that cannot be seen, capital letters, normal forms."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable

#: Categories of Unicode: controls, formats (such as zero-width spaces), separators.
_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Zs"}
#: Alphabets whose capital letters look like Latin ones.
_LIKE_LATIN = ("CYRILLIC", "GREEK CAPITAL")

_MONTH = r"(jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*"
#: What other programs make of names: 1-Mar, 2001-03-01, 2.31E+13, #NAME?, TRUE, NaN.
_CHANGED = re.compile(
    rf"\d{{1,2}}[-./ ]+{_MONTH}([-./ ]+\d{{2,4}})?|{_MONTH}[-./ ]\d{{1,4}}|"
    r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?|\d+([.,]\d+)?e[-+]?\d+|#[A-Z0]+(/[A-Z0]+)?[!?]?|"
    r"true|false|n/?an?|null|none",
    re.IGNORECASE,
)
#: A day as a number, 2000 … 2036.
_DAY = re.compile(r"(3[6-9]|4[0-9])[0-9]{3}(\.0)?")


def odd_characters(name: str) -> str:
    """List the characters of a name that cannot be seen, or that look like others.

    These are spaces at its ends and spaces of other kinds, controls and formats, dashes and
    hyphens other than that of the keyboard, and letters of other alphabets and widths.
    """
    return _unseen(name) + "".join(filter(_like_latin, "" if name.isascii() else name))


def _like_latin(letter: str) -> bool:
    """Tell whether a letter looks like another one, of the Latin alphabet."""
    if letter.isascii() or not letter.isalnum():
        return False
    return (
        unicodedata.normalize("NFKC", letter) != unicodedata.normalize("NFC", letter)
    ) or unicodedata.name(letter, "").startswith(_LIKE_LATIN)


def _unseen(name: str) -> str:
    """List the spaces at the ends, and the characters that cannot be seen or told apart."""
    ends = name[: len(name) - len(name.lstrip())] + name[len(name.rstrip()) :]
    odd = [
        each
        for each in name
        if (unicodedata.category(each) in _UNSEEN and each != " ")
        or (unicodedata.category(each) == "Pd" and each != "-")
    ]
    return "".join(odd) + ends


def show_characters(name: str) -> str:
    """Write a name so that odd characters are seen, as ``A<U+200B>B``."""
    odd = set(odd_characters(name))
    return "".join(f"<U+{ord(each):04X}>" if each in odd else each for each in name)


def twins(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Group names that differ in capital letters, odd characters or normal form (NFKC) alone."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        # ASCII names, nearly all, need no normal form.
        plain = name if name.isascii() else unicodedata.normalize("NFKC", name)
        odd = _unseen(plain)
        groups["".join(each for each in plain if each not in odd).casefold()].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def changed_names(names: Collection[str]) -> list[str]:
    """List names that a spreadsheet or another program has put in the place of others.

    Numbers are none of them where most names are numbers, such as those of Entrez.
    """
    numbers = sum(name.isdecimal() for name in names) > len(names) / 2
    return [
        name for name in names if _CHANGED.fullmatch(name) or (not numbers and _DAY.fullmatch(name))
    ]

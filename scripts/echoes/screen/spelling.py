"""Names that look like others: characters that cannot be seen, capital letters, normal forms."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

#: Categories of Unicode: controls, formats (such as zero-width spaces), separators.
_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Zs"}


def odd_characters(name: str) -> str:
    """List the characters of a name that cannot be seen, or that look like others.

    These are spaces at its ends and spaces of other kinds, controls and formats, and dashes and
    hyphens other than that of the keyboard.
    """
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
        odd = odd_characters(plain)
        groups["".join(each for each in plain if each not in odd).casefold()].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]

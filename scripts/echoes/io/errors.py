"""Exceptions: input that cannot be used, and a solver that did not converge."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

#: Characters of a part of a message, and of each item in a list: names may be those of whole lines.
_LONGEST, _LONGEST_ITEM = 600, 100


class InputError(Exception):
    """Input that cannot be used, with a message for the person who can correct it.

    Parameters
    ----------
    file
        Path of the file with the problem, or a key of the configuration.
    place
        Column, row or line of the problem. Empty for the whole file.
    problem
        What is wrong there.
    expected
        What was expected instead.
    remedy
        What to do, in one or more sentences.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        place: str,
        problem: str,
        *,
        expected: str,
        remedy: str,
    ) -> None:
        self.file = os.fspath(file)
        self.place = place
        self.problem = problem
        self.expected = expected
        self.remedy = remedy
        where = f"{self.file}: {place}" if place else self.file
        texts = (shortened(text, _LONGEST) for text in (where, problem, expected, remedy))
        super().__init__("{}: {}; expected {}. {}".format(*texts))


def shortened(text: str, length: int) -> str:
    """Cut a text off behind so many characters, and say how many there are."""
    return text if len(text) <= length else f"{text[:length]} … ({len(text):,} characters)"


class NotConvergedError(ArithmeticError):
    """A solver that did not reach its tolerance."""


def abbreviate(items: Sequence[object], limit: int = 5) -> str:
    """Write the first few items of a list, and how many more there are.

    Parameters
    ----------
    items
        Items to write, in this order.
    limit
        Largest number of items that are written.

    Returns
    -------
    str
        For instance ``A, B, C, D, E and 3 more``.
    """
    named = ", ".join(shortened(str(item), _LONGEST_ITEM) for item in items[:limit])
    left = len(items) - limit
    return f"{named} and {left} more" if left > 0 else named


def printable(text: str) -> str:
    r"""Write what is no letter, mark or plain space as an escape, such as ``\x1b`` or ``\n``.

    Names and messages come from files and servers: they must not take more than one line, nor
    tell a terminal what to do.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def require_printable(file: str | os.PathLike[str], place: str, names: Iterable[str]) -> None:
    """Check that no name has a control character, or begins or ends with a space.

    Some file formats lose control characters, and people do not see the spaces.

    Raises
    ------
    InputError
        When a name has; the message says which.
    """
    for name in names:
        if name != name.strip():
            raise InputError(
                file,
                place,
                f"the name {name!r} begins or ends with a space",
                expected="names without spaces around them",
                remedy="Remove the spaces.",
            )
        if re.search(r"[\x00-\x1f\x7f]", name):
            raise InputError(
                file,
                place,
                f"the name {name!r} has a control character",
                expected="names without line breaks, tabs and the like",
                remedy="Rename it.",
            )

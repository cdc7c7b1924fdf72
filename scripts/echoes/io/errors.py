"""What can go wrong: input that cannot be used, and a solver that misses its tolerance."""

from __future__ import annotations

import os
from collections.abc import Sequence


class InputError(Exception):
    """Input that cannot be used, described for the person who can mend it.

    Parameters
    ----------
    file
        The file at fault. It may also be a configuration key.
    place
        Where in the file: a column, a row, a line. Empty for the whole file.
    problem
        What stands there.
    expected
        What was expected in its place.
    remedy
        What to do about it.
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
        super().__init__(f"{where}: {problem}; expected {expected}. {remedy}")


class NotConvergedError(ArithmeticError):
    """A solver that missed its tolerance."""


def abbreviate(items: Sequence[object], limit: int = 5) -> str:
    """Name the first few items of a list, and count the others.

    Parameters
    ----------
    items
        What to name, in the order to name it.
    limit
        How many are named.

    Returns
    -------
    str
        For instance ``A, B, C, D, E and 3 more``.
    """
    named = ", ".join(str(item) for item in items[:limit])
    left = len(items) - limit
    return f"{named} and {left} more" if left > 0 else named

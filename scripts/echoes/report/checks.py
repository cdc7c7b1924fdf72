"""The table of what was checked in a screen, for people to read."""

from __future__ import annotations

import re
from collections.abc import Sequence


def checks_table(checks: Sequence[tuple[str, str, Sequence[str]]]) -> str:
    """Write what was checked in a screen, what was found, and what looks wrong, in Markdown.

    Parameters
    ----------
    checks
        What was looked at, what was found, and sentences on what looks wrong.
    """
    lines = ["| check | found | |", "|---|---|---|"]
    for name, figure, warnings in checks:
        verdict = "<br>".join(["**Warning:** " + _escape(each) for each in warnings]) or "passed"
        lines.append(f"| {name} | {_escape(figure)} | {verdict} |")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Escape what Markdown would take for markup: names come from files."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)

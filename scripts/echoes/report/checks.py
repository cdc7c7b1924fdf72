"""The table of what was checked in a screen, for people to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from echoes.io.files import StrPath


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


def read_checks(path: StrPath) -> list[tuple[str, str, str]]:
    """Read the table of `checks_table`: what, what was found, and the verdict, as plain text."""
    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines()[2:]:
        # A bar that is escaped is text.
        what, figure, verdict = re.split(r"(?<!\\)\|", line)[1:4]
        told = verdict.strip().replace("<br>", " ").replace("**Warning:** ", "")
        rows.append((_plain(what), _plain(figure), _plain(told)))
    return rows


def _plain(text: str) -> str:
    """Take the marks of `_escape` away."""
    return re.sub(r"\\([\\`*_{}\[\]<>#|])", r"\1", text).strip()


def _escape(text: str) -> str:
    """Escape what Markdown would take for markup: names come from files."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)

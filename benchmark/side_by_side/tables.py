"""Numbers and tables of the report, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from side_by_side.process import Record

#: Section → what was measured.
Records = Mapping[str, Record]


@dataclass(frozen=True)
class Bar:
    """What the project must meet: ratios (unit ×) from below, all else from above.

    Parameters
    ----------
    what
        Its name in the report.
    limit, unit
        What is wanted.
    value
        Computes it from what was measured; None where that has not been measured.
    """

    what: str
    limit: float
    unit: str
    value: Callable[[Records], float | None]

    @property
    def wanted(self) -> str:
        """The limit as text."""
        return f"≥ {self.limit:,}×" if self.unit == "×" else f"≤ {self.limit:,} {self.unit}"

    def holds(self, value: float) -> bool:
        """Whether a value meets it."""
        return value >= self.limit if self.unit == "×" else value <= self.limit


def number(value: float, digits: int = 3) -> str:
    """Write a number in so many significant digits, without an exponent."""
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e" in text or abs(value) >= 10**digits else text


def small(value: float | None) -> str:
    """Write a residual, an error or a gap."""
    return "–" if value is None else f"{value:.1e}"


def times(theirs: float, ours: float) -> str:
    """Write how many times longer theirs takes."""
    return f"{number(theirs / ours)}×"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table, its first column to the left and the others to the right."""
    rule = ["---", *(["---:"] * (len(header) - 1))]
    return ["", *(f"| {' | '.join(row)} |" for row in (header, rule, *rows)), ""]


def cells(record: Mapping[str, Any], *keys: str) -> list[str]:
    """Write numbers of a record: whole ones in full, others in three digits."""
    values = [record[key] for key in keys]
    return [f"{value:,}" if isinstance(value, int) else number(value) for value in values]


def by_seconds(stages: Mapping[str, Record]) -> list[tuple[str, Record]]:
    """Sort rules, those that took longest first."""
    return sorted(stages.items(), key=lambda item: -float(item[1]["seconds"]))


def stages_table(stages: Mapping[str, Record]) -> list[str]:
    """Write the table of the rules of a run, those that took longest first."""
    return table(
        ["rule", "jobs", "sum of times, s"],
        ([f"`{name}`", *cells(stage, "jobs", "seconds")] for name, stage in by_seconds(stages)),
    )


def of_method(records: Sequence[Record], method: str) -> Record:
    """Look up a method's record."""
    return next(record for record in records if record["method"] == method)

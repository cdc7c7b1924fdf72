"""How many folds are there, and how long the others may take."""

from __future__ import annotations

from collections.abc import Sequence


def part_size(folds: int, part: int, parts: int) -> int:
    """Count the folds of a part: every `parts`-th one, from number `part` on."""
    return len(range(part, folds, parts))


def time_left(ends: Sequence[float], jobs: int) -> float | None:
    """Tell how long jobs will take at the pace of those that have ended.

    Nothing is known of the pace while those that started together are under way, as their number
    is not: it is told once as much time has passed since the first end as before it, or as many
    jobs have ended as are left. Jobs under way count for nothing, so that the time is too long at
    first, up to twice; it is never too short by more than one job, where jobs are of one length.

    Parameters
    ----------
    ends
        When jobs of the same kind ended, in order; seconds since the first of them started.
    jobs
        How many are left.

    Returns
    -------
    float or None
        Seconds from the last end on; None where they are not known, or nothing is left.
    """
    if not jobs or not ends or (ends[-1] < 2 * ends[0] and len(ends) < jobs):
        return None
    return jobs * ends[-1] / len(ends)


def describe(name: str, done: int, folds: int, left: float | None = None) -> str:
    """Write in a line how many of an experiment's folds are done, and the seconds left if known."""
    text = f"{name}: {done} of {folds} folds"
    return text if left is None else f"{text}, about {_duration(left)} left"


def _duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"

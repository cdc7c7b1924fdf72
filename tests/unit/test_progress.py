"""What is told of folds while they are made, against values worked out by hand."""

from __future__ import annotations

import pytest

from echoes.models.inner_loop import assign_folds
from echoes.report.progress import describe, part_size, time_left


@pytest.mark.parametrize("folds", [1, 6, 7, 24])
@pytest.mark.parametrize("parts", [1, 2, 4, 9])
def test_parts_are_as_large_as_they_are_dealt(folds: int, parts: int) -> None:
    dealt = assign_folds(range(folds), folds)
    sizes = [part_size(folds, part, parts) for part in range(parts)]
    assert sizes == [len(dealt[part::parts]) for part in range(parts)]
    assert sum(sizes) == folds


@pytest.mark.parametrize(
    ("ends", "jobs", "seconds"),
    [
        # Nothing has ended, or nothing is left.
        ([], 5, None),
        ([2.0, 2.0], 0, None),
        # Two at once: only when a third has ended is it known that the others were not under way.
        ([10.0], 9, None),
        ([10.0, 10.1], 8, None),
        ([10.0, 10.1, 20.0], 7, 7 * 20 / 3),
        ([10.0, 10.1, 20.0, 20.2], 6, 6 * 20.2 / 4),
        # All at once: nothing is told until half of them have ended.
        ([60.0, 61.0, 62.0], 4, None),
        ([60.0, 61.0, 62.0, 63.0], 4, 63.0),
        ([60.0, 61.0, 62.0, 63.0, 64.0], 3, 3 * 64 / 5),
        # One of two.
        ([5.0], 1, 5.0),
    ],
)
def test_time_left(ends: list[float], jobs: int, seconds: float | None) -> None:
    assert time_left(ends, jobs) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("workers", [1, 2, 7, 40, 64, 100])
def test_too_long_at_first_but_never_too_short(workers: int) -> None:
    length, total = 30.0, 80
    ends = [length * (1 + job // workers) for job in range(total)]
    told = 0
    for done in range(1, total):
        seconds = time_left(ends[:done], total - done)
        if seconds is not None:
            left = ends[-1] - ends[done - 1]
            assert left - length <= seconds <= 2 * (left + length)
            told += 1
    assert told >= total / 2 - 1


def test_the_words() -> None:
    assert describe("echo", 24, 24) == "echo: 24 of 24 folds"
    assert describe("echo", 2, 24, 0.2) == "echo: 2 of 24 folds, about 1 s left"
    assert describe("echo", 2, 24, 89.4) == "echo: 2 of 24 folds, about 89 s left"
    assert describe("echo", 2, 24, 190) == "echo: 2 of 24 folds, about 3 min left"
    assert describe("echo", 2, 24, 2.5 * 3600) == "echo: 2 of 24 folds, about 2.5 h left"

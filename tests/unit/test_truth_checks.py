"""Whether a table of truth fits the means of the same perturbations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from echoes.screen.truth_checks import _misplaced


def screen_of(truth: Any, responses: Any) -> Any:
    return SimpleNamespace(truth=truth, responses=responses)


def by_cosines(truth: Any, responses: Any) -> list[int]:
    """Compare all cosines in double precision."""
    cosine = truth @ responses.T
    cosine /= np.linalg.norm(truth, axis=1)[:, None] * np.linalg.norm(responses, axis=1)
    own = np.diag(cosine).copy()
    np.fill_diagonal(cosine, -np.inf)
    return np.flatnonzero(own < cosine.max(axis=1)).tolist()


@pytest.mark.parametrize("seed", range(6))
def test_misplaced_rows_are_those_of_all_cosines(seed: int) -> None:
    random = np.random.default_rng(seed)
    responses = random.normal(size=(20, 30))
    # Some rows are close to others: from far below what single precision tells apart to far above.
    for row, digits in enumerate((6, 5, 4, 3, 2, 1)):
        responses[row + 10] = responses[row] + 10.0**-digits * random.normal(size=30)
    truth = responses[random.permutation(20)] if seed % 2 else responses.copy()
    truth += 1e-13 * random.normal(size=truth.shape)
    assert _misplaced(screen_of(truth, responses)).tolist() == by_cosines(truth, responses)


def test_of_rows_that_are_alike_none_is_misplaced() -> None:
    same = np.ones((5, 8))
    assert not len(_misplaced(screen_of(same, same)))

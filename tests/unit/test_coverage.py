"""Coverage of prediction intervals, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from echoes.scoring.coverage import LEVELS, ONE_DEVIATION, coverage, coverage_name

NORMAL = 0.682689492137


def test_shares_by_hand() -> None:
    truth = np.array([[0.0, 1.0, 2.0, -4.0], [1.0, 1.0, 1.0, 1.0]])
    prediction, spread = np.zeros((2, 4)), np.array([[1.0, 1.0, 2.0, 2.0], [1.0, 0.5, 2.0, 0.25]])
    # The rows come from different fits; errors in spreads are 0, 1, 1, 2 and 1, 2, 0.5, 4.
    quantiles = np.array([[0.25, 1.0, 4.0], [0.0, 1.5, 2.0]])
    shares = coverage(truth, prediction, spread, quantiles, np.array([1, 0]))
    assert shares.tolist() == [[0.25, 0.75, 1.0], [0.0, 0.5, 1.0]]


def test_an_error_that_is_said_to_be_impossible_is_not_covered() -> None:
    truth, nothing = np.array([[0.0, 0.5]]), np.zeros((1, 2))
    shares = coverage(truth, nothing, nothing, np.full((1, 1), 1000.0), np.zeros(1, dtype=np.intp))
    assert shares.tolist() == [[0.5]]


def test_levels() -> None:
    assert list(LEVELS) == sorted(set(LEVELS))
    assert ONE_DEVIATION in LEVELS
    assert pytest.approx(NORMAL, abs=1e-4) == ONE_DEVIATION
    names = [coverage_name(level) for level in LEVELS]
    assert names == ["coverage_50", "coverage_68.27", "coverage_80", "coverage_90", "coverage_95"]

"""Medians of parts side by side are those of each part alone."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoes.io.arrays import Floats, Ints
from echoes.models import part_medians
from echoes.models.medians import INNER_TOLERANCE, Medians

always_the_same = settings(derandomize=True, deadline=None, max_examples=80)


def compare(
    medians: Medians,
    left_out: list[Ints],
    near: Floats,
    window: int = part_medians._SMALLEST_WINDOW,
) -> None:
    for tolerance in (0.0, INNER_TOLERANCE):
        with mock.patch.object(part_medians, "_SMALLEST_WINDOW", window):
            ours = part_medians.reweighted_of_parts(medians, left_out, near, tolerance)
        for found, rows in zip(ours, left_out, strict=True):
            np.testing.assert_array_equal(found, medians.without(rows).reweighted(tolerance))


@always_the_same
@given(st.integers(0, 2**32), st.integers(1, 9), st.sampled_from([1, 3, 64]))
def test_agree_with_each_part_alone(seed: int, decimals: int, window: int) -> None:
    random = np.random.default_rng(seed)
    m, genes = random.integers(12, 60), 9
    # Few decimals give many ties.
    values = random.standard_normal((m, genes)).round(min(decimals, 4))
    weights = random.gamma(1.0, size=(m, genes)) * (random.random((m, genes)) < 0.8)
    # A column without weights, one with a weight in one row, and one that is constant.
    weights[:, 0], weights[:, 1], values[:, 2] = 0.0, np.arange(m) == 3, 1.0
    medians = Medians(values, weights)
    parts = [np.sort(part) for part in np.array_split(random.permutation(m), 5)]
    near = medians.reweighted()
    compare(medians, parts, near, window)
    # Wherever one starts.
    compare(medians, parts, values[random.integers(m)], window)
    compare(medians, parts, near + 10, window)


@pytest.mark.parametrize("rows", [3, 10, 80, 407])
def test_of_any_number_of_rows(rows: int) -> None:
    random = np.random.default_rng(rows)
    values = random.standard_t(3, size=(rows, 20)).round(3)
    medians = Medians(values, random.gamma(0.3, size=values.shape))
    parts = [np.arange(first, rows, 10) for first in range(min(rows, 10))]
    compare(medians, parts, medians.reweighted())


def test_of_a_table_with_gaps() -> None:
    random = np.random.default_rng(0)
    values = np.where(random.random((30, 8)) < 0.3, np.nan, random.standard_normal((30, 8)))
    medians = Medians(values, np.where(np.isnan(values), 0.0, 1.0))
    compare(medians, [np.arange(5), np.array([7, 20])], medians.reweighted())

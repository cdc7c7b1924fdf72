"""Screens of a pseudobulk in the layout of Replogle et al. 2022, against plain loops."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cell_files import Cells, slow_prior, write_cells
from echoes.io.errors import InputError
from echoes.io.h5ad import open_h5ad
from echoes.io.h5ad_matrix import find_matrix
from echoes.screen.cells import CellScreen, gene_names
from echoes.screen.pseudobulk import LAYOUTS, read_pseudobulk, screen_of_pseudobulk

NAMES = [
    *("1_AAA_P1P2_ENSG01", "2_BBB_P1_ENSG02", "3_BBB_P2_ENSG02", "4_CCC-DT_P1_ENSG03"),
    *(f"1{i}_non-targeting_non-targeting_non-targeting" for i in range(6)),
]
CELLS = np.array([50.0, 20, 30, 3, 40, 60, 50, 70, 30, np.nan])
CORE = [False, False, False, False, True, True, True, True, False, True]
SYMBOLS = ["AAA", "BBB", "CCC-DT", "DUP", "DUP", "EEE", "FFF", "GGG"]


def molecules() -> np.ndarray:
    rng = np.random.default_rng(0)
    mean = np.repeat(rng.lognormal(0, 1, 8)[None], 10, axis=0)
    mean[[0, 1, 2, 3], [0, 1, 1, 2]] *= 0.2
    return rng.poisson(mean * np.nan_to_num(CELLS, nan=1)[:, None]).astype(float)


def write(path: Path, controls: list[bool] = CORE, kind: str = "dense") -> Path:
    """Write means of UMIs per cell, as single precision."""
    means = (molecules() / np.nan_to_num(CELLS, nan=1)[:, None]).astype(np.float32)
    cells = Cells(means, [f"ENSG{i:02}" for i in range(8)], {}, NAMES, {"gene_name": SYMBOLS})
    write_cells(path, cells, kind=kind)
    with h5py.File(path, "a") as file:
        file["obs/num_cells_filtered"] = CELLS
        file["obs/core_control"] = np.array(controls)
    return path


def screen(path: Path, **options: Any) -> CellScreen:
    layout = LAYOUTS["replogle_pseudobulk"]
    chosen = {"rows_of_a_gene": "merged", "fewest_cells": 1, "fewer_cells": "refuse"} | options
    with open_h5ad(path) as h5ad:
        matrix = find_matrix(h5ad, "X")
        rows = read_pseudobulk(matrix, layout, **chosen)
        genes = gene_names(h5ad, matrix.var, layout.genes, add_ids=True)
        return screen_of_pseudobulk(matrix, rows, genes, most_genes=None, lowest_expression=None)


def slow_expression(row: list[float]) -> list[float]:
    return [math.log2(1 + 1e4 * value / sum(row)) for value in row]


@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
def test_pseudobulk(tmp_path: Path, kind: str) -> None:
    found = screen(write(tmp_path / "a.h5ad", kind=kind))
    assert found.screen.perturbations.tolist() == ["AAA", "BBB", "CCC-DT"]
    assert found.screen.silenced.tolist() == ["AAA", "BBB", "CCC-DT"]
    assert found.screen.genes.tolist()[3:5] == ["DUP (ENSG03)", "DUP (ENSG04)"]

    means = (molecules() / np.nan_to_num(CELLS, nan=1)[:, None]).astype(np.float32).astype(float)
    sums = (means * CELLS[:, None]).tolist()

    def add(rows: list[int]) -> list[float]:
        return [sum(sums[i][g] for i in rows) for g in range(8)]

    groups, used = [[0], [1, 2], [3]], [4, 5, 6, 7]
    control = slow_expression(add(used))
    rows = {i: slow_expression(sums[i]) for i in used}
    count = sum(CELLS[i] for i in used)
    variance = []
    for g in range(8):
        mean = sum(CELLS[i] * rows[i][g] for i in used) / count
        variance.append(sum(CELLS[i] * (rows[i][g] - mean) ** 2 for i in used) / 3)
    d, s = slow_prior(variance, 3)
    np.testing.assert_allclose(found.screen.control, control, rtol=1e-12)
    for p, members in enumerate(groups):
        cells = sum(CELLS[i] for i in members)
        raw = []
        for g, value in enumerate(slow_expression(add(members))):
            delta = value - control[g]
            moderated = s if math.isinf(d) else (d * s + 3 * variance[g]) / (d + 3)
            error = math.sqrt(moderated * (1 / cells + 1 / count))
            assert found.screen.responses[p, g] == pytest.approx(delta, rel=1e-12, abs=1e-12)
            assert found.t[p, g] == pytest.approx(delta / error, rel=1e-11, abs=1e-11)
            raw.append(0.0 if g == p else min(abs(delta / error) + 0.1, 10) ** 2)
        expected = [8 * w / sum(raw) for w in raw]
        np.testing.assert_allclose(found.screen.weights[p], expected, rtol=1e-11)
        share = [add(rows)[p] / sum(add(rows)) for rows in (members, used)]
        assert found.facts.expression_left[p] == pytest.approx(share[0] / share[1], rel=1e-12)
    assert found.facts.cells.tolist() == [50, 50, 3]
    assert sum(found.facts.controls.values()) == 220


def test_rows_apart_and_few_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad")
    apart = screen(path, rows_of_a_gene="apart").screen
    assert apart.perturbations.tolist() == NAMES[:4]
    assert apart.silenced.tolist() == ["AAA", "BBB", "BBB", "CCC-DT"]
    found = screen(path, fewest_cells=10, fewer_cells="leave_out")
    assert found.facts.too_few == {"CCC-DT": 3}
    with pytest.raises(InputError, match=r"1 of 3 perturbations have fewer cells than 10: CCC-DT"):
        screen(path, fewest_cells=10)


def test_with_two_controls_all_weights_are_1(tmp_path: Path) -> None:
    found = screen(write(tmp_path / "a.h5ad", controls=[False] * 4 + [True, True] + [False] * 4))
    assert (found.screen.weights == 1).all()
    assert np.isnan(found.t).all()
    assert found.prior is None


def test_pseudobulks_that_cannot_be_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5ad", controls=[False] * 10)
    with pytest.raises(InputError, match="column core_control: none of 6 controls can be used"):
        screen(path)
    path = write(tmp_path / "b.h5ad")
    with h5py.File(path, "a") as file:
        file["X"][2, 5] = -0.3
    with pytest.raises(InputError, match=r"gene ENSG05: -0\.3 is no number of"):
        screen(path)
    with h5py.File(path, "a") as file:
        del file["obs/num_cells_filtered"]
    with pytest.raises(InputError, match="there is no column 'num_cells_filtered'"):
        screen(path)

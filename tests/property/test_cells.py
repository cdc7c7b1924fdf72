"""Sums over cells do not depend on the size of a block, for any counts, groups and batches."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cell_files import Cells, logarithms, write_cells
from echoes.io.h5ad import open_h5ad
from echoes.io.h5ad_matrix import find_matrix
from echoes.screen.cell_groups import LAYOUTS, group_cells
from echoes.screen.cell_sums import sum_cells
from echoes.screen.guides import GENE_NAMES
from echoes.screen.half_sums import HalfSums


@st.composite
def screens(draw: st.DrawFn) -> Cells:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    cells, genes = draw(st.integers(2, 400)), draw(st.integers(1, 12))
    mean = draw(st.sampled_from([0.02, 0.5, 3.0, 100.0]))
    names = ["non-targeting", *(f"g{i}" for i in range(draw(st.integers(1, 12))))]
    labels = rng.choice(names, cells).tolist()
    labels[0], labels[-1] = "non-targeting", "g0"
    batches = [f"b{i}" for i in rng.integers(0, draw(st.integers(1, 4)), cells)]
    batches[-1] = batches[0]
    values = rng.poisson(mean, (cells, genes)).astype(np.float32)
    return Cells(values, [f"g{i}" for i in range(genes)], {"target_gene": labels, "batch": batches})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cells")


@given(cells=screens(), kind=st.sampled_from(["csr", "csc", "dense"]), limit=st.integers(1, 3000))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_sums_do_not_depend_on_the_size_of_a_block(
    folder: Path, cells: Cells, kind: str, limit: int
) -> None:
    layout = dataclasses.replace(LAYOUTS["cell_eval"], batch="batch")
    path = write_cells(folder / "a.h5ad", cells, kind=kind)
    with open_h5ad(path) as h5ad:
        matrix = find_matrix(h5ad, "X")
        groups = group_cells(
            h5ad,
            layout,
            guides=GENE_NAMES,
            guides_of_a_gene="merged",
            several_genes="refuse",
            fewest_cells=1,
            fewer_cells="leave_out",
        )
        targets = np.array(
            [cells.genes.index(g) if g in cells.genes else -1 for g in groups.silenced]
        )
        half = HalfSums(groups, len(cells.genes))
        sums = sum_cells(
            matrix,
            groups,
            targets,
            scale="counts",
            threads=2,
            first_half=half,
            block_entries=limit,
        )
    x = np.array(logarithms(cells.values))
    total = cells.values.sum(axis=1, dtype=float, keepdims=True)
    shares = 1e4 * cells.values / np.where(total > 0, total, 1)
    close = {"rtol": 1e-12, "atol": 1e-12}
    count = len(groups.perturbations)
    dealt = [*half.chosen.tolist(), *range(count, count + len(groups.batches))]
    for code in range(count + len(groups.batches)):
        here = groups.codes == code
        np.testing.assert_allclose(sums.sums[code], x[here].sum(axis=0), **close)
        if code in dealt:
            mine = np.flatnonzero(here)
            mine = mine[np.argsort(groups.batch[mine], kind="stable")][::2]
            row = half.sums[dealt.index(code)]
            np.testing.assert_allclose(row, x[mine].sum(axis=0), **close)
        if code >= count:
            expected = shares[here].sum(axis=0)
            np.testing.assert_allclose(sums.control_shares[code - count], expected, **close)
            perturbed = (
                (groups.batch == code - count) & (groups.codes < count) & (groups.codes >= 0)
            )
            np.testing.assert_allclose(
                sums.perturbed[code - count], x[perturbed].sum(axis=0), **close
            )
        elif targets[code] >= 0:
            expected = shares[here, targets[code]].sum()
            np.testing.assert_allclose(sums.silenced_shares[code], expected, **close)
        else:
            assert np.isnan(sums.silenced_shares[code])
    used = groups.codes >= 0
    np.testing.assert_allclose(sums.squares, np.square(x[used]).sum(axis=0), **close)
    assert sums.molecules is not None
    assert np.array_equal(sums.molecules, np.where(used, total[:, 0], 0))
    assert np.array_equal(sums.detected, np.where(used, (cells.values > 0).sum(axis=1), 0))

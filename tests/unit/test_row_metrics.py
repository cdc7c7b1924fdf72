"""Metrics of rows do not depend on how many rows are computed together."""

from __future__ import annotations

import tracemalloc
from importlib import import_module

import numpy as np
import pytest

from echoes.io import arrays
from echoes.scoring import discrimination, gene_sampling
from echoes.scoring.gene_sampling import Genes, describe_genes
from echoes.scoring.held_out import compute_metrics
from echoes.scoring.out_of_fold import OutOfFold
from echoes.scoring.overall import Metrics

N, GENES, FITS = 23, 130, 3


def metrics(*, gaps: bool, threads: int = 1) -> Metrics:
    """Metrics of predictions of pairs of genes, with intervals and bounds."""
    random = np.random.default_rng(5)
    truth = random.normal(size=(N, GENES)) / 5
    weights = random.gamma(1.0, size=(N, GENES))
    predictions = OutOfFold(
        rows=np.arange(N),
        prediction=truth / 2 + random.normal(size=(N, GENES)) / 10,
        fold=np.arange(N) % FITS,
        centre=random.normal(size=(FITS, GENES)) / 20,
        mean=random.normal(size=(FITS, GENES)) / 20,
        spread=random.gamma(2.0, size=(N, GENES)) / 20,
        quantiles=np.tile([0.7, 1.0, 1.3, 1.6, 2.0], (FITS, 1)),
        inner_score=np.zeros(FITS),
        seconds=np.zeros(FITS),
        choices={},
    )
    if gaps:
        truth[random.random((N, GENES)) < 0.1] = np.nan
        weights[np.isnan(truth)] = 0.0
    silenced = random.integers(-1, GENES, (N, 2))
    genes = describe_genes(truth, silenced)
    return compute_metrics(
        *(truth, weights, np.ones(N), silenced, predictions),
        ranking=0.1,
        sampled=genes,
        threads=threads,
    )


@pytest.mark.parametrize("gaps", [False, True])
def test_blocks_change_nothing(gaps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = metrics(gaps=gaps)
    monkeypatch.setattr(arrays, "_BLOCK", 5 * GENES)
    monkeypatch.setattr(discrimination, "_PREDICTIONS", 4)
    monkeypatch.setattr(discrimination, "_TRUTHS", 3)
    monkeypatch.setattr(gene_sampling, "_PAIRS", 3 * N)
    assert len(arrays.row_blocks(N, GENES)) == 5
    parts = metrics(gaps=gaps, threads=2)
    assert parts.score.total == whole.score.total
    assert list(parts.perturbations) == list(whole.perturbations)
    for name, values in whole.perturbations.items():
        np.testing.assert_allclose(parts.perturbations[name], values, rtol=1e-12, err_msg=name)
    for name, values in whole.genes.items():
        np.testing.assert_allclose(parts.genes[name], values, rtol=1e-12, err_msg=name)
    for name, bounds in whole.bounds.items():
        np.testing.assert_allclose(parts.bounds[name], bounds, rtol=1e-9, err_msg=name)


def test_blocks_of_rows() -> None:
    assert arrays.row_blocks(0, 7) == [slice(0, 0)]
    assert arrays.row_blocks(5, 0) == [slice(0, 5)]
    wide = arrays.row_blocks(3, 10**9)
    assert wide == [slice(0, 1), slice(1, 2), slice(2, 3)]


def test_no_further_table_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, genes = 1200, 1500
    random = np.random.default_rng(7)
    truth, prediction, weights = abs(random.normal(size=(3, rows, genes)))
    predictions = OutOfFold(
        *(np.arange(rows), prediction, np.arange(rows) % 2, *random.normal(size=(2, 2, genes))),
        *(np.empty((rows, 0)), np.empty((2, 0)), np.zeros(2), np.zeros(2), {}),
    )
    silenced = random.integers(-1, genes, rows)
    monkeypatch.setattr(discrimination, "_PREDICTIONS", 32)
    monkeypatch.setattr(arrays, "_BLOCK", 1 << 15)
    sampled = Genes(np.full(genes, 1 / genes), 0.01)
    # Modules are no tables.
    for module in ("scipy.sparse", "scipy.spatial.distance", "scipy.special"):
        import_module(module)
    tracemalloc.start()
    compute_metrics(
        *(truth, weights, np.ones(rows), silenced, predictions), ranking=0.5, sampled=sampled
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.75 * truth.nbytes

"""Files of our own making, as anndata, scanpy and cell-eval read them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest
import scanpy
from cell_eval import MetricsEvaluator

from echoes.report import export
from echoes.report.export import save_h5ad
from exports import CONTROL, GENES, PROVENANCE, G, N, V, responses


@pytest.fixture
def written(tmp_path: Path) -> Path:
    save_h5ad(tmp_path / "a.h5ad", responses(), PROVENANCE, control=CONTROL)
    return tmp_path / "a.h5ad"


def read(path: Path) -> Any:
    return anndata.read_h5ad(path)


def test_anndata_reads_what_was_written(written: Path) -> None:
    data, record = read(written), responses()
    assert data.obs_names.tolist() == record.perturbations.tolist()
    assert (data.obs_names.name, data.var_names.name) == ("perturbation", "gene")
    assert data.var_names.tolist() == GENES.tolist()
    assert data.var["control"].tolist() == CONTROL.tolist()
    assert [*data.var.columns] == ["control"]
    assert [*data.obs.columns] == ["silenced_gene", "split", "fold"]
    assert data.obs["silenced_gene"].tolist() == record.silenced.tolist()
    assert data.obs["split"].tolist() == record.split.tolist()
    assert data.obs["split"].dtype == "category"
    assert data.obs["fold"].tolist()[:N] == [1, 0, 1, 2, 0]
    assert data.obs["fold"].isna().tolist() == [False] * N + [True] * (V + 1)
    assert {*data.layers} == {"measured", "expected_error"}
    for values, expected in (
        (data.X, record.predicted),
        (data.layers["measured"], record.measured),
        (data.layers["expected_error"], record.expected_error),
    ):
        np.testing.assert_array_equal(values, expected)
    assert data.uns["program"] == "echoes 0.1"
    assert json.loads(data.uns["settings"]) == PROVENANCE["settings"]


def test_the_file_is_encoded_as_anndata_encodes_it(written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.h5ad"
    read(written).write_h5ad(again)

    def elements(path: Path) -> dict[str, Any]:
        listed: dict[str, Any] = {}

        def note(name: str, element: Any) -> None:
            attributes = {
                key: value.tolist() if hasattr(value, "tolist") else value
                for key, value in element.attrs.items()
            }
            listed[name] = (str(getattr(element, "dtype", "")), attributes)

        with h5py.File(path) as file:
            note("/", file)
            file.visititems(note)
        return listed

    assert elements(written) == elements(again)


def test_without_errors_and_without_rows(tmp_path: Path) -> None:
    record = responses(errors=False)
    save_h5ad(tmp_path / "a.h5ad", record, {}, control=None)
    data = read(tmp_path / "a.h5ad")
    assert ([*data.layers], [*data.var.columns]) == (["measured"], [])
    empty = np.empty((0, G))
    nothing = export.validation_responses(
        np.empty(0, str), np.empty(0, str), GENES, predicted=empty, expected_error=None
    )
    save_h5ad(tmp_path / "b.h5ad", nothing, {}, control=None)
    assert read(tmp_path / "b.h5ad").shape == (0, G)


def test_scanpy_groups_and_averages(written: Path) -> None:
    means = scanpy.get.aggregate(read(written), by="silenced_gene", func="mean")
    record = responses()
    for gene in ("A", "F"):
        rows = record.silenced == gene
        at = means.obs_names.tolist().index(gene)
        np.testing.assert_allclose(
            means.layers["mean"][at], record.predicted[rows].mean(axis=0), rtol=1e-12
        )


def test_cell_eval_compares_predictions_with_what_was_measured(tmp_path: Path) -> None:
    record = responses()
    record = dataclasses.replace(record, measured=np.nan_to_num(record.measured))
    save_h5ad(tmp_path / "a.h5ad", record, {}, control=CONTROL)
    predicted = read(tmp_path / "a.h5ad")
    predicted = predicted[predicted.obs["split"] != "validation"].copy()
    measured = predicted.copy()
    # It takes expression, no differences; it computes the differences to the control itself.
    control = predicted.var["control"].to_numpy()
    measured.X = measured.layers["measured"] + control
    predicted.X += control
    results, _ = MetricsEvaluator(
        adata_pred=predicted,
        adata_real=measured,
        control_pert="non-targeting",
        pert_col="silenced_gene",
        outdir=str(tmp_path / "out"),
        skip_de=True,
    ).compute(profile="anndata", write_csv=False, break_on_error=True)
    correlation = dict(zip(results["perturbation"], results["pearson_delta"], strict=True))
    assert {*correlation} == {"A", "B", "C", "D"}
    for gene, value in correlation.items():
        rows = record.silenced == gene
        pair = record.predicted[rows].mean(axis=0), record.measured[rows].mean(axis=0)
        assert value == pytest.approx(np.corrcoef(*pair)[0, 1], rel=1e-5)

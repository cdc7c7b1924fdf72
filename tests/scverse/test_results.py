"""The files of a run of the workflow, as anndata, pandas, scanpy and cell-eval read them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy
import scipy.stats
from cell_eval import MetricsEvaluator

from workflow.conftest import SIMULATION, Workspace

DATA = "results/simulated"
EXPERIMENTS = ["published", "echo"]


def table(path: Path) -> pd.DataFrame:
    """Read a table whose first column has the names of the rows; each number to the last bit."""
    return pd.read_csv(path, index_col=0, float_precision="round_trip")


def read(work: Workspace, experiment: str) -> Any:
    return anndata.read_h5ad(work.file("predictions.h5ad", experiment))


def of(data: Any, split: str) -> Any:
    return data[data.obs["split"] == split].copy()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_predictions_are_those_of_the_tables(finished: Workspace, experiment: str) -> None:
    data = read(finished, experiment)
    known = table(finished.file("oof_predictions.csv", experiment))
    part = of(data, "out_of_fold")
    assert part.obs_names.tolist() == known.index.tolist()
    assert part.var_names.tolist() == known.columns.tolist()
    np.testing.assert_array_equal(part.X, known.to_numpy())

    submission = table(finished.file("submission.csv", experiment))
    genes_to_predict = pd.read_csv(finished.path / DATA / "pert_ids_val.csv").set_index("pert_id")
    part = of(data, "validation")
    assert part.obs_names.tolist() == genes_to_predict.index.tolist()
    assert part.obs["silenced_gene"].tolist() == genes_to_predict["pert"].tolist()
    assert part.obs["fold"].isna().all()
    np.testing.assert_array_equal(part.X, submission.loc[part.obs_names, part.var_names])
    assert np.isnan(part.layers["measured"]).all()

    part = of(data, "control")
    assert part.obs_names.tolist() == ["non-targeting"]
    assert not part.X.any()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_what_was_measured_is_that_of_the_tables(finished: Workspace, experiment: str) -> None:
    part = of(read(finished, experiment), "out_of_fold")
    truth = table(finished.path / DATA / "training_data_ground_truth_table.csv")
    expected = truth.loc[part.obs_names, part.var_names].to_numpy()
    np.testing.assert_allclose(part.layers["measured"], expected, rtol=1e-12)
    means = table(finished.path / DATA / "training_data_means.csv")
    control = means.loc["non-targeting", part.var_names].to_numpy()
    np.testing.assert_allclose(part.var["control"], control, rtol=1e-12)


def test_the_expected_errors_are_those_of_the_table(finished: Workspace) -> None:
    data = read(finished, "echo")
    assert "expected_error" not in read(finished, "published").layers
    errors = pd.read_parquet(finished.file("uncertainty.parquet", "echo")).set_index("perturbation")
    rows = [name for name in data.obs_names if name != "non-targeting"]
    assert sorted(rows) == sorted(errors.index)
    values = data[rows].layers["expected_error"]
    np.testing.assert_allclose(values, errors.loc[rows, data.var_names], rtol=1e-6)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_file_says_where_it_comes_from(finished: Workspace, experiment: str) -> None:
    uns = read(finished, experiment).uns
    assert uns["program"].startswith("echoes ")
    assert (uns["dataset"], uns["experiment"]) == ("example", experiment)
    settings = json.loads(finished.file("settings.json", experiment).read_text(encoding="utf-8"))
    assert settings.pop("place") == f"example/{experiment}/settings.json"
    assert json.loads(uns["settings"]) == settings
    assert uns["protocol"] == settings["protocol"]
    inputs = json.loads(uns["inputs"])
    assert inputs.keys() == {"means", "truth", "validation", "links", "info"}
    for record in inputs.values():
        file = finished.path / (record.get("path") or record["source"])
        assert record["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_long_table_has_the_same_values(finished: Workspace, experiment: str) -> None:
    data = read(finished, experiment)
    data = data[data.obs["split"] != "control"]
    effects = pd.read_parquet(finished.file("effects.parquet", experiment))
    assert effects["perturbation"].tolist() == np.repeat(data.obs_names, data.n_vars).tolist()
    assert effects["gene"].tolist() == np.tile(data.var_names, data.n_obs).tolist()
    np.testing.assert_array_equal(effects["predicted"], data.X.ravel())
    np.testing.assert_array_equal(effects["measured"], data.layers["measured"].ravel())
    if experiment == "published":
        assert effects["expected_error"].isna().all()
    else:
        np.testing.assert_array_equal(
            effects["expected_error"], data.layers["expected_error"].ravel()
        )


def test_scanpy_filters_and_ranks_genes(finished: Workspace) -> None:
    data = read(finished, "echo")
    data = data[data.obs["split"] != "control"].copy()
    data.X = data.X + data.var["control"].to_numpy()
    assert (data.X >= 0).all()
    level = float(np.median(data.var["control"]))
    kept = data[:, scanpy.pp.filter_genes(data, min_counts=level * data.n_obs, inplace=False)[0]]
    expected = data.var_names[data.X.sum(axis=0) >= level * data.n_obs]
    assert 0 < kept.n_vars < data.n_vars
    assert kept.var_names.tolist() == expected.tolist()

    groups = {"groupby": "split", "groups": ["out_of_fold"], "reference": "validation"}
    scanpy.tl.rank_genes_groups(data, method="t-test", **groups)
    ranked = scanpy.get.rank_genes_groups_df(data, group="out_of_fold").set_index("names")
    one, other = (of(data, split).X for split in ("out_of_fold", "validation"))
    t = scipy.stats.ttest_ind(one, other, equal_var=False).statistic
    np.testing.assert_allclose(ranked.loc[data.var_names, "scores"], t, rtol=1e-4, atol=1e-6)


def test_cell_eval_gives_the_scores_of_the_comparison(finished: Workspace, tmp_path: Path) -> None:
    predicted = read(finished, "echo")
    predicted = predicted[predicted.obs["split"] != "validation"].copy()
    measured = predicted.copy()
    # It takes expression, and subtracts the control itself.
    control = predicted.var["control"].to_numpy()
    measured.X = measured.layers["measured"] + control
    predicted.X = predicted.X + control
    results, _ = MetricsEvaluator(
        adata_pred=predicted,
        adata_real=measured,
        control_pert="non-targeting",
        pert_col="silenced_gene",
        outdir=str(tmp_path / "out"),
        skip_de=True,
    ).compute(profile="anndata", write_csv=False, break_on_error=True)
    scores = pd.read_parquet(finished.path / "results/example/perturbation_scores.parquet")
    scores = scores[(scores["experiment"] == "echo") & (scores["metric"] == "pearson_control")]
    expected = dict(zip(scores["pert_symbol"], scores["value"], strict=True))
    found = dict(zip(results["perturbation"], results["pearson_delta"], strict=True))
    assert len(found) == SIMULATION["perturbations"]
    assert found == pytest.approx(expected, rel=1e-5)

"""An unseen cell line, from a short configuration to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

SETTINGS = Path(__file__).with_name("k562_unseen.yaml")


@pytest.fixture(scope="module")
def unseen(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small screen, predicted from four of its perturbations in other cells."""
    work = local.copy(tmp_path_factory.mktemp("unseen") / "main")
    means = pd.read_csv(work.path / "data/means.csv", index_col=0)
    deltas = means.drop("non-targeting") - means.loc["non-targeting"]
    other = deltas.iloc[:4, :-5] + np.random.default_rng(0).normal(0, 0.02, (4, 35))
    other.to_csv(work.path / "data/other.csv")
    work.change(
        priors={"other": {"deltas": "data/other.csv"}},
        crossval={"scheme": "unseen", "prior": "other"},
        inner_crossval={"folds": 2},
        baselines=["mean", "transfer"],
        experiments={
            "published": None,
            "second": None,
            "echo": {"models": ["echo"]},
            "both": {"models": ["echo", "transfer"]},
        },
    )
    work.snakemake()
    return work


def predicted(work: Any, experiment: str) -> Any:
    with np.load(work.file("held_out/0.npz", experiment)) as part:
        assert part["rows"].tolist() == list(range(6))
        return part["prediction"]


def test_the_response_of_the_other_cells_is_taken_over(unseen: Any) -> None:
    other = pd.read_csv(unseen.path / "data/other.csv", index_col=0)
    centre = other.mean()
    found = predicted(unseen, "transfer")
    np.testing.assert_allclose(found[:4, :-5], (other + centre) / 2, atol=1e-12)
    np.testing.assert_allclose(found[4:, :-5], [centre, centre], atol=1e-12)
    np.testing.assert_array_equal(found[:, -5:], 0)
    assert unseen.planned() == {}


def test_nothing_that_was_measured_in_the_unseen_cells_is_used(unseen: Any, tmp_path: Path) -> None:
    work = unseen.copy(tmp_path / "main")
    path = work.path / "data/truth.csv"
    table = pd.read_csv(path)
    genes = pd.read_csv(work.path / "data/means.csv", nrows=0).columns[1:]
    table[genes] = np.random.default_rng(1).normal(0, 0.1, table[genes].shape)
    table.to_csv(path, index=False)
    means = pd.read_csv(work.path / "data/means.csv", index_col=0)
    order = table.set_index("pert_id")[genes].loc[means.index[means.index != "non-targeting"]]
    control = means.loc["non-targeting"]
    pd.concat([order + control, means.loc[["non-targeting"]]]).rename_axis("pert_symbol").to_csv(
        work.path / "data/means.csv"
    )
    experiments = ("echo", "both", "transfer", "mean")
    work.snakemake(*(f"results/small/{name}/held_out/0.npz" for name in experiments))
    for experiment in experiments:
        np.testing.assert_array_equal(predicted(work, experiment), predicted(unseen, experiment))


def test_a_prior_that_is_not_there(unseen: Any, tmp_path: Path) -> None:
    work = unseen.copy(tmp_path / "main")
    work.change(crossval={"prior": "another"})
    assert "there is no prior another" in work.snakemake("--dry-run", fails=True).text


@pytest.mark.long
def test_k562_from_rpe1(
    pristine: Any, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("k562_unseen")
    (folder / "shared").symlink_to(shared_data.parent)
    work = pristine.copy(folder / "main")
    work.change(**yaml.safe_load(SETTINGS.read_text(encoding="utf-8")))
    work.snakemake("results/k562/comparison.csv")
    results = Path(work.path, "results/k562")
    table = pd.read_csv(results / "comparison.csv").set_index(["experiment", "metric"])
    for experiment in ("transfer", "echo"):
        row = table.loc[(experiment, "discrimination_cosine")]
        assert 0.5 < row["lower"] <= row["value"] <= row["upper"]
    differences = pd.read_csv(results / "differences.csv").query("metric == 'score'")
    lower = differences.set_index(["experiment", "reference"])["lower"]
    assert lower["transfer", "mean"] > 0
    assert lower["echo", "mean"] > 0

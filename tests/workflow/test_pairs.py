"""A screen with pairs, from a short configuration to the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ECHO = {
    "models": ["echo"],
    "diffusion": {"alphas": [0.25, 0.75]},
    "features": {"transform": "log"},
}
OPTIONS = {
    "network-genes": 120,
    "network-links": 400,
    "perturbations": 10,
    "pairs": 15,
    "interaction": 0.05,
    "validation-genes": 3,
    "response-genes": 40,
    "isolated": 1,
}


@pytest.fixture(scope="module")
def pairs(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small screen of 10 genes and 15 pairs."""
    work = local.copy(tmp_path_factory.mktemp("pairs") / "main")
    data = work.path / "data"
    subprocess.run(
        [
            *(sys.executable, work.path / "scripts/simulate_example.py", f"--folder={data}"),
            *(f"--{name}={value}" for name, value in OPTIONS.items()),
        ],
        check=True,
        capture_output=True,
    )
    single = [name for name in names(data / "training_data_means.csv") if "+" not in name]
    work.change(
        dataset={
            "means": "data/training_data_means.csv",
            "truth": "data/training_data_ground_truth_table.csv",
            "pairs": {"separator": "+"},
            "validation": {"genes": [single[0], [single[1], single[0]]]},
        },
        networks={
            "string": {
                "links": "data/9606.protein.links.v12.0.txt.gz",
                "info": "data/9606.protein.info.v12.0.txt.gz",
            }
        },
        experiments={"published": None, "second": None, "echo": ECHO},
        baselines=["mean", "additive", "nearest", "bilinear"],
        inner_crossval={"folds": 3},
    )
    work.snakemake()
    return work


def names(means: Path) -> list[str]:
    table = pd.read_csv(means)["pert_symbol"].tolist()
    return [name for name in table if name != "non-targeting"]


def test_the_walk_of_a_pair_is_the_sum_of_those_of_its_genes(pairs: Any) -> None:
    order = names(pairs.path / "data/training_data_means.csv")
    network = pairs.path / "results/small/networks/string"
    with np.load(network / "diffusion/alpha~0.75.npz") as file:
        walks = dict(zip(order, file["train"], strict=True))
    several = [name for name in order if "+" in name]
    assert len(several) == 15
    for name in several:
        total = np.sum([walks[gene] for gene in name.split("+")], axis=0)
        np.testing.assert_allclose(walks[name], total, atol=1e-12)


def test_pairs_are_told_apart_by_the_genes_seen(pairs: Any) -> None:
    folds = pd.read_csv(pairs.file("fold_scores.csv", "echo"))
    several = folds["pert_symbol"].str.contains("+", regex=False)
    assert folds.loc[~several, "genes_seen"].isna().all()
    assert folds.loc[several, "genes_seen"].value_counts().to_dict() == {0: 5, 1: 5, 2: 5}
    table = pd.read_csv(pairs.path / "results/small/pair_scores.csv")
    assert set(table["experiment"]) == {"echo", "mean", "additive", "nearest", "bilinear"}
    assert set(table["genes_seen"]) == {0, 1, 2}
    assert (table["pairs"] == 5).all()
    merged = folds[folds["genes_seen"] == 1]["mae"].mean()
    row = table.query("experiment == 'echo' and genes_seen == 1 and metric == 'mae'").iloc[0]
    assert row["value"] == pytest.approx(merged)
    assert row["value_lower"] <= row["value"] <= row["value_upper"]
    own = table.query("experiment == 'additive'")
    np.testing.assert_allclose(own["minus_additive"].dropna(), 0)
    page = (pairs.path / "results/small/report.html").read_text(encoding="utf-8")
    assert "Pairs of genes</h3>" in page


def test_the_sum_is_exact_where_both_genes_were_seen(pairs: Any) -> None:
    truth = pd.read_csv(pairs.path / "data/training_data_ground_truth_table.csv", index_col=0)
    folds = pd.read_csv(pairs.file("fold_scores.csv", "echo"))
    seen = folds.loc[folds["genes_seen"] == 2, "pert_symbol"].tolist()
    order = folds["pert_symbol"].tolist()
    found = {}
    for part in (pairs.path / "results/small/additive/held_out").glob("*.npz"):
        with np.load(part) as file:
            found |= {order[i]: p for i, p in zip(file["rows"], file["prediction"], strict=True)}
    genes = pd.read_csv(pairs.path / "data/training_data_means.csv").columns[1:]
    for name in seen:
        total = sum(truth.loc[gene, genes].to_numpy(dtype=float) for gene in name.split("+"))
        np.testing.assert_allclose(found[name], total, atol=1e-3)


def test_a_pair_that_was_asked_for(pairs: Any) -> None:
    asked = pairs.settings["dataset"]["validation"]["genes"]
    table = pd.read_parquet(pairs.file("gene_predictions.parquet", "echo"))
    pair = "+".join(sorted(asked[1]))
    assert table["perturbation"].unique().tolist() == [asked[0], pair]
    assert pairs.planned() == {}


def test_what_pairs_cannot_be_used_for_yet(pairs: Any, tmp_path: Path) -> None:
    work = pairs.copy(tmp_path / "main")
    work.change(experiments={"published": {"protocol": "published", "models": ["ridge"]}})
    text = work.snakemake("--dry-run", fails=True).text
    assert "does not know perturbations of several genes" in text

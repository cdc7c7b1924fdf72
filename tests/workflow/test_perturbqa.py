"""PerturbQA's layout, from a table of pairs with a split to the AUROC of each gene."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from perturbqa import network_effects, question_table

ROOT = Path(__file__).resolve().parents[2]
PERTURBATIONS, GENES, PAIRS = 80, 60, 25


def write_questions(data: Path) -> pd.DataFrame:
    """Write a table of pairs about genes of the small network."""
    links = pd.read_csv(data / "links.txt.gz", sep=" ")
    with gzip.open(data / "info.txt.gz", "rt") as stream:
        info = pd.read_csv(stream, sep="\t", index_col=0)["preferred_name"]
    ends = np.column_stack([
        info.index.get_indexer(links[name]) for name in ("protein1", "protein2")
    ])  # fmt: skip
    # A few proteins of the example share a name.
    linked = np.intersect1d(ends, np.flatnonzero(~info.duplicated(keep=False)))
    silenced = np.random.default_rng(3).choice(linked, PERTURBATIONS, replace=False)
    effects = network_effects(ends, len(info), silenced.tolist(), GENES)
    table = question_table(
        effects, info.iloc[silenced].tolist(), info.unique()[:GENES].tolist(), pairs=PAIRS
    )
    table.to_csv(data / "questions.csv", index=False)
    return table


@pytest.fixture(scope="module")
def answered(local: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, pd.DataFrame]:
    """A run of the ready configuration, and the table that it read."""
    work = local.copy(tmp_path_factory.mktemp("perturbqa") / "main")
    table = write_questions(work.path / "data")
    work.settings = yaml.safe_load((ROOT / "config/perturbqa.yaml").read_text("utf-8"))
    work.change(
        dataset={"name": "questions", "effects": "data/questions.csv"},
        networks={
            "string": {
                "links": "data/links.txt.gz", "info": "data/info.txt.gz", "score_threshold": 0.15
            }
        },
    )  # fmt: skip
    work.snakemake()
    assert work.planned() == {}
    return work, table


def test_the_figure_is_the_mean_over_genes(answered: tuple[Any, pd.DataFrame]) -> None:
    """Of the test pairs of each gene that has both labels, without any function of the library."""
    work, table = answered
    results = work.path / "results/questions"
    test = table[table["split"] == "test"]
    comparison = pd.read_csv(results / "comparison.csv").set_index(["experiment", "metric"])
    for name in ("echo", "echo_permuted"):
        predicted = pd.read_csv(results / name / "oof_predictions.csv", index_col=0)
        assert sorted(predicted.index) == sorted(test["pert"].unique())
        areas = []
        for gene, pairs in test.groupby("gene"):
            if pairs["label"].nunique() == 2:
                areas.append(roc_auc_score(pairs["label"], predicted.loc[pairs["pert"], gene]))
        value = comparison.loc[(name, "auroc_de_gene"), "value"]
        assert value == pytest.approx(np.mean(areas), abs=1e-9)
    assert comparison.loc[("mean", "auroc_de_gene"), "value"] == 0.5


def test_the_network_ranks_better_than_a_permuted_one(answered: tuple[Any, pd.DataFrame]) -> None:
    work, _ = answered
    comparison = pd.read_csv(work.path / "results/questions/comparison.csv")
    areas = comparison[comparison["metric"] == "auroc_de_gene"].set_index("experiment")["value"]
    assert areas["echo"] > max(areas["echo_permuted"], areas["mean"]) + 0.05

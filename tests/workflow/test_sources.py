"""Further sources of likeness, from the files of a user to predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ECHO: dict[str, Any] = {"models": ["echo"], "diffusion": {"alphas": [0.25]}}
SOURCES = {"priors/other": 4, "gene_features/table": 5}


@pytest.fixture(scope="module")
def work(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small screen with a prior and a table of genes that know some of its silenced genes."""
    work = local.copy(tmp_path_factory.mktemp("sources") / "main")
    data = work.path / "data"
    means = pd.read_csv(data / "means.csv", index_col="pert_symbol")
    deltas = means.drop(index="non-targeting") - means.loc["non-targeting"]
    prior = deltas.iloc[:4, ::2].copy()
    prior.iloc[0, 0] = np.nan
    prior.loc["ELSEWHERE"] = 0.5
    prior.to_csv(data / "other.csv")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 3)), index=deltas.index[1:6])
    table.add_prefix("number ").to_csv(data / "table.tsv", sep="\t")
    work.change(
        crossval={"parts": 1},
        inner_crossval={"folds": 3},
        priors={"other": {"deltas": "data/other.csv"}},
        gene_features={"table": {"table": "data/table.tsv"}},
        experiments={
            "published": None,
            "second": None,
            "echo": ECHO,
            "echo_sources": {**ECHO, "sources": ["other", "table", "rewired"]},
        },
        baselines=["mean"],
    )
    work.snakemake()
    assert work.planned() == {}
    return work


@pytest.mark.parametrize("source", SOURCES)
def test_the_record_says_how_many_silenced_genes_a_source_knows(work: Any, source: str) -> None:
    path = work.path / "results/small" / source / "kernel.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["known"], record["genes"]) == (SOURCES[source], 9)


def test_sources_change_predictions_of_the_experiment_that_names_them(work: Any) -> None:
    echo, sources = (
        (work.path / "results/small" / name / "oof_predictions.csv").read_bytes()
        for name in ("echo", "echo_sources")
    )
    assert echo != sources


def test_another_prior_predicts_only_what_learns_from_it(work: Any) -> None:
    copy = work.copy(work.path.parent / "changed")
    path = copy.path / "data/other.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("0.5", "0.25"), encoding="utf-8")
    planned = copy.planned()
    assert planned["read_prior"] == 1
    assert planned["build_source"] == 1
    assert planned["predict_held_out"] == 2  # its part, and the validation genes
    assert "build_kernels" not in planned


def test_a_prior_that_knows_no_silenced_gene_is_refused(work: Any) -> None:
    copy = work.copy(work.path.parent / "strange")
    path = copy.path / "data/other.csv"
    table = pd.read_csv(path, index_col=0).rename(index=lambda name: f"X{name}")
    table.to_csv(path)
    text = copy.snakemake(fails=True).text
    log = (copy.path / "logs/small/build_source/priors_other.log").read_text(encoding="utf-8")
    assert "none of the silenced genes" in log
    assert "Traceback" not in text + log


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experiments": {"echo_sources": {"sources": ["nobody"]}}}, "nobody is no source"),
        ({"experiments": {"echo_sources": {"sources": ["string"]}}}, "its network already"),
        ({"experiments": {"echo_sources": {"models": ["mean"]}}}, "cannot learn from them"),
        ({"gene_features": {"other": {"table": "data/table.tsv"}}}, "has this name, too"),
        ({"priors": {"other": {"means": "data/means.csv"}}}, "it has means and deltas"),
        ({"priors": {"other": {"deltas": "data/nowhere.csv"}}}, "data/nowhere.csv"),
        (
            {"priors": {"other": {"deltas": "data/truth.csv"}}},
            "data/truth.csv has the same contents as data/truth.csv, the data set's own table",
        ),
    ],
)
def test_what_is_refused_before_anything_runs(
    work: Any, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    copy = work.copy(tmp_path / "main")
    copy.change(**changes)
    assert message in copy.snakemake("-n", fails=True).text

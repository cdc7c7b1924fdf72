"""One screen in several layouts: the same results, whatever its tables look like."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

#: What differs between the layouts of one screen: all that follows is the same.
LAYOUTS: dict[str, dict[str, Any]] = {
    "wide": {"deltas": "data/deltas.parquet"},
    "transposed": {"deltas": "data/deltas.tsv.gz", "genes_in": "rows"},
    "long": {"effects": "data/effects.csv", "columns": {"effect": "lfc"}},
    # Without gaps, it makes no difference that gaps would be kept.
    "kept": {
        "effects": "data/effects.csv",
        "columns": {"effect": "lfc"},
        "incomplete_genes": "keep",
    },
}
TABLES = ("oof_predictions.csv", "fold_scores.csv", "calibration.csv", "submission.csv")


def write_layouts(data: Path) -> None:
    """Write the deltas of the competition's means in other layouts."""
    means = pd.read_csv(data / "means.csv", index_col="pert_symbol")
    control = means.loc["non-targeting"]
    deltas = means.drop(index="non-targeting") - control
    deltas.to_parquet(data / "deltas.parquet")
    text = deltas.T.to_csv(sep="\t")
    (data / "deltas.tsv.gz").write_bytes(gzip.compress(text.encode()))
    long = deltas.rename_axis("perturbation").reset_index()
    long = long.melt("perturbation", var_name="gene", value_name="lfc")
    long.to_csv(data / "effects.csv", index=False)
    control.rename("expression").rename_axis("gene").to_csv(data / "control.csv")


def targets(name: str) -> list[str]:
    """The tables of a run, without figures and the page."""
    return [
        f"results/{name}/{table}" for table in ("comparison.csv", *map("echo/{}".format, TABLES))
    ]


@pytest.fixture(scope="module")
def layouts(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tables of the small screen in the competition's layout and in others."""
    work = local.copy(tmp_path_factory.mktemp("layouts") / "main")
    write_layouts(work.path / "data")
    work.change(
        dataset={"truth": None},
        crossval={"parts": 1},
        inner_crossval={"folds": 3},
        experiments={"published": None, "second": None, "echo": {"models": ["echo"]}},
        baselines=["mean", "nearest"],
    )
    work.snakemake(*targets("small"))
    for name, dataset in LAYOUTS.items():
        work.change(dataset={"means": None, "deltas": None, "effects": None})
        work.settings["dataset"].pop("genes_in", None)
        work.settings["dataset"].pop("columns", None)
        work.settings["dataset"].pop("incomplete_genes", None)
        work.change(dataset={"name": name, "control_expression": "data/control.csv", **dataset})
        work.snakemake(*targets(name))
    return work


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_layout_gives_the_same_comparison(layouts: Any, name: str) -> None:
    one, other = (layouts.path / "results" / each for each in ("small", name))
    assert (other / "comparison.csv").read_bytes() == (one / "comparison.csv").read_bytes()
    for table in TABLES:
        assert (other / "echo" / table).read_bytes() == (one / "echo" / table).read_bytes()


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_record_says_which_tables_were_read(layouts: Any, name: str) -> None:
    path = layouts.path / "results" / name / "perturbations/summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    layout = "effects" if "effects" in LAYOUTS[name] else "deltas"
    assert summary["layout"] == layout
    assert summary["inputs"].keys() == {layout, "validation", "control_expression"}
    assert summary["warnings"] == []

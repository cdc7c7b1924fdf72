"""What happens if a gene is silenced: named genes, and every gene of the network."""

from __future__ import annotations

import json
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
EXPERIMENTS = {"published": None, "second": None, "echo": ECHO}
REWIRED = {"echo_rewired": {"like": "echo", "network": "rewired"}}


def screen(work: Any, **changes: Any) -> Any:
    """Leave `echo` alone beside the baseline."""
    work.change(experiments=EXPERIMENTS)
    work.change(**changes)
    return work


@pytest.fixture(scope="module")
def every(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All genes of the network, predicted by the one experiment that can do so."""
    work = local.copy(tmp_path_factory.mktemp("every") / "main")
    screen(work, dataset={"validation": "all"}, experiments=REWIRED)
    work.snakemake(cores=2)
    return work


def predictions(work: Any, column: str = "predicted") -> pd.DataFrame:
    table = pd.read_parquet(work.file("gene_predictions.parquet", "echo"))
    return table.pivot_table(index="perturbation", columns="gene", values=column, observed=True)


def test_every_gene_is_predicted_as_if_it_stood_in_a_table(every: Any, tmp_path: Path) -> None:
    genes = pd.read_csv(every.path / "results/small/networks/string/genes.tsv", sep="\t")
    linked = sorted(genes.loc[genes["connected"] == 1, "gene"])
    wide = predictions(every)
    assert wide.index.tolist() == linked
    work = every.copy(tmp_path / "main")
    ids = pd.DataFrame({"pert_id": linked, "pert": linked})
    ids.to_csv(work.path / "data/every.csv", index=False)
    work.change(
        dataset={"validation": "data/every.csv"},
        experiments={"echo_rewired": None},
        submission={"padding": 0},
    )
    work.snakemake(work.file("submission.csv", "echo").relative_to(work.path).as_posix())
    submission = pd.read_csv(work.file("submission.csv", "echo"), index_col="pert_id")
    np.testing.assert_allclose(wide, submission.loc[linked, wide.columns], rtol=1e-6, atol=1e-7)
    with np.load(work.file("held_out/validation.npz", "echo")) as part:
        half_width = part["spread"] * part["quantiles"][0, 1]
    error = predictions(every, "expected_error").to_numpy()
    np.testing.assert_allclose(np.sort(error[0]), np.sort(half_width[0]), rtol=1e-6)


def test_a_prediction_on_a_shuffled_network_is_no_answer(every: Any) -> None:
    assert not every.file("gene_predictions.parquet", "echo_rewired").exists()
    assert not every.file("submission.csv", "echo").exists()
    assert every.planned() == {}


def test_the_short_table_has_the_largest_effects(every: Any) -> None:
    short = pd.read_csv(every.file("top_effects.csv", "echo"))
    wide = predictions(every)
    assert len(short) == 20 * len(wide)
    silenced = pd.read_csv(every.path / "data/means.csv")["pert_symbol"]
    assert set(short.loc[short["measured"] == 1, "perturbation"]) <= set(silenced)
    one = short[short["perturbation"] == wide.index[0]]
    assert (one["beyond_mean"].abs().diff().dropna() <= 0).all()
    found = wide.loc[wide.index[0], one["gene"]]
    np.testing.assert_allclose(one["predicted"], found, rtol=1e-5)
    page = (every.path / "results/small/report.html").read_text(encoding="utf-8")
    assert f"{len(wide):,} genes with a link, predicted by echo" in page


def test_the_number_of_cores_changes_nothing(every: Any, tmp_path: Path) -> None:
    work = every.copy(tmp_path / "main")
    files = [work.file(name, "echo") for name in ("gene_predictions.parquet", "top_effects.csv")]
    before = [file.read_bytes() for file in files]
    work.snakemake("--forcerun", "predict_genes", cores=1)
    assert [file.read_bytes() for file in files] == before


def test_named_genes(local: Any, tmp_path: Path) -> None:
    work = screen(local.copy(tmp_path / "main"))
    silenced = pd.read_csv(work.path / "data/means.csv")["pert_symbol"].tolist()
    validation = pd.read_csv(work.path / "data/validation.csv")["pert"].tolist()
    known = next(name for name in silenced if name != "non-targeting")
    asked = [validation[0], known, f"{validation[1]}X"]
    work.change(dataset={"validation": {"genes": asked}})
    work.snakemake()
    assert predictions(work).index.tolist() == asked
    assert not work.file("submission.csv", "echo").exists()
    short = pd.read_csv(work.file("top_effects.csv", "echo"))
    seen = short.drop_duplicates("perturbation").set_index("perturbation")["measured"]
    assert seen.to_dict() == {asked[0]: 0, asked[1]: 1, asked[2]: 0}
    summary = json.loads(
        (work.path / "results/small/networks/string/summary.json").read_text(encoding="utf-8")
    )
    (warning,) = [text for text in summary["warnings"] if text.startswith(asked[2])]
    assert validation[1] in warning
    assert work.planned() == {}


def test_no_experiment_can_predict_every_gene(fresh: Any) -> None:
    screen(fresh, dataset={"validation": "all"}, experiments={"echo": {"network": "rewired"}})
    text = fresh.snakemake("--dry-run", fails=True).text
    assert "none of echo can predict every gene" in text

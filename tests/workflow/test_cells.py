"""From a file of cells, or the address of one, to results."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

import simulate_example
from cell_files import Cells, write_cells
from workflow.conftest import SIMULATION

#: A run as short as it can be.
SHORT: dict[str, Any] = {
    "baselines": ["mean"],
    "crossval": {"parts": 1},
    "inner_crossval": {"folds": 3},
    "experiments": {"published": None, "second": None, "echo": {"models": ["echo"]}},
}


def with_cells(work: Any, **cells: Any) -> None:
    """Simulate the cells of the small screen, and configure them in the place of its tables."""
    plan = [f"--{key.replace('_', '-')}={value}" for key, value in SIMULATION.items()]
    data = work.path / "data"
    simulate_example.main(
        [*plan, f"--folder={data / 'simulated'}", f"--h5ad={data / 'cells.h5ad'}", "--cells=60"]
    )
    chosen = {"perturbation": "target_gene", **cells}
    work.change(
        **SHORT,
        dataset={"means": None, "truth": None, "h5ad": "data/cells.h5ad", "cells": chosen},
    )


def error_of(text: str) -> str:
    (line,) = set(re.findall(r"^ *(error: .*)$", text, re.MULTILINE))
    return str(line)


def test_cells_to_the_end(fresh: Any) -> None:
    with_cells(fresh)
    run = fresh.snakemake()
    assert run.ran["read_cells"] == run.ran["describe_cells"] == 1
    assert fresh.planned() == {}
    folder = fresh.path / "results/small/perturbations"
    with np.load(folder / "perturbations.npz") as screen:
        names, genes, truth = (screen[key] for key in ("perturbations", "genes", "truth"))
    # They are the responses that the cells were drawn from, but for the chance of counting.
    means = pd.read_csv(fresh.path / "data/means.csv", index_col="pert_symbol")
    expected = (means - means.loc["non-targeting"]).loc[names, genes].to_numpy()
    assert np.corrcoef(truth.ravel(), expected.ravel())[0, 1] > 0.6
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    content = (fresh.path / "data/cells.h5ad").read_bytes()
    assert summary["inputs"]["h5ad"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (summary["layout"], summary["scale"]) == ("h5ad", "counts")
    assert "| perturbations | 6 |" in (folder / "cells.md").read_text(encoding="utf-8")
    assert (folder / "cells.png").stat().st_size > 10_000
    with np.load(folder / "statistics.npz") as statistics:
        assert statistics["t"].shape == truth.shape
        assert (statistics["standard_error"] > 0).all()
    with np.load(folder / "halves.npz") as halves:
        assert halves["effects"].shape == (2, *truth.shape)
        middle = np.average(halves["effects"], axis=0, weights=[30, 30])
    np.testing.assert_allclose(middle, truth, atol=0.05)
    bound = pd.read_csv(folder.parent / "upper_bound.csv")
    assert set(bound["replicates"]) == {"cells"}
    assert set(bound["with_replicates"]) == set(bound["perturbations"]) == {6}
    text = (folder.parent / "comparison.md").read_text(encoding="utf-8")
    assert "| upper bound, by halves of the cells |" in text

    # Another choice of genes sums the cells again; another file is another screen.
    fresh.change(dataset={"cells": {"most_genes": 20}})
    assert fresh.planned()["read_cells"] == 1
    fresh.change(dataset={"cells": {"most_genes": 5000}})
    assert fresh.planned() == {}
    with h5py.File(fresh.path / "data/cells.h5ad", "a") as file:
        file["X"][0, 0] += 1
    assert fresh.planned()["read_cells"] == 1


def test_warnings_of_cells_stand_at_the_end_of_the_run(fresh: Any) -> None:
    with_cells(fresh, fewest_cells=50)
    with h5py.File(fresh.path / "data/cells.h5ad", "a") as file:
        codes = file["obs/target_gene/codes"]
        mine = np.flatnonzero(codes[:] == codes[:][codes[:] > 0].min())
        labels = codes[:]
        labels[mine[:20]] = int(np.bincount(codes[:]).argmax())
        codes[...] = labels
    run = fresh.snakemake("results/small/comparison.csv")
    assert "Warning: 1 perturbations have too few cells and are left out: " in run.text
    assert "(40 cells)" in run.text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("normalised", "is no count of molecules; expected whole numbers"),
        ("column", "there is no column 'target_gene'"),
        ("control", "'nobody'"),
        ("truncated", "the file is cut short"),
        ("text", "this is no HDF5 file"),
    ],
)
def test_a_bad_file_of_cells(fresh: Any, spoil: str, message: str) -> None:
    with_cells(fresh)
    path = fresh.path / "data/cells.h5ad"
    if spoil == "normalised":
        with h5py.File(path, "a") as file:
            file["X"][...] = np.log2(1 + file["X"][:])
    elif spoil == "column":
        with h5py.File(path, "a") as file:
            del file["obs/target_gene"]
    elif spoil == "control":
        fresh.change(dataset={"control": "nobody"})
    elif spoil == "truncated":
        path.write_bytes(path.read_bytes()[:10_000])
    else:
        path.write_text("gene,cell\n")
    run = fresh.snakemake("results/small/perturbations/perturbations.npz", fails=True)
    line = error_of(run.text)
    assert line.startswith("error: data/cells.h5ad: ")
    assert message in line
    folder = fresh.path / "results/small/perturbations"
    assert [file.name for file in folder.iterdir()] == ["settings.json"]


def write_pseudobulk(path: Path, genes: list[str]) -> bytes:
    """Write a pseudobulk in the layout of Replogle et al. 2022: means of UMIs per cell."""
    rng = np.random.default_rng(0)
    silenced = genes[:6]
    rows = [f"{i}_{gene}_P1P2_ENSG{i:011}" for i, gene in enumerate(silenced)]
    rows += [f"1{i}_non-targeting_non-targeting_non-targeting" for i in range(4)]
    count = np.full(len(rows), 50.0)
    molecules = rng.poisson(np.tile(rng.lognormal(4, 1, len(genes)), (len(rows), 1)))
    molecules[np.arange(6), np.arange(6)] //= 5
    means = (molecules / count[:, None]).astype(np.float32)
    ids = [f"ENSG{i:011}" for i in range(len(genes))]
    write_cells(path, Cells(means, ids, {}, rows, {"gene_name": genes}), kind="dense")
    with h5py.File(path, "a") as file:
        file["obs/num_cells_filtered"] = count
        file["obs/core_control"] = np.array([False] * 6 + [True] * 4)
    return path.read_bytes()


def test_a_public_pseudobulk_is_downloaded(fresh: Any, tmp_path: Path, serve: Any) -> None:
    means = pd.read_csv(fresh.path / "data/means.csv", index_col="pert_symbol")
    content = write_pseudobulk(tmp_path / "bulk.h5ad", [*means.columns])
    url = serve({"/files/35773070": content}, False)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    dataset = {
        "means": None,
        "truth": None,
        "validation": None,
        "h5ad": f"{url}/files/35773070",
        "cells": {"layout": "replogle_pseudobulk"},
    }
    fresh.change(**SHORT, dataset={**dataset, "checksum": "md5:" + "0" * 32})
    direct = {"NO_PROXY": "*", "no_proxy": "*"}
    run = fresh.snakemake("--retries=0", fails=True, **direct)
    assert f"the MD5 of the file is {md5}; expected the configured one" in error_of(run.text)

    fresh.change(dataset={"checksum": f"md5:{md5}"})
    target = "results/small/perturbations/perturbations.npz"
    run = fresh.snakemake(target, **direct)
    assert run.ran["download_cells"] == 1
    folder = fresh.path / "results/small/perturbations"
    receipt = json.loads((folder / "source/cells.json").read_text(encoding="utf-8"))
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
    with np.load(folder / "perturbations.npz") as screen:
        assert screen["silenced"].tolist() == sorted(means.columns[:6])
        assert screen["weights"].std() > 0
    assert fresh.planned(target) == {}

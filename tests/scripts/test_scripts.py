"""The commands of the workflow, one after another on a small simulated screen."""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import aggregate_folds
import build_features
import build_laplacian
import build_network
import decompose_responses
import diffuse
import loo_fold
import plot_figure
import read_perturbations
import read_string
import rewire_network
import simulate_example
import write_submission
from echoes.io import command
from echoes.io.arrays import load_arrays
from echoes.io.errors import InputError
from echoes.io.files import load_record, save_record
from echoes.io.tables import Matrix, read_matrix, write_matrix
from echoes.scoring.metrics import score
from placed import arrays_of, put
from screens import write_dataset_settings

SCRIPTS = Path(loo_fold.__file__).parent
N, V, G, T, PADDING = 8, 3, 30, 3, 2
ALPHAS = ("0.75", "0.25")
MODELS = ("ridge", "elastic_net")
FIT = ("penalty", "gap", "inner_gap", "unconverged")
NETWORK = ["--self-loop=1", "--edge-multiplicity=2"]
SOLVER = ["--tolerance=1e-10", "--backend=auto", "--memory-gb=4", "--workers=1"]
REGRESSION = {
    "penalties": [1, 100],
    "inner_folds": 3,
    "l1_ratio": 0.5,
    "backend": "exact",
    "gap": 1e-8,
    "max_iter": 1000,
    "tolerance": 1e-4,
}
SETTINGS = {
    "experiment": "try",
    "protocol": "published",
    "models": list(MODELS),
    "regression": REGRESSION,
    "note": "α",
}
PERTURBATIONS = {
    "perturbations": (N,),
    "silenced": (N,),
    "genes": (G,),
    "control": (G,),
    "responses": (N, G),
    "truth": (N, G),
    "weights": (N, G),
    "baseline": (N,),
    "validation_ids": (V,),
    "validation_silenced": (V,),
    "scale": (),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    simulate_example.main([
        *(f"--{name}={folder / name}.csv" for name in ("means", "truth", "validation")),
        f"--links={folder / 'links.txt'}",
        f"--info={folder / 'info.txt'}",
        f"--sample-submission={folder / 'sample.csv'}",
        f"--validation-truth={folder / 'validation_truth.csv'}",
        "--network-genes=60",
        "--network-links=240",
        f"--perturbations={N}",
        f"--validation-genes={V}",
        f"--response-genes={G}",
        f"--padding={PADDING}",
    ])  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def results(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all commands as the workflow does, and give the folder of what they made."""
    out = tmp_path_factory.mktemp("results") / "try"
    read_perturbations.main([
        f"--table={inputs / 'means.csv'}",
        *(f"--{name}={inputs / name}.csv" for name in ("truth", "validation")),
        write_dataset_settings(out / "dataset.json", "means"),
        f"--output={out / 'perturbations.npz'}",
        f"--folds={out / 'folds.tsv'}",
        f"--checks={out / 'checks.md'}",
        f"--summary={out / 'perturbations.json'}",
    ])  # fmt: skip
    read_string.main(string_arguments(inputs / "links.txt", inputs, out))
    build_network.main([
        f"--links={out / 'links.npz'}",
        f"--record={out / 'links.json'}",
        f"--perturbations={out / 'perturbations.npz'}",
        *("--names", "--name-column", "--symbol-column", "--aliases", "--info"),
        *NETWORK,
        f"--adjacency={out / 'adjacency.npz'}",
        f"--genes={out / 'genes.tsv'}",
        f"--coverage={out / 'coverage.tsv'}",
        f"--summary={out / 'network.json'}",
    ])  # fmt: skip
    build_laplacian.main([
        f"--adjacency={out / 'adjacency.npz'}",
        f"--output={out / 'laplacian.npz'}",
    ])  # fmt: skip
    for alpha in ALPHAS:
        diffuse.main([*diffuse_inputs(out), f"--alpha={alpha}", f"--output={out / alpha}.npz"])
    build_features.main([
        "--diffusions",
        *(str(out / f"{alpha}.npz") for alpha in ALPHAS),
        f"--adjacency={out / 'adjacency.npz'}",
        "--transform=none",
        "--variance-percentile=20",
        f"--output={out / 'features.npz'}",
    ])  # fmt: skip
    decompose_responses.main([
        f"--perturbations={out / 'perturbations.npz'}",
        f"--n-components={T}",
        f"--output={out / 'components.npz'}",
    ])  # fmt: skip
    write_fold_settings(out / "settings.json")
    for fold in range(N):
        loo_fold.main([
            *fold_inputs(out),
            f"--fold={fold}",
            f"--output={out / 'folds' / str(fold)}.npz",
        ])  # fmt: skip
    aggregate_folds.main(aggregate_arguments(out))
    write_submission.main([
        *submission_inputs(out),
        f"--sample={inputs / 'sample.csv'}",
        f"--output={out / 'submission.csv'}",
    ])  # fmt: skip
    plot_figure.main([
        f"--perturbations={out / 'perturbations.npz'}",
        f"--predictions={out / 'predictions.npz'}",
        "--title=An $experiment_{",
        f"--png={out / 'figure.png'}",
        f"--pdf={out / 'figure.pdf'}",
    ])  # fmt: skip
    return out


def string_arguments(links: Path, inputs: Path, out: Path) -> list[str]:
    receipt = inputs / "receipt.json"
    save_record(receipt, {"source": "a shelf", "sha256": "0" * 64}, 5)
    return [
        f"--links={links}",
        f"--info={inputs / 'info.txt'}",
        *("--receipts", str(receipt), str(receipt)),
        *("--score-threshold=0.5", "--channels"),
        f"--output={out / 'links.npz'}",
        f"--record={out / 'links.json'}",
    ]


def diffuse_inputs(out: Path) -> list[str]:
    arrays = ("adjacency", "laplacian", "perturbations")
    inputs = [*(f"--{name}={out / name}.npz" for name in arrays)]
    tables = [f"--{name}={out / name}.tsv" for name in ("genes", "coverage")]
    return [*inputs, *tables, *SOLVER]


def write_fold_settings(path: Path, **changes: Any) -> Path:
    """Write the settings of an experiment by the published protocol."""
    save_record(path, SETTINGS | changes, 3)
    return path


def fold_inputs(out: Path) -> list[str]:
    inputs = [f"--{name}={out / name}.npz" for name in ("features", "components")]
    return [*inputs, f"--settings={out / 'settings.json'}"]


def submission_inputs(out: Path) -> list[str]:
    inputs = [f"--{name}={out / name}.npz" for name in ("perturbations", "predictions")]
    return [*inputs, f"--padding={PADDING}"]


def aggregate_arguments(out: Path, to: Path | None = None) -> list[str]:
    to = to or out
    return [
        f"--perturbations={out / 'perturbations.npz'}",
        f"--features={out / 'features.npz'}",
        f"--components={out / 'components.npz'}",
        f"--folds={out / 'folds'}",
        "--records",
        f"dataset={out / 'perturbations.json'}",
        f"network={out / 'network.json'}",
        f"--settings={out / 'settings.json'}",
        f"--oof={to / 'oof.csv'}",
        f"--scores={to / 'scores.csv'}",
        f"--summary={to / 'summary.json'}",
        f"--predictions={to / 'predictions.npz'}",
    ]


def fold_of(out: Path, fold: int) -> Path:
    return out / "folds" / f"{fold}.npz"


def rows_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter=delimiter))


def json_of(path: Path) -> dict[str, Any]:
    """Read a record as the commands do."""
    return load_record(path)


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays_of(path).items()}


@pytest.fixture(scope="module")
def symbols(inputs: Path) -> list[str]:
    """The silenced genes in the order of the table of means."""
    rows = read_matrix(inputs / "means.csv", "pert_symbol").rows
    return [name for name in rows if name != "non-targeting"]


@pytest.fixture(scope="module")
def genes(inputs: Path) -> list[str]:
    return list(read_matrix(inputs / "means.csv", "pert_symbol").columns)


def test_perturbations(results: Path, inputs: Path, symbols: list[str], genes: list[str]) -> None:
    assert shapes_of(results / "perturbations.npz") == PERTURBATIONS
    arrays = arrays_of(results / "perturbations.npz")
    assert arrays["silenced"].tolist() == arrays["perturbations"].tolist() == symbols
    assert arrays["genes"].tolist() == genes
    truth = read_matrix(inputs / "truth.csv", "pert_id")
    assert truth.rows != tuple(symbols)
    last = truth.columns.index(genes[-1])
    expected = [truth.values[truth.rows.index(name), last] for name in symbols]
    assert arrays["truth"][:, -1].tolist() == expected
    table = [["fold", "pert_symbol"], *([str(i), name] for i, name in enumerate(symbols))]
    assert rows_of(results / "folds.tsv", "\t") == table
    means = inputs / "means.csv"
    summary = json_of(results / "perturbations.json")
    assert (summary["perturbations"], summary["response_genes"], summary["validation"]) == (N, G, V)
    assert summary["scale"] == "log2"
    assert summary["warnings"] == []
    assert set(summary["inputs"]) == {"means", "truth", "validation"}
    assert summary["inputs"]["means"] == {
        "path": str(means),
        "sha256": hashlib.sha256(means.read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize(("scale", "per_log2"), [("ln", np.log(2)), ("log10", np.log10(2))])
def test_perturbations_of_another_scale(
    results: Path, inputs: Path, tmp_path: Path, scale: str, per_log2: float
) -> None:
    means = read_matrix(inputs / "means.csv", "pert_symbol")
    truth = read_matrix(inputs / "truth.csv", "pert_id")
    factors = np.where([name.startswith("w_") for name in truth.columns], 1, per_log2)
    for name, key, table, values in (
        ("means", "pert_symbol", means, means.values * per_log2),
        ("truth", "pert_id", truth, truth.values * factors),
    ):
        write_matrix(tmp_path / f"{name}.csv", key, Matrix(table.rows, table.columns, values))
    read_perturbations.main([
        f"--truth={tmp_path / 'truth.csv'}",
        f"--table={tmp_path / 'means.csv'}",
        f"--validation={inputs / 'validation.csv'}",
        write_dataset_settings(tmp_path / "dataset.json", "means", scale=scale),
        *(f"--{name}={tmp_path / name}" for name in ("output", "folds", "checks", "summary")),
    ])  # fmt: skip
    summary = json_of(tmp_path / "summary")
    assert (summary["scale"], summary["warnings"]) == (scale, [])
    one, other = arrays_of(results / "perturbations.npz"), arrays_of(tmp_path / "output")
    assert one.keys() == other.keys()
    for name, values in one.items():
        if values.dtype == np.float64:
            np.testing.assert_allclose(other[name], values, rtol=1e-12, atol=1e-12)
        else:
            assert np.array_equal(other[name], values)


def test_a_wrong_scale_is_a_warning_in_log_and_summary(
    inputs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    means = read_matrix(inputs / "means.csv", "pert_symbol")
    counts = Matrix(means.rows, means.columns, np.round(10 * means.values))
    write_matrix(tmp_path / "means.csv", "pert_symbol", counts)
    read_perturbations.main(reading(tmp_path / "means.csv", tmp_path))
    limit, whole = json_of(tmp_path / "summary")["warnings"]
    assert "No gene can have more than all molecules of a cell." in limit
    assert "look like raw counts" in whole
    logged = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert logged == [f"{tmp_path / 'means.csv'}: {warning}" for warning in (limit, whole)]


def test_network(results: Path, inputs: Path) -> None:
    header, *table = rows_of(results / "genes.tsv", "\t")
    assert header == ["gene", "index", "role", "connected"]
    adjacency = sp.csr_array(sp.load_npz(results / "adjacency.npz"))
    size = len(table)
    assert adjacency.shape == (size, size)
    assert abs(adjacency - adjacency.T).max() == 0
    assert adjacency.diagonal().tolist() == [1.0] * size
    names = [row[0] for row in table]
    assert [int(row[1]) for row in table] == list(range(size))
    connected = sum(row[3] == "1" for row in table)
    assert [row[3] for row in table] == ["1"] * connected + ["0"] * (size - connected)
    assert names == sorted(names[:connected]) + sorted(names[connected:])
    linked = np.diff(adjacency.indptr) > 1
    assert linked.tolist() == [row[3] == "1" for row in table]

    roles = {row[0]: set(filter(None, row[2].split(","))) for row in table}
    arrays = arrays_of(results / "perturbations.npz")
    for role, key in (
        ("train", "silenced"),
        ("validation", "validation_silenced"),
        ("response", "genes"),
    ):
        assert {name for name, its in roles.items() if role in its} == set(arrays[key].tolist())
    summary = json_of(results / "network.json")
    assert summary["genes"] == size
    assert summary["connected_genes"] == connected
    assert summary["isolated"] == names[connected:]
    assert summary["isolated_genes"] == size - connected
    assert summary["adjacency_entries"] == adjacency.nnz
    assert summary["core_genes"] == sum(map(bool, roles.values()))
    assert summary["unmapped_link_rows"] >= 0
    assert 0 < 2 * summary["kept_links"] <= summary["link_rows"]
    # Links of self-loops are none here: each pair is in the matrix twice, beside the diagonal.
    assert 2 * summary["kept_links"] + size == adjacency.nnz
    named = {row[1] for row in rows_of(inputs / "info.txt", "\t")}
    for part in summary["perturbed"].values():
        assert len(part["isolated"]) == 1
        assert part["not_in_network"] == [name for name in part["isolated"] if name not in named]


def test_laplacian(results: Path) -> None:
    adjacency = sp.load_npz(results / "adjacency.npz").toarray()
    laplacian = sp.load_npz(results / "laplacian.npz").toarray()
    expected = np.eye(len(adjacency)) - adjacency / adjacency.sum(axis=0)
    np.testing.assert_allclose(laplacian, expected, rtol=0, atol=1e-15)


def test_a_rewired_network_is_diffused_in_as_the_real_one(
    results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    adjacency, laplacian = (tmp_path / f"{name}.npz" for name in ("adjacency", "laplacian"))
    given = f"--adjacency={results / 'adjacency.npz'}"
    rewire_network.main([given, "--seed=3", f"--output={adjacency}"])
    build_laplacian.main([f"--adjacency={adjacency}", f"--output={laplacian}"])
    diffuse.main([
        *diffuse_inputs(results),
        f"--adjacency={adjacency}",
        f"--laplacian={laplacian}",
        "--alpha=0.75",
        f"--output={tmp_path / 'rewired.npz'}",
    ])  # fmt: skip
    before, after = (sp.csr_array(sp.load_npz(p)) for p in (results / "adjacency.npz", adjacency))
    assert np.diff(after.indptr).tolist() == np.diff(before.indptr).tolist()
    assert sorted(after.data.tolist()) == sorted(before.data.tolist())
    same = np.count_nonzero(np.triu((before.toarray() != 0) & (after.toarray() != 0), 1))
    links = (before.nnz - before.shape[0]) // 2
    assert same < links / 2
    assert f"{links} links; {same} of them join genes that were linked before" in caplog.messages
    one, other = arrays_of(results / "0.75.npz"), arrays_of(tmp_path / "rewired.npz")
    np.testing.assert_allclose(other["train"].sum(axis=1), 1, rtol=0, atol=1e-9)
    assert np.abs(one["train"] - other["train"]).max() > 0.01
    # What no link reaches is the same in both.
    names = [row[0] for row in rows_of(results / "genes.tsv", "\t")[1:]]
    symbols = arrays_of(results / "perturbations.npz")["silenced"]
    alone = np.diff(before.indptr)[[names.index(name) for name in symbols]] == 1
    assert np.count_nonzero(alone) == 1
    assert np.array_equal(one["train"][alone], other["train"][alone])

    rewired = adjacency.read_bytes()
    rewire_network.main([given, "--seed=3", f"--output={adjacency}"])
    assert adjacency.read_bytes() == rewired
    rewire_network.main([given, "--seed=4", f"--output={adjacency}"])
    assert adjacency.read_bytes() != rewired


@pytest.mark.parametrize("alpha", ALPHAS)
def test_diffusions(results: Path, alpha: str) -> None:
    adjacency = sp.load_npz(results / "adjacency.npz").toarray()
    size = len(adjacency)
    arrays = arrays_of(results / f"{alpha}.npz")
    assert shapes_of(results / f"{alpha}.npz") == {
        "train": (N, size),
        "validation": (V, size),
        "residual": (N + V,),
        "iterations": (),
        "backend": (),
    }
    assert arrays["residual"].max() <= 1e-10
    names = [row[0] for row in rows_of(results / "genes.tsv", "\t")[1:]]
    walk = np.eye(size) - float(alpha) * adjacency / adjacency.sum(axis=0)
    exact = (1 - float(alpha)) * np.linalg.inv(walk).T
    data = arrays_of(results / "perturbations.npz")
    for part, key in (("train", "silenced"), ("validation", "validation_silenced")):
        rows = [names.index(name) for name in data[key]]
        np.testing.assert_allclose(arrays[part], exact[rows], rtol=0, atol=1e-9)


@pytest.mark.parametrize("backend", ["iterative", "dense", "direct"])
def test_backends_agree(results: Path, tmp_path: Path, backend: str) -> None:
    diffuse.main([
        *diffuse_inputs(results),
        "--alpha=0.75",
        f"--backend={backend}",
        f"--output={tmp_path / 'own.npz'}",
    ])  # fmt: skip
    own, chosen = arrays_of(tmp_path / "own.npz"), arrays_of(results / "0.75.npz")
    assert (own["iterations"] > 0) == (backend == "iterative")
    np.testing.assert_allclose(own["train"], chosen["train"], rtol=0, atol=1e-9)


def test_features(results: Path) -> None:
    arrays = arrays_of(results / "features.npz")
    assert set(arrays) == {"train", "validation", "block", "gene", "residual"}
    solved = [arrays_of(results / f"{alpha}.npz")["residual"].max() for alpha in ALPHAS]
    assert arrays["residual"].tolist() == solved
    blocks = [arrays_of(results / f"{alpha}.npz") for alpha in ALPHAS]
    size = blocks[0]["train"].shape[1]
    kept = len(arrays["block"])
    assert 0.75 * 2 * size <= kept < 2 * size
    assert set(arrays["block"].tolist()) == {0, 1}
    for j, (block, gene) in enumerate(zip(arrays["block"], arrays["gene"], strict=True)):
        for part in ("train", "validation"):
            assert np.array_equal(arrays[part][:, j], blocks[block][part][:, gene])


@pytest.mark.parametrize("option", [[], ["--variance-percentile"]])
def test_features_without_a_filter(results: Path, tmp_path: Path, option: list[str]) -> None:
    diffusions = ["--diffusions", str(results / "0.75.npz")]
    diffusions += [f"--adjacency={results / 'adjacency.npz'}", "--transform=none"]
    build_features.main([*diffusions, *option, f"--output={tmp_path / 'features.npz'}"])
    (train,) = load_arrays(tmp_path / "features.npz", "train")
    assert np.array_equal(train, arrays_of(results / "0.75.npz")["train"])


@pytest.mark.parametrize("kind", ["degree", "log"])
def test_features_on_another_scale(results: Path, tmp_path: Path, kind: str) -> None:
    build_features.main([
        *("--diffusions", *(str(results / f"{alpha}.npz") for alpha in ALPHAS)),
        f"--adjacency={results / 'adjacency.npz'}",
        f"--transform={kind}",
        f"--output={tmp_path / 'features.npz'}",
    ])  # fmt: skip
    # How often a walk that never restarts visits each gene: its share of all links' weights.
    often = sp.load_npz(results / "adjacency.npz").toarray().sum(axis=0)
    often /= often.sum()
    found = arrays_of(tmp_path / "features.npz")
    for part in ("train", "validation"):
        ratio = np.hstack(
            [arrays_of(results / f"{alpha}.npz")[part] for alpha in ALPHAS]
        ) / np.tile(often, len(ALPHAS))
        expected = ratio if kind == "degree" else np.log(1 + ratio)
        np.testing.assert_allclose(found[part], expected, rtol=1e-12, atol=1e-15)


def test_features_of_silenced_genes_in_each_others_places(results: Path, tmp_path: Path) -> None:
    made = []
    for options in ([], ["--permute-labels"], ["--permute-labels=0"], ["--permute-labels=1"]):
        build_features.main([
            *("--diffusions", str(results / "0.75.npz")),
            f"--adjacency={results / 'adjacency.npz'}",
            "--transform=none",
            *options,
            f"--perturbations={results / 'perturbations.npz'}",
            f"--output={tmp_path / 'features.npz'}",
        ])  # fmt: skip
        made.append(np.vstack(load_arrays(tmp_path / "features.npz", "train", "validation")))
    plain, none, zero, one = made
    assert np.array_equal(plain, none)
    assert not np.array_equal(zero, one)
    for permuted in (zero, one):
        assert sorted(map(tuple, permuted)) == sorted(map(tuple, plain))
        assert not (permuted == plain).all(axis=1).any()


def test_components(results: Path) -> None:
    arrays = arrays_of(results / "components.npz")
    assert shapes_of(results / "components.npz") == {
        "scores": (N, T),
        "axes": (T, G),
        "mean": (G,),
        "explained_variance": (T,),
    }
    responses = arrays_of(results / "perturbations.npz")["responses"]
    np.testing.assert_allclose(arrays["axes"] @ arrays["axes"].T, np.eye(T), atol=1e-12)
    centred = responses - responses.mean(axis=0)
    np.testing.assert_allclose(centred @ arrays["axes"].T, arrays["scores"], atol=1e-12)


@pytest.mark.parametrize("fold", [0, N - 1])
def test_folds(results: Path, fold: int) -> None:
    assert shapes_of(results / "folds" / f"{fold}.npz") == {
        "held_out": (T,),
        "validation": (V, T),
        "penalty": (2,),
        "gap": (2,),
        "inner_gap": (2,),
        "unconverged": (2,),
        "seconds": (2,),
    }
    arrays = arrays_of(results / "folds" / f"{fold}.npz")
    assert set(arrays["penalty"].tolist()) <= {1.0, 100.0}
    for name in ("gap", "inner_gap"):
        assert (arrays[name] > -1e-12).all()
        assert (arrays[name] <= 1e-8).all()
    assert (arrays["unconverged"] == 0).all()
    assert (arrays["seconds"] > 0).all()


def test_backends_of_a_fold_agree(results: Path, tmp_path: Path) -> None:
    tight = {"gap": 1e-14, "max_iter": 1_000_000, "tolerance": 1e-14}
    regression = json_of(results / "settings.json")["regression"] | tight
    files = []
    for backend in ("exact", "scikit-learn"):
        settings = write_fold_settings(
            tmp_path / backend / "try" / "settings.json",
            regression=regression | {"backend": backend},
        )
        files.append(tmp_path / f"{backend}.npz")
        options = ["--fold=1", f"--settings={settings}", f"--output={files[-1]}"]
        loo_fold.main([*fold_inputs(results), *options])
    ours, theirs = map(arrays_of, files)
    for name in ("held_out", "validation"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-6)
    assert np.array_equal(ours["penalty"], theirs["penalty"])
    assert np.isnan(theirs["inner_gap"]).all()


def test_a_summary_of_gaps_that_are_not_told(results: Path, tmp_path: Path) -> None:
    for i in range(N):
        arrays = arrays_of(fold_of(results, i)) | {"inner_gap": np.full(2, np.nan)}
        put(tmp_path / f"{i}.npz", arrays, 4)
    arguments = [*aggregate_arguments(results, tmp_path / "to"), f"--folds={tmp_path}"]
    aggregate_folds.main(arguments)
    for fit in json_of(tmp_path / "to" / "summary.json")["fits"].values():
        assert fit["largest_inner_gap"] is None
        assert fit["largest_gap"] <= 1e-8


def test_a_fold_does_not_see_what_it_leaves_out(results: Path, tmp_path: Path) -> None:
    arrays = arrays_of(results / "components.npz")
    arrays["scores"][2] = 1e6
    put(tmp_path / "components.npz", arrays, 3)
    options = [f"--components={tmp_path / 'components.npz'}", "--fold=2"]
    loo_fold.main([*fold_inputs(results), *options, f"--output={tmp_path / '2.npz'}"])
    found, expected = arrays_of(tmp_path / "2.npz"), arrays_of(results / "folds" / "2.npz")
    for name in ("held_out", "validation", "penalty"):
        assert np.array_equal(found[name], expected[name])


def test_out_of_fold_predictions(results: Path, symbols: list[str], genes: list[str]) -> None:
    header, *table = rows_of(results / "oof.csv")
    assert header == ["pert_symbol", *genes]
    assert [row[0] for row in table] == symbols
    components = arrays_of(results / "components.npz")
    for fold, row in enumerate(table):
        (held_out,) = load_arrays(results / "folds" / f"{fold}.npz", "held_out")
        expected = held_out @ components["axes"] + components["mean"]
        assert [float(cell) for cell in row[1:]] == expected.tolist()


def test_predictions(results: Path, symbols: list[str], genes: list[str]) -> None:
    arrays = arrays_of(results / "predictions.npz")
    assert shapes_of(results / "predictions.npz") == {
        "genes": (G,),
        "perturbations": (N,),
        "truth": (N, G),
        "prediction": (N, G),
        "gene_correlation": (G,),
        "validation": (V, G),
        "reconstruction": (N, G),
    }
    assert arrays["perturbations"].tolist() == symbols
    assert arrays["genes"].tolist() == genes
    folds = [arrays_of(results / "folds" / f"{i}.npz") for i in range(N)]
    components = arrays_of(results / "components.npz")
    each = [fold["validation"] @ components["axes"] + components["mean"] for fold in folds]
    np.testing.assert_allclose(arrays["validation"], sum(each) / N, rtol=1e-9, atol=1e-12)
    rebuilt = components["scores"] @ components["axes"] + components["mean"]
    assert np.array_equal(arrays["reconstruction"], rebuilt)
    measured = arrays_of(results / "perturbations.npz")["truth"]
    assert np.array_equal(arrays["truth"], measured)
    expected = [np.corrcoef(rebuilt[:, j], arrays["prediction"][:, j])[0, 1] for j in range(G)]
    np.testing.assert_allclose(arrays["gene_correlation"], expected, atol=1e-9)


def test_scores(results: Path, symbols: list[str]) -> None:
    header, *table = rows_of(results / "scores.csv")
    assert header == [
        *("fold", "pert_symbol", "baseline_wmae", "score", "wmae", "term", "weighted_cosine"),
        *("mape", "measured_wmae", "measured_term"),
        *(f"{model}_{part}" for model in MODELS for part in FIT),
    ]
    records = [dict(zip(header, row, strict=True)) for row in table]
    assert [record["pert_symbol"] for record in records] == symbols
    assert [record["fold"] for record in records] == [str(i) for i in range(N)]
    data, found = (arrays_of(results / f"{name}.npz") for name in ("perturbations", "predictions"))
    for i, record in enumerate(records):
        rows = slice(i, i + 1)
        one = score(
            found["reconstruction"][rows],
            found["prediction"][rows],
            data["weights"][rows],
            data["baseline"][rows],
        )
        assert float(record["score"]) == one.total
        assert float(record["baseline_wmae"]) == data["baseline"][i]
        # The first model of the settings is the first in the fold.
        for part, values in zip(FIT, load_arrays(fold_of(results, i), *FIT), strict=True):
            assert [float(record[f"{model}_{part}"]) for model in MODELS] == values.tolist()


def test_summary(results: Path) -> None:
    summary = json_of(results / "summary.json")
    assert summary["experiment"] == "try"
    assert summary["settings"] == SETTINGS
    assert summary["dataset"] == json_of(results / "perturbations.json")
    assert summary["network"] == json_of(results / "network.json")
    header, *table = rows_of(results / "scores.csv")
    scores = [float(row[header.index("score")]) for row in table]
    published = summary["published_protocol"]["mean_fold_score"]
    assert published == pytest.approx(sum(scores) / N, rel=1e-12)
    data, found = (arrays_of(results / f"{name}.npz") for name in ("perturbations", "predictions"))
    whole = score(data["truth"], found["prediction"], data["weights"], data["baseline"])
    assert summary["all_rows"]["score"] == whole.total
    assert summary["all_rows"]["perturbations"] == N
    assert summary["gene_correlation"]["genes"] + summary["gene_correlation"]["undefined"] == G
    assert set(summary["fits"]) == set(MODELS)
    gaps = np.array([load_arrays(fold_of(results, i), "gap", "inner_gap") for i in range(N)])
    for i, name in enumerate(MODELS):
        fit = summary["fits"][name]
        assert sum(fit["penalties"].values()) == N
        largest = [fit["largest_gap"], fit["largest_inner_gap"]]
        assert largest == gaps[:, :, i].max(axis=0).tolist()
        assert fit["unconverged"] == 0
    assert set(summary["versions"]) == {"python", "numpy", "scipy", "scikit-learn"}


def test_submission(results: Path, inputs: Path, genes: list[str]) -> None:
    header, *table = rows_of(results / "submission.csv")
    assert header == ["pert_id", *genes]
    assert [row[0] for row in table] == [f"pert_{i}" for i in range(1, V + PADDING + 1)]
    (validation,) = load_arrays(results / "predictions.npz", "validation")
    assert [[float(cell) for cell in row[1:]] for row in table[:V]] == validation.tolist()
    assert [row[1:] for row in table[V:]] == [["0.0"] * G] * PADDING
    assert read_matrix(inputs / "sample.csv", "pert_id").rows == tuple(row[0] for row in table)


@pytest.mark.parametrize("sample", [[], ["--sample"]])
def test_submission_without_a_sample(results: Path, tmp_path: Path, sample: list[str]) -> None:
    output = tmp_path / "submission.csv"
    write_submission.main([*submission_inputs(results), *sample, f"--output={output}"])
    assert output.read_bytes() == (results / "submission.csv").read_bytes()


def test_a_submission_unlike_the_sample_is_not_written(
    results: Path, inputs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "submission.csv"
    options = ["--padding=1", f"--sample={inputs / 'sample.csv'}", f"--output={output}"]
    with pytest.raises(InputError, match=r"entry 5: 'pert_5'; expected nothing"):
        write_submission.main([*submission_inputs(results), *options])
    assert not output.exists()


def test_figure(results: Path, tmp_path: Path) -> None:
    assert (results / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (results / "figure.pdf").read_bytes().startswith(b"%PDF")
    again = [f"--png={tmp_path / 'a.png'}", f"--pdf={tmp_path / 'a.pdf'}"]
    predictions = f"--predictions={results / 'predictions.npz'}"
    screen = f"--perturbations={results / 'perturbations.npz'}"
    plot_figure.main([screen, predictions, "--title=An $experiment_{", *again])
    for ending in ("png", "pdf"):
        made = (tmp_path / f"a.{ending}").read_bytes()
        assert made == (results / f"figure.{ending}").read_bytes()


def test_nothing_is_left_beside_the_outputs(results: Path) -> None:
    assert [path.name for path in results.rglob("*") if path.name.startswith(".")] == []


def test_outputs_are_the_same_every_time(results: Path, tmp_path: Path) -> None:
    aggregate_folds.main(aggregate_arguments(results, tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {
        "oof.csv",
        "scores.csv",
        "summary.json",
        "predictions.npz",
    }
    for name in ("oof.csv", "scores.csv"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes()
    # All but the place.
    assert json_of(tmp_path / "summary.json") == json_of(results / "summary.json")
    one, other = (arrays_of(folder / "predictions.npz") for folder in (results, tmp_path))
    assert all(one[name].tobytes() == other[name].tobytes() for name in one.keys() | other.keys())


def test_without_truth_and_validation(results: Path, inputs: Path, tmp_path: Path) -> None:
    """An option without a value is one that is not given: so a rule spells a null."""
    read_perturbations.main([
        f"--table={inputs / 'means.csv'}",
        *("--truth", "--validation", "--guides"),
        write_dataset_settings(tmp_path / "dataset.json", "means"),
        f"--output={tmp_path / 'perturbations.npz'}",
        f"--folds={tmp_path / 'folds.tsv'}",
        f"--checks={tmp_path / 'checks.md'}",
        f"--summary={tmp_path / 'summary.json'}",
    ])  # fmt: skip
    none = {"validation_ids": (0,), "validation_silenced": (0,)}
    assert shapes_of(tmp_path / "perturbations.npz") == PERTURBATIONS | none
    assert set(json_of(tmp_path / "summary.json")["inputs"]) == {"means"}
    data = f"--perturbations={tmp_path / 'perturbations.npz'}"
    features = tmp_path / "features.npz"
    diffuse.main([*diffuse_inputs(results), data, "--alpha=0.5", f"--output={tmp_path / 'd.npz'}"])
    build_features.main([
        *("--diffusions", str(tmp_path / "d.npz")),
        f"--adjacency={results / 'adjacency.npz'}",
        "--transform=none",
        f"--output={features}",
    ])  # fmt: skip
    fold = tmp_path / "0.npz"
    options = [f"--features={features}", "--fold=0", f"--output={fold}"]
    loo_fold.main([*fold_inputs(results), *options])
    assert shapes_of(fold)["validation"] == (0, T)
    assert shapes_of(fold)["held_out"] == (T,)


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_help_names_every_option(
    script: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[argparse.ArgumentParser] = []
    plain = command.parser

    def parser(description: str | None) -> argparse.ArgumentParser:
        made.append(plain(description))
        return made[-1]

    module = importlib.import_module(script)
    monkeypatch.setattr(module if hasattr(module, "parser") else command, "parser", parser)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert module.__doc__ in " ".join(text.split()) + "\n"
    options = made[0]._actions[1:]
    assert options
    for action in options:
        assert f"  {(action.option_strings or [action.dest])[0]}" in text
        assert action.help


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_options_are_not_abbreviated(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(script).main(["--hel"])
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def run(script: str, arguments: list[str], folder: Path, status: int = 2) -> str:
    """Run a command that fails, on its input if not said otherwise, and give its line of error."""
    folder.mkdir()
    code = [sys.executable, str(SCRIPTS / f"{script}.py"), *arguments]
    ended = subprocess.run(code, capture_output=True, text=True, check=False)
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    (line,) = (line for line in ended.stderr.splitlines() if line.startswith("error: "))
    assert ended.stderr.endswith(f"{line}\n")
    assert list(folder.rglob("*")) == []
    return line


def reading(means: Path, out: Path) -> list[str]:
    names = ("output", "folds", "checks", "summary")
    settings = write_dataset_settings(out.parent / "dataset.json", "means")
    return [f"--table={means}", settings, *(f"--{name}={out / name}" for name in names)]


def test_a_bad_cell_ends_a_command(tmp_path: Path) -> None:
    means, out = tmp_path / "means.csv", tmp_path / "out"
    means.write_text("pert_symbol,BRCA1\nnon-targeting,1\nTP53,n/a\n")
    assert run("read_perturbations", reading(means, out), out) == (
        f"error: {means}: column BRCA1, row TP53 (line 3): 'n/a' is not a number; "
        "expected numbers in all columns but that of the names (pert_symbol); columns are "
        "separated by commas. Correct the cell, or remove its row or column."
    )


def test_a_missing_table_ends_a_command(tmp_path: Path) -> None:
    means, out = tmp_path / "none.csv", tmp_path / "out"
    line = run("read_perturbations", reading(means, out), out)
    assert line == f"error: {means}: there is no such file."


@pytest.mark.parametrize("missing", ["features.npz", "components.npz"])
def test_a_missing_array_file_ends_a_command(results: Path, tmp_path: Path, missing: str) -> None:
    out, absent = tmp_path / "out", tmp_path / missing
    options = [f"--{absent.stem}={absent}", "--fold=0", f"--output={out / '0.npz'}"]
    line = run("loo_fold", [*fold_inputs(results), *options], out)
    assert line == f"error: {absent}: there is no such file."


def test_a_missing_matrix_ends_a_command(results: Path, tmp_path: Path) -> None:
    out, absent = tmp_path / "out", tmp_path / "absent.npz"
    options = [f"--adjacency={absent}", "--alpha=0.5", f"--output={out / 'd.npz'}"]
    line = run("diffuse", [*diffuse_inputs(results), *options], out)
    assert line == f"error: {absent}: there is no such file."


def test_a_missing_fold_ends_a_command(results: Path, tmp_path: Path) -> None:
    out, folds = tmp_path / "out", tmp_path / "folds"
    arguments = [*aggregate_arguments(results, out), f"--folds={folds}"]
    line = run("aggregate_folds", arguments, out)
    assert line == f"error: {folds / '0.npz'}: there is no such file."


def test_a_fit_that_misses_its_gap_ends_a_command(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    regression = json_of(results / "settings.json")["regression"]
    settings = write_fold_settings(
        tmp_path / "try" / "settings.json",
        models=["elastic_net"],
        regression=regression | {"penalties": [0.001], "gap": 1e-40},
    )
    options = ["--fold=2", f"--settings={settings}", f"--output={out / '2.npz'}"]
    line = run("loo_fold", [*fold_inputs(results), *options], out, 1)
    assert line.startswith("error: fold 2, elastic_net, penalty 0.001: relative duality gap ")
    assert line.endswith("; the tolerance is 1e-40")


def test_a_damaged_array_file_ends_a_command(results: Path, tmp_path: Path) -> None:
    out, damaged = tmp_path / "out", tmp_path / "features.npz"
    damaged.write_bytes((results / "features.npz").read_bytes()[:-100])
    options = [f"--features={damaged}", "--fold=0", f"--output={out / '0.npz'}"]
    line = run("loo_fold", [*fold_inputs(results), *options], out)
    assert line.startswith(f"error: {damaged}: cannot read train, validation")


def test_a_damaged_matrix_ends_a_command(results: Path, tmp_path: Path) -> None:
    out, damaged = tmp_path / "out", tmp_path / "adjacency.npz"
    damaged.write_bytes((results / "adjacency.npz").read_bytes()[:-100])
    line = run("build_laplacian", [f"--adjacency={damaged}", f"--output={out / 'l.npz'}"], out)
    assert line.startswith(f"error: {damaged}: ")


def test_a_folder_in_the_place_of_a_table_ends_a_command(tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = run("read_perturbations", reading(tmp_path, out), out)
    assert line.startswith(f"error: {tmp_path}: ")


def test_too_many_components_end_a_command(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [f"--perturbations={results / 'perturbations.npz'}", f"--output={out / 'c.npz'}"]
    line = run("decompose_responses", [*arguments, f"--n-components={N}"], out)
    assert line == (
        f"error: configuration: response: n_components: {N}; expected 1 to {N - 1} for {N} "
        f"perturbations and {G} genes. Choose another number, or add perturbations."
    )


def test_links_of_another_species_end_a_command(inputs: Path, tmp_path: Path) -> None:
    out, links = tmp_path / "out", tmp_path / "links.txt"
    links.write_text("protein1 protein2 combined_score\n1.A 1.B 900\n1.B 1.A 900\n")
    arguments = string_arguments(links, inputs, out)
    assert "none of 2 links joins two proteins" in run("read_string", arguments, out)


def test_a_gene_that_the_network_lacks_ends_a_command(results: Path, tmp_path: Path) -> None:
    out, genes = tmp_path / "out", tmp_path / "genes.tsv"
    genes.write_text("gene\tindex\trole\tconnected\nOTHER\t0\t\t1\n")
    options = [f"--genes={genes}", "--alpha=0.5", f"--output={out / 'd.npz'}"]
    line = run("diffuse", [*diffuse_inputs(results), *options], out)
    assert line.startswith(f"error: {genes}: 1 genes; expected the ")


def test_a_sample_of_another_set_ends_a_command(
    results: Path, inputs: Path, tmp_path: Path
) -> None:
    out, sample = tmp_path / "out", tmp_path / "sample.csv"
    whole = read_matrix(inputs / "sample.csv", "pert_id")
    rows = ("pert_9", *whole.rows[1:])
    write_matrix(sample, "pert_id", Matrix(rows, whole.columns, whole.values))
    options = [f"--sample={sample}", f"--output={out / 'submission.csv'}"]
    line = run("write_submission", [*submission_inputs(results), *options], out)
    assert line.startswith(f"error: {sample}: column pert_id, entry 1: 'pert_9'; expected 'pert_1'")


def test_predictions_that_lack_an_array_end_a_command(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [f"--png={out / 'f.png'}", f"--pdf={out / 'f.pdf'}", "--title=t"]
    predictions = results / "components.npz"
    screen = f"--perturbations={results / 'perturbations.npz'}"
    line = run("plot_figure", [screen, f"--predictions={predictions}", *arguments], out)
    assert line.startswith(f"error: {predictions}: cannot read genes, perturbations")

"""The commands of the held-out protocol on a small simulated screen, and what they refuse."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.sparse as sp

import aggregate_held_out
import build_features
import build_kernels
import build_laplacian
import build_network
import compare_experiments
import diffuse
import predict_held_out
import rank_sweep
import read_perturbations
import read_string
import score_baselines
import simulate_example
from echoes.io.files import load_record, save_record
from echoes.network.null import permute_labels
from echoes.scoring import gene_sampling
from echoes.scoring.bootstrap import resample
from echoes.scoring.metrics import score
from echoes.scoring.out_of_fold import HeldOutPart, save_part
from echoes.screen.record import load_fields
from placed import arrays_of, put
from screens import write_dataset_settings

Array = npt.NDArray[np.float64]

SCRIPTS = Path(predict_held_out.__file__).parent
N, V, G, PARTS = 9, 3, 40, 2
ALPHAS = ("0.25", "0.75")
INNER = 3
INNER_CROSSVAL = {"folds": INNER}
REGRESSION = {
    "penalties": [1, 100],
    "inner_folds": 2,
    "l1_ratio": 0.5,
    "backend": "exact",
    "gap": 1e-8,
    "max_iter": 1000,
    "tolerance": 1e-4,
}
#: Settings of each experiment: the sections that its models read, and the files that they need.
HOW: dict[str, dict[str, Any]] = {
    "zero": {
        "models": ["zero"],
        "kernels": None,
        "features_file": None,
        "sources": {},
    },
    "mean": {
        "models": ["mean"],
        "kernels": None,
        "features_file": None,
        "sources": {},
        "inner_crossval": INNER_CROSSVAL,
    },
    "echo": {
        "models": ["echo"],
        "kernels": "kernels.npz",
        "features_file": None,
        "sources": {},
        "echo": {
            "blends": [0.5, 1],
            "kernels": ["network", "sources"],
            "penalties": [1, 10],
            "objective": "score",
            "rate": 2.0,
            "race": True,
        },
        "inner_crossval": INNER_CROSSVAL,
    },
    "ridge": {
        "models": ["ridge"],
        "kernels": None,
        "features_file": "features.npz",
        "sources": {},
        "response": {"n_components": 3},
        "regression": REGRESSION,
        "inner_crossval": INNER_CROSSVAL,
    },
}
MEMBERS: dict[str, list[str]] = {
    **{name: [name] for name in HOW},
    "ensemble": ["echo", "ridge"],
}
ARRAYS = {
    *("rows", "fold", "prediction", "spread", "centre", "mean", "quantiles", "inner_score"),
    *("seconds", "choice_names", "choices"),
}
LEVELS = [0.5, 0.6827, 0.8, 0.9, 0.95]


def kernels_inputs(out: Path) -> list[str]:
    return [
        *("--diffusions", *(str(out / f"{alpha}.npz") for alpha in ALPHAS)),
        *(f"--{name}={out / name}.npz" for name in ("adjacency", "perturbations")),
        *(f"--{name}={out / name}.tsv" for name in ("genes", "coverage")),
        "--transform=log",
    ]


def write_settings(
    folder: Path, experiment: str, *, parts: int = PARTS, inner: bool = False, **changes: Any
) -> Path:
    """Write an experiment's settings below a folder, with changes to each of its members."""
    settings = settings_of(experiment, parts, inner=inner)
    members = {name: member | changes for name, member in settings["members"].items()}
    path = folder / experiment / "settings.json"
    save_record(path, settings | {"members": members}, 3)
    return path


def predict_arguments(out: Path, settings: Path) -> list[str]:
    return [f"--perturbations={out / 'perturbations.npz'}", f"--settings={settings}"]


def link_inputs(out: Path, folder: Path) -> Path:
    """Link the kernels and the features into another folder of results."""
    for name in ("kernels.npz", "features.npz"):
        (folder / name).symlink_to(out / name)
    return folder


def part_of(out: Path, experiment: str, part: int | str) -> Path:
    return out / experiment / "held_out" / f"{part}.npz"


def settings_of(experiment: str, parts: int = PARTS, *, inner: bool = False) -> dict[str, Any]:
    """An experiment's settings as its file has them."""
    return {
        "experiment": experiment,
        "protocol": "held_out",
        "crossval": {"folds": None, "parts": parts},
        "inner": inner,
        "members": {name: HOW[name] for name in MEMBERS[experiment]},
        "note": "α",
    }


def written(path: Path, record: dict[str, Any]) -> Path:
    save_record(path, record, 3)
    return path


def aggregate_arguments(out: Path, experiment: str, to: Path) -> list[str]:
    return [
        f"--perturbations={out / 'perturbations.npz'}",
        f"--parts={part_of(out, experiment, 0).parent}",
        f"--validation={part_of(out, experiment, 'validation')}",
        *("--records", f"dataset={out / 'perturbations.json'}"),
        f"--settings={out / experiment / 'settings.json'}",
        "--seed=0",
        f"--oof={to / 'oof.csv'}",
        f"--scores={to / 'scores.csv'}",
        f"--calibration={to / 'calibration.csv'}",
        f"--uncertainty={to / 'uncertainty.parquet'}",
        f"--summary={to / 'summary.json'}",
        f"--predictions={to / 'predictions.npz'}",
        f"--metrics={to / 'metrics.npz'}",
    ]


def compare_arguments(out: Path, to: Path, experiments: Path) -> list[str]:
    return [
        f"--perturbations={out / 'perturbations.npz'}",
        f"--experiments={experiments}",
        "--seed=0",
        f"--comparison={to / 'comparison.csv'}",
        f"--table={to / 'comparison.md'}",
        f"--differences={to / 'differences.csv'}",
        f"--by-perturbation={to / 'perturbation_scores.parquet'}",
        f"--by-gene={to / 'gene_scores.parquet'}",
    ]


PUBLISHED = {"name": "published", "kind": "experiment", "protocol": "published"}


def held_out_entry(name: str, parts: int = PARTS) -> dict[str, Any]:
    kind = "baseline" if name in ("mean", "zero") else "experiment"
    return {"name": name, "kind": kind, "protocol": "held_out", "parts": parts}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the commands as the workflow does, and give the folder of what they made."""
    out = tmp_path_factory.mktemp("held_out")
    files = {name: out / f"{name}.csv" for name in ("means", "truth", "validation")}
    simulate_example.main([
        *(f"--{name}={path}" for name, path in files.items()),
        *(f"--{name}={out / name}.txt" for name in ("links", "info")),
        f"--sample-submission={out / 'sample.csv'}",
        f"--validation-truth={out / 'validation_truth.csv'}",
        "--network-genes=60",
        "--network-links=240",
        f"--perturbations={N}",
        f"--validation-genes={V}",
        f"--response-genes={G}",
    ])  # fmt: skip
    read_perturbations.main([
        f"--table={files['means']}",
        *(f"--{name}={files[name]}" for name in ("truth", "validation")),
        write_dataset_settings(out / "dataset.json", "means"),
        f"--output={out / 'perturbations.npz'}",
        f"--folds={out / 'folds.tsv'}",
        f"--checks={out / 'checks.md'}",
        f"--summary={out / 'perturbations.json'}",
    ])  # fmt: skip
    receipt = out / "receipt.json"
    save_record(receipt, {"source": "a shelf"}, 5)
    read_string.main([
        *(f"--{name}={out / name}.txt" for name in ("links", "info")),
        *("--receipts", str(receipt), str(receipt), "--score-threshold=0.5"),
        f"--output={out / 'links.npz'}",
        f"--record={out / 'links.json'}",
    ])  # fmt: skip
    build_network.main([
        f"--links={out / 'links.npz'}",
        f"--record={out / 'links.json'}",
        f"--perturbations={out / 'perturbations.npz'}",
        *("--self-loop=1", "--edge-multiplicity=2"),
        f"--adjacency={out / 'adjacency.npz'}",
        *(f"--{name}={out / name}.tsv" for name in ("genes", "coverage")),
        f"--summary={out / 'network.json'}",
    ])  # fmt: skip
    build_laplacian.main([f"--adjacency={out / 'adjacency.npz'}", f"--output={out}/laplacian.npz"])
    for alpha in ALPHAS:
        diffuse.main([
            *(f"--{name}={out / name}.npz" for name in ("adjacency", "laplacian")),
            f"--perturbations={out / 'perturbations.npz'}",
            *(f"--{name}={out / name}.tsv" for name in ("genes", "coverage")),
            f"--alpha={alpha}",
            *("--tolerance=1e-10", "--backend=auto", "--memory-gb=4", "--workers=1"),
            f"--output={out / alpha}.npz",
        ])  # fmt: skip
    build_kernels.main([*kernels_inputs(out), f"--output={out / 'kernels.npz'}"])
    build_features.main([
        *("--diffusions", *(str(out / f"{alpha}.npz") for alpha in ALPHAS)),
        f"--adjacency={out / 'adjacency.npz'}",
        "--transform=none",
        f"--output={out / 'features.npz'}",
    ])  # fmt: skip
    for experiment in MEMBERS:
        arguments = predict_arguments(out, write_settings(out, experiment))
        for part in range(PARTS):
            output = f"--output={part_of(out, experiment, part)}"
            predict_held_out.main([*arguments, f"--part={part}", output])
        output = f"--output={part_of(out, experiment, 'validation')}"
        predict_held_out.main([*arguments, "--validation", output])
        aggregate_held_out.main(aggregate_arguments(out, experiment, out / experiment))
    (out / "published").mkdir()
    with (out / "published" / "fold_scores.csv").open("w", encoding="utf-8") as table:
        table.write("fold,pert_symbol,score,mape\n")
        (names,) = load_fields(out / "perturbations.npz", "perturbations")
        table.writelines(f"{i},{names[i]},{i * i / 10 - 2},{10 + i}\n" for i in range(N))
    means = {
        "mean_fold_score": sum(i * i / 10 - 2 for i in range(N)) / N,
        "mape": sum(10 + i for i in range(N)) / N,
    }
    save_record(out / "published" / "summary.json", {"published_protocol": means}, 3)
    # Experiments of both protocols mixed, as a configuration may have them.
    experiments: list[dict[str, Any]] = [PUBLISHED, *map(held_out_entry, MEMBERS)]
    listed = written(out / "experiments.json", {"experiments": experiments})
    compare_experiments.main(compare_arguments(out, out, listed))
    return out


def json_of(path: Path) -> dict[str, Any]:
    """Read a record as the commands do."""
    return load_record(path)


def out_of_fold(out: Path, experiment: str) -> Array:
    """The predictions of all parts, in the order of the perturbations."""
    parts = [arrays_of(part_of(out, experiment, part)) for part in range(PARTS)]
    rows = np.concatenate([part["rows"] for part in parts])
    prediction: Array = np.concatenate([part["prediction"] for part in parts])
    return prediction[np.argsort(rows)]


@pytest.fixture(scope="module")
def data(results: Path) -> dict[str, np.ndarray]:
    return arrays_of(results / "perturbations.npz")


def genes_of(out: Path) -> list[str]:
    with (out / "genes.tsv").open(encoding="utf-8") as stream:
        return [row["gene"] for row in csv.DictReader(stream, delimiter="\t")]


def test_kernels(results: Path, data: dict[str, np.ndarray]) -> None:
    found = arrays_of(results / "kernels.npz")
    assert set(found) == {"kernels", "reach", "known"}
    adjacency = sp.load_npz(results / "adjacency.npz").toarray()
    often = adjacency.sum(axis=0) / adjacency.sum()
    genes = genes_of(results)
    response = [genes.index(name) for name in data["genes"]]
    reach = np.zeros((N + V, G))
    for alpha, kernel in zip(ALPHAS, found["kernels"], strict=True):
        walk = arrays_of(results / f"{alpha}.npz")
        rows = np.vstack([walk["train"], walk["validation"]])
        scaled = np.log(1 + rows / often)
        np.testing.assert_allclose(kernel, scaled @ scaled.T, rtol=1e-12)
        part = rows[:, response]
        total = part.sum(axis=1, keepdims=True)
        reach += np.divide(part, total, out=np.zeros_like(part), where=total > 0) / len(ALPHAS)
    np.testing.assert_allclose(found["reach"], reach, rtol=1e-12, atol=0)
    silenced = [genes.index(name) for name in (*data["silenced"], *data["validation_silenced"])]
    links = np.count_nonzero(adjacency, axis=1) - 1
    assert found["known"].tolist() == [bool(links[i]) for i in silenced]
    assert not found["known"].all()


def test_kernels_of_permuted_labels(results: Path, tmp_path: Path) -> None:
    output = tmp_path / "kernels.npz"
    build_kernels.main([*kernels_inputs(results), "--permute-labels=3", f"--output={output}"])
    found, plain = arrays_of(output), arrays_of(results / "kernels.npz")
    screen = arrays_of(results / "perturbations.npz")
    names = screen["silenced"].tolist(), screen["validation_silenced"].tolist()
    places = permute_labels(*names, 3)
    assert sorted(places) == list(range(N + V))
    expected = plain["kernels"][:, np.array(places)[:, None], places]
    np.testing.assert_allclose(found["kernels"], expected, rtol=1e-12)
    assert np.array_equal(found["reach"], plain["reach"][places])
    assert np.array_equal(found["known"], plain["known"][places])
    build_kernels.main([*kernels_inputs(results), "--permute-labels", f"--output={output}"])
    found = arrays_of(output)
    assert all(
        found[name].tobytes() == plain[name].tobytes() for name in found.keys() | plain.keys()
    )


@pytest.mark.parametrize("experiment", MEMBERS)
def test_parts(results: Path, data: dict[str, np.ndarray], experiment: str) -> None:
    for part in range(PARTS):
        found = arrays_of(part_of(results, experiment, part))
        assert set(found) == ARRAYS
        rows = list(range(part, N, PARTS))
        assert found["rows"].tolist() == rows
        assert found["fold"].tolist() == list(range(len(rows)))
        assert found["prediction"].shape == (len(rows), G)
        assert np.isfinite(found["prediction"]).all()
        assert (found["seconds"] > 0).all()
        others = [np.delete(data["truth"], row, axis=0).mean(axis=0) for row in rows]
        np.testing.assert_allclose(found["mean"], others, rtol=1e-12, atol=1e-15)
        tells = experiment in ("echo", "ensemble")
        assert np.isfinite(found["inner_score"]).all() == tells
        assert found["spread"].shape == (len(rows), G if tells else 0)
        assert found["quantiles"].shape == (len(rows), len(LEVELS) if tells else 0)
        assert (np.diff(found["quantiles"], axis=1) >= 0).all()
    found = arrays_of(part_of(results, experiment, "validation"))
    assert found["rows"].tolist() == [0, 1, 2]
    assert found["fold"].tolist() == [0, 0, 0]
    np.testing.assert_allclose(found["mean"], [data["truth"].mean(axis=0)], atol=1e-15)


def test_constant_predictions(results: Path, data: dict[str, np.ndarray]) -> None:
    others = [np.delete(data["truth"], row, axis=0).mean(axis=0) for row in range(N)]
    np.testing.assert_allclose(out_of_fold(results, "mean"), others, rtol=1e-12, atol=1e-15)
    assert not out_of_fold(results, "zero").any()
    validation = arrays_of(part_of(results, "mean", "validation"))["prediction"]
    np.testing.assert_allclose(validation, [data["truth"].mean(axis=0)] * V, atol=1e-15)


@pytest.mark.parametrize("experiment", MEMBERS)
def test_the_number_of_parts_changes_nothing(
    results: Path, tmp_path: Path, experiment: str
) -> None:
    output = tmp_path / "0.npz"
    settings = write_settings(link_inputs(results, tmp_path), experiment, parts=1)
    arguments = predict_arguments(results, settings)
    predict_held_out.main([*arguments, "--part=0", f"--output={output}"])
    whole = arrays_of(output)
    for part in range(PARTS):
        found = arrays_of(part_of(results, experiment, part))
        for name in ARRAYS - {"seconds", "fold", "choice_names"}:
            np.testing.assert_array_equal(found[name], whole[name][part::PARTS])


def test_a_part_without_perturbations(results: Path, tmp_path: Path) -> None:
    arguments = predict_arguments(results, write_settings(tmp_path, "mean", parts=N + 1))
    for part in range(N + 1):
        output = f"--output={tmp_path / 'mean'}/{part}.npz"
        predict_held_out.main([*arguments, f"--part={part}", output])
    settings = written(tmp_path / "to/mean/settings.json", settings_of("mean", N + 1))
    to = tmp_path / "made"
    options = [f"--parts={tmp_path / 'mean'}", f"--settings={settings}"]
    aggregate_held_out.main([*aggregate_arguments(results, "mean", to), *options])
    assert (to / "oof.csv").read_bytes() == (results / "mean/oof.csv").read_bytes()


def test_the_inner_score(results: Path, data: dict[str, np.ndarray], tmp_path: Path) -> None:
    output = tmp_path / "0.npz"
    settings = write_settings(tmp_path, "mean", parts=1, inner=True, models=["median"])
    arguments = predict_arguments(results, settings)
    predict_held_out.main([*arguments, "--part=0", f"--output={output}"])
    expected = []
    for row in range(N):
        truth, weights = (np.delete(data[name], row, axis=0) for name in ("truth", "weights"))
        unseen = np.empty_like(truth)
        for first in range(INNER):
            others = truth[np.arange(N - 1) % INNER != first]
            unseen[first::INNER] = np.median(others, axis=0)
        baseline = np.mean(weights * abs(truth - truth.mean(axis=0)), axis=1)
        expected.append(score(truth, unseen, weights, baseline).total)
    np.testing.assert_allclose(arrays_of(output)["inner_score"], expected, rtol=0, atol=1.1e-5)
    assert any(expected)


def test_an_ensemble_averages_its_members(results: Path) -> None:
    for part in (*range(PARTS), "validation"):
        found = arrays_of(part_of(results, "ensemble", part))
        assert found["choice_names"].tolist() == ["weight_echo", "weight_ridge"]
        shares = found["choices"]
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        members = np.array([
            arrays_of(part_of(results, name, part))["prediction"] for name in MEMBERS["ensemble"]
        ])  # fmt: skip
        expected = np.einsum("rm,mrg->rg", shares[found["fold"]], members)
        np.testing.assert_allclose(found["prediction"], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("experiment", MEMBERS)
def test_aggregated_tables(results: Path, data: dict[str, np.ndarray], experiment: str) -> None:
    folder = results / experiment
    prediction = out_of_fold(results, experiment)
    oof = pd.read_csv(folder / "oof.csv", index_col="pert_symbol")
    assert oof.index.tolist() == data["silenced"].tolist()
    assert oof.columns.tolist() == data["genes"].tolist()
    np.testing.assert_array_equal(oof.to_numpy(), prediction)

    truth, weights = data["truth"], data["weights"]
    scores = pd.read_csv(folder / "scores.csv")
    assert scores["pert_symbol"].tolist() == data["silenced"].tolist()
    wmae = np.mean(weights * abs(truth - prediction), axis=1)
    np.testing.assert_allclose(scores["wmae"], wmae, rtol=1e-12)
    term = np.minimum(5, np.log2(data["baseline"] / wmae))
    np.testing.assert_allclose(scores["term"], term, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scores["mae"], abs(truth - prediction).mean(axis=1), rtol=1e-12)
    parts = [arrays_of(part_of(results, experiment, part)) for part in range(PARTS)]
    for at, name in enumerate(parts[0]["choice_names"]):
        chosen = np.empty(N)
        for number, part in enumerate(parts):
            chosen[number::PARTS] = part["choices"][:, at]
        np.testing.assert_array_equal(scores[name], chosen)

    arrays = arrays_of(folder / "predictions.npz")
    np.testing.assert_array_equal(arrays["prediction"], prediction)
    np.testing.assert_array_equal(arrays["truth"], truth)
    assert arrays["perturbations"].tolist() == data["perturbations"].tolist()
    assert "reconstruction" not in arrays
    validation = arrays_of(part_of(results, experiment, "validation"))["prediction"]
    np.testing.assert_array_equal(arrays["validation"], validation)

    record = json_of(folder / "summary.json")
    whole = score(truth, prediction, weights, data["baseline"])
    held_out = record["held_out"]
    assert held_out["score"]["value"] == whole.total
    assert held_out["sum_of_terms"]["value"] == pytest.approx(term.sum(), abs=1e-9)
    assert held_out["weighted_cosine"]["value"] == pytest.approx(whole.cosine, abs=1e-12)
    assert held_out["better_than_baseline"]["value"] == np.count_nonzero(term > 0)
    assert held_out["score"]["lower"] <= whole.total <= held_out["score"]["upper"]
    assert record["dataset"] == json_of(results / "perturbations.json")
    assert set(record["versions"]) == {"python", "numpy", "scipy"}
    assert record["experiment"] == experiment
    assert record["settings"] == settings_of(experiment)


@pytest.mark.parametrize("experiment", ["mean", "zero"])
def test_constant_predictions_get_no_credit(results: Path, experiment: str) -> None:
    figures = json_of(results / experiment / "summary.json")["held_out"]
    undefined = {"value": None, "lower": None, "upper": None}
    assert figures["pearson_mean"] == figures["gene_pearson"] == undefined
    for distance in ("l1", "cosine"):
        half = figures[f"discrimination_{distance}"]
        assert half["value"] == pytest.approx(0.5, abs=1e-12)
        assert half["lower"] <= 0.5 <= half["upper"]


@pytest.mark.parametrize("experiment", ["echo", "ensemble"])
def test_calibration(results: Path, data: dict[str, np.ndarray], experiment: str) -> None:
    folder = results / experiment
    table = pd.read_csv(folder / "calibration.csv")
    assert table["level"].tolist() == LEVELS
    widths = pd.read_parquet(folder / "uncertainty.parquet")
    ids = [*data["silenced"], *data["validation_ids"]]
    assert widths["perturbation"].tolist() == ids
    assert widths.columns.tolist() == ["perturbation", *data["genes"]]
    width = widths.drop(columns="perturbation").to_numpy()
    assert (width > 0).all()
    error = abs(data["truth"] - out_of_fold(results, experiment))
    covered = np.mean(error <= width[:N], axis=1)
    row = table.iloc[LEVELS.index(0.6827)]
    assert row["coverage"] == pytest.approx(covered.mean(), abs=1e-12)
    assert row["coverage_p10"] == pytest.approx(np.quantile(covered, 0.1), abs=1e-12)
    assert row["coverage_p90"] == pytest.approx(np.quantile(covered, 0.9), abs=1e-12)
    assert row["mean_half_width"] == pytest.approx(width[:N].mean(), rel=1e-9)
    assert (np.diff(table["coverage"]) >= 0).all()
    assert (np.diff(table["mean_half_width"]) > 0).all()
    record = json_of(folder / "summary.json")["calibration"]
    assert list(record.values()) == pytest.approx(table["coverage"].tolist())
    assert list(record) == ["0.5", "0.6827", "0.8", "0.9", "0.95"]


def test_a_model_that_tells_no_error(results: Path) -> None:
    folder = results / "mean"
    header = "level,coverage,coverage_p10,coverage_p90,mean_half_width\n"
    assert (folder / "calibration.csv").read_text(encoding="utf-8") == header
    assert pd.read_parquet(folder / "uncertainty.parquet").empty
    assert json_of(folder / "summary.json")["calibration"] == {}
    assert json_of(folder / "summary.json")["inner_score"] is None


def test_without_validation(results: Path, tmp_path: Path) -> None:
    aggregate_held_out.main([*aggregate_arguments(results, "echo", tmp_path), "--validation"])
    assert arrays_of(tmp_path / "predictions.npz")["validation"].shape == (0, G)
    assert len(pd.read_parquet(tmp_path / "uncertainty.parquet")) == N
    for name in ("oof.csv", "scores.csv", "calibration.csv"):
        assert (tmp_path / name).read_bytes() == (results / "echo" / name).read_bytes()


@pytest.fixture(scope="module")
def comparison(results: Path) -> pd.DataFrame:
    return pd.read_csv(results / "comparison.csv")


def test_protocols_are_not_mixed(comparison: pd.DataFrame) -> None:
    columns = ["experiment", "kind", "protocol", "metric", "value", "lower", "upper"]
    assert comparison.columns.tolist() == columns
    published = comparison[comparison["protocol"] == "published"]
    assert set(published["experiment"]) == {"published"}
    assert published["metric"].tolist() == ["mean_fold_score", "mape"]
    held_out = comparison[comparison["protocol"] == "held_out"]
    assert len(held_out) + len(published) == len(comparison)
    assert held_out["experiment"].unique().tolist() == list(MEMBERS)
    assert "mean_fold_score" not in set(held_out["metric"])
    kinds = held_out.groupby("experiment")["kind"].unique().map(list).to_dict()
    baselines = {name for name, (kind,) in kinds.items() if kind == "baseline"}
    assert baselines == {"mean", "zero"}
    assert not comparison.duplicated(["experiment", "metric"]).any()


def test_compared_figures(
    results: Path, comparison: pd.DataFrame, data: dict[str, np.ndarray]
) -> None:
    values = comparison.set_index(["experiment", "metric"])["value"]
    scores = np.arange(N) ** 2 / 10 - 2
    assert values["published", "mean_fold_score"] == pytest.approx(scores.mean())
    assert values["published", "mape"] == pytest.approx(10 + (N - 1) / 2)
    for name in MEMBERS:
        prediction = out_of_fold(results, name)
        whole = score(data["truth"], prediction, data["weights"], data["baseline"])
        assert values[name, "score"] == whole.total
        # The figures of an experiment are those of its summary.
        for metric, three in json_of(results / name / "summary.json")["held_out"].items():
            if isinstance(three, dict):
                found = values[name, metric]
                assert found == three["value"] or (three["value"] is None and np.isnan(found))
    defined = comparison.dropna()
    assert (defined["lower"] <= defined["upper"]).all()
    assert not defined.empty
    genes = comparison[comparison["metric"] == "gene_pearson"]
    assert genes[["lower", "upper"]].isna().all(axis=None)


def test_differences(results: Path, comparison: pd.DataFrame) -> None:
    table = pd.read_csv(results / "differences.csv")
    columns = ["experiment", "reference", "metric", "value", "lower", "upper"]
    assert table.columns.tolist() == columns
    paired = {"score", "wmae_ratio", "discrimination_l1", "pearson_mean", "r2_mean"}
    assert len(table) == len(MEMBERS) * (len(MEMBERS) - 1) * len(paired)
    assert set(table["metric"]) == paired
    values = comparison.set_index(["experiment", "metric"])["value"]
    indexed = table.set_index(["experiment", "reference", "metric"])
    for (one, other, metric), row in indexed.iterrows():
        assert one != other
        if np.isnan(row["value"]):
            # A correlation with a constant is undefined.
            assert metric == "pearson_mean"
            assert np.isnan([values[one, metric], values[other, metric]]).any()
            continue
        assert row["value"] == values[one, metric] - values[other, metric]
        back = indexed.loc[other, one, metric]
        assert row["value"] == -back["value"]
        assert row["lower"] == pytest.approx(-back["upper"], rel=1e-12, abs=1e-12)
        assert row["upper"] == pytest.approx(-back["lower"], rel=1e-12, abs=1e-12)
        assert row["lower"] <= row["upper"]
    # Paired: both figures are taken over the same draws.
    counts = resample(N, 10_000, 0)
    drawn = {
        name: 2 ** -(counts @ pd.read_csv(results / name / "scores.csv")["term"].to_numpy() / N)
        for name in ("echo", "mean")
    }
    pair = indexed.loc["echo", "mean", "wmae_ratio"]
    expected = np.quantile(drawn["echo"] - drawn["mean"], [0.025, 0.975])
    np.testing.assert_allclose(pair[["lower", "upper"]].to_numpy(float), expected, rtol=1e-9)


def test_r_squared(results: Path, data: dict[str, np.ndarray], comparison: pd.DataFrame) -> None:
    values = comparison.set_index(["experiment", "metric"])["value"]
    own = data["genes"] == data["silenced"][:, None]
    for name in ("echo", "ridge"):
        squares = np.zeros(2)
        for number in range(PARTS):
            part = arrays_of(part_of(results, name, number))
            rows = part["rows"]
            true = data["truth"][rows] - part["mean"][part["fold"]]
            wrong = true - (part["prediction"] - part["centre"][part["fold"]])
            squares += [(each[~own[rows]] ** 2).sum() for each in (wrong, true)]
        assert values[name, "r2_mean"] == pytest.approx(1 - squares[0] / squares[1], rel=1e-9)
    assert values["mean", "r2_mean"] == values["zero", "r2_mean"] == 0


def test_tidy_tables(results: Path, data: dict[str, np.ndarray], comparison: pd.DataFrame) -> None:
    rows = pd.read_parquet(results / "perturbation_scores.parquet")
    label = ["experiment", "kind", "protocol"]
    assert rows.columns.tolist() == [*label, "pert_symbol", "metric", "value", "lower", "upper"]
    bounds = rows[rows["lower"].notna()]
    assert set(bounds["metric"]) == set(gene_sampling.METRICS)
    assert (bounds["lower"] <= bounds["value"]).all()
    assert (bounds["value"] <= bounds["upper"]).all()
    assert set(rows["protocol"]) == {"held_out"}
    genes = pd.read_parquet(results / "gene_scores.parquet")
    assert genes.columns.tolist() == [*label, "gene", "metric", "value"]
    assert set(genes["metric"]) == {"pearson", "mae"}
    values = comparison.set_index(["experiment", "metric"])["value"]
    for name in MEMBERS:
        error = abs(data["truth"] - out_of_fold(results, name))
        mine = rows[(rows["experiment"] == name) & (rows["metric"] == "mae")]
        assert mine["pert_symbol"].tolist() == data["silenced"].tolist()
        np.testing.assert_allclose(mine["value"], error.mean(axis=1), rtol=1e-12)
        assert values[name, "mae"] == pytest.approx(error.mean(), rel=1e-12)
        mine = genes[(genes["experiment"] == name) & (genes["metric"] == "mae")]
        assert mine["gene"].tolist() == data["genes"].tolist()
        np.testing.assert_allclose(mine["value"], error.mean(axis=0), rtol=1e-12)
        single = rows[rows["experiment"] == name].groupby("metric")["value"]
        assert (single.size() == N).all()
        for metric, mean in single.mean().items():
            if metric not in ("term", "better_than_baseline", "r2_mean"):
                assert values[name, metric] == pytest.approx(mean, nan_ok=True)


@pytest.mark.parametrize("published", [True, False])
def test_nothing_held_out_makes_empty_tables(
    results: Path, tmp_path: Path, published: bool
) -> None:
    (tmp_path / "published").symlink_to(results / "published")
    entries = [PUBLISHED] if published else []
    listed = written(tmp_path / "experiments.json", {"experiments": entries})
    compare_experiments.main(compare_arguments(results, tmp_path, listed))
    for name in ("comparison.csv", "differences.csv"):
        table, usual = (pd.read_csv(folder / name) for folder in (tmp_path, results))
        assert table.columns.tolist() == usual.columns.tolist()
        assert len(table) == (2 if published and name == "comparison.csv" else 0)
    for name in ("perturbation_scores.parquet", "gene_scores.parquet"):
        table, usual = (pd.read_parquet(folder / name) for folder in (tmp_path, results))
        assert table.dtypes.to_dict() == usual.dtypes.to_dict()
        assert table.empty


def hand_made(path: Path, prediction: Array, inner: Array) -> None:
    """Write a part with all perturbations, each of a model of its own."""
    n, genes = prediction.shape
    none = np.empty((n, 0))
    part = HeldOutPart(
        rows=np.arange(n),
        fold=np.arange(n),
        prediction=prediction,
        spread=none,
        centre=np.zeros((n, genes)),
        mean=np.zeros((n, genes)),
        quantiles=none,
        inner_score=inner,
        seconds=np.ones(n),
        choice_names=np.array([], dtype=np.str_),
        choices=none,
    )
    save_part(path, part)


def sweep_arguments(results: Path, runs: Path, output: Path) -> list[str]:
    return [
        f"--perturbations={results / 'perturbations.npz'}",
        f"--runs={runs}",
        "--seed=0",
        f"--output={output}",
    ]


def sweep_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"sweep": "s", "runs": runs}


def ranked(results: Path, folder: Path, runs: dict[str, tuple[Array, Array]]) -> pd.DataFrame:
    entries = []
    for number, (name, run) in enumerate(runs.items()):
        hand_made(folder / name / "held_out" / "0.npz", *run)
        varied = {"diffusion.alphas": [number], "features.transform": None}
        entries.append({"name": name, "varied": varied, "parts": 1})
    listed = written(folder / "sweeps" / "s.json", sweep_of(entries))
    rank_sweep.main(sweep_arguments(results, listed, folder / "sweep.csv"))
    return pd.read_csv(folder / "sweep.csv")


def test_a_sweep_is_ranked_by_the_inner_score(
    results: Path, data: dict[str, np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).normal(scale=0.02, size=(N, G))
    inner = np.full((3, N), 0.5)
    # The best on the average, the best in a few folds, and never the best.
    inner[0], inner[1, :3], inner[2] = 1.0, 2.0, 0.25
    made = [data["truth"] + size * noise for size in (2, 3, 1)]
    runs = {f"s.{i}": (made[i], inner[i]) for i in range(3)}
    table = ranked(results, tmp_path, runs)
    outer = [score(data["truth"], p, data["weights"], data["baseline"]).total for p in made]
    assert outer[2] > outer[0] > outer[1]

    assert table.columns.tolist() == [
        *("inner_rank", "run", "diffusion.alphas", "features.transform", "inner_score"),
        *("held_out_score", "lower", "upper", "held_out_rank", "note"),
    ]
    assert table["run"].tolist() == ["s.0", "s.1", "s.2", "chosen in each fold"]
    assert table["inner_rank"][:3].tolist() == [1, 2, 3]
    assert table["held_out_rank"][:3].tolist() == [2, 3, 1]
    assert table[["inner_rank", "held_out_rank"]].iloc[3].isna().all()
    assert table["diffusion.alphas"][:3].tolist() == ["[0]", "[1]", "[2]"]
    assert table["held_out_score"][:3].tolist() == outer
    np.testing.assert_allclose(table["inner_score"][:3], inner.mean(axis=1), rtol=1e-12)
    assert table["note"].fillna("").tolist() == [
        "chosen by the inner score",
        "",
        "best held-out score: choosing by it would flatter",
        "the honest score of the sweep",
    ]
    # In three folds the second run is chosen, in the others the first.
    nested = np.concatenate([made[1][:3], made[0][3:]])
    expected = score(data["truth"], nested, data["weights"], data["baseline"]).total
    assert table["held_out_score"][3] == expected
    assert table["inner_score"][3] == pytest.approx((3 * 2 + (N - 3) * 1) / N)
    assert (table["lower"] <= table["upper"]).all()
    assert "s.2 has the best held-out score, s.0 the best inner one" in caplog.text


def test_a_sweep_whose_best_is_the_best_of_both(
    results: Path, data: dict[str, np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).normal(scale=0.02, size=(N, G))
    runs = {
        "s.0": (data["truth"] + 2 * noise, np.full(N, 0.5)),
        "s.1": (data["truth"] + noise, np.full(N, 1.0)),
        "s.2": (data["truth"] + 2 * noise, np.full(N, 0.5)),
    }
    table = ranked(results, tmp_path, runs)
    # What is as good stays in its order.
    assert table["run"][:3].tolist() == ["s.1", "s.0", "s.2"]
    assert table["held_out_rank"][:3].tolist() == [1, 2, 2]
    assert table["note"][0] == "chosen by the inner score"
    assert table["note"][1:3].isna().all()
    assert table["held_out_score"][3] == table["held_out_score"][0]
    assert not caplog.records


@pytest.mark.parametrize("experiment", MEMBERS)
def test_a_prediction_imports_numpy_alone(results: Path, tmp_path: Path, experiment: str) -> None:
    heavy = ("pandas", "pyarrow", "matplotlib", "sklearn", "scipy", "requests", "snakemake")
    settings = write_settings(link_inputs(results, tmp_path), experiment, parts=N)
    arguments = [*predict_arguments(results, settings), "--part=0"]
    arguments += [f"--output={tmp_path / '0.npz'}"]
    code = (
        f"import sys, predict_held_out; predict_held_out.main({arguments!r}); "
        f"print(*(name for name in {heavy!r} if name in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []


def test_nothing_is_left_beside_the_outputs(results: Path) -> None:
    assert [path.name for path in results.rglob("*") if path.name.startswith(".")] == []


def refused(script: str, arguments: list[str], folder: Path) -> str:
    """Run a command that fails on its input, and give its line of error."""
    folder.mkdir()
    code = [sys.executable, str(SCRIPTS / f"{script}.py"), *arguments]
    ended = subprocess.run(code, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    (line,) = (line for line in ended.stderr.splitlines() if line.startswith("error: "))
    assert ended.stderr.endswith(f"{line}\n")
    assert list(folder.rglob("*")) == []
    return line


@pytest.mark.parametrize(
    ("experiment", "part", "changes", "line"),
    [
        ("mean", 2, {}, "error: --part: 2; expected 0 to 1. "),
        ("mean", -1, {}, "error: --part: -1; expected 0 to 1. "),
        ("echo", 0, {"kernels": "x.npz"}, "error: {folder}/x.npz: there is no such file."),
        ("ridge", 0, {"features_file": "x.npz"}, "error: {folder}/x.npz: there is no such file."),
        (
            "echo",
            0,
            {"kernels": None},
            "error: settings.json: members: echo: there are no kernels; expected a file of kernels",
        ),
    ],
)
def test_bad_settings_of_a_prediction(
    results: Path, tmp_path: Path, experiment: str, part: int, changes: dict[str, Any], line: str
) -> None:
    out = tmp_path / "out"
    settings = write_settings(tmp_path, experiment, **changes)
    arguments = [*predict_arguments(results, settings), f"--part={part}"]
    error = refused("predict_held_out", [*arguments, f"--output={out / '0.npz'}"], out)
    assert error.startswith(line.format(folder=tmp_path))


def test_more_folds_than_silenced_genes(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = write_settings(tmp_path, "mean")
    save_record(settings, json_of(settings) | {"crossval": {"folds": N + 1, "parts": 1}}, 3)
    arguments = [*predict_arguments(results, settings), "--part=0", f"--output={out / '0.npz'}"]
    assert refused("predict_held_out", arguments, out).startswith(
        f"error: configuration: crossval: folds: {N + 1} for {N} silenced genes; expected 2 to "
    )


@pytest.mark.parametrize("experiment", ["mean", "echo", "ridge"])
def test_too_few_perturbations(
    results: Path, data: dict[str, np.ndarray], tmp_path: Path, experiment: str
) -> None:
    few = {
        name: array[:3] if array.shape[:1] == (N,) and name != "genes" else array
        for name, array in data.items()
    }
    put(tmp_path / "perturbations.npz", few, 3)
    kernels = arrays_of(results / "kernels.npz")
    kept = [0, 1, 2, *range(N, N + V)]
    kernels["kernels"] = kernels["kernels"][:, np.array(kept)[:, None], kept]
    put(tmp_path / "kernels.npz", kernels | {k: kernels[k][kept] for k in ("reach", "known")}, 5)
    features = arrays_of(results / "features.npz")
    put(tmp_path / "features.npz", features | {"train": features["train"][:3]}, 3)
    out = tmp_path / "out"
    arguments = predict_arguments(tmp_path, write_settings(tmp_path, experiment))
    arguments += ["--part=0", f"--output={out / '0.npz'}"]
    assert refused("predict_held_out", arguments, out) == (
        "error: configuration: experiments: protocol: held_out leaves 2 perturbations to learn "
        "from; expected at least 3. Add perturbations."
    )


def test_a_fit_that_misses_its_gap(results: Path, tmp_path: Path) -> None:
    settings = write_settings(
        link_inputs(results, tmp_path),
        "ridge",
        parts=N,
        models=["elastic_net"],
        regression=REGRESSION | {"penalties": [0.001], "gap": 1e-40},
    )
    arguments = [*predict_arguments(results, settings), "--part=3"]
    arguments += [f"--output={tmp_path / '0.npz'}"]
    code = [sys.executable, str(SCRIPTS / "predict_held_out.py"), *arguments]
    ended = subprocess.run(code, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    line = ended.stderr.splitlines()[-1]
    assert line.startswith("error: perturbations [3], elastic_net, penalty 0.001: relative duality")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("experiment", ["mean", "ridge", "echo"])
def test_a_prediction_imports_its_own_model_alone(
    results: Path, tmp_path: Path, experiment: str
) -> None:
    settings = write_settings(link_inputs(results, tmp_path), experiment, parts=N)
    arguments = [*predict_arguments(results, settings), "--part=0"]
    arguments += [f"--output={tmp_path / '0.npz'}"]
    models = ("baselines", "echo", "regression", "ridge", "elastic_net")
    code = (
        f"import sys, predict_held_out; predict_held_out.main({arguments!r}); "
        f"print(*(name for name in {models!r} if f'echoes.models.{{name}}' in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    imported = {"mean": ["baselines"], "echo": ["echo"], "ridge": [*models[2:]]}
    assert ended.stdout.split() == imported[experiment]


def test_the_time_that_is_left_is_logged(
    results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    arguments = predict_arguments(results, write_settings(tmp_path, "mean", parts=4))
    predict_held_out.main([*arguments, "--part=0", f"--output={tmp_path / '0.npz'}"])
    assert [message.partition(",")[0] for message in caplog.messages] == [
        f"fold {number} of 3" for number in (1, 2, 3)
    ]
    assert caplog.messages[-1] == "fold 3 of 3, about 0 s left"


READERS = ["aggregate_held_out", "score_baselines", "rank_sweep"]


def copied_parts(results: Path, folder: Path) -> Path:
    """Copy the parts of an experiment to where each reader looks for them."""
    parts = folder / "echo" / "held_out"
    for path in part_of(results, "echo", 0).parent.iterdir():
        put(parts / path.name, arrays_of(path), 4)
    return parts


def reading_parts(results: Path, folder: Path, out: Path, script: str) -> list[str]:
    """Arguments of a script that reads the two parts of the experiment in a folder."""
    if script == "aggregate_held_out":
        parts = f"--parts={folder / 'echo' / 'held_out'}"
        return [*aggregate_arguments(results, "echo", out), parts]
    if script == "score_baselines":
        settings = written(folder / "echo/settings.json", settings_of("echo"))
        return [f"--perturbations={results / 'perturbations.npz'}", f"--settings={settings}"]
    runs = [{"name": "echo", "varied": {}, "parts": PARTS}]
    listed = written(folder / "sweeps" / "s.json", sweep_of(runs))
    return sweep_arguments(results, listed, out / "sweep.csv")


@pytest.mark.parametrize("script", READERS)
def test_parts_that_do_not_belong_together(results: Path, tmp_path: Path, script: str) -> None:
    parts = copied_parts(results, tmp_path)
    put(parts / "1.npz", arrays_of(parts / "0.npz"), 4)
    out = tmp_path / "out"
    line = refused(script, reading_parts(results, tmp_path, out, script), out)
    twice, last = 2 * len(range(0, N, PARTS)), N - 1
    expected = f"error: {parts}: rows: all parts have {twice}, of which {twice // 2} differ"
    assert line.startswith(f"{expected}, up to {last}; ")
    assert line.endswith("Delete the parts and run the workflow again.")


@pytest.mark.parametrize("script", READERS)
def test_a_missing_part(results: Path, tmp_path: Path, script: str) -> None:
    missing = copied_parts(results, tmp_path) / "1.npz"
    missing.unlink()
    out = tmp_path / "out"
    line = refused(script, reading_parts(results, tmp_path, out, script), out)
    assert line == f"error: {missing}: there is no such file."


@pytest.mark.parametrize("script", READERS)
def test_a_damaged_part(results: Path, tmp_path: Path, script: str) -> None:
    damaged = copied_parts(results, tmp_path) / "0.npz"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    out = tmp_path / "out"
    line = refused(script, reading_parts(results, tmp_path, out, script), out)
    assert line.startswith(f"error: {damaged}: cannot read rows, fold")


def test_a_gene_that_the_network_lacks(results: Path, tmp_path: Path) -> None:
    out, genes = tmp_path / "out", tmp_path / "genes.tsv"
    genes.write_text("gene\tindex\trole\tconnected\nOTHER\t0\t\t1\n")
    arguments = [*kernels_inputs(results), f"--genes={genes}", f"--output={out / 'k.npz'}"]
    assert refused("build_kernels", arguments, out).startswith(f"error: {genes}: 1 genes; ")


def split_of(out: Path, experiment: str, to: Path, rows: list[int]) -> Path:
    """Make an experiment that predicts these rows alone, as another one predicts them."""
    for number in range(PARTS):
        part = arrays_of(part_of(out, experiment, number))
        kept = np.isin(part["rows"], rows)
        part |= {name: part[name][kept] for name in ("rows", "fold", "prediction", "spread")}
        save_part(part_of(to, experiment, number), HeldOutPart(**part))
    put(part_of(to, experiment, "validation"), arrays_of(part_of(out, experiment, "validation")), 4)
    settings = settings_of(experiment) | {"split": True}
    return written(to / experiment / "settings.json", settings)


def test_a_part_of_the_rows(results: Path, data: dict[str, np.ndarray], tmp_path: Path) -> None:
    rows = [1, 2, 6, 8]
    settings = split_of(results, "echo", tmp_path, rows)
    arguments = aggregate_arguments(results, "echo", tmp_path / "echo")
    parts = f"--parts={settings.parent / 'held_out'}"
    aggregate_held_out.main([*arguments, f"--settings={settings}", parts])
    oof = pd.read_csv(tmp_path / "echo/oof.csv", index_col="pert_symbol")
    assert oof.index.tolist() == data["silenced"][rows].tolist()
    prediction = out_of_fold(results, "echo")[rows]
    np.testing.assert_array_equal(oof.to_numpy(), prediction)
    scores = pd.read_csv(tmp_path / "echo/scores.csv")
    whole = pd.read_csv(results / "echo/scores.csv").iloc[rows].reset_index(drop=True)
    for name in ("pert_symbol", "baseline_wmae", "wmae", "pearson_mean", "inner_score"):
        assert scores[name].equals(whole[name]), name
    made = arrays_of(tmp_path / "echo/predictions.npz")
    assert made["perturbations"].tolist() == data["perturbations"][rows].tolist()
    np.testing.assert_array_equal(made["truth"], data["truth"][rows])
    expected = score(data["truth"][rows], prediction, data["weights"][rows], data["baseline"][rows])
    summary = json_of(tmp_path / "echo/summary.json")["held_out"]
    assert summary["perturbations"] == len(rows)
    assert summary["score"]["value"] == expected.total

    # The published protocol is compared on the same rows.
    (tmp_path / "published").symlink_to(results / "published")
    of_mean = split_of(results, "mean", tmp_path, rows)
    score_baselines.main(
        [f"--perturbations={results / 'perturbations.npz'}", f"--settings={of_mean}"]
    )
    entries = [PUBLISHED, *(held_out_entry(name) | {"split": True} for name in ("echo", "mean"))]
    listed = written(tmp_path / "experiments.json", {"experiments": entries})
    compare_experiments.main(compare_arguments(results, tmp_path, listed))
    found = pd.read_csv(tmp_path / "comparison.csv").set_index(["experiment", "metric"])["value"]
    assert found["echo", "score"] == expected.total
    mean = out_of_fold(results, "mean")[rows]
    expected_mean = score(data["truth"][rows], mean, data["weights"][rows], data["baseline"][rows])
    assert found["mean", "score"] == expected_mean.total
    folds = [i * i / 10 - 2 for i in rows]
    assert found["published", "mean_fold_score"] == pytest.approx(np.mean(folds))
    table = pd.read_parquet(tmp_path / "perturbation_scores.parquet")
    assert set(table["pert_symbol"]) == set(data["perturbations"][rows])

    runs = [{"name": name, "varied": {"a": name}, "parts": PARTS} for name in ("echo", "mean")]
    (tmp_path / "sweeps").mkdir()
    listed_rows = listed
    listed = written(
        tmp_path / "sweeps/s.json",
        {"sweep": "s", "runs": [each | {"split": True} for each in runs]},
    )
    rank_sweep.main([
        f"--perturbations={results / 'perturbations.npz'}",
        *(f"--runs={listed}", "--seed=0", f"--output={tmp_path / 'sweep.csv'}"),
    ])  # fmt: skip
    ranked = pd.read_csv(tmp_path / "sweep.csv").set_index("run")["held_out_score"]
    assert ranked["echo"] == expected.total
    assert ranked["mean"] == expected_mean.total

    # What is scored on other rows is not compared with them.
    put(tmp_path / "mean/metrics.npz", arrays_of(results / "mean/metrics.npz"), 3)
    out = tmp_path / "out"
    line = refused("compare_experiments", compare_arguments(results, out, listed_rows), out)
    assert line.startswith(f"error: {tmp_path / 'mean/metrics.npz'}: rows: {N} other perturbations")


def test_baselines_are_scored_as_experiments_are(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mean"
    folder.mkdir()
    (folder / "held_out").symlink_to(results / "mean/held_out")
    settings = written(folder / "settings.json", settings_of("mean"))
    perturbations = f"--perturbations={results / 'perturbations.npz'}"
    score_baselines.main([perturbations, f"--settings={settings}", "--threads=2"])
    found, expected = (arrays_of(each / "mean/metrics.npz") for each in (tmp_path, results))
    assert found.keys() == expected.keys()
    for name in found.keys() - {"place"}:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def with_rankings(results: Path, to: Path, threshold: float) -> list[str]:
    """Score three experiments with rankings; arguments to compare them."""
    (to / "published").symlink_to(results / "published")
    names = ("mean", "zero", "echo")
    for name in names:
        arguments = aggregate_arguments(results, name, to / name)
        aggregate_held_out.main([*arguments, f"--ranking-threshold={threshold}"])
    entries = [PUBLISHED, *map(held_out_entry, names)]
    listed = written(to / "experiments.json", {"experiments": entries})
    return compare_arguments(results, to, listed)


def test_rankings(results: Path, data: dict[str, np.ndarray], tmp_path: Path) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    threshold = float(np.quantile(abs(data["truth"]), 0.7))
    arguments = with_rankings(results, tmp_path, threshold)
    compare_experiments.main([*arguments, f"--ranking-threshold={threshold}"])
    found = pd.read_csv(tmp_path / "comparison.csv").set_index(["experiment", "metric"])
    for name in ("mean", "zero"):
        for question, axis in itertools.product(("de", "up"), ("gene", "perturbation")):
            assert found.loc[(name, f"auroc_{question}_{axis}"), "value"] == 0.5
            chance = found.loc[(name, f"prevalence_{question}_{axis}"), "value"]
            assert found.loc[(name, f"ap_{question}_{axis}"), "value"] == chance
    # Each silenced gene is left out of its own row; every row is a fold.
    parts = [arrays_of(part_of(results, "echo", part)) for part in range(PARTS)]
    prediction = out_of_fold(results, "echo")
    centre = np.empty_like(prediction)
    for part in parts:
        centre[part["rows"]] = part["centre"][part["fold"]]
    kept = data["genes"] != data["silenced"][:, None]
    de = abs(data["truth"]) >= threshold
    size = abs(prediction) - abs(centre)
    by_gene = pd.read_parquet(tmp_path / "gene_scores.parquet")
    by_gene = by_gene[by_gene["experiment"] == "echo"].set_index(["metric", "gene"])["value"]
    both = []
    for g, gene in enumerate(data["genes"]):
        y, x = de[kept[:, g], g], size[kept[:, g], g]
        if y.any() and not y.all():
            both.append(roc_auc_score(y, x))
            assert by_gene["auroc_de_gene", gene] == pytest.approx(both[-1], abs=1e-12)
            assert by_gene["ap_de_gene", gene] == pytest.approx(average_precision_score(y, x))
        else:
            assert np.isnan(by_gene["auroc_de_gene", gene])
    assert 0 < len(both) < G
    assert found.loc[("echo", "auroc_de_gene"), "value"] == pytest.approx(np.mean(both), abs=1e-12)
    interval = found.loc[("echo", "auroc_de_perturbation"), ["lower", "value", "upper"]]
    assert interval.is_monotonic_increasing
    rows = pd.read_parquet(tmp_path / "perturbation_scores.parquet")
    rows = rows[(rows["experiment"] == "echo") & (rows["metric"] == "auroc_up_perturbation")]
    assert rows["value"].mean() == found.loc[("echo", "auroc_up_perturbation"), "value"]
    differences = pd.read_csv(tmp_path / "differences.csv").set_index(["experiment", "reference"])
    of_mean = differences.loc[("echo", "mean")].set_index("metric")
    expected = found.loc[("echo", "auroc_up_perturbation"), "value"] - 0.5
    assert of_mean.loc["auroc_up_perturbation", "value"] == expected
    assert "AUROC differential (chance 0.50)" in (tmp_path / "comparison.md").read_text("utf-8")

    # The tables of an experiment have no rankings, and are the same with them.
    one, other = tmp_path / "echo", results / "echo"
    for file in ("scores.csv", "calibration.csv"):
        assert (one / file).read_bytes() == (other / file).read_bytes()
    assert json_of(one / "summary.json") == json_of(other / "summary.json")


def test_a_threshold_that_no_effect_reaches(
    results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = with_rankings(results, tmp_path, 1e9)
    compare_experiments.main([*arguments, "--ranking-threshold=1e9"])
    assert "threshold 1e+09 divides neither a gene nor a perturbation" in caplog.text
    assert "AUROC" not in (tmp_path / "comparison.md").read_text("utf-8")

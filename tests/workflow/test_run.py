"""The small example from end to end: every file, the numbers in them, and always the same bytes."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from placed import arrays_of
from workflow.conftest import ALONE

Array = npt.NDArray[np.float64]

DATASET_FILES = {
    *(f"networks/string/{name}" for name in ("adjacency.npz", "laplacian.npz", "genes.tsv")),
    *(f"networks/string/{name}" for name in ("links.npz", "links.json", "coverage.tsv")),
    "networks/string/summary.json",
    *(
        f"networks/string/source/{table}{end}"
        for table in ("links", "info")
        for end in (".json", ".txt", ".txt.gz")
    ),
    *(f"networks/string/diffusion/alpha~{alpha}.npz" for alpha in (0.25, 0.5, 0.75)),
    *(f"perturbations/{name}" for name in ("perturbations.npz", "folds.tsv", "summary.json")),
    "perturbations/checks.md",
    "perturbations/settings.json",
    *("mean/held_out/0.npz", "mean/settings.json", "mean/metrics.npz"),
    *("charts.json", "experiments.json", "config.json"),
    *("comparison.csv", "comparison.md", "differences.csv", "report.html"),
    *("perturbation_scores.parquet", "gene_scores.parquet"),
    *(
        f"figures/{name}.{kind}"
        for name in ("comparison", "perturbations")
        for kind in ("pdf", "svg", "png")
    ),
}
EXPERIMENT_FILES = {
    *("features.npz", "components.npz", "predictions.npz", "oof_predictions.csv"),
    *("fold_scores.csv", "summary.json", "figure.png", "figure.pdf", "submission.csv"),
    *("settings.json", *(f"folds/{fold}.npz" for fold in range(6))),
}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def table(path: Path) -> tuple[list[str], dict[str, Array], list[str]]:
    """Read a table of numbers: row names, columns, column names."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    values = np.array([[float(cell) for cell in row[1:]] for row in rows])
    return [row[0] for row in rows], dict(zip(header[1:], values.T, strict=True)), header[1:]


def summary(work: Any, experiment: str = "published") -> dict[str, Any]:
    record = json.loads(work.file("summary.json", experiment).read_text(encoding="utf-8"))
    assert isinstance(record, dict)
    return record


def score(truth: Array, prediction: Array, weights: Array, baseline: Array) -> float:
    """The competition's score, written down anew from its definition."""
    total = 0.0
    for y, p, w, b in zip(truth, prediction, weights, baseline, strict=True):
        wmae = sum(wi * abs(yi - pi) for wi, yi, pi in zip(w, y, p, strict=True)) / len(y)
        total += min(5.0, float(np.log2(max(b, 1e-12) / max(wmae, 1e-12))))
    t = np.minimum(np.maximum(abs(truth), abs(prediction)) / 0.2, 1)
    h = 3 * t**2 - 2 * t**3
    norm = np.linalg.norm(h * truth) * np.linalg.norm(h * prediction)
    cosine = np.vdot(h * truth, h * prediction) / norm if norm >= 1e-12 else 0.0
    return round(total * max(0.0, float(cosine)), 5)


@pytest.fixture(scope="module")
def other_way(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same run on four cores, with other hashes and another locale."""
    listed = subprocess.run(["locale", "-a"], check=False, capture_output=True, text=True).stdout
    utf8 = [name for name in listed.split() if name.lower().endswith((".utf8", ".utf-8"))]
    language = next((name for name in utf8 if not name.startswith("C.")), "C.UTF-8")
    work = local.copy(tmp_path_factory.mktemp("other_way") / "main")
    work.snakemake(cores=4, PYTHONHASHSEED="2", LC_ALL=language)
    return work


@pytest.fixture(scope="module")
def example(pristine: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The embedded example, made small, with all folders elsewhere."""
    work = pristine.copy(tmp_path_factory.mktemp("example") / "main")
    work.change(
        simulation={
            "network_genes": 120,
            "network_links": 400,
            "perturbations": 6,
            "validation_genes": 3,
            "response_genes": 40,
            "isolated": 1,
        },
        response={"n_components": 3},
        regression={"inner_folds": 2},
        submission={"padding": 2},
        experiments={"published": {"models": ["ridge"]}, **ALONE},
        baselines=["mean"],
        pathvars={"results": "out/made", "logs": "out/told", "benchmarks": "out/measured"},
    )
    work.snakemake()
    return work


@pytest.fixture(scope="module")
def means_alone(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run with nothing but a table of means."""
    work = local.copy(tmp_path_factory.mktemp("means_alone") / "main")
    work.change(dataset={"truth": None, "validation": None})
    del work.settings["experiments"]["second"]
    work.snakemake()
    return work


def test_all_files_are_there_and_no_others(finished: Any) -> None:
    expected = DATASET_FILES | {
        f"{experiment}/{name}"
        for experiment in ("published", "second")
        for name in EXPERIMENT_FILES
    }
    assert files(finished.path / "results/small") == expected
    assert files(finished.path / "results") == {f"small/{name}" for name in expected}


def test_the_repository_is_left_alone(finished: Any, local: Any) -> None:
    ours = {name.split("/")[0] for name in files(finished.path) - files(local.path)}
    assert ours - {"test.yaml"} == {"results", "logs", "benchmarks", ".snakemake"}


def test_the_measured_score_is_that_of_the_tables(finished: Any) -> None:
    symbols, predicted, genes = table(finished.file("oof_predictions.csv"))
    rows, truth, _ = table(finished.path / "data/truth.csv")
    order = [rows.index(symbol) for symbol in symbols]

    def columns(source: dict[str, Array], names: list[str]) -> Array:
        return np.array([source[name] for name in names]).T

    y = columns(truth, genes)[order]
    w = columns(truth, [f"w_{gene}" for gene in genes])[order]
    p = columns(predicted, genes)
    b = truth["baseline_wmae"][order]
    record = summary(finished)["all_rows"]
    assert record["score"] == pytest.approx(score(y, p, w, b), abs=1e-5)
    assert record["perturbations"] == len(symbols) == 6


@pytest.mark.parametrize(("experiment", "components"), [("published", 3), ("second", 2)])
def test_the_fold_scores_are_those_of_the_tables(
    finished: Any, experiment: str, components: int
) -> None:
    symbols, predicted, genes = table(finished.file("oof_predictions.csv", experiment))
    rows, means, columns = table(finished.path / "data/means.csv")
    assert columns == genes
    at = rows.index("non-targeting")
    assert [row for row in rows if row != "non-targeting"] == symbols
    values = np.array([means[gene] for gene in genes]).T
    responses = np.delete(values, at, axis=0) - values[at]
    centred = responses - responses.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -components:]
    rebuilt = centred @ axes @ axes.T + responses.mean(axis=0)

    ids, truth, _ = table(finished.path / "data/truth.csv")
    order = [ids.index(symbol) for symbol in symbols]
    w = np.array([truth[f"w_{gene}"] for gene in genes]).T[order]
    b = truth["baseline_wmae"][order]
    p = np.array([predicted[gene] for gene in genes]).T
    expected = [score(rebuilt[[i]], p[[i]], w[[i]], b[[i]]) for i in range(len(symbols))]
    with finished.file("fold_scores.csv", experiment).open(encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert [row["pert_symbol"] for row in written] == symbols
    scores = [float(row["score"]) for row in written]
    assert scores == pytest.approx(expected, abs=1.1e-5)
    mape = [np.mean(abs(p[i] - rebuilt[i]) / abs(rebuilt[i])) for i in range(len(symbols))]
    assert [float(row["mape"]) for row in written] == pytest.approx(mape, rel=1e-6)

    record = summary(finished, experiment)
    assert record["published_protocol"]["mean_fold_score"] == pytest.approx(np.mean(scores))
    assert record["published_protocol"]["mape"] == pytest.approx(np.mean(mape), rel=1e-6)
    explained = (centred @ axes).var(axis=0).sum() / centred.var(axis=0).sum()
    assert record["explained_variance"] == pytest.approx(explained)
    assert 0 < record["largest_diffusion_residual"] <= 1e-10
    assert sum(record["fits"]["ridge"]["penalties"].values()) == len(symbols)
    chosen = {row["ridge_penalty"] for row in written}
    assert {float(p) for p in chosen} == {float(p) for p in record["fits"]["ridge"]["penalties"]}


def test_the_submission_is_the_mean_over_folds_and_zeros(finished: Any) -> None:
    ids, predicted, genes = table(finished.file("submission.csv"))
    with (finished.path / "data/validation.csv").open(encoding="utf-8") as stream:
        known = [row["pert_id"] for row in csv.DictReader(stream)]
    assert ids == [*known, "pert_4", "pert_5"]
    values = np.array([predicted[gene] for gene in genes]).T
    folds = []
    for i in range(6):
        with np.load(finished.file(f"folds/{i}.npz")) as fold:
            folds.append(fold["validation"])
    with np.load(finished.file("components.npz")) as fitted:
        expected = np.mean(folds, axis=0) @ fitted["axes"] + fitted["mean"]
    np.testing.assert_array_equal(values[:3], expected)
    assert not values[3:].any()


def test_three_alphas_stand_side_by_side(finished: Any) -> None:
    with np.load(finished.file("features.npz", "second")) as features:
        train, validation = features["train"], features["validation"]
        block, gene = features["block"], features["gene"]
    blocks, unseen = [], []
    folder = finished.path / "results/small/networks/string/diffusion"
    for alpha in ("0.25", "0.5", "0.75"):
        with np.load(folder / f"alpha~{alpha}.npz") as diffusion:
            blocks.append(diffusion["train"])
            unseen.append(diffusion["validation"])
    every = np.hstack(blocks)
    keep = every.var(axis=0) >= np.percentile(every.var(axis=0), 60)
    np.testing.assert_array_equal(train, every[:, keep])
    np.testing.assert_array_equal(validation, np.hstack(unseen)[:, keep])
    np.testing.assert_array_equal(block * blocks[0].shape[1] + gene, np.flatnonzero(keep))
    assert set(block.tolist()) == {0, 1, 2}


def test_cores_hashes_and_locale_change_no_byte(finished: Any, other_way: Any) -> None:
    one, other = finished.path / "results", other_way.path / "results"
    assert files(one) == files(other)
    # How long a fold took is written into it, and summed up in the summary.
    timed = {
        name
        for name in files(one)
        if "/folds/" in name or "/held_out/" in name or name.endswith("d/summary.json")
    }
    for name in sorted(files(one) - timed):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for name in timed:
        if name.endswith(".npz"):
            with np.load(one / name) as left, np.load(other / name) as right:
                for array in set(left.files) - {"seconds"}:
                    np.testing.assert_array_equal(left[array], right[array])
    for experiment in ("published", "second"):
        records = [summary(work, experiment) for work in (finished, other_way)]
        for record in records:
            for fit in record["fits"].values():
                del fit["seconds"]
        assert records[0] == records[1]


def test_the_summary_says_what_was_computed(finished: Any) -> None:
    record = summary(finished, "second")
    assert record["experiment"] == "second"
    assert record["settings"]["diffusion"]["alphas"] == [0.25, 0.5, 0.75]
    assert record["settings"]["features"] == {"transform": "none", "variance_percentile": 60}
    assert record["settings"]["response"] == {"n_components": 2}
    assert record["dataset"]["perturbations"] == 6
    assert set(record["dataset"]["inputs"]) == {"means", "truth", "validation"}
    assert len(record["links"]["sha256"]) == len(record["info"]["sha256"]) == 64
    assert {"python", "numpy", "scipy", "scikit-learn"} == set(record["versions"])


def test_path_variables_redirect_everything(example: Any) -> None:
    assert {path.name for path in (example.path / "out").iterdir()} == {"made", "told", "measured"}
    for name in ("results", "logs", "benchmarks"):
        assert not (example.path / name).exists()
    assert (example.path / "out/made/example/published/submission.csv").is_file()
    assert example.planned() == {}


def test_the_embedded_example_is_the_same_data(example: Any, finished: Any) -> None:
    folder = example.path / "out/made/example/published"
    for name in ("oof_predictions.csv", "fold_scores.csv", "submission.csv"):
        assert (folder / name).read_bytes() == finished.file(name).read_bytes(), name
    ours, theirs = arrays_of(folder / "features.npz"), arrays_of(finished.file("features.npz"))
    names = ours.keys() | theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in names)


def test_a_sample_submission_of_another_size_is_refused(done: Any) -> None:
    done.change(submission={"padding": 3, "sample": "data/sample.csv"})
    text = done.snakemake(fails=True).text
    assert "error: data/sample.csv: column pert_id, entry 6: nothing; expected 'pert_6'" in text


def test_a_table_of_means_is_enough(means_alone: Any) -> None:
    assert not means_alone.file("submission.csv").exists()
    assert means_alone.planned() == {}
    record = summary(means_alone)
    assert set(record["dataset"]["inputs"]) == {"means"}
    # Each gene counts the same, against the mean of all responses.
    rows, means, genes = table(means_alone.path / "data/means.csv")
    values = np.array([means[gene] for gene in genes]).T
    at = rows.index("non-targeting")
    y = np.delete(values, at, axis=0) - values[at]
    b = abs(y - y.mean(axis=0)).mean(axis=1)
    _, predicted, _ = table(means_alone.file("oof_predictions.csv"))
    p = np.array([predicted[gene] for gene in genes]).T
    assert record["all_rows"]["score"] == pytest.approx(score(y, p, np.ones_like(y), b), abs=1e-5)


def test_without_validation_there_is_no_submission(fresh: Any) -> None:
    fresh.change(dataset={"validation": None})
    planned = fresh.planned()
    assert planned["plot_figure"] == 2
    assert "write_submission" not in planned


def test_without_truth_there_is_a_submission(fresh: Any) -> None:
    fresh.change(dataset={"truth": None})
    assert fresh.planned()["write_submission"] == 2


def test_a_report_is_made_of_the_results(done: Any) -> None:
    done.snakemake("--report", "report.html")
    text = (done.path / "report.html").read_text(encoding="utf-8")
    for name in ("oof_predictions.csv", "fold_scores.csv", "figure.png", "submission.csv"):
        assert name in text
    # The page of all results, which is shown within it.
    assert "All results on one page" in text


@pytest.mark.long
def test_results_are_verified_by_a_second_run(done: Any) -> None:
    command = [sys.executable, "scripts/verify_results.py", "--results=results/small"]
    run = subprocess.run(command, cwd=done.path, capture_output=True, text=True, check=True)
    assert re.search(r"INFO [1-9]\d* files alike, 5 input files unchanged", run.stderr)
    table = done.path / "results/small/comparison.csv"
    table.write_text(table.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    run = subprocess.run(command, cwd=done.path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "comparison.csv: another content" in run.stderr

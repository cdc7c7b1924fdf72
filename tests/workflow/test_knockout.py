"""The real data that lie beside the repository, against the numbers of the reference run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import yaml

SETTINGS = Path(__file__).with_name("knockout.yaml")
RESULTS = "results/knockout"
NETWORK = f"{RESULTS}/networks/string"

Row = dict[str, str]


@pytest.fixture(scope="module")
def knockout(pristine: Any, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The network, all diffusions and the features of the real data."""
    folder = tmp_path_factory.mktemp("knockout")
    (folder / "shared").symlink_to(shared_data.parent)
    work = pristine.copy(folder / "main")
    work.change(**yaml.safe_load(SETTINGS.read_text(encoding="utf-8")))
    work.snakemake(
        f"{NETWORK}/laplacian.npz",
        f"{RESULTS}/published/features.npz",
        f"{RESULTS}/published/components.npz",
        f"{RESULTS}/three_alphas/features.npz",
    )
    return work


@pytest.fixture(scope="module")
def genes(knockout: Any) -> dict[str, int]:
    with (knockout.path / NETWORK / "genes.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [int(row["index"]) for row in rows] == list(range(len(rows)))
    return {row["gene"]: int(row["index"]) for row in rows}


def test_the_counts_of_the_network(knockout: Any, genes: dict[str, int]) -> None:
    record = json.loads((knockout.path / NETWORK / "summary.json").read_text(encoding="utf-8"))
    assert record["link_rows"] == 499_632
    assert record["kept_links"] == 329_640 / 2
    assert record["core_genes"] == 5_157
    assert record["connected_genes"] == 13_760
    assert record["isolated_genes"] == 501
    assert record["genes"] == len(genes) == 14_261
    assert record["adjacency_entries"] == 343_901
    assert record["perturbed"]["train"]["isolated"] == ["DLX4", "OVOL1"]
    adjacency = sp.load_npz(knockout.path / NETWORK / "adjacency.npz")
    assert adjacency.shape == (14_261, 14_261)
    assert adjacency.nnz == 343_901
    assert abs(adjacency - adjacency.T).max() == 0


def test_diffusion(knockout: Any, genes: dict[str, int]) -> None:
    with np.load(knockout.path / NETWORK / "diffusion/alpha~0.75.npz") as diffusion:
        train, validation = diffusion["train"], diffusion["validation"]
        assert diffusion["residual"].max() <= 1e-10
    with np.load(knockout.path / RESULTS / "perturbations/perturbations.npz") as data:
        symbols = data["silenced"].tolist()
        unseen = data["validation_silenced"].tolist()
    walks = dict(zip([*unseen, *symbols], [*validation, *train], strict=True))
    expected = {
        "EPAS1": {
            "EPAS1": 0.25956215,
            "HIF1A": 0.01142711,
            "EP300": 0.00846622,
            "CREBBP": 0.00763704,
        },
        "ZBTB7C": {"ZBTB7C": 0.46331060, "MALRD1": 0.26251353, "PHKB": 0.07734798},
        "DLX4": {"DLX4": 1.0},
        "OVOL1": {"OVOL1": 1.0},
    }
    names = list(genes)
    for start, largest in expected.items():
        walk = walks[start]
        order = [names[i] for i in np.argsort(-walk)[: len(largest)]]
        assert order == list(largest)
        assert [walk[genes[gene]] for gene in largest] == pytest.approx(
            list(largest.values()), abs=1e-8
        )
    assert len(symbols) == 31
    np.testing.assert_allclose(train.sum(axis=1), 1, atol=1e-10)


def test_explained_variance(knockout: Any) -> None:
    with np.load(knockout.path / RESULTS / "published/components.npz") as components:
        assert components["explained_variance"].sum() == pytest.approx(0.99671516, abs=1e-7)
        assert components["scores"].shape == (31, 25)


def test_all_columns_stay_without_a_filter(knockout: Any) -> None:
    with np.load(knockout.path / RESULTS / "published/features.npz") as features:
        assert features["train"].shape == (31, 14_261)


def test_three_alphas_stand_in_the_configured_order(knockout: Any) -> None:
    with np.load(knockout.path / RESULTS / "three_alphas/features.npz") as features:
        train, block, gene = features["train"], features["block"], features["gene"]
    every = []
    for alpha in (0.25, 0.5, 0.75):
        with np.load(knockout.path / NETWORK / f"diffusion/alpha~{alpha}.npz") as diffusion:
            every.append(diffusion["train"])
    variance = np.hstack(every).var(axis=0)
    assert len(gene) == np.sum(variance >= np.percentile(variance, 80))
    assert (np.diff(block) >= 0).all()
    for number, diffusion in enumerate(every):
        mine = block == number
        assert mine.any()
        np.testing.assert_array_equal(train[:, mine], diffusion[:, gene[mine]])


def test_the_filter_keeps_a_fifth(knockout: Any, tmp_path: Path) -> None:
    (tmp_path / "shared").symlink_to((knockout.path.parent / "shared").resolve())
    work = knockout.copy(tmp_path / "main")
    work.change(experiments={"published": {"features": {"variance_percentile": 80}}})
    run = work.snakemake(f"{RESULTS}/published/features.npz")
    assert run.ran == {"build_features": 1}
    with np.load(work.path / RESULTS / "published/features.npz") as features:
        assert features["train"].shape == (31, 2_853)
        assert features["validation"].shape[1] == 2_853


@pytest.fixture(scope="module")
def whole(knockout: Any) -> Any:
    """All experiments and baselines, run to the end by the exact backend."""
    knockout.snakemake()
    return knockout


def summary(work: Any, experiment: str) -> Any:
    return json.loads(work.file("summary.json", experiment).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_ridge_alone(whole: Any) -> None:
    record = summary(whole, "ridge_alone")
    assert record["published_protocol"]["mean_fold_score"] == pytest.approx(-0.354591, abs=1e-5)
    assert record["fits"]["ridge"]["penalties"] == {"100.0": 31}
    assert record["explained_variance"] == pytest.approx(0.99671516, abs=1e-7)


@pytest.mark.slow
def test_ridge_and_elastic_net(whole: Any) -> None:
    record = summary(whole, "published")
    assert record["published_protocol"]["mean_fold_score"] == pytest.approx(-0.301070, abs=1e-5)
    assert record["published_protocol"]["mape"] == pytest.approx(515.73, abs=0.01)
    assert record["fits"]["ridge"]["penalties"] == {"100.0": 31}
    assert record["fits"]["elastic_net"]["penalties"] == {"100.0": 30, "1.0": 1}
    with (whole.file("fold_scores.csv")).open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["pert_symbol"] for row in rows if row["elastic_net_penalty"] == "1.0"] == ["OVOL1"]


@pytest.mark.slow
def test_three_alphas(whole: Any) -> None:
    record = summary(whole, "three_alphas")
    # What scikit-learn gives, its inner fits unconverged.
    assert record["published_protocol"]["mean_fold_score"] == pytest.approx(-0.729294, abs=1e-5)
    assert record["fits"]["elastic_net"]["penalties"] == {"100.0": 30, "1.0": 1}


@pytest.mark.slow
def test_every_fit_is_certified(whole: Any) -> None:
    for experiment in ("published", "three_alphas", "ridge_alone"):
        for fit in summary(whole, experiment)["fits"].values():
            assert fit["largest_gap"] <= 1e-8
            assert fit["largest_inner_gap"] <= 1e-8
            assert fit["unconverged"] == 0


@pytest.fixture(scope="module")
def held_out(whole: Any) -> dict[str, dict[str, Row]]:
    """Figures of all that is held out, by experiment and metric."""
    figures: dict[str, dict[str, Row]] = {}
    for row in rows_of(whole, "comparison.csv"):
        if row["protocol"] == "held_out":
            figures.setdefault(row["experiment"], {})[row["metric"]] = row
    return figures


@pytest.fixture(scope="module")
def differences(whole: Any) -> dict[tuple[str, str], tuple[float, float]]:
    """Intervals of the differences between two scores."""
    return {
        (row["experiment"], row["reference"]): (float(row["lower"]), float(row["upper"]))
        for row in rows_of(whole, "differences.csv")
        if row["metric"] == "score"
    }


def rows_of(work: Any, name: str) -> list[Row]:
    with (work.path / RESULTS / name).open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def score(figures: dict[str, dict[str, Row]], name: str) -> float:
    return float(figures[name]["score"]["value"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("baseline", "expected"), [("mean", -0.443), ("median", -0.279), ("reweighted_median", 0.416)]
)
def test_baselines(held_out: dict[str, dict[str, Row]], baseline: str, expected: float) -> None:
    assert score(held_out, baseline) == pytest.approx(expected, abs=0.002)


@pytest.mark.slow
def test_the_mean_of_the_others_has_a_sum_that_is_known(
    held_out: dict[str, dict[str, Row]],
) -> None:
    value = float(held_out["mean"]["sum_of_terms"]["value"])
    # The baselines are rounded to six digits in the table.
    assert value == pytest.approx(31 * np.log2(30 / 31), abs=1e-4)


@pytest.mark.slow
def test_echo_is_above_every_baseline(
    held_out: dict[str, dict[str, Row]], differences: dict[tuple[str, str], tuple[float, float]]
) -> None:
    echo = score(held_out, "echo")
    assert echo >= 0.60
    baselines = [name for name, its in held_out.items() if its["score"]["kind"] == "baseline"]
    assert len(baselines) == 8
    assert all(score(held_out, name) < echo for name in baselines)
    lower, upper = differences["echo", "mean"]
    assert 0 < lower < upper


@pytest.mark.slow
@pytest.mark.parametrize("shuffled", ["echo_rewired", "echo_permuted"])
def test_on_a_shuffled_network_echo_is_as_good_as_its_base(
    differences: dict[tuple[str, str], tuple[float, float]], shuffled: str
) -> None:
    lower, upper = differences[shuffled, "echo_base"]
    assert lower < 0 < upper


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["echo", "echo_base", "echo_rewired", "echo_permuted"])
def test_intervals_cover_what_they_say(
    whole: Any, held_out: dict[str, dict[str, Row]], experiment: str
) -> None:
    coverage = float(held_out[experiment]["coverage_80"]["value"])
    assert 0.77 <= coverage <= 0.83
    assert summary(whole, experiment)["calibration"]["0.8"] == pytest.approx(coverage)


@pytest.mark.slow
def test_no_constant_prediction_gets_credit(held_out: dict[str, dict[str, Row]]) -> None:
    for name in ("zero", "mean", "median", "weighted_median", "reweighted_median", "blend"):
        assert held_out[name]["pearson_mean"]["value"] == ""
        for distance in ("l1", "cosine"):
            figure = float(held_out[name][f"discrimination_{distance}"]["value"])
            assert figure == pytest.approx(0.5, abs=1e-12)


@pytest.mark.slow
def test_the_published_models_held_out_are_certified(whole: Any) -> None:
    with whole.file("fold_scores.csv", "published_held_out").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 31
    for model in ("ridge", "elastic_net"):
        assert max(float(row[f"{model}_gap"]) for row in rows) <= 1e-8

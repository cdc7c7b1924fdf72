"""The held-out protocol from end to end: nothing leaks, and no more runs again than has to."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import predict_held_out
from echoes.io.files import load_record
from echoes.scoring.out_of_fold import load_part
from placed import arrays_of, put
from workflow.conftest import ECHO

ROOT = Path(__file__).resolve().parents[2]
Array = npt.NDArray[np.float64]

N, V, PARTS = 6, 3, 2
EXPERIMENTS = ("echo", "echo_base", "echo_rewired", "echo_permuted", "linear", "ensemble")
BASELINES = (
    *("zero", "mean", "median", "weighted_median", "reweighted_median", "blend", "nearest"),
    "bilinear",
)
RUNS = tuple(f"alphas.{i}" for i in range(4))
ALL = (*EXPERIMENTS, *BASELINES, *RUNS)
#: How many jobs an experiment, a baseline or a run is spread over.
SPREAD = dict.fromkeys(ALL, PARTS) | dict.fromkeys(("linear", *BASELINES), 1)
FIGURES_FOR_PAPERS = {
    f"figures/{name}.{kind}"
    for name in ("comparison", "perturbations", "calibration", "network_help")
    for kind in ("pdf", "svg", "png")
}
KERNELS = {
    "string/kernels/log_alphas~0.25+0.75.npz",  # of echo, the ensemble and two runs
    "string/kernels/log_alphas~0.25.npz",  # of the other two, the baseline nearest and echo_base
    "rewired/kernels/log_alphas~0.25+0.75.npz",
    "permuted/kernels/log_alphas~0.25+0.75.npz",
}
TABLES = (
    *("comparison.csv", "comparison.md", "differences.csv", "report.html"),
    *("perturbation_scores.parquet", "gene_scores.parquet"),
    "sweeps/alphas.csv",
)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def parts(name: str) -> list[str]:
    """The files of an experiment's out-of-fold predictions."""
    return [f"results/small/{name}/held_out/{part}.npz" for part in range(SPREAD[name])]


def predicted(work: Any, name: str) -> dict[str, npt.NDArray[Any]]:
    """All that an experiment's models predict, in the order of the perturbations."""
    archives = []
    for path in parts(name):
        archives.append(arrays_of(work.path / path))
        del archives[-1]["seconds"]
    names = archives[0].pop("choice_names")
    rows = np.concatenate([part["rows"] for part in archives])
    arrays = {
        key: np.concatenate([part[key] for part in archives])[np.argsort(rows)]
        for key in archives[0].keys() - {"rows", "fold", "choice_names"}
    }
    return arrays | {"rows": np.sort(rows), "choice_names": names}


def test_all_files_are_there_and_no_others(held_out: Any) -> None:
    expected = {
        *FIGURES_FOR_PAPERS,
        *(f"networks/string/{name}" for name in ("adjacency.npz", "laplacian.npz", "genes.tsv")),
        *(f"networks/string/{name}" for name in ("links.npz", "links.json", "coverage.tsv")),
        "networks/string/summary.json",
        *(f"networks/rewired/{name}" for name in ("adjacency.npz", "laplacian.npz")),
        *(
            f"networks/{network}/diffusion/alpha~{alpha}.npz"
            for network in ("string", "rewired")
            for alpha in (0.25, 0.75)
        ),
        *(f"networks/{name}" for name in KERNELS),
        *TABLES,
        *(
            "charts.json",
            "config.json",
            "experiments.json",
            "sweeps/alphas.json",
            "linear/features.npz",
        ),
        *(f"{name}/settings.json" for name in ALL),
        *(path.removeprefix("results/small/") for name in ALL for path in parts(name)),
        *(f"{name}/metrics.npz" for name in (*EXPERIMENTS, *BASELINES)),
    }
    for name in EXPERIMENTS:
        expected |= {f"{name}/held_out/validation.npz"} | {
            f"{name}/{file}"
            for file in (
                *("oof_predictions.csv", "fold_scores.csv", "summary.json", "calibration.csv"),
                *("uncertainty.parquet", "predictions.npz", "figure.png", "figure.pdf"),
                "submission.csv",
            )
        }
    begin = ("perturbations/", "networks/string/source/", "published/")
    results = files(held_out.path / "results/small")
    assert {name for name in results if not name.startswith(begin)} == expected


def test_nothing_is_to_be_done_after_a_run(held_out: Any) -> None:
    assert held_out.planned() == {}


def test_every_experiment_is_compared(held_out: Any) -> None:
    table = pd.read_csv(held_out.path / "results/small/comparison.csv")
    compared = table[["experiment", "kind", "protocol"]].drop_duplicates()
    assert set(compared.itertuples(index=False, name=None)) == {
        *((name, "experiment", "held_out") for name in EXPERIMENTS),
        *((name, "baseline", "held_out") for name in BASELINES),
        ("published", "experiment", "published"),
    }
    scores = table[table["metric"] == "score"].set_index("experiment")["value"]
    for name in EXPERIMENTS:
        record = json.loads(held_out.file("summary.json", name).read_text(encoding="utf-8"))
        assert record["held_out"]["score"]["value"] == scores[name]
    # The sum of the mean's terms is n·log2((n − 1)/n); the table of baselines is rounded.
    sums = table[table["metric"] == "sum_of_terms"].set_index("experiment")["value"]
    assert sums["mean"] == pytest.approx(N * np.log2((N - 1) / N), abs=1e-6)


def test_the_summary_says_what_was_computed(held_out: Any) -> None:
    def settings(name: str) -> Any:
        text = held_out.file("summary.json", name).read_text(encoding="utf-8")
        record = json.loads(text)["settings"]
        assert record == load_record(held_out.file("settings.json", name))
        assert record["experiment"] == name
        assert record["protocol"] == "held_out"
        assert record["crossval"] == {"folds": None, "parts": SPREAD[name]}
        return record["members"]

    (echo,), (linear,) = settings("echo").values(), settings("linear").values()
    assert echo["diffusion"]["alphas"] == [0.25, 0.75]
    assert echo["features"] == {"transform": "log"}
    chosen = {
        "blends": [0.5, 1],
        "penalties": [1, 10],
        "objective": "score",
        "rate": 2.0,
        "race": True,
    }
    assert echo["echo"] == {**chosen, "kernels": ["network", "profile", "both", "sources"]}
    assert echo["inner_crossval"] == {"folds": 3}
    assert not {"regression", "response", "blend"} & echo.keys()
    assert linear["response"] == {"n_components": 3}
    assert linear["regression"]["inner_folds"] == 2
    # An ensemble weighs its members by inner cross-validation, which a linear model alone has not.
    assert "inner_crossval" not in linear
    inner = {"inner_crossval": {"folds": 3}}
    assert settings("ensemble") == {"echo": echo, "linear": linear | inner}
    network = settings("echo_rewired")["echo_rewired"]["network"]
    assert network == echo["network"] | {
        "name": "rewired",
        "of": "string",
        "shuffle": "links",
        "seed": 0,
    }


def test_baselines_without_inputs_need_no_network(held_out: Any) -> None:
    for name in set(BASELINES) - {"nearest"}:
        record = json.loads(held_out.file("settings.json", name).read_text(encoding="utf-8"))
        assert "network" not in record["members"][name]
    targets = [path for name in set(BASELINES) - {"nearest"} for path in parts(name)]
    plan = held_out.planned("--forceall", *targets)
    assert plan == {
        "read_perturbations": 1,
        # One of them for the tables of the data set.
        "write_settings": len(BASELINES),
        "predict_held_out": len(BASELINES) - 1,
    }


def test_a_submission_of_a_held_out_experiment(held_out: Any) -> None:
    for name in EXPERIMENTS:
        with held_out.file("submission.csv", name).open(encoding="utf-8", newline="") as stream:
            _, *rows = csv.reader(stream)
        values = np.array([[float(cell) for cell in row[1:]] for row in rows])
        with np.load(held_out.file("held_out/validation.npz", name)) as part:
            np.testing.assert_array_equal(values[:V], part["prediction"])
        assert not values[V:].any()
        assert len(rows) == V + 2


def test_shuffled_networks_are_others(held_out: Any) -> None:
    networks = held_out.path / "results/small/networks"
    kernels = {}
    for name in ("string", "rewired", "permuted"):
        with np.load(networks / name / "kernels/log_alphas~0.25+0.75.npz") as archive:
            kernels[name] = archive["kernels"]
    for one, other in combinations(kernels, 2):
        assert not np.allclose(kernels[one], kernels[other])
    # Without a kernel the base is left, whatever the network.
    base, echo = (predicted(held_out, name)["prediction"] for name in ("echo_base", "echo"))
    assert not np.allclose(base, echo)


def test_the_ranking_of_a_sweep(held_out: Any) -> None:
    table = pd.read_csv(held_out.path / "results/small/sweeps/alphas.csv")
    assert set(table["run"]) == {*RUNS, "chosen in each fold"}
    first = table.set_index("run").loc["alphas.0"]
    assert first["diffusion.alphas"] == "[0.25]"
    assert first["echo.kernels"] == '["network"]'
    last = table.set_index("run").loc["alphas.3"]
    assert last["diffusion.alphas"] == "[0.25, 0.75]"
    assert last["echo.kernels"] == '["profile"]'
    for name in RUNS:
        inner = predicted(held_out, name)["inner_score"]
        score = table.set_index("run").loc[name, "inner_score"]
        assert score == pytest.approx(inner.mean(), rel=1e-12)
    assert (np.diff(table["inner_score"][:4]) <= 0).all()


#: The perturbation whose response is replaced.
LEAK = 3


@pytest.fixture(scope="module")
def noisy(held_out: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same run where all that was measured of one perturbation is noise."""
    work = held_out.copy(tmp_path_factory.mktemp("noisy") / "main")
    random = np.random.default_rng(0)
    with np.load(work.path / "results/small/perturbations/perturbations.npz") as data:
        symbol, genes = str(data["silenced"][LEAK]), data["genes"].tolist()
    means = pd.read_csv(work.path / "data/means.csv", index_col="pert_symbol")
    means.loc[symbol] = random.exponential(size=len(genes))
    means.to_csv(work.path / "data/means.csv")
    truth = pd.read_csv(work.path / "data/truth.csv", index_col="pert_id")
    truth.loc[symbol, genes] = random.normal(size=len(genes))
    weights = random.exponential(size=len(genes))
    columns = [f"w_{gene}" for gene in genes]
    truth.loc[symbol, columns] = weights * (len(genes) / weights.sum())
    truth.loc[symbol, "baseline_wmae"] = 3.0
    truth.to_csv(work.path / "data/truth.csv")
    work.snakemake(
        "results/small/published/oof_predictions.csv",
        *(path for name in ALL for path in parts(name)),
    )
    for name in ("truth", "weights", "responses", "baseline"):
        before, after = (
            np.load(each.path / "results/small/perturbations/perturbations.npz")[name]
            for each in (held_out, work)
        )
        rows = np.arange(N) != LEAK
        np.testing.assert_array_equal(before[rows], after[rows])
        assert not np.allclose(before[LEAK], after[LEAK])
    return work


@pytest.mark.parametrize("name", ALL)
def test_a_response_that_is_noise_changes_nothing_of_its_fold(
    held_out: Any, noisy: Any, name: str
) -> None:
    before, after = predicted(held_out, name), predicted(noisy, name)
    assert before.keys() == after.keys()
    for key in before.keys() - {"rows", "choice_names"}:
        np.testing.assert_array_equal(before[key][LEAK], after[key][LEAK], err_msg=key)
    # The others have learnt from the noise, all but the one that does not learn.
    others = np.arange(N) != LEAK
    changed = (before["prediction"] != after["prediction"])[others].any(axis=1)
    assert changed.all() == (name != "zero")


def test_the_published_protocol_does_look_at_it(held_out: Any, noisy: Any) -> None:
    rows = [
        pd.read_csv(work.file("oof_predictions.csv"), index_col="pert_symbol").to_numpy()[LEAK]
        for work in (held_out, noisy)
    ]
    assert abs(rows[0] - rows[1]).max() > 1e-3


def test_cores_hashes_and_locale_change_no_byte(
    held_out: Any, local: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    listed = subprocess.run(["locale", "-a"], check=False, capture_output=True, text=True).stdout
    utf8 = [name for name in listed.split() if name.lower().endswith((".utf8", ".utf-8"))]
    language = next((name for name in utf8 if not name.startswith("C.")), "C.UTF-8")
    work = local.copy(tmp_path_factory.mktemp("other_way") / "main")
    work.settings = held_out.copy(work.path.with_name("settings")).settings
    results = ("oof_predictions.csv", "fold_scores.csv", "calibration.csv", "uncertainty.parquet")
    tables = [*TABLES, *(f"{name}/{file}" for name in EXPERIMENTS for file in results)]
    work.snakemake(
        *(f"results/small/{name}" for name in tables), cores=4, PYTHONHASHSEED="2", LC_ALL=language
    )
    for name in (*tables, *(f"networks/{name}" for name in KERNELS)):
        one, other = (each.path / "results/small" / name for each in (held_out, work))
        assert one.read_bytes() == other.read_bytes(), name
    for name in ALL:
        one, other = predicted(held_out, name), predicted(work, name)
        for key, array in one.items():
            np.testing.assert_array_equal(array, other[key])


#: All that follows from an experiment's out-of-fold predictions for its reader.
REPORTED = {"aggregate_held_out": 1, "plot_figure": 1, "write_submission": 1}
DRAWN = {"plot_results": 1}
PAGE = {"write_report": 1}
COMPARE = {"compare_experiments": 1, **DRAWN, **PAGE}
LISTED = {"list_experiments": 1, **COMPARE}
FIGURES = {"plot_figure": 1, "write_submission": 1}
#: An experiment that is new, in two parts and one of the validation genes, without the comparison.
NEW = {"write_settings": 1, "predict_held_out": PARTS + 1, **REPORTED}
#: Experiments with echo or a member that has it; the runs of the sweep have it too.
ECHOES = ("echo", "echo_base", "echo_rewired", "echo_permuted", "ensemble")


def times(count: int, jobs: dict[str, int]) -> Counter[str]:
    return Counter({rule: count * number for rule, number in jobs.items()})


def total(*parts: dict[str, int]) -> Counter[str]:
    jobs: Counter[str] = Counter()
    for part in parts:
        jobs.update(part)
    return jobs


def experiments(*names: str) -> Counter[str]:
    """Jobs of some experiments from their predictions on, without the comparison."""
    predictions = {"predict_held_out": sum(SPREAD[name] + 1 for name in names)}
    return total(times(len(names), REPORTED), predictions)


def with_settings(*names: str) -> Counter[str]:
    """Jobs of some experiments whose settings are others, without the comparison."""
    return total(experiments(*names), {"write_settings": len(names)})


def baselines(count: int) -> dict[str, int]:
    """Jobs of some baselines whose settings are others, without the comparison."""
    return {"write_settings": count, "predict_held_out": count, "score_baselines": 1}


def runs(count: int) -> dict[str, int]:
    """Jobs of the runs of a sweep whose settings are others, and their ranking."""
    return {"write_settings": count, "predict_held_out": count * PARTS, "rank_sweep": 1}


def new_runs(count: int) -> dict[str, int]:
    """Jobs of a new sweep, whose kernels are there."""
    return {"list_runs": 1, **runs(count)}


def curve(count: int) -> dict[str, int]:
    """Jobs of new sizes of a learning curve, and its table and figure."""
    return {
        "write_settings": count,
        "predict_held_out": count * PARTS,
        "plot_learning_curve": 1,
    }


def changed(name: str, **settings: Any) -> dict[str, Any]:
    return {"experiments": {name: settings}}


def echo(**settings: Any) -> dict[str, Any]:
    """Settings of an experiment with the model echo."""
    return {"models": ["echo"], "features": {"transform": "log"}} | settings


def sweep(*alphas: list[float]) -> dict[str, Any]:
    return {"sweeps": {"more": {"experiment": "echo", "grid": {"diffusion.alphas": [*alphas]}}}}


#: An experiment on a network that has another threshold.
STRICT = {
    "networks": {"strict": {"like": "string", "score_threshold": 0.7}},
    **changed("strict", **echo(network="strict")),
}

#: A change of settings, and the jobs that it brings.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "penalties of echo": (
        {"echo": {"penalties": [1, 10, 100]}},
        total(with_settings(*ECHOES), runs(len(RUNS)), COMPARE),
    ),
    "blends of echo": (
        {"echo": {"blends": [1]}},
        total(with_settings(*ECHOES), runs(len(RUNS)), COMPARE),
    ),
    "shares of blend": ({"blend": {"shares": [1]}}, total(baselines(1), COMPARE)),
    # The linear models alone have no such folds; of the baselines blend, nearest and bilinear have.
    "inner folds": (
        {"inner_crossval": {"folds": 2}},
        total(with_settings(*ECHOES), runs(len(RUNS)), baselines(3), COMPARE),
    ),
    "penalties of echo in one experiment": (
        changed("echo_rewired", echo={"penalties": [5]}),
        total(with_settings("echo_rewired"), COMPARE),
    ),
    "penalties of linear models": (
        {"regression": {"penalties": [1, 100]}},
        total(
            with_settings("linear", "ensemble"),
            {"write_settings": 1, "loo_fold": N, "aggregate_folds": 1} | FIGURES,
            COMPARE,
        ),
    ),
    # Of shuffled networks and of the bootstrap.
    "seed": (
        {"seed": 1},
        total(
            {"rewire_network": 1, "build_laplacian": 1, "diffuse": 2, "build_kernels": 2},
            with_settings("echo_rewired", "echo_permuted"),
            times(len(EXPERIMENTS) - 2, REPORTED),
            COMPARE,
            {"rank_sweep": 1},
        ),
    ),
    "one baseline less": (
        {"baselines": list(BASELINES[1:])},
        total(LISTED, {"score_baselines": 1}),
    ),
    "one more part": (
        changed("echo_base", crossval={"parts": 3}),
        total(with_settings("echo_base"), {"predict_held_out": 1}, LISTED),
    ),
    "an experiment whose kernels are there": (
        changed("twin", **echo(diffusion={"alphas": [0.25, 0.75]}, echo={"blends": [1]})),
        total(NEW, LISTED),
    ),
    "two experiments with the same kernels": (
        {
            "experiments": {
                name: echo(features={"transform": "degree"}, echo={"blends": [blend]})
                for name, blend in (("one", 0), ("other", 1))
            }
        },
        total(times(2, NEW), {"build_kernels": 1}, LISTED),
    ),
    "an experiment on a network of its own": (
        STRICT,
        total(
            {"read_string": 1, "build_network": 1, "build_laplacian": 1},
            {"diffuse": 1, "build_kernels": 1},
            NEW,
            LISTED,
        ),
    ),
    "an experiment that names the first network": (
        changed("same", **echo(network="string")),
        total(NEW, LISTED),
    ),
    "a network that no experiment is on": ({"networks": STRICT["networks"]}, {}),
    "a sweep over alphas that are there": (
        sweep([0.25], [0.75], [0.25, 0.75]),
        {"build_kernels": 1, **new_runs(3), **PAGE},
    ),
    "a sweep over a new alpha": (
        sweep([0.5], [0.5, 0.75], [0.75, 0.5]),
        {"diffuse": 1, "build_kernels": 3, **new_runs(3), **PAGE},
    ),
    "a learning curve, also of experiments like it": (
        changed("echo", learning_curve=[3, 4]),
        total(times(3, curve(2)), DRAWN, PAGE),
    ),
    "a learning curve of one experiment": (
        changed("echo_base", learning_curve=[3]),
        total(curve(1), DRAWN, PAGE),
    ),
    "a sweep that is left out": ({"sweeps": {"alphas": None}}, PAGE),
}


@pytest.fixture(scope="module")
def plans(
    held_out: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Counter[str]]]]:
    """Plan all runs at once, each after one change."""
    folder = tmp_path_factory.mktemp("plans")

    def plan(name: str) -> Counter[str]:
        work = held_out.copy(folder / name.replace(" ", "_"))
        work.change(**CHANGES[name][0])
        jobs: Counter[str] = work.planned()
        return jobs

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(plan, name) for name in CHANGES}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_setting(plans: dict[str, Future[Counter[str]]], name: str) -> None:
    assert plans[name].result() == CHANGES[name][1]


#: A module of a model, and the jobs that its edit brings.
EDITS: dict[str, dict[str, int]] = {
    "echo": total(
        experiments(*ECHOES),
        {"predict_held_out": len(RUNS) * PARTS, "rank_sweep": 1},
        COMPARE,
    ),
    "baselines": total({"predict_held_out": len(BASELINES), "score_baselines": 1}, COMPARE),
    # The published protocol fits the same models in its own way.
    "regression": total(
        experiments("linear", "ensemble"),
        {"loo_fold": N, "aggregate_folds": 1} | FIGURES,
        COMPARE,
    ),
}


@pytest.mark.parametrize("module", EDITS)
def test_an_edit_of_a_model(held_out: Any, tmp_path: Path, module: str) -> None:
    work = held_out.copy(tmp_path / "main")
    with (work.path / f"scripts/echoes/models/{module}.py").open("a", encoding="utf-8") as code:
        code.write("# Another version.\n")
    assert work.planned() == EDITS[module]


def test_a_network_of_its_own_leaves_the_rest_alone(held_out: Any, tmp_path: Path) -> None:
    work = held_out.copy(tmp_path / "main")
    work.change(**STRICT)
    results = work.path / "results/small"
    before = {name: (results / name).read_bytes() for name in files(results)}
    work.snakemake("results/small/strict/summary.json")
    after = files(results)
    assert after - before.keys() == {
        *(f"networks/strict/{name}" for name in ("adjacency.npz", "laplacian.npz", "genes.tsv")),
        *(f"networks/strict/{name}" for name in ("links.npz", "links.json", "coverage.tsv")),
        *("networks/strict/summary.json", "networks/strict/diffusion/alpha~0.25.npz"),
        *("networks/strict/kernels/log_alphas~0.25.npz", "strict/settings.json"),
        *(f"strict/held_out/{part}.npz" for part in (0, 1, "validation")),
        *(f"strict/{name}" for name in ("oof_predictions.csv", "fold_scores.csv", "summary.json")),
        *("strict/calibration.csv", "strict/uncertainty.parquet", "strict/predictions.npz"),
        "strict/metrics.npz",
    }
    for name, content in before.items():
        assert (results / name).read_bytes() == content, name
    records = [
        load_record(results / f"{folder}/summary.json")
        for folder in ("networks/strict", "networks/string", "strict")
    ]
    assert records[0]["kept_links"] < records[1]["kept_links"]
    assert records[2]["network"] == records[0]


@pytest.fixture(scope="module")
def bare(local: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run with nothing but a table of means, and nothing that is published."""
    work = local.copy(tmp_path_factory.mktemp("bare") / "main")
    work.change(
        dataset={"truth": None, "validation": None},
        experiments={"published": None, "second": None, "echo": echo()},
        echo={"blends": [0.5, 1], "penalties": [1, 10]},
        inner_crossval={"folds": 3},
        baselines=["mean"],
    )
    work.snakemake()
    return work


def test_without_validation_none_is_predicted(bare: Any) -> None:
    results = files(bare.path / "results/small/echo")
    assert {name for name in results if name.startswith("held_out")} == {
        "held_out/0.npz",
        "held_out/1.npz",
    }
    assert "submission.csv" not in results
    assert len(pd.read_parquet(bare.file("uncertainty.parquet", "echo"))) == N
    assert bare.planned() == {}


def test_without_truth_the_means_are_what_is_predicted(bare: Any) -> None:
    means = pd.read_csv(bare.path / "data/means.csv", index_col="pert_symbol")
    y = (means.drop(index="non-targeting") - means.loc["non-targeting"]).to_numpy()
    predictions = pd.read_csv(bare.file("oof_predictions.csv", "echo"), index_col="pert_symbol")
    # Each gene counts the same, against the mean of all responses.
    wmae = abs(y - predictions.to_numpy()).mean(axis=1)
    terms = np.log2(abs(y - y.mean(axis=0)).mean(axis=1) / wmae)
    record = json.loads(bare.file("summary.json", "echo").read_text(encoding="utf-8"))
    assert record["held_out"]["sum_of_terms"]["value"] == pytest.approx(terms.sum(), abs=1e-9)
    table = pd.read_csv(bare.path / "results/small/comparison.csv")
    sums = table[table["metric"] == "sum_of_terms"].set_index("experiment")["value"]
    assert sums["mean"] == pytest.approx(N * np.log2((N - 1) / N), abs=1e-9)


def test_nothing_held_out_is_compared_with_nothing(done: Any) -> None:
    done.change(baselines=[])
    # Nor is there a figure for papers.
    assert done.snakemake().ran == {"list_experiments": 1, "compare_experiments": 1} | PAGE
    assert done.planned() == {}
    results = done.path / "results/small"
    table = pd.read_csv(results / "comparison.csv")
    assert set(table["protocol"]) == {"published"}
    assert table["experiment"].tolist() == ["published"] * 2 + ["second"] * 2
    differences = pd.read_csv(results / "differences.csv")
    columns = ["experiment", "reference", "metric", "value", "lower", "upper"]
    assert differences.columns.tolist() == columns
    assert differences.empty
    for name in ("perturbation_scores.parquet", "gene_scores.parquet"):
        assert pd.read_parquet(results / name).empty


MEAN = {"models": ["mean"]}
TWO = {"one": MEAN, "other": MEAN}


def ensemble(*members: str) -> dict[str, Any]:
    return {"members": [*members]}


def swept(experiment: str, **grid: list[Any]) -> dict[str, Any]:
    settings = {key.replace("__", "."): values for key, values in grid.items()}
    return {"sweeps": {"tried": {"experiment": experiment, "grid": settings}}}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "ensemble of a published experiment": (
        {"experiments": TWO | {"both": ensemble("one", "published")}},
        "experiments: both: members: published is no experiment that is held out; expected ",
    ),
    "ensemble of an unknown experiment": (
        {"experiments": TWO | {"both": ensemble("one", "away")}},
        "experiments: both: members: away is no experiment that is held out; expected ",
    ),
    "ensemble of a baseline": (
        {"experiments": TWO | {"both": ensemble("one", "mean")}},
        "experiments: both: members: mean is no experiment that is held out; expected ",
    ),
    "ensemble of an experiment that is left out": (
        {"experiments": TWO | {"other": None, "both": ensemble("one", "other")}},
        "experiments: both: members: other is no experiment that is held out; expected ",
    ),
    "ensemble of an ensemble": (
        {"experiments": TWO | {"both": ensemble("one", "other"), "all": ensemble("one", "both")}},
        "experiments: all: members: both is an ensemble itself; expected ",
    ),
    "ensemble of itself": (
        {"experiments": TWO | {"both": ensemble("one", "both")}},
        "experiments: both: members: both is an ensemble itself; expected ",
    ),
    "experiment named as a baseline": (
        {"experiments": {"mean": MEAN}},
        "experiments: mean: a baseline or a run has this name; expected ",
    ),
    "experiment named as a run of a sweep": (
        {"experiments": TWO | {"tried.0": MEAN}} | swept("one", models=[["mean"]]),
        "experiments: tried.0: a baseline or a run has this name; expected ",
    ),
    "experiment named as a run of a learning curve": (
        {"experiments": {"one": MEAN | {"learning_curve": [3]}, "one.3_perturbations": MEAN}},
        "experiments: one.3_perturbations: a baseline or a run has ",
    ),
    "learning curve of a published experiment": (
        {"experiments": TWO | {"published": {"learning_curve": [3]}}},
        "experiments: published: learning_curve: the published protocol has none; expected ",
    ),
    "sweep of an unknown experiment": (
        swept("away", models=[["mean"]]),
        "sweeps: tried: experiment: away; expected the name of an experiment with ",
    ),
    "sweep of an experiment that is left out": (
        {"experiments": {"one": None}} | swept("one", models=[["mean"]]),
        "sweeps: tried: experiment: one; expected the name of an experiment with ",
    ),
    "sweep of a published experiment": (
        swept("published", models=[["ridge"]]),
        "sweeps: tried: experiment: published; expected the name of an experiment with ",
    ),
    "sweep of an ensemble": (
        {"experiments": TWO | {"both": ensemble("one", "other")}}
        | swept("both", diffusion__alphas=[[0.5]]),
        "sweeps: tried: experiment: both; expected the name of an experiment with ",
    ),
    "sweep over an alpha above 1": (
        {"experiments": TWO} | swept("one", diffusion__alphas=[[0.5], [1.5]]),
        "diffusion: alphas: 0: 1.5; expected number, above 0, below 1. ",
    ),
    "sweep over models that there are not": (
        {"experiments": TWO} | swept("one", models=[["mean"], ["lasso"]]),
        "configuration: sweeps: tried.1: models: there is no model lasso; expected one of zero, ",
    ),
    "sweep over a network that there is not": (
        {"experiments": TWO} | swept("one", network=["string", "away"]),
        "configuration: sweeps: tried.1: network: there is no network away; expected one of ",
    ),
    "sweep over a number where a list is due": (
        {"experiments": TWO} | swept("one", diffusion__alphas=[0.5]),
        "diffusion: alphas: 0.5; expected list of: number, above 0, below 1 or null. ",
    ),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_bad_config_is_refused(fresh: Any, changes: dict[str, Any], message: str) -> None:
    fresh.change(**changes)
    text = fresh.snakemake("--dry-run", fails=True).text
    assert message in text
    assert "Traceback" not in text


def test_a_learning_curve(held_out: Any, tmp_path: Path) -> None:
    work = held_out.copy(tmp_path / "curve")
    comparison = work.path / "results/small/comparison.csv"
    before = comparison.read_bytes()
    work.change(**changed("echo_base", learning_curve=[4]))
    assert work.snakemake().ran == total(curve(1), DRAWN, PAGE)
    folder = work.path / "results/small/echo_base"
    table = pd.read_csv(folder / "learning_curve.csv")
    assert table["training"].tolist() == [4, N - 1]
    scores = pd.read_csv(comparison).query("metric == 'score' and experiment == 'echo_base'")
    last = table.iloc[-1]
    assert last["score"] == pytest.approx(scores["value"].item(), abs=1e-5)
    assert (folder / "learning_curve.png").stat().st_size > 10_000
    assert comparison.read_bytes() == before
    # A new size adds its run alone.
    work.change(**changed("echo_base", learning_curve=[3, 4]))
    assert work.planned() == total(curve(1), DRAWN, PAGE)
    work.snakemake("results/small/echo_base/learning_curve.csv")
    assert pd.read_csv(folder / "learning_curve.csv")["training"].tolist() == [3, 4, N - 1]
    work.change(**changed("echo_base", learning_curve=[3, 4, N]))
    text = work.snakemake(fails=True).text
    assert "6 training perturbations, but a fold learns from 5 at most; expected numbers" in text
    assert "Traceback" not in text


def test_too_few_perturbations(fresh: Any) -> None:
    for name in ("means", "truth"):
        path = fresh.path / f"data/{name}.csv"
        table = pd.read_csv(path, index_col=0)
        symbols = sorted(set(table.index) - {"non-targeting"})[:3]
        table.loc[[row for row in table.index if row in (*symbols, "non-targeting")]].to_csv(path)
    text = fresh.snakemake("results/small/mean/held_out/0.npz", fails=True).text
    assert "held_out leaves 2 perturbations to learn from; expected at least 3" in text


def doubled(path: Path, column: str) -> None:
    """Make two guides of each perturbation, whose numbers are the same."""
    table = pd.read_csv(path, dtype=str)
    control = table[column] == "non-targeting"
    guides = [table[~control].assign(**{column: table[column] + f"_{i}"}) for i in (1, 2)]
    pd.concat([*guides, table[control]]).to_csv(path, index=False)


@pytest.mark.parametrize("scheme", ["leave_one_out", "k_fold"])
def test_guides_of_a_gene_are_held_out_together(fresh: Any, scheme: str) -> None:
    doubled(fresh.path / "data/means.csv", "pert_symbol")
    doubled(fresh.path / "data/truth.csv", "pert_id")
    fresh.change(
        dataset={"guides": {"separator": "_"}},
        baselines=["mean"],
        crossval={"scheme": scheme, "folds": 3, "parts": 2},
        inner_crossval={"folds": 3},
        experiments={"published": None, "second": None, "echo": {"models": ["echo"]}},
    )
    # To the end in one scheme; in the other as far as it is another one.
    tables = ("echo/fold_scores.csv", "mean/held_out/0.npz", "upper_bound.csv")
    fresh.snakemake(*(f"results/small/{name}" for name in tables if scheme == "k_fold"))
    scores = pd.read_csv(fresh.file("fold_scores.csv", "echo"))
    assert len(scores) == 2 * N
    gene = scores["pert_symbol"].str.rpartition("_")[0]
    assert scores.groupby(gene)["fold"].nunique().eq(1).all()
    assert scores["fold"].nunique() == (N if scheme == "leave_one_out" else 3)
    # Guides with the same numbers leave no noise.
    bound = pd.read_csv(fresh.path / "results/small/upper_bound.csv")
    bound = bound[bound["kind"] == "upper_bound"]
    assert set(bound["replicates"]) == {"guides"}
    np.testing.assert_allclose(bound["value"], 1)
    # Where both are held out, the mean is that of the other genes.
    mean = load_part(fresh.path / "results/small/mean/held_out/0.npz")
    truth = pd.read_csv(fresh.path / "data/truth.csv", index_col="pert_id")
    with np.load(fresh.path / "results/small/perturbations/perturbations.npz") as data:
        truth = truth.loc[data["perturbations"], data["genes"]].to_numpy()
    for number in range(mean.fold.max() + 1):
        inside = mean.fold == number
        expected = np.tile(truth[~inside].mean(axis=0), (inside.sum(), 1))
        np.testing.assert_allclose(mean.prediction[inside], expected, atol=1e-12)


def test_more_folds_than_genes_are_refused(fresh: Any) -> None:
    fresh.change(baselines=["mean"], crossval={"scheme": "k_fold", "folds": 7})
    text = fresh.snakemake("results/small/mean/held_out/0.npz", fails=True).text
    assert "crossval: folds: 7 for 6 silenced genes; expected 2 to 6, the number of " in text


#: Length of one argument that Linux takes, in bytes; a rule's shell gets its command as one.
ARGUMENT = 128 * 1024


def longest_command(text: str) -> int:
    """Length of the longest command that a run with --printshellcmds shows, in bytes."""
    commands = re.findall(r"^ *(?:Shell command: )?(python scripts/.*)$", text, re.MULTILINE)
    assert commands, text
    return max(len(command.encode()) for command in commands)


def test_a_sweep_of_512_runs(fresh: Any) -> None:
    grid = {
        "inner_crossval.folds": [*range(2, 10)],
        "echo.blends": [[share / 8] for share in range(1, 9)],
        "diffusion.alphas": [[alpha / 10] for alpha in range(1, 9)],
    }
    fresh.change(
        experiments={"published": None, "second": None, "echo": ECHO},
        crossval={"parts": 1},
        sweeps={"many": {"experiment": "echo", "grid": grid}},
    )
    folder = "results/small"
    ranking = f"{folder}/sweeps/many.csv"
    # The runs share eight diffusions and what is compared of them.
    assert fresh.planned(ranking) == {
        "write_settings": 513,
        "predict_held_out": 512,
        "list_runs": 1,
        "rank_sweep": 1,
        "diffuse": 8,
        "build_kernels": 8,
        "read_string": 1,
        "build_network": 1,
        "build_laplacian": 1,
        "download_string": 2,
        "gunzip_string": 2,
        "read_perturbations": 1,
    }
    plan = fresh.snakemake("--dry-run", "--printshellcmds", ranking)
    assert longest_command(plan.text) < ARGUMENT
    records = [f"{folder}/sweeps/many.json", f"{folder}/many.511/settings.json"]
    assert fresh.snakemake(*records).ran == {"list_runs": 1, "write_settings": 1}
    listed, last = (json.loads((fresh.path / path).read_text()) for path in records)
    assert [run["name"] for run in listed["runs"]] == [f"many.{i}" for i in range(512)]
    assert listed["runs"][511]["varied"] == {key: values[-1] for key, values in grid.items()}
    assert last["inner"]
    assert last["members"]["many.511"]["inner_crossval"] == {"folds": 9}
    assert last["members"]["many.511"]["echo"]["blends"] == [1]
    assert last["members"]["many.511"]["diffusion"]["alphas"] == [0.8]


@pytest.mark.long
def test_an_experiment_of_5000_parts(fresh: Any) -> None:
    fresh.change(
        dataset={"validation": None},
        experiments={
            "published": None,
            "second": None,
            "many": {"models": ["mean"], "crossval": {"parts": 5000}},
        },
    )
    table = "results/small/perturbations/perturbations.npz"
    fresh.snakemake(table, "results/small/many/settings.json")
    folder = fresh.file("held_out", "many")
    folder.mkdir()
    options = ["--perturbations", fresh.path / table]
    options += ["--settings", fresh.file("settings.json", "many")]
    for part in range(N + 1):
        output = folder / f"{part}.npz"
        predict_held_out.main([*map(str, options), f"--part={part}", f"--output={output}"])
    # Without a perturbation to hold out a part is as empty as any other.
    empty = arrays_of(folder / f"{N}.npz")
    for part in range(N + 1, 5000):
        put(folder / f"{part}.npz", empty, depth=4)
    targets = ["results/small/many/summary.json", "results/small/comparison.csv"]
    run = fresh.snakemake("--printshellcmds", *targets)
    assert longest_command(run.log) < ARGUMENT
    assert run.ran == {
        "aggregate_held_out": 1,
        "list_experiments": 1,
        "compare_experiments": 1,
        # The baseline mean, in one part.
        "write_settings": 1,
        "predict_held_out": 1,
        "score_baselines": 1,
    }
    scores = pd.read_csv(fresh.path / "results/small/comparison.csv")
    values = scores.set_index(["experiment", "metric"])["value"]
    assert values["many"].equals(values["mean"])
    assert len(pd.read_csv(fresh.file("fold_scores.csv", "many"))) == N

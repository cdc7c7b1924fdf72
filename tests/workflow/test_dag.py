"""What runs again after a change: as much as depends on it, and no more."""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

FOLDS = 6
# Jobs of each rule when both experiments run again from a stage on; `second` has three alphas,
# one of which is that of `published`. The only baseline, `mean`, learns from responses alone.
OUTPUTS = {"plot_figure": 2, "write_submission": 2}
PAGE = {"write_report": 1}
CHARTS = {"bundle_charts": 1} | PAGE
COMPARE = {"compare_experiments": 1, "plot_results": 1} | PAGE
AGGREGATE = {"aggregate_folds": 2} | OUTPUTS | COMPARE
FOLD = {"loo_fold": 2 * FOLDS} | AGGREGATE
DECOMPOSE = {"decompose_responses": 2} | FOLD
SCORE = {"score_baselines": 1} | COMPARE
PREDICT = {"predict_held_out": 1} | SCORE
FEATURES = {"build_features": 2} | FOLD
DIFFUSE = {"diffuse": 3} | FEATURES
LAPLACIAN = {"build_laplacian": 1} | DIFFUSE
NETWORK = {"build_network": 1} | LAPLACIAN
LINKS = {"read_string": 1} | NETWORK
#: As far as is known before the checkpoint has run: it decides on the folds.
CHECKPOINT = {
    "read_perturbations": 1,
    "decompose_responses": 2,
    **{rule: count for rule, count in (NETWORK | PREDICT).items() if rule != "loo_fold"},
}
#: The settings of both experiments, or of one, are written again.
BOTH, SETTING = {"write_settings": 2}, {"write_settings": 1}
#: Another experiment or baseline is compared.
LISTED = SETTING | {"list_experiments": 1}
#: All that one experiment has for itself beside its settings.
ONE = {
    "build_features": 1,
    "decompose_responses": 1,
    "loo_fold": FOLDS,
    "aggregate_folds": 1,
    "plot_figure": 1,
    "write_submission": 1,
    **COMPARE,
}


def one(*without: str) -> dict[str, int]:
    """Jobs of one experiment, without those of some rules."""
    return {rule: count for rule, count in ONE.items() if rule not in without}


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_nothing_is_to_be_done_after_a_run(finished: Any) -> None:
    assert finished.planned() == {}


def test_touched_files_run_nothing(done: Any) -> None:
    files = [
        path
        for path in done.path.rglob("*")
        if path.is_file() and ".snakemake" not in path.relative_to(done.path).parts
    ]
    # The later a file was made, the older it is now: every input is newer than its outputs.
    files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    start = time.time() - len(files)
    for second, path in enumerate(files):
        os.utime(path, (start + second, start + second))
    assert done.planned() == {}


#: Notes each file that Snakemake reads for its checksum.
NOTES_READ_FILES = """\
import hashlib

compute = hashlib.file_digest


def note(stream, *arguments):
    with open("read-files.txt", "a") as notes:
        print(stream.name, file=notes)
    return compute(stream, *arguments)


hashlib.file_digest = note
"""


def test_an_input_is_read_once_for_its_checksum(done: Any) -> None:
    (done.path / "sitecustomize.py").write_text(NOTES_READ_FILES, encoding="utf-8")
    # Many outputs, and inputs that several jobs have.
    table = "results/small/published/oof_predictions.csv"
    outcome = done.snakemake("--forcerun", "aggregate_folds", "--", table, PYTHONPATH=".")
    assert outcome.ran["aggregate_folds"] == 1
    read = Counter((done.path / "read-files.txt").read_text(encoding="utf-8").split())
    assert read["results/small/perturbations/perturbations.npz"] == 1
    assert set(read.values()) == {1}


RIDGE = {"protocol": "published", "models": ["ridge"]}


def own(**settings: Any) -> dict[str, Any]:
    """Change what the second experiment sets for itself."""
    return {"experiments": {"second": settings}}


def networks(**settings: Any) -> dict[str, Any]:
    """Change the network of STRING's links."""
    return {"networks": {"string": settings}}


REWIRED_RIDGE = RIDGE | {"network": "rewired"}
PERMUTED_RIDGE = RIDGE | {"network": "permuted"}
REWIRED = {"rewire_network": 1, "build_laplacian": 1, "diffuse": 1}
#: A change of settings, and the jobs that it brings.
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "one more alpha": (
        {"diffusion": {"alphas": [0.75, 0.9]}},
        {"diffuse": 1} | SETTING | one("decompose_responses"),
    ),
    "one more alpha, solved for another experiment": (
        {"diffusion": {"alphas": [0.75, 0.5]}},
        SETTING | one("decompose_responses"),
    ),
    "tolerance": ({"diffusion": {"tolerance": 1e-9}}, BOTH | DIFFUSE),
    "backend": ({"diffusion": {"backend": "dense"}}, DIFFUSE),
    "score threshold": (networks(score_threshold=0.6), BOTH | LINKS),
    # The links stay as they are.
    "self-loop": (networks(self_loop=0.5), BOTH | NETWORK),
    "components": ({"response": {"n_components": 2}}, SETTING | one("build_features")),
    "percentile": (
        {"features": {"variance_percentile": 50}},
        SETTING | one("decompose_responses"),
    ),
    "penalties": ({"regression": {"penalties": [1, 100]}}, BOTH | FOLD),
    "l1 ratio": ({"regression": {"l1_ratio": 0.4}}, BOTH | FOLD),
    "padding": ({"submission": {"padding": 5}}, {"write_submission": 2}),
    "sample": ({"submission": {"sample": "data/sample.csv"}}, {"write_submission": 2}),
    "ranking": ({"ranking": {"threshold": 0.5}}, SCORE),
    "export": ({"export": ["h5ad", "effects"]}, {"export_predictions": 2}),
    "control": ({"dataset": {"control": "other"}}, CHECKPOINT | SETTING),
    "scale": ({"dataset": {"scale": "ln"}}, CHECKPOINT | SETTING),
    "what no rule reads": ({"dataset": {"source": "a shelf"}}, {}),
    "models": (
        {"experiments": {"published": {"models": ["ridge", "elastic_net"]}}},
        SETTING | one("build_features", "decompose_responses"),
    ),
    "own l1 ratio": (
        own(regression={"l1_ratio": 0.4}),
        SETTING | one("build_features", "decompose_responses"),
    ),
    "own percentile": (
        own(features={"variance_percentile": 70}),
        SETTING | one("decompose_responses"),
    ),
    "own alphas in another order": (
        own(diffusion={"alphas": [0.75, 0.5, 0.25]}),
        SETTING | one("decompose_responses"),
    ),
    "one more baseline": ({"baselines": ["mean", "median"]}, LISTED | PREDICT),
    "one more baseline with features": (
        {"baselines": ["mean", "ridge"]},
        {"build_features": 1} | LISTED | PREDICT,
    ),
    "one more baseline with kernels": (
        {"baselines": ["mean", "nearest"]},
        {"build_kernels": 1} | LISTED | PREDICT,
    ),
    # Nothing is held out, so there is no figure for papers.
    "no baseline": ({"baselines": []}, {"list_experiments": 1, "compare_experiments": 1} | PAGE),
    "one more experiment": ({"experiments": {"third": RIDGE}}, LISTED | ONE),
    "one more experiment and alpha": (
        {"experiments": {"third": RIDGE | {"diffusion": {"alphas": [0.1]}}}},
        {"diffuse": 1} | LISTED | ONE,
    ),
    "one more network that none is on": ({"networks": {"strict": {"like": "string"}}}, {}),
    "one more experiment, on a stricter network of the same files": (
        {
            "networks": {"strict": {"like": "string", "score_threshold": 0.9}},
            "experiments": {"third": RIDGE | {"network": "strict"}},
        },
        {"read_string": 1, "build_network": 1, "build_laplacian": 1, "diffuse": 1} | LISTED | ONE,
    ),
    "seed, where only the bootstrap is random": ({"seed": 1}, COMPARE),
    "settings that no experiment reads": (
        {"echo": {"penalties": [7]}, "crossval": {"parts": 3}, "inner_crossval": {"folds": 4}},
        {},
    ),
    "one more experiment, on shuffled links": (
        {"experiments": {"third": REWIRED_RIDGE}},
        REWIRED | LISTED | ONE,
    ),
    "one more experiment, on shuffled labels": (
        {"experiments": {"third": PERMUTED_RIDGE}},
        LISTED | ONE,
    ),
    "two more of them share a network": (
        {
            "experiments": {
                "third": REWIRED_RIDGE,
                "fourth": {"like": "third", "diffusion": {"alphas": [0.75, 0.5]}},
            }
        },
        REWIRED
        | {"diffuse": 2}
        | {rule: 2 * count for rule, count in (LISTED | ONE).items()}
        | {"list_experiments": 1}
        | COMPARE,
    ),
    "own shuffled links": (
        own(network="rewired"),
        REWIRED | {"diffuse": 3} | SETTING | one("decompose_responses"),
    ),
}
#: An edited file of the code, and the jobs that it brings.
CODE: dict[str, dict[str, int]] = {
    "echoes/report/heatmaps": {"plot_figure": 2},
    "echoes/report/style": {"plot_figure": 2, "plot_results": 1},
    "echoes/report/comparison_figure": {"plot_results": 1},
    "echoes/report/submission": {"write_submission": 2},
    "echoes/report/page/words": PAGE,
    "echoes/report/page/charts": CHARTS,
    "echoes/scoring/published": AGGREGATE,
    "echoes/scoring/comparison": COMPARE,
    "echoes/models/elastic_net": FOLD,
    "echoes/models/baselines": PREDICT,
    # Models that no experiment fits.
    "echoes/models/echo": {},
    "echoes/models/kernels": PREDICT,
    "echoes/network/features": FEATURES | PREDICT,
    "echoes/models/components": DECOMPOSE,
    "echoes/network/diffusion": DIFFUSE,
    "echoes/network/string_db": LINKS,
    "echoes/network/matches": CHECKPOINT,
    "echoes/screen/cells": {},
    "echoes/network/edges": {},
    "echoes/network/null": FEATURES,
    "echoes/io/download": {"download_string": 2, "gunzip_string": 2} | LINKS,
    "echoes/scoring/metrics": CHECKPOINT,
    "echoes/example/simulate": {},
    # The plan is no input: what it says of each experiment is.
    "echoes/plan/plan": {},
    "align_prior": {},
    "bundle_charts": CHARTS,
    "predict_genes": {},
    "write_gene_predictions": {},
    "plot_figure": {"plot_figure": 2},
    "plot_results": {"plot_results": 1},
    "aggregate_folds": AGGREGATE,
    "aggregate_held_out": {},
    "score_baselines": SCORE,
    "rank_sweep": {},
    "plot_learning_curve": {},
    "estimate_upper_bound": {},
    "build_laplacian": LAPLACIAN,
    "rewire_network": {},
    "simulate_example": {},
}

Plans = dict[str, Future[Counter[str]]]


@pytest.fixture(scope="module")
def plans(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plans]:
    """Plan all runs at once, each after one change: a plan is mostly the start of Python."""
    folder = tmp_path_factory.mktemp("plans")

    def plan(name: str) -> Counter[str]:
        work = finished.copy(folder / name.replace("/", "_"))
        if name in SETTINGS:
            work.change(**SETTINGS[name][0])
        else:
            append(work.path / f"scripts/{name}.py", "# edited\n")
        jobs: Counter[str] = work.planned()
        return jobs

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(plan, name) for name in (*SETTINGS, *CODE)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_changed_setting(plans: Plans, name: str) -> None:
    assert plans[name].result() == SETTINGS[name][1]


@pytest.mark.parametrize("name", CODE)
def test_an_edited_file_of_the_code(plans: Plans, name: str) -> None:
    assert plans[name].result() == CODE[name]


def test_a_changed_table_of_means(done: Any) -> None:
    # One experiment is enough here, where the jobs do run.
    del done.settings["experiments"]["second"]
    assert done.snakemake().ran == {"list_experiments": 1} | COMPARE
    assert done.planned() == {}
    table = done.path / "data/means.csv"
    header, first, *rest = table.read_text(encoding="utf-8").splitlines(keepends=True)
    name, _, *cells = first.split(",")
    table.write_text("".join([header, ",".join([name, "9.5", *cells]), *rest]), encoding="utf-8")

    # The folds are only known once the checkpoint has run.
    assert done.planned() == CHECKPOINT | {"diffuse": 1} | one("loo_fold")
    assert done.snakemake().ran == {
        "read_perturbations": 1,
        "build_network": 1,
        "build_laplacian": 1,
        "diffuse": 1,
        **PREDICT,
        **ONE,
    }
    assert done.planned() == {}


def test_another_seed_rewires_again_and_leaves_the_rest_alone(done: Any) -> None:
    network = "results/small/networks/{}/adjacency.npz"
    files = [network.format(name) for name in ("string", "rewired")]
    done.change(experiments={"third": REWIRED_RIDGE})
    assert done.snakemake().ran == REWIRED | LISTED | ONE
    assert done.planned() == {}
    before = [(done.path / file).read_bytes() for file in files]
    assert before[0] != before[1]

    done.change(seed=1)
    assert done.snakemake().ran == REWIRED | SETTING | one("decompose_responses")
    after = [(done.path / file).read_bytes() for file in files]
    assert after[0] == before[0]
    assert after[1] != before[1]
    append(done.path / "scripts/rewire_network.py", "# edited\n")
    assert done.planned() == REWIRED | one("decompose_responses")


def test_a_changed_table_of_links(done: Any) -> None:
    links = done.path / "data/links.txt.gz"
    text = gzip.decompress(links.read_bytes()) + b"9606.X 9606.Y 900\n9606.Y 9606.X 900\n"
    links.write_bytes(gzip.compress(text))
    assert done.planned() == {"download_string": 1, "gunzip_string": 1} | LINKS


@pytest.mark.parametrize(
    ("name", "first"),
    [("means.csv", "read_perturbations"), ("links.txt.gz", "download_string")],
)
def test_a_changed_table_may_be_older_than_the_results(done: Any, name: str, first: str) -> None:
    table = done.path / "data" / name
    old = table.stat().st_mtime - 1e6
    os.utime(table, (old, old))
    assert done.planned() == {}
    if name == "means.csv":
        table.write_text(table.read_text(encoding="utf-8").replace(",1", ",2"), encoding="utf-8")
    else:
        table.write_bytes(gzip.compress(gzip.decompress(table.read_bytes()), 1))
    # As `cp -p`, `rsync -t` or the checkout of another table leave it.
    os.utime(table, (old, old))
    assert done.planned()[first] == 1


def test_a_repacked_table_of_links_is_another_file(done: Any) -> None:
    links = done.path / "data/links.txt.gz"
    links.write_bytes(gzip.compress(gzip.decompress(links.read_bytes()), 1))
    planned = done.planned()
    assert planned["download_string"] == planned["gunzip_string"] == 1


def test_a_deleted_output_is_made_again(done: Any) -> None:
    done.file("figure.png").unlink()
    assert done.planned() == {"plot_figure": 1}


def test_a_deleted_fold_is_made_again_alone(done: Any) -> None:
    fold = done.file("folds/3.npz")
    fold.unlink()
    # What has been made of it is there, so that nothing needs it …
    assert done.planned() == {}
    # … until it is asked for, or something reads it.
    target = fold.relative_to(done.path).as_posix()
    assert done.planned(target) == {"loo_fold": 1}
    append(done.path / "scripts/echoes/scoring/published.py", "# edited\n")
    assert done.planned() == {"loo_fold": 1} | AGGREGATE


def test_a_damaged_fold_brings_what_follows(done: Any) -> None:
    done.file("folds/3.npz").write_bytes(b"")
    assert done.planned() == Counter(one("build_features", "decompose_responses", "loo_fold"))

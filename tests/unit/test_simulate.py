"""The simulated screen: its files, its arithmetic, and the signal that is planted in it."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from echoes.example import files, simulate
from echoes.example.parameters import Parameters
from echoes.example.responses import clarity_weights
from echoes.example.simulate import Simulated
from echoes.io.errors import InputError
from echoes.io.tables import read_matrix

FILES = {
    "links": "links.txt.gz",
    "info": "info.txt.gz",
    "means": "means.csv",
    "truth": "truth.csv",
    "validation": "validation.csv",
    "sample_submission": "sample_submission.csv",
    "validation_truth": "validation_truth.csv",
}


def write(simulated: Simulated, folder: Path) -> dict[str, Path]:
    paths = {kind: folder / name for kind, name in FILES.items()}
    files.write(simulated, **paths)
    return paths


def gunzip(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


@pytest.fixture(scope="module")
def example() -> Simulated:
    return simulate.simulate(Parameters())


@pytest.fixture(scope="module")
def paths(example: Simulated, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write(example, tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def links(paths: dict[str, Path]) -> list[tuple[str, str, int]]:
    lines = gunzip(paths["links"])
    assert lines[0] == "protein1 protein2 combined_score"
    return [(a, b, int(score)) for a, b, score in (line.split(" ") for line in lines[1:])]


@pytest.fixture(scope="module")
def names(paths: dict[str, Path]) -> dict[str, str]:
    lines = gunzip(paths["info"])
    assert lines[0] == "#string_protein_id\tpreferred_name\tprotein_size\tannotation"
    fields = [line.split("\t") for line in lines[1:]]
    assert {len(row) for row in fields} == {4}
    assert all(int(row[2]) > 0 for row in fields)
    text = "".join(row[3] for row in fields)
    assert all(mark in text for mark in "\"',;")
    return {row[0]: row[1] for row in fields}


def test_links_hold_each_pair_in_both_directions_and_once(
    links: list[tuple[str, str, int]],
) -> None:
    scores = {(a, b): score for a, b, score in links}
    assert len(scores) == len(links) == 2 * Parameters().network_links
    assert all(scores[b, a] == score for (a, b), score in scores.items())
    assert list(scores) == sorted(scores)
    assert all(a != b for a, b in scores)


def test_scores_are_on_both_sides_of_the_usual_thresholds(
    links: list[tuple[str, str, int]],
) -> None:
    scores = np.array([score for _, _, score in links])
    assert scores.min() >= 150
    assert scores.max() <= 999
    assert 0.2 < (scores < 500).mean() < 0.6
    assert 0.2 < (scores > 700).mean() < 0.6


def test_network_has_its_genes_with_shared_names_and_unmapped_proteins(
    links: list[tuple[str, str, int]], names: dict[str, str]
) -> None:
    linked = {a for a, _, _ in links}
    mapped = [names[protein] for protein in linked if protein in names]
    assert len(set(mapped)) == Parameters().network_genes
    assert len(mapped) == Parameters().network_genes + 2
    assert len(linked) == len(mapped) + 2
    # No gene is lost, or linked to itself, once weak links and unmapped ends are dropped.
    strong = [(names[a], names[b]) for a, b, s in links if s >= 500 and {a, b} <= names.keys()]
    assert {a for a, _ in strong} == set(mapped)
    assert all(a != b for a, b in strong)


def test_degrees_are_heterogeneous_and_the_network_has_communities(
    links: list[tuple[str, str, int]],
) -> None:
    neighbours: dict[str, set[str]] = {}
    for a, b, _ in links:
        neighbours.setdefault(a, set()).add(b)
    degrees = np.array([len(found) for found in neighbours.values()])
    assert degrees.max() > 4 * np.median(degrees)
    # Two neighbours of a protein are far more often linked than two proteins at large.
    closed = np.mean([len(neighbours[a] & neighbours[b]) for a, b, _ in links])
    by_chance = (degrees**2).mean() ** 3 / degrees.mean() ** 4 / degrees.size
    assert closed > 2 * by_chance


def test_isolated_genes_have_no_link(
    example: Simulated, links: list[tuple[str, str, int]], names: dict[str, str]
) -> None:
    linked = {names.get(a) for a, _, _ in links}
    for responses in (example.training, example.validation):
        assert len(set(responses.perturbations) - linked) == Parameters().isolated
    assert len(set(example.genes) - linked) <= 2 * Parameters().isolated
    # The isolated training gene is known to STRING, that of the validation set is not.
    assert set(example.training.perturbations) <= set(names.values())
    assert len(set(example.validation.perturbations) - set(names.values())) == Parameters().isolated


def test_tables_have_the_competition_layout(example: Simulated, paths: dict[str, Path]) -> None:
    means = read_matrix(paths["means"], "pert_symbol")
    truth = read_matrix(paths["truth"], "pert_id")
    held_out = read_matrix(paths["validation_truth"], "pert_id")
    sample = read_matrix(paths["sample_submission"], "pert_id")
    assert means.rows == (*example.training.perturbations, "non-targeting")
    assert means.columns == sample.columns == example.genes
    weights = tuple(f"w_{gene}" for gene in example.genes)
    assert truth.columns == held_out.columns == (*example.genes, *weights, "baseline_wmae")
    assert set(truth.rows) == set(means.rows) - {"non-targeting"}
    assert truth.rows != means.rows[:-1]
    assert sample.rows == tuple(f"pert_{i}" for i in range(1, 8 + 4 + 1))
    assert held_out.rows == sample.rows[:8]
    assert not sample.values.any()
    with paths["validation"].open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["pert_id"] for row in rows] == list(held_out.rows)
    assert [row["pert"] for row in rows] == list(example.validation.perturbations)
    assert {row["class"] for row in rows} == {"val"}
    genes = [*example.training.perturbations, *example.validation.perturbations]
    assert len(set(genes)) == len(genes) == 32


def test_truth_follows_from_the_means_and_the_published_formulas(
    example: Simulated, paths: dict[str, Path]
) -> None:
    means = read_matrix(paths["means"], "pert_symbol")
    truth = read_matrix(paths["truth"], "pert_id")
    count = len(means.columns)
    expression = dict(zip(means.rows, means.values, strict=True))
    deltas, weights, baseline = np.split(truth.values, [count, 2 * count], axis=1)
    expected = np.array([expression[name] - expression["non-targeting"] for name in truth.rows])
    np.testing.assert_allclose(deltas, expected, atol=1e-9)
    assert means.values.min() >= 0

    np.testing.assert_allclose(weights.sum(axis=1), count, rtol=1e-5)
    own = np.array([[row == gene for gene in means.columns] for row in truth.rows])
    assert own.sum() >= 8
    assert not weights[own].any()
    assert weights[~own].min() > 0
    assert (deltas[own] < -1).all()
    assert (deltas[own] > -3.3).all()

    wmae = (weights * np.abs(deltas - deltas.mean(axis=0))).mean(axis=1)
    np.testing.assert_allclose(baseline[:, 0], wmae, atol=1e-8)
    held_out = read_matrix(paths["validation_truth"], "pert_id").values
    error = np.abs(held_out[:, :count] - deltas.mean(axis=0))
    wmae = (held_out[:, count:-1] * error).mean(axis=1)
    np.testing.assert_allclose(held_out[:, -1], wmae, atol=1e-8)
    assert example.training.deltas[example.truth_order].tolist() == deltas.tolist()


def test_weights_are_the_squared_clarity() -> None:
    # t = 1, 20 (cut at 10), -0.4 and the silenced gene: c = 1.1, 10, 0.5 and 0.
    weights = clarity_weights(
        np.array([[0.1, 2.0, -0.04, -3.0]]),
        np.full((1, 4), 0.1),
        np.array([[False, False, False, True]]),
    )
    square = np.array([1.21, 100.0, 0.25, 0.0])
    np.testing.assert_allclose(weights, [4 * square / square.sum()], atol=5e-7)


def test_effects_are_as_small_and_as_heavy_tailed_as_in_real_screens(example: Simulated) -> None:
    others = example.training.deltas[example.training.weights > 0]
    assert 0.05 < others.std() < 0.1
    kurtosis = (others**4).mean() / (others**2).mean() ** 2
    assert kurtosis > 5
    assert example.control.min() >= 0
    assert example.control.max() < 7


def test_every_perturbation_shares_the_common_response(example: Simulated) -> None:
    deltas = np.where(example.training.weights > 0, example.training.deltas, 0.0)
    mean = (deltas.sum(axis=0) - deltas) / (len(deltas) - 1)
    correlations = [np.corrcoef(row, rest)[0, 1] for row, rest in zip(deltas, mean, strict=True)]
    assert min(correlations) > 0
    assert 0.3 < np.median(correlations) < 0.9


def similarity_of_responses_and_network(signal: float, seed: int) -> float:
    """Correlate both over pairs of perturbations; the diffusion is a dense solve."""
    simulated = simulate.simulate(Parameters(signal=signal, seed=seed))
    network = simulated.network
    genes = sorted(set(network.names) - {""})
    position = {gene: i for i, gene in enumerate(genes)}
    adjacency = np.zeros((len(genes), len(genes)))
    for (a, b), score in zip(network.pairs.tolist(), network.scores.tolist(), strict=True):
        if score >= 500 and network.names[a] and network.names[b]:
            i, j = position[network.names[a]], position[network.names[b]]
            adjacency[i, j] += score / 1000
            adjacency[j, i] += score / 1000
    degree = adjacency.sum(axis=0)
    perturbed = [*simulated.training.perturbations, *simulated.validation.perturbations]
    kept = [i for i, g in enumerate(perturbed) if g in position and degree[position[g]] > 0]
    walk = adjacency / np.where(degree > 0, degree, 1)
    start = np.eye(len(genes))[:, [position[perturbed[i]] for i in kept]]
    visits = np.linalg.solve(np.eye(len(genes)) - 0.6 * walk, 0.4 * start)
    profile = np.log1p(visits.T * degree.sum() / np.where(degree > 0, degree, 1))

    weights = np.vstack([simulated.training.weights, simulated.validation.weights])[kept]
    deltas = np.vstack([simulated.training.deltas, simulated.validation.deltas])[kept]
    deltas = np.where(weights > 0, deltas, 0.0)
    pairs = np.triu_indices(len(kept), 1)
    near = np.corrcoef(profile - profile.mean(axis=0))[pairs]
    alike = np.corrcoef(deltas - deltas.mean(axis=0))[pairs]
    return float(np.corrcoef(near, alike)[0, 1])


def test_neighbours_respond_alike_only_where_a_signal_is_planted() -> None:
    found = {
        signal: [similarity_of_responses_and_network(signal, seed) for seed in range(4)]
        for signal in (0.0, 0.8)
    }
    assert abs(np.mean(found[0.0])) < 0.1
    assert np.mean(found[0.8]) > 0.5
    assert min(found[0.8]) > max(found[0.0]) + 0.2


def test_the_signal_changes_nothing_but_the_responses(example: Simulated) -> None:
    other = simulate.simulate(Parameters(signal=0.0))
    assert other.network.proteins == example.network.proteins
    np.testing.assert_array_equal(other.network.pairs, example.network.pairs)
    np.testing.assert_array_equal(other.control, example.control)
    assert other.genes == example.genes
    assert other.training.perturbations == example.training.perturbations
    # Without a signal the responses are as large.
    ratio = other.training.deltas.std() / example.training.deltas.std()
    assert 0.8 < ratio < 1.25


def test_a_seed_fixes_every_byte_under_any_hash_seed(
    paths: dict[str, Path], tmp_path: Path
) -> None:
    script = Path(simulate.__file__).parents[2] / "simulate_example.py"
    options = [part for k, v in FILES.items() for part in (f"--{k.replace('_', '-')}", v)]
    subprocess.run(
        [sys.executable, script, *options],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONHASHSEED": "4711"},
    )
    for name in FILES.values():
        assert (tmp_path / name).read_bytes() == (paths["links"].parent / name).read_bytes()


def test_another_seed_gives_another_data_set(example: Simulated) -> None:
    other = simulate.simulate(Parameters(seed=1))
    assert other.genes != example.genes
    assert not np.array_equal(other.network.pairs, example.network.pairs)
    assert not np.array_equal(other.training.deltas, example.training.deltas)


def test_compressed_files_hold_neither_time_nor_name(paths: dict[str, Path]) -> None:
    header = paths["links"].read_bytes()[:10]
    assert header[3] == 0  # no flags, so no file name
    assert header[4:8] == bytes(4)


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(network_genes=20, network_links=40, perturbations=2, validation_genes=1,
             response_genes=2, isolated=0, padding=0, signal=1.0),
        Parameters(network_genes=20, network_links=80, perturbations=8, validation_genes=2,
             response_genes=15, isolated=0, padding=0, signal=0.0),
        Parameters(network_genes=40, network_links=90, perturbations=6, validation_genes=4,
             response_genes=30, isolated=4),
    ],
    ids=["smallest", "densest", "mostly isolated"],
)  # fmt: skip
def test_the_corners_of_the_range_work(parameters: Parameters) -> None:
    simulated = simulate.simulate(parameters)
    assert len(simulated.network.pairs) == parameters.network_links
    assert len(np.unique(simulated.network.pairs, axis=0)) == parameters.network_links
    assert simulated.training.deltas.shape == (parameters.perturbations, parameters.response_genes)
    assert simulated.validation.deltas.shape == (
        parameters.validation_genes,
        parameters.response_genes,
    )
    assert simulated.truth_order.tolist() != list(range(parameters.perturbations))
    for responses in (simulated.training, simulated.validation):
        assert np.isfinite(responses.deltas).all()
        np.testing.assert_allclose(
            responses.weights.sum(axis=1), parameters.response_genes, rtol=1e-5
        )


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("network_genes", 19),
        ("network_links", 1199),
        ("network_links", 72_001),
        ("perturbations", 2),
        ("perturbations", 295),
        ("validation_genes", 0),
        ("response_genes", 15),
        ("response_genes", 587),
        ("isolated", -1),
        ("padding", -1),
        ("signal", -0.1),
        ("signal", 1.1),
        ("signal", float("nan")),
        ("noise", 0.0),
        ("noise", float("inf")),
        ("seed", -1),
    ],
)
def test_a_bad_parameter_is_named(parameter: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        Parameters(**{parameter: value})  # type: ignore[arg-type]
    assert caught.value.file == "simulation"
    assert caught.value.place == parameter

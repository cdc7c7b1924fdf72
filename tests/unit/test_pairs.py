"""Pairs: how they are read and held out, the sum of single effects, and what is beyond it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tasks
from echoes.example import files, simulate
from echoes.example.parameters import SCORE_THRESHOLD, Parameters
from echoes.io.arrays import positions
from echoes.io.errors import InputError
from echoes.models.echo import echo
from echoes.models.kernels import Kernels, reach
from echoes.models.pair_folds import PairFolds, pair_folds
from echoes.models.pairs import additive
from echoes.models.task import Task, build_task
from echoes.network import string_db
from echoes.network.diffusion import diffuse
from echoes.network.features import transform
from echoes.network.graph import build_network, degree, has_link, random_walk_laplacian
from echoes.screen import record
from echoes.screen.record import Screen, gene_sets
from screens import read_table

Array = npt.NDArray[np.float64]

SEEDS = range(5)
ALPHA = 0.25
SETTINGS = tasks.settings_with(
    echo={"penalties": [0.1, 1.0, 10.0, 100.0, 1000.0], "objective": "squared"},
    inner_crossval={"folds": 5},
)


# ---- Reading --------------------------------------------------------------------------------


def write_means(folder: Path, *names: str) -> Path:
    path = folder / "means.csv"
    random = np.random.default_rng(0)
    lines = [f"{name},{','.join(f'{x:.3f}' for x in random.random(3))}" for name in names]
    path.write_text("\n".join(["pert_symbol,A,B,C", *lines, ""]), encoding="utf-8")
    return path


def test_names_are_taken_apart(tmp_path: Path) -> None:
    means = write_means(tmp_path, "A", "B + A", "C+non-targeting", "D+C", "non-targeting")
    screen, _ = read_table("means", means, pairs_separator="+")
    assert screen.silenced.tolist() == ["A", "A+B", "C", "C+D"]
    assert screen.perturbations.tolist()[1] == "B + A"
    record.save(tmp_path / "screen.npz", screen)
    assert record.load(tmp_path / "screen.npz").separator == "+"
    sets, none = record.load_sets(tmp_path / "screen.npz")
    assert sets == [("A",), ("A", "B"), ("C",), ("C", "D")]
    assert none == []
    own = record.own_positions(sets, screen.genes.tolist())
    assert own.tolist() == [[0, -1], [0, 1], [2, -1], [2, -1]]
    # No weights were given: all stay 1.
    assert (screen.weights == 1).all()


def test_both_genes_of_a_pair_weigh_nothing(tmp_path: Path) -> None:
    means = write_means(tmp_path, "A", "A+B", "C", "non-targeting")
    screen, _ = read_table("means", means, pairs_separator="+", standard_error=0.1)
    np.testing.assert_array_equal(screen.weights[1, :2], 0)
    np.testing.assert_allclose(screen.weights.sum(axis=1), 3)
    alone, _ = read_table(
        "means", write_means(tmp_path, "A", "C", "non-targeting"), standard_error=0.1
    )
    assert (alone.weights[0] > 0).tolist() == [False, True, True]


def test_without_the_setting_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset: pairs: \{separator"):
        read_table("means", write_means(tmp_path, "A", "A+B", "B", "non-targeting"))


def test_a_name_without_a_gene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="perturbation A\\+"):
        read_table("means", write_means(tmp_path, "A", "A+", "non-targeting"), pairs_separator="+")


def test_a_screen_of_single_genes_is_stored_as_before(tmp_path: Path) -> None:
    screen, _ = read_table("means", write_means(tmp_path, "A", "B", "non-targeting"))
    record.save(tmp_path / "screen.npz", screen)
    with np.load(tmp_path / "screen.npz") as archive:
        assert "separator" not in archive.files
    assert record.own_positions(record.load_sets(tmp_path / "screen.npz")[0], ["B"]).tolist() == [
        -1,
        0,
    ]


# ---- Folds ----------------------------------------------------------------------------------

GENES = "ABCDEFGH"
SETS = [*((gene,) for gene in GENES), *combinations(GENES[:5], 2)]


def check_folds(made: PairFolds, learn_from_pairs: bool) -> None:
    """Check that no fold learns from what it holds out, or hides."""
    assert sorted(np.concatenate(made.held_out).tolist()) == list(range(len(SETS)))
    for held_out, extra, training in zip(made.held_out, made.extra, made.training, strict=True):
        learnt = [SETS[row] for row in training]
        assert not {*held_out.tolist(), *extra.tolist()} & set(training.tolist())
        alone = {one[0] for one in learnt if len(one) == 1}
        hidden = set(GENES) - alone
        if not learn_from_pairs:
            assert all(hidden.isdisjoint(one) for one in learnt)
        for row in held_out.tolist():
            if len(SETS[row]) > 1:
                assert made.genes_seen[row] == len(alone & set(SETS[row]))
                assert SETS[row] not in learnt
            else:
                assert made.genes_seen[row] == -1
                assert SETS[row][0] in hidden
        # All that is hidden can be predicted alone.
        own = {SETS[row][0] for row in [*held_out, *extra] if len(SETS[row]) == 1}
        assert hidden == own


@pytest.mark.parametrize("learn_from_pairs", [False, True])
@pytest.mark.parametrize("folds", [None, 3])
def test_folds(folds: int | None, learn_from_pairs: bool) -> None:
    made = pair_folds(SETS, folds, [2, 1, 0], learn_from_pairs=learn_from_pairs)
    check_folds(made, learn_from_pairs)
    if folds is None:
        assert made.genes_seen[8:].tolist() == [2, 1, 0, 2, 1, 0, 2, 1, 0, 2]
        assert len(made.held_out) == len(SETS)


def test_single_genes_are_held_out_as_without_pairs() -> None:
    made = pair_folds(SETS[:8], None, [2], learn_from_pairs=False)
    assert [rows.tolist() for rows in made.held_out] == [[row] for row in range(8)]
    assert [len(rows) for rows in made.training] == [7] * 8


# ---- Sums -----------------------------------------------------------------------------------


def toy_task(sets: list[tuple[str, ...]], deltas: Array) -> Task:
    random = np.random.default_rng(1)
    rows = random.normal(size=(len(sets), 6))
    kernels = Kernels(
        tasks.inner_products([rows]), random.random((len(sets), 3)), np.ones(len(sets), bool)
    )
    names = ["+".join(one) for one in sets]
    control = np.full(3, 2.0)
    return build_task(
        deltas, np.ones_like(deltas), control, ["A", "B", "C"], names, kernels, None, sets=sets
    )


def test_the_sum_by_hand() -> None:
    deltas = np.array([[1.0, 0, 0], [3.0, 0, 0], [0, 5.0, 0], [0, 0, 7.0], [9.0, 9, 9]])
    sets = [("A",), ("A",), ("B",), ("C",), ("A", "C"), ("A", "B"), ("A", "D"), ("D",)]
    predicted = additive(toy_task(sets, deltas), SETTINGS).deltas
    mean = deltas[:4].mean(axis=0)
    np.testing.assert_allclose(predicted, [[2, 5, 0], mean + np.array([2, 0, 0]), mean])


def test_without_pairs_the_sum_is_the_mean() -> None:
    task = tasks.example_task()
    predicted = additive(task, SETTINGS)
    np.testing.assert_allclose(predicted.deltas, np.tile(task.deltas.mean(axis=0), (3, 1)))
    np.testing.assert_allclose(predicted.centre, task.deltas.mean(axis=0))


def test_single_genes_are_predicted_as_without_pairs() -> None:
    random = np.random.default_rng(0)
    deltas = random.normal(size=(9, 3))
    sets = [("A",), ("B",), ("C",), ("D",), ("E",), ("A", "B"), ("A", "C"), ("B", "C"), ("D", "E")]
    task = toy_task([*sets, ("F",), ("A", "D")], deltas)
    predicted = echo(task, SETTINGS)
    alone = replace(task.take(np.arange(5), np.array([9])), sets=None)
    expected = echo(alone, SETTINGS)
    np.testing.assert_array_equal(predicted.deltas[0], expected.deltas[0])
    assert predicted.inner is not None
    assert expected.inner is not None
    np.testing.assert_array_equal(predicted.inner[:5], expected.inner)


def test_with_few_pairs_the_sum_stays() -> None:
    random = np.random.default_rng(0)
    deltas = random.normal(size=(6, 3))
    sets = [("A",), ("B",), ("C",), ("D",), ("A", "B"), ("A", "C"), ("A", "D"), ("B", "D")]
    predicted = echo(toy_task(sets, deltas), SETTINGS)
    np.testing.assert_allclose(predicted.deltas, [deltas[0] + deltas[3], deltas[1] + deltas[3]])
    assert predicted.choices["interaction"] == 0


def test_too_few_single_genes() -> None:
    task = toy_task([("A",), ("B",), ("A", "B"), ("A", "C")], np.ones((3, 3)))
    with pytest.raises(InputError, match="learns from 2 perturbations of one gene"):
        echo(task, SETTINGS)


# ---- Simulated screens ----------------------------------------------------------------------


def simulated_task(folder: Path, seed: int, interaction: float) -> tuple[Task, Screen]:
    """Simulate a screen with pairs and bring it through the library as the workflow does."""
    parameters = Parameters(
        network_genes=800,
        network_links=6000,
        perturbations=24,
        pairs=60,
        interaction=interaction,
        response_genes=200,
        seed=seed,
    )
    names = ("links", "info", "means", "truth", "validation", "sample_submission")
    paths = {name: folder / f"{name}.csv" for name in (*names, "validation_truth")}
    files.write(simulate.simulate(parameters), **paths)
    screen, _ = read_table("means", paths["means"], truth=paths["truth"], pairs_separator="+")
    sets = gene_sets(screen.silenced, screen.separator)
    single = sorted({gene for one in sets for gene in one})
    core = {*single, *screen.genes.tolist()}
    links, _ = string_db.read_links(
        paths["links"], string_db.read_info(paths["info"]), core, SCORE_THRESHOLD
    )
    network = build_network(links, core, self_loop=1.0, edge_multiplicity=1.0)
    start = positions(single, network.genes)
    walk = diffuse(
        network.adjacency,
        random_walk_laplacian(network.adjacency),
        start,
        ALPHA,
        tolerance=1e-10,
        backend="iterative",
        memory_gb=1,
        workers=1,
    ).x
    of_set = np.array([[gene in one for gene in single] for one in sets], dtype=float)
    rows = of_set @ walk
    features = transform(rows, degree(network.adjacency), "log")
    measured = positions(screen.genes.tolist(), network.genes)
    known = of_set @ has_link(network.adjacency)[start] > 0
    kernels = Kernels(tasks.inner_products([features]), reach([rows], measured), known)
    task = build_task(
        screen.truth,
        screen.weights,
        screen.control,
        screen.genes.tolist(),
        screen.silenced.tolist(),
        kernels,
        None,
        sets=sets,
    )
    return task, screen


def errors(task: Task, sets: list[tuple[str, ...]]) -> dict[str, Array]:
    """Mean absolute errors of held-out pairs both of whose genes were seen, by model."""
    made = pair_folds(sets, 5, [2], learn_from_pairs=False)
    found: dict[str, list[float]] = {"additive": [], "echo": []}
    for rows, extra, training in zip(made.held_out, made.extra, made.training, strict=True):
        if len(sets[rows[0]]) == 1:
            continue
        part = task.split(np.concatenate([rows, extra]), training)
        for name, model in (("additive", additive), ("echo", echo)):
            predicted = model(part, SETTINGS).deltas[: len(rows)]
            found[name] += np.abs(predicted - task.deltas[rows]).mean(axis=1).tolist()
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_echo_finds_a_planted_interaction(seed: int, tmp_path: Path) -> None:
    task, screen = simulated_task(tmp_path, seed, 0.08)
    found = errors(task, gene_sets(screen.silenced, screen.separator))
    difference = found["echo"] - found["additive"]
    assert difference.mean() + 3 * difference.std() / np.sqrt(len(difference)) < 0
    assert found["echo"].mean() < 0.6 * found["additive"].mean()


@pytest.mark.parametrize("seed", SEEDS)
def test_without_interaction_echo_differs_from_the_sum_by_less_than_noise(
    seed: int, tmp_path: Path
) -> None:
    task, screen = simulated_task(tmp_path, seed, 0.0)
    found = errors(task, gene_sets(screen.silenced, screen.separator))
    # It is a little better: pairs show what is noise in the response to a single gene.
    gain = found["additive"].mean() - found["echo"].mean()
    assert -0.001 < gain < 0.5 * Parameters().noise

"""A planted network signal is found again, and where there is none nothing is made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tasks
from echoes.example import files, simulate
from echoes.example.parameters import SCORE_THRESHOLD, Parameters
from echoes.example.responses import DAMPING
from echoes.io.arrays import positions
from echoes.models.echo import fit_echo
from echoes.models.kernels import reach
from echoes.models.knockdown import fill_silenced_entries, knockdown_responses, remaining_expression
from echoes.models.medians import Medians
from echoes.models.residuals import Echo, residual_operators
from echoes.models.task import Task
from echoes.network import string_db
from echoes.network.diffusion import diffuse
from echoes.network.features import transform
from echoes.network.graph import build_network, degree, has_link, random_walk_laplacian
from echoes.scoring.bootstrap import interval, resample, score_draws
from echoes.scoring.metrics import Score, score, weighted_mae
from screens import read_competition

Array = npt.NDArray[np.float64]

SEEDS = range(3)
#: Restart parameters that the model is given; that of the truth is not among them.
ALPHAS = (0.25, 0.5, 0.75)
ECHO = replace(tasks.ECHO, penalties=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0))
BASE = replace(tasks.ECHO, kernels=())
#: The oracle gets the best penalty and the best share of the re-weighted median in hindsight.
ORACLE_PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
ORACLE_BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Screen:
    """A simulated screen: what there is to learn from, and the kernel behind its truth."""

    task: Task
    truth_kernel: Array

    def predict(self, settings: Echo) -> Array:
        """Predict each perturbation from the others."""
        parts = [self.task.split(np.array([row])) for row in range(self.task.n_training)]
        return np.vstack([fit_echo(part, settings).deltas for part in parts])

    def score(self, predicted: Array) -> Score:
        truth, weights = self.task.deltas, self.task.weights
        return score(truth, predicted, weights, weighted_mae(truth, truth.mean(axis=0), weights))

    def oracle(self) -> float:
        """Score with the truth's kernel, and with the base and the penalty that prove best."""
        settings = replace(ECHO, kernels=("network",), penalties=ORACLE_PENALTIES)
        task = replace(self.task, kernels=self.truth_kernel[None])
        n, genes = task.deltas.shape
        predicted = np.empty((len(ORACLE_BLENDS), len(ORACLE_PENALTIES), n, genes))
        for row in range(n):
            part = task.split(np.array([row]))
            responses = fill_silenced_entries(part)
            mean = responses.mean(axis=0)
            median = Medians(part.deltas, part.weights).reweighted()
            operators = residual_operators(part, responses, settings)
            fitted = np.array([each[-1] @ (responses - mean) for each in operators])
            for blend, own in zip(ORACLE_BLENDS, predicted, strict=True):
                own[:, row] = mean + blend * (median - mean) + fitted
            rows, silenced = part.silenced_entries_to_predict()
            predicted[:, :, row, silenced] = knockdown_responses(part, remaining_expression(part))[
                rows
            ]
        return max(self.score(one).total for own in predicted for one in own)


def screen(folder: Path, seed: int, signal: float) -> Screen:
    """Simulate a screen and bring it through the library as the workflow does."""
    parameters = Parameters(
        network_genes=2000,
        network_links=16_000,
        perturbations=60,
        response_genes=600,
        signal=signal,
        seed=seed,
    )
    names = ("links", "info", "means", "truth", "validation", "sample_submission")
    paths = {name: folder / f"{name}.csv" for name in (*names, "validation_truth")}
    files.write(simulate.simulate(parameters), **paths)
    data = read_competition(paths["means"], paths["truth"], None, scale="log2")
    symbols, genes = data.silenced.tolist(), data.genes.tolist()
    core = {*symbols, *genes}
    links, _ = string_db.read_links(
        paths["links"], string_db.read_info(paths["info"]), core, SCORE_THRESHOLD
    )
    network = build_network(links, core, self_loop=1.0, edge_multiplicity=1.0)
    start = positions(symbols, network.genes)
    known = has_link(network.adjacency)[start]

    def walk(alpha: float) -> Array:
        laplacian = random_walk_laplacian(network.adjacency)
        return diffuse(
            network.adjacency,
            laplacian,
            start,
            alpha,
            tolerance=1e-10,
            backend="auto",
            memory_gb=4.0,
            workers=1,
        ).x

    def enrichment(diffusion: Array) -> Array:
        return transform(diffusion, degree(network.adjacency), "log")

    diffusions = [walk(alpha) for alpha in ALPHAS]
    places = enrichment(walk(DAMPING))
    places -= places[known].mean(axis=0)
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    task = Task(
        deltas=data.truth,
        weights=data.weights,
        control=data.control,
        silenced=positions(symbols, genes),
        kernels=tasks.inner_products([enrichment(diffusion) for diffusion in diffusions]),
        reach=reach(diffusions, positions(genes, network.genes)),
        known=known,
        features=np.empty((len(symbols), 0)),
        groups=np.arange(len(symbols)),
    )
    return Screen(task, places @ places.T)


@pytest.mark.slow
def test_without_a_signal_it_is_its_base_within_noise(tmp_path: Path) -> None:
    gains, totals, inside = [], [], []
    for seed in SEEDS:
        one = screen(tmp_path, seed, signal=0.0)
        echo, base = one.score(one.predict(ECHO)), one.score(one.predict(BASE))
        counts = resample(one.task.n_training, 2000, seed)
        lower, upper = interval(score_draws(echo.parts, counts) - score_draws(base.parts, counts))
        inside.append(lower <= 0 <= upper)
        gains.append(echo.total - base.total)
        totals.append(base.total)
    assert sum(inside) >= len(SEEDS) - 1, gains
    assert abs(np.mean(gains)) < 0.03 * np.mean(totals), (gains, totals)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_finds_most_of_what_an_oracle_finds(seed: int, tmp_path: Path) -> None:
    one = screen(tmp_path, seed, signal=0.8)
    echo, base = (one.score(one.predict(settings)).total for settings in (ECHO, BASE))
    oracle = one.oracle()
    assert oracle > base > 0
    assert echo > base
    assert echo - base >= 0.8 * (oracle - base), (echo, base, oracle)

"""Simulated screens with replicates, whose effects without noise are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, Strings
from echoes.scoring.held_out import compute_metrics
from echoes.scoring.out_of_fold import OutOfFold
from echoes.scoring.overall import Metrics
from echoes.scoring.upper_bound import Bound, bound_of_guides, bound_of_halves


@dataclass(frozen=True)
class Simulated:
    """Effects (n, G) that a model could know, the noisy responses, and two halves of them."""

    effects: Floats
    truth: Floats
    halves: Floats
    gene: Ints

    @property
    def names(self) -> Strings:
        return np.array([f"g{i}" for i in self.gene])

    @property
    def perturbations(self) -> Strings:
        return np.array([f"p{i}" for i in range(len(self.gene))])

    @property
    def weights(self) -> Floats:
        return np.ones_like(self.truth)

    @property
    def baseline(self) -> Floats:
        mean = np.nanmean(self.truth, axis=0)
        error: Floats = np.nanmean(np.abs(self.truth - mean), axis=1)
        return error

    def metrics(self, prediction: Floats) -> Metrics:
        """Metrics of a model that knows the response of each perturbation without its noise."""
        genes = range(self.gene.max() + 1)
        mean, centre = (
            np.stack([np.nanmean(rows[self.gene != g], axis=0) for g in genes])
            for rows in (self.truth, prediction)
        )
        n, F = len(prediction), len(mean)
        fits = OutOfFold(
            rows=np.arange(n),
            prediction=prediction,
            fold=self.gene,
            centre=centre,
            mean=mean,
            spread=np.empty((n, 0)),
            quantiles=np.empty((F, 0)),
            inner_score=np.full(F, np.nan),
            seconds=np.zeros(F),
            choices={},
        )
        return compute_metrics(self.truth, self.weights, self.baseline, self.gene, fits)

    def guides(self, order: Ints | None = None) -> Bound | None:
        rows = np.arange(len(self.gene)) if order is None else order
        arrays = (
            self.perturbations,
            self.truth,
            self.weights,
            self.baseline,
            self.gene,
            self.names,
        )
        return bound_of_guides(*(values[rows] for values in arrays))

    def cells(self, order: Ints | None = None, swap: bool = False) -> Bound | None:
        rows = np.arange(len(self.gene)) if order is None else order
        arrays = (self.perturbations, self.truth, self.weights, self.gene, self.names)
        halves = self.halves[::-1] if swap else self.halves
        cells = np.full((2, len(rows)), 30)
        return bound_of_halves(
            (halves[:, rows], cells), *(values[rows] for values in arrays), n=len(rows)
        )


def simulate(
    seed: int = 0,
    genes: int = 30,
    guides: tuple[int, int] = (2, 4),
    responses: int = 1500,
    effect: float = 0.2,
    noise: float = 0.2,
    unequal: float = 0.0,
    gaps: float = 0.0,
) -> Simulated:
    """Draw effects around a mean that all share, noise, and the noise of the control.

    `guides` is the fewest and the most perturbations of a gene, `unequal` the standard deviation
    of the logarithm of the size of effects, `gaps` the share of responses that were not measured.
    """
    rng = np.random.default_rng(seed)
    gene = np.repeat(np.arange(genes), rng.integers(guides[0], guides[1] + 1, genes))
    size = effect * rng.lognormal(0, unequal, (genes, 1))
    effects = rng.normal(0, 0.3, responses) + size * rng.normal(size=(genes, responses))
    control = rng.normal(0, 0.05, (2, 1, responses))
    scatter = rng.normal(0, np.sqrt(2) * noise, (2, len(gene), responses))
    halves = effects[gene] + scatter - control
    known = effects[gene] - control.mean(axis=0)
    truth = halves.mean(axis=0)
    truth[rng.random(truth.shape) < gaps] = np.nan
    return Simulated(known, truth, halves, gene)

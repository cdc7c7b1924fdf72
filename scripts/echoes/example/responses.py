"""The simulated responses: silenced genes, measured genes, and changes of expression.

The diffusion behind the responses is computed here, independently of `echoes.network`: the truth
must not depend on the code whose predictions it is compared with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from echoes.example.parameters import SCORE_THRESHOLD, Parameters
from echoes.io.arrays import Bools, Floats, Ints

#: Probability of a step along a link in the random walk of the simulation.
DAMPING = 0.6

#: Decimals of expression and deltas. They are rounded before files are written, so that a
#: `Responses` record and its file are equal.
DECIMALS = 4
WEIGHT_DECIMALS = 6
BASELINE_DECIMALS = 8

# 0.6^40 is 10^-9: further steps would not change the rounded numbers.
_STEPS = 40
_PER_COMMUNITY = 5  # perturbations that share a community, roughly
_PROGRAMS = 20  # rank of the perturbation-specific response
_SPECIFIC_SD = 0.05  # log2 units, as in real CRISPRi screens
_COMMON_SD = 0.04


@dataclass(frozen=True)
class Responses:
    """Responses to perturbations, and the weights of errors in predicting them.

    Parameters
    ----------
    perturbations
        The silenced genes, one a row.
    deltas
        Mean expression minus control, (rows × response genes), log2 units.
    weights
        The competition's weights, (rows × response genes); each row sums to the
        number of response genes, and the silenced gene itself weighs nothing.
    baseline
        Weighted mean absolute error, one a row, of predicting the mean training response.
    """

    perturbations: tuple[str, ...]
    deltas: Floats
    weights: Floats
    baseline: Floats


def choose_connected(rng: np.random.Generator, parameters: Parameters, community: Ints) -> Ints:
    """Choose the silenced genes of the network from few communities.

    The genes of a real screen come from few pathways too. Otherwise no perturbation would be
    similar to another.
    """
    count = parameters.perturbations + parameters.validation_genes - 2 * parameters.isolated
    sizes = np.bincount(community)
    order = rng.permutation(sizes.size)
    enough = int(np.searchsorted(np.cumsum(sizes[order]), 2 * count)) + 1
    chosen = order[: max(enough, count // _PER_COMMUNITY)]
    return rng.choice(np.flatnonzero(np.isin(community, chosen)), count, replace=False)


def choose_measured(rng: np.random.Generator, parameters: Parameters, perturbed: Ints) -> Ints:
    """Choose the response genes: half of the silenced genes, and other genes of the network."""
    silenced = rng.choice(perturbed, perturbed.size // 2, replace=False)
    others = np.setdiff1d(np.arange(parameters.network_genes), perturbed)
    rest = rng.choice(others, parameters.response_genes - silenced.size, replace=False)
    return np.concatenate([silenced, rest])


def random_walk(
    n_genes: int, gene_pairs: Ints, scores: Ints
) -> tuple[sparse.csr_array[np.float64], Floats]:
    """Transition matrix (columns sum to 1) and degrees of the network of confident links."""
    kept = (gene_pairs >= 0).all(axis=1) & (scores >= 1000 * SCORE_THRESHOLD)
    a, b = gene_pairs[kept].T
    weight = scores[kept] / 1000.0
    row, column = np.concatenate([a, b]), np.concatenate([b, a])
    weights = np.concatenate([weight, weight])
    degree: Floats = np.zeros(n_genes)
    np.add.at(degree, column, weights)
    shape = (n_genes, n_genes)
    return sparse.csr_array((weights / degree[column], (row, column)), shape=shape), degree


def network_coordinates(
    rng: np.random.Generator,
    perturbed: Ints,
    transition: sparse.csr_array[np.float64],
    degree: Floats,
) -> Floats:
    """Compute coordinates of each silenced gene from its random walk with restart.

    Parameters
    ----------
    rng
        Generator of random numbers.
    perturbed
        Gene numbers; a gene whose number is not in the network has no link.
    transition
        (network genes × network genes), columns sum to 1.
    degree
        Degree of each network gene.

    Returns
    -------
    numpy.ndarray
        (perturbed × programs), rows of mean square 1; NaN where a gene is isolated.
        Genes whose walks visit the same places have similar rows.
    """
    n = degree.size
    inside = np.flatnonzero(perturbed < n)
    start = np.zeros((n, inside.size))
    start[perturbed[inside], np.arange(inside.size)] = 1 - DAMPING
    walk = start.copy()
    for _ in range(_STEPS):
        walk = DAMPING * (transition @ walk) + start
    # How much more often a gene is visited than by a walk without restart, on a log scale.
    profile = np.log1p(walk / (degree / degree.sum())[:, None]).T
    profile -= profile.mean(axis=0)
    coordinates = np.full((perturbed.size, _PROGRAMS), np.nan)
    coordinates[inside] = _unit_rows(profile @ rng.standard_normal((n, _PROGRAMS)))
    return coordinates


def _unit_rows(values: Floats) -> Floats:
    """Scale each row to a mean square of 1."""
    scale = np.sqrt((values**2).mean(axis=1, keepdims=True))
    return np.asarray(values / scale, dtype=np.float64)


def respond(
    rng: np.random.Generator, parameters: Parameters, coordinates: Floats, silenced: Bools
) -> tuple[Floats, Floats, Floats, Floats]:
    """Compute expression of the control and the responses from coordinates.

    Parameters
    ----------
    rng
        Generator of random numbers.
    parameters
        Signal and noise are taken from it.
    coordinates
        (perturbed × programs), NaN rows for isolated genes.
    silenced
        (perturbed × response genes): whether this is the silenced gene itself.

    Returns
    -------
    tuple
        Control (response genes), deltas, their standard errors, and the deltas without noise and
        falls (perturbed × response genes). Control and deltas are rounded, and no expression is
        below zero.
    """
    n, n_genes = silenced.shape
    private = _unit_rows(rng.standard_normal(coordinates.shape))
    signal = parameters.signal
    activity = math.sqrt(signal) * coordinates + math.sqrt(1 - signal) * private
    activity = np.where(np.isnan(coordinates), private, activity)

    # Responsive genes respond to all programs: this gives many small and a few large deltas.
    responsive = np.exp(rng.normal(0.0, 0.7, n_genes))
    programs = rng.standard_normal((_PROGRAMS, n_genes)) * responsive
    strength = np.exp(rng.normal(0.0, 0.4, (n, 1)))
    specific = strength * (activity @ programs)
    common = rng.standard_normal(n_genes) * responsive * (1 + 0.2 * rng.standard_normal((n, 1)))
    gene_noise = np.exp(rng.normal(0.0, 0.3, n_genes))
    errors = gene_noise * np.exp(rng.normal(0.0, 0.2, (n, 1)))  # fewer cells, larger errors
    errors *= parameters.noise / math.sqrt(float((errors**2).mean()))
    effects = specific * (_SPECIFIC_SD / math.sqrt(float((specific**2).mean())))
    effects = effects + common * (_COMMON_SD / math.sqrt(float((common**2).mean())))
    deltas = effects + errors * rng.standard_normal((n, n_genes))

    control = np.log2(1 + np.exp(rng.normal(0.5, 0.9, n_genes)))
    # Cells express the genes that are silenced, and lose most of this expression.
    control = np.where(silenced.any(axis=0), rng.uniform(1.6, 4.0, n_genes), control)
    control = np.asarray(np.round(control, DECIMALS), dtype=np.float64)
    fall = -control * rng.uniform(0.65, 0.8, (n, n_genes))
    deltas = np.maximum(np.where(silenced, fall, deltas), -control)
    # Adding zero turns -0.0 into 0.0.
    deltas = np.asarray(np.round(deltas, DECIMALS) + 0.0, dtype=np.float64)
    return control, deltas, np.asarray(errors, dtype=np.float64), effects


def clarity_weights(deltas: Floats, errors: Floats, silenced: Bools) -> Floats:
    """Weights of the genes in each response: c² with c = min(|t| + 0.1, 10), scaled to sum to G.

    t is the delta divided by its standard error. The silenced gene has the weight 0.
    """
    clarity = np.minimum(np.abs(deltas / errors) + 0.1, 10.0)
    clarity[silenced] = 0.0
    square = clarity**2
    weights = deltas.shape[1] * square / square.sum(axis=1, keepdims=True)
    return np.asarray(np.round(weights, WEIGHT_DECIMALS), dtype=np.float64)

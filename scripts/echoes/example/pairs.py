"""Simulated pairs: two genes are silenced at once, and respond more or less than in sum."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from echoes.example.parameters import Parameters
from echoes.example.responses import BASELINE_DECIMALS, DECIMALS, Responses, clarity_weights
from echoes.io.arrays import Bools, Floats

#: Text between the genes of a pair.
SEPARATOR = "+"


def with_pairs(
    rng: np.random.Generator,
    parameters: Parameters,
    alone: Responses,
    control: Floats,
    effects: Floats,
    errors: Floats,
    coordinates: Floats,
    silenced: Bools,
) -> Responses:
    """Add pairs of the training genes to the responses to each of them alone.

    The response to a pair is the sum of the responses to its genes, what they do beyond it, and
    noise of its own. What they do beyond it is a function of the places of both in the network.

    Parameters
    ----------
    rng
        Generator of random numbers.
    parameters
        Numbers of perturbations and pairs, and the size of the interaction.
    alone
        The training responses to single genes.
    control
        Expression of the control (response genes).
    effects, errors
        Responses without noise and falls, and standard errors (perturbed × response genes).
    coordinates
        (perturbed × programs), NaN rows for isolated genes.
    silenced
        (perturbed × response genes): whether this is the silenced gene itself.
    """
    n, genes = len(alone.perturbations), len(control)
    every = list(combinations(range(n), 2))
    chosen = sorted(rng.choice(len(every), parameters.pairs, replace=False).tolist())
    first, second = np.array([every[i] for i in chosen]).T
    places = np.where(np.isnan(coordinates), 0.0, coordinates)
    beyond = (places[first] + places[second]) @ rng.standard_normal((coordinates.shape[1], genes))
    beyond *= parameters.interaction / max(math.sqrt(float((beyond**2).mean())), 1e-12)
    noise = np.sqrt((errors[first] ** 2 + errors[second] ** 2) / 2)
    deltas = effects[first] + effects[second] + beyond
    deltas += noise * rng.standard_normal(deltas.shape)
    own = silenced[first] | silenced[second]
    fall = -control * rng.uniform(0.65, 0.8, deltas.shape)
    deltas = np.maximum(np.where(own, fall, deltas), -control)
    deltas = np.asarray(np.round(deltas, DECIMALS) + 0.0, dtype=np.float64)

    names = (
        SEPARATOR.join((alone.perturbations[a], alone.perturbations[b]))
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    )
    weights = np.vstack([alone.weights, clarity_weights(deltas, noise, own)])
    deltas = np.vstack([alone.deltas, deltas])
    baseline = (weights * np.abs(deltas - deltas.mean(axis=0))).mean(axis=1)
    return Responses(
        (*alone.perturbations, *names), deltas, weights, np.round(baseline, BASELINE_DECIMALS)
    )

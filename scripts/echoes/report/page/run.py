"""What a page shows of a run: arrays, tables and records, gathered from the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from echoes.io.arrays import Bools, Floats, Ints, Strings


@dataclass(frozen=True)
class Perturbation:
    """A perturbation of the screen, or one to predict.

    Parameters
    ----------
    name
        Its name.
    silenced
        Names of the genes that it silences.
    measured
        Whether it was measured.
    own
        Places of these genes among the response genes, where they are there.
    links
        Links of the silenced genes in each network, by its name; absent where they are unknown.
    cells, expression_left
        Number of cells, and share of the silenced gene's expression that is left; None if unknown.
    warnings
        What to beware of, in sentences.
    """

    name: str
    silenced: tuple[str, ...]
    measured: bool
    own: tuple[int, ...] = ()
    links: Mapping[str, int] = field(default_factory=dict)
    cells: int | None = None
    expression_left: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explored:
    """Predictions of an experiment, for the n perturbations of the screen and v further ones.

    Parameters
    ----------
    name
        Name of the experiment.
    network
        Name of the network whose neighbourhoods are shown with it; None for none.
    prediction
        (n + v, G) predicted responses, log2 units; NaN where nothing is predicted.
    error
        (n + v, G) expected errors (68 % intervals, half width); None where models give none.
    leans
        For each of the n + v predictions the places of the perturbations of largest weight in it,
        the largest first, with their weights; None where they are not known.
    note
        What the weights are.
    """

    name: str
    network: str | None
    prediction: Floats
    error: Floats | None = None
    leans: Sequence[Sequence[tuple[int, float]]] | None = None
    note: str = ""


@dataclass(frozen=True)
class Surrounding:
    """Neighbourhoods in a network.

    Parameters
    ----------
    alpha
        Restart parameter of the walk.
    names
        Names of the nodes that occur.
    rows
        For each perturbation: places of its nodes in `names`, their mass, how many of the first
        are silenced, and pairs of places in this list that have a link.
    """

    alpha: float
    names: Sequence[str]
    rows: Sequence[tuple[Sequence[int], Sequence[float], int, Sequence[tuple[int, int]]]]


@dataclass(frozen=True)
class EveryGene:
    """The largest predicted effects of every gene of a network, by one fit on the whole screen.

    Parameters
    ----------
    experiment
        Name of the experiment.
    genes
        Names of the r genes that are silenced.
    measured
        (r,) whether the screen has silenced it: then the prediction has seen the response.
    names
        Names of the response genes that occur.
    largest
        (r, k) places of the response genes of largest effect in `names`, the largest first.
    predicted, beyond_mean, error
        (r, k) their predicted response, what of it is beyond the mean prediction, and its expected
        error, log2 units; an error is NaN where models give none.
    others
        Names of further experiments that predict every gene.
    """

    experiment: str
    genes: Sequence[str]
    measured: Bools
    names: Sequence[str]
    largest: Ints
    predicted: Floats
    beyond_mean: Floats
    error: Floats
    others: Sequence[str] = ()


@dataclass(frozen=True)
class Run:
    """All that a page shows.

    Parameters
    ----------
    dataset
        Name of the data set.
    genes
        (G,) response genes.
    truth
        (n, G) measured responses, log2 units; NaN where not measured.
    perturbations
        The n perturbations of the screen, then v to predict.
    explored
        Experiments with predictions, the most useful first.
    unexplored
        Names of further experiments, which are too many for a page.
    experiments
        Records of ``experiments.json``.
    summaries
        ``summary.json`` of each experiment.
    screen
        ``summary.json`` of the data set.
    comparison, differences, scores
        Tables of all experiments; `scores` has a row for each perturbation and metric, with an
        interval where there is one.
    surroundings
        Neighbourhoods by network.
    coverage
        For each network and role (silenced, response): how many names matched in each way.
    checks
        Rows of the checks of the screen: what, what was found, passed or a warning.
    cells
        Record of the cells; None without.
    bounds
        Table of upper bounds; None without.
    curves, sweeps
        Learning curves by experiment, and ranked runs by sweep.
    twins
        Experiment → the same experiment on a shuffled network, and how that is shuffled: ``links``
        or ``labels``.
    pairs
        Table of pairs, ``pair_scores.csv``; None in a screen of single genes.
    every
        The effects of every gene of the network; None if they were not asked for.
    """

    dataset: str
    genes: Strings
    truth: Floats
    perturbations: Sequence[Perturbation]
    explored: Sequence[Explored]
    experiments: Sequence[Mapping[str, Any]]
    summaries: Mapping[str, Mapping[str, Any]]
    screen: Mapping[str, Any]
    comparison: pd.DataFrame
    differences: pd.DataFrame
    scores: pd.DataFrame
    surroundings: Mapping[str, Surrounding] = field(default_factory=dict)
    coverage: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    checks: Sequence[Sequence[str]] = ()
    cells: Mapping[str, Any] | None = None
    bounds: pd.DataFrame | None = None
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sweeps: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    unexplored: Sequence[str] = ()
    twins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pairs: pd.DataFrame | None = None
    every: EveryGene | None = None

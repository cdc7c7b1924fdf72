"""Kernel ridge regression with penalties and kernels of its own for each principal component.

What silenced genes have in common differs between programmes of response genes: some follow the
network closely, some hardly at all. Each principal component of the responses is predicted by an
average of kernel ridge regressions and of no prediction. The weights come from the errors of
leave-one-out cross-validation, which has a closed form: with the hat matrix H, which includes the
intercept's 1/m, the error of a row fitted without it is its residual divided by 1 − H_ii.

Closed form: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd edition,
Springer, 2009, section 7.10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.models.sources import Likeness

#: Components beyond these are not predicted: in 585 perturbations of a real screen (K562), the
#: next hundred raised the explained share of the variance by less than 0.001.
MOST_COMPONENTS = 100
#: Sources are joined only where at least this many training perturbations know all of them.
FEWEST_SHARED = 10
#: A single source needs this many.
FEWEST_KNOWN = 3


@dataclass(frozen=True)
class Components:
    """Principal components of m residuals: scores (m, c) and loadings (c, G)."""

    scores: Floats
    loadings: Floats


def principal_components(residuals: Floats, most: int) -> Components:
    """Find the largest principal components of residuals (m, G) whose columns have mean 0.

    Components that only rounding errors set apart from 0 are left out.
    """
    squares, vectors = np.linalg.eigh(residuals @ residuals.T)
    kept = np.flatnonzero(squares > len(squares) * np.finfo(np.float64).eps * squares[-1])
    kept = kept[::-1][:most]
    lengths = np.sqrt(squares[kept])
    vectors = vectors[:, kept]
    return Components(vectors * lengths, (vectors / lengths).T @ residuals)


@dataclass(frozen=True)
class Path:
    """Kernel ridge regressions with one kernel and L penalties.

    Parameters
    ----------
    errors
        (L, m, c) squared error of each training row's scores, fitted without its group.
    predicted
        (L, q, c) predicted scores.
    """

    errors: Floats
    predicted: Floats


def ridge_path(kernel: Floats, scores: Floats, penalties: Sequence[float], groups: Ints) -> Path:
    """Fit scores (m, c) by kernel ridge regressions with an intercept, one for each penalty.

    Parameters
    ----------
    kernel
        (m + q, m + q) kernel, centred on the m training rows.
    scores
        (m, c), columns with mean 0.
    penalties
        L ridge penalties.
    groups
        (m,) number of each row's group; rows of a group are left out together.
    """
    m = len(scores)
    values, vectors = np.linalg.eigh(kernel[:m, :m])
    values = np.maximum(values, 0.0)
    rotated = vectors.T @ scores
    across = kernel[m:, :m] @ vectors
    squares = vectors**2
    repeated = [rows for g in np.unique(groups) if len(rows := np.flatnonzero(groups == g)) > 1]
    errors = np.empty((len(penalties), *scores.shape))
    predicted = np.empty((len(penalties), len(across), scores.shape[1]))
    for number, penalty in enumerate(penalties):
        shrunk = values / (values + penalty)
        predicted[number] = across @ (rotated / (values + penalty)[:, None])
        residuals = scores - vectors @ (shrunk[:, None] * rotated)
        errors[number] = residuals / (1 - 1 / m - squares @ shrunk)[:, None]
        for rows in repeated:
            hat = 1 / m + (vectors[rows] * shrunk) @ vectors[rows].T
            errors[number, rows] = np.linalg.solve(np.eye(len(rows)) - hat, residuals[rows])
    return Path(np.square(errors, out=errors), predicted)


def component_weights(errors: Floats) -> Floats:
    """Weigh candidates for each component: the more clearly one is worse, the smaller its weight.

    The weight is exp(−d / s), divided by the sum of all weights: d is the sum of squared errors
    minus that of the best candidate, s its standard error over rows (compare
    `inner_loop.weigh_candidates`).

    Parameters
    ----------
    errors
        (C, rows, c) squared errors of C candidates.

    Returns
    -------
    array
        (C, c) weights; each column sums to 1.
    """
    total = errors.sum(axis=1)
    best = total.argmin(axis=0)
    behind = errors - np.take_along_axis(errors, best[None, None], axis=0)
    spread = np.sqrt(errors.shape[1]) * behind.std(axis=1)
    floor = np.maximum(np.finfo(np.float64).eps * total.max(axis=0), np.finfo(np.float64).tiny)
    weights = np.exp(-behind.sum(axis=1) / np.maximum(spread, floor))
    scaled: Floats = weights / weights.sum(axis=0)
    return scaled


def usable(likeness: Likeness, names: Sequence[str]) -> tuple[str, ...]:
    """Leave out sources until enough training perturbations know all that are left.

    The source that the fewest training perturbations know goes first.

    Parameters
    ----------
    likeness
        All sources.
    names
        Names of the sources that know the gene to predict.
    """
    left = list(names)
    while left:
        fewest = FEWEST_SHARED if len(left) > 1 else FEWEST_KNOWN
        if len(likeness.rows_of(left)) >= fewest:
            break
        counts = [len(likeness.rows_of([name])) for name in left]
        del left[int(np.argmin(counts))]
    return tuple(left)


def candidates_of(names: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """List the kernels of some sources: each of them, and their sum and product."""
    candidates = [((name,), "sum") for name in names]
    if len(names) > 1:
        candidates += [(tuple(names), "sum"), (tuple(names), "product")]
    return candidates


def _left_out_means(scores: Floats, groups: Ints) -> Floats:
    """Errors (m, c) of predicting each row's scores by the mean of all rows of other groups."""
    _, number, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), scores.shape[1]))
    np.add.at(sums, number, scores)
    others = np.maximum(len(scores) - counts, 1)[number]
    errors: Floats = scores - (scores.sum(axis=0) - sums[number]) / others[:, None]
    return errors


def predict_components(
    likeness: Likeness, residuals: Floats, penalties: Sequence[float], groups: Ints
) -> Floats:
    """Predict residuals from sources of likeness, (q, G); 0 where no source knows the gene.

    Each perturbation is predicted with kernels of those sources alone that know its gene: each of
    them, their sum and their product. The weights of these candidates come from the training
    perturbations whose genes the same sources know. So a source changes nothing for the genes
    that it does not know.

    Parameters
    ----------
    likeness
        The sources, of m training perturbations and q to predict.
    residuals
        (m, G) responses of the training perturbations, columns with mean 0.
    penalties
        Ridge penalties in units of a kernel's mean diagonal.
    groups
        (m,) number of the silenced gene of each training perturbation.
    """
    m = len(residuals)
    components = principal_components(residuals, MOST_COMPONENTS)
    scores = np.zeros((likeness.n_rows - m, components.scores.shape[1]))
    patterns: dict[tuple[str, ...], list[int]] = {}
    for row in range(len(scores)):
        patterns.setdefault(usable(likeness, likeness.known_to(m + row)), []).append(row)
    nothing = _left_out_means(components.scores, groups)[None] ** 2
    paths: dict[tuple[tuple[str, ...], str], Path] = {}
    for names, rows in patterns.items():
        candidates = candidates_of(names)
        for candidate in candidates:
            if candidate not in paths:
                kernel = likeness.kernel(*candidate)
                paths[candidate] = ridge_path(kernel, components.scores, penalties, groups)
        if candidates:
            alike = likeness.rows_of(names)
            errors = [paths[candidate].errors[:, alike] for candidate in candidates]
            weights = component_weights(np.concatenate([nothing[:, alike], *errors]))[1:]
            predicted = [paths[candidate].predicted[:, rows] for candidate in candidates]
            scores[rows] = np.einsum("lc,lqc->qc", weights, np.concatenate(predicted))
    fitted: Floats = scores @ components.loadings
    return fitted

"""Kernel ridge regression with penalties and kernels of its own for each principal component.

What silenced genes have in common differs between programmes of response genes: some follow the
network closely, some hardly at all. Each principal component of the responses is predicted by an
average of kernel ridge regressions and of no prediction; then the predictions from several kernels
are averaged with weights that all components share. All weights come from predictions by
leave-one-out cross-validation (see `ridge_path`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.eigenvectors import largest_eigenvectors
from echoes.models.inner_loop import single_precision
from echoes.models.ridge_path import Path, ridge_path
from echoes.models.sources import Coverage, Likeness

#: Components beyond these are not predicted: in 585 perturbations of a real screen (K562), the
#: next hundred raised the explained share of the variance by less than 0.001.
MOST_COMPONENTS = 100
#: Sources are joined only where at least this many training perturbations know all of them.
FEWEST_SHARED = 10
#: A single source needs this many.
FEWEST_KNOWN = 3
#: Most rounds of `stacking_weights`, and the change of a weight at which they stop.
STACKING_ROUNDS, STACKING_TOLERANCE = 500, 1e-9
#: From so many training perturbations on, only the largest eigenvalues are computed. With fewer it
#: would not be faster.
FEWEST_LARGEST = 400


#: Names of the sources of a kernel, and how they are joined (see `Likeness.kernel`).
Joined = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class Components:
    """Principal components of m residuals: scores (m, c), and loadings as combinations (c, m).

    The loadings are the combinations times the residuals. They are as large as a part of the table,
    and few predictions do not need them.
    """

    scores: Floats
    combinations: Floats | Singles


def principal_components(
    residuals: Floats | Singles, most: int, products: Floats | None = None
) -> Components:
    """Find the largest principal components of residuals (m, G) whose columns have mean 0.

    Components that only rounding errors set apart from 0 are left out.

    Parameters
    ----------
    residuals
        (m, G); in single precision where that may do, and so are the combinations then.
    most
        Largest number of components.
    products
        (m, m) inner products of the rows of the residuals; computed where they are not given.
    """
    fast = residuals.dtype == np.float32
    if products is None:
        products = np.asarray(residuals @ residuals.T, dtype=np.float64)
    squares, vectors = largest_eigenvectors(products, most, fewest=FEWEST_LARGEST, fast=fast)
    kept = np.flatnonzero(squares > len(products) * np.finfo(np.float64).eps * squares[-1])
    kept = kept[::-1][:most]
    lengths = np.sqrt(squares[kept])
    vectors = vectors[:, kept]
    combinations = (vectors / lengths).T
    return Components(vectors * lengths, single_precision(combinations) if fast else combinations)


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


def usable(coverage: Coverage, names: Sequence[str]) -> tuple[str, ...]:
    """Leave out sources until enough training perturbations know all that are left.

    The source that the fewest training perturbations know goes first.

    Parameters
    ----------
    coverage
        What all sources know.
    names
        Names of the sources that know the gene to predict.
    """
    left = list(names)
    while left:
        fewest = FEWEST_SHARED if len(left) > 1 else FEWEST_KNOWN
        if len(coverage.rows_of(left)) >= fewest:
            break
        counts = [len(coverage.rows_of([name])) for name in left]
        del left[int(np.argmin(counts))]
    return tuple(left)


def candidates_of(names: Sequence[str]) -> list[Joined]:
    """List the kernels of some sources: each of them, and their sum and product."""
    candidates: list[Joined] = [((name,), "sum") for name in names]
    if len(names) > 1:
        candidates += [(tuple(names), "sum"), (tuple(names), "product")]
    return candidates


def left_out_means(scores: Floats, groups: Ints) -> Floats:
    """Mean scores (m, c) of all rows of other groups, for each row."""
    _, number, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), scores.shape[1]))
    np.add.at(sums, number, scores)
    others = np.maximum(len(scores) - counts, 1)
    means: Floats = ((scores.sum(axis=0) - sums) / others[:, None])[number]
    return means


def stacking_weights(left_out: Floats, scores: Floats) -> Floats:
    """Weights (K,) with which K predictions together have the least squared error.

    No weight is below 0, and their sum is at most 1: the rest is for no prediction. So a source
    of noise cannot make predictions larger than those of the other sources. Predictions of rows
    that were left out make the weights honest, as in stacking: Breiman, Machine Learning 24
    (1996), 49–64, doi:10.1007/BF00117832.

    Parameters
    ----------
    left_out
        (K, rows, c) predicted scores.
    scores
        (rows, c) true scores.
    """
    flat = left_out.reshape(len(left_out), -1)
    # The last prediction is none.
    products, target = np.pad(flat @ flat.T, (0, 1)), np.append(flat @ scores.ravel(), 0.0)
    weights = np.zeros(len(target))
    weights[-1] = 1.0
    # Weight is moved between two predictions at a time: the few weights need no solver.
    pairs = list(combinations(range(len(target)), 2))
    for _ in range(STACKING_ROUNDS):
        before = weights.copy()
        for j, k in pairs:
            difference = products[j] - products[k]
            curvature = difference[j] - difference[k]
            if curvature > np.finfo(np.float64).eps * (products[j, j] + products[k, k]):
                step = (target[j] - target[k] - difference @ weights) / curvature
                step = min(max(step, -weights[j]), weights[k])
                weights[j] += step
                weights[k] -= step
        if np.abs(weights - before).max() <= STACKING_TOLERANCE:
            break
    return weights[:-1]


#: Fits the path of a kernel: gets its sources, the scores and the groups of their rows.
Fitter = Callable[[Joined, Floats, Ints], Path]


def path_fitter(likeness: Likeness, penalties: Sequence[float]) -> Fitter:
    """Give what fits the path of a kernel of some sources."""
    return lambda candidate, scores, groups: ridge_path(
        likeness.kernel(*candidate), scores, penalties, groups
    )


def predict_components(
    coverage: Coverage,
    residuals: Floats | Singles,
    fit: Fitter,
    groups: Ints,
    products: Floats | None = None,
) -> Floats | Singles:
    """Predict residuals from sources of likeness, (q, G); 0 where no source knows the gene.

    Each perturbation is predicted with kernels of those sources alone that know its gene: each of
    them, their sum and their product. For each kernel and component, penalties are averaged with
    `component_weights`; kernels are then averaged with `stacking_weights`. All weights come from
    the training perturbations whose genes the same sources know. So a source changes nothing for
    the genes that it does not know.

    Parameters
    ----------
    coverage
        What the sources know of m training perturbations and q to predict.
    residuals
        (m, G) responses of the training perturbations, columns with mean 0; in single precision
        where that may do, and so are the predictions then.
    fit
        Fits a kernel of some sources with each penalty, in units of its mean diagonal.
    groups
        (m,) number of the silenced gene of each training perturbation.
    products
        As in `principal_components`.
    """
    m = len(residuals)
    components = principal_components(residuals, MOST_COMPONENTS, products)
    truth = components.scores
    scores = np.zeros((coverage.known.shape[1] - m, truth.shape[1]))
    patterns: dict[tuple[str, ...], list[int]] = {}
    for row in range(len(scores)):
        patterns.setdefault(usable(coverage, coverage.known_to(m + row)), []).append(row)
    means = left_out_means(truth, groups)
    paths: dict[Joined, Path] = {}
    for names, rows in patterns.items():
        alike = coverage.rows_of(names) if names else np.arange(0)
        left_out, predicted = [], []
        for candidate in candidates_of(names):
            if candidate not in paths:
                paths[candidate] = fit(candidate, truth, groups)
            path = paths[candidate]
            options = np.concatenate([means[None, alike], path.left_out[:, alike]])
            weights = component_weights((options - truth[alike]) ** 2)
            left_out.append(np.einsum("lc,lrc->rc", weights, options) - means[alike])
            predicted.append(np.einsum("lc,lqc->qc", weights[1:], path.predicted[:, rows]))
        if names:
            shares = stacking_weights(np.array(left_out), truth[alike] - means[alike])
            scores[rows] = np.tensordot(shares, np.array(predicted), 1)
    fast = residuals.dtype == np.float32
    # In the order that takes less time.
    fitted: Floats | Singles = np.linalg.multi_dot(
        [single_precision(scores) if fast else scores, components.combinations, residuals]
    )
    return fitted

"""Kernels of the inner folds of large screens, cut from those of all training perturbations.

In the inner cross-validation kernels only serve to weigh candidates. Making them anew for each fold
would take longer than all else, so they are made once, and each fold takes its rows and columns:

- Networks and further sources hold no response of the screen. What a fold takes was centred on all
  training perturbations instead of its own; of a kernel ridge regression with an intercept, this
  moves no prediction but by the unit of the penalty, and by the cosines of sources.
- Profiles are divided by each gene's deviation in all training perturbations instead of the fold's.
  The responses that a fold leaves out have no other say in what it predicts.

Kernels of a fold are then centred on its own perturbations and scaled. They are in single precision
(see `precision`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Numbers, Singles, row_blocks
from echoes.models.inner_loop import single_precision
from echoes.models.inner_responses import InnerResponses
from echoes.models.inner_sources import InnerSources
from echoes.models.precision import is_precise, random_signs
from echoes.models.residuals import (
    KERNELS,
    SOURCES,
    Echo,
    kernels_and_penalties,
    share_kernels,
    solve_exactly,
)
from echoes.models.similarity import centre_kernel, deviations, network_kernel, reaching_genes
from echoes.models.task import Task

#: Where centring leaves a smaller share of the features' squares, it costs too many digits.
SMALLEST_CENTRED = 1e-3


@dataclass(frozen=True)
class InnerKernels:
    """Kernels of the m training perturbations, from which those of inner folds are cut.

    Parameters
    ----------
    network
        (m, m) kernel of the network; empty where no candidate needs it.
    features
        (m, m) features of profiles, a row for each silenced gene and a column for each response;
        empty where no candidate needs them.
    middle
        (m,) mean that has been taken out of the features.
    products
        (m, m) inner products of the rows of features.
    known, reaching
        (m,) which silenced genes have a link, and which reach a response gene in the network.
    responses
        Their responses.
    sources
        Predictions from sources; None where they are no candidate.
    """

    network: Singles
    features: Singles
    middle: Floats
    products: Singles
    known: Bools
    reaching: Bools
    responses: InnerResponses
    sources: InnerSources | None

    @classmethod
    def of(cls, task: Task, settings: Echo) -> InnerKernels:
        """Make them of the training perturbations of a task without gaps."""
        own = task.training_alone()
        of_network, of_profiles = (any(KERNELS[name][i] for name in settings.whole) for i in (0, 1))
        none = np.empty((0, 0), dtype=np.float32)
        responses = InnerResponses(own)
        features, middle = (
            profile_features(own, responses.residuals) if of_profiles else (none, np.empty(0))
        )
        joined = SOURCES in settings.kernels and bool(own.sources)
        return cls(
            network=single_precision(network_kernel(own)) if of_network else none,
            features=features,
            middle=middle,
            products=features @ features.T,
            known=own.known,
            reaching=reaching_genes(own) if of_profiles else own.known,
            responses=responses,
            sources=InnerSources(own, responses, settings) if joined else None,
        )

    def without(self, held_out: Ints, training: Ints, names: Sequence[str]) -> list[Singles]:
        """Kernels (k + q, k) of names in `KERNELS`, fitted on k rows to predict q others."""
        rows, k = np.concatenate([training, held_out]), len(training)
        network = profile = np.empty((0, 0), dtype=np.float32)
        if any(KERNELS[name][0] for name in names):
            cut = self.network[rows[:, None], training]
            network = centre_kernel(cut, k, self.known[rows])
        if any(KERNELS[name][1] for name in names):
            cut = self._profile_products(held_out, training)[rows[:, None], training]
            profile = centre_kernel(cut, k, self.reaching[rows])
        return share_kernels(names, network, profile)

    def profile_kernel(self, task: Task) -> Singles:
        """Kernel of profiles (m + q, m) of the m training perturbations of a task and q others."""
        m = len(self.features)
        residuals = self.responses.residuals
        others = (task.reach[m:] / deviations(residuals)) @ residuals.T - self.middle
        kernel = np.vstack([self.products, single_precision(others) @ self.features.T])
        return centre_kernel(kernel, m, reaching_genes(task))

    def _profile_products(self, held_out: Ints, training: Ints) -> Singles:
        """Inner products (m, m) of profiles of the responses of some rows, less their mean."""
        left_out = self.features[:, held_out]
        mean = self.features[:, training].mean(axis=1)
        less = np.column_stack([left_out, np.sqrt(single_precision(len(training))) * mean])
        products: Singles = self.products - less @ less.T
        return products


def profile_features(task: Task, residuals: Floats) -> tuple[Singles, Floats]:
    """Features of `similarity.profile_kernel`, (m, m), less their mean (m,), and that mean.

    The mean is that of the rows that have any features; all others are 0.

    A random combination of the columns shows how precise they are (see `precision`); where that is
    not enough, or where little of them is left when they are centred, they are computed in double
    precision.

    Parameters
    ----------
    task
        m training perturbations.
    residuals
        (m, G) their responses, columns with mean 0, without gaps.
    """
    deviation, reach, known = deviations(residuals), task.reach, reaching_genes(task)
    scaled = single_precision(reach) / single_precision(deviation)
    features = single_precision(scaled @ single_precision(residuals).T)
    signs = random_signs(len(residuals))
    combined = (signs @ residuals) / deviation
    # Block by block, so that no table in double precision is made of the whole.
    blocks = row_blocks(*reach.shape)
    exact = np.concatenate([reach[rows].astype(np.float64) @ combined for rows in blocks])
    centred, mean = _centred(features, known)
    if (
        is_precise(features @ signs, exact)
        and np.square(centred).sum() > SMALLEST_CENTRED * np.square(features[known]).sum()
    ):
        return single_precision(centred), mean.astype(np.float64)
    exactly = np.vstack([(reach[rows] / deviation) @ residuals.T for rows in blocks])
    centred_exactly, exact_mean = _centred(exactly, known)
    return single_precision(centred_exactly), exact_mean


def _centred(features: Numbers, known: Bools) -> tuple[Numbers, Numbers]:
    """Take the mean of the known rows out of all rows, and let others be 0; give the mean too."""
    mean = features[known].mean(axis=0) if known.any() else np.zeros_like(features[0])
    centred: Numbers = features - mean
    centred[~known] = 0
    return centred, mean


def inner_operators(
    kernels: InnerKernels, held_out: Ints, training: Ints, settings: Echo, wanted: Bools
) -> Singles:
    """Compute `residuals.residual_operators` of an inner fold in single precision, (q, O, k).

    Parameters
    ----------
    kernels
        Those of all training perturbations.
    held_out, training
        (q,) and (k,) rows that the fold predicts, and those that it learns from.
    settings
        The candidates.
    wanted
        (O,) which of them to compute.
    """
    names, penalties = kernels_and_penalties(wanted, settings)
    # They may be larger than all else: they are written where they stay.
    shape = (len(held_out), int(wanted.sum()), len(training))
    operators = np.empty(shape, dtype=np.float32)
    first = 0
    cut = kernels.without(held_out, training, names)
    for kernel, of_kernel in zip(cut, penalties, strict=True):
        solve_singly(kernel, of_kernel, operators[:, first : first + len(of_kernel)])
        first += len(of_kernel)
    return operators


def solve_singly(kernel: Singles, penalties: Floats, operators: Singles) -> None:
    """Compute `solve_exactly` by Cholesky decompositions in single precision, if that will do.

    A random combination z of the training perturbations shows how precise an operator A is: with
    the kernel matrix K and the penalty λ, A(K + λI)z is to be the combination of the kernel's
    other rows (see `precision.is_precise`). Otherwise it is computed in double precision.

    Parameters
    ----------
    kernel, penalties
        As in `solve_exactly`.
    operators
        (q, L, m) where they are written to.
    """
    # It takes a while to import.
    from scipy.linalg import lapack

    m = kernel.shape[1]
    signs = random_signs(m)
    own, across = np.split(kernel @ signs, [m])
    for number, penalty in enumerate(penalties):
        system = kernel[:m].copy()
        system[np.diag_indices(m)] += np.float32(penalty)
        # Transposed, the matrix is in the order of columns, which needs no copy.
        factor, failed = lapack.spotrf(system.T, lower=1, clean=0, overwrite_a=1)
        operator = operators[:, number]
        if not failed:
            operator[:] = lapack.spotrs(factor, kernel[m:].T, lower=1)[0].T
        if failed or not is_precise(operator @ (own + penalty * signs), across):
            operator[:] = solve_exactly(kernel.astype(np.float64), np.array([penalty]))[0]

"""Kernel ridge regressions of genes that are measured in some perturbations only.

Each gene has a regression of its own, with an intercept, on the training perturbations that have
it. Genes that the same perturbations have share one decomposition.

With the kernel matrix K of the rows that have a gene, a penalty λ and M = (K + λI)⁻¹, the intercept
is b = 1ᵀMy / 1ᵀM1, the dual coefficients are a = M(y − b1), and a row with the kernel values k is
predicted by b + k·a. Where few rows are missing, M is computed once for all rows. The missing ones
get the responses that make their dual coefficients 0, so that they change nothing: block-wise
inversion, the identity behind leave-one-out residuals in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Pattern:
    """Genes that are measured in the same training perturbations.

    Parameters
    ----------
    rows
        (n,) positions of these perturbations; may be empty.
    genes
        (k,) positions of the genes.
    """

    rows: Ints
    genes: Ints


def patterns(measured: Bools) -> Iterator[Pattern]:
    """Group the genes by the perturbations that have them.

    Parameters
    ----------
    measured
        (m, G) whether a perturbation has a gene.
    """
    if not measured.shape[1]:
        return
    packed = np.packbits(measured, axis=0).T
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    genes = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
    for gene, group in zip(first.tolist(), genes, strict=True):
        yield Pattern(np.flatnonzero(measured[:, gene]), group)


def gap_ridge(kernel: Floats, responses: Floats, penalties: Sequence[float]) -> Floats:
    """Predict responses by a kernel ridge regression for each gene and penalty, (L, q, G).

    Parameters
    ----------
    kernel
        (m + q, m) kernel of the m training perturbations, and of q others with them. Its origin
        does not matter: each regression has an intercept without a penalty.
    responses
        (m, G) responses of the training perturbations; NaN where not measured.
    penalties
        L ridge penalties, above 0.

    Returns
    -------
    array
        A gene without any measured response is predicted as 0.
    """
    m, n_genes = responses.shape
    own, across = kernel[:m], kernel[m:]
    # A gene's numbers side by side: they are computed together.
    predicted = np.zeros((n_genes, len(penalties), len(across)))
    nearly_complete = []
    for pattern in patterns(~np.isnan(responses)):
        rows, genes = pattern.rows, pattern.genes
        if 2 * len(rows) > m:
            nearly_complete.append(pattern)
        elif len(rows):
            duals, intercepts = _fit_rows(
                own[np.ix_(rows, rows)], responses[np.ix_(rows, genes)], penalties
            )
            of_genes = across[:, rows] @ duals + intercepts[:, None]
            predicted[genes] = of_genes.transpose(2, 0, 1)
    if nearly_complete:
        genes = np.concatenate([pattern.genes for pattern in nearly_complete])
        of_genes = _predict_nearly_complete(own, across, responses, nearly_complete, penalties)
        predicted[genes] = of_genes.transpose(2, 0, 1)
    return predicted.transpose(1, 2, 0)


def _fit_rows(
    kernel: Floats, responses: Floats, penalties: Sequence[float]
) -> tuple[Floats, Floats]:
    """Dual coefficients (L, n, k) and intercepts (L, k) of k genes that all n rows have."""
    values, vectors = np.linalg.eigh(kernel)
    ones, rotated = vectors.sum(axis=0), vectors.T @ responses
    # (L, n): the eigenvalues of the inverse.
    inverse = 1 / (np.maximum(values, 0.0) + np.asarray(penalties)[:, None])
    intercepts = (inverse * ones) @ rotated / (inverse @ ones**2)[:, None]
    centred = rotated - intercepts[:, None] * ones[:, None]
    duals: Floats = vectors @ (inverse[:, :, None] * centred)
    return duals, intercepts


def _predict_nearly_complete(
    own: Floats,
    across: Floats,
    responses: Floats,
    parts: Sequence[Pattern],
    penalties: Sequence[float],
) -> Floats:
    """Predict genes that most rows have, (L, q, genes of all parts in their order)."""
    genes = np.concatenate([part.genes for part in parts])
    ends = np.cumsum([len(part.genes) for part in parts])
    columns = [slice(end - len(part.genes), end) for part, end in zip(parts, ends, strict=True)]
    gaps = [np.delete(np.arange(len(own)), part.rows) for part in parts]
    filled = np.nan_to_num(responses[:, genes], nan=0.0)
    values, vectors = np.linalg.eigh(own)
    predicted = np.empty((len(penalties), len(across), len(genes)))
    for number, penalty in enumerate(penalties):
        inverse = (vectors / (np.maximum(values, 0.0) + penalty)) @ vectors.T
        ones = inverse.sum(axis=0)
        # Dual coefficients of all rows, with the intercept, are this matrix times the responses.
        projection = inverse - np.outer(ones, ones / ones.sum())
        for missing, column in zip(gaps, columns, strict=True):
            filled[missing, column] = 0.0
        duals = projection @ filled
        for missing, column in zip(gaps, columns, strict=True):
            if len(missing):
                block = projection[np.ix_(missing, missing)]
                filled[missing, column] = -np.linalg.solve(block, duals[missing, column])
        duals = projection @ filled
        intercepts = ones @ filled / ones.sum()
        np.matmul(across, duals, out=predicted[number])
        predicted[number] += intercepts
    return predicted

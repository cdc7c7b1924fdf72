"""Kernel ridge regressions with one kernel and several penalties, and their left-out predictions.

Predictions by leave-one-out cross-validation have a closed form: with the hat matrix H, which
includes the intercept's 1/m, the error of a row fitted without it is its residual divided by
1 − H_ii.

Closed form: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd edition,
Springer, 2009, section 7.10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.inner_loop import single_precision
from echoes.models.precision import is_precise, random_signs


@dataclass(frozen=True)
class Path:
    """Kernel ridge regressions with one kernel and L penalties.

    Parameters
    ----------
    left_out
        (L, m, c) predicted scores of each training row, fitted without its group.
    predicted
        (L, q, c) predicted scores.
    """

    left_out: Floats
    predicted: Floats


def ridge_path(
    kernel: Floats,
    scores: Floats,
    penalties: Sequence[float],
    groups: Ints,
    eigen: tuple[Floats, Floats] | None = None,
) -> Path:
    """Fit scores (m, c) by kernel ridge regressions with an intercept, one for each penalty.

    Parameters
    ----------
    kernel
        (m + q, m) kernel, centred on the m training rows.
    scores
        (m, c), columns with mean 0.
    penalties
        L ridge penalties.
    groups
        (m,) number of each row's group; rows of a group are left out together.
    eigen
        Eigenvalues and eigenvectors of the kernel of the m rows, where they have been computed.
    """
    m = len(scores)
    repeated = _repeated(groups)
    left_out = np.empty((len(penalties), *scores.shape))
    predicted = np.empty((len(penalties), len(kernel) - m, scores.shape[1]))
    values, vectors = eigen or np.linalg.eigh(kernel[:m])
    values, squares, rotated = np.maximum(values, 0.0), vectors**2, vectors.T @ scores
    for number, penalty in enumerate(penalties):
        coefficients = vectors @ (rotated / (values + penalty)[:, None])
        predicted[number] = kernel[m:] @ coefficients
        shares = values / (values + penalty)
        left_out[number] = _left_out(
            scores,
            scores - penalty * coefficients,
            squares @ shares + 1 / m,
            [(rows, (vectors[rows] * shares) @ vectors[rows].T + 1 / m) for rows in repeated],
        )
    return Path(left_out, predicted)


def _repeated(groups: Ints) -> list[Ints]:
    """Rows of each group that has several."""
    names, counts = np.unique(groups, return_counts=True)
    return [np.flatnonzero(groups == name) for name in names[counts > 1]]


def _left_out(
    scores: Floats, fitted: Floats, diagonal: Floats, blocks: Sequence[tuple[Ints, Floats]]
) -> Floats:
    """Predict each row (m, c) from the rows of other groups.

    Parameters
    ----------
    scores, fitted
        (m, c) true scores y, and those of the fit to all rows, Hy.
    diagonal
        (m,) that of the hat matrix H.
    blocks
        Rows of each group that has several, and the block of H for them.
    """
    # (Hy − H_ii·y)/(1 − H_ii), which is y less its residual divided by 1 − H_ii, has more digits.
    left_out: Floats = (fitted - diagonal[:, None] * scores) / (1 - diagonal)[:, None]
    for rows, block in blocks:
        rest = fitted[rows] - block @ scores[rows]
        left_out[rows] = np.linalg.solve(np.eye(len(rows)) - block, rest)
    return left_out


class SharedPaths:
    """Ridge paths of many parts of the rows, from one decomposition of their kernel (m, m).

    Where H is the hat matrix of all rows, with the intercept's 1/m, and a part leaves the rows B
    out, block-wise inversion gives the hat matrix of its rows f, H_ff + H_fB (I − H_BB)⁻¹ H_Bf, and
    what it predicts for the others, (I − H_BB)⁻¹ H_Bf y.

    Products are in single precision. A random combination of the rows tells how precise the path of
    each part is: where its residual is λa, the fit is to be Ka but for a constant, in the part and
    outside of it (see `precision.is_precise`). If it is not, they are in double precision.

    Parameters
    ----------
    kernel
        (m, m) kernel, centred on the rows.
    penalties
        L ridge penalties.
    """

    def __init__(self, kernel: Floats, penalties: Sequence[float]) -> None:
        self._kernel, self._penalties = single_precision(kernel), tuple(penalties)
        self.eigen = np.linalg.eigh(kernel)
        self._singles = single_precision(self.eigen[1])

    def without(self, held_out: Ints, training: Ints, scores: Floats, groups: Ints) -> Path:
        """Fit scores (k, c) of k rows, columns with mean 0, as `ridge_path` does.

        Parameters
        ----------
        held_out, training
            (q,) and (k,) rows to predict and to learn from, together all rows once.
        scores, groups
            As in `ridge_path`.
        """
        signs = random_signs(len(scores))
        signs -= signs.mean()
        # The last column is the random combination.
        whole, kernel = np.column_stack([scores, signs]), self._kernel[:, training]
        values, vectors = np.maximum(self.eigen[0], 0.0), self.eigen[1]
        single = _Part(self._singles[training], self._singles[held_out], whole)
        double = None
        repeated = _repeated(groups)
        left_out = np.empty((len(self._penalties), *scores.shape))
        predicted = np.empty((len(self._penalties), len(held_out), scores.shape[1]))
        for number, penalty in enumerate(self._penalties):
            shares = values / (values + penalty)
            fit = single.fit(shares)
            dual = single_precision((signs - fit.inside[:, -1]) / penalty)
            again = (kernel @ dual).astype(np.float64)
            again -= again[training].mean()
            if not (
                is_precise(fit.inside[:, -1], again[training])
                and is_precise(fit.outside[:, -1], again[held_out])
            ):
                double = double or _Part(vectors[training], vectors[held_out], whole)
                fit = double.fit(shares)
            blocks = [(rows, fit.hat(rows)) for rows in repeated]
            left_out[number] = _left_out(scores, fit.inside[:, :-1], fit.diagonal, blocks)
            predicted[number] = fit.outside[:, :-1]
        return Path(left_out, predicted)


@dataclass(frozen=True)
class _Fit:
    """What a part of the rows fits with a penalty, inside (k, c) and outside (q, c).

    The hat matrix of its rows is H_ff + SᵀS with H_ff = V diag(shares) Vᵀ + 1/m.
    """

    inside: Floats
    outside: Floats
    diagonal: Floats
    shares: Floats | Singles
    own: Floats | Singles
    spread: Floats

    def hat(self, rows: Ints) -> Floats:
        """Block of the hat matrix for some of the rows."""
        own, spread = self.own[rows], self.spread[:, rows]
        block: Floats = (own * self.shares) @ own.T + 1 / len(self.shares) + spread.T @ spread
        return block


class _Part:
    """Eigenvectors of the rows of a part (k, m) and of those it leaves out (q, m), and scores."""

    def __init__(self, own: Floats | Singles, others: Floats | Singles, scores: Floats) -> None:
        self._own, self._others = own, others
        self._squares, self._rotated = own**2, own.T @ scores.astype(own.dtype)

    def fit(self, shares: Floats) -> _Fit:
        """Fit the scores; eigenvectors are shrunk to shares (m,)."""
        from scipy.linalg import cholesky, solve_triangular

        shares = shares.astype(self._own.dtype)
        intercept = 1 / len(shares)
        scaled = self._others * shares
        within = np.eye(len(scaled)) - intercept - scaled @ self._others.T
        root = cholesky(within, lower=True, check_finite=False)
        # Columns of the scores have the mean 0: the intercept adds nothing to them.
        across = np.hstack([scaled @ self._own.T, scaled @ self._rotated]).astype(np.float64)
        across[:, : len(self._own)] += intercept
        solved = solve_triangular(root, across, lower=True, check_finite=False)
        spread, moved = np.hsplit(solved, [len(self._own)])
        return _Fit(
            inside=self._own @ (shares[:, None] * self._rotated) + spread.T @ moved,
            outside=solve_triangular(root, moved, lower=True, trans="T", check_finite=False),
            diagonal=self._squares @ shares + intercept + np.einsum("bi,bi->i", spread, spread),
            shares=shares,
            own=self._own,
            spread=spread,
        )

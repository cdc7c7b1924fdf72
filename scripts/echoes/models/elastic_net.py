"""Multi-task elastic net with a group penalty, chosen by inner cross-validation.

With m rows, penalty λ and mixing ρ the problem is
min_B 1/(2m)·‖Y − XB‖² + λρ·Σ_j‖B_j‖₂ + λ(1 − ρ)/2·‖B‖².
Times m, with l₁ = mλρ and l₂ = mλ(1 − ρ), its dual is smooth and strongly convex in
Θ (m, T), which is small where there are many more features than rows:
min_Θ F(Θ) = ½‖Θ‖² − ⟨Θ, Y⟩ + Σ_j (‖u_j‖ − l₁)₊² / (2·l₂) with u_j = X_jᵀΘ,
B_j = (1 − l₁/‖u_j‖)₊·u_j / l₂. At the optimum Θ is the residual Y − XB, and −F(Θ)
is a lower bound of the primal for every Θ, so each fit comes with its duality gap.

Group penalty over tasks: Obozinski, Taskar and Jordan, Stat. Comput. 20 (2010), 231–252,
doi:10.1007/s11222-008-9111-x.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints
from echoes.io.errors import NotConvergedError
from echoes.models.linear import LinearFit, contiguous_folds

_NEWTON_STEPS = 1000
_GRADIENT_STEPS = 100
# Directions are computed in single precision; the next step corrects the error that this leaves.
_LEAST_REDUCTION = 1e-4
# A start with a larger relative gap is replaced by the solution, up to this gap, of a problem in
# which every third feature stands for three, where there are so many features a row.
_POOR, _COARSE_GAP, _COARSE, _WIDE = 0.5, 0.1, 3, 128
# Relative gap of what is only a start for the next penalty.
_START_GAP = 1e-3
# Share of the tolerance that a precise fit goes on to.
_POLISHED = 1e-3


@dataclass(frozen=True)
class Optimum:
    """A solution of the elastic net and its certificate.

    Parameters
    ----------
    active
        Positions of the features whose coefficients are not 0.
    coefficients
        Their coefficients, (active, T).
    dual
        Θ, (m, T).
    gap
        Relative duality gap: (primal − dual) / primal.
    steps
        Number of Newton steps.
    """

    active: Ints
    coefficients: Floats
    dual: Floats
    gap: float
    steps: int


def _norms(rows: Floats) -> Floats:
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return norms


def _scale(theta: Floats, Y: Floats, norms: Floats, l1: float, l2: float) -> float:
    """Find the factor of a dual point, 0 … 1, that minimises F: a start for another penalty."""
    square, slope = float(np.vdot(theta, theta)), float(np.vdot(theta, Y))
    norms = norms[norms > l1]
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        excess = np.maximum(middle * norms - l1, 0)
        if middle * square - slope + float(excess @ norms) / l2 > 0:
            high = middle
        else:
            low = middle
    return high


def _newton_direction(
    Xa: Floats, directions: Floats, share: Floats, gradient: Floats, reduction: float
) -> Floats:
    """Solve H·D = −gradient by preconditioned conjugate gradients.

    The Hessian of F is H·D = D + Σ_j X̂_j·((1 − s_j)·q_j + s_j·⟨û_j, q_j⟩·û_j)ᵀ with
    X̂_j = X_j/√l₂, q_j = X̂_jᵀD and s_j = l₁/‖u_j‖, over the active features. The
    preconditioner replaces û_j·û_jᵀ by its mean over directions, I/T, which leaves one
    m × m matrix for all columns. H has no unit, and the gradient is brought to norm 1:
    single precision neither overflows nor vanishes on data of any scale.

    Parameters
    ----------
    Xa
        (active, m) columns X̂_j.
    directions
        (active, T) unit vectors û_j.
    share
        (active,) s_j.
    gradient
        (m, T).
    reduction
        Norm of the residual, relative to the gradient, at which the iteration stops.
    """
    m, tasks = gradient.shape
    inverse = np.linalg.inv(np.eye(m) + (Xa * (1 - share + share / tasks)[:, None]).T @ Xa)
    columns = Xa.astype(np.float32)
    u = (directions * np.sqrt(share)[:, None]).astype(np.float32)
    w = (1 - share).astype(np.float32)[:, None]
    step = np.zeros_like(gradient)
    size = np.linalg.norm(gradient)
    residual = gradient / -size
    z = p = inverse @ residual
    rho = np.vdot(residual, z)
    for _ in range(_GRADIENT_STEPS):
        q = columns @ p.astype(np.float32)
        along = np.einsum("ij,ij->i", u, q)
        q *= w
        q += along[:, None] * u
        hp = p + columns.T @ q
        length = rho / np.vdot(p, hp)
        step += length * p
        residual = residual - length * hp
        if np.linalg.norm(residual) <= reduction:
            break
        z = inverse @ residual
        rho, before = np.vdot(residual, z), rho
        p = z + (rho / before) * p
    return size * step


class _Bounds:
    """Upper bounds of ‖X_jᵀΘ‖ from features (F, m) in single precision, at a third of the cost."""

    def __init__(self, Xt: Floats) -> None:
        self.lengths = _norms(Xt)
        # A unit in which nothing is too large for single precision.
        self.unit = float(self.lengths.max(initial=0)) or 1.0
        self.single = (Xt / self.unit).astype(np.float32)

    def only(self, kept: Bools) -> _Bounds:
        """Give the bounds of some of the features."""
        part = copy.copy(self)
        part.lengths, part.single = self.lengths[kept], self.single[kept]
        return part

    def __call__(self, theta: Floats) -> Floats:
        """Compute the bounds (F,) at a dual point (m, T)."""
        size = float(np.linalg.norm(theta)) or 1.0
        u = self.single @ (theta / size).astype(np.float32)
        norms = np.sqrt(np.vecdot(u, u)).astype(np.float64)
        # By m products and their sums, by T squares, and by what is too small a number.
        rounding = (sum(theta.shape) + 8) * 2.0**-24 * self.lengths + 1e-18 * self.unit
        bounds: Floats = size * (self.unit * norms + rounding)
        return bounds


def solve_elastic_net(
    Xt: Floats,
    Y: Floats,
    l1: float,
    l2: float,
    theta: Floats,
    tolerance: float,
    *,
    bounds: _Bounds | None = None,
    coarse: bool = True,
    polish: bool = False,
) -> Optimum:
    """Minimise ½‖Y − XB‖² + l₁·Σ_j‖B_j‖₂ + l₂/2·‖B‖² by a semismooth Newton method on its dual.

    The Hessian only has features with ‖u_j‖ > l₁. Features that the duality gap proves
    to have no coefficient at the optimum are dropped on the way: the dual is strongly
    convex with modulus 1, so its optimum lies within √(2·gap) of Θ. Of the others, u_j is
    computed where ‖u_j‖ may be above l₁ at an end of a step: a norm is convex, so elsewhere it
    stays below all along the step.

    Parameters
    ----------
    Xt
        (F, m) features, one a row; centred.
    Y
        (m, T) targets, centred.
    l1, l2
        Penalties, l₁ ≥ 0 and l₂ > 0.
    theta
        (m, T) where to start: the dual solution of a larger penalty, or Y.
    tolerance
        Relative duality gap to reach.
    bounds
        Bounds for these features, where they have been made already.
    coarse
        Whether a poor start may be replaced by the solution of a smaller problem: every third
        feature, with l₂/3.
    polish
        Whether to take another step, a precise one, when the gap is reached, and more until the gap
        is a thousandth of it or no longer falls.

    Raises
    ------
    NotConvergedError
        When the gap stays above the tolerance.

    Notes
    -----
    Semismooth Newton for such duals: Li, Sun and Toh, SIAM J. Optim. 28 (2018), 433–458,
    doi:10.1137/16M1097572. Gap-safe screening: Ndiaye et al., JMLR 18 (2017), 128.
    """
    bounds = bounds or _Bounds(Xt)
    upper, kept, aim = bounds, np.arange(len(Xt)), 0.1 * tolerance
    enough, before = 0.0, np.inf
    bound = upper(theta)
    scale = _scale(theta, Y, bound, l1, l2)
    theta, bound = scale * theta, scale * bound
    # Not `bound > l1`: so a NaN counts as active, here and below, and the gap becomes NaN.
    rows = np.flatnonzero(~(bound <= l1))
    Xr = Xt[rows]
    u = Xr @ theta
    for steps in range(_NEWTON_STEPS + 1):
        bound[rows] = norms = _norms(u)
        active = ~(norms <= l1)
        Xa, ua, na = Xr[active], u[active], norms[active]
        weight = (1 - l1 / na) / l2
        B = weight[:, None] * ua
        residual = Y - Xa.T @ B
        # ‖B_j‖ = w_j·‖u_j‖
        sizes = weight * na
        primal = 0.5 * np.vdot(residual, residual) + l1 * sizes.sum() + l2 / 2 * sizes @ sizes
        value = _dual_value(theta, Y, na - l1, l2)
        gradient = theta - residual
        # P + F = ½‖Θ − (Y − XB)‖² at B = B(Θ): without the cancellation of a difference.
        gap = float(0.5 * np.vdot(gradient, gradient) / primal) if primal != 0 else 0.0
        if gap <= tolerance:
            if not polish or gap <= enough or gap >= before or steps == _NEWTON_STEPS:
                return Optimum(kept[rows[active]], B, theta, gap, steps)
            # A step may also only find out which features are active.
            aim, enough, before = 1e-6 * gap, _POLISHED * tolerance, gap
        if not np.isfinite(gap):
            break
        if coarse and steps == 0 and gap > _POOR and len(Xt) > _WIDE * len(Y):
            some, more = Xt[::_COARSE], l2 / _COARSE
            theta = solve_elastic_net(some, Y, l1, more, theta, _COARSE_GAP).dual
            return solve_elastic_net(
                Xt, Y, l1, l2, theta, tolerance, bounds=bounds, coarse=False, polish=polish
            )
        possible = bound + np.sqrt(2 * gap * primal) * upper.lengths > l1
        if np.count_nonzero(possible) < 0.8 * len(possible):
            kept, bound, upper = kept[possible], bound[possible], upper.only(possible)
        direction = _newton_direction(
            Xa / np.sqrt(l2),
            ua / na[:, None],
            l1 / na,
            gradient,
            # A gap shrinks by the square of it, where the step is not limited by its length.
            max(min(0.1, np.sqrt(gap)), np.sqrt(aim / gap), _LEAST_REDUCTION),
        )
        slope = np.vdot(gradient, direction)
        end = upper(theta + direction)
        rows = np.flatnonzero(~(np.maximum(bound, end) <= l1))
        Xr = Xt[kept[rows]]
        u, length = Xr @ (theta + direction), 1.0
        new_value = _dual_value(theta + direction, Y, np.maximum(_norms(u) - l1, 0), l2)
        # Near the optimum rounding hides the decrease.
        if not new_value <= value + 1e-4 * slope + 1e-14 * abs(value):
            u, du = Xr @ theta, Xr @ direction
            length = _length(theta, direction, Y, u, du, l1, l2)
            u += length * du
        theta = theta + length * direction
        bound += length * (end - bound)
    raise NotConvergedError(
        f"relative duality gap {gap:.3g} after {steps} Newton steps; the tolerance is "
        f"{tolerance:.3g}"
    )


def _length(
    theta: Floats, direction: Floats, Y: Floats, u: Floats, du: Floats, l1: float, l2: float
) -> float:
    """Minimise F from a dual point along a direction of descent, by bisection of its slope.

    The slope has a kink wherever a feature becomes active, and there may be thousands within one
    step: halving the step until F is small enough would end far from the minimum.
    """
    start, curve = np.vdot(direction, theta - Y), np.vdot(direction, direction)
    square, along, spread = (np.einsum("ij,ij->i", a, b) for a, b in ((u, u), (u, du), (du, du)))
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        norms = np.sqrt(np.maximum(square + middle * (2 * along + middle * spread), 0))
        active = norms > l1
        weight = (1 - l1 / norms[active]) / l2
        if start + middle * curve + weight @ (along[active] + middle * spread[active]) > 0:
            high = middle
        else:
            low = middle
        if high - low <= 0.1 * low:
            break
    return low or high


def _dual_value(theta: Floats, Y: Floats, excess: Floats, l2: float) -> float:
    return float(0.5 * np.vdot(theta, theta) - np.vdot(theta, Y) + excess @ excess / (2 * l2))


def _path(
    Xt: Floats,
    Y: Floats,
    penalties: Sequence[float],
    l1_ratio: float,
    tolerance: float,
    *,
    last: bool = False,
) -> Iterator[Optimum]:
    """Solve for each penalty, largest first, each from the dual solution of the one before.

    Where only the last one is of interest, it is precise, and the others are rough.
    """
    theta, bounds = Y, _Bounds(Xt)
    for i, penalty in enumerate(penalties, 1):
        l1, l2 = len(Y) * penalty * l1_ratio, len(Y) * penalty * (1 - l1_ratio)
        ends = i == len(penalties)
        gap = max(tolerance, _START_GAP) if last and not ends else tolerance
        try:
            optimum = solve_elastic_net(
                Xt, Y, l1, l2, theta, gap, bounds=bounds, polish=last and ends
            )
        except NotConvergedError as error:
            raise NotConvergedError(f"penalty {penalty:g}: {error}") from error
        theta = optimum.dual
        yield optimum


def fit_elastic_net(
    X: Floats,
    Y: Floats,
    penalties: Sequence[float],
    inner_folds: int,
    *,
    l1_ratio: float,
    tolerance: float,
) -> LinearFit:
    """Fit the multi-task elastic net to a certified optimum, its penalty chosen by inner folds.

    Parameters
    ----------
    X, Y
        (m, F) features and (m, T) targets.
    penalties
        Values of λ to choose from, by the mean squared error over contiguous inner folds;
        of equally good ones the largest is chosen.
    inner_folds
        Number of inner folds.
    l1_ratio
        ρ, more than 0 and less than 1.
    tolerance
        Relative duality gap that every fit must reach, inner ones included. The last one, on all
        rows, takes some steps more: its coefficients are then exact to many digits.

    Raises
    ------
    NotConvergedError
        When the gap of a fit is above the tolerance; the message names penalty and gap.
    """
    penalties = sorted(penalties, reverse=True)
    errors = np.zeros((inner_folds, len(penalties)))
    gaps = []
    Xt = np.ascontiguousarray(X.T)
    for i, (held_out, kept) in enumerate(contiguous_folds(len(X), inner_folds)):
        part, y_mean = Xt.take(kept, axis=1), Y[kept].mean(axis=0)
        x_mean = part.mean(axis=1, keepdims=True)
        part -= x_mean
        path = _path(part, Y[kept] - y_mean, penalties, l1_ratio, tolerance)
        for j, optimum in enumerate(path):
            x = Xt[optimum.active, held_out] - x_mean[optimum.active]
            error = Y[held_out] - y_mean - x.T @ optimum.coefficients
            errors[i, j] = np.mean(error**2)
            gaps.append(optimum.gap)
    best = int(np.argmin(errors.mean(axis=0)))
    x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
    chosen = penalties[: best + 1]
    *_, optimum = _path(Xt - x_mean[:, None], Y - y_mean, chosen, l1_ratio, tolerance, last=True)
    coefficients = np.zeros((X.shape[1], Y.shape[1]))
    coefficients[optimum.active] = optimum.coefficients
    return LinearFit(
        coefficients,
        y_mean - x_mean @ coefficients,
        penalties[best],
        optimum.gap,
        inner_gap=max(gaps),
    )

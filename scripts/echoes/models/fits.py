"""What the operators of `residuals` predict for training perturbations that were left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Singles
from echoes.models.inner_loop import single_precision
from echoes.models.residuals import Echo, residual_operators, residuals_with_gaps
from echoes.models.task import Task

#: Most entries of the fitted residuals of all candidates that are in memory at a time.
_MOST_FITTED = 1 << 24


@dataclass(frozen=True)
class Fits:
    """Predicted residuals of r training rows that were left out, with each of O operators.

    Parameters
    ----------
    kept
        What averages over the operators follow from. Operators (r, O, m) in single precision: they
        are much smaller than what they predict. With gaps there are none: the predictions of the
        measured pairs (O, pairs).
    residuals
        (m, G) residuals that the operators are applied to; with gaps (r, O, G), predicted ones.
    axis
        The axis of `kept` that is for operators.
    """

    kept: Singles
    residuals: Singles
    axis: int

    def blocks(self) -> Iterator[slice]:
        """Cut the rows into blocks of which all fits are in memory together."""
        if self.axis == 0:
            yield slice(0, len(self.residuals))
            return
        rows, n_operators, _ = self.kept.shape
        step = max(1, _MOST_FITTED // max(1, n_operators * self.residuals.shape[1]))
        yield from (slice(first, min(first + step, rows)) for first in range(0, rows, step))

    def fitted(self, rows: slice) -> Singles:
        """Predicted residuals of a block, (rows, O, G)."""
        if self.axis == 0:
            return self.residuals[rows]
        operators = self.kept[rows]
        # As one product: one for each operator would take longer.
        fitted: Singles = operators.reshape(-1, operators.shape[2]) @ self.residuals
        return fitted.reshape(*operators.shape[:2], self.residuals.shape[1])


def fit_residuals(
    task: Task, residuals: Floats, settings: Echo, measured: Bools, wanted: Bools
) -> Fits:
    """Fit the wanted operators (O,) on a part of the training rows, and predict the others.

    Parameters
    ----------
    task, residuals, settings, wanted
        As in `residual_operators` and `residuals_with_gaps`.
    measured
        (q, G) which of the predicted pairs were measured.
    """
    if not measured.all() or task.has_gaps:
        fitted = residuals_with_gaps(task, residuals, settings, wanted)
        single = np.ascontiguousarray(fitted.swapaxes(0, 1), dtype=np.float32)
        return Fits(single.swapaxes(0, 1)[:, measured], single, axis=0)
    exact = residual_operators(task, residuals, settings, wanted).swapaxes(0, 1)
    operators = np.ascontiguousarray(exact, dtype=np.float32)
    return Fits(operators, single_precision(residuals), axis=1)

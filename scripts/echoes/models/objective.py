"""What a model is meant to be good at: how its candidates are weighed, and the median of its base.

- ``score``: the competition's score. Its median is the re-weighted one.
- ``absolute``: absolute errors. They are smallest for the median without weights.
- ``squared``: squared errors. They are smallest for the mean, so that there is no median.

Errors count all measured pairs the same, whatever their weights in the score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from echoes.io.arrays import Floats, Ints, Singles
from echoes.models.gaps import mean_response
from echoes.models.inner_loop import (
    error_sums,
    errors_behind,
    score_sums,
    scores_behind,
    weigh_candidates,
    weigh_errors,
)
from echoes.models.medians import INNER_TOLERANCE, Medians
from echoes.models.part_medians import reweighted_of_parts
from echoes.scoring.gaps import fill_gaps, measured_pairs
from echoes.scoring.metrics import weighted_mae

#: Names in the configuration → power of the errors; none for the score.
OBJECTIVES = {"score": None, "absolute": 1, "squared": 2}


class Objective:
    """Judge candidates on held-out training rows, fold after fold, and weigh them.

    Parameters
    ----------
    name
        Name in `OBJECTIVES`.
    deltas, weights
        (m, G) responses of the training perturbations, NaN where not measured, and their weights
        in the score.
    """

    def __init__(self, name: str, deltas: Floats, weights: Floats) -> None:
        self._deltas, self._weights = deltas, weights
        self._power = OBJECTIVES[name]
        self._parts: list[tuple[Ints, Floats]] = []
        if self._power is None:
            self._medians = Medians(deltas, weights)
            self._baseline = weighted_mae(deltas, mean_response(deltas), weights)
        elif self._power == 1:
            self._medians = Medians(deltas, fill_gaps(np.ones_like(deltas), measured_pairs(deltas)))

    def blends(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Shares of the median in the base that are candidates."""
        return (0.0,) if self._power == 2 else tuple(shares)

    @cached_property
    def median(self) -> Floats:
        """Median of all training rows, (G,); their mean for squared errors."""
        if self._power == 2:
            return mean_response(self._deltas)
        return self._medians.weighted() if self._power else self._medians.reweighted()

    def medians_without(self, parts: Sequence[Ints]) -> Floats:
        """Compute the `median` of all training rows but some, for k such sets of rows, (k, G).

        In the inner cross-validation, a re-weighted median need not be precise.
        """
        if self._power == 2:
            left = (np.delete(self._deltas, rows, axis=0) for rows in parts)
            return np.array([mean_response(deltas) for deltas in left])
        if self._power:
            return np.array([self._medians.without(rows).weighted() for rows in parts])
        return reweighted_of_parts(self._medians, parts, self.median, INNER_TOLERANCE)

    def judge(self, rows: Ints, candidates: Callable[[int], Singles], count: int) -> None:
        """Judge candidates on some training rows.

        Parameters
        ----------
        rows
            The rows; each is judged once.
        candidates
            Function that gives, for a place in `rows`, the prediction of each candidate, (C, G).
        count
            Number of candidates, C.
        """
        truth = self._deltas[rows]
        if self._power is None:
            sums = score_sums(truth, self._weights[rows], candidates, count, self._baseline[rows])
        else:
            sums = error_sums(truth, candidates, count, self._power)[None]
        self._parts.append((rows, sums))

    def keep(self, candidates: Ints) -> None:
        """Forget all candidates but these, which alone are judged from now on."""
        self._parts = [(rows, sums[:, :, candidates]) for rows, sums in self._parts]

    def behind(self) -> Floats:
        """How far each candidate is behind the best one on the rows judged so far, (C,).

        Its unit is the standard error of the difference of the two.
        """
        sums = self._sums()
        return scores_behind(sums)[0] if self._power is None else errors_behind(sums[0])

    def weigh(self, counts: Floats) -> Floats:
        """Compute the weights of the candidates, (C,), once all training rows are judged.

        Parameters
        ----------
        counts
            (C,) how many candidates each one counts as, if their judgements were the same.
        """
        sums = self._sums()
        alike = weigh_candidates(sums)[0] if self._power is None else weigh_errors(sums[0])
        weights: Floats = counts * alike / (counts @ alike)
        return weights

    def _sums(self) -> Floats:
        """Join what the rows judged so far add to each candidate, in the order of the rows."""
        sums = np.concatenate([part for _, part in self._parts], axis=1)
        ordered: Floats = sums[:, np.argsort(np.concatenate([rows for rows, _ in self._parts]))]
        return ordered

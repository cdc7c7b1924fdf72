"""How good out-of-fold predictions are, by the published protocol and against what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats
from echoes.scoring import metrics


@dataclass(frozen=True)
class Evaluation:
    """Out-of-fold predictions of n perturbations, scored in two ways that are never mixed.

    Parameters
    ----------
    folds
        n scores of single rows against the reconstruction of the response from
        its principal components: the published protocol. Their mean is on
        another scale than a score of all rows.
    mape
        (n,) mean absolute percentage error of each row against the reconstruction, a ratio.
    measured
        Score of all rows at once against the measured deltas, as a leaderboard computes it.
    gene_correlation
        (G,) Pearson correlation over perturbations with the reconstruction; NaN where undefined.
    """

    folds: tuple[metrics.Score, ...]
    mape: Floats
    measured: metrics.Score
    gene_correlation: Floats

    @property
    def mean_fold_score(self) -> float:
        """Mean of the single rows' scores, what the published method prints."""
        return float(np.mean([fold.total for fold in self.folds]))


def evaluate(
    prediction: Floats, reconstruction: Floats, truth: Floats, weights: Floats, baseline: Floats
) -> Evaluation:
    """Score out-of-fold predictions.

    Parameters
    ----------
    prediction, reconstruction, truth, weights
        (n, G): what was predicted, what the components make of the response, the
        measured deltas, and the weights of the score.
    baseline
        (n,) weighted mean absolute error of the baseline.
    """
    rows = [slice(i, i + 1) for i in range(len(prediction))]
    return Evaluation(
        folds=tuple(
            metrics.score(reconstruction[i], prediction[i], weights[i], baseline[i]) for i in rows
        ),
        mape=metrics.mean_absolute_percentage_error(reconstruction, prediction),
        measured=metrics.score(truth, prediction, weights, baseline),
        gene_correlation=metrics.gene_correlation(reconstruction, prediction),
    )

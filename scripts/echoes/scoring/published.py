"""The published protocol: scores of out-of-fold predictions, and an experiment's table and summary.

Predictions are scored in two ways: row by row against the reconstruction of the response, as the
published method does, and all rows at once against the measured deltas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, Ints
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
        """Mean of the scores of single rows, which the published method reports."""
        return float(np.mean([fold.total for fold in self.folds]))


def evaluate(
    prediction: Floats, reconstruction: Floats, truth: Floats, weights: Floats, baseline: Floats
) -> Evaluation:
    """Score out-of-fold predictions.

    Parameters
    ----------
    prediction, reconstruction, truth, weights
        (n, G) predictions, responses rebuilt from their principal components, measured deltas
        (all in log2 units), and weights of the score.
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


@dataclass(frozen=True)
class Fits:
    """How M models were fitted in each of n folds.

    Parameters
    ----------
    models
        Names of the models.
    penalty
        (n, M) the penalty that was chosen.
    gap, inner_gap
        (n, M) relative duality gap of the fit, and the largest one of its inner fits; NaN where
        the solver gives none.
    unconverged
        (n, M) number of inner fits that missed their tolerance.
    seconds
        (n, M) duration of the fit in seconds.
    """

    models: Sequence[str]
    penalty: Floats
    gap: Floats
    inner_gap: Floats
    unconverged: Ints
    seconds: Floats


def fold_table(
    perturbations: Sequence[str], baseline: Floats, evaluation: Evaluation, fits: Fits
) -> pd.DataFrame:
    """Make a table of the n folds: parts of both scores, and how each model was fitted.

    Parameters
    ----------
    perturbations
        Names of the n perturbations.
    baseline
        (n,) weighted mean absolute error of the baseline.
    evaluation
        Scores of the predictions.
    fits
        How the models were fitted.
    """
    folds = evaluation.folds
    columns: dict[str, Any] = {
        "fold": range(len(folds)),
        "pert_symbol": perturbations,
        "baseline_wmae": baseline,
        "score": [fold.total for fold in folds],
        "wmae": [fold.wmae.item() for fold in folds],
        "term": [fold.terms.item() for fold in folds],
        "weighted_cosine": [fold.cosine for fold in folds],
        "mape": evaluation.mape,
        "measured_wmae": evaluation.measured.wmae,
        "measured_term": evaluation.measured.terms,
    }
    for i, name in enumerate(fits.models):
        columns |= {
            f"{name}_penalty": fits.penalty[:, i],
            f"{name}_gap": fits.gap[:, i],
            f"{name}_inner_gap": fits.inner_gap[:, i],
            f"{name}_unconverged": fits.unconverged[:, i],
        }
    return pd.DataFrame(columns)


def summarise(
    evaluation: Evaluation, fits: Fits, explained_variance: float, diffusion_residual: float
) -> dict[str, Any]:
    """Summarise an experiment of the published protocol, as JSON has it.

    Parameters
    ----------
    evaluation
        Scores of the predictions.
    fits
        How the models were fitted.
    explained_variance
        Share of the responses' variance that the principal components explain, 0 … 1.
    diffusion_residual
        Largest residual of the diffusions that the features come from.
    """
    correlation = evaluation.gene_correlation
    defined = correlation[~np.isnan(correlation)]
    return {
        "published_protocol": {
            "truth": "responses rebuilt from their principal components, a score a row",
            "mean_fold_score": evaluation.mean_fold_score,
            "mape": float(evaluation.mape.mean()),
        },
        "all_rows": {
            "truth": "measured deltas, one score for all rows",
            "score": evaluation.measured.total,
            "sum_of_terms": float(evaluation.measured.terms.sum()),
            "weighted_cosine": evaluation.measured.cosine,
            "better_than_baseline": int((evaluation.measured.terms > 0).sum()),
            "perturbations": len(evaluation.measured.terms),
        },
        "gene_correlation": {
            "truth": "responses rebuilt from their principal components",
            "mean": float(defined.mean()) if len(defined) else None,
            "median": float(np.median(defined)) if len(defined) else None,
            "genes": len(defined),
            "undefined": len(correlation) - len(defined),
        },
        "explained_variance": explained_variance,
        "largest_diffusion_residual": diffusion_residual,
        "fits": {
            name: {
                "penalties": dict(Counter(map(str, fits.penalty[:, i].tolist()))),
                "largest_gap": _largest(fits.gap[:, i]),
                "largest_inner_gap": _largest(fits.inner_gap[:, i]),
                "unconverged": int(fits.unconverged[:, i].sum()),
                "seconds": float(fits.seconds[:, i].sum()),
            }
            for i, name in enumerate(fits.models)
        },
    }


def _largest(gaps: Floats) -> float | None:
    """Largest gap; None where the solver gives none."""
    largest = float(np.max(gaps))
    return None if np.isnan(largest) else largest

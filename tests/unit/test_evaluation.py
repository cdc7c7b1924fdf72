"""The two protocols on small arrays made by hand: which truth each of them is taken against."""

from __future__ import annotations

import math

import numpy as np
import pytest

from echoes.scoring import metrics
from echoes.scoring.published import evaluate

# Two perturbations, two genes. What was measured, what the components make of it, what was guessed.
TRUTH = np.array([[1.0, -1.0], [2.0, 0.0]])
RECONSTRUCTION = np.array([[1.0, -0.5], [2.0, 0.5]])
PREDICTION = np.array([[1.0, -0.25], [1.0, 1.0]])
WEIGHTS = np.array([[0.5, 1.5], [2.0, 0.0]])
BASELINE = np.array([0.75, 4.0])


def test_published_protocol_by_hand() -> None:
    result = evaluate(PREDICTION, RECONSTRUCTION, TRUTH, WEIGHTS, BASELINE)
    # Row 0: (1.5 · 0.25) / 2 = 3/16; row 1: (2 · 1) / 2 = 1. All effects count in full.
    np.testing.assert_allclose(np.hstack([fold.wmae for fold in result.folds]), [3 / 16, 1])
    np.testing.assert_allclose(np.hstack([fold.terms for fold in result.folds]), [2, 2])
    cosines = [1.125 / math.sqrt(1.25 * 1.0625), 2.5 / math.sqrt(4.25 * 2)]
    np.testing.assert_allclose([fold.cosine for fold in result.folds], cosines)
    totals = [round(2 * cosine, 5) for cosine in cosines]
    assert [fold.total for fold in result.folds] == totals
    assert result.mean_fold_score == pytest.approx(sum(totals) / 2)


def test_measured_score_by_hand() -> None:
    result = evaluate(PREDICTION, RECONSTRUCTION, TRUTH, WEIGHTS, BASELINE)
    # Row 0: (1.5 · 0.75) / 2 = 9/16; row 1 as above: its second gene weighs nothing.
    np.testing.assert_allclose(result.measured.wmae, [9 / 16, 1])
    terms = [math.log2(0.75 * 16 / 9), 2]
    np.testing.assert_allclose(result.measured.terms, terms)
    cosine = (1 + 0.25 + 2 + 0) / math.sqrt(6 * (1 + 1 / 16 + 2))
    assert result.measured.cosine == pytest.approx(cosine)
    assert result.measured.total == round(sum(terms) * cosine, 5)


def test_percentage_error_and_correlation_are_against_the_reconstruction() -> None:
    result = evaluate(PREDICTION, RECONSTRUCTION, TRUTH, WEIGHTS, BASELINE)
    np.testing.assert_allclose(result.mape, [(0 + 0.5) / 2, (0.5 + 1) / 2])
    # Gene 0 is predicted the same for both; gene 1 rises where the reconstruction does.
    assert np.isnan(result.gene_correlation[0])
    assert result.gene_correlation[1] == pytest.approx(1)


def test_each_protocol_sees_its_own_truth_only() -> None:
    one = evaluate(PREDICTION, RECONSTRUCTION, TRUTH, WEIGHTS, BASELINE)
    other = evaluate(PREDICTION, RECONSTRUCTION, np.full((2, 2), np.nan), WEIGHTS, BASELINE)
    assert other.mean_fold_score == one.mean_fold_score
    np.testing.assert_array_equal(other.mape, one.mape)
    np.testing.assert_array_equal(other.gene_correlation, one.gene_correlation)
    assert np.isnan(other.measured.total)
    other = evaluate(PREDICTION, TRUTH, TRUTH, WEIGHTS, BASELINE)
    assert other.measured.total == one.measured.total
    assert other.mean_fold_score != one.mean_fold_score


def test_folds_are_single_rows_in_order() -> None:
    random = np.random.default_rng(0)
    prediction, reconstruction, truth = random.normal(size=(3, 5, 7))
    weights, baseline = random.random((5, 7)), random.random(5)
    result = evaluate(prediction, reconstruction, truth, weights, baseline)
    assert len(result.folds) == 5
    for i, fold in enumerate(result.folds):
        alone = metrics.score(reconstruction[[i]], prediction[[i]], weights[[i]], baseline[[i]])
        assert fold.total == alone.total
        np.testing.assert_array_equal(fold.terms, alone.terms)
    everything = metrics.score(truth, prediction, weights, baseline)
    assert result.measured.total == everything.total
    assert result.mape.shape == (5,)
    assert result.gene_correlation.shape == (7,)

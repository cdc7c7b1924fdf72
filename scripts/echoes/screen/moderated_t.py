"""Moderated t: the variance of a gene, drawn towards that of all genes.

Source: G. K. Smyth, Linear models and empirical Bayes methods for assessing differential
expression in microarray experiments, Statistical Applications in Genetics and Molecular Biology 3
(2004), article 3, section 6.2. Written from the formulas there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats


@dataclass(frozen=True)
class VariancePrior:
    """What all genes say about the variance of one, before it is measured.

    Parameters
    ----------
    degrees
        Degrees of freedom that the prior is worth, d₀; infinite where all genes have the same
        variance.
    variance
        Variance that it is centred on, s₀².
    """

    degrees: float
    variance: float


def inverse_trigamma(value: float) -> float:
    """Find y > 0 with trigamma(y) = value, by Newton's method.

    1/trigamma is convex and nearly straight, and the first guess is left of the solution or at
    it, so that each step comes nearer.

    Parameters
    ----------
    value
        Above 0.
    """
    from scipy.special import polygamma

    y = 0.5 + 1 / value
    for _ in range(100):
        height = float(polygamma(1, y))
        step = height * (1 - height / value) / float(polygamma(2, y))
        y += step
        if abs(step) <= 1e-15 * y:
            break
    return y


def estimate_prior(variances: Floats, degrees: float) -> VariancePrior:
    """Estimate d₀ and s₀² from the mean and the variance of the logarithms of all variances.

    Parameters
    ----------
    variances
        (G,) residual variance of each gene. Genes without any variance are left out.
    degrees
        Degrees of freedom of each, d > 0.

    Returns
    -------
    VariancePrior
        With no gene of a variance above 0, or only one, the prior is worth nothing (d₀ = 0).
    """
    from scipy.special import digamma, polygamma

    positive = variances[variances > 0]
    if len(positive) < 2:
        return VariancePrior(0.0, float(positive.sum()))
    e = np.log(positive) - float(digamma(degrees / 2)) + np.log(degrees / 2)
    centre = float(e.mean())
    spread = float(e.var(ddof=1)) - float(polygamma(1, degrees / 2))
    if spread <= 0:
        return VariancePrior(np.inf, float(np.exp(centre)))
    d = 2 * inverse_trigamma(spread)
    return VariancePrior(d, float(np.exp(centre + float(digamma(d / 2)) - np.log(d / 2))))


def moderate(variances: Floats, degrees: float, prior: VariancePrior) -> Floats:
    """Compute moderated variances s̃² = (d₀·s₀² + d·s²)/(d₀ + d), on d₀ + d degrees of freedom.

    Parameters
    ----------
    variances, degrees
        As in `estimate_prior`.
    prior
        Its result.

    Returns
    -------
    array
        (G,) variances.
    """
    if np.isinf(prior.degrees):
        return np.full_like(variances, prior.variance)
    moderated: Floats = (prior.degrees * prior.variance + degrees * variances) / (
        prior.degrees + degrees
    )
    return moderated


def t_statistics(delta: Floats, standard_error: Floats) -> Floats:
    """Divide differences by their standard errors; 0 where both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t: Floats = np.where(delta == 0, 0.0, delta / standard_error)
    return t

"""Parameters of the embedded example: numbers of genes and links, signal and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from echoes.io.errors import InputError

#: Links with a lower score have no influence on the simulated responses.
SCORE_THRESHOLD = 0.5


@dataclass(frozen=True)
class Parameters:
    """Size, signal and noise of a simulated screen; the defaults make the small example.

    Parameters
    ----------
    network_genes
        Genes in the network. Each has at least one link above `SCORE_THRESHOLD`.
    network_links
        Pairs of proteins that are linked; the file holds each pair twice.
    perturbations
        Perturbed genes of the training set.
    validation_genes
        Perturbed genes whose responses are to be predicted.
    response_genes
        Genes whose response is measured. About half of the perturbed genes are among them.
    isolated
        Number of training genes without a link, and number of validation genes without a link.
    padding
        Number of rows of the sample submission after those of the validation genes.
    signal
        Share, 0 to 1, of the perturbation-specific variance that follows the network.
    noise
        Standard deviation of the measurement, in log2 units; above 0.
    seed
        Seed of the random numbers.
    pairs
        Number of pairs of perturbed genes that are measured too, besides each gene alone.
    interaction
        Standard deviation, in log2 units, of what pairs respond beyond the sum of the responses to
        their genes; it follows the places of both genes in the network.

    Raises
    ------
    InputError
        When a parameter is out of range, or two of them do not fit each other.
    """

    network_genes: int = 600
    network_links: int = 3000
    perturbations: int = 24
    validation_genes: int = 8
    response_genes: int = 300
    isolated: int = 1
    padding: int = 4
    signal: float = 0.8
    noise: float = 0.03
    seed: int = 0
    pairs: int = 0
    interaction: float = 0.0

    def __post_init__(self) -> None:
        """Check each parameter; first those that limit others."""
        self._check("network_genes", 20)
        self._check("network_links", 2 * self.network_genes, self.network_genes**2 // 5)
        self._check("isolated", 0)
        self._check("perturbations", self.isolated + 2)
        self._check("validation_genes", max(1, self.isolated))
        connected = self.perturbations + self.validation_genes - 2 * self.isolated
        room = self.network_genes // 2
        if connected > room:
            raise InputError(
                "simulation",
                "perturbations",
                f"{connected} training and validation genes in the network",
                expected=f"at most {room}, half of the {self.network_genes} network genes",
                remedy="Lower perturbations or validation_genes, or raise network_genes.",
            )
        half = (self.perturbations + self.validation_genes) // 2
        self._check("response_genes", max(2, half), self.network_genes - connected + half)
        self._check("padding", 0)
        self._check("signal", 0.0, 1.0)
        self._check("noise", 0.001, 1.0)
        self._check("seed", 0)
        self._check("pairs", 0, self.perturbations * (self.perturbations - 1) // 2)
        self._check("interaction", 0.0, 1.0)

    def _check(self, name: str, least: float, most: float = math.inf) -> None:
        value = getattr(self, name)
        if not least <= value <= most or not math.isfinite(value):
            high = "" if math.isinf(most) else f" and at most {most}"
            raise InputError(
                "simulation",
                name,
                f"{value} is out of range",
                expected=f"at least {least}{high}",
                remedy="Choose a number in this range, or change the parameters that limit it.",
            )

"""Metrics of single perturbations and genes, and what follows from them for all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from echoes.io.arrays import Floats
from echoes.scoring.bootstrap import (
    Counts,
    interval,
    mean_columns,
    mean_of_sums,
    score_columns,
    score_of_sums,
)
from echoes.scoring.gaps import defined_mean
from echoes.scoring.gene_sampling import Bounds
from echoes.scoring.metrics import Score, cosine_of_sums, r_squared


@dataclass(frozen=True)
class Metrics:
    """Metrics of a set of out-of-fold predictions.

    Parameters
    ----------
    score
        The competition's score with its parts.
    squared_errors
        Two (n,): of the predicted deviations, and of the mean response (`metrics.squared_errors`).
    perturbations
        (n,) metrics of each perturbation, by name; NaN where undefined.
    genes
        (G,) metrics of each gene, by name; NaN where undefined.
    bounds
        Two (n,): 95 % intervals of the metrics of each perturbation that have them, by name
        (`gene_sampling`); empty if they were not asked for.
    """

    score: Score
    squared_errors: tuple[Floats, Floats]
    perturbations: dict[str, Floats]
    genes: dict[str, Floats]
    bounds: dict[str, Bounds] = field(default_factory=dict)

    @property
    def overall_names(self) -> list[str]:
        """Names of the metrics of all perturbations together, in the order of tables."""
        single = [name for name in self.perturbations if name != "term"]
        whole = ["score", "sum_of_terms", "weighted_cosine", "wmae_ratio", *single, "gene_pearson"]
        return [*whole, *self._ranked_genes]

    @property
    def ranked(self) -> list[str]:
        """Names of the rankings of each perturbation, which depend on a threshold."""
        return [name for name in self.perturbations if name.endswith("_perturbation")]

    def unranked(self) -> Metrics:
        """Give the metrics without rankings."""
        ranked = {*self.ranked, *self._ranked_genes}
        rows, genes = (
            {name: values for name, values in each.items() if name not in ranked}
            for each in (self.perturbations, self.genes)
        )
        return replace(self, perturbations=rows, genes=genes)

    @property
    def _ranked_genes(self) -> list[str]:
        """Names of the rankings of each gene, whose means are metrics of all perturbations."""
        return [name for name in self.genes if name.endswith("_gene")]

    @property
    def _scored(self) -> int:
        """Number of perturbations with a term, which are those with a measured gene."""
        return int(np.count_nonzero(~np.isnan(self.score.terms)))

    def overall(self, name: str) -> float:
        """Value of a metric over all perturbations; NaN where undefined."""
        match name:
            case "score":
                value = self.score.total
            case "sum_of_terms":
                terms = self.score.terms
                value = float(terms[~np.isnan(terms)].sum()) if self._scored else np.nan
            case "weighted_cosine":
                value = self.score.cosine
            case "wmae_ratio":
                value = float(np.exp2(-defined_mean(self.score.terms)))
            case "better_than_baseline":
                value = float(np.nansum(self.perturbations[name]))
            case "r2_mean":
                value = float(r_squared(*(part.sum() for part in self.squared_errors)))
            case "gene_pearson":
                value = defined_mean(self.genes["pearson"])
            case _ if name in self._ranked_genes:
                value = defined_mean(self.genes[name])
            case _:
                value = defined_mean(self.perturbations[name])
        return value

    def draws(self, name: str, counts: Counts) -> Floats:
        """Value of a metric over the perturbations of each bootstrap draw.

        Parameters
        ----------
        name
            One of `overall_names`.
        counts
            (draws, n) how many times each draw contains each perturbation.

        Returns
        -------
        Floats
            (draws,) values; NaN where undefined. ``gene_pearson`` and rankings of genes are always
            NaN: they compare perturbations, and a draw contains some of them twice.
        """
        return self._draws([name], counts)[name]

    def _draws(self, names: Sequence[str], counts: Counts) -> dict[str, Floats]:
        """Compute `draws` of several metrics by one product with the counts, which are many."""
        found = {name: self._sums(name) for name in names}
        columns = [column for each, _ in found.values() for column in each]
        rows = np.column_stack(columns) if columns else np.empty((counts.shape[1], 0))
        sums = iter((counts @ rows).T)
        undefined = np.full(len(counts), np.nan)
        return {
            name: of_sums(*islice(sums, len(columns))) if columns else undefined
            for name, (columns, of_sums) in found.items()
        }

    def _sums(self, name: str) -> tuple[list[Floats], Callable[..., Floats]]:
        """List what each row adds to the sums that a metric follows from, and say how it does."""
        parts = self.score.parts
        columns: list[Floats]
        of_sums: Callable[..., Floats] = mean_of_sums
        match name:
            case "score":
                columns, of_sums = score_columns(parts), score_of_sums
            case "weighted_cosine":
                columns = [parts.product, parts.truth_square, parts.prediction_square]
                of_sums = cosine_of_sums
            case "r2_mean":
                columns, of_sums = [*self.squared_errors], r_squared
            case "sum_of_terms" | "wmae_ratio":
                columns = mean_columns(parts.terms)
            case _ if name == "gene_pearson" or name in self._ranked_genes:
                columns = []
            case _:
                columns = mean_columns(self.perturbations[name])
        if name in ("sum_of_terms", "better_than_baseline"):
            return columns, lambda *sums: self._scored * mean_of_sums(*sums)
        if name == "wmae_ratio":
            return columns, lambda *sums: np.exp2(-mean_of_sums(*sums))
        return columns, of_sums

    def intervals(self, counts: Counts) -> dict[str, tuple[float, float, float]]:
        """Give each metric of all perturbations with its 95 % bootstrap interval.

        Parameters
        ----------
        counts
            (draws, n) how many times each draw contains each perturbation.

        Returns
        -------
        dict
            Name of a metric → value, lower and upper bound; NaN where undefined.
        """
        draws = self._draws(self.overall_names, counts)
        return {name: (self.overall(name), *interval(each)) for name, each in draws.items()}

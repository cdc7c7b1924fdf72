"""What was measured of the perturbations that are predicted, to score predictions against."""

from __future__ import annotations

from functools import cached_property

from echoes.io.arrays import Floats, Ints
from echoes.io.files import StrPath
from echoes.scoring.gene_sampling import Genes, describe_genes
from echoes.scoring.held_out import add_coverage, compute_metrics
from echoes.scoring.out_of_fold import OutOfFold, take_rows, with_spread
from echoes.scoring.scored import Scored
from echoes.screen import record


class Measured:
    """What was measured of some rows of a screen; of its tables, few are in memory at a time.

    Parameters
    ----------
    path
        File of the screen.
    rows
        (n,) numbers of the perturbations.
    """

    def __init__(self, path: StrPath, rows: Ints) -> None:
        self._path, self.rows = path, rows
        names, genes, baseline = record.load_fields(path, "perturbations", "genes", "baseline")
        self.genes = genes.tolist()
        self.names, self.baseline = take_rows(rows, names, baseline)

    @cached_property
    def truth(self) -> Floats:
        """(n, G) measured responses."""
        return self._load("truth")

    @cached_property
    def silenced(self) -> Ints:
        """(n,) positions of the silenced genes, or (n, s); see `record.own_positions`."""
        sets = record.load_sets(self._path)[0]
        return record.own_positions([sets[row] for row in self.rows], self.genes)

    @cached_property
    def sampled(self) -> Genes:
        """How the genes respond together."""
        return describe_genes(self.truth, self.silenced)

    def score(
        self,
        predictions: OutOfFold,
        parts: tuple[StrPath, int],
        *,
        ranking: float | None = None,
        threads: int = 1,
    ) -> tuple[Scored, OutOfFold]:
        """Compute all metrics of predictions of these rows; see `held_out.compute_metrics`.

        Parameters
        ----------
        predictions
            The predictions, without expected errors.
        parts
            Folder and number of their parts, as in `out_of_fold.load_parts`.
        ranking, threads
            As in `held_out.compute_metrics`.

        Returns
        -------
        scored, predictions
            The metrics, and the predictions with the expected errors, which are only read once the
            weights are no longer needed.
        """
        sampled = self.sampled
        metrics = compute_metrics(
            *(self.truth, self._load("weights"), self.baseline, self.silenced, predictions),
            ranking=ranking,
            sampled=sampled,
            threads=threads,
        )
        predictions = with_spread(predictions, *parts)
        metrics = add_coverage(metrics, predictions, self.truth)
        return Scored(self.rows, metrics, sampled), predictions

    def _load(self, field: str) -> Floats:
        values: Floats
        (values,) = take_rows(self.rows, *record.load_fields(self._path, field))
        return values

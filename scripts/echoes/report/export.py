"""Predicted responses for other programs: Parquet tables, and `.h5ad` files for the scverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from echoes.io.arrays import Floats, Ints, Strings
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath, atomic_path
from echoes.io.h5ad_write import Category, write_h5ad
from echoes.io.tables import Matrix, repeated
from echoes.scoring.coverage import LEVELS, ONE_DEVIATION
from echoes.scoring.out_of_fold import OutOfFold

#: Whether a prediction is of a perturbation that was measured, or is to be predicted, or of none.
OUT_OF_FOLD = "out_of_fold"
VALIDATION = "validation"
CONTROL = "control"

#: The fold of a perturbation that no fold holds out.
NO_FOLD = -1

# Rows of the long table that are made at once.
_BLOCK_ROWS = 1 << 20


@dataclass(frozen=True)
class PredictedResponses:
    """Predicted responses of p perturbations and G genes, beside the measured ones, log2 units.

    Parameters
    ----------
    perturbations
        (p,) names of the perturbations.
    silenced
        (p,) gene that each perturbation silences.
    split
        (p,) `OUT_OF_FOLD`, `VALIDATION` or `CONTROL`.
    fold
        (p,) number of the fit that predicts each perturbation; `NO_FOLD` if it is of no fold.
    genes
        (G,) response genes.
    predicted
        (p, G) predicted responses.
    measured
        (p, G) measured responses; NaN where nothing was measured.
    expected_error
        (p, G) error to expect of each prediction; NaN where it is not known, None if the models
        give none.
    """

    perturbations: Strings
    silenced: Strings
    split: Strings
    fold: Ints
    genes: Strings
    predicted: Floats
    measured: Floats
    expected_error: Floats | None


def expected_error(predictions: OutOfFold) -> Floats | None:
    """Give the error to expect of each prediction.

    Returns
    -------
    Floats or None
        (n, G) half the width of the interval that covers as much as one standard deviation to
        each side, log2 units; None where a model gives no intervals.
    """
    if not predictions.quantiles.shape[1]:
        return None
    level = LEVELS.index(ONE_DEVIATION)
    width: Floats = predictions.spread * predictions.quantiles[predictions.fold, level, None]
    return width


def out_of_fold_responses(
    perturbations: Strings,
    silenced: Strings,
    genes: Strings,
    *,
    predicted: Floats,
    measured: Floats,
    fold: Ints,
    expected_error: Floats | None,
) -> PredictedResponses:
    """Make the record of perturbations that were measured; see `PredictedResponses`."""
    split = np.full(len(perturbations), OUT_OF_FOLD)
    return PredictedResponses(
        perturbations, silenced, split, fold, genes, predicted, measured, expected_error
    )


def validation_responses(
    ids: Strings,
    silenced: Strings,
    genes: Strings,
    *,
    predicted: Floats,
    expected_error: Floats | None,
) -> PredictedResponses:
    """Make the record of perturbations that were not measured; see `PredictedResponses`."""
    return PredictedResponses(
        perturbations=ids,
        silenced=silenced,
        split=np.full(len(ids), VALIDATION),
        fold=np.full(len(ids), NO_FOLD),
        genes=genes,
        predicted=predicted,
        measured=np.full(predicted.shape, np.nan),
        expected_error=expected_error,
    )


def control_response(name: str, genes: Strings) -> PredictedResponses:
    """Make the record of the control, whose response is 0: cell-eval needs a row of that name."""
    return PredictedResponses(
        perturbations=np.array([name]),
        silenced=np.array([name]),
        split=np.array([CONTROL]),
        fold=np.array([NO_FOLD]),
        genes=genes,
        predicted=np.zeros((1, len(genes))),
        measured=np.zeros((1, len(genes))),
        expected_error=None,
    )


def join(records: Sequence[PredictedResponses]) -> PredictedResponses:
    """Put records of the same genes together, one below the other.

    A name that an earlier record has, such as that of a perturbation which was measured and is to
    be predicted too, gets what it is in brackets: ``TP53 (validation)``.

    Raises
    ------
    ValueError
        When the records have different genes.
    """
    genes = records[0].genes
    if not all(np.array_equal(record.genes, genes) for record in records):
        raise ValueError("the records have different genes")
    errors = None
    if any(record.expected_error is not None for record in records):
        errors = np.concatenate(
            [
                np.full(record.predicted.shape, np.nan)
                if record.expected_error is None
                else record.expected_error
                for record in records
            ]
        )
    return PredictedResponses(
        perturbations=_distinct_names(records),
        silenced=np.concatenate([record.silenced for record in records]),
        split=np.concatenate([record.split for record in records]),
        fold=np.concatenate([record.fold for record in records]),
        genes=genes,
        predicted=np.concatenate([record.predicted for record in records]),
        measured=np.concatenate([record.measured for record in records]),
        expected_error=errors,
    )


def _distinct_names(records: Sequence[PredictedResponses]) -> Strings:
    """List the names of all perturbations, so that no two records have the same one."""
    names: list[str] = []
    taken: set[str] = set()
    for record in records:
        own = record.perturbations.tolist()
        pairs = zip(own, record.split.tolist(), strict=True)
        names += [f"{name} ({split})" if name in taken else name for name, split in pairs]
        taken.update(own)
    return np.array(names, dtype=np.str_)


def save_wide(path: StrPath, row_names: str, matrix: Matrix) -> None:
    """Write a table of numbers with named rows and columns as Parquet.

    It has the columns of the CSV that `io.tables.write_matrix` writes.

    Raises
    ------
    InputError
        When two columns would have the same name.
    """
    header = [row_names, *matrix.columns]
    _require_unique(path, "columns", header)
    columns = [pa.array(matrix.rows, pa.string()), *(pa.array(v) for v in matrix.values.T)]
    with atomic_path(path) as partial:
        pq.write_table(pa.table(columns, names=header), partial)


def save_effects(path: StrPath, responses: PredictedResponses) -> None:
    """Write one row for each perturbation and gene as Parquet.

    The columns are `perturbation`, `gene`, `predicted`, `expected_error` and `measured`. A value
    that is not known is null. A few blocks of the table are in memory at a time.
    """
    names = pa.array(responses.perturbations.tolist(), pa.string())
    genes = pa.array(responses.genes.tolist(), pa.string())
    n_genes = len(genes)
    label = pa.dictionary(pa.int32(), pa.string())
    numbers = ("predicted", "expected_error", "measured")
    schema = pa.schema(
        [("perturbation", label), ("gene", label), *((name, pa.float64()) for name in numbers)]
    )
    step = max(1, _BLOCK_ROWS // max(1, n_genes))
    with atomic_path(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        for start in range(0, len(names), step):
            rows = np.arange(start, min(start + step, len(names)), dtype=np.int32)
            at_gene = np.tile(np.arange(n_genes, dtype=np.int32), len(rows))
            columns = [
                pa.DictionaryArray.from_arrays(np.repeat(rows, n_genes), names),
                pa.DictionaryArray.from_arrays(at_gene, genes),
            ]
            for name in numbers:
                values = getattr(responses, name)
                columns.append(
                    pa.nulls(len(at_gene), pa.float64())
                    if values is None
                    else pa.array(values[rows].ravel(), from_pandas=True)
                )
            writer.write_table(pa.table(columns, schema=schema))


def save_h5ad(
    path: StrPath,
    responses: PredictedResponses,
    provenance: Mapping[str, Any],
    *,
    control: Floats | None,
) -> None:
    """Write predicted and measured responses as a `.h5ad` file.

    `X` has the predicted responses, `layers["measured"]` the measured ones, and, if there are any,
    `layers["expected_error"]` the errors to expect. `obs` has the perturbations with the columns
    `silenced_gene`, `split` and `fold` (missing where a perturbation is of no fold), `var` the
    genes with the column `control`, if it is known: `X + var["control"]` is the predicted
    expression, which programs need that accept no negative numbers.

    Parameters
    ----------
    path
        Path of the file.
    responses
        What is written.
    provenance
        What `uns` says of the origin: texts, and values of other types as JSON texts.
    control
        (G,) expression of the control cells, log2 units; None if it is not known.

    Raises
    ------
    InputError
        When two perturbations or two genes have the same name, or h5py is not installed.
    """
    _require_unique(path, "perturbations", responses.perturbations.tolist())
    _require_unique(path, "genes", responses.genes.tolist())
    layers = {"measured": responses.measured}
    if responses.expected_error is not None:
        layers["expected_error"] = responses.expected_error
    write_h5ad(
        path,
        responses.predicted,
        obs_names=("perturbation", responses.perturbations),
        obs={
            "silenced_gene": Category(responses.silenced),
            "split": Category(responses.split),
            "fold": np.ma.masked_equal(responses.fold, NO_FOLD),
        },
        var_names=("gene", responses.genes),
        var={} if control is None else {"control": control},
        layers=layers,
        uns=provenance,
    )


def _require_unique(path: StrPath, place: str, names: Sequence[str]) -> None:
    """Check that no name occurs twice."""
    if twice := repeated(names):
        raise InputError(
            path,
            place,
            f"{abbreviate(twice)} would stand more than once",
            expected="each name once",
            remedy="Rename one of the rows or columns in the tables that the workflow reads.",
        )

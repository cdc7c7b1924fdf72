"""What happens if a gene is silenced: all predicted effects, and the largest ones of each gene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from echoes.io.arrays import Bools, Floats, Ints, Singles
from echoes.io.files import StrPath, atomic_path
from echoes.io.tables import write_rows

#: Number of the largest effects of each gene in the short table.
LARGEST = 20

_LABEL = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("perturbation", _LABEL),
        ("gene", _LABEL),
        ("predicted", pa.float32()),
        ("expected_error", pa.float32()),
    ]
)
_HEADER = (
    *("perturbation", "measured", "rank", "gene"),
    *("predicted", "beyond_mean", "expected_error"),
)


@dataclass(frozen=True)
class Block:
    """Predictions of b perturbations and G genes.

    Parameters
    ----------
    names
        Names of the perturbations.
    measured
        (b,) whether it was silenced in the screen: then the prediction has seen the response.
    predicted, expected_error
        (b, G) predicted responses and half the width of their 68 % intervals, log2 units; NaN
        where a model gives no interval.
    largest
        (b, k) positions of the genes of largest effect, from `largest_effects`.
    beyond_mean
        (b, k) predictions of these genes minus the model's mean prediction, log2 units.
    """

    names: Sequence[str]
    measured: Bools
    predicted: Singles
    expected_error: Singles
    largest: Ints
    beyond_mean: Floats


def make_block(
    names: Sequence[str],
    measured: Bools,
    *,
    predicted: Floats,
    centre: Floats,
    expected_error: Floats,
) -> Block:
    """Make the block of some perturbations, with single precision for what is written.

    Parameters
    ----------
    names, measured
        As in `Block`.
    predicted, expected_error
        (b, G), log2 units.
    centre
        (G,) or (b, G) mean prediction of the model for its training perturbations. Effects are the
        larger, the farther they are from it: it is what happens whatever gene is silenced.
    """
    beyond = predicted - centre
    largest = np.argsort(-np.abs(beyond), axis=1, kind="stable")[:, :LARGEST]
    return Block(
        names,
        measured,
        predicted.astype(np.float32),
        expected_error.astype(np.float32),
        largest,
        np.take_along_axis(beyond, largest, axis=1),
    )


def write_blocks(
    path: StrPath, largest: StrPath, genes: Sequence[str], blocks: Iterable[Block]
) -> None:
    """Write all predictions as Parquet, and the largest ones as CSV; one block is in memory.

    Parameters
    ----------
    path
        The long table: perturbation, gene, predicted, expected_error. Each block is a group of
        rows, so that a program reads one gene without reading the others.
    largest
        The short table, a row for each of the `LARGEST` effects of each perturbation.
    genes
        The G response genes.
    blocks
        The predictions, in the order of the tables.
    """
    with (
        atomic_path(path) as partial,
        pq.ParquetWriter(partial, _SCHEMA, compression="zstd") as writer,
    ):
        write_rows(largest, _HEADER, _largest_rows(genes, _written(writer, genes, blocks)))


def _written(
    writer: pq.ParquetWriter, genes: Sequence[str], blocks: Iterable[Block]
) -> Iterator[Block]:
    """Write each block to the long table as it goes by."""
    labels = pa.array(genes, pa.string())
    for block in blocks:
        count, rows = len(genes), len(block.names)
        perturbation = np.repeat(np.arange(rows, dtype=np.int32), count)
        gene = np.tile(np.arange(count, dtype=np.int32), rows)
        columns = [
            pa.DictionaryArray.from_arrays(perturbation, pa.array(block.names, pa.string())),
            pa.DictionaryArray.from_arrays(gene, labels),
            pa.array(block.predicted.ravel()),
            pa.array(block.expected_error.ravel(), from_pandas=True),
        ]
        writer.write_table(pa.table(columns, schema=_SCHEMA), row_group_size=rows * count)
        yield block


def _largest_rows(genes: Sequence[str], blocks: Iterable[Block]) -> Iterator[list[object]]:
    """List the rows of the short table; a value that is not known is an empty cell."""
    for block in blocks:
        for row, name in enumerate(block.names):
            measured = int(block.measured[row])
            for rank, gene in enumerate(block.largest[row].tolist(), 1):
                error = float(block.expected_error[row, gene])
                yield [
                    *(name, measured, rank, genes[gene]),
                    f"{float(block.predicted[row, gene]):.6g}",
                    f"{float(block.beyond_mean[row, rank - 1]):.6g}",
                    "" if np.isnan(error) else f"{error:.6g}",
                ]

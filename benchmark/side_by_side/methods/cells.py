"""A large screen of cells: it is written, read without computing, and brought to effects."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from side_by_side.process import Record

#: Rows that are read at a time where the method leaves the choice.
ROWS = 30_000
CONTROL = "non-targeting"
_STEP = 1000
_CHUNK = 2**18


def write(
    path: str, cells: int, genes: int, entries: int, perturbations: int, compression: str | None
) -> Iterator[Record]:
    """Write counts of cells as anndata does, by rows.

    Parameters
    ----------
    path
        Where it is written.
    cells, genes, entries
        Size of the matrix, and its entries above 0 per cell.
    perturbations
        Silenced genes; about as many control cells as cells of twenty perturbations.
    compression
        ``gzip`` or None.
    """
    rng = np.random.default_rng(0)
    share = rng.lognormal(0, 1.5, genes)
    for _ in range(30):
        share = np.minimum(share * (entries / share.sum()), 1)
    mean = -np.log1p(-np.minimum(share, 0.999)).astype(np.float32)
    group = np.minimum(rng.integers(0, perturbations + 20, cells), perturbations)
    names = [f"GENE{i}" for i in range(genes)]
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for table, index in (("obs", [f"cell{i}" for i in range(cells)]), ("var", names)):
            columns = np.array(["target_gene"] if table == "obs" else [], dtype=object)
            element = _group(file, table, "dataframe", "0.2.0")
            element.attrs["_index"] = "_index"
            element.attrs.create("column-order", columns, dtype=text)
            _array(element, "_index", np.array(index, dtype=object), "string-array")
        labels = _group(file["obs"], "target_gene", "categorical", "0.2.0")
        labels.attrs["ordered"] = False
        categories = np.array([*names[:perturbations], CONTROL], dtype=object)
        _array(labels, "categories", categories, "string-array")
        _array(labels, "codes", group.astype(np.int16), "array")
        matrix = _group(file, "X", "csr_matrix", "0.1.0")
        matrix.attrs["shape"] = np.array([cells, genes])
        options = {"maxshape": (None,), "chunks": (_CHUNK,), "compression": compression}
        data = matrix.create_dataset("data", (0,), dtype="f4", **options)
        indices = matrix.create_dataset("indices", (0,), dtype="i4", **options)
        pointers = [np.zeros(1, dtype=np.int64)]
        for begin in range(0, cells, _STEP):
            rows = min(_STEP, cells - begin)
            expressed = rng.random((rows, genes), dtype=np.float32) < share.astype(np.float32)
            columns = np.nonzero(expressed)[1].astype(np.int32)
            extra = rng.standard_exponential(len(columns), dtype=np.float32) * mean[columns]
            first, last = len(data), len(data) + len(columns)
            for dataset, values in ((data, 1 + np.floor(extra)), (indices, columns)):
                dataset.resize((last,))
                dataset[first:] = values
            pointers.append(first + np.cumsum(expressed.sum(axis=1)))
        matrix["indptr"] = np.concatenate(pointers)
        stored = len(data)
    yield {"cells": cells, "entries": stored, "file_mb": Path(path).stat().st_size / 1e6}


def _group(parent: Any, name: str, encoding: str, version: str) -> Any:
    group = parent.create_group(name)
    group.attrs.update({"encoding-type": encoding, "encoding-version": version})
    return group


def _array(parent: Any, name: str, values: Any, encoding: str) -> None:
    kind = h5py.string_dtype() if encoding == "string-array" else None
    dataset = parent.create_dataset(name, data=values, dtype=kind)
    dataset.attrs.update({"encoding-type": encoding, "encoding-version": "0.2.0"})


def _forget(path: str) -> None:
    """Let the operating system forget the file, so that it is read from the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _now() -> tuple[float, float]:
    """Give wall and processor time."""
    return time.perf_counter(), time.process_time()


def _measured(start: tuple[float, float]) -> Record:
    wall, processor = _now()
    return {"seconds": wall - start[0], "processor_seconds": processor - start[1]}


def raw(path: str, results: str) -> Iterator[Record]:
    """Read all entries block by block, and do nothing with them."""
    del results
    _forget(path)
    start = _now()
    with h5py.File(path) as file:
        pointers = file["X/indptr"][:]
        for begin in range(0, len(pointers) - 1, ROWS):
            part = slice(pointers[begin], pointers[min(begin + ROWS, len(pointers) - 1)])
            len(file["X/data"][part]), len(file["X/indices"][part])
    yield _measured(start)


def echoes(path: str, results: str) -> Iterator[Record]:
    """Compute effects, moderated t and weights; imports are not counted."""
    import scipy.sparse
    import scipy.special  # noqa: F401

    from echoes.io.h5ad import open_h5ad
    from echoes.io.h5ad_matrix import find_matrix
    from echoes.screen.cell_groups import LAYOUTS, group_cells
    from echoes.screen.cells import gene_names, screen_of_cells
    from echoes.screen.guides import GENE_NAMES

    _forget(path)
    start = _now()
    with open_h5ad(path) as h5ad:
        groups = group_cells(
            h5ad,
            LAYOUTS["cell_eval"],
            guides=GENE_NAMES,
            guides_of_a_gene="merged",
            several_genes="refuse",
            fewest_cells=1,
            fewer_cells="refuse",
        )
        found = screen_of_cells(
            find_matrix(h5ad, "X"),
            groups,
            gene_names(h5ad, "var", None, add_ids=False),
            scale="counts",
            most_genes=5000,
            lowest_expression=None,
            threads=2,
        )
    record = _measured(start)
    screen = found.screen
    np.savez(results, names=screen.perturbations, genes=screen.genes, delta=screen.responses)
    yield record


def anndata_backed(path: str, results: str) -> Iterator[Record]:
    """Compute means alone, block by block, with anndata backed and SciPy."""
    import anndata
    from scipy import sparse

    _forget(path)
    start = _now()
    data = anndata.read_h5ad(path, backed="r")
    labels = data.obs["target_gene"]
    names = labels.cat.categories.to_numpy().astype(str)
    codes = labels.cat.codes.to_numpy()
    sums = np.zeros((len(names), data.n_vars))
    squares = np.zeros(data.n_vars)
    for begin in range(0, data.n_obs, ROWS):
        block = sparse.csr_matrix(data.X[begin : begin + ROWS]).astype(np.float64)
        total = np.asarray(block.sum(axis=1)).ravel()
        block.data = np.log2(1 + np.repeat(1e4 / total, np.diff(block.indptr)) * block.data)
        rows = np.arange(block.shape[0])
        member = sparse.csr_matrix(
            (np.ones(len(rows)), (codes[begin : begin + len(rows)], rows)),
            shape=(len(names), len(rows)),
        )
        sums += (member @ block).toarray()
        squares += np.asarray(block.multiply(block).sum(axis=0)).ravel()
    counts = np.bincount(codes, minlength=len(names))
    means = sums / counts[:, None]
    record = _measured(start)
    if Path(results).exists():  # of echoes
        with np.load(results) as other:
            genes = data.var_names.get_indexer(other["genes"])
            place = {name: i for i, name in enumerate(names.tolist())}
            rows = [place[name] for name in other["names"].tolist()]
            delta = (means - means[place[CONTROL]])[np.ix_(rows, genes)]
            record["difference"] = float(np.abs(delta - other["delta"]).max())
    yield record

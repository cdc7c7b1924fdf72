"""Read the matrix of an `.h5ad` file in blocks, with bounded memory.

A matrix is dense, or sparse by rows (CSR: the entries of a row stand together) or by columns
(CSC). Blocks are of rows for the first two and of columns for the last.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from echoes.io.errors import InputError, abbreviate
from echoes.io.h5ad import H5ad, damaged, row_count

#: Entries of a block at most, unless a single row or column has more.
BLOCK_ENTRIES = 40_000_000
#: The same of a dense matrix, whose zeros are removed from each block in double the memory.
DENSE_ENTRIES = 5_000_000


@dataclass(frozen=True)
class StoredMatrix:
    """A matrix in a file, none of whose values is read yet.

    Parameters
    ----------
    h5ad
        The open file.
    name
        ``X``, ``raw`` or ``layers/…``.
    kind
        How it is stored.
    shape
        Numbers of rows (cells) and columns (genes).
    var
        Table of its columns: ``var``, or that of ``raw``.
    element
        The dataset or group.
    """

    h5ad: H5ad
    name: str
    kind: Literal["dense", "csr", "csc"]
    shape: tuple[int, int]
    var: str
    element: Any


@dataclass(frozen=True)
class Block:
    """Some rows of a matrix, or some columns of one that is stored by columns.

    Parameters
    ----------
    first
        Position of the first of these rows or columns.
    values
        `scipy.sparse.csr_array` of rows, or `csc_array` of columns. Its memory is used again for
        the next block but one.
    """

    first: int
    values: Any


def matrix_names(h5ad: H5ad) -> tuple[str, ...]:
    """Names of the matrices of a file: X, raw and layers."""
    raw = [name for name in ("raw", "raw.X") if name in h5ad.file]
    layers = h5ad.file.get("layers", ())
    names = ["X"] if "X" in h5ad.file else []
    return (*names, *(["raw"] if raw else []), *(f"layers/{name}" for name in sorted(layers)))


def find_matrix(h5ad: H5ad, name: str) -> StoredMatrix:
    """Find a matrix and check that it fits its tables; no value is read.

    Parameters
    ----------
    h5ad
        The open file.
    name
        ``X``, ``raw`` or ``layers/…``.

    Raises
    ------
    InputError
        When there is no such matrix, its layout is not read, or its shape is not that of the
        tables.
    """
    key, var = name, "var"
    if name == "raw":
        nested = "raw" in h5ad.file and "X" in h5ad.file["raw"]
        key, var = ("raw/X", "raw/var") if nested else ("raw.X", "raw.var")
    if name not in matrix_names(h5ad) or key not in h5ad.file:
        present = matrix_names(h5ad)
        raise InputError(
            h5ad.path,
            "",
            f"there is no matrix {name}; there are {abbreviate(present, 20) or 'none'}",
            expected="X, raw or a layer with the values of the cells",
            remedy="Correct the name of the matrix, or write the file with its matrix.",
        )
    element = h5ad.file[key]
    kind, shape, numbers = _describe(h5ad, name, element)
    if numbers.kind not in "iuf":
        _refuse(h5ad, name, f"of a matrix of {numbers}")
    rows = (row_count(h5ad, "obs"), row_count(h5ad, var))
    if shape != rows:
        raise InputError(
            h5ad.path,
            name,
            f"the matrix has {shape[0]:,} × {shape[1]:,} entries, the tables {rows[0]:,} cells "
            f"and {rows[1]:,} genes",
            expected="a row for each cell and a column for each gene",
            remedy="Write the file again, complete.",
        )
    return StoredMatrix(h5ad, name, kind, shape, var, element)


def _refuse(h5ad: H5ad, place: str, layout: str) -> InputError:
    raise InputError(
        h5ad.path,
        place,
        f"the layout {layout} is not read",
        expected="a dense matrix, or a sparse one by rows (CSR) or columns (CSC)",
        remedy="Write the file again with a current anndata.",
    )


def _describe(
    h5ad: H5ad, name: str, element: Any
) -> tuple[Literal["dense", "csr", "csc"], tuple[int, int], np.dtype[Any]]:
    if hasattr(element, "dtype"):
        if element.ndim != 2:
            _refuse(h5ad, name, f"of an array of {element.ndim} dimensions")
        return "dense", tuple(element.shape), element.dtype
    encoding = element.attrs.get("encoding-type", element.attrs.get("h5sparse_format", b""))
    encoding = encoding.decode() if isinstance(encoding, bytes) else str(encoding)
    kind = encoding.removesuffix("_matrix").removesuffix("_array")
    shape = element.attrs.get("shape", element.attrs.get("h5sparse_shape"))
    complete = all(part in element for part in ("data", "indices", "indptr"))
    if kind not in {"csr", "csc"} or shape is None or not complete:
        _refuse(h5ad, name, encoding or "of a group without its encoding")
    for part in ("data", "indices", "indptr"):
        array = element[part]
        if not hasattr(array, "dtype") or array.ndim != 1 or array.dtype.kind not in "iuf":
            _refuse(h5ad, f"{name}/{part}", "of what is no list of numbers")
    if np.shape(shape) != (2,) or np.asarray(shape).dtype.kind not in "iu":
        _refuse(h5ad, name, f"of a matrix of the shape {shape!r}")
    rows, columns = (int(size) for size in shape)
    return ("csr" if kind == "csr" else "csc"), (rows, columns), element["data"].dtype


def value_type(matrix: StoredMatrix) -> type[np.float32 | np.float64]:
    """Type that holds each stored value exactly, up to 2⁵³."""
    stored = matrix.element if matrix.kind == "dense" else matrix.element["data"]
    exact = np.can_cast(stored.dtype, np.float32)
    return np.float32 if exact else np.float64


def blocks(matrix: StoredMatrix, limit: int | None = None) -> Iterator[Block]:
    """Read a matrix block by block; the next block is read while one is used.

    Parameters
    ----------
    matrix
        The matrix.
    limit
        Largest number of entries of a block; a single row or column may have more.

    Yields
    ------
    Block
        Rows of the matrix, or columns if it is stored by columns, in order. A block is to be
        used up before the next one is asked for.

    Raises
    ------
    InputError
        When the file is damaged.
    """
    if matrix.kind == "dense":
        yield from _dense_blocks(matrix, DENSE_ENTRIES if limit is None else limit)
        return
    pointers = _pointers(matrix)
    bounds = _bounds(pointers, BLOCK_ENTRIES if limit is None else limit)
    sizes = [int(pointers[b] - pointers[a]) for a, b in itertools.pairwise(bounds)]
    longest = max(sizes, default=0)
    buffers = [
        (np.empty(longest, dtype=value_type(matrix)), np.empty(longest, dtype=np.int32))
        for _ in range(min(2, len(sizes)))
    ]

    def read(k: int) -> Block:
        return _read(matrix, pointers[bounds[k] : bounds[k + 1] + 1], bounds[k], *buffers[k % 2])

    with ThreadPoolExecutor(1) as reader:
        # The second buffer is filled while the first is used.
        waiting = reader.submit(read, 0) if sizes else None
        for k in range(1, len(sizes) + 1):
            block = waiting.result() if waiting else None
            waiting = reader.submit(read, k) if k < len(sizes) else None
            if block is not None:
                yield block


def _pointers(matrix: StoredMatrix) -> npt.NDArray[np.int64]:
    """Read where each row or column begins and ends."""
    try:
        pointers: npt.NDArray[np.int64] = matrix.element["indptr"][:].astype(np.int64)
        entries = len(matrix.element["data"])
    except (OSError, RuntimeError) as error:
        raise damaged(matrix.h5ad, matrix.name, error) from error
    length = matrix.shape[0 if matrix.kind == "csr" else 1] + 1
    whole = len(pointers) == length and pointers[0] == 0 and pointers[-1] <= entries
    if not whole or (np.diff(pointers) < 0).any() or len(matrix.element["indices"]) != entries:
        problem = ValueError("indptr does not fit data and indices")
        raise damaged(matrix.h5ad, matrix.name, problem)
    return pointers


def _bounds(pointers: npt.NDArray[np.int64], limit: int) -> list[int]:
    """Cut rows or columns into blocks of at most so many entries."""
    bounds = [0]
    while bounds[-1] < len(pointers) - 1:
        begin = bounds[-1]
        end = int(np.searchsorted(pointers, pointers[begin] + limit, side="right")) - 1
        bounds.append(max(begin + 1, end))
    return bounds


def _read(
    matrix: StoredMatrix,
    pointers: npt.NDArray[Any],
    first: int,
    data: npt.NDArray[Any],
    indices: npt.NDArray[np.int32],
) -> Block:
    from scipy.sparse import csc_array, csr_array

    begin, end = int(pointers[0]), int(pointers[-1])
    count = end - begin
    data, indices = data[:count], indices[:count]
    try:
        if count:
            matrix.element["data"].read_direct(data, np.s_[begin:end])
            matrix.element["indices"].read_direct(indices, np.s_[begin:end])
    except (OSError, RuntimeError) as error:
        raise damaged(matrix.h5ad, f"{matrix.name}, entries {begin:,} to {end:,}", error) from error
    width = matrix.shape[1 if matrix.kind == "csr" else 0]
    # Compiled code trusts these positions. As unsigned numbers, negative ones are too large.
    if count and int(indices.view(np.uint32).max()) >= width:
        problem = ValueError(f"an index is not below {width:,}")
        raise damaged(matrix.h5ad, f"{matrix.name}, entries {begin:,} to {end:,}", problem)
    local: Any = (pointers - begin).astype(np.int32 if count < 2**31 else np.int64)
    rows = len(pointers) - 1
    if matrix.kind == "csr":
        return Block(first, csr_array((data, indices, local), shape=(rows, width)))
    return Block(first, csc_array((data, indices, local), shape=(width, rows)))


def _dense_blocks(matrix: StoredMatrix, limit: int) -> Iterator[Block]:
    from scipy.sparse import csr_array

    rows, columns = matrix.shape
    # Whole chunks, so that none is unpacked twice.
    chunk = matrix.element.chunks[0] if matrix.element.chunks else 1
    step = max(1, limit // max(1, columns) // chunk) * chunk
    for first in range(0, rows, step):
        last = min(rows, first + step)
        try:
            values = matrix.element[first:last].astype(value_type(matrix))
        except (OSError, RuntimeError) as error:
            place = f"{matrix.name}, rows {first + 1:,} to {last:,}"
            raise damaged(matrix.h5ad, place, error) from error
        yield Block(first, csr_array(values))

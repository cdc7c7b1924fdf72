"""Files that appear whole or not at all, and arrays and records in them."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from echoes.io.errors import InputError

if TYPE_CHECKING:
    import scipy.sparse as sp

StrPath = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_path(path: StrPath) -> Iterator[Path]:
    """Give a path to write to, and move it to `path` once the block has ended well.

    The file is written beside its destination, so that the move is one step of
    the file system. When the block raises, nothing is left and an older file at
    `path` stays as it was.

    Parameters
    ----------
    path
        Where the finished file shall stand. Its folder is made where needed.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays: some writers choose their format by it.
    partial = final.with_name(f".{os.getpid()}.{final.name}")
    try:
        yield partial
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


def is_gzip(path: StrPath) -> bool:
    """Tell by its first bytes whether a file is gzip-compressed; its name may say otherwise."""
    with Path(path).open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def save_arrays(path: StrPath, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write named arrays to an npz file, byte for byte the same for the same arrays.

    Rows are kept together: that is how they are read.
    """
    by_row = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    with atomic_path(path) as partial, partial.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **by_row)


def load_arrays(path: StrPath, *names: str) -> list[npt.NDArray[Any]]:
    """Read the named arrays of an npz file, and no others.

    Raises
    ------
    InputError
        When the file is no npz file, is damaged, or lacks one of the names.
    """
    try:
        # Opened here: numpy leaves a file open that it finds damaged.
        with (
            Path(path).open("rb") as stream,
            np.lib.npyio.NpzFile(stream, allow_pickle=False) as archive,
        ):
            return [archive[name] for name in names]
    except FileNotFoundError:
        raise
    # zipfile answers a flipped bit with any of these.
    except (
        *(KeyError, ValueError, EOFError, OSError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise InputError(
            path,
            "",
            f"cannot read {', '.join(names)} ({error})",
            expected="an npz file that this workflow wrote",
            remedy="Delete the file and run the workflow again.",
        ) from error


def save_matrix(path: StrPath, matrix: sp.csr_array[np.float64]) -> None:
    """Write a sparse matrix as `scipy.sparse.load_npz` reads it."""
    from scipy.sparse import save_npz

    with atomic_path(path) as partial:
        save_npz(partial, matrix)


def load_matrix(path: StrPath) -> sp.csr_array[np.float64]:
    """Read a sparse matrix that `save_matrix` wrote.

    Raises
    ------
    InputError
        When the file is none, or is damaged.
    """
    from scipy.sparse import csr_array

    data, indices, indptr, shape = load_arrays(path, "data", "indices", "indptr", "shape")
    return csr_array((data, indices, indptr), shape=tuple(shape))


def save_json(path: StrPath, record: Mapping[str, Any]) -> None:
    """Write a record as indented JSON; numbers that are not finite are refused."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def load_json(path: StrPath) -> dict[str, Any]:
    """Read a JSON record.

    Raises
    ------
    InputError
        When the file is not a JSON object.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        record = error
    if not isinstance(record, dict):
        raise InputError(
            path,
            "",
            f"not a JSON object ({record})" if isinstance(record, ValueError) else "not an object",
            expected="a record that this workflow wrote",
            remedy="Delete the file and run the workflow again.",
        )
    return record

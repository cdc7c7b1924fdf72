"""Array types, and npz files of named arrays."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from echoes.io.errors import InputError
from echoes.io.files import StrPath, atomic_path

#: Numbers in double precision, which all results are in.
Floats = npt.NDArray[np.float64]
#: Numbers in single precision; they only compare candidates and are never results.
Singles = npt.NDArray[np.float32]
#: Numbers in either precision, which stays what it is.
Numbers = TypeVar("Numbers", Floats, Singles)
#: Positions and counts.
Ints = npt.NDArray[np.intp]
#: Yes or no.
Bools = npt.NDArray[np.bool_]
#: Names.
Strings = npt.NDArray[np.str_]
#: Most entries of a block of rows: two megabytes, which share the processor's cache with others.
_BLOCK = 1 << 18
#: Where passes follow each other: a quarter of a megabyte, which the own cache of a core holds.
_SMALL_BLOCK = 1 << 15


def row_blocks(n: int, genes: int, *, small: bool = False) -> list[slice]:
    """Cut n rows of some genes into blocks, at least one: work on a block stays in the cache."""
    step = max(1, (_SMALL_BLOCK if small else _BLOCK) // max(genes, 1))
    return [slice(first, min(first + step, n)) for first in range(0, max(n, 1), step)]


def positions(names: Sequence[str], among: Sequence[str]) -> Ints:
    """Find the position of each name in another list.

    Parameters
    ----------
    names
        Names to look up.
    among
        List to look in; of a name that occurs twice in it, the last position counts.

    Returns
    -------
    array
        Position of each name, counted from 0; −1 if the list does not have it.
    """
    place = {name: i for i, name in enumerate(among)}
    return np.array([place.get(name, -1) for name in names], dtype=np.intp)


def largest_places(values: Floats, count: int) -> Ints:
    """Find the places of the largest values, falling; equal ones in their order.

    Parameters
    ----------
    values
        (n,) numbers, none of them NaN.
    count
        How many places; if there are fewer values, it is all of them.
    """
    count = min(count, len(values))
    if not count:
        return np.arange(0)
    # Those that may be among the largest are sorted, not all.
    candidates = np.flatnonzero(values >= np.partition(values, -count)[-count])
    places: Ints = candidates[np.argsort(-values[candidates], kind="stable")[:count]]
    return places


def save_arrays(
    path: StrPath, arrays: Mapping[str, npt.ArrayLike], *, compress: bool = False
) -> None:
    """Write named arrays to an npz file; equal arrays give files with the same bytes.

    The values of a row are stored side by side, as they are read row by row.
    """
    by_row = {name: np.asarray(values) for name, values in arrays.items()}
    # Only what lies by column is stored so: a part of a larger array needs no copy.
    by_row = {name: np.asarray(a, order="C") if a.flags.fnc else a for name, a in by_row.items()}
    with atomic_path(path) as partial, partial.open("wb") as stream:
        (np.savez_compressed if compress else np.savez)(stream, allow_pickle=False, **by_row)


def load_arrays(path: StrPath, *names: str) -> list[npt.NDArray[Any]]:
    """Read the named arrays of an npz file, in this order; the others are not loaded.

    Raises
    ------
    InputError
        If the file is not an npz file, is damaged, or does not have one of the arrays.
    """
    with _opened(path, ", ".join(names)) as archive:
        return [archive[name] for name in names]


def array_names(path: StrPath) -> list[str]:
    """List the names of the arrays in an npz file.

    Raises
    ------
    InputError
        If the file is not an npz file, or is damaged.
    """
    with _opened(path, "names of arrays") as archive:
        return list(archive.files)


@contextmanager
def _opened(path: StrPath, content: str) -> Iterator[np.lib.npyio.NpzFile]:
    """Open an npz file; an error while it is read says that the content cannot be read."""
    try:
        # Opened here: numpy does not close a damaged file.
        with (
            Path(path).open("rb") as stream,
            np.lib.npyio.NpzFile(stream, allow_pickle=False) as archive,
        ):
            yield archive
    except FileNotFoundError:
        raise
    # A flipped bit can raise any of these in zipfile.
    except (
        *(KeyError, ValueError, EOFError, OSError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise InputError(
            path,
            "",
            f"cannot read {content} ({error})",
            expected="an npz file that this workflow wrote",
            remedy="Delete the file and run the workflow again.",
        ) from error

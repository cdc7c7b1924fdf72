"""Open `.h5ad` files and read the tables of their rows and columns, with h5py alone.

Files of anndata 0.5 to 0.12 are read, in four ways of storing a table. 0.5 and 0.6: one dataset
with a field for each column, whose categories may stand in `uns`. 0.7: a group whose categories
stand in `__categories`. From 0.8 on: a group in which each element names its encoding. Nothing
that is read can run code: Python objects are never restored.

Source of the format: "On-disk format" in the documentation of anndata, and files that its
versions wrote.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from echoes.io.arrays import Floats, Ints, Strings
from echoes.io.errors import InputError, abbreviate, require_printable
from echoes.io.files import StrPath, is_gzip

_CONVERT = "Write the file again with a current anndata: `anndata.read_h5ad(…).write_h5ad(…)`."


#: How messages of h5py begin that are about a file: others are defects of a program.
_DAMAGE = ("Unable to ", "Can't ", "Unspecified error", "data type ", "No NumPy equivalent")


@dataclass(frozen=True)
class H5ad:
    """An open file.

    Parameters
    ----------
    path
        Its path, for messages.
    file
        The open `h5py.File`.
    """

    path: StrPath
    file: Any


@dataclass(frozen=True)
class Labels:
    """A column of texts, each different text once.

    Parameters
    ----------
    codes
        (n,) position of each row's text in `texts`; −1 where it is missing.
    texts
        Different texts; some may not occur.
    """

    codes: Ints
    texts: Strings


@contextlib.contextmanager
def open_h5ad(path: StrPath) -> Iterator[H5ad]:
    """Open a file to read it; it is closed at the end of the block.

    Raises
    ------
    InputError
        When there is no such file, it is not an HDF5 file, is cut short, or has another layout.
    """
    import h5py

    if not Path(path).is_file():
        raise _unreadable(path, "there is no such file", "Correct the path.")
    if is_gzip(path):
        raise _unreadable(path, "the file is compressed by gzip", "Unpack it with `gunzip`.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        truncated = "truncated" in str(error)
        problem = "the file is cut short" if truncated else "this is no HDF5 file"
        raise _unreadable(
            path, f"{problem} ({error})", "Download or copy it again; compare its size."
        ) from error
    with file:
        try:
            _require_tables(path, file)
            yield H5ad(path, file)
        # What h5py raises where the file is damaged.
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            problem = str(error).strip("'")
            if not problem.startswith(_DAMAGE):
                raise
            raise _unreadable(
                path, f"it is damaged ({problem})", "Download or copy it again."
            ) from error


def _unreadable(path: StrPath, problem: str, remedy: str) -> InputError:
    return InputError(path, "", problem, expected="a complete .h5ad file", remedy=remedy)


def _require_tables(path: StrPath, file: Any) -> None:
    if "obs" in file and "var" in file:
        return
    kinds = {
        "mod": "a file of several modalities (MuData)",
        "matrix": "a file of Cell Ranger or loom",
        "row_attrs": "a loom file",
    }
    kind = next((name for key, name in kinds.items() if key in file), "no file of anndata")
    raise InputError(
        path,
        "",
        f"this is {kind}: it has {abbreviate(sorted(map(str, file))) or 'nothing in it'}",
        expected="the tables obs and var of an .h5ad file",
        remedy="Read it with its own package and write an .h5ad file, with a row for each cell.",
    )


def damaged(h5ad: H5ad, place: str, error: Exception) -> InputError:
    """Describe a part of a file that cannot be read."""
    return InputError(
        h5ad.path,
        place,
        f"this part cannot be read ({error})",
        expected="an undamaged file",
        remedy="Download or copy the file again.",
    )


def _is_group(element: Any) -> bool:
    return hasattr(element, "keys") and not hasattr(element, "dtype")


def _refuse(h5ad: H5ad, place: str, layout: str) -> NoReturn:
    raise InputError(
        h5ad.path,
        place,
        f"the layout {layout} is not read",
        expected="a layout of anndata 0.5 to 0.12",
        remedy=_CONVERT,
    )


def _list(h5ad: H5ad, element: Any, place: str) -> Any:
    """Check that an element is a list, not a group, a single value or a matrix."""
    if _is_group(element):
        _refuse(h5ad, place, f"{element.attrs.get('encoding-type', 'of a nested column')}")
    if element.ndim != 1:
        _refuse(h5ad, place, f"of a column of {element.ndim} dimensions")
    return element


def _table(h5ad: H5ad, name: str) -> Any:
    if name not in h5ad.file:
        raise InputError(
            h5ad.path,
            "",
            f"there is no table {name}",
            expected=f"the table {name}",
            remedy="Write the file again, complete.",
        )
    return h5ad.file[name]


def _index_name(h5ad: H5ad, name: str) -> str:
    table = _table(h5ad, name)
    if not _is_group(table):
        fields = table.dtype.names
        if fields is None:
            _refuse(h5ad, name, "of a table that is one array")
        return next((field for field in ("index", "_index") if field in fields), fields[0])
    index = table.attrs.get("_index", "_index")
    index = index.decode() if isinstance(index, bytes) else str(index)
    if index not in table:
        _refuse(h5ad, name, "of a table without an index")
    return index


def column_names(h5ad: H5ad, table: str) -> tuple[str, ...]:
    """Names of the columns of a table such as ``obs``, without its index, sorted."""
    element, index = _table(h5ad, table), _index_name(h5ad, table)
    names = [*element] if _is_group(element) else [*element.dtype.names]
    return tuple(sorted(name for name in names if name not in {index, "__categories"}))


def row_count(h5ad: H5ad, table: str) -> int:
    """Count the rows of a table such as ``obs``."""
    element = _table(h5ad, table)
    if not _is_group(element):
        return int(element.shape[0])
    index = element[_index_name(h5ad, table)]
    parts = [part for part in ("codes", "values") if _is_group(index) and part in index]
    return len(_list(h5ad, index[parts[0]] if parts else index, f"{table}, index"))


def read_labels(h5ad: H5ad, table: str, column: str | None) -> Labels:
    """Read a column as texts, each different text once.

    Whole numbers and yes/no are written as texts, such as ``12`` and ``True``.

    Parameters
    ----------
    h5ad
        The open file.
    table
        ``obs``, ``var`` or ``raw/var``.
    column
        Name of the column; None for the index.

    Raises
    ------
    InputError
        When there is no such column, its layout is not read, or it is damaged.
    """
    place = f"{table}, column {column}" if column is not None else f"{table}, index"
    try:
        labels = _labels(h5ad, table, column, place)
        if len(labels.codes) != (rows := row_count(h5ad, table)):
            raise KeyError(f"{len(labels.codes):,} entries for {rows:,} rows")
        return labels
    except (OSError, KeyError, RuntimeError, UnicodeDecodeError) as error:
        raise damaged(h5ad, place, error) from error


def read_names(h5ad: H5ad, table: str, column: str | None) -> Strings:
    """Read a column as one text for each row, in which none may be missing or empty.

    Parameters
    ----------
    h5ad, table, column
        As in `read_labels`.

    Raises
    ------
    InputError
        As `read_labels`, or when a text is missing or empty, or cannot be a name.
    """
    labels = read_labels(h5ad, table, column)
    place = f"{table}, column {column}" if column is not None else f"{table}, index"
    empty = np.append(np.char.str_len(labels.texts) == 0, True)
    missing = np.flatnonzero(empty[labels.codes])
    if len(missing):
        raise InputError(
            h5ad.path,
            place,
            f"row {missing[0] + 1:,} has no name, as {len(missing):,} of {len(labels.codes):,} "
            "rows have none",
            expected="a name in each row",
            remedy="Remove these rows, or fill in the names.",
        )
    require_printable(h5ad.path, place, labels.texts[np.unique(labels.codes)].tolist())
    names: Strings = labels.texts[labels.codes]
    return names


def read_numbers(h5ad: H5ad, table: str, column: str) -> Floats:
    """Read a column as numbers; NaN where one is missing, and 1 or 0 for yes or no.

    Raises
    ------
    InputError
        When there is no such column, or it has texts that are no numbers.
    """
    labels = read_labels(h5ad, table, column)
    texts = np.append(labels.texts, "nan")
    texts = np.where(texts == "True", "1", np.where(texts == "False", "0", texts))
    try:
        values: Floats = texts.astype(np.float64)[labels.codes]
    except ValueError as error:
        raise InputError(
            h5ad.path,
            f"{table}, column {column}",
            f"not all entries are numbers ({abbreviate(labels.texts.tolist())})",
            expected="a column of numbers",
            remedy="Name another column.",
        ) from error
    return values


def _labels(h5ad: H5ad, table: str, column: str | None, place: str) -> Labels:
    element = _table(h5ad, table)
    name = _index_name(h5ad, table) if column is None else column
    if column is not None and column not in (known := column_names(h5ad, table)):
        raise InputError(
            h5ad.path,
            table,
            f"there is no column {column!r}; there are {abbreviate(known, 40) or 'none'}",
            expected=f"a column of {table} with this name",
            remedy="Correct the name of the column.",
        )
    if not _is_group(element):
        values = element.fields(name)[:]
        key = f"uns/{name}_categories"
        if values.dtype.kind in "iu" and key in h5ad.file:
            return _coded(values, _texts(h5ad.file[key], place, h5ad))
        return _unique(_as_texts(values, place, h5ad), np.zeros(len(values), dtype=np.bool_))
    values = element[name]
    if _is_group(values):
        return _encoded(h5ad, values, place)
    if "categories" in values.attrs:
        codes = _list(h5ad, values, place)[:]
        return _coded(codes, _texts(h5ad.file[values.attrs["categories"]], place, h5ad))
    content = _list(h5ad, values, place)[:]
    missing = np.zeros(len(content), dtype=np.bool_)
    if content.dtype.kind == "f":
        missing = np.isnan(content)
    return _unique(_as_texts(content, place, h5ad), missing)


def _encoded(h5ad: H5ad, group: Any, place: str) -> Labels:
    """Read a column that is a group: categories, or values beside a mask of missing ones."""
    if "codes" in group and "categories" in group:
        codes = _list(h5ad, group["codes"], place)[:]
        return _coded(codes, _texts(group["categories"], place, h5ad))
    if "values" in group and "mask" in group:
        texts = _as_texts(_list(h5ad, group["values"], place)[:], place, h5ad)
        mask = _list(h5ad, group["mask"], place)[:].astype(np.bool_)
        if len(mask) != len(texts):
            raise KeyError(f"{len(mask)} marks for {len(texts)} values")
        return _unique(texts, mask)
    _refuse(h5ad, place, f"{group.attrs.get('encoding-type', 'of a nested column')}")


def _texts(element: Any, place: str, h5ad: H5ad) -> Strings:
    """Read categories, which may themselves stand beside a mask."""
    content = element["values"] if _is_group(element) else element
    return _as_texts(np.atleast_1d(content[()]), place, h5ad)


def _as_texts(values: Any, place: str, h5ad: H5ad) -> Strings:
    if values.ndim != 1:
        _refuse(h5ad, place, f"of a column of {values.ndim} dimensions")
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    if values.dtype.kind == "O":
        texts = [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values.tolist()]
        return np.array(texts, dtype=np.str_)
    if values.dtype.kind == "f" and (whole := np.where(np.isnan(values), 0, values)).size:
        if (whole == np.rint(whole)).all() and np.abs(whole).max() < 2**53:
            return whole.astype(np.int64).astype(np.str_)
        # The shortest text that is this number.
        return np.array([repr(float(value)) for value in values], dtype=np.str_)
    if values.dtype.kind not in "iufb":
        _refuse(h5ad, place, f"of a column of {values.dtype}")
    plain: Strings = values.astype(np.str_)
    return plain


def _coded(codes: Any, texts: Strings) -> Labels:
    if codes.dtype.kind not in "iu":
        raise KeyError(f"codes of the type {codes.dtype}")
    if len(codes) and (codes.min() < -1 or codes.max() >= len(texts)):
        raise KeyError(f"code {codes.max()} of {len(texts)} categories")
    # Two numbers can have the same text; the second is another name of the first.
    unique, inverse = np.unique(texts, return_inverse=True)
    positions = np.append(inverse, -1).astype(np.intp)
    return Labels(positions[codes], unique)


def _unique(texts: Strings, missing: Any) -> Labels:
    unique, codes = np.unique(texts, return_inverse=True)
    return Labels(np.where(missing, -1, codes).astype(np.intp), unique)

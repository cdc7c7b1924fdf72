"""Write `.h5ad` files, the format of the package anndata, with h5py alone.

Source of the format: "On-disk format" in the documentation of anndata, for versions from 0.8 on.
Each group and each dataset has two attributes that say how it is encoded.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Strings
from echoes.io.errors import InputError
from echoes.io.files import StrPath, atomic_path

# Type of an element of a file → version of its encoding.
_VERSIONS = {
    "anndata": "0.1.0",
    "array": "0.2.0",
    "categorical": "0.2.0",
    "dataframe": "0.2.0",
    "dict": "0.1.0",
    "nullable-integer": "0.1.0",
    "string": "0.2.0",
    "string-array": "0.2.0",
}


@dataclass(frozen=True)
class Category:
    """A column of few different texts, one for each row."""

    values: Strings


#: A column of a table: texts, numbers, or whole numbers some of which are masked as missing.
Column = Category | npt.NDArray[Any]


def write_h5ad(
    path: StrPath,
    values: Floats,
    *,
    obs_names: tuple[str, Strings],
    obs: Mapping[str, Column],
    var_names: tuple[str, Strings],
    var: Mapping[str, Column],
    layers: Mapping[str, Floats],
    uns: Mapping[str, Any],
) -> None:
    """Write a matrix with named rows and columns; equal arguments give files of the same bytes.

    Parameters
    ----------
    path
        Path of the file.
    values
        (n, G), called `X` in the file.
    obs_names, var_names
        What rows and columns are, such as ``gene``, and their n and G names.
    obs, var
        Columns of n and of G entries that describe rows and columns.
    layers
        Further matrices (n, G), by name.
    uns
        Texts by name; values of other types are written as JSON texts.

    Raises
    ------
    InputError
        When h5py is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise InputError(
            path,
            "",
            "cannot be written without the package h5py",
            expected="h5py in the environment of the workflow",
            remedy="Run `pip install h5py`, or write CSV or Parquet instead.",
        ) from error
    with atomic_path(path) as partial, _refusals(), h5py.File(partial, "w") as file:
        _describe(file, "anndata")
        _write_array(file, "X", values)
        _write_table(file, "obs", obs_names, obs)
        _write_table(file, "var", var_names, var)
        matrices = _write_group(file, "layers", "dict")
        for name, layer in layers.items():
            _write_array(matrices, name, layer)
        texts = _write_group(file, "uns", "dict")
        for name, value in uns.items():
            _write_text(texts, name, value)
        for name in ("obsm", "obsp", "varm", "varp"):
            _write_group(file, name, "dict")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Raise what the system refused as OSError: h5py makes a RuntimeError of it on closing."""
    try:
        yield
    except RuntimeError as error:
        if number := re.search(r"errno = (\d+)", str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise


def _describe(element: Any, encoding: str) -> None:
    """Say how an element of the file is encoded."""
    element.attrs["encoding-type"] = encoding
    element.attrs["encoding-version"] = _VERSIONS[encoding]


def _write_group(parent: Any, name: str, encoding: str) -> Any:
    group = parent.create_group(name)
    _describe(group, encoding)
    return group


def _write_array(parent: Any, name: str, values: npt.NDArray[Any]) -> None:
    dataset = parent.create_dataset(name, data=values, track_times=False)
    _describe(dataset, "array")


def _write_strings(parent: Any, name: str, values: Strings) -> None:
    import h5py

    texts = values.astype(object)
    dataset = parent.create_dataset(
        name, data=texts, dtype=h5py.string_dtype(), shape=texts.shape, track_times=False
    )
    _describe(dataset, "string-array")


def _write_text(parent: Any, name: str, value: Any) -> None:
    """Write a text as it is, and anything else as JSON."""
    import h5py

    if "/" in name:
        raise ValueError(f"{name}: HDF5 does not allow a slash in a name")
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, allow_nan=False)
    dataset = parent.create_dataset(name, data=value, dtype=h5py.string_dtype(), track_times=False)
    _describe(dataset, "string")


def _write_table(
    parent: Any, name: str, index: tuple[str, Strings], columns: Mapping[str, Column]
) -> None:
    """Write a table whose rows have names."""
    import h5py

    group = _write_group(parent, name, "dataframe")
    index_name, row_names = index
    group.attrs["_index"] = index_name
    order = np.array([*columns], dtype=object)
    group.attrs.create("column-order", order, dtype=h5py.string_dtype())
    _write_strings(group, index_name, row_names)
    for column, values in columns.items():
        if isinstance(values, Category):
            _write_category(group, column, values)
        elif isinstance(values, np.ma.MaskedArray):
            numbers = _write_group(group, column, "nullable-integer")
            _write_array(numbers, "values", values.filled(0))
            _write_array(numbers, "mask", np.ma.getmaskarray(values))
        elif values.dtype.kind == "U":
            _write_strings(group, column, values)
        else:
            _write_array(group, column, values)


def _write_category(parent: Any, name: str, column: Category) -> None:
    """Write each different text once, and for each row the number of its text."""
    group = _write_group(parent, name, "categorical")
    group.attrs["ordered"] = False
    categories, codes = np.unique(column.values, return_inverse=True)
    _write_strings(group, "categories", categories)
    _write_array(group, "codes", codes.astype(np.min_scalar_type(-max(1, len(categories)))))

"""Whether results are those of the files and settings on record: inputs, and a second run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from echoes.io.arrays import array_names, load_arrays
from echoes.io.errors import InputError
from echoes.io.files import load_json, sha256_of
from echoes.io.records import Array

#: What is compared: bytes of tables, arrays of records.
TABLES = (".csv", ".md", ".parquet", ".tsv")
ARRAYS = ".npz"
#: Arrays that differ between two runs, or name the folder of the results.
_OF_A_RUN = ("seconds", "read_from", "place")


def changed_inputs(files: Mapping[str, str]) -> list[str]:
    """List the input files that are not what they were.

    Parameters
    ----------
    files
        SHA-256 of each file by its path; empty where it was not computed.

    Returns
    -------
    list of str
        A sentence on each file that is missing or has another checksum.
    """
    problems = []
    for path, expected in files.items():
        if not Path(path).is_file():
            problems.append(f"{path}: there is no such file")
        elif expected and (found := sha256_of(path)) != expected:
            problems.append(f"{path}: its SHA-256 is {found}; that on record is {expected}")
    return problems


def recorded_inputs(results: Path) -> dict[str, str]:
    """Collect the local files that summaries in a folder of results name, and their SHA-256."""
    files = {}
    for path in sorted(results.rglob("*.json")):
        for record in _mappings(load_json(path)):
            place = record.get("path") or record.get("source")
            digest = record.get("sha256")
            if isinstance(place, str) and isinstance(digest, str) and "://" not in place:
                files[place] = digest
    return files


def _mappings(record: object) -> Iterator[Mapping[str, object]]:
    """Go through all objects of a JSON record."""
    if isinstance(record, Mapping):
        yield record
    parts = record.values() if isinstance(record, Mapping) else record
    if isinstance(parts, str) or not hasattr(parts, "__iter__"):
        return
    for part in parts:
        if isinstance(part, Mapping | list):
            yield from _mappings(part)


def link_inputs(paths: Mapping[str, str], here: Path, folder: Path) -> None:
    """Make relative paths of input files lead to the same files from another folder.

    Parameters
    ----------
    paths
        The paths are its keys; absolute ones need no link.
    here
        Folder that they start from.
    folder
        The other folder; as deep as there are ``..`` in a path.
    """
    for path in paths:
        if not Path(path).is_absolute():
            link = Path(os.path.normpath(folder / path))
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to((here / path).resolve())


def differences(one: Path, other: Path) -> tuple[int, list[str]]:
    """Compare the tables and records of two folders of results.

    Returns
    -------
    alike, different
        How many files are alike, and a sentence on each that is not.
    """
    files = sorted({path.relative_to(root) for root in (one, other) for path in _compared(root)})
    different = []
    for file in files:
        if not (other / file).exists():
            different.append(f"{file}: the configuration on record does not make it")
        elif not (one / file).exists():
            different.append(f"{file}: it is missing")
        elif file.suffix == ARRAYS:
            names = _different_arrays(one / file, other / file)
            different += [f"{file}: {', '.join(names)}"] if names else []
        elif (one / file).read_bytes() != (other / file).read_bytes():
            different.append(f"{file}: another content")
    return len(files) - len(different), different


def _compared(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("[!.]*") if path.suffix in (*TABLES, ARRAYS))


def _different_arrays(one: Path, other: Path) -> list[str]:
    try:
        names = set(array_names(one)) | set(array_names(other))
        return [
            name
            for name in sorted(names - set(_OF_A_RUN))
            if not _same(*(load_arrays(path, name)[0] for path in (one, other)))
        ]
    except InputError as error:
        return [error.problem]


def _same(one: Array, other: Array) -> bool:
    equal_nan = one.dtype.kind == other.dtype.kind == "f"
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=equal_nan)

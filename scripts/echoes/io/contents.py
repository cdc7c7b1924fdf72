"""What is in a file that has come from elsewhere: text or something else, whole or cut short."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path

from echoes.io.errors import InputError, printable
from echoes.io.files import StrPath, atomic_path, is_gzip

_CHUNK = 1 << 18
#: A gzip file may unpack to so many times its size, or to the bytes of `_SMALL` if they are more:
#: tables of STRING unpack to ten times their size, a file made to fill a disk to a thousand.
_LARGEST_RATIO = 200
_SMALL = 1 << 30

#: First bytes of files that are no text.
_KINDS = {
    b"PK": "a zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"(\xb5/\xfd": "a Zstandard file",
    b"\x1f\x8b": "a gzip file in a gzip file",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}


class _DamageError(ValueError):
    """Why a file cannot be read to its end."""


def _chunks(path: StrPath) -> Iterator[bytes]:
    """Read a file to its end, through gzip where it is compressed."""
    size = 0
    limit = max(_SMALL, _LARGEST_RATIO * Path(path).stat().st_size)
    packed = gzip.open(path) if is_gzip(path) else Path(path).open("rb")  # noqa: SIM115
    with packed as stream:
        try:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise _DamageError(f"unpacks to more than {limit:,} bytes")
                yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            problem = f"cannot be unpacked after {size} bytes of text ({error})"
            raise _DamageError(problem) from error
    if not size:
        raise _DamageError("there is nothing in it")


def table_problem(path: StrPath) -> str:
    """Say why a file is no table of text, plain or compressed by gzip, or not a whole one.

    Returns
    -------
    str
        The problem; empty if there is none.
    """
    try:
        chunks = _chunks(path)
        first = next(chunks)
        problem = kind_of(first)
        if not problem and b"\0" in first:
            return "this is no text, as there are bytes of 0 in it"
        if not problem:
            for _ in chunks:
                pass
    except _DamageError as error:
        return str(error)
    return problem


def kind_of(first: bytes) -> str:
    """Say what a file is by its first bytes, unpacked; empty if it may be a table."""
    for magic, name in _KINDS.items():
        if first.startswith(magic):
            return f"this is {name}"
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    for sign, name in ((b"<", "a web page or XML"), (b"{", "JSON"), (b"[", "JSON")):
        if text.startswith(sign):
            words = printable(" ".join(text[:60].decode("utf-8", "replace").split()))
            return f"this is {name}, which begins with {words}"
    return ""


def h5ad_problem(path: StrPath) -> str:
    """Say why a file is no .h5ad file, or not a whole one; empty if it is one."""
    from echoes.io.h5ad import open_h5ad

    try:
        with open_h5ad(path):
            return ""
    except InputError as error:
        with Path(path).open("rb") as stream:
            known = kind_of(stream.read(_CHUNK)) if "no HDF5" in error.problem else ""
        return known or error.problem


def unpack(source: StrPath, destination: StrPath) -> int:
    """Unpack a gzip file, of one member or several, or copy a file that is not compressed.

    Returns
    -------
    int
        Size of the unpacked file in bytes.

    Raises
    ------
    InputError
        If the file is incomplete, damaged or empty, or unpacks to an unlikely size.
    """
    written = 0
    try:
        chunks = _chunks(source)
        first = next(chunks)
        with atomic_path(destination) as path, path.open("wb") as target:
            for chunk in itertools.chain([first], chunks):
                written += target.write(chunk)
    except _DamageError as error:
        remedy = "Delete the file and fetch it again."
        expected = "text or a complete gzip file"
        raise InputError(source, "", str(error), expected=expected, remedy=remedy) from error
    return written

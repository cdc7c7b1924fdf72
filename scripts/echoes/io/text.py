"""Text, plain or compressed by gzip: how it is opened, separated, and what to say of damage."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from echoes.io.contents import kind_of
from echoes.io.errors import InputError
from echoes.io.files import StrPath, is_gzip

#: What reading text raises when the file is cut short, damaged or no text at all.
DAMAGE = (UnicodeDecodeError, csv.Error, EOFError, OSError, zlib.error)
#: What errors call each separator.
SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", " ": "spaces"}

_FIRST_BYTES = 4096
# A header has one column a gene.
_LONGEST_HEADER = 1 << 22


def open_bytes(path: StrPath) -> BinaryIO:
    """Open a file for reading bytes, through gzip where it is compressed."""
    return cast("BinaryIO", gzip.open(path)) if is_gzip(path) else Path(path).open("rb")


def open_text(path: StrPath) -> TextIO:
    """Open UTF-8 text for reading, through gzip where the file is compressed.

    Raises
    ------
    InputError
        When the first bytes are those of another kind of file, such as an archive or a web page.
    """
    with open_bytes(path) as stream:
        first = stream.read(_FIRST_BYTES)
        other, place = kind_of(first), ""
        if not other and b"\0" in first:
            other = "this is no text, as there are bytes of 0 in it"
            line = first.count(b"\n", 0, first.index(0)) + 1
            place = f"line {line}"
    if other:
        raise InputError(
            path,
            place,
            other,
            expected="a table of UTF-8 text, plain or compressed by gzip",
            remedy="Unpack or export it as CSV or TSV. Parquet is read too where a table of "
            "responses, effects or links is asked for.",
        )
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="")


def separator_of(line: str) -> str:
    """Recognise the character between the fields of a line.

    A tab wherever there is one; else the comma or the semicolon, whichever is there more often,
    as some programs write decimal commas; else the space.
    """
    outside = "".join(line.split('"')[::2])
    counts = {mark: outside.count(mark) for mark in SEPARATORS}
    if counts["\t"]:
        return "\t"
    if counts[","] or counts[";"]:
        return "," if counts[","] >= counts[";"] else ";"
    return " " if counts[" "] else ","


def separator_in(path: StrPath, usual: str) -> str:
    """Recognise the separator of a table by its first line.

    Parameters
    ----------
    path
        The table.
    usual
        The separator that tables of this kind have; taken wherever it is in the line.
    """
    try:
        with open_text(path) as stream:
            line = stream.readline(_LONGEST_HEADER)
    except FileNotFoundError:
        raise
    except DAMAGE:
        return usual
    return usual if usual in line or not set(line) & set(SEPARATORS) else separator_of(line)


def damaged(path: StrPath, line: int, error: Exception) -> InputError:
    """Describe a file that is no text, is damaged or was cut short."""
    return InputError(
        path,
        f"line {line} or near it",
        f"cannot be read ({_reason(error)})",
        expected="complete UTF-8 text",
        remedy="Save the file as UTF-8, or fetch it again if it was cut short.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"the byte 0x{error.object[error.start]:02x} is no UTF-8"
    return str(error)

"""Open text for reading, through gzip where it is compressed; and what to say if it is damaged."""

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
_FIRST_BYTES = 4096


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
        other = kind_of(stream.read(_FIRST_BYTES))
    if other:
        raise InputError(
            path,
            "",
            other,
            expected="a table of UTF-8 text, plain or compressed by gzip",
            remedy="Unpack or export it as CSV or TSV. Parquet is read too where a table of "
            "responses, effects or links is asked for.",
        )
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="")


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

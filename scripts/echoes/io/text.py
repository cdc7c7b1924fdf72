"""Open text for reading, through gzip where it is compressed; and what to say if it is damaged."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from echoes.io.errors import InputError
from echoes.io.files import StrPath, is_gzip

#: What reading text raises when the file is cut short, damaged or no text at all.
DAMAGE = (UnicodeDecodeError, csv.Error, EOFError, OSError, zlib.error)


def open_bytes(path: StrPath) -> BinaryIO:
    """Open a file for reading bytes, through gzip where it is compressed."""
    return cast("BinaryIO", gzip.open(path)) if is_gzip(path) else Path(path).open("rb")


def open_text(path: StrPath) -> TextIO:
    """Open UTF-8 text for reading, through gzip where the file is compressed."""
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="")


def damaged(path: StrPath, line: int, error: Exception) -> InputError:
    """Describe a file that is no text, is damaged or was cut short."""
    return InputError(
        path,
        f"line {line} or near it",
        f"cannot be read ({error})",
        expected="complete UTF-8 text",
        remedy="Save the file as UTF-8, or fetch it again if it was cut short.",
    )

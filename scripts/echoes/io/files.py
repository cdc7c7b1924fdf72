"""Write files completely or not at all; read and write JSON records."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from echoes.io.errors import InputError

StrPath = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_path(path: StrPath) -> Iterator[Path]:
    """Give a temporary path to write to; move the file to `path` when the block ends.

    The temporary file is in the same folder, so other programs see either the old or the complete
    new file. If the block raises an exception, the temporary file is deleted and an older file at
    `path` stays as it was. The file is on the disk before it gets its name, so that a machine that
    loses power leaves no empty file under it. What a killed process left of the same file is
    deleted.

    Parameters
    ----------
    path
        Path of the finished file. Its folder is made if it does not exist.

    Raises
    ------
    OSError
        When the file cannot be written; the error names `path`.
    """
    final = Path(path)
    # The name keeps its ending: some writers choose their format by it.
    partial = final.with_name(f".{os.getpid()}.{final.name}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        _delete_left_over(final)
        yield partial
        sync(partial)
        partial.replace(final)
        sync(final.parent)
    except OSError as error:
        # Most libraries do not say which file could not be written.
        if error.filename in (None, partial, str(partial)):
            error.filename, error.filename2 = str(final), None
        raise
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _delete_left_over(final: Path) -> None:
    """Delete temporary files of a file whose writers have been killed on this machine."""
    for other in os.listdir(final.parent):  # noqa: PTH208
        # Before anything else, as there may be thousands of other files.
        if other.startswith(".") and other.endswith(f".{final.name}"):
            number = other[1 : -len(final.name) - 1]
            left = final.with_name(other)
            if number.isdecimal() and not _may_write(int(number), left):
                left.unlink(missing_ok=True)


def _may_write(process: int, file: Path) -> bool:
    """Say whether a process may be writing a file: it lives, and began before the last write."""
    try:
        os.kill(process, 0)
        # After the name: the state, and the start in ticks since the boot.
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        state, start = (after_name.split()[place] for place in (0, 19))
        written = file.stat().st_mtime
    except ProcessLookupError:
        return False
    except (OSError, OverflowError, ValueError, IndexError):
        # Of another user, or not on Linux.
        return True
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started = boot + int(start) / os.sysconf("SC_CLK_TCK")
    return state != "Z" and started <= written + 0.1


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot tell.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def is_gzip(path: StrPath) -> bool:
    """Check by its first two bytes, not by its name, whether a file is gzip-compressed."""
    with Path(path).open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def sha256_of(path: StrPath) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save_json(path: StrPath, record: Mapping[str, Any]) -> None:
    """Write a record as indented JSON; raise ValueError if a number is not finite."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


class _Record(dict[str, Any]):
    """An object of a JSON file; a key that it lacks is the fault of the file."""

    file: StrPath = ""

    def __missing__(self, key: str) -> Any:
        raise InputError(
            self.file,
            "",
            f"there is no {key}",
            expected="a record that this workflow wrote",
            remedy="Delete the file and run the workflow again.",
        )


def load_json(path: StrPath) -> dict[str, Any]:
    """Read a JSON record.

    Raises
    ------
    InputError
        If the file is not a JSON object; or later, when a key is looked up that it does not have.
    """

    def make(pairs: dict[str, Any]) -> _Record:
        record = _Record(pairs)
        record.file = path
        return record

    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"), object_hook=make)
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


def place_of(path: StrPath, depth: int) -> str:
    """Give the last parts of a path, which say what the file is. A link stands for its file."""
    return "/".join(Path(path).resolve().parts[-depth:])


def save_record(path: StrPath, record: Mapping[str, Any], depth: int) -> None:
    """Write a record that a later stage reads, with its place; see `load_record`.

    Parameters
    ----------
    path
        The JSON file.
    record
        What is in it.
    depth
        How many parts of the path say what the file is.
    """
    save_json(path, {"place": place_of(path, depth), **record})


def load_record(path: StrPath) -> dict[str, Any]:
    """Read a record that `save_record` wrote, without its place.

    Raises
    ------
    InputError
        If the file is not a JSON object, was written in another place, so that it is a record of
        another data set, experiment, network or prior; or later, when a key is looked up that it
        does not have.
    """
    record = load_json(path)
    place = str(record["place"])
    expected = place_of(path, len(Path(place).parts))
    if place != expected:
        raise InputError(
            path,
            "",
            f"this is the file {place}",
            expected=f"the file {expected}",
            remedy="Delete the file and run the workflow again.",
        )
    del record["place"]
    return record

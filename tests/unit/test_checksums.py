"""A file is read again for its checksum only after it was written."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from echoes.plan.checksums import remember_checksums


@dataclass
class File:
    """What Snakemake's files have that is asked for."""

    file: Path
    is_storage: bool = False


class Reader:
    """Computes checksums and counts how many."""

    def __init__(self) -> None:
        self.count = 0
        self.remembered = remember_checksums(self._checksum)

    async def _checksum(self, file: File, threshold: int, *, force: bool = False) -> str | None:
        self.count += 1
        if not file.file.exists() or (file.file.stat().st_size > threshold and not force):
            return None
        return hashlib.sha256(file.file.read_bytes()).hexdigest()

    def __call__(self, file: File, threshold: int = 100, **options: bool) -> str | None:
        return asyncio.run(self.remembered(file, threshold, **options))


@pytest.fixture
def file(tmp_path: Path) -> File:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n", encoding="utf-8")
    return File(path)


def test_reads_a_file_once(file: File) -> None:
    read = Reader()
    assert read(file) == read(file) == read(File(Path(file.file))) is not None
    assert read.count == 1


def test_what_was_written_is_read_again(file: File) -> None:
    read = Reader()
    before = read(file)
    old = file.file.stat()
    # Of the same size and with the same time, as a copy may be.
    new = file.file.with_suffix(".new")
    new.write_text("b,a\n", encoding="utf-8")
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
    new.replace(file.file)
    after = read(file)
    assert after == hashlib.sha256(b"b,a\n").hexdigest() != before
    assert read.count == 2


def test_each_limit_counts(file: File) -> None:
    read = Reader()
    assert read(file, 1) is None
    assert read(file, 100) is not None
    assert read(file, 1, force=True) is not None
    assert read(file, 1) is None
    assert read.count == 3


def test_what_is_missing_or_remote_is_asked_each_time(tmp_path: Path, file: File) -> None:
    read = Reader()
    missing = File(tmp_path / "missing.csv")
    assert read(missing) is read(missing) is None
    remote = File(file.file, is_storage=True)
    assert read(remote) == read(remote) is not None
    assert read.count == 4

"""Checksums of the files that jobs read.

Snakemake compares inputs by content. It reads all inputs of a finished job for each output of the
job again (https://github.com/snakemake/snakemake/issues/4240), while other jobs wait to be started:
with tables of a large screen, that takes longer than many of the jobs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

#: Computes the checksum of a file of Snakemake; None if it has none.
Checksum = Callable[..., Awaitable[str | None]]


def remember_checksums(checksum: Checksum) -> Checksum:
    """Let a function compute the checksum of a file again only after the file was written.

    Parameters
    ----------
    checksum
        The method of Snakemake's files. A file in an object store is left to it.
    """
    known: dict[Any, str | None] = {}

    @wraps(checksum)
    async def remembered(file: Any, *args: Any, **options: Any) -> str | None:
        try:
            status = None if file.is_storage else Path(file.file).stat()
        except OSError:
            status = None
        if status is None:
            return await checksum(file, *args, **options)
        written = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        key = (str(file.file), *written, *args, *sorted(options.items()))
        if key not in known:
            known[key] = await checksum(file, *args, **options)
        return known[key]

    return remembered

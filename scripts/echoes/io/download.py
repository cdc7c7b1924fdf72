"""One file, fetched from the web or from a disk, and checked before it is put in place.

A download that is cut off is continued where it stopped, by the same run or by
a later one, as long as the server vouches that the file is still the same.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import re
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from echoes.io.errors import InputError
from echoes.io.files import StrPath, atomic_path, is_gzip, load_json, save_json

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int | None], None]

_log = logging.getLogger(__name__)

_CHUNK = 1 << 18
# Answers of a server that may be in a better state a little later.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
# Seconds: the longest pause of our own choice, and the longest that a server may ask for.
_LONGEST_PAUSE = 60.0
_LONGEST_REQUESTED_PAUSE = 300.0

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_OTHER_WAYS = "obtain the file by other means and configure its path as the source"


@dataclass(frozen=True)
class Receipt:
    """What was fetched.

    Parameters
    ----------
    source
        The URL or path, as it was configured.
    bytes
        How many bytes there are.
    sha256
        Their SHA-256, in lower-case hexadecimal digits.
    last_modified
        The ``Last-Modified`` of the server; None where it gave none, and for local files.
    etag
        The ``ETag`` of the server; None where it gave none, and for local files.
    """

    source: str
    bytes: int
    sha256: str
    last_modified: str | None
    etag: str | None


@dataclass(frozen=True)
class _Wanted:
    """The source, and what is known of its data beforehand."""

    source: str
    sha256: str | None
    size: int | None

    def check_size(self, size: int) -> None:
        if self.size is not None and size != self.size:
            raise InputError(
                self.source,
                "",
                f"the file has {size} bytes",
                expected=f"the configured size of {self.size} bytes",
                remedy="Run again to fetch it anew. If the size stays the same, check that "
                "the source is the right one, or correct the configured size.",
            )

    def check(self, size: int, sha256: str) -> None:
        self.check_size(size)
        if self.sha256 is not None and sha256 != self.sha256:
            raise InputError(
                self.source,
                "",
                f"the SHA-256 of the file is {sha256}",
                expected=f"the configured SHA-256 {self.sha256}",
                remedy="Run again to fetch it anew. If the SHA-256 stays the same, check that "
                "the source is the right one, or correct the configured SHA-256.",
            )


@dataclass(frozen=True)
class _Start:
    """The bytes that are there already, and the version of the file that they are from."""

    bytes: int
    etag: str | None
    last_modified: str | None

    @property
    def headers(self) -> dict[str, str]:
        """Ask for the other bytes, but for all of them if the file has changed."""
        validator = _validator(self.etag, self.last_modified)
        return {"Range": f"bytes={self.bytes}-", "If-Range": validator} if validator else {}

    def continued_by(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a partial answer begins where these bytes end.

        Some servers overlook ``If-Range``, so the version is compared here again.
        """
        content_range = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if content_range is None or int(content_range[1]) != self.bytes:
            return False
        if _strong(self.etag):
            return headers.get("ETag", self.etag) == self.etag
        return headers.get("Last-Modified", self.last_modified) == self.last_modified


@dataclass(frozen=True)
class _Part:
    """An unfinished download: its bytes, and a note of the version that they are from."""

    data: Path
    note: Path

    def begin(self, source: str, etag: str | None, last_modified: str | None) -> None:
        """Forget what is there. The new note stands before there are bytes that need it."""
        self.discard()
        if _validator(etag, last_modified):
            save_json(self.note, {"source": source, "etag": etag, "last_modified": last_modified})

    def start(self, source: str) -> _Start | None:
        """Return what can be continued, if anything."""
        try:
            size = self.data.stat().st_size
            note = load_json(self.note)
        except (FileNotFoundError, InputError):
            return None
        etag, last_modified = note.get("etag"), note.get("last_modified")
        start = _Start(
            size,
            etag if isinstance(etag, str) else None,
            last_modified if isinstance(last_modified, str) else None,
        )
        return start if size and note.get("source") == source and start.headers else None

    def discard(self) -> None:
        # In this order: bytes without a note are never continued.
        self.note.unlink(missing_ok=True)
        self.data.unlink(missing_ok=True)


class _BusyError(Exception):
    """A server that cannot answer now, and the seconds that it asks to wait."""

    def __init__(self, problem: str, wait: float) -> None:
        self.wait = wait
        super().__init__(problem)


class _DroppedError(Exception):
    """A body that ended too early."""


def _strong(etag: str | None) -> bool:
    return etag is not None and etag.startswith('"')


def _validator(etag: str | None, last_modified: str | None) -> str | None:
    """Return what names a version of a file byte for byte, if anything does."""
    return etag if _strong(etag) else last_modified


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def _total(headers: Mapping[str, str], start: int) -> int | None:
    """Return the size of the whole file, where an answer gives it."""
    content_range = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if start and content_range and content_range[3] != "*":
        return int(content_range[3])
    length = _count(headers.get("Content-Length"))
    return None if length is None or "Transfer-Encoding" in headers else start + length


def _refusal(source: str, response: requests.Response) -> Exception:
    """Say what an answer without data means: wait, or give up."""
    problem = f"the server answered with status {response.status_code} {response.reason}".rstrip()
    if response.status_code in _PASSING:
        wait = _count(response.headers.get("Retry-After")) or 0
        return _BusyError(problem, min(wait, _LONGEST_REQUESTED_PAUSE))
    return InputError(
        source,
        "",
        problem,
        expected="status 200 and the file",
        remedy=f"Check the URL and that it may be fetched from here, or {_OTHER_WAYS}.",
    )


def _receive(
    response: requests.Response,
    wanted: _Wanted,
    part: _Part,
    start: _Start | None,
    progress: Progress | None,
) -> Receipt:
    """Append the body of an answer to the part, and check the whole."""
    # The raw body is not read through requests, so its errors are those of urllib3.
    from urllib3.exceptions import HTTPError

    headers = response.headers
    etag, last_modified = headers.get("ETag"), headers.get("Last-Modified")
    digest = hashlib.sha256()
    if start is None:
        part.begin(wanted.source, etag, last_modified)
        done = 0
    else:
        etag, last_modified = etag or start.etag, last_modified or start.last_modified
        done = start.bytes
        with part.data.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    total = _total(headers, done)
    try:
        if total is not None:
            wanted.check_size(total)
        with part.data.open("ab") as stream:
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                stream.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
        if total is not None and done != total:
            raise _DroppedError(f"{done} of {total} bytes arrived")
        wanted.check(done, digest.hexdigest())
    except HTTPError as error:
        problem = f"{done} of {'unknown' if total is None else total} bytes arrived"
        raise _DroppedError(f"{problem} ({type(error).__name__})") from error
    except InputError:
        part.discard()
        raise
    return Receipt(wanted.source, done, digest.hexdigest(), last_modified, etag)


def _attempt(
    session: requests.Session,
    wanted: _Wanted,
    part: _Part,
    timeout: float,
    progress: Progress | None,
) -> Receipt:
    """Try once to get the file, first what is missing of it and else all of it."""
    # Compressed for transport only, the bytes would not be those of the file.
    plain = {"Accept-Encoding": "identity"}
    start = part.start(wanted.source)
    if start is not None:
        with session.get(
            wanted.source, headers=plain | start.headers, stream=True, timeout=timeout
        ) as response:
            if response.status_code == 200:
                return _receive(response, wanted, part, None, progress)
            if response.status_code == 206 and start.continued_by(response.headers):
                return _receive(response, wanted, part, start, progress)
            if response.status_code not in (206, 416):
                raise _refusal(wanted.source, response)
        part.discard()
    with session.get(wanted.source, headers=plain, stream=True, timeout=timeout) as response:
        if response.status_code != 200:
            raise _refusal(wanted.source, response)
        return _receive(response, wanted, part, None, progress)


def _download(
    wanted: _Wanted,
    part: _Part,
    *,
    attempts: int,
    backoff: float,
    timeout: float,
    progress: Progress | None,
) -> Receipt:
    """Get the file from the web into `part`, in several attempts if need be."""
    # Local files do not need it, and its import takes a while.
    import requests

    part.data.parent.mkdir(parents=True, exist_ok=True)
    failure: Exception
    with requests.Session() as session:
        for attempt in range(1, attempts + 1):
            wait = 0.0
            try:
                return _attempt(session, wanted, part, timeout, progress)
            except _BusyError as error:
                failure, wait = error, error.wait
            except (_DroppedError, requests.ConnectionError, requests.Timeout) as error:
                failure = error
            except requests.RequestException as error:
                raise InputError(
                    wanted.source,
                    "",
                    f"cannot be fetched ({error})",
                    expected="a URL that leads to the file",
                    remedy=f"Correct the URL, or {_OTHER_WAYS}.",
                ) from error
            _log.warning("attempt %d of %d failed: %s", attempt, attempts, failure)
            if attempt < attempts:
                time.sleep(max(wait, min(backoff * 2.0 ** min(attempt - 1, 30), _LONGEST_PAUSE)))
    raise InputError(
        wanted.source,
        "",
        f"attempt {attempts} of {attempts} failed: {failure}",
        expected="the whole file",
        remedy=f"Check the network and run again later, or {_OTHER_WAYS}.",
    ) from failure


def _copy(wanted: _Wanted, source: Path, destination: Path, progress: Progress | None) -> Receipt:
    """Copy a local file to its destination."""
    try:
        stream = source.open("rb")
    except OSError as error:
        raise InputError(
            wanted.source,
            "",
            f"cannot be read ({error.strerror})",
            expected="a file",
            remedy="Correct the path of the source, or configure a URL instead.",
        ) from error
    digest = hashlib.sha256()
    done = 0
    with stream, atomic_path(destination) as partial, partial.open("wb") as target:
        total = os.fstat(stream.fileno()).st_size
        while chunk := stream.read(_CHUNK):
            target.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
        wanted.check(done, digest.hexdigest())
    return Receipt(wanted.source, done, digest.hexdigest(), None, None)


def _local(source: str, scheme: str) -> Path:
    """Return the path that a source without the web stands for."""
    if not scheme:
        return Path(source)
    url = urlsplit(source)
    if scheme != "file" or url.netloc not in ("", "localhost"):
        problem = f"{scheme}:// is not supported" if scheme != "file" else "names another computer"
        raise InputError(
            source,
            "",
            problem,
            expected="an http, https or file URL, or a path",
            remedy=f"Correct the source, or {_OTHER_WAYS}.",
        )
    return Path(unquote(url.path))


def fetch(
    source: str,
    destination: Path,
    *,
    sha256: str | None,
    size: int | None,
    attempts: int = 5,
    backoff: float = 1.0,
    timeout: float = 60.0,
    progress: Progress | None = None,
) -> Receipt:
    """Fetch one file, check it, and put it in place.

    The bytes are stored as they come: nothing is unpacked. When a download is
    cut off, its bytes stay in ``.{name}.part`` beside the destination for the
    next attempt or the next run, if the server names the version they are from.

    Parameters
    ----------
    source
        An http, https or file URL, or the path of a local file.
    destination
        Where the file shall stand. An older file there stays until the new one
        has passed all checks.
    sha256
        The SHA-256 that the file must have, in hexadecimal digits; None for any.
    size
        The number of bytes that the file must have; None for any.
    attempts
        How often a download is tried when the connection or the server fails.
    backoff
        Seconds to wait after the first failure; each further one doubles them, up
        to a minute. A server that asks for a longer pause is heeded.
    timeout
        Seconds without any answer after which a connection counts as failed.
    progress
        Called with the number of bytes so far and their number in the end, if known.

    Returns
    -------
    Receipt
        What was fetched.

    Raises
    ------
    InputError
        When the source cannot be fetched, or is not the file that was expected.
    """
    wanted = _Wanted(source, sha256.strip().lower() if sha256 is not None else None, size)
    name = destination.name
    part = _Part(
        destination.with_name(f".{name}.part"), destination.with_name(f".{name}.part.json")
    )
    match = _SCHEME.match(source)
    scheme = match[1].lower() if match else ""
    if scheme not in ("http", "https"):
        receipt = _copy(wanted, _local(source, scheme), destination, progress)
        part.discard()
        return receipt
    try:
        receipt = _download(
            wanted,
            part,
            attempts=max(attempts, 1),
            backoff=backoff,
            timeout=timeout,
            progress=progress,
        )
        part.data.replace(destination)
        part.discard()
    finally:
        # What cannot be continued is of no use to anyone.
        if part.start(source) is None:
            part.discard()
    return receipt


def unpack(source: StrPath, destination: StrPath) -> int:
    """Unpack a gzip file; a file that is not compressed is copied as it is.

    Parameters
    ----------
    source
        The file to read, with one gzip member or several.
    destination
        Where the unpacked file shall stand.

    Returns
    -------
    int
        How many bytes were written.

    Raises
    ------
    InputError
        When the file is cut short, damaged, or empty.
    """
    remedy = "Delete the file and fetch it again."
    written = 0
    compressed = is_gzip(source)
    with Path(source).open("rb") as packed, atomic_path(destination) as partial:
        try:
            with (
                gzip.GzipFile(fileobj=packed) if compressed else packed as stream,
                partial.open("wb") as target,
            ):
                while chunk := stream.read(_CHUNK):
                    target.write(chunk)
                    written += len(chunk)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                source,
                "",
                f"cannot be unpacked after {written} bytes of text ({error})",
                expected="a complete gzip file",
                remedy=remedy,
            ) from error
        if not written:
            raise InputError(source, "", "there is nothing in it", expected="text", remedy=remedy)
    return written

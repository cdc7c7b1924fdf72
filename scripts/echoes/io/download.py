"""Fetch one file from the web or from a disk, and check it.

A download that breaks off is continued where it stopped, by the same run or by a later one, if
the server says that the file is still the same.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from echoes.io.errors import InputError, printable
from echoes.io.files import atomic_path, load_json, save_json, sha256_of, sync

if TYPE_CHECKING:
    import requests
    from urllib3 import BaseHTTPResponse

Progress = Callable[[int, int | None], None]
#: Says what is wrong with a file that has come; nothing if it may be used.
Contents = Callable[[Path], str]

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
#: How often a request is sent, and how often a download that broke off is continued.
ATTEMPTS = 5
#: Seconds of the first pause between two attempts; later pauses are longer.
PAUSE = 1.0
#: Seconds of the longest pause that a server may ask for.
LONGEST_PAUSE = 300
#: Seconds without any byte from the server after which an attempt has failed.
TIMEOUT = 60.0
#: Seconds over which the speed of a download is measured, and the fewest bytes a second.
WINDOW = 60.0
SLOWEST = 1000
#: Seconds between two lines of progress on the log.
INTERVAL = 10.0
#: HTTP status codes of errors that may pass: the request is sent again.
TEMPORARY = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Receipt:
    """Record of a fetched file: source as configured, size, SHA-256 in hexadecimal, version.

    The version is what the server sent as ``Last-Modified`` and ``ETag``: None where it sent none,
    and for local files.
    """

    source: str
    bytes: int
    sha256: str
    last_modified: str | None
    etag: str | None


#: Name and password of a user, and the values of a query, which may be tokens.
_SECRETS = re.compile(r"(?<=//)[^/\s?#]*@|(?<=[?&;])([^=&;\s]+=)[^&;\s'\")>]+")

#: Names of values in a query that are secrets.
_SECRET_KEY = re.compile(
    r"[?&;]([^=&;]*(?:token|secret|passw|signature|credential|auth|api_?key)[^=&;]*|sig|key)="
    r"(?!\$\{\w+\}(?:[&;#]|$))",
    re.IGNORECASE,
)
#: A variable of the environment in a URL.
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def hide_secrets(text: str) -> str:
    """Leave user names, passwords and the values of queries out of the URLs in a text."""
    return _SECRETS.sub(lambda found: f"{found[1]}…" if found[1] else "", text)


def has_secret(url: str) -> bool:
    """Whether a URL has a password or a token in plain text, which commands and logs repeat."""
    user = urlsplit(url).netloc.rpartition("@")[0]
    return bool(_VARIABLE.sub("", user).strip(":") or _SECRET_KEY.search(url))


def _failure(source: str, problem: str, expected: str) -> InputError:
    remedy = "Check the source and the network and run again, or get the file by other means and"
    remedy += " configure its path as the source."
    # Words of the server and of libraries, which repeat URLs.
    for name in _VARIABLE.findall(source):
        problem = problem.replace(os.environ.get(name) or "…", f"${{{name}}}")
    problem = printable(hide_secrets(problem))
    return InputError(_shown(source), "", problem, expected=expected, remedy=remedy)


def _shown(source: str) -> str:
    """Write a source for records and messages."""
    return hide_secrets(source) if "://" in source else source


def _fill_in(source: str) -> str:
    """Put variables of the environment into a URL, so that tokens need not stand in files."""
    for name in _VARIABLE.findall(source):
        if name not in os.environ:
            problem = f"the environment has no variable {name}"
            raise _failure(source, problem, "the variables that the URL names")
    return _VARIABLE.sub(lambda found: os.environ[found[1]], source)


def _note(part: Path) -> Path:
    """Path of the JSON file that says which version of the file the bytes in `part` are from."""
    return part.with_name(f"{part.name}.json")


def _name(source: str) -> str:
    """Name a source in the record of a download: a checksum, as its URL may have a password."""
    return hashlib.sha256(source.encode()).hexdigest()


def _version(source: str, part: Path) -> dict[str, Any]:
    """Read the version of the bytes received so far; empty if none are from this source."""
    try:
        note = load_json(_note(part))
    except (FileNotFoundError, InputError):
        return {}
    return note if note.pop("source", None) == _name(source) and part.exists() else {}


def _discard(part: Path) -> None:
    """Delete the bytes received so far and the record of their version."""
    # The record first: a download without one is never continued.
    _note(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _receive(response: requests.Response, part: Path, progress: Progress | None) -> str:
    """Append a response to the bytes received so far.

    Returns
    -------
    str
        The problem if the response broke off; empty if it was complete.
    """
    from urllib3.exceptions import HTTPError

    headers, broke_off = response.headers, ""
    with part.open("ab") as stream:
        done = stream.tell()
        size = headers.get("Content-Range", "").rpartition("/")[2]
        size = size if done else headers.get("Content-Length", "")
        total = int(size) if size.isdecimal() and "Transfer-Encoding" not in headers else None
        since, before = time.monotonic(), done
        # The raw bytes: requests would unpack what the server declares as compressed. As they come:
        # a server that sends one byte a second must not hold the whole chunk back.
        read = getattr(response.raw, "read1", response.raw.read)
        try:
            while chunk := read(_CHUNK, decode_content=False):
                stream.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
                passed = time.monotonic() - since
                if passed >= WINDOW:
                    if done - before < SLOWEST * passed:
                        broke_off = f" ({done - before} of them in the last {passed:.0f} s)"
                        break
                    since, before = time.monotonic(), done
        except HTTPError as error:
            broke_off = f" ({type(error).__name__})"
    if broke_off or total not in (None, done):
        return f"{done} of {total or 'unknown'} bytes arrived{broke_off}"
    return ""


def _attempt(session: requests.Session, source: str, part: Path, progress: Progress | None) -> str:
    """Request the missing bytes of a file, or all; return the problem as `_receive` does."""
    version = _version(source, part)
    # A weak ETag (W/"...") does not promise that all bytes are the same.
    strong = (version.get("etag") or "").startswith('"')
    condition = version.get("etag" if strong else "last_modified")
    size = part.stat().st_size if condition else 0
    headers = {"Accept-Encoding": "identity"}
    if size:
        headers |= {"Range": f"bytes={size}-", "If-Range": str(condition)}
    with session.get(_fill_in(source), headers=headers, stream=True, timeout=TIMEOUT) as response:
        new = {
            "etag": response.headers.get("ETag"),
            "last_modified": response.headers.get("Last-Modified"),
        }
        if response.status_code == 200:
            _discard(part)
            save_json(_note(part), {"source": _name(source)} | new)
        elif size and response.status_code in (206, 416):
            # Some servers ignore If-Range, or continue elsewhere.
            begins = response.headers.get("Content-Range", "").startswith(f"bytes {size}-")
            if not begins or any(new[key] not in (None, version.get(key)) for key in new):
                _discard(part)
                return "the server does not continue the file where it broke off"
        else:
            status = f"status {response.status_code} {response.reason}"
            raise _failure(source, f"the server answered with {status}", "status 200 and the file")
        return _receive(response, part, progress)


def _download(source: str, part: Path, progress: Progress | None) -> None:
    """Download a file, in several attempts where needed."""
    # Imported here because this takes a while, and local files do not need it.
    import requests
    from urllib3 import Retry
    from urllib3.exceptions import HTTPError

    class Patience(Retry):
        """Repeat requests that got no answer; say it when the server asks for a pause."""

        def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
            try:
                asked = super().get_retry_after(response)
            except (HTTPError, ValueError, OverflowError):
                return None
            if asked:
                pause = min(asked, LONGEST_PAUSE)
                log.info("the server is busy and asks for a pause; next attempt in %.0f s", pause)
                return pause
            return None

    retry = Patience(
        ATTEMPTS - 1,
        status_forcelist=TEMPORARY,
        allowed_methods=("GET", "HEAD"),
        backoff_factor=PAUSE,
        raise_on_status=False,
    )
    # The loop below continues answers that broke off.
    problem = ""
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry))
        for attempt in range(ATTEMPTS):
            time.sleep(PAUSE * attempt)
            try:
                problem = _attempt(session, source, part, progress)
            # A server may send any text as a number or as the URL of another place.
            except (requests.RequestException, HTTPError, ValueError) as error:
                problem = f"cannot be fetched ({error})"
                raise _failure(source, problem, "a URL that leads to the file") from error
            if not problem:
                return
            log.warning("attempt %d of %d: %s", attempt + 1, ATTEMPTS, problem)
    raise _failure(source, problem, f"the whole file after {ATTEMPTS} attempts")


def _copy(source: str, target: Path) -> None:
    """Copy a local file, given by its path or by a file URL."""
    is_url = source.lower().startswith("file://")
    path = Path(unquote(urlsplit(source).path) if is_url else source)
    try:
        stream = path.open("rb")
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise _failure(source, problem, "an http, https or file URL, or a path") from error
    with stream, atomic_path(target) as partial, partial.open("wb") as copy:
        shutil.copyfileobj(stream, copy)


def fetch(
    source: str,
    destination: Path,
    *,
    sha256: str | None,
    md5: str | None = None,
    contents: Contents | None = None,
    progress: Progress | None = None,
) -> Receipt:
    """Download or copy one file, check it, and put it in place.

    The file is stored as it is: nothing is unpacked. If a download fails, the bytes so far stay in
    ``.{name}.part`` beside the destination, and the next call continues there.

    Parameters
    ----------
    source
        An http, https or file URL, or the path of a local file. In a URL, ``${NAME}`` stands for
        the variable of the environment with this name.
    destination
        Path of the new file. An older file stays there until the new one is complete and checked.
    sha256, md5
        SHA-256 or MD5 that the file must have, in hexadecimal digits; None for any.
    contents
        Looks into the file and says what is wrong with it, such as
        `echoes.io.contents.table_problem`: a server may answer with a page that says sorry.
    progress
        Called during a download with the bytes so far and the bytes of the whole file (None if
        the server does not say).

    Raises
    ------
    InputError
        If the file cannot be fetched completely, or does not have the expected checksum or
        contents.
    """
    part = destination.with_name(f".{destination.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if source.lower().startswith(("http://", "https://")):
        _download(source, part, progress)
    else:
        _discard(part)
        _copy(source, part)
    digest = sha256_of(part)
    _check(source, part, "SHA-256", digest, sha256)
    if md5 is not None:
        with part.open("rb") as stream:
            # Not for security: it is what some archives say of their files.
            known = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
        _check(source, part, "MD5", known.hexdigest(), md5)
    if contents is not None and (problem := contents(part)):
        _discard(part)
        raise _failure(source, problem, "the file itself, whole")
    version, size = _version(source, part), part.stat().st_size
    sync(part)
    part.replace(destination)
    sync(destination.parent)
    _discard(part)
    return Receipt(_shown(source), size, digest, version.get("last_modified"), version.get("etag"))


def _check(source: str, part: Path, kind: str, digest: str, expected: str | None) -> None:
    """Check a checksum; a file that does not have it is deleted."""
    if expected is not None and digest != expected.strip().lower():
        _discard(part)
        problem = f"the {kind} of the file is {digest}"
        raise _failure(source, problem, f"the configured one, {expected}")


class LogProgress:
    """Log the progress of a download, at most one line in each interval."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        """Log the number of bytes received so far, unless the last line is too recent."""
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            whole = f" of {total / 1e6:.1f}" if total else ""
            log.info("%.1f%s MB", done / 1e6, whole)

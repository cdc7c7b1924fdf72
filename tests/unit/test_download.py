"""Downloads from a real server on this computer, which fails in all the usual ways."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import logging
import lzma
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from echoes.io import contents, download
from echoes.io.contents import h5ad_problem, table_problem, unpack
from echoes.io.download import Receipt, fetch, has_secret
from echoes.io.errors import InputError
from echoes.io.h5ad_write import write_h5ad

BODY = hashlib.shake_256(b"one").digest(1_000_003)
OTHER = hashlib.shake_256(b"two").digest(900_001)
SHA256 = hashlib.sha256(BODY).hexdigest()
ETAG = '"one"'
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"

Answer = Callable[[BaseHTTPRequestHandler], None]


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes = b"",
    keep: int | None = None,
    **headers: str,
) -> None:
    """Send an answer, and with `keep` no more than the first bytes of its body."""
    handler.send_response(status)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in ({"Content-Length": str(len(body))} | fields).items():
        if value:
            handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body[:keep])
    handler.close_connection = True


def answer(status: int, body: bytes = b"", keep: int | None = None, **headers: str) -> Answer:
    return lambda handler: send(handler, status, body, keep, **headers)


def ranged(body: bytes = BODY, keep: int | None = None, **validators: str) -> Answer:
    """Serve a file as a server does that knows ranges and their condition."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        wanted, condition = handler.headers["Range"], handler.headers["If-Range"]
        if wanted is None or condition not in validators.values():
            send(handler, 200, body, keep, **validators)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            send(handler, 416, Content_Range=f"bytes */{len(body)}")
            return
        content_range = f"bytes {start}-{len(body) - 1}/{len(body)}"
        send(handler, 206, body[start:], keep, Content_Range=content_range, **validators)

    return serve


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


class Server(ThreadingHTTPServer):
    """A server that gives its answers in turn, and the last one ever after."""

    daemon_threads = False

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.seen: list[Message] = []
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.gz"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients may hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        number = len(self.server.seen)
        self.server.seen.append(self.headers)
        self.server.paths.append(self.path)
        self.server.answers[min(number, len(self.server.answers) - 1)](self)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setattr(download, "TIMEOUT", 5.0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "out" / "file.gz"


def get(
    server: Server,
    destination: Path,
    sha256: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Receipt:
    return fetch(server.url, destination, sha256=sha256, progress=progress)


def beside(destination: Path) -> list[str]:
    return sorted(path.name for path in destination.parent.iterdir())


def resumed_from(server: Server, number: int) -> int:
    return int(server.seen[number]["Range"].removeprefix("bytes=").removesuffix("-"))


def test_plain_success(server: Server, destination: Path) -> None:
    server.answers = [answer(200, BODY, ETag=ETAG, Last_Modified=DATE)]
    steps: list[tuple[int, int | None]] = []
    receipt = get(
        server,
        destination,
        sha256=SHA256.upper(),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert receipt == Receipt(server.url, len(BODY), SHA256, DATE, ETAG)
    assert destination.read_bytes() == BODY
    assert beside(destination) == ["file.gz"]
    assert server.seen[0]["Accept-Encoding"] == "identity"
    assert server.seen[0]["Range"] is None
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert len(steps) > 1
    assert steps[-1] == (len(BODY), len(BODY))


def chunked(*, complete: bool) -> Answer:
    def serve(handler: BaseHTTPRequestHandler) -> None:
        blocks = [BODY[i : i + 100_000] for i in range(0, len(BODY), 100_000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"
        send(
            handler,
            200,
            body,
            None if complete else 550_000,
            # The length of the body is another than that of its wrapping, and counts for nothing.
            Content_Length="5",
            Transfer_Encoding="chunked",
        )

    return serve


def test_chunked_body_is_retried_when_cut_off(server: Server, destination: Path) -> None:
    server.answers = [chunked(complete=False), chunked(complete=True)]
    assert get(server, destination).sha256 == SHA256
    assert len(server.seen) == 2


def test_redirect(server: Server, destination: Path) -> None:
    server.answers = [answer(302, Location="/elsewhere"), answer(200, BODY)]
    receipt = get(server, destination)
    assert server.paths == ["/file.gz", "/elsewhere"]
    assert destination.read_bytes() == BODY
    assert receipt.source == server.url


@pytest.mark.parametrize("target", ["file:///etc/hostname", "/file.gz"])
def test_bad_redirects_fail_at_once(server: Server, destination: Path, target: str) -> None:
    server.answers = [answer(302, Location=target)]
    with pytest.raises(InputError, match="cannot be fetched"):
        get(server, destination)
    assert not destination.exists()


def test_content_encoding_is_not_decoded(server: Server, destination: Path) -> None:
    packed = gzip.compress(b"text")
    server.answers = [answer(200, packed, Content_Encoding="gzip")]
    get(server, destination)
    assert destination.read_bytes() == packed


@pytest.mark.parametrize(
    ("validators", "condition"),
    [
        ({"ETag": ETAG, "Last_Modified": DATE}, ETAG),
        ({"ETag": ETAG}, ETAG),
        ({"Last_Modified": DATE}, DATE),
        ({"ETag": 'W/"one"', "Last_Modified": DATE}, DATE),
    ],
)
def test_resume_after_a_dropped_connection(
    server: Server, destination: Path, validators: dict[str, str], condition: str
) -> None:
    server.answers = [ranged(BODY, 600_000, **validators), ranged(BODY, None, **validators)]
    steps: list[tuple[int, int | None]] = []
    receipt = get(server, destination, sha256=SHA256, progress=lambda *step: steps.append(step))
    assert len(server.seen) == 2
    assert resumed_from(server, 1) == 600_000
    assert server.seen[1]["If-Range"] == condition
    assert server.seen[1]["Accept-Encoding"] == "identity"
    assert destination.read_bytes() == BODY
    assert receipt.sha256 == SHA256
    assert receipt.etag == validators.get("ETag")
    assert steps[-1] == (len(BODY), len(BODY))
    assert beside(destination) == ["file.gz"]


def test_resume_when_the_partial_answer_repeats_no_validator(
    server: Server, destination: Path
) -> None:
    rest = answer(206, BODY[500_000:], Content_Range=f"bytes 500000-{len(BODY) - 1}/{len(BODY)}")
    server.answers = [ranged(keep=500_000, ETag=ETAG, Last_Modified=DATE), rest]
    assert get(server, destination) == Receipt(server.url, len(BODY), SHA256, DATE, ETAG)


def test_a_slice_of_the_rest_is_not_the_rest(server: Server, destination: Path) -> None:
    piece = answer(
        206, BODY[500_000:700_000], Content_Range=f"bytes 500000-699999/{len(BODY)}", ETag=ETAG
    )
    server.answers = [ranged(keep=500_000, ETag=ETAG), piece, ranged(ETag=ETAG)]
    assert get(server, destination).sha256 == SHA256
    assert resumed_from(server, 2) == 700_000


def test_resume_across_two_calls(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.answers = [ranged(keep=400_000, ETag=ETAG), ranged(ETag=ETAG)]
    with pytest.raises(InputError, match=f"400000 of {len(BODY)} bytes arrived"):
        get(server, destination)
    assert beside(destination) == [".file.gz.part", ".file.gz.part.json"]
    assert get(server, destination, sha256=SHA256).sha256 == SHA256
    assert resumed_from(server, 1) == 400_000
    assert destination.read_bytes() == BODY
    assert beside(destination) == ["file.gz"]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[]",
        "{}",
        '{"source": "URL", "etag": null, "last_modified": null}',
        '{"source": "URL", "etag": "W/\\"one\\"", "last_modified": null}',
        '{"source": "URL/other", "etag": "\\"one\\""}',
        None,
    ],
)
def test_a_part_without_a_sound_note_is_not_continued(
    server: Server, destination: Path, note: str | None
) -> None:
    destination.parent.mkdir()
    destination.with_name(".file.gz.part").write_bytes(b"junk")
    if note is not None:
        for url in (f"{server.url}/other", server.url):
            note = note.replace(url.replace(server.url, "URL"), download._name(url))
        destination.with_name(".file.gz.part.json").write_text(note)
    server.answers = [ranged(ETag=ETAG)]
    assert get(server, destination).sha256 == SHA256
    assert server.seen[0]["Range"] is None
    assert beside(destination) == ["file.gz"]


def test_server_without_ranges_restarts(server: Server, destination: Path) -> None:
    server.answers = [answer(200, BODY, 600_000, ETag=ETAG), answer(200, BODY, ETag=ETAG)]
    assert get(server, destination).sha256 == SHA256
    assert resumed_from(server, 1) == 600_000
    assert destination.read_bytes() == BODY


def test_changed_file_restarts(server: Server, destination: Path) -> None:
    server.answers = [ranged(keep=600_000, ETag=ETAG), ranged(OTHER, ETag='"two"')]
    receipt = get(server, destination)
    assert server.seen[1]["If-Range"] == ETAG
    assert destination.read_bytes() == OTHER
    assert receipt.etag == '"two"'
    assert len(server.seen) == 2


def wrong_206(content_range: str, **validators: str) -> Answer:
    return answer(206, OTHER[600_000:], None, Content_Range=content_range, **validators)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(wrong_206(f"bytes 599999-{len(BODY) - 1}/{len(BODY)}"), id="start"),
        pytest.param(wrong_206(""), id="no range"),
        pytest.param(
            wrong_206(f"bytes 600000-{len(OTHER) - 1}/{len(OTHER)}", ETag='"two"'), id="version"
        ),
        pytest.param(answer(416), id="416"),
    ],
)
def test_wrong_partial_answer_restarts(server: Server, destination: Path, wrong: Answer) -> None:
    server.answers = [ranged(keep=600_000, ETag=ETAG), wrong, ranged(ETag=ETAG)]
    assert get(server, destination).sha256 == SHA256
    assert [seen["Range"] for seen in server.seen] == [None, "bytes=600000-", None]


@pytest.mark.parametrize("status", [204, 206, 400, 403, 404, 410, 416, 501])
def test_other_statuses_fail_at_once(server: Server, destination: Path, status: int) -> None:
    server.answers = [answer(status)]
    with pytest.raises(InputError) as caught:
        get(server, destination)
    assert len(server.seen) == 1
    assert caught.value.file == server.url
    assert f"status {status}" in caught.value.problem
    assert "Check the source" in caught.value.remedy
    assert beside(destination) == []


def test_a_server_that_stays_busy_fails_after_all_attempts(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It asks for a pause of a day, and gets a shorter one.
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.02)
    server.answers = [answer(503, Retry_After="86400")]
    with pytest.raises(InputError, match="status 503"):
        get(server, destination)
    assert len(server.seen) == download.ATTEMPTS
    assert beside(destination) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_failure_is_retried(server: Server, destination: Path, status: int) -> None:
    server.answers = [answer(status), answer(200, BODY)]
    assert get(server, destination).sha256 == SHA256
    assert len(server.seen) == 2


def test_timeout_is_retried(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    released = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        released.wait(5)
        hang_up(handler)

    server.answers = [stall, answer(200, BODY)]
    try:
        assert get(server, destination).sha256 == SHA256
    finally:
        released.set()


def test_stalled_body_is_resumed(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    released = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        ranged(keep=600_000, ETag=ETAG)(handler)
        handler.wfile.flush()
        released.wait(5)

    server.answers = [stall, ranged(ETag=ETAG)]
    try:
        assert get(server, destination).sha256 == SHA256
    finally:
        released.set()
    assert 0 < resumed_from(server, 1) <= 600_000


def test_no_server(server: Server, destination: Path) -> None:
    url = server.url
    server.socket.close()
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        fetch(url, destination, sha256=None)
    assert "\n" not in str(caught.value)
    assert beside(destination) == []


def test_truncated_body_fails_after_all_attempts(server: Server, destination: Path) -> None:
    server.answers = [answer(200, BODY, len(BODY) - 1)]
    with pytest.raises(InputError, match=f"{len(BODY) - 1} of {len(BODY)} bytes"):
        get(server, destination)
    assert len(server.seen) == download.ATTEMPTS
    assert not destination.exists()


def test_wrong_checksum(server: Server, destination: Path) -> None:
    server.answers = [ranged(ETag=ETAG)]
    with pytest.raises(InputError) as caught:
        get(server, destination, sha256="0" * 64)
    assert SHA256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert "the configured one" in caught.value.expected
    assert len(server.seen) == 1
    assert beside(destination) == []


def test_wrong_checksum_after_resuming(server: Server, destination: Path) -> None:
    server.answers = [ranged(OTHER + BODY, keep=600_000, ETag=ETAG), ranged(ETag=ETAG)]
    with pytest.raises(InputError, match="SHA-256"):
        get(server, destination, sha256=SHA256)
    assert beside(destination) == []


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (answer(404), {}),
        (answer(503), {}),
        (answer(200, BODY, 10), {}),
        (answer(200, BODY), {"sha256": "0" * 64}),
    ],
)
def test_older_destination_is_kept(
    server: Server, destination: Path, given: Answer, options: dict[str, object]
) -> None:
    destination.parent.mkdir()
    destination.write_bytes(b"older")
    server.answers = [given]
    with pytest.raises(InputError):
        get(server, destination, **options)
    assert destination.read_bytes() == b"older"


def test_a_failing_disk_is_not_retried(server: Server, destination: Path) -> None:
    def fail(done: int, total: int | None) -> None:
        raise OSError(28, "No space left on device")

    server.answers = [answer(200, BODY)]
    with pytest.raises(OSError, match="No space left"):
        get(server, destination, progress=fail)
    assert len(server.seen) == 1
    assert not destination.exists()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "a file, 100%.gz"
    path.write_bytes(BODY)
    return path


@pytest.mark.parametrize("as_url", [False, True])
def test_local_file(local: Path, destination: Path, as_url: bool) -> None:
    source = local.as_uri() if as_url else str(local)
    receipt = fetch(source, destination, sha256=SHA256)
    assert receipt == Receipt(source, len(BODY), SHA256, None, None)
    assert destination.read_bytes() == BODY
    assert local.read_bytes() == BODY
    assert beside(destination) == ["file.gz"]


@pytest.mark.parametrize("source", ["missing.gz", "", "file:///no/such/file", "ftp://host/file"])
def test_no_local_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, destination: Path, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"cannot be read .* Check the source"):
        fetch(source, destination, sha256=None)
    assert not destination.exists()


def test_local_file_needs_no_web_library(local: Path, destination: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from echoes.io.download import fetch\n"
        "fetch(sys.argv[1], Path(sys.argv[2]), sha256=None)\n"
        "assert 'requests' not in sys.modules and 'urllib3' not in sys.modules"
    )
    folder = Path(download.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, local, destination], check=True, cwd=folder)
    assert destination.read_bytes() == BODY


TEXT = b"".join(b"9606.P%05d 9606.P%05d %d\n" % (i, i + 7, i % 1000) for i in range(20_000))


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return tmp_path / "in.gz"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(gzip.compress(TEXT), TEXT, id="gzip"),
        pytest.param(TEXT, TEXT, id="plain"),
        pytest.param(b"\x1f", b"\x1f", id="one byte"),
        pytest.param(gzip.compress(TEXT) + gzip.compress(b"more\n"), TEXT + b"more\n", id="two"),
        pytest.param(gzip.compress(b"") + gzip.compress(b"more\n"), b"more\n", id="empty first"),
    ],
)
def test_unpack(packed: Path, destination: Path, data: bytes, text: bytes) -> None:
    packed.write_bytes(data)
    assert unpack(packed, destination) == len(text)
    assert destination.read_bytes() == text
    assert packed.read_bytes() == data
    assert beside(destination) == ["file.gz"]


GOOD = gzip.compress(TEXT, mtime=0)


def flipped(position: int) -> bytes:
    data = bytearray(GOOD)
    data[position] ^= 0x55
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        *[pytest.param(GOOD[:n], id=f"first {n}") for n in (2, 3, 9, 10, 11, 1000)],
        *[pytest.param(GOOD[:-n], id=f"without last {n}") for n in (1, 4, 5, 8, 9)],
        pytest.param(GOOD + GOOD[:5], id="second header cut"),
        pytest.param(GOOD + GOOD[:-3], id="second member cut"),
        pytest.param(flipped(2), id="method"),
        pytest.param(GOOD[:10] + b"\x07" + GOOD[11:], id="block type"),
        pytest.param(flipped(len(GOOD) // 2), id="data"),
        pytest.param(flipped(-8), id="crc"),
        pytest.param(flipped(-1), id="length"),
        pytest.param(GOOD + b"garbage", id="garbage"),
        pytest.param(GOOD + b"x", id="one byte of garbage"),
        pytest.param(GOOD + b"\x1f", id="half a magic"),
    ],
)
def test_unpack_damaged(packed: Path, destination: Path, data: bytes) -> None:
    packed.write_bytes(data)
    destination.parent.mkdir()
    destination.write_bytes(b"older")
    with pytest.raises(InputError, match=r"in\.gz: cannot be unpacked .* fetch it again"):
        unpack(packed, destination)
    assert destination.read_bytes() == b"older"
    assert beside(destination) == ["file.gz"]


@pytest.mark.parametrize("data", [b"", gzip.compress(b"")], ids=["no byte", "a header"])
def test_unpack_nothing(packed: Path, destination: Path, data: bytes) -> None:
    packed.write_bytes(data)
    with pytest.raises(InputError, match="nothing in it"):
        unpack(packed, destination)
    assert not destination.parent.exists()


def test_unpack_missing(packed: Path, destination: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unpack(packed, destination)
    assert not destination.parent.exists()


PACKED = gzip.compress(TEXT, mtime=0)
PAGE = b"<!DOCTYPE html>\n<title>Down for \x1b[31m maintenance</title>\n"


def as_zip(text: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("links.txt", text)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (PAGE, "this is a web page or XML, which begins with <!DOCTYPE html> <title>Down for "),
        (gzip.compress(PAGE, mtime=0), "this is a web page or XML"),
        (b'{"error": "busy"}', 'this is JSON, which begins with {"error": "busy"}'),
        (as_zip(TEXT), "this is a zip archive"),
        (bz2.compress(TEXT), "this is a bzip2 file"),
        (lzma.compress(TEXT), "this is an xz file"),
        (gzip.compress(PACKED, mtime=0), "this is a gzip file in a gzip file"),
        (TEXT.decode().encode("utf-16"), "this is text in UTF-16"),
        (bytes(1000), "this is no text, as there are bytes of 0 in it"),
        (b"", "there is nothing in it"),
        (gzip.compress(b"", mtime=0), "there is nothing in it"),
        (PACKED[:-100], "cannot be unpacked after"),
        (PACKED[:-8] + bytes(8), "cannot be unpacked after"),
    ],
    # Some of the bodies have the time in them.
    ids=[*(f"body {i}" for i in range(13))],
)
def test_what_is_no_table_is_not_put_in_place(
    server: Server, destination: Path, body: bytes, problem: str
) -> None:
    destination.parent.mkdir()
    destination.write_bytes(b"older")
    server.answers = [answer(200, body, ETag=ETAG), answer(200, PACKED, ETag=ETAG)]
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        fetch(server.url, destination, sha256=None, contents=table_problem)
    assert str(caught.value).isprintable()
    assert beside(destination) == ["file.gz"]
    assert destination.read_bytes() == b"older"
    # The next run is not stuck with it.
    assert fetch(server.url, destination, sha256=None, contents=table_problem).bytes == len(PACKED)


@pytest.mark.parametrize("body", [TEXT, PACKED, b"\xef\xbb\xbfa b\n", b"\xe4 latin-1\n"])
def test_what_may_be_a_table(server: Server, destination: Path, body: bytes) -> None:
    server.answers = [answer(200, body)]
    fetch(server.url, destination, sha256=None, contents=table_problem)
    assert destination.read_bytes() == body


def test_a_file_that_unpacks_to_far_more_than_its_size(
    packed: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SMALL", 1 << 20)
    packed.write_bytes(gzip.compress(b"a" * 50_000_000))
    assert "unpacks to more than" in table_problem(packed)
    with pytest.raises(InputError, match=r"in\.gz: unpacks to more than [\d,]+ bytes"):
        unpack(packed, destination)
    assert not destination.parent.exists() or beside(destination) == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: data[:-1000], "the file is cut short"),
        (lambda _: PAGE, "this is a web page or XML"),
        (as_zip, "this is a zip archive"),
        (gzip.compress, "the file is compressed by gzip"),
        (lambda _: b"Too many requests.", "this is no HDF5 file"),
        (lambda _: b"", "no HDF5 file|nothing|0 bytes"),
    ],
)
def test_what_is_no_file_of_cells(
    server: Server, destination: Path, damage: Callable[[bytes], bytes], problem: str
) -> None:
    whole = destination.with_name("whole.h5ad")
    names = np.array(["a", "b"])
    write_h5ad(
        whole,
        np.eye(2),
        obs_names=("cell", names),
        obs={},
        var_names=("gene", names),
        var={},
        layers={},
        uns={},
    )
    good = whole.read_bytes()
    whole.unlink()
    server.answers = [answer(200, damage(good)), answer(200, good)]
    with pytest.raises(InputError, match=problem):
        fetch(server.url, destination, sha256=None, contents=h5ad_problem)
    assert beside(destination) == []
    assert fetch(server.url, destination, sha256=None, contents=h5ad_problem).bytes == len(good)


def test_a_byte_now_and_then_is_given_up(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WINDOW", 0.2)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, BODY, 10, ETag=ETAG)
        while not done.wait(0.02):
            handler.wfile.write(b"x")

    server.answers = [drip]
    try:
        with pytest.raises(InputError, match=rf"of {len(BODY)} bytes arrived .* in the last 0 s"):
            get(server, destination)
    finally:
        done.set()
    assert len(server.seen) == 2
    assert not destination.exists()


def test_a_pause_that_the_server_asks_for_is_told(
    server: Server,
    destination: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.01)
    server.answers = [answer(503, Retry_After="86400"), answer(200, BODY)]
    with caplog.at_level(logging.INFO):
        get(server, destination)
    assert caplog.messages == [
        "the server is busy and asks for a pause; next attempt in 0 s",
    ]


@pytest.mark.parametrize("pause", ["soon", "9" * 5000, "-1", "\x1b[2J", "Mon, 99 Jan 99999"])
def test_a_pause_that_makes_no_sense(server: Server, destination: Path, pause: str) -> None:
    server.answers = [answer(503, Retry_After=pause), answer(200, BODY)]
    assert get(server, destination).sha256 == SHA256


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1",
        "http://[not]/x",
        "http://host:port/x",
        "http://127.0.0.1:99999/x",
        "http://" + "a" * 300 + ".test/x",
        "http://..test/x",
        "//",
        "\x1b[31mred",
        "http://*.test/",
    ],
)
def test_a_redirect_to_nowhere(server: Server, destination: Path, location: str) -> None:
    server.answers = [answer(302, Location=location), answer(404)]
    with pytest.raises(InputError, match=r"cannot be fetched|status 404") as caught:
        get(server, destination)
    assert str(caught.value).isprintable()
    assert beside(destination) == []


@pytest.mark.parametrize("length", ["9" * 5000, "-5", "many", "1, 2"])
def test_a_length_that_is_none(server: Server, destination: Path, length: str) -> None:
    server.answers = [answer(200, BODY, Content_Length=length)]
    with contextlib.suppress(InputError):
        assert get(server, destination).sha256 == SHA256


def test_words_of_the_server_do_not_reach_the_terminal(server: Server, destination: Path) -> None:
    def shout(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 418 \x1b[31mred\x07\r\nContent-Length: 0\r\n\r\n")
        handler.close_connection = True

    server.answers = [shout]
    with pytest.raises(InputError, match=r"status 418 \\x1b\[31mred\\x07"):
        get(server, destination)


def test_passwords_and_tokens_stay_in_the_url(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOES_TOKEN", "hunter2")
    host = server.url.removeprefix("http://")
    url = f"http://name:pass@{host}?id=7&token=${{ECHOES_TOKEN}}"
    shown = f"{server.url}?id=…&token=…"
    server.answers = [
        ranged(keep=600_000, ETag=ETAG),
        answer(302, Location="http://other:hunter2@[/?sig=hunter2"),
        ranged(ETag=ETAG),
    ]
    with pytest.raises(InputError) as caught:
        fetch(url, destination, sha256=None)
    assert caught.value.file == shown
    assert "hunter2" not in str(caught.value)
    assert "pass@" not in str(caught.value)
    kept = destination.with_name(".file.gz.part.json").read_text()
    assert "hunter2" not in kept
    assert "pass" not in kept
    assert fetch(url, destination, sha256=SHA256).source == shown
    assert server.paths == ["/file.gz?id=7&token=hunter2"] * 3
    assert server.seen[0]["Authorization"] == "Basic bmFtZTpwYXNz"


def test_a_url_with_a_variable_that_is_not_set(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ECHOES_TOKEN", raising=False)
    with pytest.raises(InputError, match="the environment has no variable ECHOES_TOKEN"):
        fetch("http://host.test/?token=${ECHOES_TOKEN}", destination, sha256=None)


def test_no_server_and_a_token(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOES_TOKEN", "hunter2")
    server.socket.close()
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        fetch(f"{server.url}/${{ECHOES_TOKEN}}/a?b=hunter2", destination, sha256=None)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://host.test/file?id=1", False),
        ("https://host.test/file?token=${TOKEN}&id=1", False),
        ("https://${USER}:${PASSWORD}@host.test/file", False),
        ("https://host.test/token/file", False),
        ("https://user@host.test/file", True),
        ("https://user:word@host.test/file", True),
        ("https://host.test/file?id=1&access_token=abc", True),
        ("https://host.test/file?X-Amz-Signature=abc", True),
        ("https://host.test/file?api_key=abc${X}", True),
    ],
)
def test_what_is_a_secret_in_a_url(url: str, secret: bool) -> None:
    assert has_secret(url) == secret

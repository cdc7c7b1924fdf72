"""Whatever is in a file of a user: it is read, or there is the one error for the user."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echoes.io.errors import InputError
from readers import READERS, Reader, cells_reader

#: Seconds of the long search; ECHOES_FUZZ says how many.
SECONDS = float(os.environ.get("ECHOES_FUZZ", "60"))
#: What is put into files: signs of formats and tables, numbers, names, and characters of all kinds.
PIECES = [
    *(
        b"\x00",
        b"\xff",
        b'"',
        b",",
        b"\n",
        b"\r",
        b"\t",
        b";",
        b" ",
        b"''",
        b"<",
        b"&amp;",
        b"\x85",
    ),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\xc3", b"\x1b[2J"),
    *(b"nan", b"inf", b"-1", b"1e400", b"1e30", b"1,5", b"9" * 30, b"-", b"#", b"NA", b"1001"),
    *(b"\xe2\x80\x8b", b"\xf0\x9f\x98\x80", b"\xe2\x80\xa8", b"TP53", b"non-targeting"),
]


def spoil(content: bytes, seed: int) -> bytes:
    """Change a file in a few places."""
    draw = random.Random(seed)  # noqa: S311 - this is no secret
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        at = draw.randrange(len(content) + 1)
        to = at + draw.choice([0, 1, 2, 8, 50, 1000])
        kind = draw.randrange(6)
        lines = content.split(b"\n")
        one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        if kind == 0:
            content = content[:at] + draw.choice(PIECES) + content[to:]
        elif kind == 1:
            content = content[:to] + content[at:]
        elif kind == 2:
            content = content[:at] + draw.randbytes(min(to - at, 8)) + content[to:]
        elif kind == 3:
            lines.insert(one, lines[other])
            content = b"\n".join(lines)
        elif kind == 4:
            cells = re.split(rb"([,\t ])", lines[one])
            cells[draw.randrange(len(cells))] = draw.choice([*PIECES, *cells])
            lines[one] = b"".join(cells)
            content = b"\n".join(lines)
        else:
            content = content[:at]
    return content


def try_to_read(folder: Path, reader: Reader, content: bytes) -> None:
    path = folder / reader.name
    path.write_bytes(content)
    try:
        reader.read(path)
        return
    except InputError as error:
        said = str(error)
    assert "; expected " in said
    assert len(said) < 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


@pytest.mark.parametrize("name", READERS)
def test_a_spoilt_file_is_read_or_refused(folder: Path, name: str) -> None:
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.integers(0, 2**40))
    def check(seed: int) -> None:
        try_to_read(folder, READERS[name], spoil(READERS[name].content, seed))

    check()


def test_damaged_cells_are_read_or_refused(folder: Path) -> None:
    reader = cells_reader(folder)
    # 62, 83, 104: errors of HDF5 in other places than at the beginning.
    for seed in (*range(40), 62, 83, 104):
        try_to_read(folder, reader, spoil(reader.content, seed))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("GraphML", (b'"UTF-8"', b'"UT-8"')),
        ("GraphML", (b'"UTF-8"', b'"UTF-7"')),
        ("GraphML", (b"<graph ", b"<grape ")),
        ("edges", (b"MYC,B2M,0.25", b"\xed,,,\xed")),
    ],
)
def test_what_a_search_has_found(folder: Path, name: str, change: tuple[bytes, bytes]) -> None:
    reader = READERS[name]
    content = reader.content.replace(*change)
    assert content != reader.content
    (folder / reader.name).write_bytes(content)
    with pytest.raises(InputError):
        reader.read(folder / reader.name)


@pytest.mark.long
def test_a_long_search(folder: Path) -> None:
    readers = [*READERS.values(), cells_reader(folder)]
    seed = int(time.time() * 1000)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        seed += 1
        reader = readers[seed % len(readers)]
        try:
            try_to_read(folder, reader, spoil(reader.content, seed))
        except Exception as error:
            raise AssertionError(f"{reader.name}, seed {seed}") from error

"""STRING's tables: what is kept of them, what is counted, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from echoes.io import tables
from echoes.io.errors import InputError
from echoes.network.graph import Links
from echoes.network.string_db import read_info, read_links

INFO_HEADER = "#string_protein_id\tpreferred_name\tprotein_size\tannotation\n"
HEADER = "protein1 protein2 combined_score\n"
INFO = {"9606.P1": "A", "9606.P2": "B", "9606.P3": "C", "9606.P4": "D", "9606.P5": "A"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.txt"


def edges(links: Links) -> list[tuple[str, str, int]]:
    return [
        (links.names[i], links.names[j], score)
        for i, j, score in zip(links.source, links.target, links.score.tolist(), strict=True)
    ]


def read(
    path: Path, lines: str, core: frozenset[str] = frozenset("ABCD"), threshold: float = 0.0
) -> Links:
    path.write_text(HEADER + lines)
    return read_links(path, INFO, core, threshold)


def test_info_with_quotes_in_annotations(path: Path) -> None:
    path.write_text(
        INFO_HEADER
        + '9606.P1\tA\t10\tBinds "this, and\n'
        + '9606.P2\tB\t20\t"that"; 5\'-end\n'
        + "9606.P3\tA\t\t\n"
        + '9606.P4\t"D"\t5\ta " b\n'
    )
    assert read_info(path) == {"9606.P1": "A", "9606.P2": "B", "9606.P3": "A", "9606.P4": '"D"'}


def test_info_in_another_order_of_columns(path: Path) -> None:
    path.write_text("preferred_name\tannotation\t#string_protein_id\nA\t\t1\nB\tx y\t2\n")
    assert read_info(path) == {"1": "A", "2": "B"}


def test_compressed_info(tmp_path: Path) -> None:
    path = tmp_path / "info.txt.gz"
    path.write_bytes(gzip.compress((INFO_HEADER + "p\tα\t1\tx\n").encode()))
    assert read_info(path) == {"p": "α"}


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (
            INFO_HEADER + "p\tA\t1\t\nq\tB\t1\t\np\tC\t1\t\n",
            "column #string_protein_id",
            "p stands",
        ),
        (INFO_HEADER + "\tA\t1\t\n", "column #string_protein_id, row 1", "empty name"),
        (INFO_HEADER + "p\tA\t1\t\nq\t\t1\t\n", "column preferred_name, row q", "empty name"),
        (INFO_HEADER + "p\tA\t1\n", "line 2", "3 fields"),
        ("#string_protein_id\tname\np\tA\n", "line 1", "column preferred_name is missing"),
        ("protein1 protein2 combined_score\n", "line 1", "is missing"),
        ("", "line 1", "empty"),
    ],
)
def test_bad_info(path: Path, content: str, place: str, problem: str) -> None:
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_info(path)
    assert caught.value.file == str(path)
    assert caught.value.place == place
    assert problem in caught.value.problem


def test_links_as_they_stand(path: Path) -> None:
    links = read(path, "9606.P1 9606.P2 700\n9606.P2 9606.P1 700\n9606.P4 9606.P5 999\n")
    assert edges(links) == [("A", "B", 700), ("B", "A", 700), ("D", "A", 999)]
    assert links.file == str(path)
    assert links.names == ("A", "B", "C", "D")
    assert (links.rows, links.unmapped) == (3, 0)
    assert links.score.dtype == np.int32


@pytest.mark.parametrize("score", range(0, 1001, 50))
def test_a_score_on_the_threshold_is_kept(path: Path, score: int) -> None:
    lines = "".join(
        f"9606.P1 9606.P2 {s}\n" for s in (score - 1, score, score + 1) if 0 <= s < 1001
    )
    kept = [kept for _, _, kept in edges(read(path, lines, threshold=score / 1000))]
    assert kept == [s for s in (score, score + 1) if s <= 1000]
    # Also as a threshold is written by hand.
    assert len(edges(read(path, lines, threshold=float(f"{score / 1000:.3f}")))) == len(kept)


def test_unmapped_rows_are_counted(path: Path) -> None:
    links = read(path, "x 9606.P2 700\n9606.P2 y 1\nx y 5\n9606.P1 9606.P2 9\n", threshold=0.5)
    assert edges(links) == []
    assert (links.rows, links.unmapped) == (4, 3)


def test_core_filter(path: Path) -> None:
    lines = "9606.P1 9606.P2 1\n9606.P2 9606.P1 2\n9606.P2 9606.P3 3\n9606.P3 9606.P4 4\n"
    links = read(path, lines, frozenset({"A", "D", "absent"}))
    assert edges(links) == [("A", "B", 1), ("B", "A", 2), ("C", "D", 4)]
    assert (links.rows, links.unmapped) == (4, 0)
    assert edges(read(path, lines, frozenset())) == []


@pytest.mark.parametrize(
    ("score", "place", "problem"),
    [
        ("-1", "column combined_score, line 3", "-1"),
        ("1001", "column combined_score, line 3", "1001"),
        ("0.7", "column combined_score, row 9606.P2 (line 3)", "'0.7' is not a whole number"),
        ("x", "column combined_score, row 9606.P2 (line 3)", "'x' is not a whole number"),
        ("", "column combined_score, row 9606.P2 (line 3)", "an empty cell is not a whole number"),
        ("7 8", "line 3", "4 fields"),
    ],
)
def test_bad_scores(path: Path, score: str, place: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read(path, f"9606.P1 9606.P2 1\n9606.P2 9606.P1 {score}\n9606.P1 9606.P2 3\n")
    assert (caught.value.place, caught.value.problem) == (place, problem)


def test_a_bad_score_of_an_unmapped_row_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="line 2: 2000"):
        read(path, "x y 2000\n9606.P1 9606.P2 1\n")


def test_a_bad_score_in_a_later_block_has_its_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 200)
    with pytest.raises(InputError, match="column combined_score, line 102: 1001"):
        read(path, "9606.P1 9606.P2 10\n" * 100 + "9606.P1 9606.P2 1001\n9606.P1 9606.P2 10\n")


@pytest.mark.parametrize(
    ("lines", "rows"), [("", 0), ("x y 1\n", 1), ("9606.P1 y 1\nx 9606.P2 1\n", 2)]
)
def test_no_mapped_row(path: Path, lines: str, rows: int) -> None:
    with pytest.raises(InputError) as caught:
        read(path, lines)
    assert caught.value.problem.startswith(f"none of {rows} links")
    assert "9606.P1, 9606.P2" in caught.value.expected


def test_another_order_of_columns(path: Path) -> None:
    path.write_text("combined_score more protein2 protein1\n700 z 9606.P2 9606.P1\n")
    assert edges(read_links(path, INFO, {"A"}, 0)) == [("A", "B", 700)]


def test_a_missing_column(path: Path) -> None:
    path.write_text("protein1 protein2 score\na b 1\n")
    with pytest.raises(InputError, match="column combined_score is missing"):
        read_links(path, INFO, {"A"}, 0)


def many() -> str:
    rng = np.random.default_rng(0)
    ends = rng.integers(1, 8, (3000, 2))
    scores = rng.integers(0, 1001, 3000)
    return "".join(f"9606.P{a} 9606.P{b} {s}\n" for (a, b), s in zip(ends, scores, strict=True))


@pytest.mark.parametrize("block", [60, 100, 1000, 12345])
def test_links_do_not_depend_on_the_size_of_a_block(
    path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    whole = read(path, many(), frozenset("AB"), 0.3)
    monkeypatch.setattr(tables, "_BLOCK_BYTES", block)
    parts = read(path, many(), frozenset("AB"), 0.3)
    assert 0 < len(whole.score) < whole.rows - whole.unmapped
    assert whole.unmapped > 0
    for one, other in zip(vars(whole).values(), vars(parts).values(), strict=True):
        assert np.array_equal(one, other)


def test_links_against_plain_python(path: Path) -> None:
    expected = []
    for line in many().splitlines():
        one, two, score = line.split()
        ends = (INFO.get(one), INFO.get(two))
        if None not in ends and {"A", "B"} & set(ends) and int(score) >= 300:
            expected.append((*ends, int(score)))
    assert edges(read(path, many(), frozenset("AB"), 0.3)) == expected


def test_compressed_links(path: Path) -> None:
    packed = path.with_name("links.txt.gz")
    packed.write_bytes(gzip.compress((HEADER + many()).encode()))
    plain = read(path, many())
    assert edges(read_links(packed, INFO, frozenset("ABCD"), 0)) == edges(plain)

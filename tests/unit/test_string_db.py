"""STRING's tables: what is kept of them, what is counted, and what is refused."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from echoes.io import tables
from echoes.io.errors import InputError
from echoes.network.graph import build_network
from echoes.network.links import Links
from echoes.network.string_db import RowCounts, read_info, read_links

INFO_HEADER = "#string_protein_id\tpreferred_name\tprotein_size\tannotation\n"
HEADER = "protein1 protein2 combined_score\n"
INFO = {"9606.P1": "A", "9606.P2": "B", "9606.P3": "C", "9606.P4": "D", "9606.P5": "A"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.txt"


def pairs_of(links: Links) -> list[tuple[str, str, float]]:
    return [
        (links.names[i], links.names[j], weight)
        for i, j, weight in zip(links.source, links.target, links.weight.tolist(), strict=True)
    ]


def both_ways(*rows: tuple[str, str, int]) -> str:
    """Rows as they stand in a file, each in both directions."""
    return "".join(f"9606.{a} 9606.{b} {s}\n9606.{b} 9606.{a} {s}\n" for a, b, s in rows)


def read(
    path: Path, lines: str, core: frozenset[str] = frozenset("ABCD"), threshold: float = 0.0
) -> tuple[Links, RowCounts]:
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
            "p occurs",
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


def test_links_have_one_direction_and_are_sorted(path: Path) -> None:
    links, counts = read(path, both_ways(("P2", "P3", 700), ("P4", "P1", 999), ("P2", "P1", 1)))
    assert pairs_of(links) == [("A", "B", 0.001), ("A", "D", 0.999), ("B", "C", 0.7)]
    assert links.file == str(path)
    assert links.names == ("A", "B", "C", "D")
    assert counts == RowCounts(total=6, unmapped=0, kept=6)
    assert links.source.dtype == links.target.dtype == np.int32
    assert links.weight.dtype == np.float64


def test_proteins_of_one_gene_add_up(path: Path) -> None:
    rows = [("P1", "P2", 500), ("P5", "P2", 750), ("P1", "P5", 625), ("P2", "P3", 500)]
    links, counts = read(path, both_ways(*rows))
    # A's two proteins link it to itself.
    assert pairs_of(links) == [("A", "A", 0.625), ("A", "B", 1.25), ("B", "C", 0.5)]
    assert counts.kept == 8
    network = build_network(links, {"A"}, self_loop=1, edge_multiplicity=1)
    # Both ends of that link are A's.
    np.testing.assert_array_equal(network.adjacency.toarray()[0], [2.25, 1.25, 0])


def test_a_pair_counts_once(path: Path) -> None:
    once = both_ways(("P1", "P2", 500), ("P5", "P2", 500), ("P2", "P3", 250))
    links, counts = read(path, once * 3 + once[: len(once) // 2])
    assert pairs_of(links) == pairs_of(read(path, once)[0]) == [("A", "B", 1.0), ("B", "C", 0.25)]
    assert counts.total == 21


@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.5])
@pytest.mark.parametrize("rows", [(500, 250), (250, 500), (500, 500, 499)])
def test_different_scores_of_one_pair(path: Path, rows: tuple[int, ...], threshold: float) -> None:
    lines = both_ways(("P3", "P4", 900), *(("P1", "P2", score) for score in rows))
    with pytest.raises(InputError) as caught:
        read(path, lines, threshold=threshold)
    assert str(caught.value).startswith(
        f"{path}: 9606.P1 and 9606.P2: different scores of one pair; expected one score for each "
    )


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_another_separator(path: Path, separator: str) -> None:
    plain, _ = read(path, many())
    path.write_text((HEADER + many()).replace(" ", separator))
    links, _ = read_links(path, INFO, frozenset("ABCD"), 0.0)
    assert pairs_of(links) == pairs_of(plain)
    path.write_text((INFO_HEADER + "9606.P1\tA\t1\tx\n").replace("\t", separator))
    assert read_info(path) == {"9606.P1": "A"}


def test_links_of_no_confidence_are_no_links(path: Path) -> None:
    links, counts = read(path, both_ways(("P1", "P2", 0), ("P2", "P3", 1)))
    assert pairs_of(links) == [("B", "C", 0.001)]
    assert counts.kept == 4


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_no_bit(path: Path, seed: int) -> None:
    info = {f"{gene}{i}": gene for gene in "ABC" for i in range(7)}
    scores = [700, 800, 900, 600, 333, 101, 1]
    rows = [(f"{a}{i}", f"{b}{i}", s) for a, b in ("AB", "AC") for i, s in enumerate(scores)]
    lines = both_ways(*rows).replace("9606.", "").splitlines(keepends=True)
    expected = None
    for order in (np.arange(len(lines)), np.random.default_rng(seed).permutation(len(lines))):
        path.write_text(HEADER + "".join(lines[i] for i in order))
        links, _ = read_links(path, info, None, 0.0)
        expected = expected or links
        assert links.weight.tobytes() == expected.weight.tobytes()
        assert pairs_of(links) == pairs_of(expected)
    assert expected is not None
    assert expected.weight.tolist() == [sum(scores) / 1000] * 2


@pytest.mark.parametrize("other", ["", "9606.P2 9606.P3 625\n"], ids=["missing", "different"])
def test_one_direction_names_the_pair(path: Path, other: str) -> None:
    lines = both_ways(("P1", "P2", 500)) + "9606.P3 9606.P2 500\n" + other
    with pytest.raises(InputError, match=r"table\.txt: B and C: the two directions"):
        read(path, lines)


@pytest.mark.parametrize("score", range(0, 1001, 50))
def test_a_score_on_the_threshold_is_kept(path: Path, score: int) -> None:
    near = [s for s in (score - 1, score, score + 1) if 0 <= s < 1001]
    lines = both_ways(*(("P1", end, s) for end, s in zip(("P2", "P3", "P4"), near, strict=False)))
    kept = [s for s in near if s >= score]
    for threshold in (score / 1000, float(f"{score / 1000:.3f}")):  # as it is written by hand
        links, counts = read(path, lines, threshold=threshold)
        assert counts.kept == 2 * len(kept)
        assert links.weight.tolist() == [s / 1000 for s in kept if s]


def test_unmapped_rows_are_counted(path: Path) -> None:
    lines = "x 9606.P2 700\n9606.P2 y 1\nx y 5\n9606.P1 9606.P2 9\n"
    links, counts = read(path, lines, threshold=0.5)
    assert pairs_of(links) == []
    assert counts == RowCounts(total=4, unmapped=3, kept=0)


def test_core_filter(path: Path) -> None:
    lines = both_ways(("P1", "P2", 1), ("P2", "P3", 3), ("P3", "P4", 4))
    links, counts = read(path, lines, frozenset({"A", "D", "absent"}))
    assert pairs_of(links) == [("A", "B", 0.001), ("C", "D", 0.004)]
    assert counts == RowCounts(total=6, unmapped=0, kept=4)
    assert pairs_of(read(path, lines, frozenset())[0]) == []


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
    path.write_text(
        "combined_score more protein2 protein1\n700 z 9606.P2 9606.P1\n700 z 9606.P1 9606.P2\n"
    )
    assert pairs_of(read_links(path, INFO, {"A"}, 0)[0]) == [("A", "B", 0.7)]


def test_a_missing_column(path: Path) -> None:
    path.write_text("protein1 protein2 score\na b 1\n")
    with pytest.raises(InputError, match="column combined_score is missing"):
        read_links(path, INFO, {"A"}, 0)


def many() -> str:
    # Some pairs are there many times, with one score.
    rng = np.random.default_rng(0)
    ends = np.sort(rng.integers(1, 8, (1500, 2))).tolist()
    return both_ways(*((f"P{a}", f"P{b}", 613 * (8 * a + b) % 1001) for a, b in ends))


@pytest.mark.parametrize("block", [60, 100, 1000, 12345])
def test_links_do_not_depend_on_the_size_of_a_block(
    path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    whole, counts = read(path, many(), frozenset("AB"), 0.3)
    monkeypatch.setattr(tables, "_BLOCK_BYTES", block)
    parts, again = read(path, many(), frozenset("AB"), 0.3)
    assert counts == again
    assert 0 < counts.kept < counts.total - counts.unmapped
    assert counts.unmapped > 0
    for one, other in zip(vars(whole).values(), vars(parts).values(), strict=True):
        assert np.array_equal(one, other)


def test_links_against_plain_python(path: Path) -> None:
    scores: Counter[tuple[str, str]] = Counter()
    kept = 0
    seen = set()
    for line in many().splitlines():
        one, two, score = line.split()
        if one in INFO and two in INFO:
            first, second = sorted((INFO[one], INFO[two]))
            if {"A", "B"} & {first, second} and int(score) >= 300:
                if frozenset((one, two)) not in seen:
                    scores[first, second] += int(score)
                seen.add(frozenset((one, two)))
                kept += 1
    links, counts = read(path, many(), frozenset("AB"), 0.3)
    expected = [(*pair, total / 1000) for pair, total in sorted(scores.items())]
    assert pairs_of(links) == expected
    assert counts.kept == kept


def test_compressed_links(path: Path) -> None:
    packed = path.with_name("links.txt.gz")
    packed.write_bytes(gzip.compress((HEADER + many()).encode()))
    plain, counts = read(path, many())
    links, again = read_links(packed, INFO, frozenset("ABCD"), 0)
    assert pairs_of(links) == pairs_of(plain)
    assert again == counts

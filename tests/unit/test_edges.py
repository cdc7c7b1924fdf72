"""Edge lists of any program: what is read, and what is refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from echoes.io import delimited
from echoes.io.errors import InputError
from echoes.network.edge_rows import EdgeCounts
from echoes.network.edges import read_edges
from echoes.network.graph import build_network
from echoes.network.links import Links
from echoes.network.string_db import read_info, read_links

PAIRS = [("TP53", "MDM2", 0.9), ("MYC", "TP53", 0.25), ("MAX", "MYC", 1.0), ("EP300", "TP53", 0.5)]
BY_NAME: dict[str, Any] = {"source": "a", "target": "b", "weight": "w"}
BY_PLACE: dict[str, Any] = {"source": 1, "target": 2, "weight": 3, "header": False}


def pairs_of(links: Links) -> list[tuple[str, str, float]]:
    """Links by name, as a plain list."""
    return [
        (links.names[i], links.names[j], weight)
        for i, j, weight in zip(links.source, links.target, links.weight.tolist(), strict=True)
    ]


def expected(pairs: list[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    return sorted((*sorted((a, b)), w) for a, b, w in pairs)  # type: ignore[misc]


def text(separator: str, *, header: bool = True) -> str:
    rows = [["a", "b", "w"]] if header else []
    rows += [[a, b, str(w)] for a, b, w in PAIRS]
    return "".join(separator.join(row) + "\n" for row in rows)


GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="d0" for="node" attr.name="name" attr.type="string"/>
  <key id="d1" for="edge" attr.name="confidence" attr.type="double"><default>1.0</default></key>
  <key id="d2" for="edge" attr.name="name" attr.type="string"/>
  <graph edgedefault="undirected">
{}  </graph>
</graphml>
"""


def graphml(pairs: list[tuple[str, str, float]] = PAIRS) -> str:
    genes = sorted({gene for a, b, _ in pairs for gene in (a, b)})
    nodes = [
        f'<node id="n{i}"><data key="d0">{gene}</data></node>\n' for i, gene in enumerate(genes)
    ]
    # The edges first: a file may have them in any order.
    edges = [
        f'<edge source="n{genes.index(a)}" target="n{genes.index(b)}"><data key="d2">x</data>'
        + (f'<data key="d1">{w}</data></edge>\n' if w != 1 else "</edge>\n")
        for a, b, w in pairs
    ]
    return GRAPHML.format("".join([*edges, *nodes]))


@pytest.mark.parametrize("separator", ["\t", ",", ";", " "])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("pack", [str.encode, lambda t: gzip.compress(t.encode())])
def test_text(tmp_path: Path, separator: str, header: bool, pack: Callable[[str], bytes]) -> None:
    path = tmp_path / "links"
    path.write_bytes(pack(text(separator, header=header)))
    links, counts = read_edges(path, **(BY_NAME if header else BY_PLACE))
    assert pairs_of(links) == expected(PAIRS)
    assert links.file == str(path)
    assert counts == EdgeCounts(total=4, self_links=0, repeated=0, kept=4)


@pytest.mark.parametrize("change", ["bom", "crlf", "quotes", "blank lines"])
def test_text_as_other_programs_write_it(tmp_path: Path, change: str) -> None:
    content = text(",")
    if change == "bom":
        content = "\ufeff" + content
    elif change == "crlf":
        content = content.replace("\n", "\r\n")
    elif change == "quotes":
        content = content.replace("TP53", '"TP53"').replace("a,b", '"a","b"')
    else:
        content = content.replace("\n", "\n\n")
    path = tmp_path / "links.csv"
    path.write_bytes(content.encode())
    assert pairs_of(read_edges(path, **BY_NAME)[0]) == expected(PAIRS)


@pytest.mark.parametrize("names", [pa.string(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("weights", [pa.float64(), pa.string()])
def test_parquet(tmp_path: Path, names: pa.DataType, weights: pa.DataType) -> None:
    path = tmp_path / "links.parquet"
    a, b, w = zip(*PAIRS, strict=True)
    columns = {"w": pa.array(w).cast(weights), "b": pa.array(b).cast(names), "a": pa.array(a)}
    pq.write_table(pa.table(columns), path)
    assert pairs_of(read_edges(path, **BY_NAME)[0]) == expected(PAIRS)


def test_whole_scores_and_entrez_ids_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "links.parquet"
    pq.write_table(pa.table({"a": [7157, 4609], "b": [4193, 7157], "w": [900, 250]}), path)
    links, _ = read_edges(path, **BY_NAME, scale=1000)
    assert pairs_of(links) == [("4193", "7157", 0.9), ("4609", "7157", 0.25)]


@pytest.mark.parametrize("ending", ["graphml", "xml", "graphml.gz"])
def test_graphml(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"links.{ending}"
    content = graphml().encode()
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    links, _ = read_edges(path, source="name", target="name", weight="confidence")
    assert pairs_of(links) == expected(PAIRS)
    # Without attributes the ids are the names and each link has the weight 1.
    links, _ = read_edges(path, source=None, target=None, weight=None)
    assert links.names == ("n0", "n1", "n2", "n3", "n4")
    assert links.weight.tolist() == [1] * 4


def test_sif(tmp_path: Path) -> None:
    path = tmp_path / "links.sif"
    path.write_text("A pp B C\n\nalone\nD pd A\nC pp A\n")
    links, counts = read_edges(path, source=None, target=None, weight=None)
    assert pairs_of(links) == [("A", "B", 1), ("A", "C", 1), ("A", "D", 1)]
    assert counts == EdgeCounts(total=4, self_links=0, repeated=1, kept=3)
    # With a tab in the file, names may have spaces.
    path.write_text("A 1\tpp\tB\tC 2\n")
    links, _ = read_edges(path, source=None, target=None, weight=None)
    assert pairs_of(links) == [("A 1", "B", 1), ("A 1", "C 2", 1)]


def test_all_formats_give_one_adjacency(tmp_path: Path) -> None:
    ones = [(a, b, 1.0) for a, b, _ in PAIRS]
    (tmp_path / "a.tsv").write_text("".join(f"{b}\t{a}\n" for a, b, _ in ones))
    (tmp_path / "a.graphml").write_text(graphml(ones))
    (tmp_path / "a.sif").write_text("TP53 pp MDM2 MYC EP300\nMAX pp MYC\n")
    string, info = tmp_path / "string.txt", tmp_path / "info.txt"
    rows = [f"9.{x} 9.{y} 1000\n" for a, b, _ in ones for x, y in ((a, b), (b, a))]
    string.write_text("protein1 protein2 combined_score\n" + "".join(rows))
    genes = sorted({gene for a, b, _ in ones for gene in (a, b)})
    info.write_text(
        "#string_protein_id\tpreferred_name\n" + "".join(f"9.{g}\t{g}\n" for g in genes)
    )
    nothing: dict[str, Any] = {"source": None, "target": None, "weight": None}
    found = [
        read_edges(tmp_path / "a.tsv", source=1, target=2, weight=None, header=False)[0],
        read_edges(tmp_path / "a.graphml", source="name", target="name", weight=None)[0],
        read_edges(tmp_path / "a.sif", **nothing)[0],
        read_links(string, read_info(info), set(genes), 0)[0],
    ]
    networks = [build_network(x, genes, self_loop=1, edge_multiplicity=2) for x in found]
    for network in networks:
        assert network.genes == networks[0].genes
        dense = network.adjacency.toarray()
        np.testing.assert_array_equal(dense, networks[0].adjacency.toarray())
    assert networks[0].adjacency.sum() == 2 * 2 * len(ones) + len(genes)


def table(path: Path, rows: str, **settings: Any) -> tuple[Links, EdgeCounts]:
    path.write_text("a,b,w\n" + rows)
    return read_edges(path, **(BY_NAME | settings))


def test_one_pair_counts_once(tmp_path: Path) -> None:
    rows = "A,B,0.5\nB,A,0.5\nA,B,0.5\nC,C,0.7\nB,C,0\n"
    links, counts = table(tmp_path / "x", rows)
    assert pairs_of(links) == [("A", "B", 0.5)]
    assert links.names == ("A", "B", "C")
    assert counts == EdgeCounts(total=5, self_links=1, repeated=2, kept=1)


def test_only_self_links(tmp_path: Path) -> None:
    links, counts = table(tmp_path / "x", "A,A,0.5\nB,B,0.5\n", directed="both")
    assert pairs_of(links) == []
    assert counts == EdgeCounts(total=2, self_links=2, repeated=0, kept=0)


def test_both_directions(tmp_path: Path) -> None:
    links, counts = table(tmp_path / "x", "A,B,0.5\nC,A,1\nB,A,0.5\nA,C,1\n", directed="both")
    assert pairs_of(links) == [("A", "B", 0.5), ("A", "C", 1)]
    assert counts.repeated == 2
    with pytest.raises(InputError, match="line 3: C and A is there in one direction only"):
        table(tmp_path / "x", "A,B,0.5\nC,A,1\nB,A,0.5\n", directed="both")


def test_threshold_and_core(tmp_path: Path) -> None:
    rows = "A,B,500\nB,C,400\nC,D,900\n"
    assert pairs_of(table(tmp_path / "x", rows, scale=1000, threshold=0.5)[0]) == [
        ("A", "B", 0.5),
        ("C", "D", 0.9),
    ]
    links, counts = table(tmp_path / "x", rows, scale=1000, core={"D", "absent"})
    assert pairs_of(links) == [("C", "D", 0.9)]
    assert counts.kept == 1


def test_links_against_plain_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lines, pairs = [], {}
    for i, j in rng.integers(0, 40, (2000, 2)).tolist():
        low, high = sorted((f"G{i}", f"G{j}"))
        weight = pairs.setdefault((low, high), float(rng.random()))
        lines.append(f"G{i},G{j},{weight * 7!r}\n")
    core = {f"G{i}" for i in range(5)}
    kept = sorted(
        (a, b, w * 7 / 7) for (a, b), w in pairs.items() if a != b and w >= 0.3 and {a, b} & core
    )
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 1000)
    links, counts = table(tmp_path / "x", "".join(lines), scale=7, threshold=0.3, core=core)
    read = pairs_of(links)
    assert [pair[:2] for pair in read] == [pair[:2] for pair in kept]
    np.testing.assert_allclose(links.weight, [pair[2] for pair in kept], rtol=1e-14)
    assert counts.total == 2000
    assert counts.total - counts.self_links - counts.repeated == sum(a != b for a, b in pairs)


@pytest.mark.parametrize(
    ("content", "settings", "place", "problem"),
    [
        ("a,b,w\nA,B,0.5\nB,C,x\n", {}, "column w, line 3", "'x' is not a number"),
        ("a,b,w\nA,B,0.5\n\n\nB,C,\n", {}, "column w, line 5", "an empty cell is not a number"),
        ("a;b;w\nA;B;0,5\n", {}, "column w, line 2", "'0,5' is not a number"),
        ("a,b,w\nA,B,0.5\nB,C,1.5\n", {}, "line 3", "the weight 1.5"),
        ("a,b,w\nA,B,-1\n", {}, "line 2", "the weight -1"),
        ("a,b,w\nA,B,nan\n", {}, "line 2", "the weight nan"),
        ("a,b,w\nA,B,900\n", {"scale": 100}, "line 2", "the weight 900"),
        ("a,b,w\nA,B,1\n\nB,C,1\nB,A,0.5\n", {}, "line 2 and line 5", "two weights, 1 and 0.5"),
        ("a,b,w\nA,B,1\nA,B\n", {}, "line 3", "2 fields separated by commas"),
        ("a,b,w\nA,B,1\nA,,1\n", {}, "line 3", "the name '' is empty"),
        ("a,b,w\nA, B,1\n", {}, "line 2", "the name ' B'"),
        ("a,b,v\nA,B,1\n", {}, "line 1", "column w is missing; there are a, b, v, separated by"),
        ("a,b,b\nA,B,1\n", {}, "line 1", "column b stands more than once"),
        ("a,b,w\n", {}, "", "no links"),
        ("", {}, "line 1", "begins with nothing"),
        ("a,b,w\nA,B,0.5\n", BY_PLACE, "line 1", "'a, b, w' is a header, and none was promised"),
        ("A,B,0.5\n", BY_PLACE | {"header": True}, "line 1", "no header, it has a weight"),
        ("A,B,0.5\n", BY_PLACE | {"weight": 4}, "line 1", "column 4 is missing; there are 1 … 3"),
        ("A,B,0.5\n", BY_PLACE | {"target": 1}, "", "one column is named twice"),
        (
            "source\ttarget\nA\tB\n",
            BY_PLACE | {"weight": None},
            "line 1",
            "'source, target' is a header",
        ),
        (
            "a,b,w\nTP53,ENSG00000141510,1\nMYC,ENSG00000136997,1\n",
            {},
            "",
            "mixed kinds of names: 2 symbols such as TP53, 2 Ensembl gene ids such as",
        ),
    ],
)
def test_bad_tables(
    tmp_path: Path, content: str, settings: dict[str, Any], place: str, problem: str
) -> None:
    path = tmp_path / "links.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_edges(path, **(BY_NAME | settings))
    assert caught.value.file == str(path)
    assert caught.value.place == place
    assert problem in caught.value.problem


def test_a_truncated_or_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "links.csv.gz"
    packed = gzip.compress("".join(f"G{i},G{i * 7},{i}\n" for i in range(9999)).encode())
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        read_edges(path, **BY_PLACE, scale=9999)
    path.write_bytes("a,b,w\nA,B,1\n".encode("utf-16"))
    with pytest.raises(InputError, match="this is text in UTF-16"):
        read_edges(path, **BY_NAME)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match="complete parquet file"):
        read_edges(path, **BY_NAME)


def test_two_weights_in_parquet_name_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "links.parquet"
    pq.write_table(pa.table({"a": ["A", "C", "B"], "b": ["B", "B", "A"], "w": [0.1, 1, 0.2]}), path)
    with pytest.raises(InputError, match="row 1 and row 3: A and B has two weights"):
        read_edges(path, **BY_NAME)


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n' + graphml()[39:],
            "line 1",
            "document type",
        ),
        ("<html><body/></html>", "line 1", "the first element is <html>"),
        (graphml()[:-40], "line 15", "no well-formed XML"),
        (graphml().replace('"confidence"', '"other"'), "line 6", "no edge attribute confidence"),
        (graphml().replace("0.25", "x"), "line 8", "the weight 'x' of an edge is not a number"),
        (graphml().replace("0.25", "2.5"), "line 8", "the weight 2.5"),
        (graphml().replace('<node id="n1"', '<node id="n0"'), "line 12", "stands twice"),
        (graphml().replace('<node id="n1"', '<node id="n9"'), "line 9", "no node has the id 'n1'"),
        (graphml().replace("  </graph>", "<hyperedge/></graph>"), "line 16", "a hyperedge"),
        (graphml().replace("  </graph>", "</graph><graph/>"), "line 16", "a second graph"),
    ],
)
def test_bad_graphml(tmp_path: Path, content: str, place: str, problem: str) -> None:
    path = tmp_path / "links.graphml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_edges(path, source="name", target="name", weight="confidence")
    assert problem in str(caught.value)
    assert caught.value.place == place


def test_bad_sif(tmp_path: Path) -> None:
    path = tmp_path / "links.sif"
    path.write_text("A pp B\n\nA B\n")
    with pytest.raises(InputError, match="line 3: 'A B' has two fields"):
        read_edges(path, source=None, target=None, weight=None)
    with pytest.raises(InputError, match="do not fit SIF"):
        read_edges(path, **BY_NAME)


def test_columns_that_do_not_fit_the_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not fit GraphML"):
        read_edges(tmp_path / "x.graphml", source="a", target="b", weight=None)
    with pytest.raises(InputError, match="do not fit a table"):
        read_edges(tmp_path / "x.csv", source=None, target="b", weight=None)

"""The commands that read and combine links: what they make, and one message for a bad file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import combine_networks
import diffuse
import read_edges
from echoes.network.links import Links, links_of_core, load_links, save_links

SCRIPTS = Path(read_edges.__file__).parent
COMMON = ["--scale=1", "--directed=once", "--score-threshold=0"]
BY_NAME = ["--source=a", "--target=b", "--weight=w"]
BY_POSITION = ["--no-header", "--source=1", "--target=2", "--weight=3"]


def arguments(edges: Path, out: Path, *more: str) -> list[str]:
    results = [f"--output={out / 'links.npz'}", f"--record={out / 'links.json'}"]
    return [f"--edges={edges}", *COMMON, *more, *results]


def failed(edges: Path, out: Path, *more: str) -> str:
    """Read a bad file, and give the one line that the command ends with."""
    command = [sys.executable, str(SCRIPTS / "read_edges.py"), *arguments(edges, out, *more)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert not out.exists() or not list(out.iterdir())
    (line,) = (line for line in ended.stderr.splitlines() if line.startswith("error: "))
    return line.removeprefix(f"error: {edges}: ")


def test_links_are_read_again_as_they_were_written(tmp_path: Path) -> None:
    links = Links(
        "α.tsv",
        ("A", 'B "x"', "γ"),
        np.array([0, 0], dtype=np.int32),
        np.array([1, 2], dtype=np.int32),
        np.array([0.1, 1 / 3]),
    )
    save_links(tmp_path / "one.npz", links)
    before = (tmp_path / "one.npz").read_bytes()
    save_links(tmp_path / "one.npz", links)
    assert (tmp_path / "one.npz").read_bytes() == before
    again = load_links(tmp_path / "one.npz")
    assert (again.file, again.names) == (links.file, links.names)
    for name in ("source", "target", "weight"):
        one, other = getattr(again, name), getattr(links, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    core = links_of_core(links, {"γ", "none"})
    assert core.names == links.names
    assert (core.source.tolist(), core.target.tolist()) == ([0], [2])
    assert links_of_core(links, set()).weight.tolist() == []


def test_no_links_at_all(tmp_path: Path) -> None:
    none = np.empty(0, dtype=np.int32)
    save_links(tmp_path / "none.npz", Links("none", (), none, none, np.empty(0)))
    assert load_links(tmp_path / "none.npz").names == ()


def test_read_and_combine(tmp_path: Path) -> None:
    for name, text in (("one", "a,b,w\nX,Y,0.5\nY,Z,0.25\n"), ("two", "a,b,w\nY,X,1\n")):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        read_edges.main(arguments(tmp_path / f"{name}.csv", tmp_path / name, *BY_NAME))
    combine_networks.main([
        *("--networks", "one", "two"),
        *("--links", *(str(tmp_path / name / "links.npz") for name in ("one", "two"))),
        *("--records", *(str(tmp_path / name / "links.json") for name in ("one", "two"))),
        *("--how=mean", "--weights", "3", "1"),
        *(f"--output={tmp_path / 'mean.npz'}", f"--record={tmp_path / 'mean.json'}"),
    ])  # fmt: skip
    links = load_links(tmp_path / "mean.npz")
    assert links.names == ("X", "Y", "Z")
    assert links.weight.tolist() == [0.625, 0.1875]
    record = json.loads((tmp_path / "mean.json").read_text(encoding="utf-8"))
    assert record["links"] == 2
    assert {name: one["link_rows"] for name, one in record["networks"].items()} == {
        "one": 2,
        "two": 1,
    }


IDS = "".join(f"ENSG{i:011d},G{i}A,1\n" for i in range(9))


@pytest.mark.parametrize(
    ("file", "content", "options", "message"),
    [
        (
            "header.csv",
            "a,b,w\nX,Y,1\n",
            BY_POSITION,
            (
                "line 1: 'a, b, w' is a header, and none was promised; expected a link. "
                "Say that the table has a header."
            ),
        ),
        (
            "scale.csv",
            "a,b,w\nX,Y,1\nY,Z,900\n",
            BY_NAME,
            (
                "line 3: the weight 900; expected 0 … 1. State the scale of the weights, their "
                "largest possible value, or correct it."
            ),
        ),
        (
            "twice.csv",
            "a,b,w\nX,Y,1\nY,Z,0.5\nY,X,0.75\n",
            BY_NAME,
            (
                "line 2 and line 4: X and Y has two weights, 1 and 0.75; expected one weight for "
                "each pair of genes. Keep one of the rows."
            ),
        ),
        (
            "mixed.csv",
            f"a,b,w\n{IDS}",
            BY_NAME,
            (
                "mixed kinds of names: 9 Ensembl gene ids such as ENSG00000000000, 9 symbols such "
                "as G0A; expected one kind of names. Translate the names to one kind, or choose "
                "another column."
            ),
        ),
        (
            "kind.graphml",
            "a,b,w\nX,Y,1\n",
            [],
            (
                "line 1: no well-formed XML (syntax error: line 1, column 0); expected a complete "
                "GraphML file. Export the network again."
            ),
        ),
        (
            "column.tsv",
            "x\ty\tw\nX\tY\t1\n",
            BY_NAME,
            (
                "line 1: column a is missing; there are x, y, w, separated by tabs; expected a "
                "column a. Name a column of this table."
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)
def test_a_bad_list_of_links_has_one_message(
    tmp_path: Path, file: str, content: str, options: list[str], message: str
) -> None:
    path = tmp_path / file
    path.write_text(content, encoding="utf-8")
    assert failed(path, tmp_path / "out", *options) == message


@given(
    n=st.integers(1, 6),
    training=st.lists(st.integers(0, 5), max_size=8),
    validation=st.lists(st.integers(0, 5), max_size=8),
)
def test_rows_of_both_groups_are_those_of_the_walks(
    n: int, training: list[int], validation: list[int]
) -> None:
    walks = np.random.default_rng(n).normal(size=(n, 7))
    rows = [np.array(group, dtype=np.intp) % n for group in (training, validation)]
    expected = [walks[each] for each in rows]
    # Columns in blocks of one and more.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("echoes.io.arrays._BLOCK", 3)
        for ours, theirs in zip(diffuse._take(walks, *rows), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)

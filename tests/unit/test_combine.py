"""Unions, intersections and means of networks."""

from __future__ import annotations

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.network.combine import How, combine
from echoes.network.links import Links

Table = dict[tuple[str, str], float]


def links_of(file: str, table: Table, extra: str = "") -> Links:
    names = tuple(sorted({name for pair in table for name in pair} | set(extra)))
    pairs = sorted((*sorted(pair), weight) for pair, weight in table.items())
    return Links(
        file,
        names,
        np.array([names.index(a) for a, _, _ in pairs], dtype=np.int32),
        np.array([names.index(b) for _, b, _ in pairs], dtype=np.int32),
        np.array([weight for _, _, weight in pairs], dtype=np.float64),
    )


def table_of(links: Links) -> Table:
    ends = zip(links.source, links.target, links.weight.tolist(), strict=True)
    return {(links.names[i], links.names[j]): weight for i, j, weight in ends}


ONE = links_of("one", {("A", "B"): 0.9, ("B", "C"): 0.4})
OTHER = links_of("other", {("B", "C"): 0.8, ("A", "D"): 0.5}, extra="Z")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("union", {("A", "B"): 0.9, ("A", "D"): 0.5, ("B", "C"): 0.8}),
        ("intersection", {("B", "C"): 0.4}),
        ("mean", {("A", "B"): 0.45, ("A", "D"): 0.25, ("B", "C"): 0.6}),
    ],
)
def test_two_networks(how: How, expected: Table) -> None:
    links = combine([ONE, OTHER], how)
    assert table_of(links) == pytest.approx(expected, rel=1e-15)
    assert links.names == ("A", "B", "C", "D", "Z")
    assert links.file == "one, other"


def test_a_weighted_mean() -> None:
    links = combine([ONE, OTHER], "mean", [3, 1])
    expected = {("A", "B"): 0.675, ("A", "D"): 0.125, ("B", "C"): 0.5}
    assert table_of(links) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("how", ["union", "intersection", "mean"])
def test_many_networks_against_plain_python(how: How) -> None:
    rng = np.random.default_rng(0)
    tables: list[Table] = []
    for _ in range(3):
        ends = rng.integers(0, 15, (60, 2)).tolist()
        tables.append(
            {(f"G{min(e)}", f"G{max(e)}"): float(rng.random()) for e in ends if e[0] != e[1]}
        )
    tables = [{tuple(sorted(k)): v for k, v in t.items()} for t in tables]  # type: ignore[misc]
    shares = [0.2, 0.5, 0.3]
    expected = {}
    for pair in {pair for table in tables for pair in table}:
        values = [table.get(pair, 0.0) for table in tables]
        expected[pair] = {
            "union": max(values),
            "intersection": min(values),
            "mean": sum(s * v for s, v in zip(shares, values, strict=True)),
        }[how]
    expected = {pair: weight for pair, weight in expected.items() if weight > 0}
    networks = [links_of(str(i), table) for i, table in enumerate(tables)]
    weights = shares if how == "mean" else None
    assert table_of(combine(networks, how, weights)) == pytest.approx(expected, rel=1e-14)


def test_what_does_not_fit() -> None:
    ids = links_of("ids", {("ENSG00000141510", "ENSG00000136997"): 1.0})
    with pytest.raises(InputError, match=r"ids: no gene of one .*A \(symbols\) and ENSG.*Ensembl"):
        combine([ONE, ids], "union")
    with pytest.raises(ValueError, match="fewer than two"):
        combine([ONE], "union")
    with pytest.raises(ValueError, match="only a mean"):
        combine([ONE, OTHER], "union", [1, 2])
    for weights in ([1.0], [1, 0], [1, float("nan")]):
        with pytest.raises(ValueError, match="not positive"):
            combine([ONE, OTHER], "mean", weights)

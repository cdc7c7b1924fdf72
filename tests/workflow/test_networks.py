"""Networks of every kind, and names of genes, from a configuration to the results."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import yaml

from placed import arrays_of

KNOCKOUT = Path(__file__).with_name("knockout.yaml")
NETWORKS = "results/small/networks"

Pair = tuple[str, str]


def proteins_of(work: Any) -> dict[str, str]:
    """Name the gene of each protein of the small network."""
    text = gzip.decompress((work.path / "data/info.txt.gz").read_bytes()).decode()
    return dict(line.split("\t")[:2] for line in text.splitlines()[1:])  # type: ignore[misc]


def pairs_of(work: Any) -> dict[Pair, int]:
    """List pairs of genes of the small network, each once, with a score of 1 … 1000."""
    gene = proteins_of(work)
    text = gzip.decompress((work.path / "data/links.txt.gz").read_bytes()).decode()
    pairs: dict[Pair, int] = {}
    for line in text.splitlines()[1:]:
        one, other, score = line.split()
        if one in gene and other in gene and gene[one] < gene[other]:
            pairs[gene[one], gene[other]] = max(1, int(score))
    return pairs


def write_string(work: Any, name: str, pairs: dict[Pair, int]) -> dict[str, str]:
    """Write pairs in STRING's layout, where each gene has one protein."""
    genes = sorted({gene for pair in pairs for gene in pair})
    rows = [f"9606.{a} 9606.{b} {s}\n9606.{b} 9606.{a} {s}\n" for (a, b), s in pairs.items()]
    links = "protein1 protein2 combined_score\n" + "".join(rows)
    info = "#string_protein_id\tpreferred_name\tprotein_size\tannotation\n"
    info += "".join(f"9606.{gene}\t{gene}\t1\tmade up\n" for gene in genes)
    for kind, text in (("links", links), ("info", info)):
        (work.path / f"data/{name}.{kind}.txt").write_text(text, encoding="utf-8")
    return {kind: f"data/{name}.{kind}.txt" for kind in ("links", "info")}


def write_edges(work: Any, file: str, pairs: dict[Pair, int], separator: str, header: str) -> str:
    """Write pairs as a table in one direction, every second one turned round."""
    rows = [
        separator.join([*(pair if i % 2 else pair[::-1]), str(score)])
        for i, (pair, score) in enumerate(pairs.items())
    ]
    text = "\n".join([*([header] if header else []), *rows, ""])
    (work.path / "data" / file).write_text(text, encoding="utf-8")
    return f"data/{file}"


def write_graphml(work: Any, pairs: dict[Pair, int]) -> str:
    """Write pairs as GraphML, with ids that are no names."""
    ids = {gene: f"n{i}" for i, gene in enumerate(sorted({g for pair in pairs for g in pair}))}
    nodes = (f'<node id="{i}"><data key="d0">{gene}</data></node>' for gene, i in ids.items())
    edges = (f'<edge source="{ids[b]}" target="{ids[a]}"/>' for a, b in pairs)
    (work.path / "data/links.graphml").write_text(
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
        '<key id="d0" for="node" attr.name="name" attr.type="string"/>'
        f'<graph edgedefault="undirected">{"".join([*nodes, *edges])}</graph></graphml>',
        encoding="utf-8",
    )
    return "data/links.graphml"


def adjacency_of(work: Any, network: str) -> Any:
    return sp.csr_array(sp.load_npz(work.path / NETWORKS / network / "adjacency.npz")).toarray()


def genes_of(work: Any, network: str) -> list[str]:
    lines = (work.path / NETWORKS / network / "genes.tsv").read_text("utf-8").splitlines()
    return [line.split("\t")[0] for line in lines[1:]]


def coverage_of(work: Any, network: str) -> list[dict[str, str]]:
    path = work.path / NETWORKS / network / "coverage.tsv"
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def record_of(work: Any, network: str, file: str = "summary.json") -> dict[str, Any]:
    text = (work.path / NETWORKS / network / file).read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


def test_one_network_in_every_format(fresh: Any) -> None:
    pairs = pairs_of(fresh)
    whole = dict.fromkeys(pairs, 1000)
    sif = "".join(f"{b}\tpp\t{a}\n" for a, b in pairs)
    (fresh.path / "data/links.sif").write_text(sif, encoding="utf-8")
    columns = {"source": "tf", "target": "the gene"}
    unweighted = {
        "string": write_string(fresh, "whole", whole),
        "table": {"edges": write_edges(fresh, "whole.csv", whole, ",", "tf,the gene,score")}
        | columns,
        "graphml": {"edges": write_graphml(fresh, pairs), "source": "name", "target": "name"},
        "sif": {"edges": "data/links.sif"},
    }
    bare = write_edges(fresh, "bare.txt", pairs, " ", "")
    positions = {"header": False, "source": 1, "target": 2, "weight": 3}
    strict = {"scale": 1000, "score_threshold": 0.4}
    weighted = {
        "scored": write_string(fresh, "scored", pairs) | {"score_threshold": 0.4},
        "named": {
            "edges": write_edges(fresh, "scored.tsv", pairs, "\t", "tf\tthe gene\tscore"),
            **columns,
            **strict,
            "weight": "score",
        },
        "bare": {"edges": bare, **positions, **strict},
    }
    networks = {**unweighted, **weighted}
    fresh.change(networks=networks)
    fresh.snakemake(*(f"{NETWORKS}/{name}/adjacency.npz" for name in networks))
    for group in (unweighted, weighted):
        first, *others = ((fresh.path / NETWORKS / name) for name in group)
        for other in others:
            assert (first / "genes.tsv").read_bytes() == (other / "genes.tsv").read_bytes()
            one, two = (arrays_of(folder / "adjacency.npz") for folder in (first, other))
            assert all(one[key].tobytes() == two[key].tobytes() for key in one), other.name
    genes = genes_of(fresh, "bare")
    expected = np.eye(len(genes))
    core = {row["name"] for row in coverage_of(fresh, "bare")}
    for (a, b), score in pairs.items():
        if score >= 400 and core & {a, b}:
            i, j = genes.index(a), genes.index(b)
            expected[i, j] = expected[j, i] = 2 * score / 1000
    np.testing.assert_allclose(adjacency_of(fresh, "bare"), expected, rtol=1e-15)
    record = record_of(fresh, "bare", "links.json")
    assert record["link_rows"] == len(pairs)
    assert record["inputs"]["edges"]["source"] == bare
    # Another self-loop, and another network with it, read no file again.
    fresh.change(networks={"bare": {"self_loop": 0.5}, "twin": {"like": "bare", "self_loop": 2}})
    targets = [f"{NETWORKS}/{name}/adjacency.npz" for name in ("bare", "twin")]
    assert fresh.planned(*targets) == {"build_network": 2}


def test_networks_of_networks(fresh: Any) -> None:
    pairs = pairs_of(fresh)
    some = {pair: 1000 - score // 2 for i, (pair, score) in enumerate(pairs.items()) if i % 3}
    fresh.change(
        networks={
            "string": {**write_string(fresh, "scored", pairs), "score_threshold": 0.3},
            "edges": {
                "edges": write_edges(fresh, "some.csv", some, ",", "a,b,score"),
                "source": "a",
                "target": "b",
                "weight": "score",
                "scale": 1000,
            },
            "union": {"union": ["string", "edges"]},
            "intersection": {"intersection": ["string", "edges"]},
            "mean": {"mean": {"string": 3, "edges": 1}},
            "circle": {"union": ["mean", "intersection"], "edge_multiplicity": 1},
            "rewired": {"of": "union", "shuffle": "links"},
        },
        experiments={"published": {"network": "circle"}, "second": None},
    )
    names = ("union", "intersection", "mean", "circle")
    targets = [f"{NETWORKS}/{name}/adjacency.npz" for name in (*names, "rewired")]
    run = fresh.snakemake(*targets)
    once = ("download_string", "gunzip_string", "read_perturbations", "read_string", "read_edges")
    assert run.ran == {
        "write_settings": 1,
        **dict.fromkeys(once, 1),
        "download_string": 2,
        "gunzip_string": 2,
        "combine_networks": 4,
        "build_network": 4,
        "rewire_network": 1,
    }
    core = {row["name"] for row in coverage_of(fresh, "union")}
    string = {pair: score / 1000 for pair, score in pairs.items() if score >= 300}
    edges = {pair: score / 1000 for pair, score in some.items()}
    tables = {
        "union": lambda p: max(string.get(p, 0), edges.get(p, 0)),
        "intersection": lambda p: min(string.get(p, 0), edges.get(p, 0)),
        "mean": lambda p: (3 * string.get(p, 0) + edges.get(p, 0)) / 4,
    }
    tables["circle"] = lambda p: max(tables["mean"](p), tables["intersection"](p)) / 2
    for name in names:
        genes = genes_of(fresh, name)
        expected = np.eye(len(genes))
        for a, b in pairs:
            if core & {a, b} and (weight := tables[name]((a, b))):
                i, j = genes.index(a), genes.index(b)
                expected[i, j] = expected[j, i] = 2 * weight
        np.testing.assert_allclose(adjacency_of(fresh, name), expected, rtol=1e-14)
    record = record_of(fresh, "circle", "links.json")
    inner = record["networks"]["mean"]["networks"]
    assert inner["string"]["inputs"]["links"]["source"] == "data/scored.links.txt"
    assert inner["edges"]["link_rows"] == len(some)
    fresh.change(networks={"edges": {"score_threshold": 0.7}})
    assert fresh.planned(f"{NETWORKS}/mean/adjacency.npz") == {
        **dict.fromkeys(("read_edges", "combine_networks", "build_network"), 1)
    }
    settings = fresh.snakemake("results/small/published/settings.json")
    assert settings.status == 0
    network = json.loads(fresh.file("settings.json").read_text(encoding="utf-8"))["network"]
    assert network["networks"]["mean"]["networks"]["edges"]["score_threshold"] == 0.7


def test_a_mouse_screen_with_ensembl_ids(local: Any, tmp_path: Path) -> None:
    """It is the screen that it is with symbols, once STRING's aliases have told the names."""
    work, twin = local.copy(tmp_path / "mouse"), local.copy(tmp_path / "symbols")
    means, validation = (
        [line.split(",") for line in (work.path / "data" / file).read_text("utf-8").splitlines()]
        for file in ("means.csv", "validation.csv")
    )
    symbols = {*means[0], *(row[0] for row in means), *(row[0] for row in validation)}
    symbols -= {"pert_symbol", "non-targeting", "pert"}
    ids = {symbol: f"ENSMUSG{i:011d}" for i, symbol in enumerate(sorted(symbols))}

    def translated(cell: str) -> str:
        weight = cell.startswith("w_")
        gene = ids.get(cell.removeprefix("w_"))
        # A version at every second gene, as annotations have them.
        version = ".7" if gene and int(gene[-1]) % 2 else ""
        return cell if gene is None else f"{'w_' if weight else ''}{gene}{version}"

    for file in ("means.csv", "truth.csv", "validation.csv"):
        rows = (work.path / "data" / file).read_text("utf-8").splitlines()
        text = "\n".join(",".join(map(translated, row.split(","))) for row in rows) + "\n"
        (work.path / "data" / file).write_text(text, encoding="utf-8")
    rows = ["#string_protein_id\talias\tsource"]
    for protein, gene in proteins_of(work).items():
        rows += [f"{protein}\t{gene}\tEnsembl_MGI"]
        rows += [f"{protein}\t{ids[gene]}\tEnsembl_gene"] if gene in ids else []
    aliases = gzip.compress("\n".join([*rows, ""]).encode())
    (work.path / "data/aliases.txt.gz").write_bytes(aliases)
    experiments = {
        "published": None,
        "second": None,
        "echo": {"models": ["echo"], "features": {"transform": "log"}},
    }
    inner = {"folds": 3}
    for one in (work, twin):
        one.change(experiments=experiments, inner_crossval=inner)
    work.change(networks={"string": {"species": 10090, "aliases": "data/aliases.txt.gz"}})
    # One of the nine silenced genes is not in the network, as the example has it.
    for one, name in ((work, "ENSMUSG"), (twin, "")):
        text = one.snakemake("results/small/comparison.csv").text
        (line,) = (line for line in text.splitlines() if "Warning: " in line)
        assert f"1 of 9 silenced genes have no node in the network: 1 unknown ({name}" in line
    ways = Counter((row["role"], row["how"]) for row in coverage_of(work, "string"))
    exact = Counter((row["role"], row["how"]) for row in coverage_of(twin, "string"))
    assert {role: ways[role, "ensembl"] for role in ("silenced", "response")} == {
        role: exact[role, "exact"] for role in ("silenced", "response")
    }
    for file in ("comparison.csv", "differences.csv"):
        tables = [
            [*csv.reader((one.path / "results/small" / file).read_text("utf-8").splitlines())]
            for one in (work, twin)
        ]
        assert len(tables[0]) == len(tables[1])
        for left, right in zip(*tables, strict=True):
            for a, b in zip(left, right, strict=True):
                try:
                    assert float(a or "nan") == pytest.approx(float(b or "nan"), nan_ok=True)
                except ValueError:
                    assert a == b
    summary = json.loads(work.file("summary.json", "echo").read_text(encoding="utf-8"))
    assert summary["aliases"]["source"] == "data/aliases.txt.gz"
    assert summary["network"]["coverage"]["silenced"]["ensembl"] == ways["silenced", "ensembl"]


def test_silenced_genes_that_the_network_does_not_name(fresh: Any) -> None:
    pairs = {(f"ENSG{i:011d}", f"ENSG{i + 1:011d}"): 900 for i in range(30)}
    fresh.change(networks={"string": write_string(fresh, "ids", pairs)})
    run = fresh.snakemake(f"{NETWORKS}/string/adjacency.npz", fails=True)
    (line,) = {line.strip() for line in run.text.splitlines() if "error: " in line}
    assert "no silenced gene has a link; the names are symbols (" in line
    assert ") and Ensembl gene ids (ENSG00000000000, ENSG00000000001, ENSG00000000002" in line
    assert "give a table of other names (`names: {table: …}`)" in line


def test_other_names_of_the_real_knock_outs(
    pristine: Any, shared_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "shared").symlink_to(shared_data.parent)
    work = pristine.copy(tmp_path / "main")
    work.change(**yaml.safe_load(KNOCKOUT.read_text(encoding="utf-8")))
    work.change(names={"table": "../shared/data/names/hgnc_names.tsv.gz"})
    folder = "results/knockout/networks/string"
    work.snakemake(f"{folder}/adjacency.npz")
    with (work.path / folder / "coverage.tsv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    ways = Counter(row["how"] for row in rows if row["role"] == "response")
    assert ways["exact"] == 5127 - 500
    found = {row["name"]: row["matched"] for row in rows if row["how"] == "former symbol"}
    assert found["AARS1"] == "AARS"
    assert found["ADGRA3"] == "GPR125"
    assert found["ADSS2"] == "ADSS"
    assert ways["ambiguous"] == 7
    assert ways["unknown"] == 246
    assert ways.total() - sum(ways[way] for way in ("exact", "ambiguous", "unknown")) == 247
    summary = json.loads((work.path / folder / "summary.json").read_text(encoding="utf-8"))
    assert len(summary["names"]["sha256"]) == 64
    assert summary["coverage"]["response"] == ways
    *_, warning = summary["warnings"]
    assert warning.startswith("253 of 5127 response genes have no node in the network: 7 ambiguous")

"""Every function that reads a file of a user, each with a small valid file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cell_files import simulate, write_cells
from echoes.network import aliases, edges, string_db
from echoes.report.submission_check import check_submission
from echoes.screen import gene_rows, guides
from echoes.screen.guides import GENE_NAMES
from echoes.screen.h5ad_screen import read_h5ad_screen
from echoes.screen.prior import read_prior
from screens import dataset_settings, name_genes, read_table
from unit.test_h5ad_screen import CELLS

GENES = ["TP53", "B2M", "MYC", "HLA-A", "GATA1"]
NAMES = ["TP53", "MYC", "EPAS1", "GATA1"]
_RNG = np.random.default_rng(0)
_CONTROL = _RNG.uniform(1, 6, 5).round(3)
_DELTAS = (_RNG.normal(size=(4, 5)) / 2).round(3)
INFO = {"9606.P1": "TP53", "9606.P2": "MYC", "9606.P3": "GATA1"}


def table(header: list[str], rows: list[list[Any]], separator: str = ",") -> bytes:
    lines = [separator.join(map(str, row)) for row in [header, *rows]]
    return ("\n".join(lines) + "\n").encode()


def _rows(values: np.ndarray, names: list[str]) -> list[list[Any]]:
    return [
        [name, *(round(x, 6) for x in row)]
        for name, row in zip(names, values.tolist(), strict=True)
    ]


MEANS = table(
    ["pert_symbol", *GENES],
    _rows(np.vstack([_DELTAS + _CONTROL, _CONTROL]), [*NAMES, "non-targeting"]),
)
DELTAS = table(["pert_symbol", *GENES], _rows(_DELTAS, NAMES))
_BASELINE = np.abs(_DELTAS - _DELTAS.mean(axis=0)).mean(axis=1, keepdims=True)
TRUTH = table(
    ["pert_id", *GENES, *(f"w_{gene}" for gene in GENES), "baseline_wmae"],
    _rows(np.hstack([_DELTAS, np.ones((4, 5)), _BASELINE]), NAMES),
)
EFFECTS = table(
    ["perturbation", "gene", "effect"],
    [[p, g, _DELTAS[i, j]] for i, p in enumerate(NAMES) for j, g in enumerate(GENES)],
)
_SPLIT = ["train", "train", "val", "test"]
SPLIT = table(
    ["perturbation", "gene", "effect", "label", "split"],
    [
        [p, g, _DELTAS[i, j], "up" if _DELTAS[i, j] > 0 else "down", _SPLIT[i]]
        for i, p in enumerate(NAMES)
        for j, g in enumerate(GENES)
    ],
)
VALIDATION = table(["pert_id", "pert"], [["pert_1", "HLA-A"], ["pert_2", "B2M"]])
GUIDES = table(["guide", "gene"], [[f"{name}_1", name] for name in NAMES])
PAIRS = table(
    ["pert_symbol", *GENES],
    _rows(
        np.vstack([_DELTAS + _CONTROL, _CONTROL + 0.1, _CONTROL]),
        [*NAMES, "TP53+MYC", "non-targeting"],
    ),
)
_PAIRS = [("P1", "P2", 700), ("P2", "P3", 400), ("P1", "P3", 950)]
_BOTH = [row for a, b, s in _PAIRS for row in ((a, b, s), (b, a, s))]
LINKS = table(
    ["protein1", "protein2", "combined_score"],
    [[f"9606.{a}", f"9606.{b}", score] for a, b, score in _BOTH],
    " ",
)
DETAILED = table(
    ["protein1", "protein2", "neighborhood", "experimental", "database", "combined_score"],
    [[f"9606.{a}", f"9606.{b}", 0, score, 300, score] for a, b, score in _BOTH],
    " ",
)
_CHANNELS = [
    *("neighborhood", "neighborhood_transferred", "fusion", "cooccurence", "homology"),
    *("coexpression", "coexpression_transferred", "experiments", "experiments_transferred"),
    *("database", "database_transferred", "textmining", "textmining_transferred"),
]
FULL = table(
    ["protein1", "protein2", *_CHANNELS, "combined_score"],
    [[f"9606.{a}", f"9606.{b}", *[score // 2] * 13, score] for a, b, score in _BOTH],
    " ",
)
GRAPHML = b"""<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="w" for="edge" attr.name="weight" attr.type="double"/>
<graph edgedefault="undirected"><node id="TP53"/><node id="MYC"/><node id="B2M"/>
<edge source="TP53" target="MYC"><data key="w">0.5</data></edge>
<edge source="B2M" target="MYC"><data key="w">0.25</data></edge></graph></graphml>
"""


@dataclass(frozen=True)
class Reader:
    """A function that reads a file of a user.

    Parameters
    ----------
    name
        Name of the file, of which some readers see the format.
    content
        A valid file.
    read
        The function; it gets the path of the file, in a folder that has files of others, too.
    """

    name: str
    content: bytes
    read: Callable[[Path], Any]


def _beside(path: Path, name: str, content: bytes) -> Path:
    other = path.with_name(name)
    other.write_bytes(content)
    return other


def _with_means(option: str) -> Callable[[Path], Any]:
    return lambda path: read_table("means", _beside(path, "main.csv", MEANS), **{option: path})  # type: ignore[arg-type]


def _prior(path: Path) -> Any:
    settings = dataset_settings("deltas", incomplete_genes="keep")
    return read_prior(path, settings, GENE_NAMES, name_genes, threads=1)


def _edges(path: Path) -> Any:
    return edges.read_edges(path, source="a", target="b", weight="w")


READERS = {
    "means": Reader("means.csv", MEANS, lambda path: read_table("means", path)),
    "genes in rows": Reader(
        "rows.tsv",
        b"\n".join(
            b"\t".join(row)
            for row in zip(*(line.split(b",") for line in MEANS.split()), strict=True)
        )
        + b"\n",
        lambda path: read_table("means", path, genes_in="rows"),
    ),
    "deltas": Reader("deltas.csv", DELTAS, lambda path: read_table("deltas", path)),
    "gaps": Reader(
        "gaps.csv", DELTAS, lambda path: read_table("deltas", path, incomplete_genes="keep")
    ),
    "effects": Reader("effects.csv", EFFECTS, lambda path: read_table("effects", path)),
    "split": Reader(
        "split.csv",
        SPLIT,
        lambda path: read_table(
            "effects", path, columns={"label": "label", "split": "split"}, hold_out_test=True
        ),
    ),
    "prior": Reader("prior.csv", DELTAS, _prior),
    "pairs": Reader(
        "pairs.csv", PAIRS, lambda path: read_table("means", path, pairs_separator="+")
    ),
    "truth": Reader("truth.csv", TRUTH, _with_means("truth")),
    "validation": Reader("validation.csv", VALIDATION, _with_means("validation")),
    "control": Reader(
        "control.csv",
        table(["gene", "expression"], [[g, x] for g, x in zip(GENES, _CONTROL, strict=True)]),
        lambda path: read_table(
            "deltas", _beside(path, "main.csv", DELTAS), control_expression=path
        ),
    ),
    "guides": Reader(
        "guides.csv",
        GUIDES,
        lambda path: guides.read_guide_table(path, guide="guide", gene="gene"),
    ),
    "gene features": Reader(
        "features.csv",
        table(["gene", "x", "y"], [[gene, 1.5, 2] for gene in GENES]),
        lambda path: gene_rows.read_gene_table(path, genes_in="rows", name_column=None),
    ),
    "genes in columns": Reader(
        "features.tsv",
        table(["", *GENES], [[f"feature {i}", *range(i, i + 5)] for i in (2, 4)], "\t"),
        lambda path: gene_rows.read_gene_table(path, genes_in="columns", name_column=None),
    ),
    "names": Reader(
        "names.tsv",
        table(["name", "symbol"], [["P53", "TP53"], ["ENSG00000136997", "MYC"]], "\t"),
        lambda path: aliases.read_names(path, name=None, symbol=None),
    ),
    "info": Reader(
        "info.txt",
        table(
            ["#string_protein_id", "preferred_name", "protein_size", "annotation"],
            [[protein, gene, 9, "text"] for protein, gene in INFO.items()],
            "\t",
        ),
        string_db.read_info,
    ),
    "links": Reader("links.txt", LINKS, lambda path: string_db.read_links(path, INFO, None, 0.5)),
    "detailed": Reader(
        "detailed.txt",
        DETAILED,
        lambda path: string_db.read_links(path, INFO, None, 0.5, ["experiments"]),
    ),
    "full": Reader(
        "full.txt",
        FULL,
        lambda path: string_db.read_links(path, INFO, None, 0.5, ["experiments", "textmining"]),
    ),
    "aliases": Reader(
        "aliases.txt",
        table(
            ["#string_protein_id", "alias", "source"],
            [["9606.P1", "P53", "Ensembl_HGNC"], ["9606.P2", "c-myc", "UniProt"]],
            "\t",
        ),
        lambda path: aliases.read_string_aliases(path, INFO),
    ),
    "edges": Reader(
        "edges.csv",
        table(["a", "b", "w"], [["TP53", "MYC", 0.5], ["MYC", "B2M", 0.25]]),
        _edges,
    ),
    "GraphML": Reader(
        "edges.graphml",
        GRAPHML,
        lambda path: edges.read_edges(path, source=None, target=None, weight="weight"),
    ),
    "SIF": Reader(
        "edges.sif",
        b"TP53\tpp\tMYC\tB2M\nGATA1\tpp\tMYC\n",
        lambda path: edges.read_edges(path, source=None, target=None, weight=None),
    ),
    "sample": Reader(
        "sample.csv",
        table(["pert_id", *GENES], _rows(_DELTAS, NAMES)),
        lambda path: check_submission(path, _beside(path, "submission.csv", DELTAS)),
    ),
}


def cells_reader(folder: Path) -> Reader:
    """A reader of cells; its file is written by AnnData's layout."""
    write_cells(folder / "cells.h5ad", simulate())
    settings = {
        "control": ["non-targeting"],
        "scale": "counts",
        "cells": {**CELLS, "perturbation": "target_gene"},
    }
    return Reader(
        "cells.h5ad",
        (folder / "cells.h5ad").read_bytes(),
        lambda path: read_h5ad_screen(path, settings, GENE_NAMES, name_genes, threads=1),
    )

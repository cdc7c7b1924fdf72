"""Which rows are controls, and which gene a guide silences."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from echoes.io.errors import InputError
from echoes.screen.guides import GENE_NAMES, Guides, guide_genes, pool_controls, read_guide_table


def by_pattern(pattern: str) -> Guides:
    return Guides(separator=None, pattern=pattern, table=None)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], []),
        (["NT"], ["NT"]),
        (["NT", "safe"], ["NT", "safe"]),
        (["*non-targeting*"], ["1_non-targeting_x", "non-targeting[2]"]),
        (["non-targeting[2]"], ["non-targeting[2]"]),
        (["N?"], ["NT"]),
    ],
)
def test_controls(labels: list[str], expected: list[str]) -> None:
    names = ["NT", "TP53", "1_non-targeting_x", "safe", "NTRK1", "non-targeting[2]"]
    controls = pool_controls(names, labels, file="x.csv")
    assert [name for name, control in zip(names, controls, strict=True) if control] == expected


def test_controls_that_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"x.csv: no row is named 'nontargeting'; .* non-targeting"
    ):
        pool_controls(["non-targeting", "TP53"], ["nontargeting"], file="x.csv")
    with pytest.raises(InputError, match=r"genes should be; .*Set `dataset: genes_in: rows`"):
        pool_controls(["TP53", "A"], ["NT"], file="x.csv", genes=["ctrl", "NT"])
    with pytest.raises(InputError, match=r"all 2 rows are controls \(A, B\)"):
        pool_controls(["A", "B"], ["*"], file="x.csv")


@pytest.mark.parametrize(
    ("guides", "name", "gene"),
    [
        (GENE_NAMES, "A|B", "A|B"),
        (Guides("_", None, None), "HLA_A_1", "HLA_A"),
        (Guides("_", None, None), "TP53", "TP53"),
        (Guides("_", None, None), "TP53_1|TP53_2", "TP53"),
        (Guides("|", None, None), "TP53|2", "TP53"),
        (by_pattern("weissman_guide"), "A1BG_-_58858617.23-P1", "A1BG"),
        (by_pattern("weissman_guide"), "HLA-A_+_29910247.23-P1P2", "HLA-A"),
        (by_pattern("weissman_guide"), "AA_+_1.5-P1|AA_-_22.23-ENST00000.1", "AA"),
        (by_pattern("replogle_transcript"), "10000_ZNF233_P1P2_ENSG00000159915", "ZNF233"),
        (by_pattern("replogle_transcript"), "1_HLA-A_P1_ENSG00000159915.4", "HLA-A"),
        (
            by_pattern("replogle_transcript"),
            "5_NKX2-5_ENST00000329198.4,x_ENSG00000183072",
            "NKX2-5",
        ),
        (by_pattern(r"sg(?P<gene>\w+)-\d"), "sgMYC-2", "MYC"),
        (Guides(None, None, {"g1": "MYC", "g2": "MYC"}), "g2", "MYC"),
        (Guides(None, None, {"g1": "MYC", "g2": "MYC"}), "g1|g2", "MYC"),
        (Guides(None, None, {"g1|g2": "TP53"}), "g1|g2", "TP53"),
    ],
)
def test_genes(guides: Guides, name: str, gene: str) -> None:
    assert guide_genes([name], guides, file="x.csv") == (gene,)


@pytest.mark.parametrize(
    ("guides", "name", "message"),
    [
        (Guides("_", None, None), "TP53_1|MYC_2", "silence 2 genes, TP53 and MYC"),
        (by_pattern("weissman_guide"), "A_+_1.5-P1|B_+_2.5-P1", "silence 2 genes, A and B"),
        (by_pattern("weissman_guide"), "TP53", "1 of 2 names do not lead to a gene: TP53"),
        (by_pattern("weissman_guide"), "A_+_1.5-P1|x", "names do not lead to a gene"),
        (by_pattern("replogle_transcript"), "9_non-targeting_x_x", "do not lead to a gene"),
        (by_pattern("(?P<gene>.*)_1"), "_1", "do not lead to a gene"),
        (by_pattern("(.*)_1"), "A_1", "has no group named gene"),
        (by_pattern("(?P<gene>.*"), "A_1", "is no regular expression"),
        (Guides(None, None, {"g1": "MYC"}), "g2", "a row for each guide in the table"),
        (Guides(None, None, {"g1": "MYC", "g2": "A"}), "g1|g2", "silence 2 genes, MYC and A"),
    ],
)
def test_names_that_are_refused(guides: Guides, name: str, message: str) -> None:
    good = {"weissman_guide": "A_+_1.5-P1", "replogle_transcript": "1_A_P1_ENSG01"}
    first = good.get(guides.pattern or "", "g1" if guides.table else "A_1")
    with pytest.raises(InputError, match=message) as caught:
        guide_genes([first, name], guides, file="x.csv")
    assert caught.value.file == "x.csv"


def test_one_way_only() -> None:
    with pytest.raises(ValueError, match="one of them"):
        Guides(separator="_", pattern="x", table=None)


def test_tables_of_guides(tmp_path: Path) -> None:
    frame = pd.DataFrame({"guide": ["g1", "g2", "g1"], "x": 1, "gene": ["A", "B", "A"]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    (tmp_path / "x.gz").write_bytes(gzip.compress((tmp_path / "x.tsv").read_bytes()))
    frame.to_parquet(tmp_path / "x.parquet", index=False)
    for name in ("x.csv", "x.tsv", "x.gz", "x.parquet"):
        table = read_guide_table(tmp_path / name, guide="guide", gene="gene")
        assert table == read_guide_table(tmp_path / name, guide=1, gene=3) == {"g1": "A", "g2": "B"}


def test_tables_of_guides_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("guide,gene\ng1,A\n\ng2,B\ng1,C\n")
    with pytest.raises(InputError, match="line 2 and line 5: guide g1 has two genes, A and C"):
        read_guide_table(path, guide="guide", gene="gene")
    path.write_text("guide,gene\ng1,A\ng2,\n")
    with pytest.raises(InputError, match="line 3: guide 'g2' has the gene ''"):
        read_guide_table(path, guide="guide", gene="gene")
    with pytest.raises(InputError, match="column symbol is missing; there are guide, gene"):
        read_guide_table(path, guide="guide", gene="symbol")

"""Names of genes: their kinds, other names, and what they match in a network."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from echoes.io.errors import InputError
from echoes.io.tables import read_header
from echoes.network.aliases import Names, read_names, read_string_aliases
from echoes.network.identifiers import (
    is_date,
    kind_of_name,
    require_one_kind,
    spreadsheet_date,
    without_version,
)
from echoes.network.matches import match_names, warnings
from echoes.network.nodes import read_nodes, write_coverage
from echoes.network.string_db import read_info

DATA = Path(__file__).resolve().parents[3] / "shared/data"
HGNC = DATA / "names/hgnc_names.tsv.gz"
ALIASES = [
    ("AARS", "AARS1"),
    ("GPR125", "ADGRA3"),
    ("QARS", "QARS1"),
    ("QARS", "EPRS1"),  # two owners
    ("CCN1", "CCNA2"),  # CCN1 is the symbol of CYR61 today
    ("CYR61", "CCN1"),
    ("SMAD1", "GARS1"),  # SMAD1 is a gene of its own
    ("MADH1", "SMAD1"),
    ("P53", "TP53"),
    ("LFS1", "TP53"),
    ("MARCH5", "MARCHF5"),
]


def names_of(rows: list[tuple[str, str]]) -> Names:
    table = {"name": [n for n, _ in rows], "symbol": [s for _, s in rows]}
    return Names("names", pa.table(table | {"approved": [False] * len(rows)}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TP53", "symbols"),
        ("C1orf27", "symbols"),
        ("ENSA", "symbols"),
        ("ENSG00000141510", "Ensembl gene ids"),
        ("ENSG00000141510.18", "Ensembl gene ids"),
        ("ENSMUSG00000059552", "Ensembl gene ids"),
        ("9606.ENSP00000269305", "Ensembl protein ids"),
        ("7157", "Entrez ids"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert kind_of_name(name) == kind


def test_versions() -> None:
    assert without_version("ENSMUSG00000059552.15") == "ENSMUSG00000059552"
    assert without_version("RP11-34P13.7") == "RP11-34P13.7"


def test_a_few_names_of_another_kind_are_no_mixture() -> None:
    symbols = [f"G{i}A" for i in range(90)]
    ids = [f"ENSG{i:011d}" for i in range(11)]
    require_one_kind("x", "gene", symbols + ids[:10])
    with pytest.raises(InputError, match=r"column gene: mixed kinds of names: 90 symbols such"):
        require_one_kind("x", "gene", symbols + ids)


@pytest.mark.parametrize(
    ("name", "genes"),
    [
        ("1-Mar", ("MARCHF1", "MTARC1")),
        ("Mar-01", ("MARCHF1", "MTARC1")),
        ("01-Mar", ("MARCHF1", "MTARC1")),
        ("1-Mar-23", ("MARCHF1", "MTARC1")),
        ("2023-03-01", ("MARCHF1", "MTARC1")),
        ("03-01", ("MARCHF1", "MTARC1")),
        ("7-mar", ("MARCHF7",)),
        ("2-Sep", ("SEPTIN2",)),
        ("15-Sep", ("SELENOF",)),
        ("1-Dec", ("DELEC1", "BHLHE40")),
        ("4-Oct", ("POU5F1",)),
        ("30-Mar", ()),
        ("MARCH1", ("MARCHF1",)),
        ("SEPT2", ("SEPTIN2",)),
        ("MARC1", ("MTARC1",)),
        ("SEPTIN2", ()),
        ("MAR", ()),
        ("7-Jul", ()),
    ],
)
def test_dates(name: str, genes: tuple[str, ...]) -> None:
    assert spreadsheet_date(name) == genes
    assert is_date(name) == ("-" in name and name != "7-Jul")


@pytest.mark.parametrize(
    ("wanted", "known", "matched", "way", "candidates"),
    [
        ("TP53", "TP53 MYC", "TP53", "exact", ""),
        ("AARS1", "AARS MYC", "AARS", "former symbol", ""),
        ("AARS", "AARS1 MYC", "AARS1", "alias", ""),
        ("P53", "TP53", "TP53", "alias", ""),
        ("P53", "LFS1", "LFS1", "former symbol", ""),
        # A node of two owners is neither's, nor is a name with two owners.
        ("QARS1", "QARS MYC", "", "ambiguous", "QARS"),
        ("QARS", "QARS1 EPRS1", "", "ambiguous", "EPRS1 QARS1"),
        ("TP53", "P53 LFS1", "", "ambiguous", "LFS1 P53"),
        # Today's symbol is its own gene's name, whatever else it was.
        ("CCN1", "CCNA2 CYR61", "CYR61", "former symbol", ""),
        ("CCN1", "CCNA2", "", "unknown", ""),
        ("GARS1", "SMAD1", "", "unknown", ""),
        ("Trp53", "TRP53 MYC", "TRP53", "case", ""),
        ("trp53", "TRP53 Trp53", "", "ambiguous", "TRP53 Trp53"),
        ("ENSG00000141510.18", "ENSG00000141510", "ENSG00000141510", "ensembl", ""),
        ("ENSG00000141510", "ENSG00000141510.9", "ENSG00000141510.9", "ensembl", ""),
        (
            "ENSG00000141510.1",
            "ENSG00000141510.2 ENSG00000141510.3",
            "",
            "ambiguous",
            "ENSG00000141510.2 ENSG00000141510.3",
        ),
        ("1-Mar", "MARCHF1 MYC", "", "spreadsheet date", "MARCHF1 MTARC1"),
        ("2-Sep", "SEPTIN2", "", "spreadsheet date", "SEPTIN2"),
        ("30-Mar", "SEPTIN2", "", "spreadsheet date", ""),
        ("MARCH1", "MARCHF1", "", "spreadsheet date", "MARCHF1"),
        ("MARCH1", "MARCH1", "MARCH1", "exact", ""),
        ("MARCH5", "MARCHF5", "MARCHF5", "alias", ""),
        ("nothing", "TP53", "", "unknown", ""),
    ],
)
def test_one_name(wanted: str, known: str, matched: str, way: str, candidates: str) -> None:
    matches = match_names([wanted], known.split(), names_of(ALIASES))
    assert matches.matched == (matched,)
    assert matches.way == (way,)
    assert matches.candidates == (tuple(candidates.split()),)
    assert matches.names() == (matched or wanted,)


def test_two_names_never_share_a_gene() -> None:
    # TP53 has its node; its alias is another gene in the same list.
    matches = match_names(["TP53", "P53"], {"TP53"}, names_of(ALIASES))
    assert matches.way == ("exact", "unknown")
    # Neither of two aliases gets the node.
    matches = match_names(["LFS1", "P53", "P53"], {"TP53"}, names_of(ALIASES))
    assert matches.way == ("ambiguous",) * 3
    assert matches.candidates == (("TP53",),) * 3
    matches = match_names(["abc", "ABc"], {"ABC"})
    assert matches.way == ("ambiguous",) * 2


def test_a_repeated_name_is_one_gene() -> None:
    assert match_names(["AARS1", "AARS1"], {"AARS"}, names_of(ALIASES)).matched == ("AARS",) * 2


def test_no_names() -> None:
    matches = match_names([], {"A"})
    assert matches.counts() == {}
    assert matches.wanted == matches.matched == ()
    assert match_names(["A"], []).way == ("unknown",)


@pytest.mark.parametrize("form", ["tsv", "csv", "tsv.gz", "parquet"])
def test_a_table_of_names(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"names.{form}"
    rows = [("7157", "TP53"), ("ENSG00000141510.18", "TP53"), (" AARS ", "AARS1"), ("", "X")]
    if form == "parquet":
        pq.write_table(pa.table({"symbol": [s for _, s in rows], "id": [n for n, _ in rows]}), path)
    else:
        mark = "," if form == "csv" else "\t"
        text = f"symbol{mark}more{mark}id\n" + "".join(f"{s}{mark}x{mark}{n}\n" for n, s in rows)
        path.write_bytes(gzip.compress(text.encode()) if form == "tsv.gz" else text.encode())
    names = read_names(path, name="id", symbol="symbol")
    wanted = ["ENSG00000141510.3", "AARS"]
    matches = match_names(wanted, {"TP53", "AARS1"}, names)
    assert matches.matched == ("TP53", "AARS1")
    assert matches.way == ("ensembl", "alias")
    assert match_names(["7157"], {"TP53"}, names).way == ("entrez",)
    # A network of ids and a screen with symbols.
    assert match_names(["TP53"], {"ENSG00000141510.1"}, names).way == ("ensembl",)
    assert match_names(["TP53"], {"7157", "1"}, names).matched == ("7157",)


def test_bad_tables_of_names(tmp_path: Path) -> None:
    path = tmp_path / "names.tsv"
    path.write_text("name\tsymbol\n")
    with pytest.raises(InputError, match="no names"):
        read_names(path, name="name", symbol="symbol")
    path.write_text("name\tsymbol\nA\tB\n")
    with pytest.raises(InputError, match="column alias is missing; there are name, symbol"):
        read_names(path, name="alias", symbol="symbol")


STRING_ALIASES = (
    "#string_protein_id\talias\tsource\n"
    "10090.P1\tTrp53\tEnsembl_MGI\n"
    "10090.P1\tTrp53\tUniProt_GN_Name\n"
    "10090.P1\tENSMUSG00000059552\tEnsembl_gene\n"
    '10090.P1\tquote " in it\tUniProt_DE\n'
    "10090.P2\tp53bp\tUniProt_GN_Synonyms\n"
    "10090.P2\t22059\tEnsembl_EntrezGene\n"
    "10090.P3\tNewname\tEnsembl_HGNC_symbol\n"
    "10090.P4\tNewname\tEnsembl_HGNC_alias_symbol\n"
    "10090.P3\tshared\tUniProt_GN_Synonyms\n"
    "10090.P4\tshared\tUniProt_GN_Synonyms\n"
    "10090.P9\tunmapped\tEnsembl_MGI\n"
)
INFO = {"10090.P1": "Trp53", "10090.P2": "Tp53bp1", "10090.P3": "Oldname", "10090.P4": "Other"}


def test_aliases_of_string(tmp_path: Path) -> None:
    path = tmp_path / "aliases.txt.gz"
    path.write_bytes(gzip.compress(STRING_ALIASES.encode()))
    names = read_string_aliases(path, INFO)
    wanted = ["ENSMUSG00000059552.15", "22059", "Newname", "shared", "unmapped", "p53bp"]
    matches = match_names(wanted, INFO.values(), names)
    assert matches.way == ("ensembl", "ambiguous", "alias", "ambiguous", "unknown", "ambiguous")
    assert matches.matched == ("Trp53", "", "Oldname", "", "", "")
    assert match_names(["22059"], INFO.values(), names).way == ("entrez",)
    with pytest.raises(InputError, match="no alias of a protein of the info table"):
        read_string_aliases(path, {"9606.P1": "TP53"})


def test_coverage_table_and_warning(tmp_path: Path) -> None:
    silenced = match_names(["TP53", "AARS1", "1-Mar"], {"TP53", "AARS"}, names_of(ALIASES))
    response = match_names(["QARS1", "none"], {"QARS"}, names_of(ALIASES))
    write_coverage(tmp_path / "coverage.tsv", {"silenced": silenced, "response": response})
    assert (tmp_path / "coverage.tsv").read_text() == (
        "name\trole\tmatched\thow\tcandidates\n"
        "TP53\tsilenced\tTP53\texact\t\n"
        "AARS1\tsilenced\tAARS\tformer symbol\t\n"
        "1-Mar\tsilenced\t\tspreadsheet date\tMARCHF1,MTARC1\n"
        "QARS1\tresponse\t\tambiguous\tQARS\n"
        "none\tresponse\t\tunknown\t\n"
    )
    (text,) = warnings(silenced, "silenced")
    assert text.startswith(
        "1 of 3 silenced genes have no node in the network: 1 changed by a spreadsheet (1-Mar); "
    )
    assert "`names: {table: …}`" in text
    assert warnings(match_names(["TP53"], {"TP53"}), "silenced") == []
    (text,) = warnings(response, "response")
    assert "2 of 2 response genes have no node in the network: 1 ambiguous (QARS1), 1" in text


def test_the_nodes_of_genes_are_looked_up_by_role(tmp_path: Path) -> None:
    path = tmp_path / "coverage.tsv"
    silenced = match_names(["AARS1", 'say "x"'], {"AARS"}, names_of(ALIASES))
    response = match_names(["AARS1", "AARS"], {"AARS"}, names_of(ALIASES))
    write_coverage(path, {"silenced": silenced, "response": response})
    assert read_nodes(path, "silenced", ['say "x"', "AARS1"]) == ['say "x"', "AARS"]
    # The exact match has the node; the other response gene stands alone.
    assert read_nodes(path, "response", ["AARS1", "AARS"]) == ["AARS1", "AARS"]
    with pytest.raises(InputError, match=r"coverage\.tsv: column name: AARS missing"):
        read_nodes(path, "silenced", ["AARS"])


@pytest.mark.parametrize(("unknown", "told"), [(0, 0), (5, 0), (6, 1)])
def test_a_few_unknown_names_are_usual(unknown: int, told: int) -> None:
    genes = [f"G{i}" for i in range(100)]
    assert len(warnings(match_names(genes, genes[unknown:]), "response")) == told


@pytest.mark.parametrize(("other", "told"), [(5, 0), (6, 1)])
def test_names_that_match_by_case_alone_may_be_of_another_species(other: int, told: int) -> None:
    genes = [f"Ab{i}" for i in range(100)]
    known = [gene.upper() if i < other else gene for i, gene in enumerate(genes)]
    assert len(warnings(match_names(genes, known), "response")) == told


#: The same names in HGNC's layouts: its complete set, and two custom downloads.
HGNC_LAYOUTS = {
    "complete set": (
        "hgnc_id\tsymbol\tname\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\n"
        "HGNC:20\tAARS1\talanyl-tRNA synthetase 1\tCMT2N\tAARS\t16\tENSG00000090861\n"
        'HGNC:11998\tTP53\ttumor protein p53\t"p53|LFS1"\t\t7157\tENSG00000141510\n'
    ),
    "custom download": (
        "HGNC ID\tApproved symbol\tApproved name\tPrevious symbols\tAlias symbols\t"
        "NCBI Gene ID\tEnsembl gene ID\n"
        "HGNC:20\tAARS1\talanyl-tRNA synthetase 1\tAARS\tCMT2N\t16\tENSG00000090861\n"
        "HGNC:11998\tTP53\ttumor protein p53\t\tp53, LFS1\t7157\tENSG00000141510\n"
        "HGNC:1\tOLD~withdrawn\tsymbol withdrawn\t\tLFS1\t\t\n"
    ),
    "custom download with the ids of other databases": (
        "Approved symbol\tPrevious symbols\tAlias symbols\tNCBI Gene ID(supplied by NCBI)\t"
        "Ensembl ID(supplied by Ensembl)\n"
        "AARS1\tAARS\tCMT2N\t16\tENSG00000090861\nTP53\t\tp53, LFS1\t7157\tENSG00000141510\n"
    ),
    "a name in each row": (
        "name,symbol\nAARS,AARS1\nCMT2N,AARS1\n16,AARS1\nENSG00000090861,AARS1\np53,TP53\n"
        "LFS1,TP53\n7157,TP53\nENSG00000141510,TP53\nAARS1,AARS1\nTP53,TP53\n"
    ),
}


@pytest.mark.parametrize("layout", HGNC_LAYOUTS)
def test_tables_of_names_are_recognised(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text(HGNC_LAYOUTS[layout], encoding="utf-8")
    table = read_names(path, name=None, symbol=None).table
    rows = set(zip(*(table.column(i).to_pylist() for i in range(3)), strict=True))
    assert rows == {
        *((name, "AARS1", name == "AARS1") for name in ("AARS1", "AARS", "CMT2N", "16")),
        *((name, "TP53", name == "TP53") for name in ("TP53", "p53", "LFS1", "7157")),
        ("ENSG00000090861", "AARS1", False),
        ("ENSG00000141510", "TP53", False),
    }


def test_a_table_of_names_that_is_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("old,new\nAARS,AARS1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"the columns old, new are not those .*`names: \{name: …"):
        read_names(path, name=None, symbol=None)
    names = read_names(path, name="old", symbol="new")
    assert match_names(["AARS1"], {"AARS"}, names).matched == ("AARS",)


@pytest.mark.skipif(not HGNC.exists(), reason="the shared table of names is not here")
def test_names_of_the_real_knock_outs() -> None:
    header = read_header(DATA / "knockout/training_data_means.csv")
    genes = [name for name in header if name != "pert_symbol"]
    known = set(read_info(DATA / "string/9606.protein.info.v11.5.txt.gz").values())
    assert len(genes) == 5127
    plain = match_names(genes, known)
    assert plain.matched.count("") == 500
    matches = match_names(genes, known, read_names(HGNC, name="name", symbol="symbol"))
    counts = matches.counts()
    assert counts["exact"] == 4627
    assert counts["former symbol"] + counts["alias"] == 247
    assert (counts["ambiguous"], counts["unknown"]) == (7, 246)
    found = dict(zip(matches.wanted, matches.matched, strict=True))
    assert (found["AARS1"], found["ADGRA3"], found["ADSS2"]) == ("AARS", "GPR125", "ADSS")
    ambiguous = matches.of_way("ambiguous")
    assert ambiguous == ["DAP", "EPRS1", "PWWP3A", "QARS1", "SARS1", "SEPTIN2", "SEPTIN6"]
    # Each match has one owner, by a look into the table itself.
    owners = defaultdict(set)
    with gzip.open(HGNC, "rt", encoding="utf-8", newline="") as stream:
        for name, symbol in csv.reader(stream, delimiter="\t"):
            owners[name].add(symbol)
    for name, match, way in zip(matches.wanted, matches.matched, matches.way, strict=True):
        if way == "former symbol":
            assert owners[match] == {name}
        elif way == "alias":
            assert owners[name] == {match}
    taken = [match for match in matches.matched if match]
    assert len(set(taken)) == len(taken)


def test_matches_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    rows = [(f"N{i}", f"S{j}") for i, j in rng.integers(0, 60, (45, 2)).tolist()]
    known = [f"{'NS'[k]}{i}" for k, i in rng.integers(0, [2, 60], (40, 2)).tolist()]
    wanted = [f"{'NS'[k]}{i}" for k in (0, 1) for i in range(30 * k, 30 * k + 30)]
    first = match_names(wanted, known, names_of(rows))
    again = [rows[i] for i in rng.permutation(len(rows))]
    assert match_names(wanted, known[::-1], names_of(again)) == first
    assert {"former symbol", "alias", "ambiguous", "unknown", "exact"} <= set(first.way)

"""Faults of files that a user brings, one row a fault, for each function that reads such a file."""

from __future__ import annotations

import bz2
import gzip
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import read_edges
import read_perturbations
import read_string
from echoes.io.errors import InputError, printable
from echoes.screen.guides import GENE_NAMES
from echoes.screen.prior import read_prior
from readers import INFO, MEANS, NAMES, READERS, Reader, table
from screens import dataset_settings, name_genes, write_dataset_settings

#: Readers of XML, and of lines of different lengths; of tables whose last column has numbers, and
#: of those that read these numbers.
NO_TABLES = {"GraphML", "SIF"}
TABLES = set(READERS) - NO_TABLES
NUMBERS = TABLES - {"validation", "guides", "names", "info", "aliases", "detailed", "full", "split"}
SCORES = {"links"}
#: Readers whose rows have names of their own, in the first column.
NAMED = {
    *("means", "genes in rows", "deltas", "gaps", "pairs", "gene features", "sample", "control"),
    *("prior", "genes in columns"),
}
#: Readers of tables that may have gaps.
GAPS = {"gaps", "prior", "gene features", "genes in columns", "control"}


def separator(content: bytes) -> bytes:
    line = content.partition(b"\n")[0]
    return next(mark for mark in (b"\t", b",", b" ") if mark in line)


def cell(text: bytes, row: int = 1, column: int = -1) -> Callable[[bytes], bytes]:
    """Put a text into a cell."""

    def change(content: bytes) -> bytes:
        lines, mark = content.split(b"\n"), separator(content)
        cells = lines[row].split(mark)
        cells[column] = text
        lines[row] = mark.join(cells)
        return b"\n".join(lines)

    return change


def repeat_column(content: bytes) -> bytes:
    first = content.partition(b"\n")[0].split(separator(content))[0]
    return cell(first, row=0)(content)


def drop_last_cell(content: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[1] = lines[1].rpartition(separator(content))[0]
    return b"\n".join(lines)


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("table.csv", content)
    return packed.getvalue()


def header_only(content: bytes) -> bytes:
    return content.partition(b"\n")[0] + b"\n"


def first_row_twice(content: bytes) -> bytes:
    return content + content.split(b"\n")[1] + b"\n"


@dataclass(frozen=True)
class Fault:
    """A fault: how a valid file gets it, what is said, and by which readers."""

    change: Callable[[bytes], bytes]
    message: str
    readers: set[str]


FAULTS: dict[str, Fault] = {
    "empty": Fault(lambda _: b"", r"begins with nothing|is empty|no links|XML", set(READERS)),
    "blank lines": Fault(
        lambda _: b"\n\n", r"begins with nothing|is empty|no links|XML", set(READERS)
    ),
    "header only": Fault(
        header_only, r"no rows|0 rows|no names|no links|none of 0|no alias", TABLES
    ),
    "a line without an end": Fault(
        lambda content: header_only(content) + b"x" * (1 << 20),
        r"line [12] or near it: .*field larger than",
        TABLES,
    ),
    "a header without an end": Fault(
        lambda _: b"x" * (5 << 20), r"line 1: .*(too long|field larger than)", TABLES
    ),
    "bytes of 0": Fault(
        lambda content: content[:30] + b"\0" + content[30:],
        r"there are bytes of 0 in it|invalid token",
        set(READERS),
    ),
    "UTF-16": Fault(
        lambda content: content.decode().encode("utf-16"),
        "text in UTF-16",
        set(READERS) - {"GraphML"},
    ),
    "no UTF-8": Fault(
        lambda content: content + content.replace(b"P", b"\xfc").replace(b"A", b"\xfc"),
        r"the byte 0xfc is no UTF-8|can't decode byte 0xfc|invalid token|junk after",
        set(READERS),
    ),
    "zip": Fault(zipped, "a zip archive|XML", set(READERS)),
    "bzip2": Fault(bz2.compress, "a bzip2 file|XML", set(READERS)),
    "a web page": Fault(
        lambda _: b"<!DOCTYPE html><html></html>", "a web page or XML|document type", set(READERS)
    ),
    "JSON": Fault(lambda _: b'{"means": 1}', "this is JSON|XML", set(READERS)),
    "gzip cut short": Fault(
        lambda content: gzip.compress(content)[:-10], "ended before|cannot be", set(READERS)
    ),
    "gzip in gzip": Fault(
        lambda content: gzip.compress(gzip.compress(content)),
        "a gzip file in a gzip file|XML",
        set(READERS),
    ),
    "another separator": Fault(
        lambda content: content.replace(separator(content), b"|"),
        r"missing|not those|0 columns|no column (of|for)|no links|stands? more than once|2 columns",
        TABLES,
    ),
    "a column twice": Fault(repeat_column, "more than once|no column for", TABLES),
    "a row twice": Fault(
        first_row_twice, "more than once|stand twice", (NAMED | {"effects", "truth", "info"})
    ),
    "a short row": Fault(drop_last_cell, r"line 2: [0-9]+ fields|\(line 2\)|fields", TABLES),
    "a long row": Fault(
        cell(b"1,1\t1 1"), r"line 2: [0-9]+ fields|\(line 2\)|fields|column 1 has no name", TABLES
    ),
    "text": Fault(cell(b"abc"), r"'abc' is not a (whole |finite )?number", NUMBERS),
    "a decimal comma": Fault(
        cell(b'"1,5"'), r"""'"?1,5"?' is not a (whole |finite )?number""", NUMBERS
    ),
    "no number": Fault(
        cell(b"nan"),
        r"empty or NA|not measured|not finite|'nan' is not|weight nan",
        NUMBERS - GAPS,
    ),
    "an empty cell": Fault(
        cell(b""),
        r"empty or NA|not measured|an empty cell is not",
        NUMBERS - GAPS,
    ),
    "infinity": Fault(cell(b"inf"), r"inf is not finite|'inf' is not|weight inf", NUMBERS),
    "1e400": Fault(cell(b"1e400"), r"inf is not finite|'1e400' is not|weight inf", NUMBERS),
    "1e30": Fault(
        cell(b"1e30"),
        r"1e\+30 log2 units|1e\+30 \(1 of 4|'1e30' is not|weight 1e\+30",
        NUMBERS - {"sample", "gene features", "genes in columns"},
    ),
    "-1": Fault(cell(b"-1"), r"-1; expected 0|-1.0 is negative", {"links", "edges", "truth"}),
    "1001": Fault(
        cell(b"1001"),
        r"1001; expected 0|1001 log2 units",
        NUMBERS - {"sample", "gene features", "genes in columns", "truth"},
    ),
    "a quote without an end": Fault(
        cell(b'"x'), r"(is not a (whole |finite )?number|EOF inside|fields)", NUMBERS
    ),
    "an empty name": Fault(
        cell(b"", column=0),
        "an empty name|the name ''|guide ''|two directions",
        TABLES - {"names", "aliases"},
    ),
    "a name with a line break": Fault(
        cell(b'"A\nB"', column=0), r"control character|fields", TABLES - {"guides", "names"}
    ),
    "a name with an escape": Fault(
        cell(b"A\x1b[2J", column=0),
        r"control character|two directions",
        TABLES - {"guides", "names", "aliases"},
    ),
    "a name with spaces around it": Fault(
        cell(b" A ", column=0), r"space|fields", TABLES - {"guides", "names", "aliases"}
    ),
}
#: What is no fault.
SAME: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "gzip": gzip.compress,
    "several members": lambda content: gzip.compress(content[:40]) + gzip.compress(content[40:]),
    "without a last line break": lambda content: content.rstrip(b"\n"),
}
#: Names that must do no harm.
STRANGE = ["A" * 10_000, "<script>", "../../x", "A\u200b", "; rm -rf x", "{x}", "%s", "=1+1"]


#: Faults of a column that not every table of effects has.
SPLITS: dict[str, tuple[bytes, bytes, str]] = {
    "an unknown split": (b",test\n", b",tset\n", "'?tset'?"),
    "no split": (b",test\n", b",\n", r"'' .*|empty"),
    "two splits of one perturbation": (
        b",test\n",
        b",train\n",
        r"lines? 1[67] and .*GATA1 belongs to 'train' and to 'test'",
    ),
    "nothing to predict": (b"test", b"train", "there is no perturbation to predict"),
    "nothing to learn from": (b"train", b"test", "there is no perturbation to learn from"),
    "no column of the split": (
        b",split\n",
        b",part\n",
        r"column of the split \(split\) is missing",
    ),
    "no column of the label": (b",label,", b",way,", r"column of the label \(label\) is missing"),
}


#: Faults of tables of responses that none of these readers but that of means is tried with.
MATRICES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a line for spreadsheets": (lambda c: b"sep=,\n" + c, "line 1: 'sep=,' is a note to other"),
    "a quoted line for spreadsheets": (lambda c: b'"sep=;"\n' + c, "is a note to other programs"),
    "a comment": (lambda c: b"# by me\n" + c, "line 1: '# by me' is a note to other programs"),
    "a comma behind each line": (lambda c: c.replace(b"\n", b",\n"), "column 7 has no name"),
    "a second header": (lambda c: header_only(c) + c, "'TP53' is not a number"),
    "a title with an escape": (cell(b"A\x1b[2J", row=0), "line 1: .* has a control character"),
    "a title with a space": (cell(b"GATA1 ", row=0), "line 1: .* begins or ends with a space"),
    "full-width digits": (cell("１２".encode()), "'１２' is not a number"),
    "a minus sign of a typesetter": (cell("−1.5".encode()), "'−1.5' is not a number"),
    "an underscore": (cell(b"1_000"), "'1_000' is not a number"),
    "a formula": (cell(b"=1+1"), "'=1\\+1' is not a number"),
    "a share": (cell(b"1.5%"), "'1.5%' is not a number"),
    "yes": (cell(b"TRUE"), "'TRUE' is not a number"),
    "a table of a text": (lambda _: b"| A | B |\n|---|---|\n| C | 1 |\n", "column | stands more"),
    "an archive of R": (lambda _: b"\x1f\x8bRDX3\nX\n", "cannot be read"),
}
#: What looks wrong in a table of means, and is warned about.
ODD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a row of sums": (lambda c: c + b"Total,9,9,9,9,9\n", "name of a summary of others: Total"),
    "a row of means": (lambda c: c + b"mean,3,3,3,3,4\n", "name of a summary of others: mean"),
    "a column of means": (cell(b"average", row=0), "no genes': average"),
    "a control of zeros": (
        lambda c: re.sub(rb"non-targeting.*", b"non-targeting,0,0,0,0,0", c),
        "the control has no expression",
    ),
    "a column twice that pandas renames": (
        lambda c: b"\n".join(
            line + b"," + (b"TP53.1" if i == 0 else line.split(b",")[1])
            for i, line in enumerate(c.split())
        ),
        "1 response genes are copies of others, to the last digit: TP53.1 of TP53",
    ),
}


@pytest.mark.parametrize("name", ["gene features", "genes in columns"])
def test_a_huge_number_that_is_known_of_a_gene(tmp_path: Path, name: str) -> None:
    reader = READERS[name]
    with pytest.raises(InputError, match=r"1e\+300 \(1 numbers are as large\); expected numbers"):
        reader.read(put(tmp_path, reader, cell(b"1e300")(reader.content)))


def test_expression_that_is_known_of_some_genes(tmp_path: Path) -> None:
    reader = READERS["control"]
    some = b"\n".join(reader.content.split(b"\n")[:3]) + b"\n"
    _, warnings = reader.read(put(tmp_path, reader, some))
    [warning] = warnings
    assert "expression of 3 genes in the controls is not known: MYC, HLA-A, GATA1. " in warning


@pytest.mark.parametrize("fault", MATRICES)
def test_a_fault_of_a_matrix(tmp_path: Path, fault: str) -> None:
    change, message = MATRICES[fault]
    path = put(tmp_path, READERS["means"], change(MEANS))
    with pytest.raises(InputError, match=message) as caught:
        READERS["means"].read(path)
    assert str(path) in str(caught.value)
    assert "; expected " in str(caught.value)


@pytest.mark.parametrize("kind", ODD)
def test_what_looks_wrong_is_warned_about(tmp_path: Path, kind: str) -> None:
    change, message = ODD[kind]
    _, warnings = READERS["means"].read(put(tmp_path, READERS["means"], change(MEANS)))
    assert message in " ".join(warnings)
    assert READERS["means"].read(put(tmp_path, READERS["means"], MEANS))[1] == []


def test_faults_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "means.parquet"
    names = pa.array([*NAMES, "non-targeting"])
    one, two = pa.array([1.0, 3, 2, 5, 4]), pa.array([2.0, 3, 3, 5, 4])
    pq.write_table(pa.table([names, one, two], names=["pert_symbol", "A", "A"]), path)
    with pytest.raises(InputError, match="column A stands more than once; expected each"):
        READERS["means"].read(path)
    frame = pd.DataFrame({"A": one, "B": two}, index=pd.Index(names.to_pylist(), name="x"))
    for name in ("x", "pert_symbol"):
        frame.index.name = name
        frame.assign(k=1).set_index("k", append=True).to_parquet(path)
        with pytest.raises(InputError, match=f"the index of pandas has 2 levels: {name}, k"):
            READERS["means"].read(path)
    frame.to_parquet(path)
    READERS["means"].read(path)


def put(folder: Path, reader: Reader, content: bytes) -> Path:
    path = folder / reader.name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_in_one_line(tmp_path: Path, fault: str) -> None:
    row = FAULTS[fault]
    for name in sorted(row.readers):
        path = put(tmp_path, READERS[name], row.change(READERS[name].content))
        with pytest.raises(InputError) as caught:
            READERS[name].read(path)
        said = printable(str(caught.value))
        assert re.search(row.message, said), (name, said)
        assert str(path) in said or "main.csv" in said, (name, said)
        assert "; expected " in said
        assert said.endswith((".", "…", ")")), (name, said)
        assert len(said) < 2000


@pytest.mark.parametrize("fault", SPLITS)
def test_a_fault_of_a_split(tmp_path: Path, fault: str) -> None:
    old, new, message = SPLITS[fault]
    content = READERS["split"].content
    every = fault.startswith("nothing")
    if fault == "nothing to predict":
        content = content.replace(b"val", b"train")
    elif fault == "nothing to learn from":
        old, new = b"train", b"test"
    content = content.replace(old, new, -1 if every else 1)
    with pytest.raises(InputError, match=message) as caught:
        READERS["split"].read(put(tmp_path, READERS["split"], content))
    assert "split.csv" in str(caught.value)
    assert "; expected " in str(caught.value)


#: Column of a channel that the reader combines.
CHANNEL = {"detailed": 3, "full": -2}


@pytest.mark.parametrize("name", CHANNEL)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"abc", "'abc' is not a whole number"),
        (b"1001", "line 2: 1001; expected 0"),
        (b"-1", "line 2: -1; expected 0"),
        (None, "no column for channel experiments"),
    ],
    ids=["text", "1001", "-1", "no column"],
)
def test_a_fault_of_a_channel(tmp_path: Path, name: str, text: bytes | None, message: str) -> None:
    reader = READERS[name]
    content = reader.content.replace(b"experiment", b"exp")
    if text is not None:
        content = cell(text, column=CHANNEL[name])(reader.content)
    with pytest.raises(InputError, match=message):
        reader.read(put(tmp_path, reader, content))


def test_a_prior_on_another_scale_is_warned_about(tmp_path: Path) -> None:
    counts = re.sub(rb",[0-9.]+", lambda cell: b",%d" % (float(cell[0][1:]) * 40), MEANS)
    path = tmp_path / "prior.csv"
    path.write_bytes(counts)
    _, warnings = read_prior(path, dataset_settings("means"), GENE_NAMES, name_genes, threads=1)
    assert "look like raw counts" in " ".join(warnings)


@pytest.mark.parametrize("change", SAME)
def test_what_is_no_fault(tmp_path: Path, change: str) -> None:
    for name, reader in READERS.items():
        reader.read(put(tmp_path, reader, SAME[change](reader.content)))
        assert name


@pytest.mark.parametrize("name", STRANGE, ids=range(len(STRANGE)))
def test_names_are_names(tmp_path: Path, name: str) -> None:
    changed = cell(name.encode(), column=0)(MEANS)
    screen = READERS["means"].read(put(tmp_path, READERS["means"], changed))[0]
    assert screen.perturbations[0] == name
    assert [path.name for path in tmp_path.iterdir()] == ["means.csv"]


@pytest.mark.parametrize("fault", ["empty", "UTF-16", "gzip cut short", "text", "a long row"])
@pytest.mark.parametrize("name", ["means", "links", "edges"])
def test_a_command_with_a_fault_writes_nothing(tmp_path: Path, name: str, fault: str) -> None:
    reader = READERS[name]
    path = put(tmp_path, reader, FAULTS[fault].change(reader.content))
    info = tmp_path / "info.txt"
    rows = [[protein, gene] for protein, gene in INFO.items()]
    info.write_bytes(table(["#string_protein_id", "preferred_name"], rows, "\t"))
    (tmp_path / "receipt.json").write_text("{}")
    out = tmp_path / "out"
    settings = write_dataset_settings(tmp_path / "settings.json", "means")
    before = sorted(tmp_path.iterdir())
    commands: dict[str, tuple[Any, list[str]]] = {
        "means": (
            read_perturbations,
            [
                f"--table={path}",
                settings,
                *(f"--{option}={out / option}" for option in ("folds", "checks", "summary")),
            ],
        ),
        "links": (
            read_string,
            [
                f"--links={path}",
                f"--info={info}",
                *("--receipts", *[str(tmp_path / "receipt.json")] * 2),
                "--score-threshold=0.5",
                f"--record={out / 'record.json'}",
            ],
        ),
        "edges": (
            read_edges,
            [
                f"--edges={path}",
                *("--source=a", "--target=b", "--weight=w", "--scale=1", "--directed=once"),
                "--score-threshold=0",
                f"--record={out / 'record.json'}",
            ],
        ),
    }
    command, arguments = commands[name]
    with pytest.raises(InputError, match=re.escape(str(path))):
        command.main([*arguments, f"--output={out / 'output.npz'}"])
    assert sorted(tmp_path.iterdir()) == before

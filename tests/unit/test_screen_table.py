"""Matrices of other programs, written in each layout, and compared with plain loops."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echoes.io.errors import InputError
from echoes.io.tables import Matrix
from echoes.screen import record
from echoes.screen.guides import GENE_NAMES, Guides
from echoes.screen.matrix_screen import screen_of_deltas, screen_of_means, with_validation
from echoes.screen.record import Screen, require_complete
from echoes.screen.scale import scale_warnings
from echoes.screen.table import read_wide
from screens import read_competition

K562 = Path(__file__).resolve().parents[3] / "shared/data/crispri/k562_delta.parquet"

ROWS = ("TP53", "MYC", "EPAS1", "non-targeting")
GENES = ("A1BG", "HLA-A", "TP53", "Z", "NaN1")
VALUES = np.random.default_rng(5).normal(size=(4, 5)).round(6)
FRAME = pd.DataFrame(VALUES, index=list(ROWS), columns=list(GENES))


def compress(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes()))


def semicolons(frame: pd.DataFrame, path: Path, decimal: str) -> None:
    frame.to_csv(path, sep=";", decimal=decimal, index_label="perturbation")


def write_table_of_r(frame: pd.DataFrame, path: Path) -> None:
    """As R's write.table(sep = "\t") with row names: the header has one field less."""
    lines = ["\t".join(f'"{name}"' for name in frame.columns)]
    for name, row in zip(frame.index, frame.to_numpy().tolist(), strict=True):
        lines.append("\t".join([f'"{name}"', *map(repr, row)]))
    path.write_text("\n".join(lines) + "\n")


def index_last(frame: pd.DataFrame, path: Path) -> None:
    frame.rename_axis("perturbation").to_parquet(path)


LAYOUTS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "named.csv": lambda f, p: f.to_csv(p, index_label="perturbation"),
    "pandas.csv": lambda f, p: f.to_csv(p),
    "tabs.tsv": lambda f, p: f.to_csv(p, sep="\t", index_label="perturbation"),
    "semicolons.csv": lambda f, p: semicolons(f, p, "."),
    "decimal_commas.csv": lambda f, p: semicolons(f, p, ","),
    "r.txt": write_table_of_r,
    "packed.csv.gz": lambda f, p: (f.to_csv(p, compression=None), compress(p))[0],
    "packed_without_ending": lambda f, p: (f.to_csv(p, sep="\t"), compress(p))[0],
    "mark.csv": lambda f, p: f.to_csv(p, encoding="utf-8-sig"),
    "lines.csv": lambda f, p: f.to_csv(p, lineterminator="\r\n"),
    "column.parquet": lambda f, p: f.rename_axis("p").reset_index().to_parquet(p, index=False),
    "index.parquet": index_last,
    "unnamed_index.parquet": lambda f, p: f.to_parquet(p),
    "category.parquet": lambda f, p: (
        f.rename_axis("p").reset_index().astype({"p": "category"}).to_parquet(p, index=False)
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("genes_in", ["columns", "rows"])
def test_layouts(tmp_path: Path, layout: str, genes_in: str) -> None:
    path = tmp_path / layout
    LAYOUTS[layout](FRAME if genes_in == "columns" else FRAME.T, path)
    matrix = read_wide(path, genes_in=genes_in, name_column=None, allow_missing=False)
    assert (matrix.rows, matrix.columns) == (ROWS, GENES)
    assert np.array_equal(matrix.values, VALUES)


def test_more_rows_than_a_block(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        rng.normal(size=(3000, 500)),
        index=[f"p{i}" for i in range(3000)],
        columns=[f"g{j}" for j in range(500)],
    )
    frame.to_csv(tmp_path / "x.csv")
    frame.to_parquet(tmp_path / "x.parquet")
    assert (tmp_path / "x.csv").stat().st_size > 3 << 23
    for name in ("x.csv", "x.parquet"):
        matrix = read_wide(
            tmp_path / name, genes_in="columns", name_column=None, allow_missing=False
        )
        assert matrix.rows == tuple(frame.index)
        assert np.array_equal(matrix.values, frame.to_numpy())


def test_the_column_of_names_may_be_any(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("A,name,B\n1,P,2\n3,Q,4\n")
    matrix = read_wide(path, genes_in="columns", name_column="name", allow_missing=False)
    assert (matrix.rows, matrix.columns) == (("P", "Q"), ("A", "B"))
    assert np.array_equal(matrix.values, [[1, 2], [3, 4]])


def test_entrez_ids_are_names(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pd.DataFrame({"entrez": [7157, 4609], "P": [1, 2]}).to_parquet(path, index=False)
    matrix = read_wide(path, genes_in="rows", name_column="entrez", allow_missing=False)
    assert matrix.columns == ("7157", "4609")
    assert np.array_equal(matrix.values, [[1, 2]])


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "#N/A", "null"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_missing_cells(tmp_path: Path, missing: str, separator: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"p,A,B\nP,1,{missing}\nNA,0,2\n".replace(",", separator))
    matrix = read_wide(path, genes_in="columns", name_column=None, allow_missing=True)
    assert matrix.rows == ("P", "NA")
    assert np.array_equal(matrix.values, [[1, np.nan], [0, 2]], equal_nan=True)
    with pytest.raises(InputError, match=r"gene B, perturbation P: .*as 1 of 4 are; .*not measure"):
        read_wide(path, genes_in="columns", name_column=None, allow_missing=False)


@pytest.mark.parametrize(
    ("text", "genes_in", "message"),
    [
        ("p,A,n_cells\nP,1,250\nQ,2,30\n", "columns", "line 1: column n_cells is no gene"),
        ("p,A,Cell_Count\nP,1,250\n", "columns", "column Cell_Count is no gene"),
        ("p,A,n_counts_total\nP,1,250\n", "columns", "column n_counts_total is no gene"),
        ("p;A;baseline_wmae\nP;1;2\n", "columns", "column baseline_wmae is no gene"),
        ("p,A,w_A\nP,1,2\n", "columns", "column w_A has weights of a score"),
        ("p,Unnamed: 0,A\nP,0,1\n", "columns", "column Unnamed: 0 is no gene"),
        ("p,,A\nP,0,1\n", "columns", "column 2 has no name"),
        ("p,x,A\nP,0,4\nQ,1,4\nR,2,5\n", "columns", "column x: it has the row numbers 0"),
        ("p,x,A\nP,1,4\nQ,2,4\nR,3,5\n", "columns", "column x: it has the row numbers 1"),
        (",p1,A\n0,5,4\n1,7,4\n2,9,5\n", "columns", "names of the rows are the numbers 0, 1, 2"),
        ("A,B\n0.5,1.5\n0.25,3\n", "columns", "names of the rows are numbers: 0.5, 0.25"),
        ("g,length,P\nA,100,1\n", "rows", "column length is no perturbation"),
        ("g,P\nA,100\nn_cells,3\n", "rows", "row n_cells: n_cells is no gene"),
        ("p,A,B\nP,1,x\n", "columns", r"column B, row P \(line 2\): 'x' is not a number"),
        ("p;A\nP;1,5\nQ;1.5\n", "columns", r"column A, row Q \(line 3\): '1.5' is not"),
        ("p;A\nP;1.5\nQ;1,5\n", "columns", r"column A, row Q \(line 3\): '1,5' is not"),
        ("p,A,B\nP,1,2\nQ,1\n", "columns", "line 3: 2 fields separated by commas"),
        ("p,A\nP,1\nP,2\n", "columns", "P occurs more than once"),
        ("p,A\n,1\n", "columns", "an empty name"),
        ("p,A\nP,inf\n", "columns", "column A, row P: inf is not finite"),
        ("p,A\n", "columns", "no rows"),
        ("p\nP\n", "columns", r"no column of numbers \(columns are separated by commas\)"),
        ("", "columns", "line 1"),
        ("p,A,A\nP,1,2\n", "columns", "column A stands more than once"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, genes_in: str, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_wide(path, genes_in=genes_in, name_column=None, allow_missing=True)
    assert caught.value.file == str(path)
    assert caught.value.remedy


def test_a_column_of_names_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("p\tA\nP\t1\n")
    with pytest.raises(
        InputError, match="column gene is missing; there are p, A, separated by tab"
    ):
        read_wide(path, genes_in="columns", name_column="gene", allow_missing=True)


def test_text_in_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pd.DataFrame({"p": ["P"], "A": [1.0], "cell_line": ["K562"]}).to_parquet(path, index=False)
    with pytest.raises(InputError, match="column cell_line: its values are of the type"):
        read_wide(path, genes_in="columns", name_column=None, allow_missing=True)


@pytest.mark.parametrize("name", ["x.csv.gz", "x.parquet"])
def test_a_file_that_was_cut_short(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50, 50)), [f"p{i}" for i in range(50)]).add_prefix("g")
    frame.to_parquet(path) if name.endswith("t") else frame.to_csv(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="cannot be read"):
        read_wide(path, genes_in="columns", name_column=None, allow_missing=True)


def test_means_with_several_controls() -> None:
    rows = ("NT_1", "TP53_g1", "safe", "TP53_g2", "NT_2")
    values = np.arange(15.0).reshape(5, 3) ** 1.5
    screen = screen_of_means(
        Matrix(rows, ("A", "B", "C"), values),
        ["NT_*", "safe"],
        guides=Guides(separator="_", pattern=None, table=None),
        scale="ln",
        file="m.csv",
    )
    control = [(values[0][j] + values[2][j] + values[4][j]) / 3 / np.log(2) for j in range(3)]
    deltas = [[values[i][j] / np.log(2) - control[j] for j in range(3)] for i in (1, 3)]
    mean = [(deltas[0][j] + deltas[1][j]) / 2 for j in range(3)]
    baseline = [sum(abs(row[j] - mean[j]) for j in range(3)) / 3 for row in deltas]
    np.testing.assert_allclose(screen.control, control, rtol=1e-12)
    np.testing.assert_allclose(screen.responses, deltas, rtol=1e-12)
    np.testing.assert_allclose(screen.baseline, baseline, rtol=1e-12)
    assert np.array_equal(screen.truth, screen.responses)
    assert np.array_equal(screen.weights, np.ones((2, 3)))
    assert screen.perturbations.tolist() == ["TP53_g1", "TP53_g2"]
    assert screen.silenced.tolist() == ["TP53", "TP53"]


def assert_same(left: Screen, right: Screen) -> None:
    for field in dataclasses.fields(Screen):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if isinstance(one, np.ndarray) and one.dtype.kind == "f":
            assert np.array_equal(one, other, equal_nan=True), field.name
        else:
            assert np.array_equal(one, other), field.name


def test_means_equal_the_competition_layout(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "means.csv", index_label="pert_symbol")
    FRAME.T.to_parquet(tmp_path / "means.parquet")
    (tmp_path / "validation.csv").write_text("pert_id,pert\np1,MYC\n")
    expected = read_competition(
        tmp_path / "means.csv", None, tmp_path / "validation.csv", scale="ln"
    )
    matrix = read_wide(
        tmp_path / "means.parquet", genes_in="rows", name_column=None, allow_missing=False
    )
    screen = screen_of_means(matrix, ["non-targeting"], guides=GENE_NAMES, scale="ln", file="m")
    assert_same(with_validation(screen, ["p1"], ["MYC"], guides=GENE_NAMES, file="v"), expected)


def test_deltas_know_no_control(tmp_path: Path) -> None:
    matrix = Matrix(ROWS, GENES, VALUES)
    screen = screen_of_deltas(matrix, [], guides=GENE_NAMES, scale="log2", file="d.csv")
    assert screen.perturbations.tolist() == list(ROWS)
    assert np.isnan(screen.control).all()
    assert np.array_equal(screen.responses, VALUES)
    assert scale_warnings(screen, "log2") == []
    record.save(tmp_path / "screen.npz", screen)
    assert_same(record.load(tmp_path / "screen.npz"), screen)
    fewer = screen_of_deltas(
        matrix, ["non-targeting"], guides=GENE_NAMES, scale="log2", file="d.csv"
    )
    assert np.array_equal(fewer.responses, VALUES[:3])


def test_means_need_a_control() -> None:
    matrix = Matrix(ROWS, GENES, VALUES)
    with pytest.raises(InputError, match="no label of a control is given"):
        screen_of_means(matrix, [], guides=GENE_NAMES, scale="log2", file="m.csv")
    gaps = VALUES.copy()
    gaps[3, 2] = np.nan
    with pytest.raises(InputError, match="gene TP53: not measured in a control"):
        screen_of_means(
            Matrix(ROWS, GENES, gaps),
            ["non-targeting"],
            guides=GENE_NAMES,
            scale="log2",
            file="m.csv",
        )


def test_gaps_are_named_and_counted() -> None:
    gaps = VALUES.copy()
    gaps[1, 2] = gaps[3, 2] = gaps[3, 0] = np.nan
    screen = screen_of_deltas(
        Matrix(ROWS, GENES, gaps), [], guides=GENE_NAMES, scale="log2", file="d.csv"
    )
    weights, baseline = np.ones((4, 5)), []
    for i in range(4):
        errors = []
        for j in range(5):
            column = [gaps[k, j] for k in range(4) if not np.isnan(gaps[k, j])]
            if np.isnan(gaps[i, j]):
                weights[i, j] = 0
            else:
                errors.append(abs(gaps[i, j] - sum(column) / len(column)))
        baseline.append(sum(errors) / len(errors))
    assert np.array_equal(screen.weights, weights)
    np.testing.assert_allclose(screen.baseline, baseline, rtol=1e-12)
    message = (
        r"d.csv: perturbation MYC, gene TP53: not measured, as 3 of 20 pairs .*"
        r"`dataset: incomplete_genes: keep` to learn .*\(3 of 5\)"
    )
    with pytest.raises(InputError, match=message):
        require_complete(screen, "d.csv")
    require_complete(
        screen_of_deltas(
            Matrix(ROWS, GENES, VALUES), [], guides=GENE_NAMES, scale="log2", file="d.csv"
        ),
        "d.csv",
    )


@pytest.mark.skipif(not K562.exists(), reason=f"{K562} is not there")
def test_a_real_screen() -> None:
    matrix = read_wide(K562, genes_in="columns", name_column=None, allow_missing=False)
    screen = screen_of_deltas(matrix, [], guides=GENE_NAMES, scale="log2", file=K562)
    require_complete(screen, K562)
    assert screen.responses.shape == (585, 4000)
    frame = pd.read_parquet(K562).set_index("perturbation")
    assert screen.silenced.tolist() == frame.index.tolist()
    assert screen.genes.tolist() == frame.columns.tolist()
    assert np.array_equal(screen.responses, frame.to_numpy(dtype=np.float64))

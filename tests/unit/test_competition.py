"""Three tables that are aligned by name, and what is said when they do not belong together."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.io.tables import Matrix, write_matrix, write_rows
from echoes.scoring.metrics import weighted_mae
from echoes.screen.record import Screen
from screens import read_competition

SYMBOLS = ("EPAS1", "TP53", "α,1")
GENES = ("G1", "G2", "G3", "G4")
CONTROL = np.array([1.0, 2.0, 0.5, 0.0])
RESPONSES = np.array([[0.5, -0.25, 0.0, 1.0], [-1.0, 0.125, 2.0, 0.25], [0.0, 0.0, -0.5, 4.0]])
# Powers of two: the difference to the control is exact, so that arrays are compared as they are.
DELTAS = RESPONSES + 0.0625
WEIGHTS = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 4.0, 0.0, 0.0], [2.0, 0.5, 0.5, 1.0]])
BASELINE = np.array([0.5, 0.25, 0.125])
TRUTH_COLUMNS = (*GENES, *(f"w_{gene}" for gene in GENES), "baseline_wmae")


class Tables:
    """The tables of a small data set, each written as a test wants it."""

    def __init__(self, folder: Path) -> None:
        self.means = folder / "means.csv"
        self.truth = folder / "truth.csv"
        self.validation = folder / "validation.csv"
        self.write_means([*SYMBOLS, "non-targeting"], np.vstack([RESPONSES + CONTROL, CONTROL]))
        self.write_truth(np.hstack([DELTAS, WEIGHTS, BASELINE[:, None]]))
        self.validation.write_text("pert_id,pert\npert_1,MYC\npert_2,TP53\n")

    def write_means(self, rows: list[str], values: np.ndarray) -> None:
        write_matrix(self.means, "pert_symbol", Matrix(tuple(rows), GENES, values))

    def write_truth(
        self,
        values: np.ndarray,
        rows: tuple[str, ...] = SYMBOLS,
        columns: tuple[str, ...] = TRUTH_COLUMNS,
    ) -> None:
        write_matrix(self.truth, "pert_id", Matrix(rows, columns, values))

    @property
    def values(self) -> np.ndarray:
        return np.hstack([DELTAS, WEIGHTS, BASELINE[:, None]])

    def read(self, scale: str = "log2") -> Screen:
        return read_competition(self.means, self.truth, self.validation, scale=scale)

    def refused(self) -> InputError:
        with pytest.raises(InputError) as caught:
            self.read()
        return caught.value


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def assert_whole(data: Screen) -> None:
    assert data.silenced.tolist() == list(SYMBOLS)
    assert data.genes.tolist() == list(GENES)
    assert np.array_equal(data.control, CONTROL)
    assert np.array_equal(data.responses, RESPONSES)
    assert np.array_equal(data.truth, DELTAS)
    assert np.array_equal(data.weights, WEIGHTS)
    assert np.array_equal(data.baseline, BASELINE)
    assert data.validation_ids.tolist() == ["pert_1", "pert_2"]
    assert data.validation_silenced.tolist() == ["MYC", "TP53"]


def test_tables_in_one_order(tables: Tables) -> None:
    assert_whole(tables.read())


@pytest.mark.parametrize("seed", range(3))
def test_truth_in_another_order(tables: Tables, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(SYMBOLS)), rng.permutation(len(TRUTH_COLUMNS))
    tables.write_truth(
        tables.values[rows][:, columns],
        tuple(SYMBOLS[i] for i in rows),
        tuple(TRUTH_COLUMNS[j] for j in columns),
    )
    assert_whole(tables.read())


@pytest.mark.parametrize("place", range(4))
def test_control_anywhere(tables: Tables, place: int) -> None:
    rows = list(SYMBOLS)
    rows.insert(place, "non-targeting")
    tables.write_means(rows, np.insert(RESPONSES + CONTROL, place, CONTROL, axis=0))
    assert_whole(tables.read())


def test_control_of_another_name(tables: Tables) -> None:
    data = read_competition(tables.means, None, None, "TP53", scale="log2")
    assert data.silenced.tolist() == ["EPAS1", "α,1", "non-targeting"]
    assert np.array_equal(data.control, RESPONSES[1] + CONTROL)
    assert np.array_equal(data.responses[2], -RESPONSES[1])


def test_without_truth(tables: Tables) -> None:
    data = read_competition(tables.means, None, tables.validation, scale="log2")
    assert np.array_equal(data.truth, RESPONSES)
    assert np.array_equal(data.weights, np.ones((3, 4)))
    mean = RESPONSES.mean(axis=0)
    by_hand = [sum(abs(row[j] - mean[j]) for j in range(4)) / 4 for row in RESPONSES]
    np.testing.assert_allclose(data.baseline, by_hand, rtol=1e-15)
    np.testing.assert_array_equal(
        data.baseline, weighted_mae(RESPONSES, RESPONSES.mean(axis=0), np.ones((3, 4)))
    )


def test_without_validation(tables: Tables) -> None:
    data = read_competition(tables.means, tables.truth, None, scale="log2")
    assert data.validation_ids.shape == data.validation_silenced.shape == (0,)
    assert data.validation_ids.dtype.kind == "U"


@pytest.mark.parametrize(
    "content",
    [
        "pert,class,pert_id\nMYC,x,pert_1\nTP53,,pert_2\n",
        '"pert_id","pert"\n"pert_1","MYC"\n"pert_2","TP53"\n',
        "\ufeffpert_id,pert\r\npert_1,MYC\r\npert_2,TP53\r\n",
    ],
)
def test_spellings_of_the_validation_table(tables: Tables, content: str) -> None:
    tables.validation.write_bytes(content.encode())
    assert_whole(tables.read())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_with_another_separator(tables: Tables, separator: str) -> None:
    plain = tables.read()
    for path in (tables.truth, tables.validation):
        rows = list(csv.reader(path.read_text().splitlines()))
        write_rows(path, rows[0], rows[1:], delimiter=separator)
    for one, other in zip(vars(plain).values(), vars(tables.read()).values(), strict=True):
        assert np.array_equal(one, other)


def test_two_ids_may_share_a_gene(tables: Tables) -> None:
    tables.validation.write_text("pert_id,pert\npert_1,MYC\npert_2,MYC\n")
    assert tables.read().validation_silenced.tolist() == ["MYC", "MYC"]


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        ("pert_id,pert\n", "", "no rows"),
        ("pert_id,pert\np1,A\np2,B\np1,C\n", "column pert_id", "p1 occurs more than once"),
        ("pert_id,pert\np1,A\n,B\n", "column pert_id, row 2", "empty name"),
        ("pert_id,pert\np1,A\np2,\n", "column pert, row p2", "empty name"),
        ("pert_id,gene\np1,A\n", "line 1", "column pert is missing"),
        ("pert_id,pert\np1,A\np2\n", "line 3", "1 fields"),
    ],
)
def test_bad_validation_tables(tables: Tables, content: str, place: str, problem: str) -> None:
    tables.validation.write_text(content)
    error = tables.refused()
    assert error.file == str(tables.validation)
    assert error.place == place
    assert problem in error.problem


def test_no_control(tables: Tables) -> None:
    tables.write_means(list(SYMBOLS), RESPONSES)
    error = tables.refused()
    assert error.file == str(tables.means)
    assert "'non-targeting'" in error.problem
    assert "dataset: control:" in error.remedy


def test_control_only(tables: Tables) -> None:
    tables.write_means(["non-targeting"], CONTROL[None])
    error = tables.refused()
    assert error.file == str(tables.means)
    assert "all 1 rows are controls" in error.problem


def test_control_twice(tables: Tables) -> None:
    tables.write_means(["A", "non-targeting", "non-targeting"], np.ones((3, 4)))
    assert tables.refused().problem == "non-targeting occurs more than once"


def test_row_missing_in_the_truth(tables: Tables) -> None:
    tables.write_truth(tables.values[:2], SYMBOLS[:2])
    error = tables.refused()
    assert error.file == str(tables.truth)
    assert (error.place, error.problem) == ("column pert_id", "α,1 missing")


def test_row_too_many_in_the_truth(tables: Tables) -> None:
    values = np.vstack([tables.values, tables.values[:1]])
    tables.write_truth(values, (*SYMBOLS, "MYC"))
    error = tables.refused()
    assert (error.place, error.problem) == ("column pert_id", "MYC too many")


def test_another_row_in_the_truth(tables: Tables) -> None:
    tables.write_truth(tables.values, ("MYC", *SYMBOLS[1:]))
    assert tables.refused().problem == "EPAS1 missing and MYC too many"


@pytest.mark.parametrize("lost", range(len(TRUTH_COLUMNS)))
def test_column_missing_in_the_truth(tables: Tables, lost: int) -> None:
    columns = tuple(name for j, name in enumerate(TRUTH_COLUMNS) if j != lost)
    tables.write_truth(np.delete(tables.values, lost, axis=1), SYMBOLS, columns)
    error = tables.refused()
    assert (error.file, error.place) == (str(tables.truth), "line 1")
    assert f"{TRUTH_COLUMNS[lost]} " in error.problem
    assert "missing" in error.problem


def test_column_too_many_in_the_truth(tables: Tables) -> None:
    values = np.hstack([tables.values, tables.values[:, :1]])
    tables.write_truth(values, SYMBOLS, (*TRUTH_COLUMNS, "G5"))
    assert tables.refused().problem == "G5 too many"


def test_truth_with_a_control_row(tables: Tables) -> None:
    values = np.vstack([tables.values, tables.values[:1]])
    tables.write_truth(values, (*SYMBOLS, "non-targeting"))
    assert tables.refused().problem == "non-targeting too many"


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [(0, "w_G2", -1e-9), (2, "w_G4", -1.0), (1, "baseline_wmae", -0.5)],
)
def test_negative_weight_or_baseline(tables: Tables, row: int, column: str, value: float) -> None:
    values = tables.values
    values[row, TRUTH_COLUMNS.index(column)] = value
    # In another order, what is named is still what stands in the file.
    tables.write_truth(values[::-1], SYMBOLS[::-1])
    error = tables.refused()
    assert error.place == f"column {column}, row {SYMBOLS[row]}"
    assert error.problem == f"{value} is negative"


@pytest.mark.parametrize("factor", [0.0, 0.25, 0.98, 1.02])
def test_weights_of_another_sum(tables: Tables, factor: float) -> None:
    values = tables.values
    values[1, 4:8] *= factor
    tables.write_truth(values)
    error = tables.refused()
    assert error.place == "row TP53"
    assert error.problem == f"the weights sum to {4 * factor:.6g}"
    assert error.expected.startswith("4,")


def test_rounded_weights_are_taken_as_they_are(tables: Tables) -> None:
    values = tables.values
    values[0, 4:8] = 1.005
    tables.write_truth(values)
    assert tables.read().weights[0].tolist() == [1.005] * 4


@pytest.mark.parametrize("baseline", [0.0, 1e-300, 1e300])
def test_a_baseline_that_is_no_error_is_refused(tables: Tables, baseline: float) -> None:
    values = tables.values
    values[0, -1] = baseline
    tables.write_truth(values)
    error = tables.refused()
    assert error.file == str(tables.truth)
    assert error.place.startswith("column baseline_wmae, row ")
    assert error.problem.startswith(f"{baseline:.4g} ")


@pytest.mark.parametrize(
    ("genes", "columns"),
    [
        (("X", "w_X"), ("X", "w_X", "w_w_X", "baseline_wmae")),
        (("X", "baseline_wmae"), ("X", "baseline_wmae", "w_X", "w_baseline_wmae")),
    ],
)
def test_a_column_of_two_meanings_is_refused(
    tables: Tables, genes: tuple[str, ...], columns: tuple[str, ...]
) -> None:
    values = np.array([[0.0, 0.0], [0.25, 0.5]])
    write_matrix(tables.means, "pert_symbol", Matrix(("non-targeting", "A"), genes, values))
    tables.write_truth(np.array([[0.25, 1.0, 1.0, 1.0]]), ("A",), columns)
    error = tables.refused()
    assert error.file == str(tables.means)
    assert f"column {genes[1]} " in error.problem


def test_a_gene_whose_name_starts_like_a_weight(tables: Tables) -> None:
    genes = ("w_X", "Y")
    write_matrix(
        tables.means,
        "pert_symbol",
        Matrix(("non-targeting", "A"), genes, np.array([[0.0, 0.0], [0.25, 0.5]])),
    )
    columns = ("w_Y", "Y", "w_w_X", "w_X", "baseline_wmae")
    tables.write_truth(np.array([[1.5, 0.5, 0.5, 0.25, 1.0]]), ("A",), columns)
    data = tables.read()
    assert data.truth.tolist() == [[0.25, 0.5]]
    assert data.weights.tolist() == [[0.5, 1.5]]


@pytest.mark.parametrize(("scale", "base"), [("ln", math.e), ("log10", 10.0)])
@pytest.mark.parametrize("with_truth", [True, False])
def test_another_scale_gives_the_same_record(
    tables: Tables, scale: str, base: float, with_truth: bool
) -> None:
    truth = tables.truth if with_truth else None

    def read(scale: str) -> Screen:
        return read_competition(tables.means, truth, tables.validation, scale=scale)

    expected = read("log2")
    unit = math.log(2, base)
    expression = np.vstack([RESPONSES + CONTROL, CONTROL])
    tables.write_means([*SYMBOLS, "non-targeting"], unit * expression)
    tables.write_truth(np.hstack([unit * DELTAS, WEIGHTS, unit * BASELINE[:, None]]))
    data = read(scale)
    assert data.scale == expected.scale == "log2"
    for field in dataclasses.fields(Screen):
        one, other = (np.asarray(getattr(d, field.name)) for d in (data, expected))
        assert one.dtype == other.dtype
        if one.dtype == np.float64:
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(one, other)


def test_an_unknown_scale_is_refused(tables: Tables) -> None:
    with pytest.raises(KeyError, match="lg"):
        tables.read("lg")

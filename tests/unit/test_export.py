"""Tables and `.h5ad` files of predictions, as other programs read them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from echoes.io.arrays import Floats
from echoes.io.errors import InputError
from echoes.io.tables import Matrix, read_matrix, write_matrix
from echoes.report import export
from echoes.report.export import NO_FOLD, PredictedResponses, save_effects, save_h5ad, save_wide
from echoes.scoring.coverage import LEVELS
from echoes.scoring.out_of_fold import OutOfFold

GENES = np.array(["TP53", "NKX2-1", "RP11-34.2", "É"])
N, V, G = 5, 2, len(GENES)
CONTROL = np.array([6.5, 7.25, 5.0, 8.0])
PROVENANCE = {"program": "echoes 0.1", "settings": {"alphas": [0.25], "none": None, "a/b": "α"}}


def responses(*, errors: bool = True, control: bool = True) -> PredictedResponses:
    random = np.random.default_rng(1)
    measured = random.normal(size=(N, G))
    measured[1, 2] = np.nan
    known = export.out_of_fold_responses(
        np.array([f"guide {i}" for i in range(N)]),
        np.array(["A", "B", "A", "C", "D"]),
        GENES,
        predicted=random.normal(size=(N, G)),
        measured=measured,
        fold=np.array([1, 0, 1, 2, 0]),
        expected_error=random.uniform(size=(N, G)) if errors else None,
    )
    unknown = export.validation_responses(
        np.array(["pert_1", "pert_2"]),
        np.array(["E", "F"]),
        GENES,
        predicted=random.normal(size=(V, G)),
        expected_error=random.uniform(size=(V, G)) if errors else None,
    )
    records = [known, unknown]
    if control:
        records.append(export.control_response("non-targeting", GENES))
    return export.join(records)


def test_joined_records_keep_their_rows() -> None:
    joined = responses()
    assert joined.split.tolist() == ["out_of_fold"] * N + ["validation"] * V + ["control"]
    assert joined.fold.tolist() == [1, 0, 1, 2, 0, NO_FOLD, NO_FOLD, NO_FOLD]
    assert np.isnan(joined.measured[N : N + V]).all()
    assert joined.predicted[-1].tolist() == joined.measured[-1].tolist() == [0.0] * G
    assert joined.expected_error is not None
    assert np.isnan(joined.expected_error[-1]).all()
    assert not np.isnan(joined.expected_error[:-1]).any()
    assert responses(errors=False).expected_error is None


def test_records_of_other_genes_are_not_joined() -> None:
    one, other = (export.control_response("c", GENES[start:]) for start in (0, 1))
    with pytest.raises(ValueError, match="different genes"):
        export.join([one, other])


def test_the_expected_error_is_the_width_of_one_deviation() -> None:
    levels = [*LEVELS]
    quantiles = np.arange(2.0 * len(levels)).reshape(2, -1) + 1
    one: Floats = np.ones(2)
    held_out = OutOfFold(
        prediction=np.zeros((3, 2)),
        fold=np.array([1, 0, 1]),
        centre=np.zeros((2, 2)),
        mean=np.zeros((2, 2)),
        spread=np.array([[1.0, 2], [3, 4], [5, 6]]),
        quantiles=quantiles,
        inner_score=one,
        seconds=one,
        choices={},
    )
    at = int(np.argmin(np.abs(np.array(levels) - 0.6827)))
    low, high = quantiles[:, at]
    expected = [[high, 2 * high], [3 * low, 4 * low], [5 * high, 6 * high]]
    width = export.expected_error(held_out)
    assert width is not None
    assert width.tolist() == expected
    without = dataclasses.replace(held_out, quantiles=np.empty((2, 0)), spread=np.empty((3, 0)))
    assert export.expected_error(without) is None


def test_a_wide_table_has_the_numbers_of_the_csv(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, G))
    matrix = Matrix(("A", "B", "NA"), tuple(GENES.tolist()), values)
    save_wide(tmp_path / "a.parquet", "perturbation", matrix)
    write_matrix(tmp_path / "a.csv", "perturbation", matrix)
    table = pd.read_parquet(tmp_path / "a.parquet")
    text = read_matrix(tmp_path / "a.csv", "perturbation")
    assert [*table.columns] == ["perturbation", *text.columns]
    assert tuple(table["perturbation"]) == text.rows
    assert np.array_equal(table[[*text.columns]].to_numpy(), text.values)


def test_a_gene_called_as_the_column_of_names(tmp_path: Path) -> None:
    matrix = Matrix(("A",), ("perturbation", "G"), np.zeros((1, 2)))
    with pytest.raises(InputError, match="perturbation would stand more than once"):
        save_wide(tmp_path / "a.parquet", "perturbation", matrix)


@pytest.mark.parametrize("errors", [True, False])
@pytest.mark.parametrize("block", [1, 2 * G, 1 << 20])
def test_the_long_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, errors: bool
) -> None:
    monkeypatch.setattr(export, "_BLOCK_ROWS", block)
    record = responses(errors=errors)
    save_effects(tmp_path / "effects.parquet", record)
    table = pd.read_parquet(tmp_path / "effects.parquet")
    assert [*table.columns] == ["perturbation", "gene", "predicted", "expected_error", "measured"]
    assert len(table) == len(record.perturbations) * G
    row = 0
    for i, perturbation in enumerate(record.perturbations.tolist()):
        for j, gene in enumerate(GENES.tolist()):
            line = table.iloc[row]
            assert (line["perturbation"], line["gene"]) == (perturbation, gene)
            for name in ("predicted", "expected_error", "measured"):
                values = getattr(record, name)
                expected = np.nan if values is None else values[i, j]
                np.testing.assert_equal(float(line[name]), expected)
            row += 1


def test_unknown_values_of_the_long_table_are_null(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    save_effects(tmp_path / "effects.parquet", responses(control=False))
    table = pq.read_table(tmp_path / "effects.parquet")
    assert table["measured"].null_count == V * G + 1
    assert table["expected_error"].null_count == table["predicted"].null_count == 0


@pytest.fixture
def written(tmp_path: Path) -> Path:
    pytest.importorskip("h5py")
    save_h5ad(tmp_path / "a.h5ad", responses(), PROVENANCE, control=CONTROL)
    return tmp_path / "a.h5ad"


def read(path: Path) -> Any:
    return pytest.importorskip("anndata").read_h5ad(path)


def test_anndata_reads_what_was_written(written: Path) -> None:
    data, record = read(written), responses()
    assert data.obs_names.tolist() == record.perturbations.tolist()
    assert (data.obs_names.name, data.var_names.name) == ("perturbation", "gene")
    assert data.var_names.tolist() == GENES.tolist()
    assert data.var["control"].tolist() == CONTROL.tolist()
    assert [*data.var.columns] == ["control"]
    assert [*data.obs.columns] == ["silenced_gene", "split", "fold"]
    assert data.obs["silenced_gene"].tolist() == record.silenced.tolist()
    assert data.obs["split"].tolist() == record.split.tolist()
    assert data.obs["split"].dtype == "category"
    assert data.obs["fold"].tolist()[:N] == [1, 0, 1, 2, 0]
    assert data.obs["fold"].isna().tolist() == [False] * N + [True] * (V + 1)
    assert {*data.layers} == {"measured", "expected_error"}
    for values, expected in (
        (data.X, record.predicted),
        (data.layers["measured"], record.measured),
        (data.layers["expected_error"], record.expected_error),
    ):
        np.testing.assert_array_equal(values, expected)
    assert data.uns["program"] == "echoes 0.1"
    assert json.loads(data.uns["settings"]) == PROVENANCE["settings"]


def test_the_file_is_encoded_as_anndata_encodes_it(written: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    again = tmp_path / "again.h5ad"
    read(written).write_h5ad(again)

    def elements(path: Path) -> dict[str, Any]:
        listed: dict[str, Any] = {}

        def note(name: str, element: Any) -> None:
            attributes = {
                key: value.tolist() if hasattr(value, "tolist") else value
                for key, value in element.attrs.items()
            }
            listed[name] = (str(getattr(element, "dtype", "")), attributes)

        with h5py.File(path) as file:
            note("/", file)
            file.visititems(note)
        return listed

    assert elements(written) == elements(again)


def test_files_of_equal_records_have_the_same_bytes(written: Path, tmp_path: Path) -> None:
    code = (
        "import sys, test_export as t; r = t.responses();"
        "t.save_h5ad(sys.argv[1], r, t.PROVENANCE, control=t.CONTROL);"
        "t.save_effects(sys.argv[2], r)"
    )
    effects = [tmp_path / "effects.parquet", tmp_path / "other.parquet"]
    save_effects(effects[0], responses())
    other = tmp_path / "other.h5ad"
    subprocess.run(
        [sys.executable, "-c", code, other, effects[1]],
        check=True,
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": str(Path(export.__file__).parents[2]), "TZ": "Asia/Tokyo"},
    )
    assert other.read_bytes() == written.read_bytes()
    assert effects[0].read_bytes() == effects[1].read_bytes()


def test_without_errors_and_without_rows(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    record = responses(errors=False)
    save_h5ad(tmp_path / "a.h5ad", record, {}, control=None)
    data = read(tmp_path / "a.h5ad")
    assert ([*data.layers], [*data.var.columns]) == (["measured"], [])
    empty = np.empty((0, G))
    nothing = export.validation_responses(
        np.empty(0, str), np.empty(0, str), GENES, predicted=empty, expected_error=None
    )
    save_h5ad(tmp_path / "b.h5ad", nothing, {}, control=None)
    assert read(tmp_path / "b.h5ad").shape == (0, G)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"perturbations": np.array(["A"] * (N + V + 1))}, "perturbations"),
        ({"genes": np.array(["G1", "G2", "G1", "G3"])}, "genes"),
    ],
)
def test_names_that_occur_twice(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError, match="would stand more than once") as caught:
        save_h5ad(tmp_path / "a.h5ad", dataclasses.replace(responses(), **change), {}, control=None)
    assert caught.value.place == place
    assert not [*tmp_path.iterdir()]


def test_without_h5py_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match="pip install h5py"):
        save_h5ad(tmp_path / "a.h5ad", responses(), {}, control=None)
    assert not [*tmp_path.iterdir()]


@pytest.mark.filterwarnings("ignore")
def test_scanpy_groups_and_averages(written: Path) -> None:
    scanpy = pytest.importorskip("scanpy")
    means = scanpy.get.aggregate(read(written), by="silenced_gene", func="mean")
    record = responses()
    for gene in ("A", "F"):
        rows = record.silenced == gene
        at = means.obs_names.tolist().index(gene)
        np.testing.assert_allclose(
            means.layers["mean"][at], record.predicted[rows].mean(axis=0), rtol=1e-12
        )


@pytest.mark.filterwarnings("ignore")
def test_cell_eval_compares_predictions_with_what_was_measured(tmp_path: Path) -> None:
    evaluator: Callable[..., Any] = pytest.importorskip("cell_eval").MetricsEvaluator
    pytest.importorskip("h5py")
    record = responses()
    record = dataclasses.replace(record, measured=np.nan_to_num(record.measured))
    save_h5ad(tmp_path / "a.h5ad", record, {}, control=CONTROL)
    predicted = read(tmp_path / "a.h5ad")
    predicted = predicted[predicted.obs["split"] != "validation"].copy()
    measured = predicted.copy()
    # It takes expression, no differences; it computes the differences to the control itself.
    control = predicted.var["control"].to_numpy()
    measured.X = measured.layers["measured"] + control
    predicted.X += control
    results, _ = evaluator(
        adata_pred=predicted,
        adata_real=measured,
        control_pert="non-targeting",
        pert_col="silenced_gene",
        outdir=str(tmp_path / "out"),
        skip_de=True,
    ).compute(profile="anndata", write_csv=False, break_on_error=True)
    correlation = dict(zip(results["perturbation"], results["pearson_delta"], strict=True))
    assert {*correlation} == {"A", "B", "C", "D"}
    for gene, value in correlation.items():
        rows = record.silenced == gene
        pair = record.predicted[rows].mean(axis=0), record.measured[rows].mean(axis=0)
        assert value == pytest.approx(np.corrcoef(*pair)[0, 1], rel=1e-5)

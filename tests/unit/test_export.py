"""Tables and `.h5ad` files of predictions, as other programs read them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import exports
from echoes.io.arrays import Floats
from echoes.io.errors import InputError
from echoes.io.tables import Matrix, read_matrix, write_matrix
from echoes.report import export
from echoes.report.export import NO_FOLD, save_effects, save_h5ad, save_wide
from echoes.scoring.coverage import LEVELS
from echoes.scoring.out_of_fold import OutOfFold
from exports import CONTROL, GENES, PROVENANCE, G, N, V, responses


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


def test_no_two_joined_records_share_a_name() -> None:
    ids = np.array(["guide 1", "new"])
    values = np.zeros((2, G))
    again = export.validation_responses(ids, ids, GENES, predicted=values, expected_error=None)
    joined = export.join([responses(control=False), again])
    assert joined.perturbations.tolist()[N + V :] == ["guide 1 (validation)", "new"]
    assert joined.silenced.tolist()[N + V :] == ["guide 1", "new"]


def test_the_expected_error_is_the_width_of_one_deviation() -> None:
    levels = [*LEVELS]
    quantiles = np.arange(2.0 * len(levels)).reshape(2, -1) + 1
    one: Floats = np.ones(2)
    held_out = OutOfFold(
        rows=np.arange(3),
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
    save_effects(tmp_path / "effects.parquet", responses(control=False))
    table = pq.read_table(tmp_path / "effects.parquet")
    assert table["measured"].null_count == V * G + 1
    assert table["expected_error"].null_count == table["predicted"].null_count == 0


@pytest.fixture
def written(tmp_path: Path) -> Path:
    save_h5ad(tmp_path / "a.h5ad", responses(), PROVENANCE, control=CONTROL)
    return tmp_path / "a.h5ad"


def test_an_h5ad_file_has_each_matrix(written: Path) -> None:
    record = responses()
    with h5py.File(written) as file:
        np.testing.assert_array_equal(file["X"], record.predicted)
        np.testing.assert_array_equal(file["layers/measured"], record.measured)
        np.testing.assert_array_equal(file["layers/expected_error"], record.expected_error)
        assert file["obs/perturbation"].asstr()[:].tolist() == record.perturbations.tolist()
        assert file["var/gene"].asstr()[:].tolist() == GENES.tolist()
        assert file["var/control"][:].tolist() == CONTROL.tolist()


def test_files_of_equal_records_have_the_same_bytes(written: Path, tmp_path: Path) -> None:
    code = (
        "import sys, exports as t; from echoes.report import export; r = t.responses();"
        "export.save_h5ad(sys.argv[1], r, t.PROVENANCE, control=t.CONTROL);"
        "export.save_effects(sys.argv[2], r)"
    )
    effects = [tmp_path / "effects.parquet", tmp_path / "other.parquet"]
    save_effects(effects[0], responses())
    other = tmp_path / "other.h5ad"
    subprocess.run(
        [sys.executable, "-c", code, other, effects[1]],
        check=True,
        cwd=Path(exports.__file__).parent,
        env={"PYTHONPATH": str(Path(export.__file__).parents[2]), "TZ": "Asia/Tokyo"},
    )
    assert other.read_bytes() == written.read_bytes()
    assert effects[0].read_bytes() == effects[1].read_bytes()


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

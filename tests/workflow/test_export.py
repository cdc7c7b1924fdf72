"""Predictions for other programs: chosen in the config, written by one job an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from echoes.io.tables import read_matrix
from workflow.conftest import Workspace

FORMATS = ["parquet", "h5ad", "effects"]
FILES = {
    *("oof_predictions.parquet", "validation_predictions.parquet"),
    *("predictions.h5ad", "effects.parquet"),
}
#: Experiments, without baselines and runs of sweeps.
EXPERIMENTS = ("published", "echo", "echo_base", "echo_rewired", "echo_permuted", "linear")


@pytest.fixture(scope="module")
def exported(held_out: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All that can be held out, with predictions in all formats. Copy it before changing it."""
    work = held_out.copy(tmp_path_factory.mktemp("exported") / "main")
    work.change(export=FORMATS)
    assert work.snakemake().ran == {"export_predictions": len(EXPERIMENTS) + 1}
    assert work.planned() == {}
    return work


def made(work: Workspace) -> set[str]:
    """Files of exports below the folder of results."""
    folder = work.path / "results/small"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name in FILES}


def test_experiments_are_exported_and_nothing_else(exported: Workspace) -> None:
    experiments = (*EXPERIMENTS, "ensemble")
    assert made(exported) == {f"{name}/{file}" for name in experiments for file in FILES}


def test_without_the_key_there_are_tables_only(held_out: Workspace) -> None:
    assert made(held_out) == set()


def columns(path: Path) -> dict[str, list[Any]]:
    return {name: values.to_pylist() for name, values in zip(*_table(path), strict=True)}


def _table(path: Path) -> tuple[list[str], list[Any]]:
    table = pq.read_table(path)
    return table.column_names, table.columns


@pytest.mark.parametrize("experiment", [*EXPERIMENTS, "ensemble"])
def test_all_formats_have_the_numbers_of_the_tables(exported: Workspace, experiment: str) -> None:
    known = read_matrix(exported.file("oof_predictions.csv", experiment), "pert_symbol")
    unknown = read_matrix(exported.file("submission.csv", experiment), "pert_id")
    unknown_rows = unknown.rows[:-2]  # without the padding
    values = np.concatenate([known.values, unknown.values[:-2]])

    for name, row_names, rows, expected in (
        ("oof_predictions.parquet", "pert_symbol", known.rows, known.values),
        ("validation_predictions.parquet", "pert_id", unknown_rows, unknown.values[:-2]),
    ):
        table = columns(exported.file(name, experiment))
        assert [*table] == [row_names, *known.columns]
        assert table.pop(row_names) == [*rows]
        np.testing.assert_array_equal(np.array([*table.values()]).T, expected)

    effects = columns(exported.file("effects.parquet", experiment))
    names = [*known.rows, *unknown_rows]
    assert effects["perturbation"] == [name for name in names for _ in known.columns]
    assert effects["gene"] == [*known.columns] * len(names)
    np.testing.assert_array_equal(effects["predicted"], values.ravel())
    errors = effects["expected_error"]
    if experiment in {"published", "linear"}:
        # Their models give no intervals.
        assert set(errors) == {None}
    else:
        uncertainty = pq.read_table(exported.file("uncertainty.parquet", experiment))
        assert uncertainty.column(0).to_pylist() == names
        expected = np.array(uncertainty.columns[1:]).T
        np.testing.assert_allclose(np.array(errors).reshape(expected.shape), expected, rtol=1e-6)

    with h5py.File(exported.file("predictions.h5ad", experiment)) as file:
        np.testing.assert_array_equal(file["X"][:-1], values)
        rows = file["obs/perturbation"].asstr()[:].tolist()
        assert rows == [*names, "non-targeting"]
        fold = file["obs/fold/values"][: len(known.rows)].tolist()
        assert sorted(fold) == [*range(len(known.rows))]
        assert file["uns/experiment"].asstr()[()] == experiment
        assert file["uns/dataset"].asstr()[()] == "small"


def test_the_files_are_the_same_bytes_on_any_computer(exported: Workspace, tmp_path: Path) -> None:
    work = exported.copy(tmp_path / "main")
    before = {name: (work.path / "results/small" / name).read_bytes() for name in made(work)}
    for name in before:
        (work.path / "results/small" / name).unlink()
    ran = work.snakemake(cores=4, PYTHONHASHSEED="7", LC_ALL="C", TZ="Asia/Tokyo").ran
    assert ran == {"export_predictions": len(EXPERIMENTS) + 1}
    for name, content in before.items():
        assert (work.path / "results/small" / name).read_bytes() == content, name


@pytest.mark.parametrize("formats", [["h5ad", "effects", "parquet"], ["h5ad"], []])
def test_fewer_formats_run_nothing(exported: Workspace, tmp_path: Path, formats: list[str]) -> None:
    work = exported.copy(tmp_path / "main")
    work.settings["export"] = formats
    assert work.planned() == {}


def test_an_edit_of_the_writers_runs_only_the_exports(exported: Workspace, tmp_path: Path) -> None:
    work = exported.copy(tmp_path / "main")
    with (work.path / "scripts/echoes/io/h5ad_write.py").open("a", encoding="utf-8") as stream:
        stream.write("# edited\n")
    assert work.planned() == {"export_predictions": len(EXPERIMENTS) + 1}


def test_a_deleted_file_is_written_again(exported: Workspace, tmp_path: Path) -> None:
    work = exported.copy(tmp_path / "main")
    work.file("effects.parquet", "echo").unlink()
    assert work.planned() == {"export_predictions": 1}


def test_only_the_chosen_files_are_written(done: Workspace) -> None:
    done.change(export=["h5ad"])
    assert done.snakemake().ran == {"export_predictions": 2}
    assert made(done) == {f"{name}/predictions.h5ad" for name in ("published", "second")}
    done.change(export=["h5ad", "effects"])
    assert done.planned() == {"export_predictions": 2}
    done.change(dataset={"validation": None})
    done.settings["export"] = ["parquet"]
    targets = [f"results/small/{name}/oof_predictions.parquet" for name in ("published", "second")]
    planned = done.planned(*targets)
    assert planned["export_predictions"] == 2
    assert "write_submission" not in planned


@pytest.mark.parametrize("wrong", [["csv"], ["h5ad", "h5ad"], "h5ad", [None]])
def test_a_wrong_list_of_formats_is_refused(fresh: Workspace, wrong: Any) -> None:
    fresh.settings["export"] = wrong
    assert "export" in fresh.snakemake("--dry-run", fails=True).text

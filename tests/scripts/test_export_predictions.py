"""The export of predictions, from files made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

import export_predictions
from echoes.io.files import save_record
from echoes.report.provenance import CONTROL
from echoes.scoring import predictions
from echoes.scoring.coverage import LEVELS, ONE_DEVIATION
from echoes.scoring.out_of_fold import HeldOutPart, save_part
from echoes.scoring.predictions import Predictions
from echoes.screen import record
from echoes.screen.record import Screen

N, V, G = 3, 2, 4
GENES = np.array(["G1", "G2", "G3", "G4"])
NAMES = np.array(["A_1", "A_2", "B_1"])
IDS = np.array(["pert_1", "A_1"])
RANDOM = np.random.default_rng(3)
TRUTH, PREDICTED = RANDOM.normal(size=(2, N, G))
VALIDATION = RANDOM.normal(size=(V, G))
SPREAD = RANDOM.uniform(size=(N + V, G))
SCREEN = Screen(
    perturbations=NAMES,
    silenced=np.array(["A", "A", "B"]),
    genes=GENES,
    control=np.arange(4.0),
    responses=TRUTH,
    truth=TRUTH,
    weights=np.ones((N, G)),
    baseline=np.ones(N),
    validation_ids=IDS,
    validation_silenced=np.array(["C", "A"]),
)
ALL = {
    "oof": "oof_predictions.parquet",
    "validation": "validation_predictions.parquet",
    "h5ad": "predictions.h5ad",
    "effects": "effects.parquet",
}


def part(rows: list[int], fold: list[int], prediction: Any, spread: Any) -> HeldOutPart:
    """A part whose fit number f has intervals of (f + 1) times the spread."""
    fits = max(fold) + 1
    return HeldOutPart(
        rows=np.array(rows),
        fold=np.array(fold),
        prediction=prediction,
        spread=spread,
        centre=np.zeros((fits, G)),
        mean=np.zeros((fits, G)),
        quantiles=np.repeat(np.arange(1.0, fits + 1)[:, None], len(LEVELS), axis=1)
        + (np.array(LEVELS) != ONE_DEVIATION),
        inner_score=np.zeros(fits),
        seconds=np.zeros(fits),
        choice_names=np.array(["c"]),
        choices=np.zeros((fits, 1)),
    )


def write(
    folder: Path,
    *,
    held_out: bool = True,
    validation: bool = True,
    control: Any = "ctrl",
    files: tuple[str, ...] = tuple(ALL),
    **changes: Any,
) -> list[str]:
    """Write the inputs of the command, and give its arguments."""
    record.save(folder / "screen.npz", dataclasses.replace(SCREEN, **changes))
    made = Predictions(
        genes=GENES,
        perturbations=NAMES,
        truth=TRUTH,
        prediction=PREDICTED,
        gene_correlation=np.zeros(G),
        validation=VALIDATION if validation else np.empty((0, G)),
        reconstruction=None if held_out else TRUTH,
    )
    predictions.save(folder / "predictions.npz", made)
    arguments = [
        "--dataset=own",
        f"--perturbations={folder / 'screen.npz'}",
        f"--predictions={folder / 'predictions.npz'}",
        f"--summary={folder / 'echo/summary.json'}",
    ]
    settings: dict[str, Any] = {"protocol": "published"}
    if held_out:
        settings = {"protocol": "held_out", "crossval": {"folds": None, "parts": 2}}
        parts = folder / "held_out"
        save_part(parts / "0.npz", part([0, 1], [0, 0], PREDICTED[:2], SPREAD[:2]))
        save_part(parts / "1.npz", part([2], [0], PREDICTED[2:], SPREAD[2:N]))
        arguments.append(f"--parts={parts}")
        if validation:
            save_part(parts / "validation.npz", part([0, 1], [0, 0], VALIDATION, SPREAD[N:]))
            arguments.append(f"--validation={parts / 'validation.npz'}")
    summary = {
        "experiment": "echo",
        "settings": settings,
        "dataset": {"control": control, "inputs": {}},
        "versions": {},
    }
    save_record(folder / "echo/summary.json", summary, 3)
    return [*arguments, "--files", *(f"{name}={folder / ALL[name]}" for name in files)]


def made(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name in ALL.values()}


def test_all_files_of_a_held_out_experiment(tmp_path: Path) -> None:
    export_predictions.main(write(tmp_path))
    assert made(tmp_path) == set(ALL.values())
    for name, row_names, rows, expected in (
        (ALL["oof"], "pert_symbol", NAMES, PREDICTED),
        (ALL["validation"], "pert_id", IDS, VALIDATION),
    ):
        table = pq.read_table(tmp_path / name)
        assert table.column_names == [row_names, *GENES]
        assert table[row_names].to_pylist() == rows.tolist()
        np.testing.assert_array_equal(np.array(table.columns[1:]).T, expected)

    # A_1 was measured, and is to be predicted too.
    names = [*NAMES, "pert_1", "A_1 (validation)"]
    effects = pq.read_table(tmp_path / ALL["effects"])
    assert effects["perturbation"].to_pylist() == [name for name in names for _ in GENES]
    np.testing.assert_array_equal(effects["predicted"], [*PREDICTED.flat, *VALIDATION.flat])
    np.testing.assert_array_equal(effects["expected_error"], SPREAD.ravel())
    assert effects["measured"].to_pylist() == [*TRUTH.flat, *[None] * (V * G)]

    with h5py.File(tmp_path / ALL["h5ad"]) as file:
        assert file["obs/perturbation"].asstr()[:].tolist() == [*names, "ctrl"]
        codes, kinds = file["obs/silenced_gene/codes"], file["obs/silenced_gene/categories"]
        assert kinds.asstr()[:][codes[:]].tolist() == ["A", "A", "B", "C", "A", "ctrl"]
        # Guides of one gene are held out by one fit.
        assert file["obs/fold/values"][:N].tolist() == [0, 0, 1]
        assert file["obs/fold/mask"][:].tolist() == [False] * N + [True] * (V + 1)
        np.testing.assert_array_equal(file["layers/expected_error"][:-1], SPREAD)
        assert file["var/control"][:].tolist() == SCREEN.control.tolist()
        assert file["uns/dataset"].asstr()[()] == "own"


def test_a_published_experiment_has_no_expected_errors(tmp_path: Path) -> None:
    export_predictions.main(write(tmp_path, held_out=False))
    with h5py.File(tmp_path / ALL["h5ad"]) as file:
        assert {*file["layers"]} == {"measured"}
        assert file["obs/fold/values"][:N].tolist() == [0, 1, 2]
    effects = pq.read_table(tmp_path / ALL["effects"])
    assert effects["expected_error"].null_count == len(effects)


@pytest.mark.parametrize("chosen", [("h5ad",), ("effects",), ("oof", "validation")])
def test_only_what_is_chosen_is_written(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    export_predictions.main(write(tmp_path, files=chosen))
    assert made(tmp_path) == {ALL[name] for name in chosen}


def test_without_perturbations_to_predict(tmp_path: Path) -> None:
    nobody = np.empty(0, dtype=np.str_)
    changes = {"validation_ids": nobody, "validation_silenced": nobody}
    files = ("oof", "h5ad", "effects")
    export_predictions.main(write(tmp_path, validation=False, files=files, **changes))
    assert len(pq.read_table(tmp_path / ALL["effects"])) == N * G
    with h5py.File(tmp_path / ALL["h5ad"]) as file:
        assert file["X"].shape == (N + 1, G)


def test_a_screen_of_differences_has_no_control(tmp_path: Path) -> None:
    arguments = write(tmp_path, control=None)
    record.save(tmp_path / "screen.npz", dataclasses.replace(SCREEN, control=np.full(G, np.nan)))
    export_predictions.main(arguments)
    with h5py.File(tmp_path / ALL["h5ad"]) as file:
        assert [*file["var"]] == ["gene"]
        # The response of the control is 0 by definition, whatever it was called.
        assert file["obs/perturbation"].asstr()[-1] == CONTROL
        assert not file["X"][-1].any()

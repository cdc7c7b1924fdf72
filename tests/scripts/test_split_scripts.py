"""A given split, from the table to the predictions of its test: nothing of the test is learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import predict_held_out
import read_perturbations
from echoes.io.arrays import load_arrays
from echoes.io.errors import InputError
from echoes.io.files import load_json, save_record
from echoes.models.catalogue import MODELS
from echoes.models.kernels import Kernels, save_kernels
from echoes.screen import record
from perturbqa import COLUMNS, question_table
from screens import write_dataset_settings
from tasks import SETTINGS

#: Silenced genes; the first ten are response genes, too.
NAMES, GENES = [f"G{i}" for i in range(40)], [f"G{i}" for i in range(10)] + [*"ABCDEFGHIJ"]
FEATURES = np.random.default_rng(0).normal(size=(40, 5))


def questions() -> pd.DataFrame:
    effects = FEATURES @ np.random.default_rng(1).normal(size=(5, 20))
    return question_table(effects, NAMES, GENES, pairs=8)


def predict(folder: Path, table: pd.DataFrame, model: str, **settings: Any) -> dict[str, Any]:
    """Read a table, and predict the test of its split by a model."""
    folder.mkdir()
    table.to_csv(folder / "table.csv", index=False)
    reading = write_dataset_settings(
        folder / "reading.json",
        "effects",
        columns=COLUMNS,
        incomplete_genes="keep",
        hold_out_test=True,
    )
    read_perturbations.main(
        [
            reading,
            f"--table={folder / 'table.csv'}",
            f"--output={folder / 'screen.npz'}",
            f"--folds={folder / 'folds.tsv'}",
            f"--checks={folder / 'checks.md'}",
            f"--summary={folder / 'summary.json'}",
        ]
    )
    rows = [NAMES.index(name) for name in record.load(folder / "screen.npz").perturbations]
    reach = np.abs(FEATURES[rows] @ np.ones((5, len(record.load(folder / "screen.npz").genes))))
    kernel = (FEATURES @ FEATURES.T)[np.ix_(rows, rows)]
    save_kernels(
        folder / "kernels.npz",
        Kernels(kernel[None], reach / reach.sum(axis=1, keepdims=True), np.ones(40, np.bool_)),
    )
    member = {"models": [model], "kernels": "kernels.npz", "features_file": None, "sources": {}}
    (folder / "model").mkdir()
    save_record(folder / "model/settings.json", {
        "experiment": "model",
        "crossval": {"folds": None, "parts": 1},
        "split": True,
        "inner": True,
        "members": {"one": {**member, **SETTINGS}},
    } | settings, 3)  # fmt: skip
    predict_held_out.main(
        [
            f"--perturbations={folder / 'screen.npz'}",
            f"--settings={folder / 'model/settings.json'}",
            "--part=0",
            f"--output={folder / 'part.npz'}",
        ]
    )
    names = ("rows", "prediction", "spread", "centre", "mean", "quantiles", "choices")
    return dict(zip(names, load_arrays(folder / "part.npz", *names), strict=True))


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name].gaps])
def test_nothing_of_the_test_is_seen(tmp_path: Path, model: str) -> None:
    table = questions()
    held_out = table["split"] == "test"
    one = predict(tmp_path / "one", table, model)
    order = table.drop_duplicates("pert")["pert"].tolist()
    test = set(table.loc[held_out, "pert"])
    assert [order[row] for row in one["rows"]] == [name for name in order if name in test]
    assert np.isfinite(one["prediction"]).all()
    other = table.assign(label=table["label"].where(~held_out, 7.25))
    # Some pairs of the test are gone, too, but none of the first perturbation, which orders genes.
    gone = other.index[held_out & (other["pert"] != order[0])][::3]
    kept = other.drop(index=gone)
    assert set(kept["gene"]) == set(table["gene"])
    changed = predict(tmp_path / "other", kept, model)
    genes = [
        record.load(tmp_path / name / "screen.npz").genes.tolist() for name in ("one", "other")
    ]
    assert genes[0] == genes[1]
    for name, values in one.items():
        assert values.tobytes() == changed[name].tobytes(), name


def test_a_screen_without_a_split_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    predict(folder, questions(), "mean")
    screen = record.load(folder / "screen.npz")
    record.save(folder / "screen.npz", replace(screen, test=None))
    with pytest.raises(InputError, match="the screen has no split"):
        predict_held_out.main(
            [
                f"--perturbations={folder / 'screen.npz'}",
                f"--settings={folder / 'model/settings.json'}",
                "--part=0",
                f"--output={folder / 'part.npz'}",
            ]
        )


def test_the_summary_counts_pairs_and_the_test(tmp_path: Path) -> None:
    table = questions()
    predict(tmp_path / "one", table, "mean")
    summary = load_json(tmp_path / "one/summary.json")
    assert summary["measured_pairs"] == len(table)
    assert summary["test"] == table[table["split"] == "test"]["pert"].nunique() == 10

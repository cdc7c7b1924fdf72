"""The table of upper bounds, from a screen to the lines below the comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import estimate_upper_bound
from echoes.io.command import run
from echoes.report.markdown import upper_bound_section
from echoes.screen import halves, record
from replicates import simulate


def written(folder: Path, **options: Any) -> list[str]:
    """Write a screen and its halves, and give the arguments that name them."""
    screen = simulate(responses=60, **options)
    n, G = screen.truth.shape
    names = np.array([f"p{i}" for i in range(n)])
    genes = np.array([f"g{i}" for i in range(G)])
    none = np.array([], dtype=np.str_)
    record.save(
        folder / "perturbations.npz",
        record.Screen(
            *(names, screen.names, genes, np.zeros(G), screen.truth, screen.truth),
            *(screen.weights, screen.baseline, none, none),
        ),
    )
    some = halves.Halves(names[::2], genes, screen.halves[:, ::2], np.full((2, len(names[::2])), 9))
    halves.save(folder / "halves.npz", some)
    return [
        f"--perturbations={folder / 'perturbations.npz'}",
        "--seed=0",
        f"--output={folder / 'upper_bound.csv'}",
    ]


def test_guides_and_halves(tmp_path: Path) -> None:
    arguments = written(tmp_path, genes=10, guides=(2, 2))
    estimate_upper_bound.main([*arguments, f"--halves={tmp_path / 'halves.npz'}"])
    table = pd.read_csv(tmp_path / "upper_bound.csv")
    counts = table.groupby("replicates")["with_replicates"].unique().map(list).to_dict()
    assert counts == {"cells": [10], "guides": [20]}
    first = (tmp_path / "upper_bound.csv").read_bytes()
    estimate_upper_bound.main([*arguments, f"--halves={tmp_path / 'halves.npz'}"])
    assert (tmp_path / "upper_bound.csv").read_bytes() == first

    lines = upper_bound_section(table).splitlines()
    named = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert [name for name in named if name] == [
        "upper bound, by other guides",
        "prediction by other guides",
        "upper bound, by halves of the cells",
        "prediction by halves of the cells",
    ]
    assert "20 of 20 perturbations have replicates by guides; 10 of 20 " in lines[-1]
    # Guides alone: the halves change nothing of them.
    estimate_upper_bound.main(arguments)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "upper_bound.csv"), table[table["replicates"] == "guides"]
    )


def test_without_replicates_words_stand_below_the_comparison(tmp_path: Path) -> None:
    arguments = written(tmp_path, genes=10, guides=(1, 1))
    halves.save(tmp_path / "halves.npz", halves.empty(np.array([f"g{i}" for i in range(60)])))
    estimate_upper_bound.main([*arguments, f"--halves={tmp_path / 'halves.npz'}"])
    table = pd.read_csv(tmp_path / "upper_bound.csv")
    assert table.empty
    assert upper_bound_section(table).startswith("\nNo upper bound: it takes two silenced genes ")


def test_damaged_halves_are_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = written(tmp_path)
    path = tmp_path / "halves.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        run(lambda: estimate_upper_bound.main([*arguments, f"--halves={path}"]))
    assert ended.value.code == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "error" in text]
    assert line.startswith(f"error: {path}: cannot read perturbations, genes, effects, cells")
    assert not (tmp_path / "upper_bound.csv").exists()

"""Halves of the cells: their effects are what loops over cells give, and damage is one message."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cell_files import Cells, logarithms, simulate, write_cells
from echoes.io.errors import InputError
from echoes.screen import half_sums, halves
from echoes.screen.cells import CellScreen
from placed import put
from unit.test_cells import PLAIN, screen

BATCHES = dataclasses.replace(PLAIN, batch="batch")
CONTROL = "non-targeting"


def slow_halves(cells: Cells, batch: list[str]) -> dict[str, list[list[float]]]:
    """Deal cells in turn within perturbation (control: batch), batch by batch, by loops."""
    x, label = np.array(logarithms(cells.values)), cells.obs["target_gene"]
    places = sorted(set(batch))
    found: dict[str, list[list[float]]] = {}
    controls: list[dict[str, Any]] = [{}, {}]
    for b in places:
        mine = [i for i in range(len(x)) if label[i] == CONTROL and batch[i] == b]
        for half in (0, 1):
            controls[half][b] = x[mine[half::2] or mine].mean(axis=0)
    for name in sorted(set(label) - {CONTROL}):
        mine = [i for b in places for i in range(len(x)) if label[i] == name and batch[i] == b]
        found[name] = [
            np.mean([x[i] - controls[half][batch[i]] for i in mine[half::2]], axis=0).tolist()
            for half in (0, 1)
        ]
    return found


def check(found: CellScreen, cells: Cells, batch: list[str]) -> None:
    result = found.halves
    assert result is not None
    expected = slow_halves(cells, batch)
    assert result.perturbations.tolist() == list(expected)
    assert result.genes.tolist() == found.screen.genes.tolist()
    for p, effects in enumerate(expected.values()):
        np.testing.assert_allclose(result.effects[:, p], effects, rtol=1e-10, atol=1e-12)
    label = np.array(cells.obs["target_gene"])
    count = [np.count_nonzero(label == name) for name in expected]
    assert result.cells.sum(axis=0).tolist() == count
    assert set((result.cells[0] - result.cells[1]).tolist()) <= {0, 1}


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("batches", [1, 3])
def test_halves_are_those_of_loops(tmp_path: Path, kind: str, batches: int) -> None:
    cells = simulate(batches=batches)
    path = write_cells(tmp_path / "a.h5ad", cells, kind=kind)
    whole = screen(path, layout=BATCHES)
    found = screen(path, layout=BATCHES, halve=True)
    check(found, cells, cells.obs["batch"])
    # The screen itself is the same to the last bit.
    assert whole.halves is None
    for name in ("responses", "weights", "baseline", "control"):
        assert np.array_equal(getattr(found.screen, name), getattr(whole.screen, name))
    if batches == 1 and found.halves is not None:
        n = found.halves.cells[:, :, None]
        control = np.array(cells.obs["target_gene"]) == CONTROL
        if control.sum() % 2 == 0:
            middle = (n * found.halves.effects).sum(axis=0) / n.sum(axis=0)
            np.testing.assert_allclose(middle, whole.screen.responses, atol=1e-12)


def test_a_batch_with_one_control_cell_lends_it_to_both(tmp_path: Path) -> None:
    cells = simulate(batches=2)
    label, batch = cells.obs["target_gene"], cells.obs["batch"]
    controls = [i for i in range(len(label)) if label[i] == CONTROL]
    for i in controls:
        batch[i] = "b0"
    batch[controls[0]] = "b1"
    path = write_cells(tmp_path / "a.h5ad", cells)
    check(screen(path, layout=BATCHES, halve=True), cells, batch)


def test_a_perturbation_of_one_cell_has_no_halves(tmp_path: Path) -> None:
    cells = simulate()
    label = cells.obs["target_gene"]
    mine = [i for i in range(len(label)) if label[i] == "g1"]
    for i in mine[1:]:
        label[i] = CONTROL
    found = screen(write_cells(tmp_path / "a.h5ad", cells), halve=True)
    assert found.halves is not None
    assert found.halves.perturbations.tolist() == ["g0", "g2", "g3"]
    assert "g1" in found.screen.perturbations


def test_chosen_perturbations_follow_from_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = simulate(cells=400, perturbations=20)
    path = write_cells(tmp_path / "a.h5ad", cells)
    every = screen(path, halve=True).halves
    monkeypatch.setattr(half_sums, "MOST", 8)
    some = screen(path, halve=True).halves
    assert every is not None
    assert some is not None
    assert len(every.perturbations) == 20
    assert len(some.perturbations) == 8
    place = np.searchsorted(every.perturbations, some.perturbations)
    assert np.array_equal(some.effects, every.effects[:, place])
    # Many cells: as few perturbations as are enough.
    monkeypatch.setattr(half_sums, "MOST_CELLS", 30)
    monkeypatch.setattr(half_sums, "ENOUGH", 5)
    few = screen(path, halve=True).halves
    assert few is not None
    assert len(few.perturbations) == 5
    assert set(few.perturbations) <= set(some.perturbations)
    # The order of cells in the file does not change the choice.
    order = np.random.default_rng(0).permutation(len(cells.values))
    obs = {key: [values[i] for i in order] for key, values in cells.obs.items()}
    mixed = Cells(cells.values[order], cells.genes, obs)
    again = screen(write_cells(tmp_path / "b.h5ad", mixed), halve=True).halves
    assert again is not None
    assert again.perturbations.tolist() == few.perturbations.tolist()


NAMES, GENES = np.array(["p", "q"]), np.array(["a", "b", "c"])
RESULT = halves.Halves(NAMES, GENES, np.arange(12.0).reshape(2, 2, 3), np.full((2, 2), 5))


def test_halves_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "halves.npz"
    halves.save(path, RESULT)
    found = halves.load(path, np.array(["q", "r", "p"]), np.array(["c", "a"]))
    assert found.perturbations.tolist() == ["p", "q"]
    assert found.genes.tolist() == ["c", "a"]
    assert np.array_equal(found.effects, RESULT.effects[:, :, [2, 0]])
    halves.save(path, halves.empty(GENES))
    assert halves.load(path, NAMES, GENES).effects.shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({}, r"halves.npz: cannot read perturbations, genes, effects, cells, place \("),
        ({"perturbations": np.array(["p", "z"])}, "names that the screen does not share: z; "),
        ({"genes": np.array(["a", "b", "d"])}, "names that the screen does not share: c; "),
        (
            {"effects": np.zeros((2, 2, 4))},
            r"effects: float64 of shape \(2, 2, 4\); expected gap",
        ),
        (
            {"cells": np.zeros((2, 3), dtype=np.intp)},
            r"cells: int64 of shape \(2, 3\); expected int",
        ),
    ],
)
def test_damaged_halves(tmp_path: Path, spoil: dict[str, Any], message: str) -> None:
    path = tmp_path / "halves.npz"
    halves.save(path, RESULT)
    if spoil:
        put(path, {**dataclasses.asdict(RESULT), **spoil}, 3)
    else:
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=message) as error:
        halves.load(path, NAMES, GENES)
    assert "run the workflow again" in str(error.value)

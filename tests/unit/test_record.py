"""A screen as a file: what is written comes back, whole or in part."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.screen.record import Screen, load, load_fields, load_test, save


def screen(validation: tuple[str, ...] = ("pert_1", "pert_2")) -> Screen:
    random = np.random.default_rng(0)
    return Screen(
        perturbations=np.array(["α_1", "B_2", "B_1"]),
        silenced=np.array(["α", "B", "B"]),
        genes=np.array(["G1", "α"]),
        control=random.random(2),
        responses=random.random((3, 2)),
        truth=random.random((3, 2)),
        weights=random.random((3, 2)),
        baseline=random.random(3),
        validation_ids=np.array(validation, dtype=np.str_),
        validation_silenced=np.array(["X"] * len(validation), dtype=np.str_),
    )


@pytest.mark.parametrize("validation", [("pert_1", "pert_2"), ()])
def test_save_and_load(tmp_path: Path, validation: tuple[str, ...]) -> None:
    data = screen(validation)
    save(tmp_path / "data.npz", data)
    loaded = load(tmp_path / "data.npz")
    assert loaded.scale == "log2"
    for field in dataclasses.fields(Screen):
        one, other = (np.asarray(getattr(each, field.name)) for each in (data, loaded))
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    before = (tmp_path / "data.npz").read_bytes()
    save(tmp_path / "data.npz", loaded)
    assert (tmp_path / "data.npz").read_bytes() == before


def test_some_fields(tmp_path: Path) -> None:
    data = screen()
    save(tmp_path / "data.npz", data)
    genes, control, scale = load_fields(tmp_path / "data.npz", "genes", "control", "scale")
    np.testing.assert_array_equal(genes, data.genes)
    np.testing.assert_array_equal(control, data.control)
    assert scale.shape == ()
    assert str(scale) == "log2"


def test_a_field_that_there_is_not(tmp_path: Path) -> None:
    save(tmp_path / "data.npz", screen())
    with pytest.raises(AttributeError, match="no field deltas"):
        load_fields(tmp_path / "data.npz", "genes", "deltas")


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", genes=np.array(["A"]))
    with pytest.raises(InputError, match=r"other\.npz: cannot read perturbations"):
        load(tmp_path / "other.npz")


def test_a_split_is_stored_only_if_there_is_one(tmp_path: Path) -> None:
    data = screen()
    save(tmp_path / "one.npz", data)
    assert load_test(tmp_path / "one.npz") is None
    split = dataclasses.replace(data, test=np.array([True, False, False]))
    save(tmp_path / "split.npz", split)
    for stored in (load_test(tmp_path / "split.npz"), load(tmp_path / "split.npz").test):
        assert stored is not None
        assert stored.tolist() == [True, False, False]

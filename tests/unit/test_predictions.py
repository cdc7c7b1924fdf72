"""The record of an experiment's predictions, in both protocols."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.scoring import predictions
from echoes.scoring.predictions import Predictions

RANDOM = np.random.default_rng(0)
HELD_OUT = Predictions(
    genes=np.array(["A", "B", "α"]),
    perturbations=np.array(["X", "Y"]),
    truth=RANDOM.normal(size=(2, 3)),
    prediction=RANDOM.normal(size=(2, 3)),
    gene_correlation=np.array([0.5, np.nan, -1.0]),
    validation=RANDOM.normal(size=(4, 3)),
)
PUBLISHED = replace(HELD_OUT, reconstruction=RANDOM.normal(size=(2, 3)))


@pytest.mark.parametrize("record", [HELD_OUT, PUBLISHED])
def test_what_is_written_is_read(tmp_path: Path, record: Predictions) -> None:
    path = tmp_path / "predictions.npz"
    predictions.save(path, record)
    again = predictions.load(path)
    for field in fields(record):
        before, after = getattr(record, field.name), getattr(again, field.name)
        if before is None:
            assert after is None
        else:
            np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(predictions.load_validation(path), record.validation)


def test_only_the_published_protocol_has_a_reconstruction_in_its_file(tmp_path: Path) -> None:
    for name, record in (("held_out", HELD_OUT), ("published", PUBLISHED)):
        predictions.save(tmp_path / f"{name}.npz", record)
        with np.load(tmp_path / f"{name}.npz") as archive:
            assert ("reconstruction" in archive.files) == (name == "published")
            np.testing.assert_array_equal(archive["truth"], HELD_OUT.truth)


def test_the_reference_is_what_the_protocol_compares_with() -> None:
    assert HELD_OUT.reference is HELD_OUT.truth
    assert PUBLISHED.reference is PUBLISHED.reconstruction
    assert HELD_OUT.reference_name == "Truth"
    assert PUBLISHED.reference_name == "Truth, rebuilt from its components"


def test_a_file_that_lacks_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", truth=np.zeros(3))
    with pytest.raises(InputError, match="cannot read genes, perturbations"):
        predictions.load(tmp_path / "p.npz")
    with pytest.raises(InputError, match="cannot read validation"):
        predictions.load_validation(tmp_path / "p.npz")

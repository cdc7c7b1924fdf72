"""The command that makes the example data set."""

from __future__ import annotations

from pathlib import Path

import pytest

import simulate_example
from echoes.io.errors import InputError
from echoes.io.tables import read_matrix


def arguments(folder: Path) -> list[str]:
    return [
        f"--links={folder / 'string' / 'links.txt.gz'}",
        f"--info={folder / 'string' / 'info.txt.gz'}",
        f"--means={folder / 'means.csv'}",
        f"--truth={folder / 'truth.csv'}",
        f"--validation={folder / 'validation.csv'}",
        f"--sample-submission={folder / 'sample_submission.csv'}",
        f"--validation-truth={folder / 'validation_truth.csv'}",
    ]


def test_every_parameter_reaches_the_files(tmp_path: Path) -> None:
    sizes = {
        "network-genes": 100,
        "network-links": 400,
        "perturbations": 7,
        "validation-genes": 3,
        "response-genes": 40,
        "isolated": 2,
        "padding": 5,
    }
    simulate_example.main([
        *arguments(tmp_path),
        *(f"--{name}={size}" for name, size in sizes.items()),
        "--signal=0.5",
        "--noise=0.02",
        "--seed=3",
    ])  # fmt: skip
    means = read_matrix(tmp_path / "means.csv", "pert_symbol")
    assert means.values.shape == (7 + 1, 40)
    assert read_matrix(tmp_path / "truth.csv", "pert_id").values.shape == (7, 40 + 40 + 1)
    assert read_matrix(tmp_path / "sample_submission.csv", "pert_id").rows[-1] == "pert_8"
    assert len(read_matrix(tmp_path / "validation_truth.csv", "pert_id").rows) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "means.csv",
        "sample_submission.csv",
        "string",
        "truth.csv",
        "validation.csv",
        "validation_truth.csv",
    ]
    assert len(list((tmp_path / "string").iterdir())) == 2


def test_signal_noise_and_seed_change_the_responses(tmp_path: Path) -> None:
    found = set()
    for option in ("--seed=0", "--seed=1", "--signal=0.1", "--noise=0.1"):
        simulate_example.main([*arguments(tmp_path), option])
        found.add((tmp_path / "truth.csv").read_bytes())
    assert len(found) == 4


@pytest.mark.parametrize(
    ("option", "parameter"),
    [
        ("--perturbations=1000", "perturbations"),
        ("--response-genes=1000", "response_genes"),
        ("--network-links=10", "network_links"),
        ("--signal=-0.1", "signal"),
        ("--noise=0", "noise"),
        ("--seed=-1", "seed"),
    ],
)
def test_a_bad_parameter_is_named_and_nothing_is_written(
    tmp_path: Path, option: str, parameter: str
) -> None:
    with pytest.raises(InputError, match=f"^simulation: {parameter}: .*expected at (least|most)"):
        simulate_example.main([*arguments(tmp_path), option])
    assert list(tmp_path.iterdir()) == []


def test_the_outputs_are_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        simulate_example.main(arguments(tmp_path)[1:])
    assert "--links" in capsys.readouterr().err

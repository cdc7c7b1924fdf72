"""Faults of a submission file: each kind is named, and all of them at once."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import check_submission
from echoes.io.errors import InputError
from echoes.io.tables import Matrix, write_matrix
from echoes.report.submission_check import check_submission as check

GENES = ("G1", "G2", "G3")
IDS = tuple(f"pert_{i}" for i in range(1, 5))
ROWS = [f"{name},0.5,-1e-3,{i}" for i, name in enumerate(IDS)]
HEADER = "pert_id,G1,G2,G3"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.csv"
    write_matrix(path, "pert_id", Matrix(IDS, GENES, np.zeros((4, 3))))
    return path


def faults(sample: Path, *lines: str) -> list[str]:
    """Problems of a submission of these lines."""
    path = sample.with_name("submission.csv")
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    checked = check(sample, path)
    assert (checked.rows, checked.genes) == (4, 3)
    assert all(fault.file == str(path) for fault in checked.faults)
    return [fault.problem for fault in checked.faults]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
def test_a_valid_submission(sample: Path, ending: str) -> None:
    path = sample.with_name("submission.csv")
    data = ending.join([HEADER, *ROWS, ""]).encode()
    for content in (data, b"\xef\xbb\xbf" + data, gzip.compress(data, mtime=0)):
        path.write_bytes(content)
        assert check(sample, path).faults == []


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        (HEADER, ROWS[1:], ["missing ids: pert_1"]),
        (HEADER, [*ROWS, "pert_5,0,0,0"], ["ids that are not in the sample: pert_5"]),
        (HEADER, [*ROWS, ROWS[2]], ["repeated ids: pert_3"]),
        (
            HEADER,
            [ROWS[0], ROWS[2], ROWS[1], ROWS[3]],
            ["ids in another order: 'pert_3' stands where 'pert_2' should"],
        ),
        (
            "pert_id,G2,G1,G3",
            ROWS,
            ["genes in another order: 'G2' stands where 'G1' should"],
        ),
        (
            "pert_id,G1,G2,X",
            ROWS,
            ["missing genes: G3", "genes that are not in the sample: X"],
        ),
        (
            "pert_id,G1,G2,G1",
            ROWS,
            ["missing genes: G3", "repeated genes: G1"],
        ),
        ("pert_id,G1,,G3", ROWS, ["missing genes: G2", "genes that are not in the sample: "]),
        ("id,G1,G2,G3", ROWS, ["'id'"]),
        (
            "G1,pert_id,G2,G3",
            [",".join(np.array(row.split(","))[[1, 0, 2, 3]]) for row in ROWS],
            ["'G1'"],
        ),
        (
            HEADER,
            [*ROWS[:3], "pert_4,0,0"],
            ["unusable lines: line 5 (3 fields)"],
        ),
        (
            HEADER,
            ["pert_1,,nan,n/a", "pert_2,0,-inf,0", *ROWS[2:]],
            [
                "unusable cells: '' in column G1, row pert_1, 'n/a' in column G3, row pert_1",
                "unusable cells: 'nan' in column G2, row pert_1, '-inf' in column G2, row pert_2",
            ],
        ),
        ("pert_id;G1;G2;G3", ROWS, ["one column, 'pert_id;G1;G2;G3'"]),
    ],
)
def test_each_fault_is_named(
    sample: Path, header: str, rows: list[str], expected: list[str]
) -> None:
    assert faults(sample, header, *rows) == expected


def test_all_faults_are_listed_at_once(sample: Path) -> None:
    rows = ["pert_4,0,0,x", "pert_2,0,0,0", "pert_2,0,inf,0", "pert_1,0", "pert_9,0,0,0"]
    assert faults(sample, "pert_id,G2,G1,G4", *rows) == [
        "missing ids: pert_3",
        "ids that are not in the sample: pert_9",
        "repeated ids: pert_2",
        "ids in another order: 'pert_4' stands where 'pert_1' should",
        "missing genes: G3",
        "genes that are not in the sample: G4",
        "genes in another order: 'G2' stands where 'G1' should",
        "unusable lines: line 5 (2 fields)",
        "unusable cells: 'x' in column G4, row pert_4",
        "unusable cells: 'inf' in column G1, row pert_2",
    ]


def test_many_faults_of_a_kind_are_counted(sample: Path) -> None:
    rows = [f"{name},a,b,c" for name in IDS]
    (problem,) = faults(sample, HEADER, *rows)
    assert problem.startswith("unusable cells: 'a' in column G1, row pert_1, ")
    assert problem.endswith(" and 7 more")


def test_what_only_the_strict_reader_sees(sample: Path) -> None:
    # Python takes 1_0 for the number 10; other programs do not.
    assert faults(sample, HEADER, "pert_1,1_0,0,0", *ROWS[1:]) == ["'1_0' is not a number"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (HEADER.encode(), "missing ids"),
        (b"pert_id,G1,G2,G3\npert_1,\xff,0,0\n", "cannot be read"),
        (gzip.compress("\n".join([HEADER, *ROWS]).encode(), mtime=0)[:-12], "cannot be read"),
    ],
)
def test_damaged_files(sample: Path, content: bytes, problem: str) -> None:
    path = sample.with_name("submission.csv")
    path.write_bytes(content)
    (fault,) = check(sample, path).faults
    assert fault.problem.startswith(problem)


def test_a_sample_that_cannot_be_read(sample: Path) -> None:
    sample.write_text("pert_id,G1\npert_1,x\n")
    with pytest.raises(InputError, match=r"sample.csv: column G1, row pert_1"):
        check(sample, sample)


def test_the_command_says_that_a_submission_is_valid(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_submission.main([str(sample), str(sample)])
    assert capsys.readouterr().out == f"valid: 4 rows and 3 genes, in the order of {sample}\n"


def test_the_command_prints_faults_and_fails(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sample.with_name("submission.csv")
    path.write_text("\n".join(["pert_id,G1,G2,X", *ROWS[1:]]))
    with pytest.raises(SystemExit) as ended:
        check_submission.main([str(sample), str(path)])
    assert ended.value.code == 2
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == (
        f"{path}: column pert_id: missing ids: pert_1; expected the 4 ids of the sample. "
        "Correct the submission; its rows and columns must be those of the sample."
    )
    assert "G3" in second
    assert "X" in third


def test_as_it_is_called_from_the_folder_of_the_submission(sample: Path) -> None:
    def called(name: str) -> tuple[int, str, str]:
        command = [sys.executable, check_submission.__file__, "sample.csv", name]
        ended = subprocess.run(command, cwd=sample.parent, check=False, capture_output=True)
        return ended.returncode, ended.stdout.decode(), ended.stderr.decode()

    valid = "valid: 4 rows and 3 genes, in the order of sample.csv\n"
    assert called("sample.csv") == (0, valid, "")
    sample.with_name("mine.csv").write_text("\n".join([HEADER, *ROWS[1:], ""]), encoding="utf-8")
    status, text, errors = called("mine.csv")
    assert (status, errors) == (2, "")
    assert text.startswith("mine.csv: column pert_id: missing ids: pert_1; expected the 4 ids")
    status, text, errors = called("nothing.csv")
    assert (status, text) == (2, "")
    assert errors == "error: nothing.csv: there is no such file.\n"

"""The table of resources as a person at the keyboard gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tabulate_resources

HEADER = "s\tmax_rss\tcpu_time"
EXTENDED = f"{HEADER}\trule_name\tresources\tinput_size_mb"
TABLE = """\
rule             experiment  jobs  input_mb  requested_mb  used_mb  memory_share  requested_min  \
longest_min  time_share  processor_s
diffuse                         1                              168                               \
       0.10                        9
loo_fold         published      2        21          1126      373          0.33             11  \
       0.35        0.03           40
read_perturbations              1                                                                \
       0.01
"""
CSV = """\
rule,experiment,jobs,input_mb,requested_mb,used_mb,memory_share,requested_min,longest_min,\
time_share,processor_s
diffuse,,1,,,168,,,0.10,,9
loo_fold,published,2,21,1126,373,0.33,11,0.35,0.03,40
read_perturbations,,1,,,,,,0.01,,
"""


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    asked = "{'mem_mb': %d, 'runtime': 11}\t{'a': 20.5, 'b': 0.25}"
    texts = {
        "diffuse/alpha~0.5": f"{HEADER}\n6.00\t168.25\t8.75\n",
        "published/folds/0": f"{EXTENDED}\n21.00\t373.20\t19.50\tloo_fold\t{asked % 1126}\n",
        "published/folds/1": f"{EXTENDED}\n20.00\tNA\t20.25\tloo_fold\t{asked % 1126}\n",
        # Too short to be looked at.
        "read_perturbations": f"{HEADER}\n0.40\tNA\tNA\n",
    }
    folder = tmp_path / "benchmarks"
    for name, text in texts.items():
        path = folder / f"small/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_table_to_read_and_one_to_compute_with(
    benchmarks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made/resources.csv"
    tabulate_resources.main([f"--benchmarks={benchmarks}", f"--output={output}"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [line.split() for line in TABLE.splitlines()]
    assert output.read_bytes() == CSV.encode()
    # Each number ends where the name of its column does.
    end = lines[0].index("used_mb") + len("used_mb")
    assert [line[:end].split()[-1] for line in lines[1:3]] == ["168", "373"]
    assert all(line == line.rstrip() for line in lines)


def test_without_an_output_nothing_is_written(benchmarks: Path) -> None:
    before = sorted(benchmarks.parent.rglob("*"))
    tabulate_resources.main([f"--benchmarks={benchmarks}"])
    assert sorted(benchmarks.parent.rglob("*")) == before


@pytest.mark.parametrize("text", [None, f"{HEADER}\n6.00\t168.25\t8.75\n"])
def test_without_requests_there_is_no_table(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = tmp_path / "benchmarks", tmp_path / "resources.csv"
    folder.mkdir()
    if text is not None:
        (folder / "diffuse.tsv").write_text(text, encoding="utf-8")
    tabulate_resources.main([f"--benchmarks={folder}", f"--output={output}"])
    assert capsys.readouterr().out == ""
    assert not output.exists()


@pytest.mark.parametrize("text", [b"x\n1\n", b"\0\xff"])
def test_bad_input_is_one_line(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "benchmarks/diffuse.tsv"
    path.parent.mkdir()
    path.write_bytes(text)
    ended = subprocess.run(
        [sys.executable, tabulate_resources.__file__],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert not ended.stdout
    assert ended.stderr.startswith("error: benchmarks/diffuse.tsv: ")
    assert ended.stderr.count("\n") == 1

"""The commands that fetch and unpack a file."""

from __future__ import annotations

import gzip
import hashlib
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import download_string
import gunzip_string
from echoes.io.download import LogProgress
from echoes.io.files import load_record

TEXT = b"protein1 protein2 combined_score\n" * 1000
PACKED = gzip.compress(TEXT)
SHA256 = hashlib.sha256(PACKED).hexdigest()
SCRIPTS = Path(download_string.__file__).parent


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.gz"
    path.write_bytes(PACKED)
    return path


@pytest.mark.parametrize(
    "checks",
    [
        [],
        ["--sha256"],
        ["--sha256", ""],
        ["--sha256", SHA256],
    ],
)
def test_download(tmp_path: Path, source: Path, checks: list[str]) -> None:
    output, receipt = tmp_path / "out" / "links.gz", tmp_path / "out" / "links.json"
    paths = ["--source", str(source), "--output", str(output), "--receipt", str(receipt)]
    download_string.main([*paths, *checks])
    assert output.read_bytes() == PACKED
    assert load_record(receipt) == {
        "source": str(source),
        "bytes": len(PACKED),
        "sha256": SHA256,
        "last_modified": None,
        "etag": None,
    }


def test_download_of_another_file(tmp_path: Path, source: Path) -> None:
    output, receipt = tmp_path / "links.gz", tmp_path / "links.json"
    command: list[str | Path] = [sys.executable, SCRIPTS / "download_string.py", "--source", source]
    command += ["--output", output, "--receipt", receipt, "--sha256", "0" * 64]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    *log, line = ended.stderr.splitlines()
    assert all(" INFO " in other for other in log)
    assert line.startswith(f"error: {source}: ")
    assert "0" * 64 in line
    assert not output.exists()
    assert not receipt.exists()


def test_progress(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("echoes.io.download.time.monotonic", lambda: clock[0])
    with caplog.at_level(logging.INFO):
        for total in (50_000_000, None):
            progress = LogProgress()
            for second in range(25):
                clock[0] += 1
                progress(second * 1_000_000, total)
    assert caplog.messages == ["9.0 of 50.0 MB", "19.0 of 50.0 MB", "9.0 MB", "19.0 MB"]


def test_gunzip(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out" / "links.txt"
    gunzip_string.main(["--input", str(source), "--output", str(output)])
    assert output.read_bytes() == TEXT


def test_gunzip_of_a_file_cut_short(tmp_path: Path, source: Path) -> None:
    source.write_bytes(PACKED[:-9])
    output = tmp_path / "links.txt"
    command: list[str | Path] = [
        sys.executable,
        SCRIPTS / "gunzip_string.py",
        "--input",
        source,
        "--output",
        output,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"error: {source}: cannot be unpacked")
    assert not output.exists()

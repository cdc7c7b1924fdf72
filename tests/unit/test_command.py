"""How a command ends when the machine fails: one line, no traceback, nothing half-written."""

from __future__ import annotations

import errno
import gc
import logging
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from matplotlib.figure import Figure

from echoes.example.files import _write_lines
from echoes.io import files
from echoes.io.arrays import save_arrays
from echoes.io.command import between, parser, run, whole
from echoes.io.errors import InputError, NotConvergedError
from echoes.io.files import atomic_path, save_json
from echoes.io.h5ad_write import write_h5ad
from echoes.io.tables import Matrix, write_matrix
from echoes.network.graph import save_matrix
from echoes.report.export import save_wide
from echoes.scoring.tables import save_csv, save_parquet

NUMBERS = np.random.default_rng(1).normal(size=(100, 200))
NAMES = [f"G{i}" for i in range(200)]
MATRIX = Matrix(tuple(NAMES[:100]), tuple(NAMES), NUMBERS)

Writer = Callable[[Path], None]


def _draw(path: Path) -> None:
    figure = Figure()
    figure.subplots().imshow(NUMBERS)
    with mpl.rc_context({"text.parse_math": False}), atomic_path(path) as partial:
        figure.savefig(partial)


def _write_h5ad(path: Path) -> None:
    write_h5ad(
        path,
        NUMBERS,
        obs_names=("perturbation", np.array(NAMES[:100])),
        obs={},
        var_names=("gene", np.array(NAMES)),
        var={},
        layers={"measured": NUMBERS},
        uns={},
    )


WRITERS: dict[str, Writer] = {
    "a.npz": lambda path: save_arrays(path, {"a": NUMBERS}),
    "matrix.npz": lambda path: save_matrix(path, sp.csr_array(NUMBERS)),
    "a.json": lambda path: save_json(path, {"a": NUMBERS.ravel().tolist()}),
    "matrix.csv": lambda path: write_matrix(path, "name", MATRIX),
    "frame.csv": lambda path: save_csv(path, pd.DataFrame(NUMBERS)),
    "frame.parquet": lambda path: save_parquet(path, pd.DataFrame(NUMBERS).rename(columns=str)),
    "wide.parquet": lambda path: save_wide(path, "name", MATRIX),
    "lines.txt.gz": lambda path: _write_lines(path, map(str, NUMBERS.ravel())),
    "a.h5ad": _write_h5ad,
    "a.png": _draw,
    "a.pdf": _draw,
}


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may have more than 4,096 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def end(main: Callable[[], None], capfd: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    """Run a command, and return its exit status and the line that it ends with."""
    with pytest.raises(SystemExit) as ended:
        run(main)
    # What was left open is warned of here.
    gc.collect()
    out, err = capfd.readouterr()
    assert not out
    [line] = err.splitlines()
    return ended.value.code, line


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_of_file_sizes(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / name
    status, line = end(lambda: WRITERS[name](path), capfd)
    assert status == 2
    assert line.startswith(f"error: {path}: File too large. Raise the limit of file sizes")
    assert everything(tmp_path) == ["out"]


FULL = """
import sys
from pathlib import Path
sys.path[:0] = {paths}
from test_command import WRITERS
from echoes.io.command import between, parser, run, whole
name = sys.argv[1]
run(lambda: WRITERS[name](Path("/mnt") / name))
"""


@pytest.mark.parametrize("name", ["a.npz", "frame.parquet", "a.h5ad", "a.png"])
def test_a_full_disk(name: str) -> None:
    mount = "mount -t tmpfs -o size=16k none /mnt"
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*inside, mount], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be made without rights here")
    paths = [str(Path(__file__).parent), str(Path(files.__file__).parents[2])]
    script = f'{mount} && {{ "$0" -c "$1" "$2"; status=$?; ls -A /mnt; exit $status; }}'
    command = [*inside, script, sys.executable, FULL.format(paths=paths), name]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert not ended.stdout
    assert ended.stderr == (
        f"error: /mnt/{name}: No space left on device. Free space there, and run again.\n"
    )


def _below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "below" / "a.json"


def _a_folder(folder: Path) -> Path:
    (folder / "a.json").mkdir()
    return folder / "a.json"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (lambda folder: folder / ("n" * 300) / "a.json", "File name too long. Choose shorter"),
        (lambda folder: folder / ("n" * 300), "File name too long. Choose shorter"),
        (_below_a_file, "Not a directory. A file stands where a folder is needed"),
        (lambda folder: _below_a_file(folder).parent, "File exists. A file stands where"),
        (_a_folder, "Is a directory. A folder stands where a file is needed"),
        # Nobody may make a folder there.
        (lambda _: Path("/sys/echoes/a.json"), "Ask for permission, or choose another folder."),
    ],
)
def test_places_where_no_file_can_be(
    tmp_path: Path,
    place: Callable[[Path], Path],
    reason: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = place(tmp_path)
    before = everything(tmp_path)
    status, line = end(lambda: save_json(path, {}), capfd)
    assert status == 2
    assert line.startswith("error: /")
    assert reason in line
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EROFS, "Read-only file system. Choose a folder that can be written to."),
        (errno.EDQUOT, "Disk quota exceeded. Free space there or ask for a larger quota"),
        (errno.EIO, "Input/output error. The disk or its connection fails"),
        (errno.EMFILE, "Too many open files. Raise the limit of open files"),
        (errno.EXDEV, "Invalid cross-device link. Correct this, and run again."),
    ],
)
def test_other_refusals(
    tmp_path: Path, number: int, remedy: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"

    def main() -> None:
        with atomic_path(path):
            raise OSError(number, os.strerror(number))

    assert end(main, capfd)[1].startswith(f"error: {path}: {remedy}")
    assert everything(tmp_path) == []


def test_an_error_while_the_file_is_put_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "a.json").write_text("older")
    monkeypatch.setattr(os, "fsync", fail)
    status, line = end(lambda: save_json(tmp_path / "a.json", {}), capfd)
    assert (status, "Input/output error" in line) == (2, True)
    assert (tmp_path / "a.json").read_text() == "older"
    assert everything(tmp_path) == ["a.json"]


def test_a_file_system_that_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fail)
    save_json(tmp_path / "a.json", {})
    assert everything(tmp_path) == ["a.json"]


def test_no_memory(capfd: pytest.CaptureFixture[str]) -> None:
    status, line = end(lambda: np.save(os.devnull, np.ones(1 << 50)), capfd)
    assert status == 2
    assert line.startswith("error: not enough memory (Unable to allocate 8.00 PiB")
    assert "Run fewer jobs at a time (`--cores`)" in line


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (FileNotFoundError(2, "", "x\x1b[2J"), 2, r"x\x1b[2J: there is no such file."),
        (OSError("cannot\nbe"), 2, "cannot. Correct this, and run again."),
        (InputError("a\nb", "", "c", expected="d", remedy="e"), 2, r"a\nb: c; expected d. e"),
        (NotConvergedError("gap"), 1, "gap"),
        (MemoryError(), 2, "not enough memory. Run fewer jobs"),
        (BrokenProcessPool(), 2, "a process of this job was killed, as happens without memory."),
    ],
)
def test_one_line_and_the_status(
    error: Exception, status: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise error

    ended = end(main, capfd)
    assert ended[0] == status
    assert ended[1].startswith(f"error: {line}")


def test_a_log_has_no_orders_for_a_terminal() -> None:
    code = (
        "import logging, sys; from echoes.io.command import between, parser, run, whole\n"
        r"run(lambda: logging.info('%s', 'α: red \x1b[31m\r\n'))"
    )
    folder = Path(files.__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=folder, check=True
    )
    assert ended.stderr.decode().endswith("INFO α: red \\x1b[31m\\r\\n\n")
    assert logging.getLogger().level != logging.INFO


def test_what_a_killed_writer_left_is_deleted(tmp_path: Path) -> None:
    code = [sys.executable, "-c", "input()"]
    killed, zombie, alive = (subprocess.Popen(code, stdin=subprocess.PIPE) for _ in range(3))
    names = {
        "killed": f".{killed.pid}.a.json",
        "zombie": f".{zombie.pid}.a.json",
        "alive": f".{alive.pid}.a.json",
        "its number is another process's now": f".{os.getppid()}.a.json",
        "of another file": f".{killed.pid}.other.a.json",
        "no number": ".x.a.json",
    }
    for name in names.values():
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / names["its number is another process's now"], (0, 0))
    killed.kill()
    killed.communicate()
    zombie.kill()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    save_json(tmp_path / "a.json", {})
    kept = ("alive", "of another file", "no number")
    assert everything(tmp_path) == sorted(["a.json", *(names[why] for why in kept)])
    for process in (zombie, alive):
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (whole(1), {"1": 1, "20": 20}, ["0", "-1", "1.5", "nan", "", "x"]),
        (between(0, 1), {"0": 0, "1": 1, "1e-3": 0.001}, ["-0.1", "1.001", "nan", "inf", "x"]),
        (between(0, 1, ends=False), {"0.5": 0.5}, ["0", "1", "nan", "-inf"]),
        (between(0, ends=False), {"1e300": 1e300}, ["0", "-1", "nan", "inf"]),
    ],
)
def test_numbers_of_options(
    kind: Callable[[str], float],
    good: dict[str, float],
    bad: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = parser("test")
    options.add_argument("--number", type=kind)
    for text, number in good.items():
        assert options.parse_args([f"--number={text}"]).number == number
    for text in bad:
        with pytest.raises(SystemExit) as ended:
            options.parse_args([f"--number={text}"])
        assert ended.value.code == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert "error: argument --number: " in line
        assert text in line


#: What Snakemake says.
SNAKEMAKE = ("Directory cannot be locked", "Config file is not valid JSON or YAML")


def test_the_page_of_faults_has_the_words_of_the_program() -> None:
    scripts = Path(files.__file__).parents[2]
    page = (scripts.parent / "docs/troubleshooting.md").read_text(encoding="utf-8")
    words = "\n".join(path.read_text(encoding="utf-8") for path in scripts.rglob("*.py"))
    words += "\n".join([*map(os.strerror, errno.errorcode), *SNAKEMAKE])
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert len(rows) > 10
    for row in rows:
        for piece in "…".join(re.findall("`(.*?)`", row)).split("…"):
            # The kinds of files stand apart from the sentence.
            assert piece.strip().removeprefix("this is ") in words, piece


def test_the_page_of_faults_has_messages_that_tests_provoke() -> None:
    tests = Path(__file__).parents[1]
    page = (tests.parent / "docs/troubleshooting.md").read_text(encoding="utf-8")
    paths = [path for path in tests.rglob("test_*.py") if path != Path(__file__)]
    asserted = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    asserted += Path(__file__).read_text(encoding="utf-8").partition("SNAKEMAKE = ")[0]
    # Long messages stand in several lines.
    asserted = re.sub(r'"\s*\n\s*f?r?"', "", asserted)
    by_system = set(map(os.strerror, errno.errorcode)) | {"not enough memory"}
    for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE):
        for quoted in re.findall("`(.*?)`", row):
            for piece in map(str.strip, quoted.split("…")):
                assert piece in by_system or piece in asserted, piece

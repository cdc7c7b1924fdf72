"""What the workflow does with bad input, a dead process and a bad server."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

Serve = Callable[[dict[str, bytes], bool], str]

NETWORK = "networks/string/adjacency.npz"


def log_of(work: Any, name: str) -> str:
    return (work.path / "logs/small" / name).read_text(encoding="utf-8")


def leftovers(work: Any) -> list[Path]:
    """Name half-written files: they begin with a dot until they are whole."""
    return [path for path in (work.path / "results").rglob(".*") if path.is_file()]


def error_line(text: str) -> str:
    """Return the one message that a command ends with."""
    (line,) = set(re.findall(r"^ *(error: .*)$", text, re.MULTILINE))
    return str(line)


def spoil_cell(path: Path, row: int, column: int, text: str) -> tuple[str, str]:
    """Put a text into a cell, and return the names of its column and its row."""
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[row].split(",")
    cells[column] = text
    lines[row] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines[0].split(",")[column], cells[0]


def test_a_cell_that_is_no_number(fresh: Any) -> None:
    column, row = spoil_cell(fresh.path / "data/means.csv", 2, 3, "n/a")
    run = fresh.snakemake(fails=True)
    # Snakemake shows the log of the failed rule, by the default profile.
    line = error_line(run.text)
    assert line.startswith(
        f"error: data/means.csv: column {column}, row {row} (line 3): 'n/a' is not a number; "
    )
    log = log_of(fresh, "read_perturbations.log")
    assert line in log
    assert "Traceback" not in log
    folder = fresh.path / "results/small/perturbations"
    assert [path.name for path in folder.iterdir()] == ["settings.json"]
    assert not leftovers(fresh)


def test_values_that_begin_with_a_dash(fresh: Any) -> None:
    lines = (fresh.path / "data/means.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",", 1) for line in lines]
    for row in rows[1:]:
        row[0] = "-NT-" if row[0] == "non-targeting" else f"{row[0]}--1"
    (fresh.path / "-x.csv").write_text("".join(f"{a},{b}\n" for a, b in rows), encoding="utf-8")
    (fresh.path / "--names").write_text("-n\t--symbol\nA1\tB2\n", encoding="utf-8")
    fresh.change(
        dataset={
            "means": "-x.csv",
            "control": "-NT-",
            "guides": {"separator": "--"},
            "truth": None,
        },
        names={"table": "--names", "name": "-n", "symbol": "--symbol"},
    )
    fresh.snakemake(
        *(f"results/small/{file}" for file in ("perturbations/perturbations.npz", NETWORK))
    )
    summary = json.loads(
        (fresh.path / "results/small/perturbations/summary.json").read_text(encoding="utf-8")
    )
    assert summary["perturbations"] == 6
    assert summary["measured_silenced_genes"] > 0


def test_a_table_that_spoils_after_a_run_leaves_no_old_results(done: Any) -> None:
    spoil_cell(done.path / "data/truth.csv", 1, 2, "")
    done.snakemake(fails=True)
    assert not (done.path / "results/small/perturbations/perturbations.npz").exists()
    assert "an empty cell is not a number" in log_of(done, "read_perturbations.log")


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: data[: len(data) // 2], "cannot be unpacked after"),
        (lambda data: data[:-8] + bytes(4) + data[-4:], "cannot be unpacked after"),
        (lambda _: gzip.compress(b""), "there is nothing in it"),
    ],
    ids=["cut short", "wrong checksum", "empty"],
)
def test_a_damaged_table_of_links(
    fresh: Any, damage: Callable[[bytes], bytes], problem: str
) -> None:
    links = fresh.path / "data/links.txt.gz"
    good = links.read_bytes()
    links.write_bytes(damage(good))
    target = "results/small/networks/string/source/links.txt"
    run = fresh.snakemake(target, fails=True)
    line = error_line(run.text)
    assert line.startswith("error: data/links.txt.gz: ")
    assert problem in line
    assert line in log_of(fresh, "download_string/string_links.log")
    assert not (fresh.path / target).parent.exists()
    assert not leftovers(fresh)

    links.write_bytes(good)
    assert fresh.snakemake(target).ran == {"download_string": 1, "gunzip_string": 1}


def test_a_page_in_place_of_a_table(fresh: Any) -> None:
    info = fresh.path / "data/info.txt.gz"
    info.write_bytes(gzip.compress(b"<html>404</html>\n"))
    run = fresh.snakemake("results/small/networks/string/adjacency.npz", fails=True)
    assert error_line(run.text).startswith("error: data/info.txt.gz: this is a web page or XML")


@pytest.mark.parametrize(
    ("section", "key", "source", "remedy"),
    [
        ("dataset", "means", None, "Correct the path."),
        ("dataset", "truth", "the shelf", "Get it from the shelf and put it there."),
        # The data set's source has no tables of STRING.
        ("string", "links", "the shelf", "Correct the path, or set `links: null`"),
    ],
)
def test_a_missing_file(
    fresh: Any, section: str, key: str, source: str | None, remedy: str
) -> None:
    change = {section: {key: "data/away.csv"}}
    fresh.change(**({"networks": change} if section == "string" else change))
    fresh.change(dataset={"source": source})
    text = fresh.snakemake("--dry-run", fails=True).text
    place = f"networks: {section}" if section == "string" else section
    problem = f"configuration: {place}: {key}: data/away.csv: there is no such file; "
    assert f"{problem}expected the path of a file. {remedy}" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *(("dataset", key) for key in ("means", "truth", "validation")),
        ("submission", "sample"),
    ],
)
def test_a_table_named_by_a_url(fresh: Any, section: str, key: str) -> None:
    url = "https://example.org/table.csv"
    fresh.change(**{section: {key: url}})
    text = fresh.snakemake("--dry-run", fails=True).text
    assert f"{section}: {key}: {url} names no local file; expected the path of one." in text


def test_a_url_with_a_token(fresh: Any) -> None:
    url = "https://user:hunter2@example.org/links.txt.gz?id=1&token=hunter2"
    fresh.change(networks={"string": {"links": url}})
    text = fresh.snakemake("--dry-run", fails=True).text
    assert "links: https://example.org/links.txt.gz?id=…&token=… has a password or a token" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("kept", "change"),
    [
        ("networks: string: links", {"networks": {"string": {"links": "FILE"}}}),
        ("submission: sample", {"submission": {"sample": "FILE"}}),
    ],
)
def test_own_data_with_a_file_of_the_example(fresh: Any, kept: str, change: dict[str, Any]) -> None:
    text = json.dumps(change).replace("FILE", "<results>/simulated/any.csv")
    fresh.change(**json.loads(text))
    text = fresh.snakemake("--dry-run", fails=True).text
    assert f"configuration: {kept}: <results>/simulated/any.csv is a file of the embedded" in text
    fresh.change(simulation=yaml.safe_load((fresh.path / "config.yaml").read_text())["simulation"])
    text = fresh.snakemake("--dry-run", fails=True).text
    assert f"configuration: `{kept}`: still the embedded example's, while `dataset: " in text


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none(fresh: Any, number: float) -> None:
    fresh.change(diffusion={"tolerance": number})
    text = fresh.snakemake("--dry-run", fails=True).text
    assert f"configuration: diffusion: tolerance: {number}; expected " in text


def test_an_experiment_that_is_left_out(fresh: Any) -> None:
    fresh.change(experiments={"published": None})
    plan = fresh.snakemake("--dry-run", "-p").text
    assert "results/small/second/" in plan
    assert "results/small/published/" not in plan
    fresh.change(experiments={"second": None})
    assert "experiments: there is none" in fresh.snakemake("--dry-run", fails=True).text


def test_a_killed_fold_leaves_nothing_and_the_next_run_completes(done: Any) -> None:
    fold = done.file("folds/3.npz")
    before = fold.read_bytes()
    fold.unlink()
    target = fold.relative_to(done.path).as_posix()
    command = [sys.executable, "-m", "snakemake", "--cores=1", "--configfile=test.yaml", target]
    with subprocess.Popen(
        command,
        cwd=done.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as run:
        process = psutil.Process(run.pid)
        script: list[psutil.Process] = []
        deadline = time.monotonic() + 60
        while not script and time.monotonic() < deadline and run.poll() is None:
            for child in process.children(recursive=True):
                try:
                    if child.cmdline()[1:2] == ["scripts/loo_fold.py"]:
                        script.append(child)
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue
            time.sleep(0.01)
        assert script, "the fold never started"
        script[0].kill()
        output, _ = run.communicate(timeout=60)
    assert run.returncode != 0, output
    assert not fold.exists()
    assert not leftovers(done)

    assert done.planned(target) == {"loo_fold": 1}
    done.snakemake(target)
    assert len(fold.read_bytes()) == len(before)
    # It took another time, and the summary says so.
    assert done.planned() == {
        "aggregate_folds": 1,
        "plot_figure": 1,
        "write_submission": 1,
        "compare_experiments": 1,
        "plot_results": 1,
        "write_report": 1,
    }


#: A proxy of the environment is not asked for this computer.
DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def test_tables_from_a_server_are_those_from_the_disk(
    fresh: Any, finished: Any, serve: Serve
) -> None:
    files = {
        f"/{name}": (fresh.path / "data" / name).read_bytes()
        for name in ("links.txt.gz", "info.txt.gz")
    }
    url = serve(files, False)
    fresh.change(
        networks={"string": {"links": f"{url}/links.txt.gz", "info": f"{url}/info.txt.gz"}}
    )
    target = "results/small/networks/string/adjacency.npz"
    fresh.snakemake(target, **DIRECT)
    assert (fresh.path / target).read_bytes() == (finished.path / target).read_bytes()
    receipt = (fresh.path / "results/small/networks/string/source/links.json").read_text(
        encoding="utf-8"
    )
    assert f'"source": "{url}/links.txt.gz"' in receipt


def test_a_table_that_a_server_has_cut_short(fresh: Any, serve: Serve) -> None:
    links = (fresh.path / "data/links.txt.gz").read_bytes()
    url = serve({"/links.txt.gz": links[: len(links) // 2]}, False)
    fresh.change(networks={"string": {"links": f"{url}/links.txt.gz"}})
    run = fresh.snakemake("results/small/networks/string/source/links.txt", fails=True, **DIRECT)
    line = error_line(run.text)
    assert line.startswith(f"error: {url}/links.txt.gz: cannot be unpacked after")
    # A later run is not stuck with it.
    assert not (fresh.path / "results/small/networks/string/source").exists()


def test_a_file_that_the_server_does_not_have(fresh: Any, serve: Serve) -> None:
    url = serve({}, False)
    fresh.change(networks={"string": {"links": f"{url}/links.txt.gz"}})
    run = fresh.snakemake("results/small/networks/string/source/links.txt.gz", fails=True, **DIRECT)
    line = error_line(run.text)
    assert line.startswith(f"error: {url}/links.txt.gz: the server answered with status 404")
    assert not (fresh.path / "results/small/networks/string/source/links.txt.gz").exists()


def test_another_checksum_than_the_configured_one(fresh: Any) -> None:
    fresh.change(networks={"string": {"checksums": {"links": "0" * 64}}})
    target = "results/small/networks/string/source/links.txt.gz"
    run = fresh.snakemake(target, fails=True)
    assert "the SHA-256 of the file is" in error_line(run.text)
    assert not (fresh.path / target).exists()
    assert not leftovers(fresh)


@pytest.mark.slow
def test_a_server_that_always_hangs_up(fresh: Any, serve: Serve) -> None:
    url = serve({"/links.txt.gz": (fresh.path / "data/links.txt.gz").read_bytes()}, True)
    fresh.change(networks={"string": {"links": f"{url}/links.txt.gz"}})
    # With the pauses of a user between its attempts, half a minute would pass.
    code = fresh.path / "scripts/echoes/io/download.py"
    text = code.read_text(encoding="utf-8")
    assert "\nPAUSE = 1.0\n" in text
    code.write_text(text.replace("\nPAUSE = 1.0\n", "\nPAUSE = 0.02\n"), encoding="utf-8")
    target = "results/small/networks/string/source/links.txt.gz"
    run = fresh.snakemake(target, fails=True, **DIRECT)
    assert "bytes arrived" in error_line(run.text)
    assert not (fresh.path / target).exists()
    # What has come stays beside it, so that the next attempt goes on from there.
    assert {path.name for path in leftovers(fresh)} == {
        ".links.txt.gz.part",
        ".links.txt.gz.part.json",
    }

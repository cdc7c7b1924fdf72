"""Every command with files that are none: exit status 2, one line, and nothing is written."""

from __future__ import annotations

import argparse
import importlib
import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from echoes.io import command

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
#: Commands that read no file of a user: none at all, the schema, benchmarks, and what
#: download_string has checked.
OTHERS = {
    *("simulate_example", "bundle_charts"),
    *("document_config", "tabulate_resources", "gunzip_string"),
}
COMMANDS = sorted({path.stem for path in SCRIPTS.glob("*.py")} - OTHERS)
#: Contents that are right: any text may be a table of STRING's.
RIGHT = {("download_string", "text")}
#: What stands in the place of each file, of inputs and outputs alike.
CONTENTS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: path.write_bytes(b""),
    "bytes": lambda path: path.write_bytes(b"\x00\xff\x1b[2J\n" * 50),
    "text": lambda path: path.write_text("no table\nat all\n"),
    "JSON": lambda path: path.write_text('{"a": [1]}'),
    "a folder": lambda path: path.mkdir(),
    "no file": lambda _: None,
}


class Found(Exception):  # noqa: N818
    """Ends a command once its options are known."""


def options_of(script: str) -> list[argparse.Action]:
    """List the options that a command needs: of those that exclude each other, the first."""
    found: list[argparse.ArgumentParser] = []

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        found.append(parser)
        raise Found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(Found):
            importlib.import_module(script).main([])
    [parser] = found
    groups = [group for group in parser._mutually_exclusive_groups if group.required]
    first = [group._group_actions[0] for group in groups]
    return [*(action for action in parser._actions if action.required), *first]


def value_of(action: argparse.Action, folder: Path) -> str:
    """Choose a value of an option: a number, a choice, or the path of a file."""
    if action.choices:
        return str(next(iter(action.choices)))
    if callable(action.type) and action.type is not Path:
        for number in ("1", "0.5"):
            try:
                action.type(number)
            except (argparse.ArgumentTypeError, ValueError):
                continue
            return number
    # Files that are written are named by their kind.
    kind = "oof=" if action.dest == "files" else ""
    return f"{kind}{folder / action.dest}"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Commands log to the standard error of each test, and not to that of the first one."""
    logging.root.handlers, before = [], logging.root.handlers
    yield
    logging.root.handlers = before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"/" for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("script", "content"),
    [each for each in itertools.product(COMMANDS, CONTENTS) if each not in RIGHT],
)
def test_a_file_that_is_none_ends_a_command(
    script: str, content: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = []
    for action in options_of(script):
        value = value_of(action, tmp_path)
        if value.startswith(str(tmp_path)):
            CONTENTS[content](Path(value))
        name = action.option_strings[:1]
        values = [value] * (action.nargs if isinstance(action.nargs, int) else 1)
        arguments += [*name, *values]
    before = contents(tmp_path)
    with pytest.raises(SystemExit) as ended:
        command.run(lambda: importlib.import_module(script).main(arguments))
    out, err = capfd.readouterr()
    assert ended.value.code == 2, err
    assert out == ""
    assert "Traceback" not in err
    *log, line = err.splitlines()
    assert line.startswith("error: "), line
    assert len(line) < 2000
    assert not any(text.startswith("error: ") for text in log)
    assert contents(tmp_path) == before

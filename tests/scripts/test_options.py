"""Options of all commands: numbers that the schema refuses are refused here, too."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
#: Options that are compared with the data: a fold or part that there is not.
BY_DATA = {"fold", "part"}


class Stop(Exception):  # noqa: N818
    """Ends a command once its options are known."""


def numbers_of(script: str, monkeypatch: pytest.MonkeyPatch) -> list[argparse.Action]:
    """List the options of a command that are numbers."""
    found: list[argparse.ArgumentParser] = []

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        found.append(parser)
        raise Stop

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    with pytest.raises(Stop):
        importlib.import_module(script).main([])
    actions = [action for action in found[0]._actions if callable(action.type)]
    return [action for action in actions if accepts(action, "0.5") or accepts(action, "3")]


def accepts(action: argparse.Action, text: str) -> bool:
    if not callable(action.type):
        return False
    try:
        action.type(text)
    except (ValueError, argparse.ArgumentTypeError):
        return False
    return True


# The parameters of the example know their ranges themselves; see test_simulate_example.py.
COMMANDS = sorted({path.stem for path in SCRIPTS.glob("*.py")} - {"simulate_example"})


@pytest.mark.parametrize("script", COMMANDS)
def test_numbers_out_of_range_are_refused(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for action in numbers_of(script, monkeypatch):
        if accepts(action, "a"):
            continue
        allowed = [text for text in ("nan", "inf", "-inf", "1e400") if accepts(action, text)]
        allowed += ["-1"] if accepts(action, "-1") and action.dest not in BY_DATA else []
        assert not allowed, action.dest

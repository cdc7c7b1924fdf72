"""What files say of their origin, and the name of the control."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from echoes.report.provenance import CONTROL, VERSION, control_name, provenance

ROOT = Path(__file__).resolve().parents[2]
SUMMARY: dict[str, Any] = {
    "experiment": "echo",
    "settings": {"experiment": "echo", "protocol": "held_out"},
    "held_out": {"score": {"value": 1.0}},
    "seconds": 1.5,
    "dataset": {"control": "ctrl", "inputs": {"means": {"path": "m.csv", "sha256": "aa"}}},
    "network": {"genes": 3},
    "links": {"source": "l.gz", "bytes": 7, "sha256": "bb", "last_modified": "today", "etag": "e"},
    "versions": {"python": "3.11.7"},
}


def test_files_of_the_data_set_and_of_the_network_are_named() -> None:
    assert provenance("own", SUMMARY) == {
        "program": f"echoes {VERSION}",
        "dataset": "own",
        "experiment": "echo",
        "protocol": "held_out",
        "units": "log2 expression minus that of the control",
        "settings": SUMMARY["settings"],
        "inputs": {
            "means": {"path": "m.csv", "sha256": "aa"},
            "links": {"source": "l.gz", "sha256": "bb"},
        },
        "versions": {"python": "3.11.7"},
    }


def test_nothing_that_differs_between_runs_is_in_it() -> None:
    later = json.loads(json.dumps(SUMMARY))
    later["seconds"] = 99
    later["links"] |= {"last_modified": "tomorrow", "etag": "f"}
    assert provenance("own", later) == provenance("own", SUMMARY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ctrl", "ctrl"),
        (["ctrl"], "ctrl"),
        ([], CONTROL),
        (None, CONTROL),
        (["a", "b"], CONTROL),
        ("non-*", CONTROL),
        (["non-*"], CONTROL),
    ],
)
def test_the_control_has_the_name_of_the_data_set_if_it_is_one(name: Any, expected: str) -> None:
    assert control_name({"dataset": {"control": name}}) == expected


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {VERSION}\n" in citation

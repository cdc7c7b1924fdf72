"""The page of the configuration says what the schema says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from echoes.models.catalogue import MODELS
from echoes.plan.document import fill_tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "config/README.md").read_text("utf-8")
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))


def test_the_page_is_up_to_date() -> None:
    assert fill_tables(PAGE, SCHEMA) == PAGE, "run `make config-docs`"


def places(part: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All places in the schema that define a key with a description of its own."""
    found = []
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "properties":
                found += [(*place, key, name) for name in value]
            found += places(value, (*place, key))
    return found


#: Sections have headings; the keys of checksums are described by the key above them, and
#: experiments set alphas as the section does.
KEYS = [
    place
    for place in places(SCHEMA)
    if not (len(place) == 2 or "checksums" in place[:-1] or "diffusion_of_experiment" in place)
]


@pytest.mark.parametrize("place", KEYS, ids="/".join)
def test_a_key_that_changes_changes_the_page(place: tuple[str, ...]) -> None:
    """A key is documented where its section is, not only where another one of its name is."""
    changed = copy.deepcopy(SCHEMA)
    part = changed
    for key in place:
        part = part[key]
    part["description"] = "Changed."
    assert fill_tables(PAGE, changed) != PAGE


@pytest.mark.parametrize("section", SCHEMA["properties"])
def test_every_section_has_a_heading(section: str) -> None:
    headings = [line for line in PAGE.splitlines() if line.startswith("## ")]
    assert any(f"`{section}`" in line or section in line.lower() for line in headings)


def test_models_are_listed() -> None:
    assert all(f"| `{name}` |" in PAGE for name in MODELS)

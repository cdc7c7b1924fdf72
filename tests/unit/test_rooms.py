"""The rooms of the library: who may import whom, and no circles."""

from __future__ import annotations

import grimp
import pytest

#: Room → rooms that it may import. `echoes.plan` is further restricted below.
MAY_IMPORT = {
    "io": set(),
    "scoring": {"io"},
    "network": {"io"},
    "screen": {"io", "scoring"},
    "models": {"io", "scoring"},
    "report": {"io", "scoring"},
    "example": {"io"},
    "plan": {"io", "models"},
}
GRAPH = grimp.build_graph("echoes", include_external_packages=True, cache_dir=None)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def inner_modules() -> list[str]:
    return sorted(module for module in GRAPH.modules if module.startswith("echoes."))


def test_every_package_is_a_room() -> None:
    assert {room_of(module) for module in inner_modules()} == MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below(room: str) -> None:
    wrong = [
        f"{module} imports {other}"
        for module in inner_modules()
        if room_of(module) == room
        for other in GRAPH.find_modules_directly_imported_by(module)
        if other.startswith("echoes.") and room_of(other) not in {room, *MAY_IMPORT[room]}
    ]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    circles = [
        chain
        for module in inner_modules()
        for other in GRAPH.find_modules_directly_imported_by(module)
        if other.startswith("echoes.") and (chain := GRAPH.find_shortest_chain(other, module))
    ]
    assert circles == []


def test_the_plan_takes_of_the_models_only_their_catalogue() -> None:
    taken = {
        other
        for module in inner_modules()
        if room_of(module) == "plan"
        for other in GRAPH.find_modules_directly_imported_by(module)
        if room_of(other) == "models" and other.startswith("echoes.")
    }
    assert taken == {"echoes.models.catalogue"}


def test_the_library_knows_nothing_of_snakemake() -> None:
    importers = [
        module
        for module in GRAPH.modules
        if module.startswith("snakemake") and GRAPH.find_modules_that_directly_import(module)
    ]
    assert importers == []

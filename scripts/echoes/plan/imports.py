"""The library modules that a script imports, also indirectly: its rule depends on all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

#: Function from the path of a file below the folder of scripts to its real path.
Locate = Callable[[str], Path]

LIBRARY = "echoes"

# A pattern finds imports in a tenth of the time of a parser, and each start of Snakemake looks for
# them. It may find one too many, in a text; a test shows that it misses none.
_IMPORT = re.compile(
    r"^[ \t]*(?:import (?P<module>echoes[\w.]*)"
    r"|from (?P<package>echoes[\w.]*) import (?P<names>\([^)]*\)|[^\n#(]*))",
    re.MULTILINE,
)
_FOR_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)+", re.MULTILINE)


def reached_modules(script: str, locate: Locate, modules: Sequence[str] = ()) -> list[str]:
    """List the library modules that a script imports, directly or through other modules.

    Imports that only serve type checking are ignored.

    Parameters
    ----------
    script
        Path of the script below the folder of scripts.
    locate
        Gives the path of a file by its path below the folder of scripts.
    modules
        Dotted names of further modules that the script imports when it runs: those of the models
        that it fits.

    Returns
    -------
    list of str
        Paths of all these modules below the folder of scripts, sorted.
    """
    reached: set[str] = set()
    paths = [path for module in modules for path in _files(module, locate)]
    todo = [*_imported_files(locate(script), locate), *paths]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo += _imported_files(locate(path), locate)
    return sorted(reached)


@cache
def _imported_files(path: Path, locate: Locate) -> tuple[str, ...]:
    """List the files of the library that a file imports directly."""
    text = _FOR_TYPES.sub("", path.read_text(encoding="utf-8"))
    return tuple(file for name in _imports(text) for file in _files(name, locate))


def _imports(text: str) -> Iterator[str]:
    """Give the dotted names of the library that a text imports."""
    for match in _IMPORT.finditer(text):
        if match["module"]:
            yield match["module"]
        else:
            # What is imported from a package may be a module or a name that it defines.
            names = re.findall(r"\w+(?: as \w+)?", match["names"])
            yield from (f"{match['package']}.{name.split()[0]}" for name in names)


def _files(name: str, locate: Locate) -> Iterator[str]:
    """Yield the files that Python runs when it imports a dotted name of the library."""
    package, *parts = name.split(".")
    if package != LIBRARY:
        return
    folder = LIBRARY
    yield f"{folder}/__init__.py"
    for part in parts:
        if locate(f"{folder}/{part}/__init__.py").is_file():
            folder = f"{folder}/{part}"
            yield f"{folder}/__init__.py"
        elif locate(f"{folder}/{part}.py").is_file():
            yield f"{folder}/{part}.py"
            return
        else:
            return

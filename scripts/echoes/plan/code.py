"""Which library modules a script reaches: an edit of one of them runs the script's rule again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

#: Gives the path of a file of the workflow by its path below the folder of scripts.
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
    """Follow a script's imports through the library.

    Imports for type checking alone are passed over.

    Parameters
    ----------
    script
        Path of the script below the folder of scripts.
    locate
        Gives the path of a file by its path below the folder of scripts.
    modules
        Dotted names of further modules that the script imports when it runs: those of the models
        that it is told to fit.

    Returns
    -------
    list of str
        Paths below the folder of scripts of all modules that are reached, sorted.
    """
    found: set[str] = set()
    paths = [path for module in modules for path in _files(module, locate)]
    todo = [*_imported_files(locate(script), locate), *paths]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imported_files(locate(path), locate)
    return sorted(found)


@cache
def _imported_files(path: Path, locate: Locate) -> tuple[str, ...]:
    """List the library's files that a file imports itself."""
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
    """Give the files that are run when a dotted name of the library is imported."""
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

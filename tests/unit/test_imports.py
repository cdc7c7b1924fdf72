"""Which library modules a script reaches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from echoes.plan.imports import reached_modules

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    files = {
        "run.py": "from echoes.room import far\nimport numpy\nfrom echoes.room.near import f, g\n",
        "echoes/__init__.py": "",
        "echoes/room/__init__.py": "",
        "echoes/room/far.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from echoes.room import typed\n"
            "def f():\n    from echoes.other.late import (\n        x,\n        y,\n    )\n"
        ),
        "echoes/room/near.py": "import echoes.room.third\n",
        "echoes/room/third.py": "from echoes.room import near\n",
        "echoes/room/typed.py": "",
        "echoes/room/unused.py": "",
        "echoes/other/__init__.py": "",
        "echoes/other/late.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_imports_are_followed(scripts: Path) -> None:
    assert reached_modules("run.py", scripts.joinpath) == [
        "echoes/__init__.py",
        "echoes/other/__init__.py",
        "echoes/other/late.py",
        "echoes/room/__init__.py",
        "echoes/room/far.py",
        "echoes/room/near.py",
        "echoes/room/third.py",
    ]


def test_modules_that_are_imported_by_name(scripts: Path) -> None:
    found = reached_modules("run.py", scripts.joinpath, ["echoes.room.unused"])
    assert "echoes/room/unused.py" in found


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_no_module_that_a_script_imports_is_missed(script: str) -> None:
    """What Python itself has imported once a script is imported is in the list."""
    code = (
        "import sys, importlib; importlib.import_module(sys.argv[1])\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'echoes'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, script.removesuffix(".py")],
        check=True, capture_output=True, text=True, cwd=SCRIPTS,
    )  # fmt: skip
    imported = {str(Path(file).relative_to(SCRIPTS)) for file in run.stdout.split()}
    assert imported <= set(reached_modules(script, SCRIPTS.joinpath))

"""The code of an earlier commit, which computes the same beside today's."""

from __future__ import annotations

import dataclasses
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from side_by_side.process import execute
from side_by_side.workspace import Workspace

#: The code that fitted all candidates on all inner folds, in double precision.
BEFORE = "d9f8999e7"
#: Experiments of its own configuration that are left out.
_OTHERS = (
    *("published", "published_held_out"),
    *("echo", "echo_base", "echo_rewired", "echo_permuted"),
)


def earlier(workspace: Workspace, folder: Path, **experiments: Mapping[str, Any]) -> Workspace:
    """Unpack the earlier code from the history of the repository, to compute the same with it.

    Parameters
    ----------
    workspace
        What is computed with today's code.
    folder
        Folder of the earlier code, which runs there on top of its own configuration.
    experiments
        Experiments that it configures in another way.

    Raises
    ------
    MeasurementError
        When the history does not go back to it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packed = folder.with_suffix(".tar")
    execute(["git", "archive", f"--output={packed}", BEFORE])
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    packed.unlink()
    settings = {key: value for key, value in workspace.settings.items() if key != "networks"}
    settings["string"] = workspace.settings["networks"]["string"]
    settings["experiments"] = {
        **dict.fromkeys(_OTHERS),
        **workspace.settings["experiments"],
        **experiments,
    }
    return dataclasses.replace(workspace, path=folder, settings=settings, code=folder)

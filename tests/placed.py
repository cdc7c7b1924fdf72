"""Records that a test makes or moves by hand, with the place that their readers look for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import save_arrays


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a record, without its place."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name != "place"}


def put(path: Path, arrays: Mapping[str, npt.ArrayLike], depth: int) -> None:
    """Write a record whose place is that many parts of its path."""
    save_arrays(path, {**arrays, "place": "/".join(path.resolve().parts[-depth:])})

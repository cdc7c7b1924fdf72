"""Records between stages: npz files whose arrays have known types and shapes and a known place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import load_arrays, save_arrays
from echoes.io.errors import InputError
from echoes.io.files import StrPath, place_of

Array = npt.NDArray[Any]

#: Types of an array → NumPy's kinds of them. A `float` is finite, a `gap` finite or NaN, a `number`
#: anything.
_KINDS = {"float": "fiu", "gap": "fiu", "number": "fiu", "int": "iu", "bool": "b", "str": "U"}
_ALLOWED: dict[str, Callable[[Array], npt.NDArray[np.bool_]]] = {
    "float": np.isfinite,
    "gap": lambda array: ~np.isinf(array),
}
#: Name of the array with the place of a record.
_PLACE = "place"


@dataclass(frozen=True)
class Layout:
    """What stands in the files of one kind.

    A file holds its place, the last parts of its path: so a file in the place of another one, of
    another fold, experiment, network or data set, is not taken for it. A link stands for its file.

    Parameters
    ----------
    arrays
        Type and axes of each array by its name, such as ``float n G``. Axes with the same letter
        have the same length. An empty array may lack its last axes.
    depth
        How many parts of the path say what the file is.
    """

    arrays: Mapping[str, str]
    depth: int

    def save(
        self, path: StrPath, arrays: Mapping[str, npt.ArrayLike], *, compress: bool = False
    ) -> None:
        """Write a record: arrays that this layout names, and its place."""
        save_arrays(path, {**arrays, _PLACE: self._place(path)}, compress=compress)

    def load(self, path: StrPath, *names: str, **sizes: int) -> list[Array]:
        """Read the named arrays of a record, or all, in this order.

        Parameters
        ----------
        path
            The file.
        names
            Names of arrays; none for all.
        sizes
            Lengths that axes must have, by their letters.

        Raises
        ------
        InputError
            When the file is damaged, is no such record, was written in another place, or has an
            array of another type or shape, or numbers that are not finite.
        """
        names = names or tuple(self.arrays)
        *arrays, place = load_arrays(path, *names, _PLACE)
        if str(place) != self._place(path):
            raise wrong_record(
                path, "", f"this is the file {place}", f"the file {self._place(path)}"
            )
        for name, array in zip(names, arrays, strict=True):
            kind, *axes = self.arrays[name].split()
            for axis, length in zip(axes, array.shape, strict=False):
                sizes.setdefault(axis, length)
            shape = tuple(sizes.get(axis, 0) for axis in axes)
            fits = shape if array.size else shape[: array.ndim]
            if array.dtype.kind not in _KINDS[kind] or array.shape != fits:
                raise wrong_record(
                    path, name, f"{array.dtype} of shape {array.shape}", f"{kind} of shape {shape}"
                )
            if kind in _ALLOWED and (bad := ~_ALLOWED[kind](array)).any():
                at = tuple(np.argwhere(bad)[0].tolist())
                raise wrong_record(path, f"{name}{list(at)}", str(array[at]), "a finite number")
        return arrays

    def _place(self, path: StrPath) -> str:
        return place_of(path, self.depth)


def wrong_record(path: StrPath, place: str, problem: str, expected: str) -> InputError:
    """Describe a record that cannot be used; the file is to be made again."""
    remedy = "Delete the file and run the workflow again."
    return InputError(path, place, problem, expected=expected, remedy=remedy)

"""Held-out predictions: one file for each part of the perturbations, and all parts together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Ints, Strings
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.io.records import Layout, wrong_record


@dataclass(frozen=True)
class HeldOutPart:
    """Predictions of r perturbations by F fitted models, none of which has seen its response.

    Parameters
    ----------
    rows
        (r,) numbers of the perturbations, counted from 0.
    fold
        (r,) number of the fit that predicts each of them, 0 … F − 1.
    prediction
        (r, G) predicted responses.
    spread
        (r, G) expected size of the error, log2 units; (r, 0) where the models give none.
    centre, mean
        (F, G) mean prediction and mean response of each fit's training perturbations.
    quantiles
        (F, levels) half width of the intervals in units of the spread (`coverage.LEVELS`);
        (F, 0) where the models give none.
    inner_score
        (F,) score of the inner cross-validation; NaN where there is none.
    seconds
        (F,) duration of each fit in seconds.
    choice_names
        (C,) names of the numbers that the inner cross-validation chose, and of other numbers
        that describe a fit.
    choices
        (F, C) values of these numbers.
    """

    rows: Ints
    fold: Ints
    prediction: Floats
    spread: Floats
    centre: Floats
    mean: Floats
    quantiles: Floats
    inner_score: Floats
    seconds: Floats
    choice_names: Strings
    choices: Floats


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of n perturbations in their order, each by a model that has not seen it.

    Parameters
    ----------
    rows
        (n,) numbers of the perturbations in the screen, counted from 0 and in their order: all of
        them, except where a given split says what is predicted.
    prediction
        (n, G) predicted responses.
    fold
        (n,) number of the fit that predicts each of them, 0 … F − 1.
    centre, mean, spread, quantiles, inner_score, seconds
        As in `HeldOutPart`, for all n perturbations and all F fits.
    choices
        (F,) values of each choice, by its name.
    """

    rows: Ints
    prediction: Floats
    fold: Ints
    centre: Floats
    mean: Floats
    spread: Floats
    quantiles: Floats
    inner_score: Floats
    seconds: Floats
    choices: dict[str, Floats]

    def block(self, rows: slice) -> OutOfFold:
        """Take some of the n rows; nothing is copied."""
        return dataclasses.replace(
            self,
            rows=self.rows[rows],
            prediction=self.prediction[rows],
            fold=self.fold[rows],
            spread=self.spread[rows],
        )

    def restrict(self, rows: Ints) -> OutOfFold:
        """Keep the predictions of these rows of the screen, in this order; fits stay as they are.

        Raises
        ------
        ValueError
            When a row is not predicted.
        """
        if np.array_equal(rows, self.rows):
            return self
        if not np.isin(rows, self.rows).all():
            raise ValueError("a row is not predicted")
        kept = np.searchsorted(self.rows, rows)
        return dataclasses.replace(
            self,
            rows=rows,
            prediction=self.prediction[kept],
            fold=self.fold[kept],
            spread=self.spread[kept],
        )


_LAYOUT = Layout(
    {
        "rows": "int r",
        "fold": "int r",
        "prediction": "float r G",
        "spread": "float r S",
        "centre": "float F G",
        "mean": "float F G",
        "quantiles": "float F L",
        "inner_score": "number F",
        "seconds": "float F",
        "choice_names": "str C",
        "choices": "number F C",
    },
    # Data set, experiment, held_out, file.
    depth=4,
)


def save_part(path: StrPath, part: HeldOutPart) -> None:
    """Write a part to an npz file."""
    _LAYOUT.save(path, vars(part))


def take_rows(rows: Ints, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Take these rows of arrays of the whole screen; nothing is copied where it is all rows."""
    if all(np.array_equal(rows, np.arange(len(array))) for array in arrays):
        return list(arrays)
    return [array[rows] for array in arrays]


def common_rows(folders: Mapping[Path, int], perturbations: int) -> Ints:
    """Find the rows that several experiments have in common, of which some predict a part only.

    Parameters
    ----------
    folders
        Folders of the parts of the experiments that predict a part of the screen → number of parts.
    perturbations
        Number of perturbations in the screen.

    Returns
    -------
    Ints
        Numbers of the rows, in their order.

    Raises
    ------
    InputError
        When a file is damaged, or there is no such row.
    """
    rows = np.arange(perturbations)
    for folder, count in folders.items():
        parts = [_LAYOUT.load(folder / f"{number}.npz", "rows")[0] for number in range(count)]
        rows = np.intersect1d(rows, np.concatenate(parts))
        if not len(rows):
            raise InputError(
                folder,
                "rows",
                "no perturbation is predicted by all experiments",
                expected="experiments that can be compared on the same perturbations",
                remedy="Delete the parts and run the workflow again.",
            )
    return rows


def load_parts(
    folder: StrPath,
    count: int,
    *,
    some: bool = False,
    spread: bool = True,
    prediction: bool = True,
    **sizes: int,
) -> OutOfFold:
    """Read the parts ``{folder}/0.npz``, ``1.npz`` … of an experiment, and put them together.

    Parameters
    ----------
    folder
        Folder of the parts.
    count
        Number of parts, at least 1. A part may be without perturbations.
    some
        Whether the parts may have only some of the screen's perturbations, those of a split.
    spread
        Whether to read expected errors, which take as much memory as the predictions; without,
        there are neither these nor quantiles. `with_spread` reads them later.
    prediction
        Whether to read the predictions; without, they have no columns.
    sizes
        Lengths that axes must have, by their letters, such as ``G``.

    Raises
    ------
    InputError
        When a part is damaged, or a perturbation is in more than one part, or in none.
    """
    files = _files(folder, count)
    found = _join_parts(folder, files, sizes, some=some, prediction=prediction)
    return with_spread(found, folder, count) if spread else found


def with_spread(found: OutOfFold, folder: StrPath, count: int) -> OutOfFold:
    """Read the expected errors of `load_parts` too."""
    return _with_spread(found, _files(folder, count))


def load_part(path: StrPath, **sizes: int) -> OutOfFold:
    """Read one file that holds all perturbations, such as that of the validation perturbations.

    Raises
    ------
    InputError
        When the file is damaged, or a perturbation is missing or is in it more than once.
    """
    return _with_spread(_join_parts(path, [Path(path)], sizes), [Path(path)])


def _files(folder: StrPath, count: int) -> list[Path]:
    return [Path(folder, f"{number}.npz") for number in range(count)]


#: Arrays with a row for each perturbation and a column for each gene.
_WIDE = ("prediction", "spread")
_NARROW = tuple(name for name in _LAYOUT.arrays if name not in _WIDE)


def _join_parts(
    place: StrPath,
    files: Sequence[Path],
    sizes: Mapping[str, int],
    *,
    some: bool = False,
    prediction: bool = True,
) -> OutOfFold:
    """Sort the rows of all parts, and number the fits of all parts from 0 on; without spread."""
    narrow = [
        dict(zip(_NARROW, _LAYOUT.load(file, *_NARROW, **sizes), strict=True)) for file in files
    ]
    # A part without perturbations has no fits, and arrays without a second axis.
    parts = [part for part in narrow if len(part["rows"])]
    rows = np.concatenate([np.empty(0, dtype=np.intp), *(part["rows"] for part in parts)])
    order = np.argsort(rows)
    expected = np.unique(rows[rows >= 0]) if some else np.arange(len(rows))
    if not len(rows) or not np.array_equal(rows[order], expected):
        last = f", up to {rows.max()}" if len(rows) else ""
        raise InputError(
            place,
            "rows",
            f"all parts have {len(rows)}, of which {len(set(rows.tolist()))} differ{last}",
            expected="rows from 0 on, each once" if some else "all rows from 0 on, each once",
            remedy="Delete the parts and run the workflow again.",
        )
    first_fits = np.cumsum([0, *(len(part["seconds"]) for part in parts)])
    folds = [part["fold"] + first for part, first in zip(parts, first_fits, strict=False)]
    names = parts[0]["choice_names"].tolist()
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _OF_FITS}
    return OutOfFold(
        rows=rows[order],
        prediction=_load_wide(files, "prediction", rows[order], sizes)
        if prediction
        else np.empty((len(rows), 0)),
        fold=np.concatenate(folds)[order],
        centre=joined["centre"],
        mean=joined["mean"],
        spread=np.empty((len(rows), 0)),
        quantiles=np.empty((len(joined["seconds"]), 0)),
        inner_score=joined["inner_score"],
        seconds=joined["seconds"],
        choices=dict(zip(names, joined["choices"].T, strict=True)),
    )


#: Arrays with a row for each fit.
_OF_FITS = ("centre", "mean", "inner_score", "seconds", "choices")


def _with_spread(found: OutOfFold, files: Sequence[Path]) -> OutOfFold:
    quantiles = [_LAYOUT.load(file, "quantiles", "seconds") for file in files]
    return dataclasses.replace(
        found,
        spread=_load_wide(files, "spread", found.rows, {}),
        quantiles=np.concatenate([each for each, seconds in quantiles if len(seconds)]),
    )


def _load_wide(files: Sequence[Path], name: str, rows: Ints, sizes: Mapping[str, int]) -> Floats:
    """Put an array (n, G) of all parts together, in the order of the rows, one part at a time."""
    joined: Floats | None = None
    for file in files:
        mine, values = _LAYOUT.load(file, "rows", name, **sizes)
        if not len(mine):
            continue
        if len(files) == 1 and np.array_equal(mine, rows):
            wide: Floats = values
            return wide
        if joined is None:
            joined = np.empty((len(rows), values.shape[1]))
        if values.shape[1] != joined.shape[1]:
            problem, expected = f"{values.shape[1]} columns", f"{joined.shape[1]}, as other parts"
            raise wrong_record(file, name, problem, expected)
        joined[np.searchsorted(rows, mine)] = values
    return np.empty((0, 0)) if joined is None else joined

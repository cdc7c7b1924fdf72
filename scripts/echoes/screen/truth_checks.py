"""Checks whether a table of true deltas belongs to the means, and its baselines to the deltas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats, Ints, row_blocks
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.scoring.metrics import weighted_mae
from echoes.screen.record import Screen

# With fewer perturbations than this, it may be chance which row fits best.
_FEW = 5
# A truth that correlates so well with the responses is the same on a scale of its own.
_EXACT = 0.99
# A truth on another scale of logarithms has responses so many times as large.
_RATIOS = {"ln": np.log(2), "log10": np.log10(2)}
# A baseline so many times larger or smaller than the error of the mean looks wrong; the larger
# factor, from which on single rows would make the score, is refused.
_UNUSUAL, _IMPOSSIBLE = 10.0, 1e4


def _normalised(values: Floats, kind: type[np.floating[Any]]) -> npt.NDArray[Any]:
    """Rows of length 1. They are not centred: one wrong row would move all others."""
    unit = np.empty(values.shape, kind)
    for rows in row_blocks(*values.shape):
        length = np.linalg.norm(values[rows], axis=1, keepdims=True)
        np.divide(values[rows], np.where(length > 0, length, 1.0), out=unit[rows], casting="unsafe")
    return unit


def _likeness(
    screen: Screen, rows: Ints | slice, kind: type[np.floating[Any]]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Compare some rows of the truth with the responses.

    Returns
    -------
    own, others
        Cosine of each of the m rows with its own row of the responses, (m,), and with each row
        (m, n) but −∞ with its own.
    """
    numbers = np.arange(len(screen.truth))[rows]
    likeness = _normalised(screen.truth[rows], kind) @ _normalised(screen.responses, kind).T
    place = np.arange(len(numbers)), numbers
    own = likeness[place]
    likeness[place] = -np.inf
    return own, likeness


def _misplaced(screen: Screen) -> Ints:
    """Rows of the truth that fit another row of the responses better than their own."""
    # Single precision takes half of the time. A cosine of G genes is off by less than G times its
    # precision, so that only rows with a second one as near as that need double precision.
    own, others = _likeness(screen, slice(None), np.float32)
    ahead = own - others.max(axis=1)
    near = 2 * screen.truth.shape[1] * np.finfo(np.float32).eps
    wrong = ahead < 0
    (close,) = np.nonzero(np.abs(ahead) <= near)
    if len(close):
        own, others = _likeness(screen, close, np.float64)
        wrong[close] = own < others.max(axis=1)
    return np.flatnonzero(wrong)


def _products(screen: Screen) -> tuple[Floats, Floats, Floats]:
    """Sum over genes truth × response, truth² and response²; three arrays (n,)."""
    sums = np.empty((3, len(screen.truth)))
    for rows in row_blocks(*screen.truth.shape):
        truth, responses = screen.truth[rows], screen.responses[rows]
        for k, pair in enumerate([(truth, responses), (truth, truth), (responses, responses)]):
            sums[k, rows] = np.einsum("ij,ij->i", *pair)
    return sums[0], sums[1], sums[2]


def truth_warnings(screen: Screen, truth: StrPath) -> tuple[str, tuple[str, ...]]:
    """Refuse a truth of other rows, and warn of one on another scale.

    Returns
    -------
    figure, warnings
        How many rows of the truth fit their own row of the responses best, and a sentence if they
        are on another scale.

    Raises
    ------
    InputError
        When most rows of the truth fit the responses of another perturbation better.
    """
    n = len(screen.truth)
    wrong = _misplaced(screen)
    figure = f"{n - len(wrong):,} of {n:,} rows fit their own means best"
    if n < _FEW:
        return figure, ()
    if 2 * len(wrong) > n:
        i = int(wrong[0])
        best = int(np.argmax(_likeness(screen, wrong[:1], np.float64)[1]))
        raise InputError(
            truth,
            f"row {screen.perturbations[i]}",
            "its deltas are not the means less the control: they fit "
            f"{screen.perturbations[best]} better, and so on in {len(wrong)} of {n} rows",
            expected="the deltas of the perturbation in this row",
            remedy="Use tables that belong together, with rows under their own names and genes "
            "under theirs.",
        )
    product, truth_square, square = _products(screen)
    length = np.sqrt(truth_square * square)
    if (product / np.where(length > 0, length, 1.0)).min() < _EXACT:
        return figure, ()
    slope = product.sum() / square.sum()
    for scale, ratio in _RATIOS.items():
        for wanted, which in ((ratio, "deltas"), (1 / ratio, "means")):
            if abs(slope / wanted - 1) < 0.02:
                warning = (
                    f"the deltas of {truth} are {slope:.3f} times the means less the control: the "
                    f"{which} look like {scale}, the others like log2. Bring both tables to one "
                    "scale."
                )
                return figure, (warning,)
    return figure, ()


def baseline_warnings(screen: Screen, truth: StrPath) -> tuple[str, tuple[str, ...]]:
    """Compare the baselines with what they are the error of: the mean of all true deltas.

    Returns
    -------
    figure, warnings
        The range of the ratios of the two, and a sentence if some are unusual.

    Raises
    ------
    InputError
        When a baseline cannot be the error of a prediction of these deltas.
    """
    error = weighted_mae(screen.truth, screen.truth.mean(axis=0), screen.weights)
    rows = np.flatnonzero(error > 0)
    if not len(rows):
        return "not known: all deltas are the same", ()
    ratio = screen.baseline[rows] / error[rows]
    wrong = rows[(ratio > _IMPOSSIBLE) | (ratio < 1 / _IMPOSSIBLE)]
    if len(wrong):
        i = int(wrong[0])
        raise InputError(
            truth,
            f"column baseline_wmae, row {screen.perturbations[i]}",
            f"{screen.baseline[i]:.4g} ({len(wrong)} of {len(ratio)} rows are alike)",
            expected="the weighted mean absolute error of a plain prediction, such as that of the "
            f"mean of all deltas, {error[i]:.4g}",
            remedy="Correct the column: a row with such a baseline would decide the score alone.",
        )
    figure = f"{ratio.min():.3g} … {ratio.max():.3g} times the error of the mean"
    odd = rows[(ratio > _UNUSUAL) | (ratio < 1 / _UNUSUAL)]
    if not len(odd):
        return figure, ()
    warning = (
        f"{len(odd)} baselines of {truth} are more than {_UNUSUAL:g} times larger or smaller than "
        f"the error of the mean of all deltas: {abbreviate(screen.perturbations[odd].tolist())}. "
        "Are the weights, the deltas or the column baseline_wmae those of another table, or on "
        "another scale?"
    )
    return figure, (warning,)

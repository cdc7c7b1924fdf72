"""An unseen cell line: learn from another one, and the baseline that takes over its responses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from echoes.io.arrays import Floats, Ints
from echoes.io.files import StrPath
from echoes.io.records import Layout
from echoes.models.task import Prediction, Settings, Task


def transfer(task: Task, settings: Settings) -> Prediction:
    """Predict mean + share · (response to the same gene − mean), of the training perturbations.

    A gene that none of them silences gets the mean, as every gene does where the one that is
    predicted is held out. The share cannot be learnt where nothing was measured: it is set.
    """
    share = settings["transfer"]["share"]
    m, mean = task.n_training, task.deltas.mean(axis=0)
    deltas = np.tile(mean, (task.n_to_predict, 1))
    for row, group in enumerate(task.groups[m:].tolist()):
        same = np.flatnonzero(task.groups[:m] == group)
        if len(same):
            deltas[row] += share * (task.deltas[same].mean(axis=0) - mean)
    return Prediction(deltas=deltas, centre=mean)


def align_responses(rows: Floats, columns: Ints) -> tuple[Ints, Floats]:
    """Bring the responses of other cells to the genes of a screen.

    Parameters
    ----------
    rows
        (n, H) responses of other cells to the gene of each perturbation of the screen, log2 units;
        NaN where not measured.
    columns
        (G,) position of each response gene of the screen among the H; −1 where there is none.

    Returns
    -------
    known, deltas
        (r,) perturbations with a response, and the responses (r, G). Where one of them lacks a
        gene it has the mean of the others; a gene that all lack is 0: no change is predicted.
    """
    known = np.flatnonzero(~np.isnan(rows).all(axis=1))
    found = np.where(columns < 0, np.nan, rows[known][:, columns])
    measured = ~np.isnan(found)
    filled = np.where(measured, found, 0.0)
    mean = filled.sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    return known, np.where(measured, found, mean)


# Data set, priors, prior, file.
_LAYOUT = Layout({"known": "int r", "deltas": "float r G"}, depth=4)


def save_aligned(path: StrPath, known: Ints, deltas: Floats) -> None:
    """Write what `align_responses` gives to an npz file."""
    _LAYOUT.save(path, {"known": known, "deltas": deltas})


def load_aligned(path: StrPath) -> tuple[Ints, Floats]:
    """Read what `save_aligned` wrote."""
    known, deltas = _LAYOUT.load(path)
    return known, deltas


def unseen_task(task: Task, known: Ints, deltas: Floats, *, validation: bool) -> Task:
    """Make the task of predicting a screen from other cells alone.

    Parameters
    ----------
    task
        All perturbations of the screen, and those to predict beside it. Of its measurements the
        expression of the controls is used, and nothing else.
    known, deltas
        From `align_responses`. All of these responses weigh the same.
    validation
        Whether to predict those beside the screen, and not those of the screen.
    """
    m, count = task.n_training, len(task.silenced)
    other = np.zeros_like(task.deltas)
    other[known] = deltas
    blank = replace(task, deltas=other, weights=np.ones_like(other))
    return blank.take(known, np.arange(m, count) if validation else np.arange(m))

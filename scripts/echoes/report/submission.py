"""The competition's submission: predicted rows, then zero rows for genes not yet published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from echoes.io.arrays import Floats
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import Matrix, read_matrix


def pad(
    ids: Sequence[str],
    genes: Sequence[str],
    predictions: Floats,
    padding: int,
) -> Matrix:
    """Append zero rows; their ids continue the numbering of the predicted rows.

    Parameters
    ----------
    ids
        Ids of the predicted rows, such as ``pert_1``.
    genes
        The G predicted genes.
    predictions
        (v, G), one row for each id, log2 units.
    padding
        Number of zero rows to append.

    Returns
    -------
    Matrix
        (v + padding, G).

    Raises
    ------
    InputError
        When there are rows to append, and the ids are not one prefix with numbers.
    """
    parts = [re.fullmatch(r"(.*?)(\d+)", name) for name in ids] if padding else []
    numbered = [(part[1], int(part[2]), len(part[2])) for part in parts if part]
    if len(numbered) < len(parts) or len({prefix for prefix, *_ in numbered}) > 1:
        raise InputError(
            "dataset: validation",
            "column pert_id",
            f"{abbreviate(ids)} cannot be continued",
            expected="ids such as pert_1, pert_2 … with one prefix",
            remedy="Rename the ids, or set `submission: padding: 0`.",
        )
    more: list[str] = []
    if numbered:
        # Leading zeros stay: pert_008 follows pert_007.
        prefix, last, width = max(numbered)
        more = [f"{prefix}{last + i:0{width}d}" for i in range(1, padding + 1)]
    zeros = np.zeros((len(more), predictions.shape[1]))
    return Matrix((*ids, *more), tuple(genes), np.vstack([predictions, zeros]))


def check_against_sample(path: StrPath, submission: Matrix, row_names: str) -> None:
    """Check that a submission has the rows and columns of the sample submission.

    Parameters
    ----------
    path
        The sample submission.
    submission
        The submission.
    row_names
        The column that names the rows.

    Raises
    ------
    InputError
        When rows or columns differ, or are in another order.
    """
    sample = read_matrix(path, row_names)
    for place, ours, theirs in (
        (f"column {row_names}", submission.rows, sample.rows),
        ("line 1", submission.columns, sample.columns),
    ):
        for number, (one, other) in enumerate(zip_longest(ours, theirs), start=1):
            if one != other:
                raise InputError(
                    path,
                    f"{place}, entry {number}",
                    "nothing" if other is None else repr(other),
                    expected="nothing" if one is None else f"{one!r}, as in the submission",
                    remedy="Use tables that belong together, and set `submission: padding:`.",
                )

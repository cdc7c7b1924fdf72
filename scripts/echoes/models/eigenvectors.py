"""The largest eigenvalues of symmetric matrices, and their eigenvectors."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats

#: From so many rows on, a Lanczos iteration finds the largest eigenvalues sooner.
FEWEST_LANCZOS = 4000


def largest_eigenvectors(matrix: Floats, most: int, *, fewest: int) -> tuple[Floats, Floats]:
    """Find the largest eigenvalues in rising order, and their eigenvectors.

    Parameters
    ----------
    matrix
        (m, m) symmetric matrix.
    most
        How many are asked for.
    fewest
        Size of a matrix from which on a part of them is found alone; of a smaller one, all are.

    Returns
    -------
    values, vectors
        (r,) and (m, r); r is `most`, or m.
    """
    if len(matrix) < max(fewest, most + 1):
        return np.linalg.eigh(matrix)
    # They take a while to import.
    if len(matrix) < FEWEST_LANCZOS:
        from scipy.linalg import eigh

        values, vectors = eigh(matrix, subset_by_index=(len(matrix) - most, len(matrix) - 1))
        return values, vectors
    from scipy.sparse.linalg import eigsh

    # The start is fixed, so that the same matrix gives the same numbers.
    values, vectors = eigsh(matrix, most, v0=np.ones(len(matrix)))
    order = np.argsort(values)
    return values[order], vectors[:, order]

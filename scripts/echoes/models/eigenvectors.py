"""The largest eigenvalues of symmetric matrices, and their eigenvectors."""

from __future__ import annotations

import numpy as np

from echoes.io.arrays import Floats
from echoes.models.precision import PRECISION

#: From so many rows on, a Lanczos iteration finds the largest eigenvalues sooner.
FEWEST_LANCZOS = 4000


def largest_eigenvectors(
    matrix: Floats, most: int, *, fewest: int, fast: bool = False
) -> tuple[Floats, Floats]:
    """Find the largest eigenvalues in rising order, and their eigenvectors.

    Parameters
    ----------
    matrix
        (m, m) symmetric matrix.
    most
        How many are asked for.
    fewest
        Size of a matrix from which on a part of them is found alone; of a smaller one, all are.
    fast
        Whether a part may be found in single precision, see `_single_eigenvectors`.

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

        single = _single_eigenvectors(matrix, most) if fast else None
        if single is not None:
            return single
        values, vectors = eigh(matrix, subset_by_index=(len(matrix) - most, len(matrix) - 1))
        return values, vectors
    from scipy.sparse.linalg import eigsh

    # The start is fixed, so that the same matrix gives the same numbers.
    values, vectors = eigsh(matrix, most, v0=np.ones(len(matrix)))
    order = np.argsort(values)
    return values[order], vectors[:, order]


def _single_eigenvectors(matrix: Floats, most: int) -> tuple[Floats, Floats] | None:
    """Find `largest_eigenvectors` in single precision, or None if that will not do.

    In double precision, the matrix is then decomposed on the space of these vectors alone, which
    also shows how precise they are: Rayleigh-Ritz, Golub and Van Loan, "Matrix Computations",
    4th edition, Johns Hopkins University Press, 2013, section 8.3.
    """
    from scipy.linalg import eigh

    single, whole = matrix.astype(np.float32), (len(matrix) - most, len(matrix) - 1)
    found = eigh(single, subset_by_index=whole, overwrite_a=True, check_finite=False)[1]
    basis = np.linalg.qr(found.astype(np.float64))[0]
    image = matrix @ basis
    values, turned = np.linalg.eigh(basis.T @ image)
    vectors = basis @ turned
    off = np.linalg.norm(image @ turned - vectors * values)
    return (values, vectors) if off <= PRECISION * np.linalg.norm(values) else None

"""What a job takes as a function of the size of the data, fitted on measured jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from side_by_side.process import Record

Floats = npt.NDArray[np.float64]

POWERS = str.maketrans("²³", "23")


def _terms(names: Sequence[str], sizes: Floats) -> Floats:
    """Values of the constant and of each term, (points, 1 + terms), from columns n, N, G, A, T."""
    columns = dict(zip("nNGAT", sizes.T, strict=True))
    products = [
        np.prod(
            [columns[letter] ** (int(power) if power else 1) for letter, power in factors], axis=0
        )
        for factors in (re.findall(r"([A-Za-z])([23]?)", name.translate(POWERS)) for name in names)
    ]
    return np.column_stack([np.ones(len(sizes)), *products])


@dataclass(frozen=True)
class Cost:
    """A fitted model: a constant, and a factor of each term."""

    names: tuple[str, ...]
    factors: Floats
    off: float
    unseen: float | None

    def at(self, *size: float) -> float:
        """Cost at sizes n, N, G, A and T."""
        return float((_terms(self.names, np.array([size], dtype=np.float64)) @ self.factors)[0])

    def formula(self) -> str:
        """Write it down."""
        parts = zip(("", *self.names), self.factors, strict=True)
        return " + ".join(f"{factor:.2g} {name}".strip() for name, factor in parts if factor)


def exponent(jobs: Sequence[Record], what: str) -> float:
    """Power of n that a cost grows with between the two largest n, all else being the same.

    The jobs that are compared are those of the sizes that the first job has, but for n.
    """
    alike = [job for job in jobs if all(job[key] == jobs[0][key] for key in "NGAT")]
    one, other = sorted(alike, key=lambda job: float(job["n"]))[-2:]
    return float(np.log(other[what] / one[what]) / np.log(other["n"] / one["n"]))


def fit(jobs: Sequence[Record], names: Sequence[str], what: str) -> Cost:
    """Fit the cost of one stage's jobs, with the least sum of squared relative errors."""
    sizes = np.array([[job[key] for key in "nNGAT"] for job in jobs], dtype=np.float64)
    terms, measured = _terms(names, sizes), np.array([job[what] for job in jobs])

    def factors(rows: npt.NDArray[np.bool_]) -> Floats:
        relative = terms[rows] / measured[rows, None]
        length = np.maximum(np.linalg.norm(relative, axis=0), 1e-300)
        scaled: Floats = nnls(relative / length, np.ones(rows.sum()))[0]
        return scaled / length

    whole = factors(np.ones(len(jobs), dtype=np.bool_))
    largest = sizes[:, 0] == sizes[:, 0].max()
    unseen = None
    if (~largest).sum() > 1:
        error = terms[largest] @ factors(~largest) / measured[largest] - 1
        unseen = float(error[np.argmax(np.abs(error))])
    off = float(np.max(np.abs(terms @ whole / measured - 1)))
    return Cost(tuple(names), whole, off, unseen)

"""The scale of expression values: convert it to log2, and warn if the configured scale looks wrong.

The models expect means over cells of log2(1 + 10⁴·share). The share of a gene is the number of
its molecules (UMIs) in a cell, divided by the number of all molecules in the cell.
"""

from __future__ import annotations

import math

import numpy as np

from echoes.io.arrays import Floats
from echoes.screen.record import Screen

#: Base of the logarithm of each scale that the tables may have.
BASES = {"log2": 2.0, "ln": math.e, "log10": 10.0}

#: Sum of the values 10⁴·share over all genes of a cell.
TOTAL = 1e4

#: With fewer genes than this, the table may lack many of the molecules of a cell.
MANY_GENES = 5000

# Tables are rounded: smaller differences from 0 or from a whole number mean nothing.
_ROUNDING = 1e-6

# Up to this many times the total, a sum may come from cells that were scaled to another total
# than 10⁴, for instance to the median number of molecules.
_OTHER_TOTAL = 1.5

# What the control's genes add up to, as shares of the total. On the true scale it is 0.4 to 1
# for cells of 2,000 molecules or more. On a scale with too small a base it is 0.55 or less.
# (Cells with Poisson and with overdispersed counts, 18,000 genes with log-normal expression.)
_LOWEST_TRUE, _HIGHEST_FALSE, _HIGHEST_TRUE = 0.4, 0.55, 1.05


def to_log2(values: Floats, scale: str) -> Floats:
    """Convert logarithms, or differences of logarithms, to log2 units.

    Parameters
    ----------
    values
        Numbers of any shape.
    scale
        Scale of the values: ``log2``, ``ln`` or ``log10``.

    Returns
    -------
    array
        The values times log2 of the base; values in log2 are the given array.
    """
    return values if scale == "log2" else values * math.log2(BASES[scale])


def scale_warnings(screen: Screen, scale: str) -> list[str]:
    """List the signs that values are not means of log(1 + 10⁴·share) on the given scale.

    Signs that are found for any number of genes:

    - a control without any expression;
    - a negative value: log(1 + …) has none;
    - a value above log(1 + 10⁴), which is 13.29 in log2: this gene would have more than all
      molecules of a cell. Counts, or logarithms of counts or of counts per million, show up here;
    - raw counts: the control has whole numbers only, and one of them is above that limit;
    - a control whose genes add up to more than all molecules of a cell. Such a sum is
      Σ (2ˣ − 1) in log2. The mean of logarithms is never above the logarithm of the mean
      (Jensen's inequality), so on the true scale the sum is at most 10⁴, for a part of the
      genes too. Values in log2 that are said to be natural logarithms often show up here.

    With at least `MANY_GENES` genes: a control whose genes add up to far less than 10⁴ on the
    given scale but come near it as natural or decimal logarithms. Averaging logarithms makes the
    sum smaller, down to 0.4 · 10⁴ where cells have few molecules. So this is a sign, no proof:
    values in log2 of cells with few molecules can look like natural logarithms, if the table
    lacks many genes with high expression or if none is much higher than the others.

    What is not found: natural or decimal logarithms said to be log2, in a table with fewer
    genes or without the genes with the highest expression; differences (the table of truth) on
    another scale than the means; and a total that cells were scaled to below 1.5 · 10⁴.

    Parameters
    ----------
    screen
        The screen, after its values were converted to log2.
    scale
        The scale that the config gives for the tables: ``log2``, ``ln`` or ``log10``. The
        warnings name values as they are in the tables.

    Returns
    -------
    list of str
        One sentence or two for each sign; empty if there is none, or if the screen was read
        from differences, where the expression of the
        control is not known for all genes.
    """
    if np.isnan(screen.control).any():
        return []
    factor = math.log2(BASES[scale])
    control = screen.control / factor
    # What was not measured has no scale.
    responses = np.nan_to_num(screen.responses, nan=0.0)
    values = np.vstack([control, (screen.control + responses) / factor])
    rows = ["the control", *(f"perturbation {name}" for name in screen.perturbations.tolist())]
    warnings = []

    if not control.any():
        warnings.append(
            "the control has no expression: all of its values are 0. Are these differences to a "
            "control? Then name the table by `deltas:`."
        )
    if values.min() < -_ROUNDING:
        i, j = np.unravel_index(np.argmin(values), values.shape)
        warnings.append(
            f"gene {screen.genes[j]}, {rows[i]}: expression {values[i, j]:.4g} is the lowest "
            f"value below 0 ({np.count_nonzero(values < -_ROUNDING):,} of {values.size:,} are). "
            "The logarithm of 1 + 10^4 · share is at least 0. Are these differences to a control, "
            "or z-scores? The table of means must have expression values."
        )
    limit = math.log1p(TOTAL) / math.log(BASES[scale])
    too_high = values > limit + _ROUNDING
    if too_high.any():
        i, j = np.unravel_index(np.argmax(values), values.shape)
        warnings.append(
            f"gene {screen.genes[j]}, {rows[i]}: expression {values[i, j]:.4g} is the highest "
            f"value above {limit:.2f}, the {scale} of 1 + 10^4 ({np.count_nonzero(too_high):,} of "
            f"{values.size:,} are). No gene can have more than all molecules of a cell. Are these "
            "counts, logarithms of counts or of another total than 10^4, or is the scale another "
            "one? Set `dataset: scale:`, or convert the tables."
        )
    if control.max() > limit and (np.abs(control - np.round(control)) < _ROUNDING).all():
        warnings.append(
            f"the control has whole numbers only, up to {control.max():.6g}: these look like raw "
            f"counts, not {scale} of 1 + 10^4 · share. Divide the counts of each cell by their "
            "sum, multiply by 10^4, add 1, take the logarithm, and average over cells."
        )
    if not warnings and (warning := _total_warning(control, scale)):
        warnings.append(warning)
    return warnings


def _total_warning(control: Floats, scale: str) -> str | None:
    """Compare the sum over the control's genes with all molecules of a cell; None if it fits."""
    shares = {
        name: float(np.expm1(control * math.log(base)).sum()) / TOTAL
        for name, base in BASES.items()
    }
    order = list(BASES)
    given = order.index(scale)
    claimed = (
        f"the genes of the control add up to {shares[scale] * TOTAL:,.0f} molecules of 10^4 "
        f"if the values are {scale}"
    )

    def likely(names: list[str]) -> str | None:
        fits = [name for name in names if _LOWEST_TRUE <= shares[name] <= _HIGHEST_TRUE]
        return max(fits, key=shares.__getitem__, default=None)

    smaller, larger = likely(order[:given]), likely(order[given + 1 :])
    if shares[scale] > _HIGHEST_TRUE and smaller is not None:
        return (
            f"{claimed}, more than a cell has, and to {shares[smaller] * TOTAL:,.0f} if they are "
            f"{smaller}. If they are {smaller}, set `dataset: scale: {smaller}`."
        )
    if shares[scale] > _OTHER_TOTAL:
        return (
            f"{claimed}, more than a cell has. Are these logarithms of counts or of another total "
            "than 10^4, such as counts per million? Convert the tables, or set `dataset: scale:`."
        )
    if len(control) >= MANY_GENES and shares[scale] < _HIGHEST_FALSE and larger is not None:
        return (
            f"{claimed}, but to {shares[larger] * TOTAL:,.0f} if they are {larger}: they look "
            f"like {larger}. If they are {larger}, set `dataset: scale: {larger}`; if the control "
            "lacks the genes with the highest expression, there is nothing to do."
        )
    return None

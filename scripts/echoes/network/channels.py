"""Combine the scores of STRING's channels by STRING's own formula.

A channel is a kind of evidence for a link, such as experiments or co-expression. Source: von
Mering et al. 2005, https://doi.org/10.1093/nar/gki005, and "How are the scores computed?" in
https://string-db.org/help/faq/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from echoes.io.arrays import Floats
from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath

#: Names of the channels as in STRING's ``links.full``, in the order in which STRING multiplies.
CHANNELS = (
    "neighborhood",
    "fusion",
    "cooccurence",  # spelled so in STRING's files
    "coexpression",
    "experiments",
    "database",
    "textmining",
)
#: Probability that STRING gives to two proteins of which nothing is known.
PRIOR = 0.041
#: STRING writes a probability of 1 as this score.
FULL_SCORE = 1000

_HOMOLOGY = "homology"
#: Two similar proteins share these kinds of evidence only because they are similar.
_CORRECTED = ("cooccurence", "textmining")
#: ``links.detailed`` has another name for a channel of ``links.full``.
_SPELLINGS = {"experiments": ("experiments", "experimental")}

Scores = npt.NDArray[np.integer]


def channel_columns(
    path: StrPath, header: Sequence[str], channels: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Find the columns of chosen channels in a table of STRING's.

    Parameters
    ----------
    path
        The table, for the error message.
    header
        Names of its columns.
    channels
        Names of channels; see `CHANNELS`.

    Returns
    -------
    dict
        For each channel its columns: direct evidence and, in ``links.full``, evidence that was
        transferred from other species. The entry ``homology`` is there if its column is.

    Raises
    ------
    InputError
        When a channel does not exist or has no column.
    """
    columns: dict[str, tuple[str, ...]] = {}
    for channel in channels:
        if channel not in CHANNELS:
            raise InputError(
                path,
                "",
                f"STRING has no channel {channel}",
                expected=", ".join(CHANNELS),
                remedy="Correct `channels:` of this network.",
            )
        names = _SPELLINGS.get(channel, (channel,))
        present = tuple(
            column for name in names for column in (name, f"{name}_transferred") if column in header
        )
        if not present:
            raise InputError(
                path,
                "line 1",
                f"no column for channel {channel}; there are {abbreviate(header)}",
                expected="STRING's links.full or links.detailed, which have the channels",
                remedy="Fetch that file, or leave out `channels:`.",
            )
        columns[channel] = present
    if _HOMOLOGY in header:
        columns[_HOMOLOGY] = (_HOMOLOGY,)
    return columns


def recombine(scores: Mapping[str, Sequence[Scores]]) -> npt.NDArray[np.int32]:
    """Combine the scores of channels.

    With s a score divided by 1000 and p the prior, s' = max(s − p, 0) / (1 − p) is what a
    channel adds to the prior. Direct and transferred evidence of a channel are combined first:
    1 − Π(1 − s'). Co-occurrence and text mining are then multiplied by 1 − homology / 1000,
    where homology is known. The channels combine to c = (1 − Π(1 − s'))·(1 − p) + p.

    Parameters
    ----------
    scores
        For each channel the scores of m pairs, 0 … 1000, one array for each of its columns, as
        `channel_columns` names them; and ``homology``, if there is such a column.

    Returns
    -------
    array
        (m,) combined scores ⌊1000·c⌋, 0 … 1000. Where all channels are 0 there is no evidence,
        and the score is 0 instead of the prior.
    """
    chosen = [channel for channel in CHANNELS if channel in scores]
    if not chosen:
        raise ValueError("no channel to combine")
    rest: Floats = np.ones(len(scores[chosen[0]][0]))
    evidence = np.zeros(len(rest), dtype=bool)
    for channel in chosen:
        missing: Floats = np.ones(len(rest))
        for column in scores[channel]:
            missing *= 1 - (np.maximum(column / FULL_SCORE, PRIOR) - PRIOR) / (1 - PRIOR)
            evidence |= column > 0
        if channel in _CORRECTED and _HOMOLOGY in scores:
            similar = scores[_HOMOLOGY][0] / FULL_SCORE
            rest *= 1 - (1 - missing) * (1 - similar)
        else:
            rest *= 1 - (1 - missing)
    combined = np.floor(FULL_SCORE * ((1 - rest) * (1 - PRIOR) + PRIOR))
    return np.where(evidence, combined, 0).astype(np.int32)

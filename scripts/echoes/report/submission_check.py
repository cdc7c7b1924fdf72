"""Check a submission file against the sample submission, and report all faults at once."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from echoes.io.errors import InputError, abbreviate
from echoes.io.files import StrPath
from echoes.io.tables import read_header, read_matrix, repeated
from echoes.io.text import open_text
from echoes.report.submission import check_against_sample

_REMEDY = "Correct the submission; its rows and columns must be those of the sample."


@dataclass(frozen=True)
class SubmissionCheck:
    """What is wrong with a submission.

    Parameters
    ----------
    faults
        One error for each kind of fault; none when the submission is valid.
    rows, genes
        How many rows and genes the sample has.
    """

    faults: list[InputError]
    rows: int
    genes: int


@dataclass
class _Content:
    """What stands in a submission: names, and the places of unusable lines and cells."""

    header: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    uneven: list[str] = field(default_factory=list)
    not_numbers: list[str] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)


def check_submission(sample: StrPath, submission: StrPath) -> SubmissionCheck:
    """Compare a submission with the sample submission.

    Parameters
    ----------
    sample
        The sample submission: its first column has the ids, each further one is a gene.
    submission
        The submission, plain or gzip-compressed.

    Returns
    -------
    SubmissionCheck
        All faults: ids and genes that are missing, not in the sample, repeated or in another
        order; lines with too few or too many fields; cells that are no finite number.

    Raises
    ------
    InputError
        When the sample itself cannot be read.
    """
    row_names = read_header(sample)[0]
    expected = read_matrix(sample, row_names)
    faults: list[InputError] = []
    content = _Content()
    try:
        _read(submission, row_names, len(expected.columns), content)
    except InputError as error:
        faults.append(error)
    else:
        place = "line 1"
        if content.header[0] != row_names:
            faults.append(_fault(submission, place, repr(content.header[0]), f"{row_names!r}"))
        genes = [name for name in content.header if name != row_names]
        if row_names not in content.header:
            genes = genes[1:]
        place = f"column {row_names}"
        faults += _compare_names(submission, place, "ids", content.ids, expected.rows)
        faults += _compare_names(submission, "line 1", "genes", genes, expected.columns)
        faults += _place_fault(
            submission, content.uneven, "lines", f"{len(content.header)} fields, as in line 1"
        )
        for cells in (content.not_numbers, content.not_finite):
            faults += _place_fault(submission, cells, "cells", "a finite number in each cell")
    if not faults:
        # The strict readers have the last word.
        try:
            check_against_sample(sample, read_matrix(submission, row_names), row_names)
        except InputError as error:
            faults.append(error)
    return SubmissionCheck(faults, len(expected.rows), len(expected.columns))


def _records(path: StrPath) -> Iterator[tuple[int, list[str]]]:
    """Read the fields of each line that is not blank, with the line's number."""
    with open_text(path) as text:
        reader = csv.reader(text)
        for record in reader:
            if record:
                yield reader.line_num, record


def _read(path: StrPath, row_names: str, n_genes: int, content: _Content) -> None:
    """Read names, and look at each cell; one line is in memory at a time."""
    line = 1
    try:
        for line, record in _records(path):
            if not content.header:
                content.header = record
                _require_commas(path, record, n_genes)
                at_id = record.index(row_names) if row_names in record else 0
            else:
                content.ids.append(record[at_id] if at_id < len(record) else "")
                _look_at(record, line, at_id, content)
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            path,
            f"line {line} or near it",
            f"cannot be read ({error})",
            expected="a complete table in UTF-8",
            remedy="Write the submission again.",
        ) from error
    if not content.header:
        raise _fault(path, "", "the file is empty", "a line of column names, and rows")


def _require_commas(path: StrPath, header: Sequence[str], n_genes: int) -> None:
    """Check that the first line is split at commas: all else would be wrong too."""
    if len(header) == 1 and n_genes:
        problem = f"one column, {abbreviate([header[0][:40]])!r}"
        raise _fault(path, "line 1", problem, f"{n_genes + 1} columns separated by commas")


def _look_at(record: Sequence[str], line: int, at_id: int, content: _Content) -> None:
    """Note what is unusable in a line."""
    if len(record) != len(content.header):
        content.uneven.append(f"line {line} ({len(record)} fields)")
        return
    cells = [*record[:at_id], *record[at_id + 1 :]]
    try:
        if np.isfinite(np.array(cells, dtype=np.float64)).all():
            return
    except ValueError:
        pass
    genes = [*content.header[:at_id], *content.header[at_id + 1 :]]
    for gene, cell in zip(genes, cells, strict=True):
        place = f"{cell!r} in column {gene}, row {record[at_id]}"
        try:
            if not np.isfinite(float(cell)):
                content.not_finite.append(place)
        except ValueError:
            content.not_numbers.append(place)


def _compare_names(
    path: StrPath, place: str, kind: str, names: Sequence[str], expected: Sequence[str]
) -> list[InputError]:
    """List what differs between the names of a submission and those of the sample."""
    present, wanted = set(names), set(expected)
    sample = f"the {len(expected)} {kind} of the sample"
    missing = [name for name in expected if name not in present]
    further = [name for name in dict.fromkeys(names) if name not in wanted]
    twice = repeated(names)
    faults = [
        _fault(path, place, f"{what}: {abbreviate(listed)}", sample)
        for listed, what in (
            (missing, f"missing {kind}"),
            (further, f"{kind} that are not in the sample"),
            (twice, f"repeated {kind}"),
        )
        if listed
    ]
    common = [name for name in dict.fromkeys(names) if name in wanted]
    in_order = [name for name in expected if name in present]
    for one, other in zip(common, in_order, strict=True):
        if one != other:
            problem = f"{kind} in another order: {one!r} stands where {other!r} should"
            faults.append(_fault(path, place, problem, f"the order of {sample}"))
            break
    return faults


def _place_fault(
    path: StrPath, places: Sequence[str], what: str, expected: str
) -> list[InputError]:
    """Make one fault of all unusable lines or cells."""
    if not places:
        return []
    problem = f"unusable {what}: {abbreviate(places)}"
    return [_fault(path, "", problem, expected)]


def _fault(path: StrPath, place: str, problem: str, expected: str) -> InputError:
    return InputError(path, place, problem, expected=expected, remedy=_REMEDY)

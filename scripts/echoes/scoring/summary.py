"""Common parts of the summaries of both protocols: command-line options, and the JSON record."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from echoes.io.files import StrPath, load_record, save_record


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `aggregate_folds.py` and `aggregate_held_out.py` have in common."""
    parser.add_argument("--perturbations", required=True, help="npz of the screen")
    parser.add_argument("--settings", required=True, help="json of the experiment's settings")
    parser.add_argument("--records", nargs="+", required=True, help="name=json of earlier stages")
    parser.add_argument("--oof", required=True, help="table of out-of-fold predictions")
    parser.add_argument("--scores", required=True, help="table of each perturbation's scores")
    parser.add_argument("--summary", required=True, help="json of the experiment's results")
    parser.add_argument("--predictions", required=True, help="npz of all predictions")


def save_summary(
    path: StrPath,
    settings: Mapping[str, Any],
    results: Mapping[str, Any],
    records: Sequence[str],
    packages: Sequence[str],
) -> None:
    """Write an experiment's summary: settings, results, records of earlier stages and versions.

    Parameters
    ----------
    path
        Where the summary, a JSON file, is written.
    settings
        The experiment's settings, with its name as ``experiment``.
    results
        Results; values that JSON can represent.
    records
        ``name=path`` of the JSON records of earlier stages, which are copied into the summary.
    packages
        Python packages whose versions are recorded.
    """
    named_paths = dict(record.split("=", 1) for record in records)
    save_record(
        path,
        {
            "experiment": settings["experiment"],
            "settings": settings,
            **results,
            **{name: load_record(record) for name, record in named_paths.items()},
            "versions": {"python": platform.python_version()}
            | {name: version(name) for name in packages},
        },
        # Data set, experiment, file.
        3,
    )

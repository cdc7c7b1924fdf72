"""Where predictions come from: what a file says of its origin when it leaves the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Version of echoes, as in pyproject.toml.
VERSION = "0.1.0"

#: Name of the control cells where the data set has none, or several names for them.
CONTROL = "non-targeting"

# What identifies an input file; the rest of a receipt depends on when it was downloaded.
_IDENTITY = ("path", "source", "sha256")


def provenance(dataset: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what identifies predictions: the program, the data set, its files, all settings.

    Parameters
    ----------
    dataset
        Name of the data set.
    summary
        The experiment's ``summary.json``. Nothing is taken of it that differs between two runs of
        the same settings and files, such as times.

    Returns
    -------
    dict
        Texts, and values that JSON can represent. ``inputs`` has the path or URL and the SHA-256
        of each file that was read: the tables of the data set, and those of the network.
    """
    files = {
        **summary["dataset"]["inputs"],
        **{
            name: record
            for name, record in summary.items()
            if isinstance(record, Mapping) and "sha256" in record
        },
    }
    return {
        "program": f"echoes {VERSION}",
        "dataset": dataset,
        "experiment": summary["experiment"],
        "protocol": summary["settings"]["protocol"],
        "units": "log2 expression minus that of the control",
        "settings": summary["settings"],
        "inputs": {
            name: {key: record[key] for key in _IDENTITY if key in record}
            for name, record in files.items()
        },
        "versions": summary["versions"],
    }


def control_name(summary: Mapping[str, Any]) -> str:
    """Name of the control cells: that in the data set, if it is a single one, or `CONTROL`."""
    names = summary["dataset"].get("control") or []
    names = [names] if isinstance(names, str) else names
    return names[0] if len(names) == 1 and "*" not in names[0] else CONTROL

"""Checks that a schema cannot do: old keys, a mixture with the example's files, missing files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from echoes.io.download import has_secret, hide_secrets
from echoes.plan import asked
from echoes.plan.datasets import LAYOUTS
from echoes.plan.networks import Network
from echoes.plan.settings import ConfigError

#: What stands for folders in a path.
_FOLDERS = ("<results>/", "<resources>/")

#: Folder of the embedded example.
EXAMPLE = "<results>/simulated/"

#: Keys of earlier versions → what replaces them.
_RENAMED = {
    ("string",): "`networks: {string: …}` with the keys species, version, links, info, checksums",
    ("network",): "`networks: {string: …}` with score_threshold, self_loop, edge_multiplicity",
    ("diffusion", "shuffle"): "a network, `networks: {rewired: {of: string, shuffle: "
    "links}}`, and its name in the experiment: `network: rewired`",
    ("dataset", "guide_separator"): "`dataset: {guides: {separator: …}}`",
    ("echo", "inner_folds"): "`inner_crossval: {folds: …}`",
}


def check_renamed(config: Mapping[str, Any]) -> None:
    """Refuse keys of earlier versions; the message names the keys that replace them.

    Raises
    ------
    ConfigError
        When there is such a key.
    """
    experiments = config.get("experiments")
    experiments = experiments if isinstance(experiments, Mapping) else {}
    parts = [("", config)]
    parts += [(f"experiments: {name}: ", each) for name, each in experiments.items()]
    for place, part in parts:
        for keys, replacement in _RENAMED.items():
            value: Any = part
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            # `network: <name>` in an experiment is not the old section.
            named = bool(place) and keys == ("network",) and isinstance(value, str)
            if value is not None and not named:
                raise ConfigError(
                    place + ": ".join(keys),
                    "this key is no longer used",
                    expected=replacement,
                    remedy="config/README.md explains all keys.",
                )


def table_paths(config: Mapping[str, Any]) -> dict[str, str | None]:
    """List the tables of the data set and of the submission, by their keys; None if not set."""
    dataset = config["dataset"]
    keys = (*LAYOUTS, "truth", "control_expression")
    tables = {f"dataset: {key}": dataset[key] for key in keys}
    tables["dataset: validation"] = asked.table(dataset)
    tables["dataset: guides: table"] = dataset["guides"]["table"]
    return {**tables, "submission: sample": config["submission"]["sample"]}


def check_example(config: Mapping[str, Any], networks: Mapping[str, Network]) -> None:
    """Refuse files of the embedded example in another configuration, or mixed with others.

    Raises
    ------
    ConfigError
        When there are both, or nothing says how large the example is; the message names keys.
    """
    paths = table_paths(config)
    for name, network in networks.items():
        keys = {"string": ("links", "info"), "edges": ("edges",)}.get(network.kind, ())
        paths |= {
            f"networks: {name}: {key}": network.settings[key] or "STRING's server" for key in keys
        }
    # Where results are not elsewhere, a path may name their folder itself.
    folders = (EXAMPLE, "results/simulated/")
    made = [key for key, path in paths.items() if path and path.startswith(folders)]
    if made and not config.get("simulation"):
        raise ConfigError(
            made[0],
            f"{paths[made[0]]} is a file of the embedded example, which this configuration is not",
            expected="a file of your own",
            remedy="`python scripts/simulate_example.py --folder data` writes the same files into "
            "a folder of yours.",
        )
    example = [f"`{key}`" for key, path in paths.items() if path and path.startswith(EXAMPLE)]
    other = [f"`{key}`" for key, path in paths.items() if path and not path.startswith(EXAMPLE)]
    if example and other:
        raise ConfigError(
            f"{', '.join(example)}",
            f"still the embedded example's, while {', '.join(other)} is not"
            if len(other) == 1
            else f"still the embedded example's, while {', '.join(other)} are not",
            expected="files of the example only, or none of them",
            remedy="Name your own files, or set a key to null. config/own.yaml is a start.",
        )


def check_names(settings: Mapping[str, Any]) -> None:
    """Refuse one column of a table of names without the other.

    Raises
    ------
    ConfigError
        When `settings`, the section ``names``, has only one of the two columns, or no table.
    """
    columns = [key for key in ("name", "symbol") if settings[key] is not None]
    missing = [key for key in ("name", "symbol", "table") if settings[key] is None]
    if columns and missing:
        raise ConfigError(
            "names",
            f"`{columns[0]}:` without `{missing[0]}:`",
            expected="`table:` alone, or with both `name:` and `symbol:`",
            remedy=f"Set `{missing[0]}:`, or remove `{columns[0]}:`.",
        )


def _scheme(path: str, key: str) -> str:
    """Return the scheme of a URL, or nothing for a path; check that Snakemake can take it."""
    try:
        parts = urlsplit(path)
        usable = parts.scheme not in ("http", "https", "ftp") or bool(parts.hostname)
        # Reading the port checks it.
        usable = usable and (parts.port is None or parts.port > 0) and path.isprintable()
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            key,
            repr(path),
            expected="a path, or a URL with a server, such as https://example.org/table.gz",
            remedy="Correct it.",
        )
    if re.search(r"[{}<>]", re.sub(r"^<\w+>/", "", path)) or (
        path.startswith("<") and not path.startswith(_FOLDERS)
    ):
        raise ConfigError(
            key,
            f"{path} has braces or angle brackets, which Snakemake takes for names to replace",
            expected=f"none of them but {', '.join(_FOLDERS)} at the beginning",
            remedy="Rename the file.",
        )
    return parts.scheme


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        # Such as a name that is too long.
        return False


def local_file(
    path: str | None, key: str, *, remedy: str, urls: bool = False, stored: bool = False
) -> list[str]:
    """List the local file that a setting names; the list is empty if it names none.

    Parameters
    ----------
    path
        The value of the setting.
    key
        Its key in the configuration, for messages.
    remedy
        What to do if the file is missing, for messages.
    urls
        Whether the value may be a URL, which is no local file.
    stored
        Whether files are in an object store, where this function cannot look for them.

    Raises
    ------
    ConfigError
        When the value is not a local path, or the file is missing. So a missing file is reported
        before any job runs.
    """
    scheme = _scheme(path or "", key)
    if path and "://" in path and has_secret(path):
        raise ConfigError(
            key,
            f"{hide_secrets(path)} has a password or a token, which logs would repeat",
            expected="a URL without one",
            remedy="Write ${NAME} in its place, for a variable of the environment, or keep user "
            "and password of this server in ~/.netrc.",
        )
    if not path or (urls and scheme in ("http", "https", "ftp")):
        return []
    if scheme == "file":
        path = unquote(urlsplit(path).path)
    elif len(scheme) > 1:
        raise ConfigError(
            key,
            f"{path} names no local file",
            expected="the path of one",
            remedy="Download the file, and set the path of your copy.",
        )
    # A command would take it for an option.
    path = f"./{path}" if path.startswith("-") else path
    # A rule writes the files below <results>: they may not exist yet.
    if not path.startswith("<") and not stored and not _is_file(path):
        raise ConfigError(
            key, f"{path}: there is no such file", expected="the path of a file", remedy=remedy
        )
    return [path]

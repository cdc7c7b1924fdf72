"""What no schema can check: old keys, files of the example among others, files that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from echoes.plan.networks import Network
from echoes.plan.settings import ConfigError

#: Where the embedded example stands.
EXAMPLE = "<results>/simulated/"

#: Keys of earlier versions, and what has taken their place.
_RENAMED = {
    ("string",): "`networks: {string: …}` with the keys species, version, links, info, checksums",
    ("network",): "`networks: {string: …}` with score_threshold, self_loop, edge_multiplicity",
    ("diffusion", "shuffle"): "a network of its own, `networks: {rewired: {of: string, shuffle: "
    "links}}`, which an experiment names: `network: rewired`",
    ("echo", "inner_folds"): "`inner_crossval: {folds: …}`",
}


def check_renamed(config: Mapping[str, Any]) -> None:
    """Refuse keys of earlier versions, and name those that have taken their place.

    Raises
    ------
    ConfigError
        When there is one.
    """
    experiments = config.get("experiments")
    experiments = experiments if isinstance(experiments, Mapping) else {}
    parts = [("", config)]
    parts += [(f"experiments: {name}: ", each) for name, each in experiments.items()]
    for place, part in parts:
        for keys, now in _RENAMED.items():
            value: Any = part
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            # An experiment names its network; that is no old key.
            named = bool(place) and keys == ("network",) and isinstance(value, str)
            if value is not None and not named:
                raise ConfigError(
                    place + ": ".join(keys),
                    "this key is gone",
                    expected=now,
                    remedy="config/README.md explains all keys.",
                )


def check_example(config: Mapping[str, Any], networks: Mapping[str, Network]) -> None:
    """Refuse a configuration that takes some of its files from the embedded example only.

    Raises
    ------
    ConfigError
        When there are both kinds.
    """
    paths = {f"dataset: {key}": config["dataset"][key] for key in ("means", "truth", "validation")}
    paths["submission: sample"] = config["submission"]["sample"]
    for name, network in networks.items():
        if network.shuffle is None:
            paths |= {
                f"networks: {name}: {key}": network.settings[key] or "STRING's server"
                for key in ("links", "info")
            }
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


def local_file(
    path: str | None, key: str, *, remedy: str, urls: bool = False, stored: bool = False
) -> list[str]:
    """Give the local file that a setting names, as a list that is empty where it names none.

    Parameters
    ----------
    path
        The setting.
    key
        The key that it stands under, for messages.
    remedy
        What to do where the file is missing.
    urls
        Whether it may be a URL, which is no local file.
    stored
        Whether files are in an object store, where they cannot be looked for.

    Raises
    ------
    ConfigError
        When it names none, or the file is missing. Looked for here, a missing file is told before
        anything runs.
    """
    scheme = urlsplit(path or "").scheme
    if not path or (urls and scheme in ("http", "https", "ftp")):
        return []
    if scheme == "file":
        path = unquote(urlsplit(path).path)
    elif len(scheme) > 1:
        raise ConfigError(
            key,
            f"{path} names no local file",
            expected="the path of one",
            remedy="Download it and name its path.",
        )
    # A file below <results> is made by a rule, and need not be there yet.
    if not path.startswith("<") and not stored and not Path(path).is_file():
        raise ConfigError(
            key, f"{path}: there is no such file", expected="the path of a file", remedy=remedy
        )
    return [path]

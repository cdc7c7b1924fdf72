"""Which experiments differ in nothing but a null network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: Settings of a member that follow from its network, or name it.
_OF_NETWORK = ("kernels", "features_file", "network")


def find_twins(summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Find the twins of each experiment.

    Parameters
    ----------
    summaries
        ``summary.json`` of each held-out experiment.

    Returns
    -------
    dict
        Experiment → the experiments with the same settings on its network shuffled, and how it is
        shuffled: ``links`` or ``labels``.
    """
    described = {
        name: (_networks(one["settings"]), _rest(one["settings"]))
        for name, one in summaries.items()
    }
    twins: dict[str, dict[str, str]] = {}
    for name, (networks, rest) in described.items():
        real = [network["name"] for network in networks]
        if not networks or any(network.get("shuffle") for network in networks):
            continue
        twins[name] = {
            other: theirs[0]["shuffle"]
            for other, (theirs, their_rest) in described.items()
            if their_rest == rest
            and [network.get("of") for network in theirs] == real
            and len({network.get("shuffle") for network in theirs}) == 1
        }
    return twins


def is_null(summary: Mapping[str, Any]) -> bool:
    """Say whether an experiment is on a shuffled network."""
    return any(network.get("shuffle") for network in _networks(summary["settings"]))


def networks_of(summary: Mapping[str, Any]) -> list[str]:
    """List the networks of an experiment; in the place of a shuffled one that which it shuffles."""
    names = [one.get("of") or one["name"] for one in _networks(summary["settings"])]
    return list(dict.fromkeys(names))


def _members(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(settings["members"].values()) if "members" in settings else [settings]


def _networks(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [member["network"] for member in _members(settings) if member.get("network")]


def _rest(settings: Mapping[str, Any]) -> str:
    """Write the settings without networks and names, so that those of twins are the same text."""
    members = [
        {key: value for key, value in member.items() if key not in _OF_NETWORK}
        for member in _members(settings)
    ]
    for member in members:
        member.pop("experiment", None)
    outer = {k: v for k, v in settings.items() if k not in {"experiment", "members", *_OF_NETWORK}}
    return json.dumps([outer if "members" in settings else {}, members], sort_keys=True)

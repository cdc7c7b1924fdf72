"""Which networks an experiment learns from, by its summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_null(summary: Mapping[str, Any]) -> bool:
    """Say whether an experiment is on a shuffled network."""
    return any(network.get("shuffle") for network in _networks(summary["settings"]))


def networks_of(summary: Mapping[str, Any]) -> list[str]:
    """List the networks of an experiment; in the place of a shuffled one that which it shuffles."""
    names = [one.get("of") or one["name"] for one in _networks(summary["settings"])]
    return list(dict.fromkeys(names))


def _networks(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    members = list(settings["members"].values()) if "members" in settings else [settings]
    return [member["network"] for member in members if member.get("network")]

"""Named networks: what each is made of, and which of their files they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from echoes.plan.settings import ConfigError, Settings

#: Settings of a network that say which files of STRING it is made of.
_SOURCE = ("species", "version", "links", "info", "checksums")


@dataclass(frozen=True)
class Network:
    """A network of the configuration.

    Parameters
    ----------
    name
        Its name, and its folder's.
    settings
        How it is made.
    of
        The network whose genes it has: itself, or the one that it shuffles.
    source
        The network whose downloads it is made of: the first one with the same files.
    shuffle
        ``links`` or ``labels`` where it is a null network, else None.
    """

    name: str
    settings: Settings = field(hash=False)
    of: str
    source: str
    shuffle: str | None = None

    @property
    def graph(self) -> str:
        """The network whose adjacency matrix it has: labels are shuffled after the diffusion."""
        return self.name if self.shuffle == "links" else self.of


def read_networks(settings: Mapping[str, Any], seed: int) -> dict[str, Network]:
    """Make the networks of a complete configuration.

    Parameters
    ----------
    settings
        Settings of each network by its name.
    seed
        Seed of the shuffling.

    Raises
    ------
    ConfigError
        When a network is made from one that is not there, or that is itself shuffled.
    """
    networks: dict[str, Network] = {}
    sources: dict[str, str] = {}
    of_links = {name: own for name, own in settings.items() if "of" not in own}
    for name, own in settings.items():
        if name in of_links:
            key = repr([own[key] for key in _SOURCE])
            networks[name] = Network(name, dict(own), name, sources.setdefault(key, name))
    for name, own in settings.items():
        if name in of_links:
            continue
        base = own["of"]
        if base not in of_links:
            raise ConfigError(
                f"networks: {name}: of",
                f"{base} is shuffled itself" if base in settings else f"there is no {base}",
                expected=f"a network that is made of links: {', '.join(of_links) or 'add one'}",
                remedy="Correct the name.",
            )
        networks[name] = Network(
            name, {**own, "seed": seed}, base, networks[base].source, own["shuffle"]
        )
    # In the order of the configuration: the first one is that of experiments that name none.
    return {name: networks[name] for name in settings}

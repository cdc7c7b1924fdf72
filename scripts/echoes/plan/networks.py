"""The networks of a configuration, and the files that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from echoes.plan.settings import ConfigError, Settings

#: Settings of a network that determine its files of STRING.
_SOURCE = ("species", "version", "links", "info", "checksums")


@dataclass(frozen=True)
class Network:
    """A network of the configuration.

    Parameters
    ----------
    name
        Name of the network and of its folder.
    settings
        Its settings, as in the configuration.
    unshuffled
        Name of the network that is shuffled; its name if it is not a null network.
    source
        Name of the network whose downloaded files it uses: the first one with the same files.
    shuffle
        ``links`` or ``labels`` where it is a null network, else None.
    """

    name: str
    settings: Settings = field(hash=False)
    unshuffled: str
    source: str
    shuffle: str | None = None

    @property
    def graph(self) -> str:
        """Network whose adjacency matrix it uses: labels are shuffled only after the diffusion."""
        return self.name if self.shuffle == "links" else self.unshuffled


def read_networks(settings: Mapping[str, Any], seed: int) -> dict[str, Network]:
    """Read the networks of a configuration that has all defaults.

    Parameters
    ----------
    settings
        Settings of the networks by name.
    seed
        Seed for shuffling.

    Raises
    ------
    ConfigError
        When a network shuffles one that does not exist, or that is shuffled itself.
    """
    networks: dict[str, Network] = {}
    sources: dict[str, str] = {}
    of_links = {name: network for name, network in settings.items() if "of" not in network}
    for name, network in of_links.items():
        key = repr([network[key] for key in _SOURCE])
        networks[name] = Network(name, dict(network), name, sources.setdefault(key, name))
    for name, network in settings.items():
        if name in of_links:
            continue
        base = network["of"]
        if base not in of_links:
            raise ConfigError(
                f"networks: {name}: of",
                f"{base} is shuffled itself" if base in settings else f"there is no {base}",
                expected=f"a network that is made of links: {', '.join(of_links) or 'add one'}",
                remedy="Correct the name.",
            )
        networks[name] = Network(
            name, {**network, "seed": seed}, base, networks[base].source, network["shuffle"]
        )
    # In the order of the configuration: experiments without `network:` have the first one.
    return {name: networks[name] for name in settings}

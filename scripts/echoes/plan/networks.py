"""The networks of a configuration, and the files that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from echoes.plan import paths
from echoes.plan.settings import COMBINATIONS, ConfigError, Settings, kind_of_network, nearest

#: Paths among the settings of networks; the records have the checksums of these files instead.
_PATHS = ("links", "info", "aliases", "checksums", "edges")
#: Settings of the graph; all others determine the links that are read.
_OF_GRAPH = ("self_loop", "edge_multiplicity")
#: Settings that determine what is read of STRING's tables.
_READING_STRING = ("score_threshold", "channels")


@dataclass(frozen=True)
class Network:
    """A network of the configuration.

    Parameters
    ----------
    name
        Name of the network and of its folder.
    settings
        Its settings, as in the configuration.
    kind
        ``string``, ``edges``, ``combined`` or ``shuffled``.
    unshuffled
        Name of the network that is shuffled; its name if it is not a null network.
    source
        Name of the network whose links it uses: the first one that reads or combines the same.
    tables
        Of a network of STRING: for each of its tables the name of the network in whose folder it
        is, the first one with the same file. ``aliases`` is there only if the table is used.
    parts
        Names of the networks that it combines, and the weight of each.
    part_sources
        Names of the networks whose links these use.
    aliases
        Name of the network in whose folder STRING's table of aliases is, if names of genes are
        looked up in it; else None.
    shuffle
        ``links`` or ``labels`` where it is a null network, else None.
    """

    name: str
    settings: Settings = field(hash=False)
    kind: str
    unshuffled: str
    source: str
    tables: Mapping[str, str] = field(default_factory=dict, hash=False)
    parts: Mapping[str, float] = field(default_factory=dict, hash=False)
    part_sources: tuple[str, ...] = ()
    aliases: str | None = None
    shuffle: str | None = None

    @property
    def graph(self) -> str:
        """Network whose adjacency matrix it uses: labels are shuffled only after the diffusion."""
        return self.name if self.shuffle == "links" else self.unshuffled

    @property
    def how(self) -> str:
        """How it combines its parts: ``union``, ``intersection`` or ``mean``."""
        return next(how for how in COMBINATIONS if how in self.settings)

    def argument(self, key: str) -> Any:
        """One of its settings as an argument of a command; null is none."""
        value = self.settings[key]
        return [] if value is None else value

    def diffusion_files(self, alphas: Sequence[float]) -> list[str]:
        """Paths of its diffusions, one for each restart parameter, in order."""
        return [paths.network_file(self.graph, f"diffusion/alpha~{alpha}.npz") for alpha in alphas]

    def links_file(self, ending: str) -> str:
        """Path of its links (``npz``), or of their record (``json``)."""
        return paths.network_file(self.source, f"links.{ending}")

    def part_files(self, ending: str) -> list[str]:
        """Paths of the links, or the records, of the networks that it combines."""
        return [paths.network_file(part, f"links.{ending}") for part in self.part_sources]

    def unshuffled_file(self, file: str) -> str:
        """Path of a file of the network that it shuffles, or of its own."""
        return paths.network_file(self.unshuffled, file)

    def table_file(self, table: str, ending: str) -> str:
        """Path of a table of STRING (``txt``), or of its receipt (``json``)."""
        return paths.network_file(self.tables[table], f"source/{table}.{ending}")

    def string_source(self, table: str) -> str:
        """URL or path of a table of STRING: ``links``, ``info`` or ``aliases``."""
        return str(self.settings[table] or paths.string_url(self.settings, table))


def read_networks(
    settings: Mapping[str, Any], seed: int, *, table_of_names: bool = False
) -> dict[str, Network]:
    """Read the networks of a configuration that has all defaults.

    Parameters
    ----------
    settings
        Settings of the networks by name.
    seed
        Seed for shuffling.
    table_of_names
        Whether names of genes are looked up in a table instead of STRING's aliases.

    Raises
    ------
    ConfigError
        When a network shuffles or combines one that does not exist or is shuffled itself, or
        networks combine each other.
    """
    networks = _Networks(settings, seed, table_of_names)
    # In the order of the configuration: experiments without `network:` have the first one.
    return {name: networks.get(name) for name in settings}


class _Networks:
    """Reads networks, each after those that it is made of."""

    def __init__(self, settings: Mapping[str, Any], seed: int, table_of_names: bool) -> None:
        self.settings = settings
        self.seed = seed
        self.table_of_names = table_of_names
        self.found: dict[str, Network] = {}
        # Files and links by all that determines them → the first network that has them.
        self.tables: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        # Files belong to the first network of the configuration, whatever is made of it.
        for name, network in settings.items():
            if kind_of_network(network) == "string":
                self.find_tables(name, network)

    def get(self, name: str, above: tuple[str, ...] = ()) -> Network:
        """Read a network, on the way from the networks that are made of it."""
        if name not in self.found:
            settings = dict(self.settings[name])
            kind = kind_of_network(settings)
            if kind == "shuffled":
                self.found[name] = self.shuffled(name, settings)
            elif kind == "combined":
                self.found[name] = self.combined(name, settings, above)
            elif kind == "edges":
                self.found[name] = Network(
                    name, settings, kind, name, self.source(name, kind, settings)
                )
            else:
                tables = self.find_tables(name, settings)
                aliases = tables.get("aliases")
                reading = {key: settings[key] for key in _READING_STRING}
                reading |= {key: tables[key] for key in ("links", "info")}
                source = self.source(name, kind, reading)
                self.found[name] = Network(
                    name, settings, kind, name, source, tables, aliases=aliases
                )
        return self.found[name]

    def source(self, name: str, kind: str, reading: Mapping[str, Any]) -> str:
        """Find the first network whose links are read or combined in the same way."""
        same = {key: value for key, value in reading.items() if key not in _OF_GRAPH}
        return self.sources.setdefault(repr((kind, sorted(same.items()))), name)

    def find_tables(self, name: str, settings: Settings) -> dict[str, str]:
        """Find the first network that has the same tables of STRING, table by table."""
        tables = ["links", "info"]
        aliases = settings["aliases"]
        if aliases is None:
            aliases = settings["links"] is None and settings["info"] is None
        if aliases and not self.table_of_names:
            tables.append("aliases")
        one = Network(name, settings, "string", name, name)
        return {
            table: self.tables.setdefault(
                repr((one.string_source(table), settings["checksums"][table])), name
            )
            for table in tables
        }

    def shuffled(self, name: str, settings: Settings) -> Network:
        base = settings["of"]
        self.require(name, "of", base)
        of = self.get(base)
        return Network(
            name,
            {**settings, "seed": self.seed},
            "shuffled",
            base,
            of.source,
            of.tables,
            aliases=of.aliases,
            shuffle=settings["shuffle"],
        )

    def combined(self, name: str, settings: Settings, above: tuple[str, ...]) -> Network:
        hows = [how for how in COMBINATIONS if how in settings]
        if len(hows) > 1:
            raise ConfigError(
                f"networks: {name}",
                f"it has {' and '.join(f'`{how}:`' for how in hows)}",
                expected="one of them",
                remedy="Combine networks in one way, and give the result a name of its own.",
            )
        (how,) = hows
        named = settings[how]
        weights = named if how == "mean" else dict.fromkeys(named, 1.0)
        parts = {}
        for part in weights:
            self.require(name, how, part)
            if part in (*above, name):
                raise ConfigError(
                    f"networks: {name}: {how}",
                    f"{' → '.join((*above, name, part))} is a circle",
                    expected="networks that are not made of this one",
                    remedy="Remove one of them from the list.",
                )
            parts[part] = self.get(part, (*above, name))
        reading = [(parts[part].source, weight) for part, weight in weights.items()]
        aliases = next((part.aliases for part in parts.values() if part.aliases), None)
        return Network(
            name,
            settings,
            "combined",
            name,
            self.source(name, how, {"parts": reading}),
            parts=dict(weights),
            part_sources=tuple(part.source for part in parts.values()),
            aliases=aliases,
        )

    def require(self, name: str, key: str, base: str) -> None:
        """Check that a network is made of one that has links of its own."""
        possible = [
            other
            for other, each in self.settings.items()
            if other != name and kind_of_network(each) != "shuffled"
        ]
        if base not in (*possible, name):
            raise ConfigError(
                f"networks: {name}: {key}",
                f"{base} is shuffled itself" if base in self.settings else f"there is no {base}",
                expected=f"a network that is made of links: {', '.join(possible) or 'add one'}",
                remedy="Correct the name."
                if base in self.settings
                else nearest(base, possible, "Correct the name."),
            )


def recorded_settings(networks: Mapping[str, Network], name: str) -> Settings:
    """Collect all settings that a network depends on, without paths.

    Parameters
    ----------
    networks
        All networks by name.
    name
        Name of the network.

    Returns
    -------
    dict
        Names of settings and their values; ``networks`` has those of the parts of a combined one.
    """
    network = networks[name]
    base = networks[network.unshuffled]
    settings = {**base.settings, **network.settings}
    settings = {key: value for key, value in settings.items() if key not in _PATHS}
    if base.parts:
        settings["networks"] = {part: recorded_settings(networks, part) for part in base.parts}
    return settings

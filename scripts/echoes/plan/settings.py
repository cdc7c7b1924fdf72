"""Fill in the defaults of a configuration; they are in the schema and nowhere else."""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from echoes.io.errors import InputError

Settings = dict[str, Any]

#: Sections of the configuration that an experiment may override.
SECTIONS = (
    *("diffusion", "features", "response", "regression", "echo", "blend", "inner_crossval"),
    *("transfer", "crossval"),
)
#: Ways to combine networks, as the configuration names them.
COMBINATIONS = ("union", "intersection", "mean")


class ConfigError(InputError):
    """A configuration that cannot be run, with a message for the person who wrote it.

    Parameters
    ----------
    place
        Keys that lead to the problem, as in ``experiments: echo: network``.
    problem
        What is wrong there.
    expected
        What was expected instead.
    remedy
        What to do, in one or more sentences.
    """

    def __init__(self, place: str, problem: str, *, expected: str, remedy: str) -> None:
        super().__init__("configuration", place, problem, expected=expected, remedy=remedy)


def nearest(name: object, known: Iterable[str], otherwise: str, *, written: str = "{}") -> str:
    """Ask whether a known name was meant, where one is alike; else give another remedy.

    Parameters
    ----------
    name
        A name that is not known.
    known
        Names that could stand there.
    otherwise
        What to do where none of them is alike.
    written
        How a name is written, with ``{}`` in its place.
    """
    # Capital letters are no other name.
    by_case = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(str(name).casefold(), by_case, 1)
    return f"Did you mean {written.format(by_case[close[0]])}?" if close else otherwise


def overlay(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Settings:
    """Merge nested settings: values come from `changes` where it has them, else from `base`."""
    result = copy.deepcopy(dict(base))
    for key, value in changes.items():
        below = result.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = overlay(below, value) if both else copy.deepcopy(value)  # type: ignore[arg-type]
    return result


def referenced(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Settings:
    """Replace a reference (``$ref``) in the schema by its target; other keys of `part` remain."""
    if "$ref" not in part:
        return dict(part)
    target: Any = schema
    for key in part["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    other_keys = {key: value for key, value in part.items() if key != "$ref"}
    return {**referenced(target, schema), **other_keys}


def defaults(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Settings:
    """Collect the defaults of all keys of an object in the schema, nested ones included."""
    result: Settings = {}
    for key, reference in part.get("properties", {}).items():
        inner = referenced(reference, schema)
        if "default" in inner:
            result[key] = copy.deepcopy(inner["default"])
        elif below := defaults(inner, schema):
            result[key] = below
    return result


def complete(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Settings:
    """Fill in the defaults of all keys that a valid configuration leaves out.

    Networks get the defaults of their kind. The experiments
    and networks of the schema's defaults are used only if the configuration has none of that kind.

    Parameters
    ----------
    config
        The configuration as it was read.
    schema
        The JSON schema of the configuration.
    """
    result = defaults(schema, schema)
    for key in ("networks", "experiments"):
        if config.get(key) is not None:
            result[key] = {}
    result = overlay(result, config)
    networks = inherit(result["networks"], "networks")
    result["networks"] = {
        name: overlay(
            defaults(schema["$defs"][f"{kind_of_network(network)}_network"], schema), network
        )
        for name, network in networks.items()
    }
    for section, kind in (("priors", "prior"), ("gene_features", "gene_features")):
        filled = defaults(schema["$defs"][kind], schema)
        result[section] = {name: overlay(filled, each) for name, each in result[section].items()}
    return result


def kind_of_network(settings: Mapping[str, Any]) -> str:
    """Tell the kind of a network by its keys.

    Returns
    -------
    str
        ``shuffled``, ``edges`` (an edge list), ``combined`` or ``string``. The schema has the
        keys of each kind as ``{kind}_network``.
    """
    if "of" in settings or "shuffle" in settings:
        return "shuffled"
    if "edges" in settings:
        return "edges"
    return "combined" if any(how in settings for how in COMBINATIONS) else "string"


def inherit(named: Mapping[str, Any], place: str) -> Settings:
    """Resolve ``like``: an entry takes the settings of another entry where it has none itself.

    Parameters
    ----------
    named
        Settings by name; None leaves a name out.
    place
        The key of the configuration that contains them, for messages.

    Raises
    ------
    ConfigError
        When there is no entry with the name in ``like``, or when names form a circle.
    """

    def resolve(name: str, seen: tuple[str, ...]) -> Settings:
        settings = dict(named[name])
        other = settings.pop("like", None)
        if other is None:
            return settings
        if other in (*seen, name):
            raise ConfigError(
                f"{place}: {name}: like",
                f"{' → '.join((*seen, name, other))} is a circle",
                expected="an entry without `like:` at the end of the chain",
                remedy="Remove one `like:`.",
            )
        if named.get(other) is None:
            others = [n for n, s in named.items() if s is not None and n != name]
            raise ConfigError(
                f"{place}: {name}: like",
                f"there is no {other}",
                expected=f"one of {', '.join(others)}"
                if others
                else "no `like:`: there is no other",
                remedy=nearest(other, others, "Correct the name."),
            )
        inherited = resolve(other, (*seen, name))
        # An experiment has either models or members.
        for one, another in (("models", "members"), ("members", "models")):
            if one in settings:
                inherited.pop(another, None)
        return overlay(inherited, settings)

    return {name: resolve(name, ()) for name, settings in named.items() if settings is not None}


def check_finite(value: object, place: str = "") -> None:
    """Refuse infinite numbers and NaN, which a schema cannot refuse.

    Raises
    ------
    ConfigError
        When there is such a number; the message has its keys.
    """
    if isinstance(value, Mapping):
        for key, below in value.items():
            check_finite(below, f"{place}: {key}" if place else str(key))
    elif isinstance(value, list):
        for below in value:
            check_finite(below, place)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(
            place, str(value), expected="a finite number", remedy="Correct the value."
        )

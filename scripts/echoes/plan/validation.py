"""Check a configuration against its schema, and say in one sentence what is wrong first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoes.plan.document import values_of
from echoes.plan.settings import ConfigError, inherit, nearest

if TYPE_CHECKING:
    import yaml
    from jsonschema.exceptions import ValidationError


def check_keys(files: Iterable[str]) -> None:
    """Check that no configuration file has a key twice in one place: YAML would take the last one.

    Parameters
    ----------
    files
        Paths of the files, in YAML or JSON.

    Raises
    ------
    ConfigError
        When a file has a key twice.
    """
    import yaml

    for file in filter(Path.is_file, map(Path, files)):
        with file.open(encoding="utf-8") as stream:
            document = yaml.compose(stream, yaml.SafeLoader)
        if document is not None:
            _check_node(document, file, ())


def _check_node(node: yaml.Node, file: Path, place: tuple[str, ...]) -> None:
    """Refuse a key that a mapping has twice, or a mapping below it."""
    if isinstance(node.value, str):
        return
    lines: dict[str, int] = {}
    for each in node.value:
        if not isinstance(each, tuple):
            _check_node(each, file, place)
            continue
        key, value = each
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            raise ConfigError(
                f"{file}: {': '.join((*place, name))}",
                f"lines {lines[name]} and {line} have the same key",
                expected="each key once",
                remedy="Remove one of them: the last one would count alone.",
            )
        lines[name] = line
        _check_node(value, file, (*place, name))


def check_schema(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check that a configuration has only keys and values that the schema allows.

    The kind of a network that is like another one, and so its keys, is known with the keys of that
    other one: such networks are checked with both.

    Parameters
    ----------
    config
        The configuration as it was read.
    schema
        The JSON schema.

    Raises
    ------
    ConfigError
        When it has others, or lacks a key that must be set.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import extend

    # Commands take 5 for a whole number, and not 5.0, which JSON does.
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    checked = extend(Draft202012Validator, type_checker=types)
    error = best_match(checked(schema).iter_errors(config))
    if error is not None:
        raise _explained(error, schema)
    networks = config.get("networks", {})
    if any("like" in network for network in networks.values()):
        check_schema({**config, "networks": inherit(networks, "networks")}, schema)


def _explained(error: ValidationError, schema: Mapping[str, Any]) -> ConfigError:
    """Make the error that names the key, its value, and what was expected."""
    place = ": ".join(map(str, error.absolute_path))
    rule, value, part = error.validator, error.instance, error.schema
    if rule == "additionalProperties":
        allowed = list(part["properties"])
        extra = next(key for key in value if key not in allowed)
        return ConfigError(
            f"{place}: {extra}" if place else str(extra),
            "there is no such key",
            expected=f"one of {', '.join(allowed)}",
            remedy=nearest(extra, allowed, "config/README.md explains all.", written="`{}:`"),
        )
    if rule == "required":
        missing = next(key for key in part["required"] if key not in value)
        described = part.get("properties", {}).get(missing, {}).get("description", "")
        return ConfigError(
            place or "file",
            f"`{missing}:` is missing",
            expected=described.rstrip(".") or "this key",
            remedy="Set it; config/README.md explains all keys.",
        )
    if rule == "not" and "const" in error.validator_value:
        expected = part["description"].rstrip(".")
    elif rule in {"pattern", "not"}:
        expected = (
            "another text, without spaces around it and control characters: names become "
            "folders, and some are taken"
        )
    elif rule in ("minItems", "minProperties"):
        expected = f"at least {error.validator_value}"
    elif rule == "maxLength":
        expected = f"at most {error.validator_value} characters"
    elif rule == "uniqueItems":
        expected = "each value once"
    else:
        expected = values_of(part, schema)
    values = [each for each in part.get("enum", ()) if isinstance(each, str)]
    remedy = nearest(value, values, "Correct the value.")
    if isinstance(value, str) and rule == "type":
        remedy = (
            "Write numbers without quotes, and 1e-3 as 1.0e-3 or 0.001; inside {} of --config "
            "Snakemake makes them text: use --configfile there."
        )
    if isinstance(value, float) and rule == "type" and value.is_integer():
        remedy = f"Write {value:.0f}."
    return ConfigError(place or "file", _shown(value), expected=expected, remedy=remedy)


def _shown(value: object) -> str:
    """Write a value, cut off where it is long."""
    text = str(list(value)) if isinstance(value, Sequence) and not isinstance(value, str) else None
    text = repr(value) if text is None else text
    return text if len(text) <= 200 else f"{text[:200]} …"

"""The tables of config/README.md, made from the schema and the catalogue of models."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from echoes.models.catalogue import MODELS
from echoes.plan.settings import referenced

#: A table in the page, between two comments; the first has the path of its keys in the schema.
_TABLE = re.compile(r"(<!-- keys: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NO_DEFAULT = object()


def fill_tables(page: str, schema: Mapping[str, Any]) -> str:
    """Replace all tables of a page by current ones.

    Parameters
    ----------
    page
        Text with ``<!-- keys: PATH -->`` and ``<!-- end -->`` around each table. A path leads
        through the schema, as in ``properties/dataset``, or is ``models``.
    schema
        The JSON schema of the configuration.
    """

    def table(match: re.Match[str]) -> str:
        if match[2] == "models":
            text = models_table()
        else:
            part: Any = schema
            for key in match[2].split("/"):
                part = referenced(part, schema)[key]
            text = keys_table(referenced(part, schema), schema)
        return f"{match[1]}{text}{match[3]}"

    return _TABLE.sub(table, page)


def keys_table(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Write a table of the keys of an object in the schema: meaning, range and default."""
    lines = ["| key | meaning | values | default |", "|---|---|---|---|"]
    for key, reference in part["properties"].items():
        inner = referenced(reference, schema)
        default = inner.get("default", _NO_DEFAULT)
        if key in part.get("required", ()):
            shown = "must be set"
        else:
            shown = "" if default is _NO_DEFAULT else f"`{_flow(default)}`"
        cells = (f"`{key}`", inner["description"], values_of(inner, schema), shown)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def values_of(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Describe which values a key may have."""
    if "enum" in part:
        return ", ".join(f"`{_flow(value)}`" for value in part["enum"])
    kinds = part.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {"array": "list", "object": "keys", "string": "text", "integer": "whole number"}
    if "array" in kinds and "items" in part:
        items = "list of: " + values_of(referenced(part["items"], schema), schema)
        others = [names.get(kind, kind) for kind in kinds if kind not in {"array", "null"}]
        null = ["null"] if "null" in kinds else []
        return " or ".join([*others, items, *null])
    text = " or ".join(names.get(kind, kind) for kind in sorted(kinds, key=lambda k: k == "null"))
    bounds = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    limits = [form.format(f"{part[key]:g}") for key, form in bounds.items() if key in part]
    return ", ".join([text, *limits])


def models_table() -> str:
    """Write a table of all models: protocols, sections of settings, inputs, and gaps."""
    lines = [
        "| model | protocols | sections that it reads | learns from | with gaps |",
        "|---|---|---|---|---|",
    ]
    for name, model in MODELS.items():
        reads = ", ".join(f"`{path}`" for path in model.reads)
        protocols = ", ".join(f"`{protocol}`" for protocol in model.protocols)
        inputs = ", ".join(("responses", *model.inputs))
        gaps = "yes" if model.gaps else "no"
        lines.append(f"| `{name}` | {protocols} | {reads} | {inputs} | {gaps} |")
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    """Write a value as YAML, in one line."""
    if isinstance(value, float) and value < 1e-2:
        return f"{value:.1e}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value if isinstance(value, str) and value != "12.0" else json.dumps(value)

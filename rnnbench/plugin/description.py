"""Descriptions of plugins as data: summary, source, and parameters with types, bounds, units and defaults."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import PluginError
from rnnbench.messages import one_line, suggestion
from rnnbench.plugin.registry import BASES, Found, Registry


@dataclass(frozen=True)
class Parameter:
    """One parameter of a plugin, as text.

    Attributes:
        name: name of the parameter.
        type: type or allowed values.
        default: default value as JSON, or "required".
        bounds: lower and upper bounds; empty if there are none.
        unit: unit; empty if there is none.
        description: what the parameter means, without its unit.
    """

    name: str
    type: str
    default: str
    bounds: str
    unit: str
    description: str


@dataclass(frozen=True)
class Description:
    """A plugin as text.

    Attributes:
        found: the plugin and its package.
        summary: the first line of its docstring.
        details: the other paragraphs of its docstring.
        source: where it was published; empty if it does not say.
        parameters: its parameters, in the order of its fields.
    """

    found: Found
    summary: str
    details: str
    source: str
    parameters: tuple[Parameter, ...]


def describe(name: str, registry: Registry) -> Description:
    """The description of a plugin of any kind.

    Args:
        name: `name` or `name@version`.
        registry: the known plugins.

    Raises:
        PluginError: there is no such plugin; the message gives the nearest names.
    """
    for kind in BASES:
        if registry.knows(kind, name):
            return description_of(registry.find(kind, name))
    known = {found.cls.name for found in registry.found.values()}
    raise PluginError(f"unknown plugin {name!r:.60}; {suggestion(name, known)}{registry.not_loaded}")


def description_of(found: Found) -> Description:
    """The description of a plugin that was found."""
    schema = found.cls.model_json_schema()
    fields = {n: schema["properties"][n] for n in found.cls.model_fields if n in schema.get("properties", {})}
    return Description(
        found,
        *docstring_of(found),
        found.cls.source,
        tuple(_parameter(n, f, schema.get("$defs", {}), n in schema.get("required", [])) for n, f in fields.items()),
    )


def docstring_of(found: Found) -> tuple[str, str]:
    """Summary and details of a plugin's docstring, the paragraphs without line breaks."""
    # Only the docstring of the class itself; an inherited one would describe another class.
    summary, _, details = inspect.cleandoc(found.cls.__dict__.get("__doc__") or "").partition("\n\n")
    paragraphs = "\n\n".join(one_line(paragraph) for paragraph in details.split("\n\n"))
    return one_line(summary) or "(no description)", paragraphs


def _parameter(name: str, field: dict[str, Any], defs: dict[str, Any], required: bool) -> Parameter:
    description, unit = _unit(field.get("description", ""))
    default = "required" if required else json.dumps(field.get("default"))
    return Parameter(name, _type(field, defs), default, _bounds(field), unit, description)


def _unit(description: str) -> tuple[str, str]:
    """Split a description into its text and its unit, which is the text in parentheses at its end, or empty."""
    match = re.fullmatch(r"(?P<text>.*\S)\s*\((?P<unit>[^()]*(?:\([^()]*\)[^()]*)*)\)", description, re.DOTALL)
    return (match["text"], match["unit"]) if match else (description, "")


def _type(field: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in field:
        return _type(defs[field["$ref"].rpartition("/")[2]], defs)
    if "enum" in field:
        return " | ".join(json.dumps(v) for v in field["enum"])
    if "const" in field:
        return json.dumps(field["const"])
    if "anyOf" in field:
        return " | ".join(_type(f, defs) for f in field["anyOf"])
    if "prefixItems" in field:
        return f"[{', '.join(_type(f, defs) for f in field['prefixItems'])}]"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), defs)}"
    return str(field.get("type", "any"))


def _bounds(field: dict[str, Any]) -> str:
    templates = {
        "minimum": "≥ {}",
        "exclusiveMinimum": "> {}",
        "maximum": "≤ {}",
        "exclusiveMaximum": "< {}",
    }
    return ", ".join(text.format(f"{field[key]:g}") for key, text in templates.items() if key in field)

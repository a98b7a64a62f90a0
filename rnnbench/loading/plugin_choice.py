"""Finds the plugin that a user asks for by name and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from rnnbench.errors import RnnbenchError
from rnnbench.loading.validation import validated
from rnnbench.loading.yaml_file import setting
from rnnbench.messages import suggestion
from rnnbench.plugin.interfaces import Plugin
from rnnbench.plugin.registry import BASES, Kind, Registry


def plugin_named(name: str, kind: Kind | None, settings: Sequence[str], registry: Registry) -> Plugin:
    """Make a plugin from its name and from parameters as given on a command line.

    Args:
        name: `name` or `name@version`.
        kind: task, architecture, rule or executor; None if the name alone identifies the plugin.
        settings: parameters as in `drive=0.5`, each value read as YAML.
        registry: the installed plugins.

    Raises:
        RnnbenchError: no plugin or several plugins have this name, or a parameter is wrong.
    """
    kinds = [k for k in BASES if registry.knows(k, name)]
    if kind is None and len(kinds) > 1:
        raise RnnbenchError(f"{name!r} is a {' and a '.join(kinds)}; say which with --kind")
    if kind is None and not kinds:
        known = sorted({found.cls.name for found in registry.found.values()})
        raise RnnbenchError(f"no plugin is called {name!r:.60}; {suggestion(name, known)}{registry.not_loaded}")
    found = registry.find(kind or kinds[0], name)
    return cast(Plugin, validated(found.cls, dict(setting(text) for text in settings), name))

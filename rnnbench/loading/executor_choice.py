"""Finds the executor that a user asks for by name, by a mapping, or by a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from rnnbench.errors import BenchmarkError, PluginError, RnnbenchError
from rnnbench.loading.validation import validated
from rnnbench.loading.yaml_file import read_yaml
from rnnbench.messages import shown
from rnnbench.plugin.executor import Executor
from rnnbench.plugin.registry import Registry

Choice = str | Path | Mapping[str, Any] | Executor
"""A plugin's name, a mapping {use: name, parameters}, a YAML file that contains such a mapping, or an executor."""


def executor_of(choice: Choice, registry: Registry, settings: Mapping[str, Any] | None = None) -> Executor:
    """Make the executor that a user chose.

    Args:
        choice: a name, a mapping, a YAML file, or an executor, which is returned unchanged.
        registry: the installed plugins.
        settings: further parameters by name; they override those of the mapping or the file.

    Raises:
        RnnbenchError: there is no such executor, or a parameter is wrong; the message is one line.
    """
    if isinstance(choice, Executor):
        return choice
    where, content = "executor", choice
    if isinstance(choice, Path) or (isinstance(choice, str) and choice.endswith((".yaml", ".yml"))):
        where = str(choice)
        try:
            content = read_yaml(Path(choice))
        except BenchmarkError as error:
            raise RnnbenchError(f"{where}: {error}") from None
    elif isinstance(choice, str):
        content = {"use": choice}
    if not isinstance(content, Mapping) or not isinstance(content.get("use"), str):
        raise RnnbenchError(f"{where}: expected {{use: name, parameters}}, got {shown(content)}")
    parameters = {name: value for name, value in content.items() if name != "use"} | dict(settings or {})
    try:
        found = registry.find("executor", content["use"])
    except PluginError as error:
        raise RnnbenchError(f"{where}: {error}") from None
    try:
        return cast(Executor, validated(found.cls, parameters, found.cls.name))
    except BenchmarkError as error:
        raise RnnbenchError(f"{where}: {error}") from None

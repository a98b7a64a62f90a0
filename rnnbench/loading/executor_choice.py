"""The executor that a user asks for: by name, as a mapping, or in a file of its own."""

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
"""A plugin's name; or {use: name, parameters}, or a YAML file of that; or the executor itself."""


def executor_of(choice: Choice, registry: Registry, settings: Mapping[str, Any] | None = None) -> Executor:
    """The executor of that name, with parameters from its file and from `settings`, which go before the file's.

    Raises RnnbenchError, one line, where there is none or for a wrong parameter.
    """
    if isinstance(choice, Executor):
        return choice
    where, words = "executor", choice
    if isinstance(choice, Path) or (isinstance(choice, str) and choice.endswith((".yaml", ".yml"))):
        where = str(choice)
        try:
            words = read_yaml(Path(choice))
        except BenchmarkError as error:
            raise RnnbenchError(f"{where}: {error}") from None
    elif isinstance(choice, str):
        words = {"use": choice}
    if not isinstance(words, Mapping) or not isinstance(words.get("use"), str):
        raise RnnbenchError(f"{where}: expected {{use: name, parameters}}, got {shown(words)}")
    parameters = {name: value for name, value in words.items() if name != "use"} | dict(settings or {})
    try:
        found = registry.find("executor", words["use"])
    except PluginError as error:
        raise RnnbenchError(f"{where}: {error}") from None
    try:
        return cast(Executor, validated(found.cls, parameters, found.cls.name))
    except BenchmarkError as error:
        raise RnnbenchError(f"{where}: {error}") from None

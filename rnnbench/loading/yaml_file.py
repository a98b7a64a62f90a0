"""Reads a YAML file into plain data: mappings with string keys, lists, strings, numbers, booleans, null."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from rnnbench.errors import BenchmarkError
from rnnbench.messages import nearest, one_line


class _Loader(yaml.SafeLoader):
    """A YAML loader in which 2e-4 is a number, a date is a string, and a repeated key is an error."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "int", "float")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# In YAML 1.1, 010 is eight, 1:30 is ninety and 2e-4 is a string. Here 2e-4 is a number and the other two are strings,
# which validation then refuses where a number is expected.
for _tag, _pattern in {
    "int": r"[-+]?(0|[1-9][0-9_]*)",
    "float": r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), list("-+0123456789."))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    # This check comes before merged mappings (<<) are filled in, because their keys may be overridden.
    keys = [(key.value if isinstance(key, yaml.ScalarNode) else None) for key, _ in node.value]
    repeated = next((k for k, count in Counter(keys).items() if count > 1 and k is not None), None)
    if repeated is not None:
        raise yaml.MarkedYAMLError(problem=f"{repeated!r} is listed twice", problem_mark=node.start_mark)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """Read a scalar as SafeLoader does, but report the position of one that does not have the type of its tag."""
    constructor = yaml.SafeLoader.yaml_constructors[node.tag]
    try:
        return constructor(loader, node)
    except (ValueError, KeyError, AttributeError):
        kind = node.tag.rpartition(":")[2]
        problem = f"{node.value[:40]!r} is not a valid {kind}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


for _kind in ("int", "float", "bool", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _scalar)


def read_yaml(path: Path) -> Any:
    """Read the plain data in a YAML file.

    Raises:
        BenchmarkError: the file cannot be read or is not valid; the message is one line and does not name the file.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        near = nearest(path.name, _names_beside(path), n=1, cutoff=0.6)
        raise BenchmarkError(f"no such file{f'; did you mean {near[0]}?' if near else ''}") from None
    except OSError as error:
        raise BenchmarkError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BenchmarkError("is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        position = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BenchmarkError(f"{position}{error.problem or 'not valid YAML'}") from None
    except yaml.YAMLError as error:
        raise BenchmarkError(f"not valid YAML: {one_line(error)}") from None
    except RecursionError:
        raise BenchmarkError("is nested too deeply") from None
    _check_plain(content, "")
    return content


def _check_plain(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise BenchmarkError(f"{where or 'file'}: the key {key!r:.60} is not a string; keys must be strings")
            _check_plain(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _check_plain(inner, f"{where}[{i}]")
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BenchmarkError(f"{where}: contains half a character (a lone surrogate)") from None
    elif not isinstance(value, int | float | None):
        raise BenchmarkError(f"{where}: a {type(value).__name__}; expected a string, a number, a list or a mapping")


def _names_beside(path: Path) -> list[str]:
    return [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []


def setting(text: str) -> tuple[str, Any]:
    """Read a parameter as it is given on a command line.

    Args:
        text: name and value, such as drive=0.5; the value is read as YAML.

    Returns:
        The name and the value.

    Raises:
        BenchmarkError: the text is not of this form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BenchmarkError(f"--set {text}: expected parameter=value, such as drive=0.5")
    try:
        return name, parsed(value)
    except BenchmarkError as error:
        raise BenchmarkError(f"--set {text}: {error}") from None


def parsed(text: str) -> Any:
    """Read a value as it is given on a command line.

    Args:
        text: the value as YAML, such as 0.5 or {use: flip_flop, channels: 2}.

    Raises:
        BenchmarkError: the text is not valid YAML.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError:
        raise BenchmarkError(f"{text!r:.60} cannot be read as a value") from None

"""Reads a YAML file into plain data: mappings with text keys, lists, texts, numbers, truth values, null."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from rnnbench.errors import BenchmarkError
from rnnbench.messages import nearest, one_line


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: 2e-4 is a number, a date is a text, a key that stands twice is refused."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "int", "float")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# In YAML 1.1 010 is eight, 1:30 is ninety and 2e-4 is a text; here the first two are texts, and so refused.
for _tag, _pattern in {
    "int": r"[-+]?(0|[1-9][0-9_]*)",
    "float": r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), list("-+0123456789."))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    # Before merged mappings (<<) are filled in: what they bring may be overridden.
    keys = [(key.value if isinstance(key, yaml.ScalarNode) else None) for key, _ in node.value]
    repeated = next((k for k, count in Counter(keys).items() if count > 1 and k is not None), None)
    if repeated is not None:
        raise yaml.MarkedYAMLError(problem=f"{repeated!r} stands twice", problem_mark=node.start_mark)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """As SafeLoader's own, but what is no number (or truth value, or time) says where it stands."""
    constructor = yaml.SafeLoader.yaml_constructors[node.tag]
    try:
        return constructor(loader, node)
    except (ValueError, KeyError, AttributeError):
        kind = node.tag.rpartition(":")[2]
        problem = f"{node.value[:40]!r} is no {kind}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


for _kind in ("int", "float", "bool", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _scalar)


def read_yaml(path: Path) -> Any:
    """The plain data in a YAML file. Raises BenchmarkError: what is wrong and where, in one line."""
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
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BenchmarkError(f"{place}{error.problem or 'not valid YAML'}") from None
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
            raise BenchmarkError(f"{where}: holds half a character (a lone surrogate)") from None
    elif not isinstance(value, int | float | None):
        raise BenchmarkError(f"{where}: a {type(value).__name__}; expected a text, a number, a list or a mapping")


def _names_beside(path: Path) -> list[str]:
    return [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []


def setting(text: str) -> tuple[str, Any]:
    """Name and value of a parameter as it stands on a command line, drive=0.5, its value read as YAML.

    Raises BenchmarkError for anything else.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BenchmarkError(f"--set {text}: expected parameter=value, such as drive=0.5")
    try:
        return name, yaml.load(value, _Loader)
    except yaml.YAMLError:
        raise BenchmarkError(f"--set {text}: {value!r:.60} cannot be read as a value") from None

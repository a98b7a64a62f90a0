"""Writes a new installable plugin package: one short module, a test, a README, and a benchmark to try it with."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from rnnbench.errors import RnnbenchError
from rnnbench.plugin.registry import HOOKS, Kind, Registry

TEMPLATES = files("rnnbench.plugin") / "templates"
HOOK_OF: dict[Kind, str] = {kind: hook for hook, kind in HOOKS.items()}


def new_package(kind: Kind, name: str, home: Path, registry: Registry) -> Path:
    """Write the package of a new plugin to a new folder.

    Args:
        kind: task, architecture, rule or executor.
        name: name of the plugin, in lower-case words joined by - or _, such as my_task.
        home: folder in which the package's folder is made.
        registry: the installed plugins.

    Returns:
        The package's folder.

    Raises:
        RnnbenchError: the name is not allowed, an installed plugin has it, the folder exists, or it cannot be written.
    """
    plugin = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", plugin) or keyword.iskeyword(plugin) or len(plugin) > 60:
        raise RnnbenchError(
            f"{name!r:.80} is not a valid name; expected lower-case words such as my-{kind} or my_{kind}"
        )
    if registry.knows(kind, plugin):
        raise RnnbenchError(
            f"a {kind} called {plugin} is already installed (rnnbench describe {plugin}); choose another name"
        )
    module = f"{plugin}_{kind}" if not plugin.endswith(kind) else plugin
    folder = home / module.replace("_", "-")
    if folder.exists():
        raise RnnbenchError(f"{folder}: already exists; nothing was written")
    contents = rendered(kind, plugin, module)
    for path, text in contents.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RnnbenchError(f"{target}: cannot be written: {error.strerror}") from None
    return folder


def rendered(kind: Kind, plugin: str, module: str) -> dict[str, str]:
    """The text of each file of a new package, by its path within the package.

    Args:
        kind: task, architecture, rule or executor.
        plugin: name of the plugin, with underscores.
        module: name of its Python module.
    """
    words = {
        "kind": kind,
        "name": plugin,
        "module": module,
        "package": module.replace("_", "-"),
        "cls": "".join(word.capitalize() for word in plugin.split("_")),
        "hook": HOOK_OF[kind],
        "options": f" --executor {plugin}" if kind == "executor" else "",
    }
    sources = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{module}.py": f"{kind}.py",
        f"test_{module}.py": "test.py",
        "try.yaml": f"{kind}.yaml",
    }
    return {path: _fill(source, words) for path, source in sources.items()}


def _fill(source: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{source}.template").read_text(encoding="utf-8")).substitute(words)

"""Finds the installed plugins, checks them, and looks them up by id. Broken plugins are recorded and left out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeVar

import pluggy

from rnnbench.errors import PluginError
from rnnbench.messages import error_line, nearest, one_line
from rnnbench.plugin import hooks as hookspecs
from rnnbench.plugin.executor import Executor
from rnnbench.plugin.interfaces import Architecture, Plugin, Task
from rnnbench.plugin.learning_rule import LearningRule

Kind = Literal["task", "architecture", "rule", "executor"]
P = TypeVar("P", bound=Plugin)

BASES: dict[Kind, type[Plugin]] = {
    "task": Task,
    "architecture": Architecture,
    "rule": LearningRule,
    "executor": Executor,
}
HOOKS: dict[str, Kind] = {
    "rnnbench_tasks": "task",
    "rnnbench_architectures": "architecture",
    "rnnbench_rules": "rule",
    "rnnbench_executors": "executor",
}
RESERVED = frozenset({"use", "label", "sweep", "training"})
"""Keys of the benchmark file that appear beside a plugin's parameters, so that no parameter may have these names."""


@dataclass(frozen=True)
class Found:
    """A plugin that can be used, and the package it comes from.

    Attributes:
        kind: task, architecture, rule or executor.
        cls: the plugin's class.
        package: name of the installed package.
        package_version: version of that package.
    """

    kind: Kind
    cls: type[Plugin]
    package: str
    package_version: str

    @property
    def id(self) -> str:
        """The plugin's id, `name@version`."""
        return self.cls.id()


@dataclass(frozen=True)
class Broken:
    """A plugin package, or one of its classes, that cannot be used.

    Attributes:
        package: name of the installed package.
        reason: why it cannot be used, in one line.
    """

    package: str
    reason: str


@dataclass(frozen=True)
class _Offer:
    """A hook of a package that has not been called yet."""

    kind: Kind
    hook: Callable[[], Any]
    package: str
    version: str


class Registry:
    """The available plugins.

    The packages are imported when they are added. The hooks of a kind are called when a plugin of that kind is first
    looked up, so that a command that needs only tasks does not import the learning rules.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str], Found] = {}
        self._broken: list[Broken] = []
        self._conflicts: dict[tuple[Kind, str], str] = {}
        self._offering: dict[tuple[Kind, str], list[str]] = {}
        self._pending: list[_Offer] = []

    @property
    def found(self) -> dict[tuple[Kind, str], Found]:
        """The usable plugins by (kind, id), ordered by kind."""
        self._load(*BASES)
        order = list(BASES)
        return dict(sorted(self._found.items(), key=lambda item: order.index(item[0][0])))

    @property
    def broken(self) -> list[Broken]:
        """The packages and classes that were left out, each with the reason."""
        self._load(*BASES)
        return self._broken

    @property
    def conflicts(self) -> dict[tuple[Kind, str], str]:
        """Each (kind, id) that more than one class has, with a message that says what to do about it."""
        self._load(*BASES)
        return self._conflicts

    def find(self, kind: Kind, name: str) -> Found:
        """The plugin of a given id or name.

        Args:
            kind: task, architecture, rule or executor.
            name: `name@version`, or `name` for the newest version.

        Raises:
            PluginError: there is no such plugin (the message gives the nearest names), or several packages offer it.
        """
        self._load(kind)
        # Fast path for a full id, which is looked up thousands of times.
        if (kind, name) in self._found and (kind, name) not in self._conflicts:
            return self._found[kind, name]
        versions = {i: f.cls.version for (k, i), f in self._found.items() if k == kind and name in (f.id, f.cls.name)}
        for k, i in self._conflicts:
            plugin, _, version = i.rpartition("@")
            if k == kind and name in (i, plugin):
                versions[i] = int(version)
        if not versions:
            raise PluginError(f"unknown {kind} {name!r:.60}; {self._hint(kind, name)}")
        newest = max(versions, key=lambda i: versions[i])
        if (kind, newest) in self._conflicts:
            raise PluginError(self._conflicts[kind, newest])
        return self._found[kind, newest]

    def knows(self, kind: Kind, name: str) -> bool:
        """Whether there is a plugin of that name or id, even if several packages offer it so that it cannot be used."""
        self._load(kind)
        ids = [i for k, i in [*self._found, *self._conflicts] if k == kind]
        return any(name in (i, i.rpartition("@")[0]) for i in ids)

    def build(self, kind: Kind, plugin_id: str, parameters: dict[str, Any]) -> Any:
        """Make a plugin with the parameters of a resolved benchmark.

        Args:
            kind: task, architecture, rule or executor.
            plugin_id: `name@version`.
            parameters: values of the plugin's fields by name.

        Raises:
            PluginError: there is no such plugin, or several packages offer it.
            ValidationError: pydantic refuses the parameters.
        """
        return self.find(kind, plugin_id).cls.model_validate(parameters)

    def _hint(self, kind: Kind, name: str) -> str:
        known = sorted({f.cls.name for (k, _), f in self.found.items() if k == kind})
        near = nearest(name.partition("@")[0], known)
        versions = sorted(i for (k, i) in self.found if k == kind and i.partition("@")[0] == name.partition("@")[0])
        if versions:
            hint = f"installed versions: {', '.join(versions)}"
        elif near:
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = f"known are {', '.join(known)}" if known else f"no package with a {kind} is installed"
        return hint + self.not_loaded

    @property
    def not_loaded(self) -> str:
        """Text to add to the message about an unknown plugin: the broken packages, one of which may contain it."""
        reasons = "; ".join(f"{broken.package}: {broken.reason}" for broken in self.broken)
        return f" (not loaded: {reasons})" if reasons else ""

    def add(self, entry: EntryPoint) -> None:
        """Load one entry point and register the plugins it offers. Errors are recorded in `broken`, not raised."""
        package = entry.dist.name if entry.dist else entry.value
        version = entry.dist.version if entry.dist else "unknown"
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        try:
            # SystemExit is caught below as well: a package that exits on import must not end the run.
            manager.register(entry.load(), name=f"{package}:{entry.name}")
            manager.check_pending()
        except (Exception, SystemExit) as error:
            self._broken.append(Broken(package, error_line(error)))
            return
        offers = [
            _Offer(kind, impl.function, package, version)
            for hook, kind in HOOKS.items()
            for impl in getattr(manager.hook, hook).get_hookimpls()
        ]
        if not offers:
            self._broken.append(Broken(package, f"implements no hook; the hooks are {', '.join(HOOKS)}"))
        self._pending += offers

    def _load(self, *kinds: Kind) -> None:
        """Call the hooks of some kinds that have not been called yet."""
        offers = [offer for offer in self._pending if offer.kind in kinds]
        if not offers:
            return
        self._pending = [offer for offer in self._pending if offer.kind not in kinds]
        for offer in offers:
            try:
                classes = offer.hook()
            except (Exception, SystemExit) as error:
                self._broken.append(Broken(offer.package, error_line(error)))
                continue
            self._register(offer.kind, classes, offer.package, offer.version)

    def _register(self, kind: Kind, classes: Iterable[Any], package: str, version: str) -> None:
        if not isinstance(classes, list | tuple):
            returned = one_line(repr(classes), 100)
            self._broken.append(Broken(package, f"its {kind} hook returns {returned}; expected a list of classes"))
            return
        for cls in classes:
            if fault := _fault(kind, cls):
                self._broken.append(Broken(package, fault))
                continue
            found = Found(kind, cls, package, version)
            key = (kind, found.id)
            offering = self._offering.setdefault(key, [])
            offering.append(package)
            if len(offering) == 1:
                self._found[key] = found
                continue
            self._found.pop(key, None)
            packages = list(dict.fromkeys(offering))
            if len(packages) == 1:
                reason = f"{kind} {found.id} is offered twice by {package}; give one of them another name or version"
            else:
                reason = f"{kind} {found.id} is offered by {' and '.join(packages)}; remove all but one"
            self._conflicts[key] = reason
            self._broken.append(Broken(package, reason))


def _fault(kind: Kind, cls: Any) -> str | None:
    """The reason why a class cannot be a plugin of this kind, or None if it can."""
    base = BASES[kind]
    if not (isinstance(cls, type) and issubclass(cls, base)):
        return f"{one_line(repr(cls), 100)} is not a subclass of rnnbench.{base.__name__}"
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        return f"{cls.__name__} does not define {missing}"
    name, version = getattr(cls, "name", None), cls.version
    if not (isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_.-]*", name)):
        return f"{cls.__name__}.name is {name!r}; expected a lower-case word such as 'flip_flop'"
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        return f"{cls.__name__}.version is {version!r}; expected 1, 2, 3, ..."
    if taken := sorted(RESERVED & set(cls.model_fields)):
        return f"{cls.__name__} has a parameter {taken[0]!r}; that name is reserved for the benchmark file"
    try:
        cls.model_json_schema()
    except Exception as error:
        return f"{cls.__name__} has a parameter without a JSON Schema: {error_line(error):.200}"
    return None


@cache
def installed() -> Registry:
    """The registry of all installed packages with entry points in the group `rnnbench`."""
    registry = Registry()
    unique = {(e.dist.name if e.dist else "", e.name, e.value): e for e in entry_points(group=hookspecs.PROJECT)}
    for _, entry in sorted(unique.items()):
        registry.add(entry)
    return registry

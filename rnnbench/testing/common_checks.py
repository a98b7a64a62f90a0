"""What holds for plugins of every kind: they come back from JSON, say what they are, and keep their bounds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from rnnbench.plugin.interfaces import Plugin
from rnnbench.testing.check import Failed, Note, one_line

P = TypeVar("P", bound=Plugin)

FAR = 100
"""An upper bound this many times the default is not tried: it may ask for more than a machine has."""
INSIDE = 0.01
"""How near to a bound that is itself excluded a value is tried, as a part of the way to the default."""


def changed(plugin: P, **parameters: Any) -> P:
    """A new plugin with some parameters changed, as it would be made from a benchmark file."""
    content = json.dumps({**plugin.model_dump(mode="json"), **parameters})
    return type(plugin).model_validate_json(content, strict=True)


def rebuilt(plugin: P) -> P:
    """The plugin, made anew from its parameters as JSON; Failed where it comes back as another."""
    try:
        again = changed(plugin)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        told = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        raise Failed(f"its parameters, written as JSON, are not taken back: {told}") from None
    if again != plugin:
        raise Failed(f"comes back from JSON as {again!r:.80}, and was {plugin!r:.80}")
    return again


def described(plugin: Plugin) -> str:
    """It says what it is."""
    missing = [name for name, field in type(plugin).model_fields.items() if not field.description]
    wanted = [f"a description of {', '.join(missing)}"] if missing else []
    if not type(plugin).__dict__.get("__doc__"):
        wanted.insert(0, "a docstring")
    if not plugin.source:
        wanted.append("a source")
    return Note(f"wanting: {', '.join(wanted)}") if wanted else "docstring, source and every parameter"


def keeps_bounds(plugin: P, use: Callable[[P], Any]) -> str:
    """Use the plugin with each parameter at its limits, one at a time; Failed where that breaks.

    To refuse a value in a validator is right, and so is a ValueError where only the time step shows it to be wrong.
    """
    usable = refused = 0
    for name, value in limits(plugin):
        try:
            at_limit = changed(plugin, **{name: value})
        except ValidationError:
            refused += 1
            continue
        try:
            use(at_limit)
            usable += 1
        except ValueError as error:
            if not one_line(error):
                raise Failed(f"{name} = {value} is refused without a word; say what would be right") from None
            refused += 1
        except Failed as fault:
            raise Failed(f"{name} = {value}: {fault}") from None
        except Exception as error:
            told = f"{name} = {value} raises {type(error).__name__}: {one_line(error)}"
            raise Failed(f"{told}; refuse it in a validator, or narrow the bounds") from None
    return f"{usable} values at the limits usable, {refused} refused with a reason"


def limits(plugin: Plugin) -> Iterator[tuple[str, Any]]:
    """Parameters and their extreme values: bounds of numbers, and every choice."""
    for name, field in type(plugin).model_fields.items():
        now = getattr(plugin, name)
        if field.annotation is bool:
            yield name, not now
        elif get_origin(field.annotation) is Literal:
            yield from ((name, choice) for choice in get_args(field.annotation) if choice != now)
        elif isinstance(now, int | float):
            yield from ((name, value) for value in _extremes(field, now) if value != now)


def _extremes(field: FieldInfo, now: float) -> Iterator[float]:
    whole = field.annotation is int
    for bound in field.metadata:
        if isinstance(bound, Ge | Le):
            value: Any = bound.ge if isinstance(bound, Ge) else bound.le
        elif isinstance(bound, Gt | Lt):
            limit: Any = bound.gt if isinstance(bound, Gt) else bound.lt
            value = limit + (1 if now > limit else -1) if whole else limit + INSIDE * (now - limit)
        else:
            continue
        if abs(value) <= FAR * max(1, abs(now)):
            yield int(value) if whole else float(value)

"""Checks for plugins of every kind: round trip through JSON, descriptions, and bounds of parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from rnnbench.messages import one_line
from rnnbench.plugin.interfaces import Plugin
from rnnbench.testing.check import Failed, Note

P = TypeVar("P", bound=Plugin)

FAR = 100
"""An upper bound above this many times the default is not tried: it may need more memory than there is."""
INSIDE = 0.01
"""Distance from an excluded bound of the value that is tried, as a fraction of the way to the default."""


def changed(plugin: P, **parameters: Any) -> P:
    """A copy of the plugin with some parameters changed, validated as if read from a benchmark file.

    Args:
        plugin: the object to copy.
        **parameters: new values of its fields.

    Raises:
        pydantic.ValidationError: a value is refused.
    """
    content = json.dumps({**plugin.model_dump(mode="json"), **parameters})
    return type(plugin).model_validate_json(content, strict=True)


def rebuilt(plugin: P) -> P:
    """The plugin, created again from its parameters as JSON.

    Raises:
        Failed: the parameters are refused, or the copy differs from the plugin.
    """
    try:
        again = changed(plugin)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        message = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        raise Failed(f"its own parameters are refused when read back from JSON: {message}") from None
    if again != plugin:
        raise Failed(f"read back from JSON it is {again!r:.80}; expected {plugin!r:.80}")
    return again


def described(plugin: Plugin) -> str:
    """The class, its parameters and its source are described."""
    missing = [name for name, field in type(plugin).model_fields.items() if not field.description]
    lacking = [f"a description of {', '.join(missing)}"] if missing else []
    if not type(plugin).__dict__.get("__doc__"):
        lacking.insert(0, "a docstring")
    if not plugin.source:
        lacking.append("a source")
    return Note(f"missing: {', '.join(lacking)}") if lacking else "docstring, source and every parameter"


def keeps_bounds(plugin: P, use: Callable[[P], Any]) -> str:
    """Use the plugin with each parameter at its limits, one at a time.

    A plugin may refuse a value in a validator, or raise ValueError in use if the value is wrong only for some time
    steps.

    Args:
        plugin: the object whose parameters are varied.
        use: called with each changed plugin; should raise if the plugin does not work.

    Returns:
        How many values were usable and how many were refused.

    Raises:
        Failed: a value is refused without a reason, or using it raises something other than ValueError.
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
                raise Failed(f"{name} = {value} is refused with an empty message; say what would be right") from None
            refused += 1
        except Failed as fault:
            raise Failed(f"{name} = {value}: {fault}") from None
        except Exception as error:
            message = f"{name} = {value} raises {type(error).__name__}: {one_line(error)}"
            raise Failed(f"{message}; refuse it in a validator, or narrow the bounds") from None
    return f"{usable} values at the limits are usable, {refused} are refused with a reason"


def limits(plugin: Plugin) -> Iterator[tuple[str, Any]]:
    """Parameters of a plugin and extreme values to try: the bounds of numbers, and every other choice.

    Yields:
        Pairs of a parameter's name and a value that differs from its present one.
    """
    for name, field in type(plugin).model_fields.items():
        current = getattr(plugin, name)
        if field.annotation is bool:
            yield name, not current
        elif get_origin(field.annotation) is Literal:
            yield from ((name, choice) for choice in get_args(field.annotation) if choice != current)
        elif isinstance(current, int | float):
            yield from ((name, value) for value in _extremes(field, current) if value != current)


def _extremes(field: FieldInfo, current: float) -> Iterator[float]:
    is_integer = field.annotation is int
    for bound in field.metadata:
        if isinstance(bound, Ge | Le):
            value: Any = bound.ge if isinstance(bound, Ge) else bound.le
        elif isinstance(bound, Gt | Lt):
            limit: Any = bound.gt if isinstance(bound, Gt) else bound.lt
            value = limit + (1 if current > limit else -1) if is_integer else limit + INSIDE * (current - limit)
        else:
            continue
        if abs(value) <= FAR * max(1, abs(current)):
            yield int(value) if is_integer else float(value)

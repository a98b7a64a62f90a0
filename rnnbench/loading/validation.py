"""Strict validation of plain data against a pydantic model, with one-line messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from rnnbench.errors import BenchmarkError
from rnnbench.messages import SHOWN, one_line, shown, suggestion


def validated(cls: type[BaseModel], content: dict[str, Any], where: str, also_known: Iterable[str] = ()) -> Any:
    """Make a pydantic model from plain data. Types are strict: "6" is not a number, and 1 is not a boolean.

    Args:
        cls: the model's class.
        content: values of its fields by name.
        where: path of `content` in its file, such as tasks[2]; empty for the file itself.
        also_known: keys that are allowed beside the fields, to be suggested for an unknown key.

    Returns:
        An object of class `cls`.

    Raises:
        BenchmarkError: a value is wrong, or a validator of a plugin raises an error. The message is one line that
            gives the field, what is wrong and what would be right.
    """
    try:
        # The data go through JSON, because pydantic's strict mode accepts a list for a tuple only in JSON.
        return cls.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise BenchmarkError(_message(cls, error, where, also_known)) from None
    except (Exception, SystemExit) as error:
        message = shown(one_line(error), quoted=False)
        raise BenchmarkError(f"{where or 'file'}: {cls.__name__} raises {type(error).__name__}: {message}") from None


def _message(cls: type[BaseModel], error: ValidationError, where: str, also_known: Iterable[str]) -> str:
    first = error.errors(include_url=False)[0]
    loc, value, context = first["loc"], first["input"], first.get("ctx", {})
    path, owner, about = _walk(cls, loc, where)
    match first["type"]:
        case "extra_forbidden":
            key = str(loc[-1])
            name = key if key.isidentifier() and len(key) <= SHOWN else shown(key)
            known = [*owner, *(also_known if len(loc) == 1 else ())]
            return f"{path + '.' if path else ''}{name}: unknown; {suggestion(key, known)}"
        case "missing":
            wrong = "missing"
        case "less_than_equal" | "less_than":
            bound = context.get("le", context.get("lt"))
            wrong = f"{shown(value)} is {'above' if 'le' in context else 'not below'} {bound}"
        case "greater_than_equal" | "greater_than":
            bound = context.get("ge", context.get("gt"))
            wrong = f"{shown(value)} is {'below' if 'ge' in context else 'not above'} {bound}"
        case "value_error":
            wrong = str(context.get("error", first["msg"]))
        case _:
            wrong = f"{shown(value)}: {first['msg'][0].lower()}{first['msg'][1:]}"
    line = f"{path or 'file'}: {wrong}; {about}" if about else f"{path or 'file'}: {wrong}"
    return one_line(line)


def _walk(cls: Any, loc: tuple[int | str, ...], where: str) -> tuple[str, list[str], str]:
    """Follow the location of a validation error.

    Parts of the location that are not fields are left out: pydantic puts the members of a union there.

    Returns:
        The path in the file, the names of the fields at its end, and the description of the field.
    """
    path, about = where, ""
    for part in loc:
        fields = getattr(cls, "model_fields", {})
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in fields:
            path += f".{part}" if path else part
            about = fields[part].description or about
            cls = fields[part].annotation
    return path, list(getattr(cls, "model_fields", {})), about

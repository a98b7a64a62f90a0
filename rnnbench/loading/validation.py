"""Turns plain data into a pydantic model, strictly, and a fault into one line: field, what is wrong, what is right."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from rnnbench.errors import BenchmarkError

SHOWN = 60
"""Characters of a wrong value that are shown: enough to know it again."""


def validated(cls: type[BaseModel], content: dict[str, Any], where: str, also_known: Iterable[str] = ()) -> Any:
    """`content` as a `cls`: no text taken for a number, no number for a truth value.

    where        path of `content` in its file, e.g. tasks[2]
    also_known   words that may stand beside the fields, for the suggestions

    Raises BenchmarkError, also for whatever a plugin's own validators raise.
    """
    try:
        # By way of JSON, because pydantic's strict mode refuses a list for a tuple only in Python's data.
        return cls.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise BenchmarkError(_one_line(cls, error, where, also_known)) from None
    except (Exception, SystemExit) as error:
        told = shown(" ".join(str(error).split()), quoted=False)
        raise BenchmarkError(f"{where or 'file'}: {cls.__name__} raises {type(error).__name__}: {told}") from None


def shown(value: Any, quoted: bool = True) -> str:
    """A value on one line, cut where it gets long; texts in quotes unless told otherwise."""
    text = " ".join(json.dumps(value, default=repr, ensure_ascii=False).split()) if quoted else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest known names, or all of them."""
    known = sorted(set(known))
    if not known:
        return "there is none to be known here"
    near = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"


def _one_line(cls: type[BaseModel], error: ValidationError, where: str, also_known: Iterable[str]) -> str:
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
    return " ".join(line.split())


def _walk(cls: Any, loc: tuple[int | str, ...], where: str) -> tuple[str, list[str], str]:
    """Follow a fault's location: its path in the file, the fields where it ends, and what its field says of itself.

    Parts that are no fields are left out: pydantic puts the members of a union there.
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

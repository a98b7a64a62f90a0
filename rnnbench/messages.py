"""Text for messages: an error on one line, a value cut short, the nearest known names."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

SHOWN = 60
"""Characters of a wrong value that are shown: enough to recognise it."""


def one_line(text: object, at_most: int | None = None) -> str:
    """A text, or the message of an error, without line breaks and repeated spaces, cut after `at_most` characters."""
    line = " ".join(str(text).split())
    return line if at_most is None else line[:at_most]


def error_line(error: BaseException, at_most: int | None = None) -> str:
    """The type and the message of an error on one line, e.g. `ValueError: 3 is odd`."""
    message = one_line(error, at_most)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def shown(value: Any, quoted: bool = True) -> str:
    """A value on one line, cut after SHOWN characters; as JSON, or as plain text if not `quoted`."""
    text = one_line(json.dumps(value, default=repr, ensure_ascii=False)) if quoted else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def nearest(name: str, known: Iterable[str], n: int = 3, cutoff: float = 0.5) -> list[str]:
    """Up to `n` known names that resemble a misspelt one, the most similar first."""
    return difflib.get_close_matches(name[:100], sorted(set(known)), n=n, cutoff=cutoff)


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to say after an unknown name: the nearest known ones, or all of them."""
    known = sorted(set(known))
    if not known:
        return "no names are defined here"
    near = nearest(name, known)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"

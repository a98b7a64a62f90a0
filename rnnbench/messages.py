"""Text for messages: errors on one line, shortened values, suggestions for misspelt names."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

SHOWN = 60
"""Number of characters of a wrong value that a message shows, enough to recognise it."""


def one_line(text: object, at_most: int | None = None) -> str:
    """Return a text, or the message of an error, on one line, cut after `at_most` characters.

    Line breaks and repeated spaces become single spaces.
    """
    line = " ".join(str(text).split())
    return line if at_most is None else line[:at_most]


def error_line(error: BaseException, at_most: int | None = None) -> str:
    """Return the type and the message of an error on one line, e.g. `ValueError: 3 is odd`.

    The message is cut after `at_most` characters.
    """
    message = one_line(error, at_most)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def shown(value: Any, quoted: bool = True) -> str:
    """Return a value cut after SHOWN characters: as JSON on one line, or as plain text if not `quoted`."""
    text = one_line(json.dumps(value, default=repr, ensure_ascii=False)) if quoted else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def nearest(name: str, known: Iterable[str], n: int = 3, cutoff: float = 0.5) -> list[str]:
    """Return up to `n` known names that resemble a misspelt one, the most similar first.

    Args:
        name: the misspelt name.
        known: the names that exist.
        n: the largest number of names to return.
        cutoff: the least similarity, 0..1, as in `difflib.get_close_matches`.
    """
    return difflib.get_close_matches(name[:100], sorted(set(known)), n=n, cutoff=cutoff)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a hint for the message about an unknown name: the nearest known names, or else all of them."""
    known = sorted(set(known))
    if not known:
        return "no names are defined here"
    near = nearest(name, known)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number followed by its noun in singular or plural, such as "1 seed" or "3 seeds"."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def listed(names: list[str]) -> str:
    """Names joined by commas and "and" for a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"

"""What a conformance check is, and what comes of it.

A check is a function of a plugin. The first line of its docstring is its name in words. It returns what it found, in
a few words; it raises Failed where the plugin breaks its promise and Skipped where there is nothing to check.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch

from rnnbench.errors import RnnbenchError

Check = Callable[[Any], str]


class Failed(AssertionError):
    """A plugin breaks a promise; the message is one line: what was found, and what would be right."""


class Skipped(Exception):
    """There is nothing to check; the message says why."""


class Note(str):
    """A measurement: told, not judged."""


@dataclass(frozen=True)
class Verdict:
    """What came of a check."""

    check: str
    outcome: Literal["passed", "failed", "skipped", "note"]
    found: str


def title(check: Check) -> str:
    """A check's name in words."""
    return (check.__doc__ or check.__name__).strip().partition("\n")[0].rstrip(".")


@dataclass(frozen=True, eq=False)
class _Itself:
    """A plugin as a key: this object, not another that equals it."""

    plugin: Any

    def __hash__(self) -> int:
        return id(self.plugin)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.plugin is other.plugin


def judge(check: Check, plugin: Any) -> Verdict:
    """Make a check, on one thread: networks this small gain nothing by a second. What a plugin raises is a failure.

    Made once for a plugin, since later checks may `require` earlier ones; `forget` makes it anew.
    """
    return _judged(check, _Itself(plugin))


@lru_cache(maxsize=64)
def _judged(check: Check, itself: _Itself) -> Verdict:
    plugin = itself.plugin
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = check(plugin)
    except Skipped as reason:
        return Verdict(title(check), "skipped", one_line(reason))
    except (Failed, RnnbenchError) as fault:
        return Verdict(title(check), "failed", one_line(fault))
    except (Exception, SystemExit) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rpartition('/')[2]}, line {last.lineno}"
        return Verdict(title(check), "failed", f"raises {type(error).__name__}: {one_line(error)} ({where})")
    finally:
        torch.set_num_threads(threads)
    return Verdict(title(check), "note" if isinstance(found, Note) else "passed", found)


def forget() -> None:
    """Before a plugin is checked again: its author may have mended it."""
    _judged.cache_clear()


def require(check: Check, plugin: Any) -> None:
    """Raise Skipped unless the plugin passes another check, whose failure would show here again."""
    if judge(check, plugin).outcome == "failed":
        raise Skipped(f"comes after: {title(check)}")


def one_line(error: object) -> str:
    """The message of an error, on one line."""
    return f"{' '.join(str(error).split()):.300}"

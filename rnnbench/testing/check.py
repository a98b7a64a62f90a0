"""Conformance checks and their results.

A check is a function of a plugin. The first line of its docstring is its title. It returns what it found, in a few
words. It raises Failed if the plugin does not meet the requirement, and Skipped if there is nothing to check.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch

from rnnbench.errors import RnnbenchError
from rnnbench.messages import one_line

Check = Callable[[Any], str]


class Failed(AssertionError):
    """The plugin does not meet a requirement; the message says in one line what was found and what would be right."""


class Skipped(Exception):
    """The check does not apply to the plugin; the message says why."""


class Note(str):
    """A measurement, which is reported but neither passes nor fails."""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        check: title of the check.
        outcome: passed, failed, skipped, or note for a measurement.
        found: what was found, on one line.
    """

    check: str
    outcome: Literal["passed", "failed", "skipped", "note"]
    found: str


def title(check: Check) -> str:
    """The title of a check: the first line of its docstring, without the period."""
    return (check.__doc__ or check.__name__).strip().partition("\n")[0].rstrip(".")


@dataclass(frozen=True, eq=False)
class _ByIdentity:
    """A plugin as a key of the cache, compared by identity rather than by its parameters."""

    plugin: Any

    def __hash__(self) -> int:
        return id(self.plugin)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.plugin is other.plugin


def judge(check: Check, plugin: Any) -> CheckResult:
    """Run a check on a plugin and return its verdict.

    The check runs on one thread, since networks this small do not gain from a second one. The verdict is cached, since
    later checks may `require` earlier ones; `forget` empties the cache.

    Args:
        check: the check to run.
        plugin: the object to check.

    Returns:
        The verdict. An exception raised by the plugin counts as a failure.
    """
    return _judged(check, _ByIdentity(plugin))


@lru_cache(maxsize=64)
def _judged(check: Check, key: _ByIdentity) -> CheckResult:
    plugin = key.plugin
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = check(plugin)
    except Skipped as reason:
        return CheckResult(title(check), "skipped", one_line(reason, 300))
    except (Failed, RnnbenchError) as fault:
        return CheckResult(title(check), "failed", one_line(fault, 300))
    except (Exception, SystemExit) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rpartition('/')[2]}, line {last.lineno}"
        return CheckResult(title(check), "failed", f"raises {type(error).__name__}: {one_line(error, 300)} ({where})")
    finally:
        torch.set_num_threads(threads)
    return CheckResult(title(check), "note" if isinstance(found, Note) else "passed", found)


def forget() -> None:
    """Forget all verdicts, so that a plugin that its author has changed is checked again."""
    _judged.cache_clear()


def require(check: Check, plugin: Any) -> None:
    """Run another check first, since its failure would show up again in this one.

    Args:
        check: the check that must not fail.
        plugin: the object to check.

    Raises:
        Skipped: the other check fails.
    """
    if judge(check, plugin).outcome == "failed":
        raise Skipped(f"needs this check to pass first: {title(check)}")

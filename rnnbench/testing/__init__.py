"""Conformance tests for plugin authors: one named check for each requirement on a plugin.

In a test file, `test_my_task = conformance(MyTask())` is one pytest test for each check; on the command line
`python -m rnnbench check NAME` prints the same as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rnnbench.plugin.executor import Executor
from rnnbench.plugin.interfaces import Architecture, Plugin, Task
from rnnbench.plugin.learning_rule import LearningRule
from rnnbench.testing import architecture_checks, executor_checks, rule_checks, task_checks
from rnnbench.testing.check import Check, CheckResult, forget, judge, title
from rnnbench.testing.histories import forget_layouts

CHECKS: dict[type[Plugin], tuple[Check, ...]] = {
    Task: task_checks.CHECKS,
    Architecture: architecture_checks.CHECKS,
    LearningRule: rule_checks.CHECKS,
    Executor: executor_checks.CHECKS,
}

__all__ = ["checks_of", "conformance", "verdicts"]


def checks_of(plugin: Plugin) -> tuple[Check, ...]:
    """The checks for a plugin of this kind, in order.

    Args:
        plugin: a task, architecture, learning rule or executor (an object, not a class).

    Returns:
        The checks, in the order in which they are run.

    Raises:
        TypeError: `plugin` is not an object of one of these kinds.
    """
    for kind, checks in CHECKS.items():
        if isinstance(plugin, kind):
            return checks
    raise TypeError(
        f"{plugin!r:.80} is not a task, architecture, learning rule or executor; give an object, such as MyTask()"
    )


def verdicts(plugin: Plugin) -> Iterator[CheckResult]:
    """The results of all checks of a plugin, computed one after the other.

    Args:
        plugin: the object to check. Results of earlier calls are forgotten, so that a changed plugin is checked again.

    Returns:
        An iterator over one verdict for each check.

    Raises:
        TypeError: `plugin` is not an object of a known kind.
    """
    forget()
    forget_layouts()
    return (judge(check, plugin) for check in checks_of(plugin))


def conformance(plugin: Plugin) -> Callable[..., None]:
    """A pytest test with one case for each check of a plugin.

    Args:
        plugin: the object to check.

    Returns:
        A parametrised test function; a case that fails shows the check's message on one line.

    Raises:
        TypeError: `plugin` is not an object of a known kind.
    """
    import pytest

    checks = checks_of(plugin)

    @pytest.mark.parametrize("check", checks, ids=[title(check).replace(" ", "-") for check in checks])
    def test(check: Check) -> Any:
        verdict = judge(check, plugin)
        if verdict.outcome == "skipped":
            pytest.skip(verdict.found)
        if verdict.outcome == "failed":
            pytest.fail(f"{plugin.id()}: {verdict.check}: {verdict.found}", pytrace=False)

    return test

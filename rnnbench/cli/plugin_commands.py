"""The commands about plugins: list, describe, new, check."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from rnnbench.cli.console import PluginKind, err, out

if TYPE_CHECKING:
    from rnnbench.plugin.registry import Found


def list_plugins(
    kind: Annotated[PluginKind | None, typer.Argument(help="list only plugins of this kind")] = None,
) -> None:
    """List the installed tasks, architectures, learning rules and executors, by package and version."""
    from rnnbench.plugin.registry import installed

    registry = installed()
    out.print(_listing(one for one in registry.found.values() if kind in (None, one.kind)))
    for broken in registry.broken:
        out.print(Text(f"not loaded: {broken.package}: {broken.reason}", style="red"))


def describe(name: Annotated[str, typer.Argument(help="a plugin, e.g. flip_flop or flip_flop@1")]) -> None:
    """Describe a plugin: its source, and its parameters with types, bounds, units and defaults."""
    from rnnbench.plugin.description import describe as description_by_name
    from rnnbench.plugin.registry import installed

    description = description_by_name(name, installed())
    found = description.found
    out.print(Text.assemble((found.id, "bold"), f"  {found.kind}, from {found.package} {found.package_version}"))
    out.print(Text(description.summary))
    if description.details:
        out.print(Text(f"\n{description.details}"))
    if description.source:
        out.print(Text(f"\nsource: {description.source}"))
    table = Table(box=None, padding=(0, 2, 0, 0), title=None)
    for column in ("parameter", "type", "default", "bounds", "unit", "meaning"):
        table.add_column(column, no_wrap=column in ("parameter", "bounds", "unit"), overflow="fold")
    for p in description.parameters:
        table.add_row(*(Text(x) for x in (p.name, p.type, p.default, p.bounds, p.unit, p.description)))
    out.print()
    out.print(table)


def new(
    kind: Annotated[PluginKind, typer.Argument(help="kind of plugin: task, architecture, rule or executor")],
    name: Annotated[str, typer.Argument(help="name of the plugin, e.g. my-task")],
    home: Annotated[Path, typer.Option("--in", help="folder in which the package's folder is made")] = Path("."),
) -> None:
    """Write a plugin package that works at once: one short module, a test, a README, and a benchmark to try it with."""
    from rnnbench.plugin.registry import installed
    from rnnbench.plugin.scaffold import new_package

    folder = new_package(kind.value, name, home, installed())
    out.print(Text(f"written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}"))
    out.print(Text(f"next: pip install -e {folder}, then python -m rnnbench check {name.replace('-', '_')}"))


def check(
    name: Annotated[str, typer.Argument(help="a plugin, e.g. flip_flop or flip_flop@1")],
    kind: Annotated[
        PluginKind | None, typer.Option(help="kind of plugin, if several plugins have this name", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="set a parameter, e.g. --set drive=0.5; may be repeated", show_default=False),
    ] = None,
) -> None:
    """Run all conformance checks on a plugin and print the verdict of each.

    The exit code is 1 if a check fails.
    """
    from rnnbench.loading.plugin_choice import plugin_named
    from rnnbench.plugin.registry import installed
    from rnnbench.testing import checks_of
    from rnnbench.testing.check import judge, title

    plugin = plugin_named(name, kind.value if kind else None, settings or [], installed())
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("check", "verdict", "found"):
        table.add_column(column, overflow="fold")
    colours = {"passed": "green", "failed": "red", "skipped": "dim", "note": "cyan"}
    failed = 0
    with err.status("") as status:
        for one in checks_of(plugin):
            status.update(title(one))
            verdict = judge(one, plugin)
            failed += verdict.outcome == "failed"
            table.add_row(
                Text(verdict.check), Text(verdict.outcome, style=colours[verdict.outcome]), Text(verdict.found)
            )
    out.print(table)
    out.print(Text(f"{plugin.id()}: {f'{failed} failed' if failed else 'all passed'}"))
    if failed:
        raise typer.Exit(1)


def _listing(plugins: Iterable[Found]) -> Group:
    """A line with id and summary of each plugin, under a heading for each kind and package."""
    from rnnbench.plugin.description import docstring_of

    shown = list(plugins)
    width = max((len(found.id) for found in shown), default=0)
    groups: dict[str, Table] = {}
    for found in shown:
        origin = f"{found.kind}s from {found.package} {found.package_version}"
        if origin not in groups:
            groups[origin] = Table.grid(padding=(0, 2))
            groups[origin].add_column(width=width + 2)
        groups[origin].add_row(Text(f"  {found.id}"), Text(docstring_of(found)[0]))
    return Group(*(part for origin, table in groups.items() for part in (Text(origin, style="bold"), table)))

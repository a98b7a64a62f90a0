"""Figures of a benchmark's results, drawn from its tables alone.

Each figure is a function from tables to a matplotlib Figure, which `draw_all` saves as PNG. Drawing needs no
display and does not change the caller's matplotlib settings.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style, summary
from rnnbench.figures.connectivity import interference_against_g
from rnnbench.figures.curves import curves_of_pairs
from rnnbench.figures.matrix import interference_matrix
from rnnbench.figures.overview import interference_overview
from rnnbench.results.interference import in_context

__all__ = ["curves_of_pairs", "draw_all", "interference_against_g", "interference_matrix", "interference_overview"]

MOST_PANELS = 8
"""With more panels than this, each (architecture, rule, units) has its own file."""


def draw_all(interference: pd.DataFrame, curves: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw every figure that the tables allow and save it as PNG in `folder`.

    The figures are: the interference matrix; the curves of every pair; interference against g for the groups that were
    trained at several g; and an overview of the other groups if there are several. A figure has its plain name
    (`interference_matrix.png`, `interference_against_g.png`, `interference_overview.png`, `curves.png`) if one file
    holds everything. Otherwise each (architecture, rule, units) has a file named after it, as in
    `curves-rate-tanh-sgd-256.png`.

    Args:
        interference: one row per network and ordered pair of tasks.
        curves: one row per network, ordered pair of tasks and update.
        folder: created if it does not exist; files of the same names are overwritten.

    Returns:
        The paths written.

    Raises:
        ValueError: a table lacks a column.
    """
    paths = []
    for name in ("interference_matrix", "interference_against_g", "interference_overview", "curves"):
        for stale in folder.glob(f"{name}*.png"):  # an earlier version of the benchmark may have had other files
            stale.unlink()
    if len(interference):
        many = _n_groups(interference, "g") > MOST_PANELS
        paths += _draw(interference_matrix, interference, folder, "interference_matrix", many)
        swept = _has_several_g(interference)
        many = _n_groups(interference[swept]) > MOST_PANELS
        paths += _draw(interference_against_g, interference[swept], folder, "interference_against_g", many)
        pairs = interference[~swept & (interference["first_task"] != interference["second_task"])]
        if _n_groups(pairs) > 1:
            paths += _draw(interference_overview, interference[~swept], folder, "interference_overview", False)
    if len(curves):
        several = _n_groups(curves) > 1
        paths += _draw(lambda rows: curves_of_pairs(rows, interference), curves, folder, "curves", several)
    return paths


def _draw(
    draw: Callable[[pd.DataFrame], Figure], table: pd.DataFrame, folder: Path, name: str, by_group: bool
) -> list[Path]:
    """Save one figure of the whole table, or one for each group; none if the table is empty."""
    if table.empty:
        return []
    if not by_group:
        return [style.save(draw(table), folder / f"{name}.png")]
    paths: list[Path] = []
    for group, rows in summary.groups(table):
        stem = "-".join([name, *(_slug(part) for part in group if part != "")])
        same = sum(path.stem == stem or path.stem.startswith(f"{stem}.") for path in paths)
        # Labels that differ only in their punctuation must not overwrite each other.
        paths.append(style.save(draw(rows), folder / f"{stem}{f'.{same + 1}' if same else ''}.png"))
    return paths


def _has_several_g(table: pd.DataFrame) -> pd.Series:
    """Which rows belong to a group that was trained at more than one g."""
    table = in_context(table)
    return table.groupby(summary.GROUP, dropna=False)["g"].transform("nunique") > 1


def _n_groups(table: pd.DataFrame, *also: str) -> int:
    return len(in_context(table)[[*summary.GROUP, *also]].drop_duplicates())


def _slug(label: object) -> str:
    """`label` in characters that every file system accepts."""
    return re.sub(r"[^a-z0-9]+", "-", str(label).lower()).strip("-")[:40] or "x"

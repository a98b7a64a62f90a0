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
from rnnbench.figures.against import interference_against
from rnnbench.figures.at_a_glance import interference_summary
from rnnbench.figures.curves import curves_of_pairs
from rnnbench.figures.decomposition import rows_columns_pairs
from rnnbench.figures.matrix import interference_matrix
from rnnbench.figures.moments import is_drawn
from rnnbench.figures.overview import interference_overview
from rnnbench.results.comparisons import Compared, compared
from rnnbench.results.interference import in_context

__all__ = [
    "curves_of_pairs",
    "draw_all",
    "interference_against",
    "interference_matrix",
    "interference_overview",
    "interference_summary",
    "remove_all",
    "rows_columns_pairs",
]

MOST_PANELS = 8
"""With more panels than this, each (architecture, rule, units) has its own file."""

MOST_BLOCKS = 4
"""With more comparisons of the same number than this, each has its own file."""

NAMES = (
    "interference_matrix",
    "interference_summary",
    "interference_against_",
    "interference_overview",
    "rows_columns_pairs",
    "curves",
)


def draw_all(interference: pd.DataFrame, curves: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw every figure that the tables allow and save it as PNG in `folder`.

    The figures are: the interference matrix; a summary of matrices and of interference against g, or another number
    that varies; interference against every such number, in full; an overview of the groups at a single g if there are
    several; rows, columns and pairs, with four tasks or more; and the curves of every pair. A figure has its plain name
    (`interference_matrix.png`, `interference_summary.png`, `interference_against_g.png`, `interference_overview.png`,
    `rows_columns_pairs.png`, `curves.png`) if one file holds everything. Otherwise each (architecture, rule, units) has
    a file named after it, as in `curves-rate-tanh-sgd-256.png`.

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
    curves = curves if len(curves) else pd.DataFrame(columns=summary.CURVE_COLUMNS)
    remove_all(folder)  # an earlier version of the benchmark may have had other files
    if len(interference):
        many = _n_groups(interference, "g") > MOST_PANELS
        paths += _draw(interference_matrix, interference, folder, "interference_matrix", many)
        found = _comparisons(interference, curves)
        paths += _draw_summaries(found, interference, curves, folder)
        paths += _draw_against(found, interference, curves, folder)
        single = interference[~_has_several_g(interference)]
        pairs = single[single["first_task"] != single["second_task"]]
        if _n_groups(pairs) > 1:
            paths += _draw(
                lambda rows: interference_overview(rows, curves), single, folder, "interference_overview", False
            )
        paths += _draw(rows_columns_pairs, interference, folder, "rows_columns_pairs", many)
    if len(curves):
        several = _n_groups(curves) > 1
        paths += _draw(lambda rows: curves_of_pairs(rows, interference), curves, folder, "curves", several)
    return paths


def remove_all(folder: Path) -> None:
    """Remove the figures that `draw_all` has saved in a folder, and no other files."""
    for name in NAMES:
        for path in folder.glob(f"{name}*.png"):
            path.unlink()


def _comparisons(interference: pd.DataFrame, curves: pd.DataFrame) -> dict[str, list[Compared]]:
    """The comparisons of numbers, by the number."""
    found: dict[str, list[Compared]] = {}
    for one in compared(interference, curves):
        if is_drawn(one):
            found.setdefault(one.across, []).append(one)
    return found


def _draw_summaries(
    found: dict[str, list[Compared]], interference: pd.DataFrame, curves: pd.DataFrame, folder: Path
) -> list[Path]:
    """Draw a summary of each comparison in which pairs and values can be compared."""
    drawn = [
        (one, figure)
        for comparisons in found.values()
        for one in comparisons
        if (figure := interference_summary(one, interference, curves)) is not None
    ]
    paths: list[Path] = []
    for one, figure in drawn:
        same = [other for other, _ in drawn if other.across == one.across]
        number = [_slug(one.across.removeprefix("condition_"), "_")] if len(same) < len(drawn) else []
        labels = ["interference_summary", *number, *map(_slug, _varying(one, same))]
        paths.append(style.save(figure, _free(folder, labels, paths)))
    return paths


def _draw_against(
    found: dict[str, list[Compared]], interference: pd.DataFrame, curves: pd.DataFrame, folder: Path
) -> list[Path]:
    """Draw a figure for each number that varies, or one for each setting if there are many."""
    paths: list[Path] = []
    for across, comparisons in found.items():
        name = f"interference_against_{_slug(across.removeprefix('condition_'), '_')}"
        parts = [[one] for one in comparisons] if len(comparisons) > MOST_BLOCKS else [comparisons]
        for part in parts:
            labels = [name, *map(_slug, _varying(part[0], comparisons))] if len(parts) > 1 else [name]
            paths.append(style.save(interference_against(part, interference, curves), _free(folder, labels, paths)))
    return paths


def _varying(one: Compared, comparisons: list[Compared]) -> list[object]:
    """The values of the setting of one comparison that are not the same in all comparisons."""
    texts = {name: {str(other.setting[name]) for other in comparisons} for name in one.setting}
    return [value for name, value in one.setting.items() if len(texts[name]) > 1]


def _draw(
    draw: Callable[[pd.DataFrame], Figure | None], table: pd.DataFrame, folder: Path, name: str, by_group: bool
) -> list[Path]:
    """Save one figure of the whole table, or one for each group; none if there is nothing to draw."""
    if table.empty:
        return []
    paths: list[Path] = []
    parts = [(group, rows) for group, rows in summary.groups(table)] if by_group else [((), table)]
    for group, rows in parts:
        labels = [name, *(_slug(part) for part in group if part != "")]
        if (figure := draw(rows)) is not None:
            paths.append(style.save(figure, _free(folder, labels, paths)))
    return paths


def _free(folder: Path, labels: list[str], paths: list[Path]) -> Path:
    """A path that is not among `paths`: labels that differ only in their punctuation must not share a file."""
    stem = "-".join(labels)
    same = sum(path.stem == stem or path.stem.startswith(f"{stem}.") for path in paths)
    return folder / f"{stem}{f'.{same + 1}' if same else ''}.png"


def _has_several_g(table: pd.DataFrame) -> pd.Series:
    """Which rows belong to a group that was trained at more than one g."""
    table = in_context(table)
    return table.groupby(summary.GROUP, dropna=False)["g"].transform("nunique") > 1


def _n_groups(table: pd.DataFrame, *also: str) -> int:
    return len(in_context(table)[[*summary.GROUP, *also]].drop_duplicates())


def _slug(label: object, space: str = "-") -> str:
    """`label` in characters that every file system accepts."""
    return re.sub(r"[^a-z0-9]+", space, str(label).lower()).strip(space)[:40] or "x"

"""A page's data: the networks of every cell and their thinned curves, as JSON that no markup can leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from rnnbench.reports.page.matrices import Cell, columns_of_networks
from rnnbench.reports.page.numbers import rounded
from rnnbench.results.interference import CELL, counts

MOST_POINTS, FEWEST_POINTS = 60, 8
BUDGET = 100_000
"""Points of curves in a page, about 20 bytes each; many networks share them."""


def points_for(n_curves: int) -> int:
    """How many points of each curve a page of so many curves carries."""
    return int(np.clip(BUDGET // max(n_curves, 1), FEWEST_POINTS, MOST_POINTS))


def thinned(values: np.ndarray, n_points: int) -> np.ndarray:
    """Places of at most `n_points` of a curve: evenly apart, the ends and the highest and lowest value among them."""
    n = len(values)
    if n <= n_points:
        return np.arange(n)
    places = np.linspace(0, n - 1, n_points - 2).round().astype(int)
    ends = [np.nanargmax(values), np.nanargmin(values)] if np.isfinite(values).any() else []
    return np.unique(np.concatenate([places, np.array(ends, dtype=int)]))


def data_of(cells: Sequence[Cell], curves: pd.DataFrame, n_points: int) -> list[dict[str, Any]]:
    """The numbers behind each cell; a network's curve is [updates, loss on A, loss on B]."""
    known = _by_network(curves)
    found = []
    for cell in cells:
        counted = counts(cell.rows)
        rows = cell.rows.to_dict("records")
        lines = [_curve(known.get(_network(row)), n_points) for row in rows]
        found.append(
            {
                "first": cell.first,
                "second": cell.second,
                "setting": cell.setting,
                "networks": [cell.networks, cell.converged, cell.counted],
                "numbers": [rounded(x) for x in (cell.mean, cell.sd, cell.low, cell.high)],
                "rows": [[rounded(row.get(name)) for name in columns_of_networks()] for row in rows],
                "counted": [int(one) for one in counted],
                "failures": [str(row["failure"]) if isinstance(row.get("failure"), str) else "" for row in rows],
                "curves": lines if any(lines) else [],
            }
        )
    return found


def _network(row: dict[Any, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in [*CELL, "seed"])


def _by_network(curves: pd.DataFrame) -> dict[tuple[str, ...], pd.DataFrame]:
    if curves.empty:
        return {}
    by = [*CELL, "seed"]
    return {tuple(map(str, key)): rows for key, rows in curves.groupby(by, dropna=False, sort=False)}


def _curve(rows: pd.DataFrame | None, n_points: int) -> list[list[float | None]]:
    if rows is None or rows.empty:
        return []
    rows = rows.sort_values("update")
    rows = rows.iloc[thinned(rows["loss_first"].to_numpy(float), n_points)]
    return [[rounded(x, 4) for x in rows[name]] for name in ("update", "loss_first", "loss_second")]


def as_json(value: Any) -> Markup:
    """JSON that stands in a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)  # ASCII alone
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)

"""Data embedded in the page: the networks of every matrix entry and their thinned curves, as JSON safe in HTML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from rnnbench.reports.numbers import rounded
from rnnbench.reports.page.matrices import Entry, columns_of_networks
from rnnbench.results.columns import ENTRY
from rnnbench.results.interference import counts

MOST_POINTS, FEWEST_POINTS = 60, 8
BUDGET = 100_000
"""Number of curve points in a page, about 20 bytes each; the networks share them equally."""


def points_for(n_curves: int) -> int:
    """Number of points of each curve in a page with `n_curves` curves."""
    return int(np.clip(BUDGET // max(n_curves, 1), FEWEST_POINTS, MOST_POINTS))


def thinned(values: np.ndarray, n_points: int) -> np.ndarray:
    """Indices of evenly spaced points of a curve, including both ends and the highest and the lowest value.

    Args:
        values: the curve, [point].
        n_points: largest number of points.

    Returns:
        Ascending indices into `values`, at most `n_points` of them.
    """
    n = len(values)
    if n <= n_points:
        return np.arange(n)
    even = np.linspace(0, n - 1, n_points - 2).round().astype(int)
    extremes = [np.nanargmax(values), np.nanargmin(values)] if np.isfinite(values).any() else []
    return np.unique(np.concatenate([even, np.array(extremes, dtype=int)]))


def data_of(cells: Sequence[Entry], curves: pd.DataFrame, n_points: int) -> list[dict[str, Any]]:
    """The numbers of each matrix entry and its networks.

    Args:
        cells: the entries.
        curves: the curves table.
        n_points: largest number of points of a curve.

    Returns:
        One dictionary for each entry. The curve of a network is [updates, loss on A, loss on B].
    """
    known = _by_network(curves)
    found = []
    for entry in cells:
        counted = counts(entry.rows)
        rows = entry.rows.to_dict("records")
        lines = [_curve(known.get(_network(row)), n_points) for row in rows]
        found.append(
            {
                "first": entry.first,
                "second": entry.second,
                "setting": entry.setting,
                "networks": [entry.networks, entry.converged, entry.counted],
                "numbers": [rounded(x) for x in (entry.mean, entry.sd, entry.low, entry.high)],
                "rows": [[rounded(row.get(name)) for name in columns_of_networks()] for row in rows],
                "counted": [int(one) for one in counted],
                "failures": [str(row["failure"]) if isinstance(row.get("failure"), str) else "" for row in rows],
                "curves": lines if any(lines) else [],
            }
        )
    return found


def _network(row: dict[Any, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in [*ENTRY, "seed"])


def _by_network(curves: pd.DataFrame) -> dict[tuple[str, ...], pd.DataFrame]:
    if curves.empty:
        return {}
    by = [*ENTRY, "seed"]
    return {tuple(map(str, key)): rows for key, rows in curves.groupby(by, dropna=False, sort=False)}


def _curve(rows: pd.DataFrame | None, n_points: int) -> list[list[float | None]]:
    if rows is None or rows.empty:
        return []
    rows = rows.sort_values("update")
    rows = rows.iloc[thinned(rows["loss_first"].to_numpy(float), n_points)]
    return [[rounded(x, 4) for x in rows[name]] for name in ("update", "loss_first", "loss_second")]


def as_json(value: Any) -> Markup:
    """JSON that is safe inside a script element, because it can neither end the element nor begin a comment.

    Args:
        value: the data.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)  # only ASCII characters
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)

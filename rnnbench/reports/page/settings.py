"""The setting of each matrix in words: the common part is given once, and the differences name each matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rnnbench.reports.numbers import plain
from rnnbench.results.columns import MATRIX

Setting = dict[str, Any]
"""Values of the columns in MATRIX."""


def setting_of(row: Any) -> Setting:
    """The setting of a row: its values in the columns of MATRIX."""
    return {name: row[name] for name in MATRIX}


def key_of(setting: Setting) -> tuple[str, ...]:
    """A key that is the same for equal settings; NaN equals NaN."""
    return tuple(str(setting[name]) for name in MATRIX)


def parts(setting: Setting) -> dict[str, str]:
    """The parts of a setting in words; a part without information is empty."""
    g, condition, earlier = setting["g"], setting["condition"], setting["earlier_tasks"]
    return {
        "architecture": str(setting["architecture"]),
        "rule": str(setting["rule"]),
        "units": f"N = {plain(setting['units'])}",
        "g": "" if pd.isna(g) else f"g = {plain(float(g))}",
        "condition": str(condition).replace("=", " = ") if condition else "",
        "earlier_tasks": f"after {earlier}" if earlier else "",
    }


def names(settings: Sequence[Setting]) -> tuple[str, list[str]]:
    """Name the settings by the parts in which they differ.

    Args:
        settings: the settings to be named.

    Returns:
        The parts that all settings share, and the name of each setting.
    """
    texts = [parts(setting) for setting in settings]
    shared = {name for name in MATRIX if len({one[name] for one in texts}) == 1}
    common = [texts[0][name] for name in texts[0] if name in shared and texts[0][name]] if texts else []
    each = [" · ".join(one[name] or _nothing(name) for name in one if name not in shared) for one in texts]
    return " · ".join(common), [name or "all networks" for name in each]


def _nothing(part: str) -> str:
    return {"earlier_tasks": "at first", "g": "no g", "condition": "no condition"}.get(part, "")

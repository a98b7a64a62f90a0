"""What a matrix was measured on, in words: what all share is said once, what differs names each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rnnbench.reports.page.numbers import plain
from rnnbench.results.interference import MATRIX

Setting = dict[str, Any]
"""Values of the columns MATRIX."""


def setting_of(row: Any) -> Setting:
    """The columns MATRIX of a row."""
    return {name: row[name] for name in MATRIX}


def key_of(setting: Setting) -> tuple[str, ...]:
    """By which settings are alike; NaN is like itself."""
    return tuple(str(setting[name]) for name in MATRIX)


def parts(setting: Setting) -> dict[str, str]:
    """Its parts in words; empty where there is nothing to say."""
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
    """What all settings share, and the name of each by what it does not share; one alone is named by its g."""
    told = [parts(setting) for setting in settings]
    shared = {name for name in MATRIX if len({one[name] for one in told}) == 1}
    common = [told[0][name] for name in told[0] if name in shared and told[0][name]] if told else []
    each = [" · ".join(one[name] or _nothing(name) for name in one if name not in shared) for one in told]
    return " · ".join(common), [name or "all networks" for name in each]


def _nothing(part: str) -> str:
    return {"earlier_tasks": "at first", "g": "no g", "condition": "no condition"}.get(part, "")

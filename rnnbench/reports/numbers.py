"""Numbers and names as every report shows them: a true minus sign, an en dash for a missing value."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from rnnbench.figures import style

DASH = "–"


def number(value: Any) -> str:
    """A number in few characters, as in the figures; a dash for a missing one."""
    if _finite(value):
        return style.number(float(value))
    if value is None or value is pd.NA or math.isnan(float(value)):
        return DASH
    return "∞" if float(value) > 0 else "−∞"


def precise(value: Any) -> str:
    """With four significant digits, for losses; a dash for what is missing or not finite."""
    return f"{float(value):.4g}".replace("-", "−") if _finite(value) else DASH


def whole(value: Any) -> str:
    """A count; a dash where there is none."""
    return f"{int(value):,}".replace(",", " ") if _finite(value) else DASH


def with_interval(value: Any, low: Any, high: Any) -> str:
    """A mean and, where there is one, its interval."""
    interval = f" ({number(low)} to {number(high)})" if _finite(low) and _finite(high) else ""
    return number(value) + interval


def interval(low: float, high: float) -> str:
    """An interval in brackets; a dash where an end is missing."""
    return f"[{DASH}]" if math.isnan(low) or math.isnan(high) else f"[{number(low)}, {number(high)}]"


def p_text(p: float) -> str:
    """A p-value with two significant digits."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def plain(value: Any) -> str:
    """A parameter's value as it stands in a sentence."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}".replace("-", "−") if math.isfinite(value) else DASH
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


def listed(names: list[str]) -> str:
    """Names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number of things: "1 seed", "3 seeds"."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def rounded(value: Any, digits: int = 6) -> float | None:
    """For the data in the page: so many significant digits; None, JSON's null, for what is missing or not finite."""
    return float(f"{float(value):.{digits}g}") if _finite(value) else None


def _finite(value: Any) -> bool:
    return not (value is None or value is pd.NA) and math.isfinite(float(value))

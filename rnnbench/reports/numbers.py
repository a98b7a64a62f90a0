"""Numbers and names as text for reports, with a minus sign (−) and with an en dash for a missing value."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from rnnbench.figures import style

DASH = "–"


def number(value: Any) -> str:
    """A number in few characters, as in the figures; a dash if it is missing."""
    if _finite(value):
        return style.number(float(value))
    if value is None or value is pd.NA or math.isnan(float(value)):
        return DASH
    return "∞" if float(value) > 0 else "−∞"


def precise(value: Any) -> str:
    """A number with four significant digits, for losses; a dash if it is missing or not finite."""
    return f"{float(value):.4g}".replace("-", "−") if _finite(value) else DASH


def whole(value: Any) -> str:
    """A whole number with spaces between thousands; a dash if it is missing."""
    return f"{int(value):,}".replace(",", " ") if _finite(value) else DASH


def with_interval(value: Any, low: Any, high: Any) -> str:
    """A mean, followed by its interval if there is one."""
    interval = f" ({number(low)} to {number(high)})" if _finite(low) and _finite(high) else ""
    return number(value) + interval


def interval(low: float, high: float) -> str:
    """An interval in brackets; a dash in brackets if an end is missing."""
    return f"[{DASH}]" if math.isnan(low) or math.isnan(high) else f"[{number(low)}, {number(high)}]"


def p_text(p: float) -> str:
    """A p-value with two significant digits, or that it is below 0.001."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def plain(value: Any) -> str:
    """The value of a parameter as text for a sentence."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}".replace("-", "−") if math.isfinite(value) else DASH
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


def rounded(value: Any, digits: int = 6) -> float | None:
    """A number rounded to significant digits, for JSON data; None (null in JSON) if it is missing or not finite."""
    return float(f"{float(value):.{digits}g}") if _finite(value) else None


def _finite(value: Any) -> bool:
    return not (value is None or value is pd.NA) and math.isfinite(float(value))

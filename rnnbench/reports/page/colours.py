"""The colour scale of interference as classes of a style sheet, with black or white text on each colour."""

from __future__ import annotations

import math

from matplotlib.colors import to_hex

from rnnbench.figures.style import HIGHEST, LOWEST, interference_colours

STEPS = 20
"""Number of colours for each unit of interference."""
N_SHADES = round((HIGHEST - LOWEST) * STEPS)


def shade(value: float) -> str:
    """The class of an interference; values beyond the ends of the scale have the colour of the end."""
    if not math.isfinite(value):
        return "absent"
    return f"i{min(max(math.floor(round((value - LOWEST) * STEPS, 9)), 0), N_SHADES - 1)}"


def colour(place: int) -> str:
    """The colour (#rrggbb) in the middle of shade number `place`."""
    colours, scale = interference_colours()
    return to_hex(colours(scale(LOWEST + (place + 0.5) / STEPS)))


def ink(background: str) -> str:
    """Text colour, black or white, on a background #rrggbb.

    One of the two always has a contrast of at least 4.58 (WCAG 2.2, relative luminance).
    """
    return "#000" if (luminance(background) + 0.05) ** 2 > 0.05 * 1.05 else "#fff"


def luminance(colour: str) -> float:
    """Relative luminance of a colour #rrggbb as defined by WCAG."""
    channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def rules() -> str:
    """The shades as a style sheet."""
    shades = (colour(number) for number in range(N_SHADES))
    return "\n".join(f".i{n}{{background:{c};color:{ink(c)}}}" for n, c in enumerate(shades))


def key() -> list[tuple[str, str]]:
    """(class, label) of the pieces of the colour key, one for each quarter of a unit."""
    values = [LOWEST + k / 4 for k in range(round((HIGHEST - LOWEST) * 4))]
    return [(shade(value), f"{value:g}".replace("-", "−") if value == int(value) else "") for value in values]

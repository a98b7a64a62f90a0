"""Figures that are embedded in the page."""

from __future__ import annotations

import base64
import io

from matplotlib.figure import Figure

from rnnbench.figures import style


def data_uri(figure: Figure) -> str:
    """A figure as a data: address with a PNG image."""
    buffer = io.BytesIO()
    with style.look():
        figure.savefig(buffer, dpi=style.DPI, format="png", metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

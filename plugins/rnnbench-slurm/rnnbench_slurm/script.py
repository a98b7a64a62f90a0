"""The batch script of a job array, rendered from a template that a lab can edit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from rnnbench import RnnbenchError

TEMPLATE = Path(__file__).parent / "array.sbatch"


def rendered(template: str | None, values: dict[str, Any]) -> str:
    """Render the batch script.

    Args:
        template: path of a template; None for the one of this package.
        values: values of the template's variables by name.

    Raises:
        RnnbenchError: the template cannot be read or rendered.
    """
    path = Path(template) if template else TEMPLATE
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        return environment.from_string(path.read_text(encoding="utf-8")).render(values)
    except OSError as error:
        raise RnnbenchError(f"slurm: template {path}: cannot be read: {error.strerror}") from None
    except TemplateError as error:
        fault = " ".join(str(error).split())
        raise RnnbenchError(f"slurm: template {path}: {fault}; known names are {', '.join(sorted(values))}") from None


def walltime(seconds: float) -> str:
    """Format a duration as Slurm does, days-hours:minutes:seconds, rounded up to whole minutes."""
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 1440}-{minutes % 1440 // 60:02d}:{minutes % 60:02d}:00"

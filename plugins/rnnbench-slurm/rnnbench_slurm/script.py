"""The batch script of a job array, made from a template that a lab can edit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from rnnbench import RnnbenchError

TEMPLATE = Path(__file__).parent / "array.sbatch"


def rendered(template: str | None, values: dict[str, Any]) -> str:
    """The script; `template` is a file, or None for ours. Raises RnnbenchError for a template that cannot be filled."""
    path = Path(template) if template else TEMPLATE
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        return environment.from_string(path.read_text(encoding="utf-8")).render(values)
    except OSError as error:
        raise RnnbenchError(f"slurm: template {path}: cannot be read: {error.strerror}") from None
    except TemplateError as error:
        told = " ".join(str(error).split())
        raise RnnbenchError(f"slurm: template {path}: {told}; known are {', '.join(sorted(values))}") from None


def walltime(seconds: float) -> str:
    """As Slurm writes it, days-hours:minutes:seconds, in whole minutes."""
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 1440}-{minutes % 1440 // 60:02d}:{minutes % 60:02d}:00"

"""Where, when and with what something was computed; never part of what is compared."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnnbench.engine.native.kernel import native
from rnnbench.registry import installed


def provenance(device: torch.device, threads: int = 1) -> dict[str, Any]:
    """Of this process: the time now, versions, the machine, and how many threads compute."""
    registry = installed()
    packages = sorted({(f.package, f.package_version) for f in registry.found.values()})
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rnnbench": version("rnnbench"),
        "plugins": dict(packages),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "engine": "torch" if device.type == "cuda" else native().told,
        "threads": threads,
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use: a scheduler may have given it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

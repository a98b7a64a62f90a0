"""Provenance: where, when and with which software something was computed. It is never part of a comparison."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from rnnbench.engine.native.kernel import native
from rnnbench.execution.machine import processor
from rnnbench.plugin.registry import installed


def provenance(device: torch.device, threads: int = 1) -> dict[str, Any]:
    """The provenance of what this process computes: time, versions, machine and number of threads.

    Args:
        device: where networks are computed.
        threads: number of threads of each process.
    """
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
            "processor": processor(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        },
    }

"""Without neurogym this package is not installed either, so tests that need no neurogym import it from its folder."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("rnnbench_neurogym") is None:
    sys.path.insert(0, str(Path(__file__).parents[1]))

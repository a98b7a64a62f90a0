"""Where neurogym is not installed this package is not either: then what needs no neurogym is tested from its folder."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("rnnbench_neurogym") is None:
    sys.path.insert(0, str(Path(__file__).parents[1]))

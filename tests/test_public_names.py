"""The public names: listed before they are used, each importable, and none imported before it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys

import rnnbench


def test_every_public_name_can_be_imported_and_is_listed():
    assert len(rnnbench.__all__) > 35
    for name in rnnbench.__all__:
        assert getattr(rnnbench, name) is not None
    assert set(rnnbench.__all__) <= set(dir(rnnbench))


def test_a_fresh_process_lists_the_names_and_imports_nothing_for_it():
    """As IPython does, which completes `rnnbench.lo` from what dir() lists."""
    program = (
        "import rnnbench, sys, json; names = [n for n in dir(rnnbench) if n.startswith('lo')];"
        "print(json.dumps([names, sorted({'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules))]))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [["load_benchmark", "load_results", "losses"], []]

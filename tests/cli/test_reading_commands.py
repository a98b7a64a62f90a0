"""Commands that only read results import no plugin, no engine and no torch. Each is run in a fresh process.

The import contract in pyproject.toml checks the source code. These tests also see imports inside functions and imports
by other packages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "results" / "formats" / "format-1"
REFERENCE = ROOT / "results" / "reference"
(CONTRACT,) = [
    contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    if contract["type"] == "forbidden"
]
FORBIDDEN = CONTRACT["forbidden_modules"]

COMMANDS = {
    "status": ["status", FOLDER],
    "report": ["report", FOLDER, "--html", "page.html"],
    "compare": ["compare", FOLDER, FOLDER, "--out", "compared"],
    "export": ["export", FOLDER, "sent.zip"],
    "import": ["import", "arrived.zip", "--results", "results"],
    "claims": ["claims", REFERENCE / "claims" / "c5-small", "--out", "claims"],
    "trade-off": ["trade-off", REFERENCE / "architectures", "--out", "trade-off"],
    "schema": ["schema"],
}
READS = "import rnnbench; rnnbench.load_results(sys.argv[1]).interference"
RUNS = "from rnnbench.cli import app; app(sys.argv[1:], standalone_mode=False)"


def modules_of(program: str, arguments: list[object], folder: Path) -> set[str]:
    """Names of the modules that a fresh process has imported after it has run a program."""
    ends = "import json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    command = [sys.executable, "-c", f"import sys; {program}; {ends}", *map(str, arguments)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stderr.splitlines()[-1]))


def forbidden_in(modules: set[str]) -> set[str]:
    return {m for m in modules for name in FORBIDDEN if m == name or m.startswith(f"{name}.")}


def test_the_forbidden_modules_exist():
    """Otherwise the tests below would always pass after a module was renamed."""
    assert len(FORBIDDEN) >= 8
    for name in FORBIDDEN:
        assert find_spec(name) is not None, f"{name}: no such module"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reading_command_imports_no_plugin_engine_or_torch(name, tmp_path, make_plugin):
    trap = tmp_path / "imported"
    make_plugin("rnnbench-trap", f"open({str(trap)!r}, 'w').close()\n")
    if name == "import":
        modules_of(RUNS, ["export", FOLDER, "arrived.zip"], tmp_path)
    modules = modules_of(RUNS, COMMANDS[name], tmp_path)
    assert "rnnbench.results" in modules
    assert not forbidden_in(modules)
    assert not trap.exists() and not {m for m in modules if m.startswith("rnnbench_")}


def test_load_results_imports_none_of_them_either(tmp_path):
    modules = modules_of(READS, [FOLDER], tmp_path)
    assert "rnnbench.results.reading" in modules and not forbidden_in(modules)


def test_a_command_that_asks_for_plugins_imports_them(tmp_path, make_plugin):
    """This shows that the trap and the list of modules work."""
    trap = tmp_path / "imported"
    make_plugin("rnnbench-trap", f"open({str(trap)!r}, 'w').close()\n")
    modules = modules_of(RUNS, ["list"], tmp_path)
    assert {"torch", "pluggy", "rnnbench.plugin.registry"} <= forbidden_in(modules) and trap.exists()

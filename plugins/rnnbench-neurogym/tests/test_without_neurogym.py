"""The plugin can be imported, listed and described without neurogym; using it then says what to install."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rnnbench_neurogym import environments

ROOT = Path(__file__).parents[1]

PLUGIN = """
    import sys
    sys.path.insert(0, {root!r})
    from importlib.metadata import EntryPoint
    from rnnbench.plugin.registry import Registry
    registry = Registry()
    registry.add(EntryPoint("builtin", "rnnbench.engine.builtin", "rnnbench"))
    registry.add(EntryPoint("neurogym", "rnnbench_neurogym", "rnnbench"))
    assert not registry.broken, registry.broken
"""


def run(code: str, prelude: str = "") -> str:
    """Return what the code prints in a process of its own."""
    script = textwrap.dedent(prelude) + textwrap.dedent(PLUGIN.format(root=str(ROOT))) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_listing_and_describing_import_no_neurogym() -> None:
    printed = run("""
        from rnnbench.plugin.description import describe
        description = describe("neurogym", registry)
        print(len(description.parameters), sorted({"neurogym", "gymnasium", "matplotlib.pyplot"} & set(sys.modules)))
    """)
    assert printed == "9 []"


def test_without_neurogym_a_benchmark_is_refused_in_one_line() -> None:
    printed = run(
        """
        from rnnbench import load_benchmark
        try:
            load_benchmark({"name": "x", "tasks": [{"use": "neurogym", "env": "GoNogo-v0"}]}, registry)
        except Exception as error:
            print(type(error).__name__, error)
        """,
        prelude="import sys; sys.modules['neurogym'] = None",
    )
    assert printed.startswith(
        "BenchmarkError benchmark: tasks[0].env: neurogym is not installed here; pip install 'neurogym==2.3.1' torch"
    )
    assert "\n" not in printed


def test_a_module_that_neurogym_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """neurogym imports torch without declaring it, so a missing torch must not be reported as a missing neurogym."""

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name="torch")

    environments.creators.cache_clear()
    monkeypatch.setattr(environments, "import_module", absent)
    with pytest.raises(ValueError, match="neurogym is installed but lacks torch; pip install torch"):
        environments.check_id("GoNogo-v0")

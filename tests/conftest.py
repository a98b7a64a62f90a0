"""Throw-away plugin packages, and the command line as a process of its own."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from rnnbench.registry import installed

TASK = '''
from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from rnnbench import Architecture, LearningRule, Task, Trials, hookimpl


class {cls}(Task):
    """Answer one with one."""

    name, version = {name!r}, {version!r}
    source = "nobody, nowhere"

    level: float = Field(1.0, gt=0, le=2, description="what is asked for (a.u.)")

    @property
    def n_inputs(self) -> int:
        return 1

    @property
    def n_outputs(self) -> int:
        return 1

    def sample(self, rng, n_trials, dt):
        ones = np.ones((n_trials, 4, 1), np.float32)
        {sample}

{body}
'''


class Ran(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def task_source() -> Callable[..., str]:
    """Source of a module with one small task: `task_source(name, version=1, sample=.., body=.., offers=..)`.

    sample   the last line of sample(), in which `ones` is [trial, time, channel]
    body     more lines: what is indented belongs to the class, what is not comes after it
    offers   what the task hook returns, as source; None for no hook
    """

    def source(
        name: str = "lamp",
        version: object = 1,
        *,
        cls: str = "Lamp",
        sample: str = "return Trials(ones, self.level * ones, ones)",
        body: str = "",
        offers: str | None = "[{cls}]",
    ) -> str:
        text = TASK.format(cls=cls, name=name, version=version, sample=sample, body=body)
        if offers is None:
            return text
        return f"{text}\n\n@hookimpl\ndef rnnbench_tasks():\n    return {offers.format(cls=cls)}\n"

    return source


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Installs a package: `make_plugin(name, source, version="1.0", entry_point="plugin")` returns its module's path.

    It is found by this process and, through PYTHONPATH, by those it starts. The same name again replaces the package.
    """
    folder = tmp_path / "site"
    folder.mkdir()
    modules: set[str] = set()

    def forget() -> None:
        for module in modules:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        installed.cache_clear()

    def make(name: str, source: str, version: str = "1.0", entry_point: str = "plugin") -> Path:
        module = name.replace("-", "_")
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[rnnbench]\n{entry_point} = {module}\n")
        (folder / f"{module}.py").write_text(source)
        modules.add(module)
        forget()
        return folder / f"{module}.py"

    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    # A module rewritten within a second would be read from its old bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    installed.cache_clear()
    yield make
    forget()


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Ran]:
    """Runs `python -m rnnbench ARGS` to its end: `cli("run", "a.yaml", cwd=folder, env={..})` returns (code, out, err).

    cwd   tmp_path unless told otherwise
    env   added to this process's
    """

    def rnnbench_cli(*args: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "rnnbench", *map(str, args)],
            cwd=cwd or tmp_path,
            # Wide, so that no line of a table is broken.
            env={**os.environ, "COLUMNS": "200", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return rnnbench_cli

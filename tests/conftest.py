"""Throw-away plugin packages, and the command line in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from rnnbench.plugin.registry import installed

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
    """Returns the source of a module with one small task: `task_source(name, version=1, *, sample, body, offers)`.

    `sample` is the last line of sample(), in which `ones` is [trial, time, channel]. `body` contains further lines:
    indented lines belong to the class, and other lines come after it. `offers` is the source of what the task hook
    returns, or None for no hook.
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

    This process finds the package, and so do the processes it starts, through PYTHONPATH. A second call with the same
    name replaces the package.
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
    # If a module is rewritten within a second, Python would use its old bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    installed.cache_clear()
    yield make
    forget()


# Importing torch and other packages takes seconds. This process imports them once and forks for every command line.
FORKS = """
import importlib.metadata, json, os, runpy, sys, traceback
import seaborn
import rnnbench.cli.matrix_tables, rnnbench.cli.run_display, rnnbench.execution.run

for plugin in importlib.metadata.entry_points(group="rnnbench"):
    importlib.import_module(plugin.module)

def run(arguments, cwd, environment, files):
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["rnnbench", *arguments]
    try:
        runpy.run_module("rnnbench", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = run(*json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


LONGEST = 300
"""How many seconds a command may take."""


@pytest.fixture(scope="session")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Ran]]:
    """Runs `python -m rnnbench ARGS` until it ends: `command_line(arguments, cwd, env)` returns (code, out, err)."""
    # The terminal is wide, so that no line of a table is broken.
    wide = {"COLUMNS": "200"}
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | wide
    )
    assert process.stdin is not None and process.stdout is not None
    files = [tmp_path_factory.mktemp("command line") / name for name in ("out", "err")]

    def run(arguments: Iterable[object], cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
        words = [*map(str, arguments)]
        order = [words, str(cwd), os.environ | wide | (env or {}), [*map(str, files)]]
        assert process.poll() is None, "the process that runs command lines has ended; see its output above"
        print(json.dumps(order), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], LONGEST)[0]:
            process.kill()
            raise AssertionError(f"rnnbench {' '.join(words)}: has not ended after {LONGEST} s")
        ended = process.stdout.readline()
        assert ended, "the process that runs command lines has ended; see its output above"
        return Ran(int(ended), *(file.read_text() for file in files))

    yield run
    process.stdin.close()
    process.wait(10)


@pytest.fixture
def cli(tmp_path: Path, command_line: Callable[..., Ran]) -> Callable[..., Ran]:
    """Runs `python -m rnnbench ARGS` until it ends: `cli("run", "a.yaml", cwd=folder)` returns (code, out, err).

    The working directory is tmp_path by default. `env` is added to the environment; variables that are read during
    imports have no effect.
    """

    def run(*args: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ran:
        return command_line(args, cwd or tmp_path, env)

    return run


@pytest.fixture(scope="session")
def clipped() -> Callable[..., list[str]]:
    """Returns a function that lists the texts of a figure that extend beyond its edge."""

    from matplotlib.text import Text  # imported here, because most tests draw nothing

    def find(figure) -> list[str]:
        figure.draw_without_rendering()
        page = figure.bbox
        outside = []
        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text():
                box = text.get_window_extent()
                if box.x0 < 0 or box.y0 < 0 or box.x1 > page.x1 or box.y1 > page.y1:
                    outside.append(text.get_text())
        return outside

    return find


@pytest.fixture(scope="session")
def overlapping() -> Callable[..., list[tuple[str, str]]]:
    """Returns a function that lists the pairs of a figure's texts that are drawn over each other."""

    from matplotlib.text import Text  # imported here, because most tests draw nothing

    def find(figure) -> list[tuple[str, str]]:
        figure.draw_without_rendering()
        texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in texts]  # letters may touch
        return [(a, b) for k, (a, box) in enumerate(boxes) for b, other in boxes[:k] if box.overlaps(other)]

    return find

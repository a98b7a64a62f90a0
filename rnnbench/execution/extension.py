"""What `rnnbench extend` extends: the results in a folder, or those in an archive, which is unpacked to a folder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.benchmark.schema import NAME_PATTERN, Benchmark
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.loading.extension import extended
from rnnbench.plugin.registry import installed
from rnnbench.results.archive import opened
from rnnbench.results.columns import INTERFERENCE
from rnnbench.results.document import benchmark_of
from rnnbench.results.exchange.importing import check_free, check_name, has_cells, holds, import_results

NO_CELLS = "holds tables only: without the cells no task can be added; compute the benchmark yourself (run)"


@dataclass(frozen=True)
class Extension:
    """Results and the benchmark to which they are extended.

    Attributes:
        benchmark: the benchmark with the added tasks, named like the folder.
        folder: the folder of the results.
        target: the folder in which they will be; another one than `folder` only if that is temporary.
        adds: whether the benchmark has tasks that the folder's does not have yet.
        unpacked: whether the folder was unpacked from an archive just now.
    """

    benchmark: Benchmark
    folder: Path
    target: Path
    adds: bool
    unpacked: bool = False


def of_folder(folder: Path, tasks: Sequence[str]) -> Extension:
    """The extension of the results in a folder. Nothing is written.

    Args:
        folder: the results folder.
        tasks: the tasks to add, see `extended`.

    Raises:
        BenchmarkError: the tasks cannot be added.
        StoreError: the folder holds no results, or tables without cells.
    """
    if folder.name in ("", ".."):
        folder = folder.resolve()
    stored = benchmark_of(folder)
    if (folder / INTERFERENCE.file).exists() and not has_cells(folder):
        raise StoreError(f"{folder}: {NO_CELLS}")
    if not re.fullmatch(NAME_PATTERN, folder.name):
        raise StoreError(f"{folder}: rename the folder; use letters, digits, . _ and -")
    benchmark = _extended(stored, tasks, folder)
    return Extension(benchmark, folder, folder, adds=not _alike(benchmark, stored))


@contextmanager
def of_archive(
    archive: Path,
    tasks: Sequence[str],
    home: Path,
    name: str | None,
    temporary: bool,
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
) -> Iterator[Extension]:
    """The extension of the results in an archive, which is unpacked when the tasks have been found to be right.

    If the folder to which it would be unpacked exists and holds these results, with or without the tasks, an earlier
    call was interrupted or has come to its end, and its folder is used.

    Args:
        archive: the archive.
        tasks: the tasks to add, see `extended`.
        home: the folder in which the results folder is created.
        name: name of the results folder; None takes the name of the benchmark.
        temporary: whether to unpack to a temporary folder, which ends with the block.
        on_progress: see `import_results`.

    Yields:
        The extension.

    Raises:
        BenchmarkError: the tasks cannot be added.
        StoreError: the archive is not valid or holds tables only, or the folder holds something else.
    """
    check_name(name)
    with opened(archive) as tables:
        stored = benchmark_of(tables)
    target = home / (name or stored.name)
    benchmark = _extended(stored, tasks, target)
    if not has_cells(archive):
        raise StoreError(f"{archive}: {NO_CELLS}")
    if target.is_dir() and _becomes(target, tasks, benchmark) and holds(target, archive):
        yield Extension(benchmark, target, target, adds=not _alike(benchmark, benchmark_of(target)))
        return
    check_free(target)
    if temporary:
        with tempfile.TemporaryDirectory(prefix="rnnbench-") as other:
            folder = import_results(archive, Path(other), target.name, on_progress)
            yield Extension(benchmark, folder, target, adds=not _alike(benchmark, stored))
    else:
        folder = import_results(archive, home, name, on_progress)
        yield Extension(benchmark, folder, folder, adds=not _alike(benchmark, stored), unpacked=True)


def _extended(stored: Benchmark, tasks: Sequence[str], folder: Path) -> Benchmark:
    return extended(stored, tasks, installed()).model_copy(update={"name": folder.name})


def _becomes(folder: Path, tasks: Sequence[str], benchmark: Benchmark) -> bool:
    """Whether the benchmark in a folder is that of an archive, with the added tasks, some of them or none."""
    try:
        return _alike(_extended(benchmark_of(folder), tasks, folder), benchmark)
    except RnnbenchError:
        return False


def _alike(one: Benchmark, two: Benchmark) -> bool:
    """Whether two benchmarks have the same description except for their names."""
    return one.model_dump(mode="json", exclude={"name"}) == two.model_dump(mode="json", exclude={"name"})

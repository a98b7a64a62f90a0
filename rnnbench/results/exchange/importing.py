"""An archive from elsewhere put among one's own results: checked to the last file first, then in one step."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.schema import NAME_PATTERN
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.results.archive import CELL, WEIGHTS, Archive
from rnnbench.results.columns import INTERFERENCE
from rnnbench.results.reading import Results, load_results
from rnnbench.results.store import Store, verified
from rnnbench.results.tables import collect

TOLERANCE = 1e-9
"""Relative: the tables are written with all digits of what the cells hold."""


def import_results(
    archive: Path,
    home: Path,
    name: str | None = None,
    tell: Callable[[int, int], Any] = lambda done, total: None,
) -> Path:
    """Unpack an archive into `home`/<name>; the folder it made.

    name   of the folder; the benchmark's unless told otherwise
    tell   called with how many files of how many are checked and written

    Nothing is executed, nothing is written but the new folder, and that only when all of the archive is sound.
    Raises StoreError where it is not, or where a folder of the name is there already.
    """
    if name is not None and not re.fullmatch(NAME_PATTERN, name):
        raise StoreError(f"name: {name!r:.80} is no name for a folder of results; use letters, digits, . _ and -")
    with Archive(archive) as found:
        _make(home)
        with tempfile.TemporaryDirectory(dir=home, prefix=".import-") as temporary:
            folder = Path(temporary) / "results"
            folder.mkdir()
            try:
                results = _unpacked(found, folder, tell)
                target = home / (name or results.benchmark.name)
                _place(folder, target)
            except RnnbenchError as error:
                told = str(error).replace(f"{folder}/", f"{archive}: ").replace(str(folder), str(archive))
                raise type(error)(told) from None
    return target


def _unpacked(archive: Archive, folder: Path, tell: Callable[[int, int], Any]) -> Results:
    """The results of an archive, written to `folder` and checked: tables, records, and that they go together."""
    names, done = archive.names, 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        tell(done, len(names))

    tables = [name for name in names if not name.startswith("cells/")]
    archive.unpack(tables, folder, count)
    results = load_results(folder)  # before the cells: a newer format is told first
    archive.unpack((name for name in names if name.startswith("cells/")), folder, count)
    for name in names:
        if cell := CELL.fullmatch(name):
            try:
                verified((folder / name).read_bytes(), cell[2])
            except StoreError as error:
                raise StoreError(f"{folder}/{name}: {error}") from None
    _check_weights(folder, [name for name in names if WEIGHTS.fullmatch(name)])
    if any(CELL.fullmatch(name) for name in names):
        _check_agreement(results, folder)
    return results


def _check_weights(folder: Path, names: list[str]) -> None:
    """Raise StoreError for weights that are not those of the record beside them."""
    store = Store(folder)
    for name in names:
        identity = Path(name).name.partition(".")[0]
        record = store.peek(identity)
        sha256 = record.result.arrays_sha256 if record else None
        if record is None or sha256 is None or store.arrays_path(identity, sha256) != folder / name:
            raise StoreError(f"{folder}/{name}: belongs to no cell of the archive")
        if not store.has_arrays(record):
            raise StoreError(f"{folder}/{name}: its checksum differs from its record's")


def _check_agreement(results: Results, folder: Path) -> None:
    """Raise StoreError where the interference table is not what the cells give."""
    from_cells = collect(results.benchmark, Store(folder))[INTERFERENCE.name]
    table = results.interference
    for name in ("loss_untrained", "loss_first", "loss_after", "interference"):
        for place, (told, built) in enumerate(zip(table[name], from_cells[name], strict=False), start=2):
            if not _same(told, built):
                value = "nothing" if pd.isna(built) else f"{built:.6g}"
                raise StoreError(f"{folder}/interference.csv: row {place}: {name} is {told}, and {value} in its cells")


def _same(a: Any, b: Any) -> bool:
    if pd.isna(a) or pd.isna(b):
        return bool(pd.isna(a) and pd.isna(b))
    return math.isclose(float(a), float(b), rel_tol=TOLERANCE)


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{home}: cannot be made: {error.strerror}") from None


def _place(folder: Path, target: Path) -> None:
    """Give the finished folder its name; one that is there already stays as it is."""
    if target.exists() or target.is_symlink():
        raise StoreError(f"{target}: is there already and stays as it is; --name puts the import beside it")
    try:
        os.rename(folder, target)
    except OSError as error:
        raise StoreError(f"{target}: cannot be made: {error.strerror}") from None

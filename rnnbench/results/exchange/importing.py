"""Import of an archive into a new results folder, after every file has been checked."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.benchmark.cells import NUMERICS
from rnnbench.benchmark.schema import NAME_PATTERN
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.results.agreement import same_numbers
from rnnbench.results.archive import CELL, WEIGHTS, Archive
from rnnbench.results.columns import INTERFERENCE
from rnnbench.results.reading import Results, load_results
from rnnbench.results.records import verified
from rnnbench.results.store import Store
from rnnbench.results.tables import collect

TOLERANCE = 1e-9
"""Relative tolerance between tables and cells; the tables are written with all digits."""


def import_results(
    archive: Path,
    home: Path,
    name: str | None = None,
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
) -> Path:
    """Check an archive and unpack it into a new folder.

    No code of the archive is executed. The new folder is created only if the whole archive is valid, and nothing else
    is written.

    Args:
        archive: the file.
        home: the folder in which the new results folder is created.
        name: name of the new folder; None takes the name of the benchmark.
        on_progress: called with the number of files checked and written so far and their total.

    Returns:
        The new folder.

    Raises:
        StoreError: the archive is not valid, or the folder exists already.
    """
    check_name(name)
    with Archive(archive) as opened:
        _create(home)
        with tempfile.TemporaryDirectory(dir=home, prefix=".import-") as temporary:
            folder = Path(temporary) / "results"
            folder.mkdir()
            try:
                results = _unpack(opened, folder, on_progress)
                target = home / (name or results.benchmark.name)
                _move(folder, target)
            except RnnbenchError as error:
                message = str(error).replace(f"{folder}/", f"{archive}: ").replace(str(folder), str(archive))
                raise type(error)(message) from None
    return target


def check_name(name: str | None) -> None:
    """Raise StoreError unless a name can be that of a results folder; None stands for the name of the benchmark."""
    if name is not None and not re.fullmatch(NAME_PATTERN, name):
        raise StoreError(f"name: {name!r:.80} is not a name for a results folder; use letters, digits, . _ and -")


def check_free(target: Path) -> None:
    """Raise StoreError if there is anything in the place of a new results folder."""
    if target.exists() or target.is_symlink():
        raise StoreError(f"{target}: already exists and is not replaced; choose another name with --name")


def has_cells(results: Path) -> bool:
    """Whether a results folder or an archive has any cells; without them it holds tables only.

    Args:
        results: the folder or the archive.

    Raises:
        StoreError: the archive is damaged or is not an archive of results.
    """
    if results.is_dir():
        return any(results.glob("cells/??/*.json"))
    with Archive(results) as opened:
        return any(CELL.fullmatch(name) for name in opened.names)


def holds(folder: Path, archive: Path) -> bool:
    """Whether a folder has all results of an archive, with the same numbers. It may have more.

    Args:
        folder: the results folder.
        archive: the archive.

    Raises:
        StoreError: the archive is damaged or is not an archive of results.
    """
    store = Store(folder)
    with Archive(archive) as opened:
        cells = [(name, found[2]) for name in opened.names if (found := CELL.fullmatch(name))]
        return all(_holds(store, identity, opened.read(name)) for name, identity in cells)


def _holds(store: Store, identity: str, content: bytes) -> bool:
    """Whether a store has the result of a cell; a result that failed may have been computed again since."""
    theirs, own = verified(content, identity).result, store.peek(identity)
    return own is not None and (theirs.status == "failed" or same_numbers(theirs, own.result))


def _unpack(archive: Archive, folder: Path, on_progress: Callable[[int, int], Any]) -> Results:
    """Unpack an archive to `folder`, check the tables, the cells and that they agree, and return the results."""
    names, done = archive.names, 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        on_progress(done, len(names))

    tables = [name for name in names if not name.startswith("cells/")]
    archive.unpack(tables, folder, count)
    results = load_results(folder)  # before the cells, so that a newer format is reported first
    archive.unpack((name for name in names if name.startswith("cells/")), folder, count)
    numerics = []
    for name in names:
        if cell := CELL.fullmatch(name):
            try:
                record = verified((folder / name).read_bytes(), cell[2])
            except StoreError as error:
                raise StoreError(f"{folder}/{name}: {error}") from None
            numerics.append(record.description.get("numerics"))
    _check_weights(folder, [name for name in names if WEIGHTS.fullmatch(name)])
    if NUMERICS in numerics:  # this version does not know which cells an earlier one had
        _check_agreement(results, folder)
    return results


def _check_weights(folder: Path, names: list[str]) -> None:
    """Raise StoreError if weights do not belong to the record beside them."""
    store = Store(folder)
    for name in names:
        identity = Path(name).name.partition(".")[0]
        record = store.peek(identity)
        sha256 = record.result.arrays_sha256 if record else None
        if record is None or sha256 is None or store.arrays_path(identity, sha256) != folder / name:
            raise StoreError(f"{folder}/{name}: does not belong to a cell of the archive")
        if not store.has_arrays(record):
            raise StoreError(f"{folder}/{name}: its checksum differs from its record's")


def _check_agreement(results: Results, folder: Path) -> None:
    """Raise StoreError if the interference table differs from the one computed from the cells."""
    from_cells = collect(results.benchmark, Store(folder))[INTERFERENCE.name]
    table = results.interference
    if len(table) != len(from_cells):  # a pair without its cell has no row
        rows = f"{len(table)} rows in the table but {len(from_cells)} in the cells"
        raise StoreError(f"{folder}/interference.csv: {rows}")
    for name in ("loss_untrained", "loss_first", "loss_after", "interference"):
        for line, (in_table, in_cells) in enumerate(zip(table[name], from_cells[name], strict=True), start=2):
            if not _same(in_table, in_cells):
                value = "missing" if pd.isna(in_cells) else f"{in_cells:.6g}"
                raise StoreError(
                    f"{folder}/interference.csv: row {line}: {name} is {in_table} in the table but {value} in the cells"
                )


def _same(a: Any, b: Any) -> bool:
    if pd.isna(a) or pd.isna(b):
        return bool(pd.isna(a) and pd.isna(b))
    return math.isclose(float(a), float(b), rel_tol=TOLERANCE)


def _create(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{home}: cannot be created: {error.strerror}") from None


def _move(folder: Path, target: Path) -> None:
    """Give the finished folder its name; an existing folder is never replaced."""
    check_free(target)
    try:
        os.rename(folder, target)
    except OSError as error:
        raise StoreError(f"{target}: cannot be created: {error.strerror}") from None

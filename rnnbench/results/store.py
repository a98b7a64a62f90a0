"""The store of cells on disk: files are written atomically and verified when they are read.

A cell is one JSON file, cells/ab/<identity>.json, where `ab` are the first two
digits of the identity. If a later stage or an analysis needs its weights, they are beside it in
<identity>.<start of their checksum>.safetensors. Files are written under a temporary name in the same folder, synced to
disk and linked to their name without replacing an existing file. Therefore two workers that compute the same cell, or
a power cut, leave one complete file, and no locks are needed. A file that fails its checks is renamed to
<name>.damaged, never deleted, and counts as missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as load_arrays, save as save_arrays

from rnnbench.benchmark.cells import STEM
from rnnbench.benchmark.schema import FORMAT
from rnnbench.errors import StoreError
from rnnbench.results.agreement import check_same
from rnnbench.results.files import content_of, write_bytes
from rnnbench.results.records import Arrays, Record, Result, record_bytes, sealed, verified

Stamp = tuple[int, int]
"""Inode number and modification time (ns) of a cell's file, which change when the file is replaced."""


class Store:
    """The cells of a results folder.

    Attributes:
        root: the results folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, identity: str) -> Path:
        """Return the path of a cell's record."""
        return self.root / "cells" / identity[:2] / f"{identity}.json"

    def arrays_path(self, identity: str, sha256: str) -> Path:
        """Return the path of a cell's arrays.

        The name contains the start of their SHA-256: two machines may compute a cell with different last digits, and
        the arrays of one must not be taken for those of the other.
        """
        return self.path(identity).with_suffix(f".{sha256[:16]}.safetensors")

    def stamp(self, identity: str) -> Stamp | None:
        """Return the stamp of a cell's file; None if there is no file."""
        try:
            status = self.path(identity).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def get(self, identity: str) -> Record | None:
        """Return the verified record of a cell; None if there is none or it was damaged and has been set aside.

        Raises:
            StoreError: the record is of a newer format, or its file cannot be read.
        """
        return self._read(identity, self._set_aside)

    def peek(self, identity: str) -> Record | None:
        """Return the record like `get`, but leave a damaged file where it is."""
        return self._read(identity, lambda path, why: None)

    def _read(self, identity: str, on_damage: Callable[[Path, str], Any]) -> Record | None:
        path = self.path(identity)
        content = content_of(path)
        if content is None:
            return None
        try:
            return verified(content, identity)
        except StoreError as error:
            if newer := _newer_format(content):
                raise StoreError(
                    f"{path}: made by a newer rnnbench (format {newer}, this one reads {FORMAT})"
                ) from None
            on_damage(path, str(error))
            return None

    def with_other_budgets(self, identity: str) -> Iterator[Record]:
        """Yield the records that differ from a cell only in the budgets of updates. Damaged files are left out."""
        for path in sorted(self.path(identity).parent.glob(f"{identity[:STEM]}*.json")):
            if path.stem != identity and (record := self.peek(path.stem)) is not None:
                yield record

    def has_arrays(self, record: Record) -> bool:
        """Return whether the arrays of a cell are there and undamaged. No file is changed."""
        sha256 = record.result.arrays_sha256
        content = None if sha256 is None else content_of(self.arrays_path(record.identity, sha256))
        return content is not None and hashlib.sha256(content).hexdigest() == sha256

    def arrays(self, record: Record) -> Arrays | None:
        """Return the arrays of a cell, checked against its record; None if there are none or they were damaged."""
        sha256 = record.result.arrays_sha256
        if sha256 is None:
            return None
        path = self.arrays_path(record.identity, sha256)
        content = content_of(path)
        if content is None:
            return None
        if hashlib.sha256(content).hexdigest() != sha256:
            self._set_aside(path, "its checksum differs from the record's")
            return None
        try:
            return dict(load_arrays(content))
        except SafetensorError as error:
            self._set_aside(path, str(error))
            return None

    def array_names(self, record: Record) -> list[str]:
        """Return the names of the arrays of a cell, from the header of their file; none if there is no such file."""
        sha256 = record.result.arrays_sha256
        if sha256 is None or not self.arrays_path(record.identity, sha256).exists():
            return []
        try:
            with safe_open(self.arrays_path(record.identity, sha256), framework="np") as file:
                return list(file.keys())
        except (SafetensorError, OSError):
            return []

    def put(
        self,
        identity: str,
        description: dict[str, Any],
        result: Result,
        provenance: dict[str, Any],
        arrays: Arrays | None = None,
    ) -> Record:
        """Store a cell, unless a finished and complete one is there already; any other is replaced.

        A finished one that lacks its arrays, or the scores on a task, is replaced only by one with the same numbers.

        Args:
            identity: the cell's identity.
            description: the cell's description.
            result: its result, without the checksum of the arrays.
            provenance: where and when it was computed.
            arrays: weights, memory and tracked weights by prefixed name; None stores none.

        Returns:
            The record that is in the store afterwards.

        Raises:
            AnotherNetwork: a finished cell that lacks arrays or scores is there, with other numbers; it stays.
            StoreError: a file cannot be written, or a record of a newer format is there.
        """
        present = self.get(identity)
        if present is not None and present.result.status == "done":
            if _is_complete(present, result) and (arrays is None or self.arrays(present) is not None):
                return present
            check_same(description, present.result, result)
        if arrays is not None:
            content = save_arrays({name: np.asarray(a, order="C") for name, a in sorted(arrays.items())})
            sha256 = hashlib.sha256(content).hexdigest()
            result = result.model_copy(update={"arrays_sha256": sha256})
            # The arrays are written first, so that a record is never without its arrays.
            path = self.arrays_path(identity, sha256)
            write_bytes(path, content, replace=content_of(path) not in (None, content))
        record = sealed(identity, description, result, provenance)
        write_bytes(self.path(identity), record_bytes(record), replace=present is not None)
        return record

    def _set_aside(self, path: Path, why: str) -> None:
        for n in range(1, 1000):
            aside = path.with_name(f"{path.name}.damaged{f'.{n}' if n > 1 else ''}")
            if not aside.exists():
                break
        try:
            os.replace(path, aside)
        except FileNotFoundError:  # another worker has already set it aside
            return
        self.on_damage(f"{path}: damaged ({why}); set aside as {aside.name}")

    on_damage: Callable[[str], Any] = staticmethod(lambda message: None)
    """Called with a message of one line for every damaged file that is set aside."""


def _is_complete(present: Record, result: Result) -> bool:
    """Return whether a finished result has scores for every task that `result` has."""
    return present.result.after.keys() >= result.after.keys()


def _newer_format(content: bytes) -> int | None:
    try:
        version = json.loads(content).get("format")
    except (ValueError, AttributeError, RecursionError):
        return None
    return version if isinstance(version, int) and version > FORMAT else None

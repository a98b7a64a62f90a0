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
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as load_arrays, save as save_arrays

from rnnbench.benchmark.schema import FORMAT, Model, digest
from rnnbench.errors import StoreError

Arrays = dict[str, np.ndarray]

Stamp = tuple[int, int]
"""Inode number and modification time (ns) of a cell's file, which change when the file is replaced."""

WEIGHT, MEMORY, TRACKED = "weights.", "memory.", "tracked."
"""Prefixes of array names in a safetensors file: weights, memory of the learning rule, weights at every evaluation."""


class Scores(Model):
    """Loss, loss over the task's own outputs only, and accuracy of one evaluation; None if undefined or not finite."""

    loss: float | None
    own_loss: float | None = None
    accuracy: float | None = None


class Curve(Model):
    """Losses and accuracies during the training of the last stage, on every task of the history."""

    updates: list[int]
    loss: dict[str, list[float | None]]
    accuracy: dict[str, list[float | None]]


class Failure(Model):
    """Why a cell has no result."""

    kind: Literal["diverged", "error", "parent"] = Field(
        description="diverged: the loss is not finite; error: a plugin raised an error; parent: an earlier stage failed"
    )
    message: str


class Result(Model):
    """The result of a cell, which is determined by its description."""

    status: Literal["done", "failed"]
    failure: Failure | None = None
    converged: bool | None = Field(None, description="whether the criterion was met within the budget of updates")
    updates: int | None = Field(None, description="number of updates in the last stage")
    before: dict[str, Scores] = Field(
        {}, description="scores on every task before any training; only stored for the first stage"
    )
    after: dict[str, Scores] = Field({}, description="scores on every task at the end of the last stage")
    curve: Curve | None = None
    arrays_sha256: str | None = Field(None, description="SHA-256 of the safetensors file")


class Record(Model):
    """Content of a cell's file: description, result, the checksum of both, and provenance."""

    format: Literal[1] = 1
    identity: str
    description: dict[str, Any]
    result: Result
    checksum: str
    provenance: dict[str, Any] = Field(
        {}, description="where and when the cell was computed; not used when results are compared"
    )


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
        content = _content(path)
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

    def has_arrays(self, record: Record) -> bool:
        """Return whether the arrays of a cell are there and undamaged. No file is changed."""
        sha256 = record.result.arrays_sha256
        content = None if sha256 is None else _content(self.arrays_path(record.identity, sha256))
        return content is not None and hashlib.sha256(content).hexdigest() == sha256

    def arrays(self, record: Record) -> Arrays | None:
        """Return the arrays of a cell, checked against its record; None if there are none or they were damaged."""
        sha256 = record.result.arrays_sha256
        if sha256 is None:
            return None
        path = self.arrays_path(record.identity, sha256)
        content = _content(path)
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

        Args:
            identity: the cell's identity.
            description: the cell's description.
            result: its result, without the checksum of the arrays.
            provenance: where and when it was computed.
            arrays: weights, memory and tracked weights by prefixed name; None stores none.

        Returns:
            The record that is in the store afterwards.

        Raises:
            StoreError: a file cannot be written, or a record of a newer format is there.
        """
        present = self.get(identity)
        if (
            present is not None
            and _is_complete(present, result)
            and (arrays is None or self.arrays(present) is not None)
        ):
            return present
        if arrays is not None:
            content = save_arrays({name: np.asarray(a, order="C") for name, a in sorted(arrays.items())})
            sha256 = hashlib.sha256(content).hexdigest()
            result = result.model_copy(update={"arrays_sha256": sha256})
            # The arrays are written first, so that a record is never without its arrays.
            path = self.arrays_path(identity, sha256)
            _write(path, content, replace=_content(path) not in (None, content))
        record = sealed(identity, description, result, provenance)
        _write(self.path(identity), record_bytes(record), replace=present is not None)
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
    """Return whether a stored result is finished and has scores for every task that `result` has."""
    return present.result.status == "done" and present.result.after.keys() >= result.after.keys()


def verified(content: bytes, identity: str | None = None) -> Record:
    """Read a record from the bytes of its file and verify it.

    Args:
        content: the bytes of the file.
        identity: the identity that the record must have; None accepts any.

    Raises:
        StoreError: the content is not a record, or its checksum or identity does not match.
    """
    try:
        record = Record.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StoreError(f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg'][:200]}") from None
    try:
        checksum, own = _checksum(record.description, record.result), digest(record.description)
    except (ValueError, RecursionError):  # NaN or infinity in the description
        raise StoreError("its description is not plain JSON") from None
    if record.checksum != checksum:
        raise StoreError("its checksum does not match its content")
    if record.identity != own or identity not in (None, record.identity):
        raise StoreError("its identity does not match its description")
    return record


def split(arrays: Arrays, prefix: str) -> Arrays:
    """Return the arrays whose names have a prefix, by their names without it."""
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def sealed(identity: str, description: dict[str, Any], result: Result, provenance: dict[str, Any]) -> Record:
    """Return a record with its checksum computed."""
    checksum = _checksum(description, result)
    return Record(identity=identity, description=description, result=result, checksum=checksum, provenance=provenance)


def record_bytes(record: Record) -> bytes:
    """Return the content of a record's file."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False).encode()


def write_text(path: Path, text: str) -> None:
    """Replace a file by `text` atomically.

    Raises:
        StoreError: the file cannot be written.
    """
    _write(path, text.encode(), replace=True)


def write_with(path: Path, writer: Callable[[Path], Any]) -> None:
    """Replace a file atomically by what `writer` writes.

    Args:
        path: the file.
        writer: called with a temporary path, to which it writes the content.

    Raises:
        StoreError: the file cannot be written.
    """
    _write_with(path, writer, replace=True)


def _write(path: Path, content: bytes, replace: bool) -> None:
    _write_with(path, lambda temporary: temporary.write_bytes(content), replace)


def _write_with(path: Path, writer: Callable[[Path], Any], replace: bool) -> None:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
        temporary = Path(name)
        os.close(handle)
        writer(temporary)
        _publish(temporary, path, replace)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def rename(path: Path, to: Path) -> None:
    """Rename a file; a file that has the new name is replaced.

    Raises:
        StoreError: the file cannot be renamed.
    """
    try:
        path.replace(to)
    except OSError as error:
        raise StoreError(f"{path}: cannot be renamed: {error.strerror}") from None


def remove(path: Path) -> None:
    """Remove a file if it exists.

    Raises:
        StoreError: the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed: {error.strerror}") from None


def _content(path: Path) -> bytes | None:
    """Return the bytes of a file; None if there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None


def _publish(temporary: Path, path: Path, replace: bool) -> None:
    """Give a finished file its name, and sync both to disk so that they survive a power cut."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files that only the owner can read
    if replace:
        os.replace(temporary, path)
    else:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _checksum(description: dict[str, Any], result: Result) -> str:
    return digest({"description": description, "result": result.model_dump(mode="json")})


def _newer_format(content: bytes) -> int | None:
    try:
        version = json.loads(content).get("format")
    except (ValueError, AttributeError, RecursionError):
        return None
    return version if isinstance(version, int) and version > FORMAT else None

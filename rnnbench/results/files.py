"""Files that are written atomically: under a temporary name in the same folder, synced to disk, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnbench.errors import StoreError


def write_text(path: Path, text: str) -> None:
    """Replace a file by `text` atomically.

    Raises:
        StoreError: the file cannot be written.
    """
    write_bytes(path, text.encode(), replace=True)


def write_with(path: Path, writer: Callable[[Path], Any]) -> None:
    """Replace a file atomically by what `writer` writes.

    Args:
        path: the file.
        writer: called with a temporary path, to which it writes the content.

    Raises:
        StoreError: the file cannot be written.
    """
    _write_with(path, writer, replace=True)


def write_bytes(path: Path, content: bytes, replace: bool) -> None:
    """Write a file atomically.

    Args:
        path: the file.
        content: its content.
        replace: whether to replace a file that is there; otherwise that file stays as it is.

    Raises:
        StoreError: the file cannot be written.
    """
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


def content_of(path: Path) -> bytes | None:
    """Return the bytes of a file; None if there is no such file.

    Raises:
        StoreError: the file cannot be read.
    """
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

"""Heartbeats: which cells of a results folder are being computed at this moment, by any process.

A worker keeps a small file in running/ while it computes a population and touches it regularly. A file that has not
been touched for a while belongs to a worker that was killed. Heartbeats are used for display only; no computation
waits for them.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER = "running"

RENEWED = 15.0
"""Least time between two touches of a heartbeat file, in seconds."""

GONE = 120.0
"""Time without a touch after which a worker counts as dead, in seconds."""


class Heartbeat:
    """The heartbeat of a worker, a context manager: its file exists while the block runs.

    If the folder cannot be written, there is no file and no error.

    Attributes:
        path: the heartbeat file.
        identities: identities of the cells that the worker computes.
    """

    def __init__(self, folder: Path, identities: Sequence[str]) -> None:
        self.path = folder / FOLDER / f"{uuid.uuid4().hex}.json"
        self.identities = identities

    def __enter__(self) -> Heartbeat:
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            worker = {"host": socket.gethostname(), "process": os.getpid()}
            self.path.write_text(json.dumps({"cells": list(self.identities), **worker}))
        self.last = time.monotonic()
        return self

    def renew(self) -> None:
        """Touch the file if the last touch was more than RENEWED seconds ago."""
        if time.monotonic() - self.last > RENEWED:
            self.last = time.monotonic()
            with suppress(OSError):
                os.utime(self.path)

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.path.unlink()


def cells_in_progress(folder: Path, now: float) -> frozenset[str]:
    """Find the cells of a results folder that are being computed.

    Args:
        folder: the results folder.
        now: the current time, in seconds since the epoch.

    Returns:
        The identities of the cells. Unreadable heartbeat files are ignored.
    """
    found: set[str] = set()
    for path in (folder / FOLDER).glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            heartbeat = json.loads(path.read_bytes())
            if now - path.stat().st_mtime < GONE and not _has_exited(heartbeat):
                found |= {str(identity) for identity in heartbeat["cells"]}
    return frozenset(found)


def _has_exited(heartbeat: Any) -> bool:
    """Return whether the worker was a local process that has exited."""
    if heartbeat.get("host") != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(int(heartbeat["process"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # a process of another user, or not a process number
        return False
    return False


def sweep(folder: Path, now: float) -> None:
    """Remove the heartbeat files of workers that were killed, and their folder if it is then empty.

    Args:
        folder: the results folder.
        now: the current time, in seconds since the epoch.
    """
    for path in (folder / FOLDER).glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            if now - path.stat().st_mtime >= GONE or _has_exited(json.loads(path.read_bytes())):
                path.unlink()
    with suppress(OSError):
        (folder / FOLDER).rmdir()

"""Signs of life: which cells of a results folder are being computed at this moment, by whomever.

A worker keeps a small file in running/ while it computes a population, and touches it every now and then; a file that
has not been touched for a while is of a worker that was killed. Nobody waits for them: they are for `status` alone.
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
"""Seconds between two touches."""

GONE = 120.0
"""Seconds without a touch after which a worker is taken for dead."""


class Heartbeat:
    """A worker's heartbeat of life, there for as long as the block lasts. A folder that cannot be written has none."""

    def __init__(self, folder: Path, identities: Sequence[str]) -> None:
        self.path = folder / FOLDER / f"{uuid.uuid4().hex}.json"
        self.identities = identities

    def __enter__(self) -> Heartbeat:
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            of = {"host": socket.gethostname(), "process": os.getpid()}
            self.path.write_text(json.dumps({"cells": list(self.identities), **of}))
        self.last = time.monotonic()
        return self

    def renew(self) -> None:
        if time.monotonic() - self.last > RENEWED:
            self.last = time.monotonic()
            with suppress(OSError):
                os.utime(self.path)

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.path.unlink()


def cells_in_progress(folder: Path, now: float) -> frozenset[str]:
    """Identities of the cells that are being computed; `now` in seconds since the epoch."""
    found: set[str] = set()
    for path in (folder / FOLDER).glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            heartbeat = json.loads(path.read_bytes())
            if now - path.stat().st_mtime < GONE and not _ended(heartbeat):
                found |= {str(identity) for identity in heartbeat["cells"]}
    return frozenset(found)


def _ended(heartbeat: Any) -> bool:
    """Whether the worker was a process of this machine that is no more."""
    if heartbeat.get("host") != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(int(heartbeat["process"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's process, or no number of one
        return False
    return False


def sweep(folder: Path, now: float) -> None:
    """Take away the signs of workers that were killed, and their folder if none is left."""
    for path in (folder / FOLDER).glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            if now - path.stat().st_mtime >= GONE or _ended(json.loads(path.read_bytes())):
                path.unlink()
    with suppress(OSError):
        (folder / FOLDER).rmdir()

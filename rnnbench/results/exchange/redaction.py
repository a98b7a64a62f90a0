"""Redaction of exported results: the numbers and what determines them stay, names of people and machines do not.

Of the provenance of a cell, the versions, the kind of machine (cores, processor, device) and the seconds are kept, and
the times are removed. In the message of a failure, paths are reduced to file names. What determines the numbers cannot
be removed, so a description that contains a path is refused unless paths are allowed.
"""

from __future__ import annotations

import csv
import getpass
import io
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import StoreError
from rnnbench.results.document import RESULTS_FORMAT
from rnnbench.results.records import Result, record_bytes, sealed, verified

PATH = re.compile(
    r"""(?<=['"])(?:~|[A-Za-z]:)?[\\/][^'"]+(?=['"])"""  # in quotes, where it may contain spaces
    r"""|(?<![\w:/.])(?:~[\\/][\w.+@-]+|(?:[A-Za-z]:)?(?:[\\/][\w.+@-]+){2})(?:[\\/][\w.+@-]*)*"""
)
"""A path that starts at the root, a drive or a home folder; "/g" and "and/or" are not paths."""

VERSIONS = ("rnnbench", "plugins", "python", "torch", "numpy", "engine")
MACHINE = ("cores", "processor", "device")


@dataclass(frozen=True)
class Redaction:
    """What is exported beyond the numbers and what determines them.

    Attributes:
        times: whether to keep when the cells were computed.
        paths: whether to keep paths of files in messages and descriptions.
    """

    times: bool = False
    paths: bool = False

    def document(self, document: dict[str, Any]) -> bytes:
        """Redact a benchmark.json.

        Args:
            document: its content.

        Returns:
            The bytes of the redacted file.

        Raises:
            StoreError: the description contains a path, and paths are not kept.
        """
        if not self.paths:
            for where, text in _texts(document.get("benchmark"), "benchmark"):
                if found := _path_in(text):
                    hint = "it is part of the benchmark; --with-paths exports it unchanged"
                    raise StoreError(f"benchmark.json: {where}: contains the path {found!r}; {hint}")
        kept: dict[str, Any] = {
            name: document[name] for name in ("format", "benchmark", "plugins", "metrics") if name in document
        }
        kept.setdefault("format", RESULTS_FORMAT)
        provenance = document.get("provenance")
        kept["provenance"] = self.provenance(provenance if isinstance(provenance, dict) else {})
        return (json.dumps(kept, indent=1, ensure_ascii=False) + "\n").encode()

    def provenance(self, provenance: dict[str, Any]) -> dict[str, Any]:
        """Keep versions, kind of machine and seconds of a provenance, and the time if times are kept."""
        names = ("time", *VERSIONS) if self.times else VERSIONS
        kept = {name: provenance[name] for name in names if name in provenance}
        machine = provenance.get("machine")
        if isinstance(machine, dict):
            kept["machine"] = {name: machine[name] for name in MACHINE if name in machine}
        seconds = provenance.get("seconds")
        return kept | ({"seconds": seconds} if isinstance(seconds, int | float) else {})

    def record(self, content: bytes) -> bytes:
        """Redact the record of a cell and renew its checksum.

        Args:
            content: the bytes of the record's file.

        Returns:
            The bytes of the redacted file.

        Raises:
            StoreError: the record is damaged.
        """
        record = verified(content)
        result = record.result
        if result.failure is not None:
            failure = result.failure.model_copy(update={"message": self.message(result.failure.message)})
            result = Result.model_validate(result.model_dump() | {"failure": failure.model_dump()})
        return record_bytes(sealed(record.identity, record.description, result, self.provenance(record.provenance)))

    def table(self, content: bytes) -> bytes:
        """Redact a CSV table, which concerns only the messages in its column `failure`.

        Args:
            content: the bytes of the file.

        Returns:
            The bytes of the redacted file.

        Raises:
            UnicodeDecodeError: the file is not UTF-8.
        """
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"))))
        if self.paths or not rows or "failure" not in rows[0]:
            return content
        i = rows[0].index("failure")
        cleaned = [[*row[:i], self.message(row[i]), *row[i + 1 :]] for row in rows[1:] if len(row) > i]
        if cleaned == rows[1:]:
            return content
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([rows[0], *cleaned])
        return text.getvalue().encode()

    def message(self, text: str) -> str:
        """Return a message in which paths are reduced to file names, without the names of the user and the machine."""
        if self.paths:
            return text
        text = PATH.sub(lambda found: "…/" + re.split(r"[\\/]", found[0].rstrip("\\/"))[-1], text)
        for name in _own_names():
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text)
        return text


def _path_in(text: str) -> str | None:
    found = PATH.search(text)
    return found[0] if found else None


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield every string in a description with its position, e.g. `benchmark.tasks[0].label`."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{where}.{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, f"{where}[{i}]")


def _own_names() -> list[str]:
    """Return the names of the user and the machine, if they have more than two letters."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = ""
    return [name for name in (user, socket.gethostname()) if len(name) > 2]

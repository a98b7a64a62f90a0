"""What of a results folder is sent: the numbers and what determines them, not who made them, where and when.

Of a cell's provenance versions, machine (cores, processor, device) and seconds stay; times go. A failure's message
keeps what went wrong and loses the folders of paths. What determines the numbers cannot be left out: a description
that holds a path is refused, unless it is to be sent as it is.
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
from rnnbench.results.store import Result, record_bytes, sealed, verified

PATH = re.compile(
    r"""(?<=['"])(?:~|[A-Za-z]:)?[\\/][^'"]+(?=['"])"""  # in quotes, spaces and all
    r"""|(?<![\w:/.])(?:~[\\/][\w.+@-]+|(?:[A-Za-z]:)?(?:[\\/][\w.+@-]+){2})(?:[\\/][\w.+@-]*)*"""
)
"""A path from the root, from a drive or from a home folder; "/g" or "and/or" is none."""

VERSIONS = ("rnnbench", "plugins", "python", "torch", "numpy", "engine")
MACHINE = ("cores", "processor", "device")


@dataclass(frozen=True)
class Redaction:
    """What is told beyond the numbers.

    times   when the cells were computed
    paths   of files, in messages and in descriptions
    """

    times: bool = False
    paths: bool = False

    def document(self, document: dict[str, Any]) -> bytes:
        """benchmark.json as it is sent. Raises StoreError where the description holds a path."""
        if not self.paths:
            for where, text in _texts(document.get("benchmark"), "benchmark"):
                if found := _path_in(text):
                    told = "it is part of what was run; --with-paths sends it as it is"
                    raise StoreError(f"benchmark.json: {where}: holds the path {found!r}: {told}")
        kept: dict[str, Any] = {
            name: document[name] for name in ("format", "benchmark", "plugins", "metrics") if name in document
        }
        kept.setdefault("format", RESULTS_FORMAT)
        made = document.get("provenance")
        kept["provenance"] = self.provenance(made if isinstance(made, dict) else {})
        return (json.dumps(kept, indent=1, ensure_ascii=False) + "\n").encode()

    def provenance(self, made: dict[str, Any]) -> dict[str, Any]:
        """Versions and kind of machine; nothing that is not known to be one of these."""
        kept = {name: made[name] for name in (*(("time",) if self.times else ()), *VERSIONS) if name in made}
        machine = made.get("machine")
        if isinstance(machine, dict):
            kept["machine"] = {name: machine[name] for name in MACHINE if name in machine}
        seconds = made.get("seconds")
        return kept | ({"seconds": seconds} if isinstance(seconds, int | float) else {})

    def record(self, content: bytes) -> bytes:
        """A cell's record as it is sent, with a checksum that fits. Raises StoreError for one that is damaged."""
        record = verified(content)
        result = record.result
        if result.failure is not None:
            failure = result.failure.model_copy(update={"message": self.message(result.failure.message)})
            result = Result.model_validate(result.model_dump() | {"failure": failure.model_dump()})
        return record_bytes(sealed(record.identity, record.description, result, self.provenance(record.provenance)))

    def table(self, content: bytes) -> bytes:
        """A CSV table as it is sent: as it is, but for the messages in its column `failure`."""
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"))))
        if self.paths or not rows or "failure" not in rows[0]:
            return content
        place = rows[0].index("failure")
        cleaned = [[*row[:place], self.message(row[place]), *row[place + 1 :]] for row in rows[1:] if len(row) > place]
        if cleaned == rows[1:]:
            return content
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([rows[0], *cleaned])
        return text.getvalue().encode()

    def message(self, text: str) -> str:
        """A message without the folders of its paths, and without the names of the user and of the machine."""
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
    """Every text in a description, with the place where it stands."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, f"{where}.{name}")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _texts(one, f"{where}[{place}]")


def _own_names() -> list[str]:
    """The names of this user and this machine, where they are more than a letter or two."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = ""
    return [name for name in (user, socket.gethostname()) if len(name) > 2]

"""Markdown: text shown as it is, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rnnbench.messages import one_line


def escaped(text: object) -> str:
    """A text on one line in which Markdown finds no markup, HTML or end of a table's field."""
    literal = re.sub(r"([\\`*_{}\[\]|#])", r"\\\1", one_line(text))
    return literal.replace("<", "&lt;").replace(">", "&gt;")


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, an empty one at the end; every field is escaped."""
    yield f"| {' | '.join(map(escaped, heading))} |"
    yield f"|{' --- |' * len(heading)}"
    yield from (f"| {' | '.join(map(escaped, row))} |" for row in rows)
    yield ""

"""Markdown: escaped text and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rnnbench.messages import one_line


def escaped(text: object) -> str:
    """Text on one line, escaped so that it contains no Markdown markup, HTML or end of a table field."""
    literal = re.sub(r"([\\`*_{}\[\]|#])", r"\\\1", one_line(text))
    return literal.replace("<", "&lt;").replace(">", "&gt;")


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, followed by an empty line.

    Args:
        heading: names of the columns.
        rows: texts of the fields, row by row. All fields are escaped.
    """
    yield f"| {' | '.join(map(escaped, heading))} |"
    yield f"|{' --- |' * len(heading)}"
    yield from (f"| {' | '.join(map(escaped, row))} |" for row in rows)
    yield ""

"""What a column and a table of a results folder are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "truth", "whole number", "number"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: name of the column.
        kind: type of the values. A truth is True, False or empty; whole numbers and numbers may be empty.
        meaning: one line, with the unit if there is one.
        may_be_missing: for text: an empty field is a missing value instead of an empty text.
    """

    name: str
    kind: Kind
    meaning: str
    may_be_missing: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a results folder.

    Attributes:
        file: name of the file; the suffix decides the format, csv or parquet.
        meaning: what a row describes.
        columns: in the order of the file.
        finite: whether its numbers are finite. Weights, and what is measured on them, may have become infinite.
    """

    file: str
    meaning: str
    columns: tuple[Column, ...]
    finite: bool = True

    @property
    def name(self) -> str:
        """Name of the attribute of `Results` that holds the table, e.g. `interference`."""
        return self.file.partition(".")[0]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def of_kind(self, *kinds: Kind) -> list[str]:
        """Return the names of the columns of the given kinds."""
        return [column.name for column in self.columns if column.kind in kinds]


def text(name: str, meaning: str, may_be_missing: bool = False) -> Column:
    """Declare a column of text; with `may_be_missing` an empty field is a missing value."""
    return Column(name, "text", meaning, may_be_missing)


def truth(name: str, meaning: str) -> Column:
    """Declare a column of truth values."""
    return Column(name, "truth", meaning)


def whole(name: str, meaning: str) -> Column:
    """Declare a column of whole numbers."""
    return Column(name, "whole number", meaning)


def number(name: str, meaning: str) -> Column:
    """Declare a column of numbers."""
    return Column(name, "number", meaning)

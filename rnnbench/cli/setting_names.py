"""Names of settings in the terminal: the whole setting, or only what varies between lines that stand together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rnnbench.reports.page.settings import parts
from rnnbench.results.columns import MATRIX

Row = Any
"""A row, as a mapping or a series, with the columns MATRIX.

If it has a column `across`, the values of the column that this names are compared in it.
"""


def full_name(row: Row) -> str:
    """All parts of a setting, e.g. "vanilla_rnn, gradient_descent, N = 64, g = 0.9, drive = 0.1, after A > B"."""
    return ", ".join(_parts(row).values())


def varying_names(rows: Sequence[Row]) -> list[str]:
    """Name settings by the parts that differ between them, e.g. "g = 0.9"; empty texts if they do not differ.

    Args:
        rows: the settings. What is compared within a row is no part of its name.
    """
    found = [(_parts(row), _compared_part(row)) for row in rows]
    names = dict.fromkeys(name for texts, _ in found for name in texts)
    varying = [name for name in names if len({texts.get(name) for texts, compared in found if name != compared}) > 1]
    each = [texts | {"earlier_tasks": texts.get("earlier_tasks", "no earlier task")} for texts, _ in found]
    return [", ".join(text for name, text in texts.items() if name in varying) for texts in each]


def of_setting(table: pd.DataFrame, row: Row) -> pd.DataFrame:
    """The rows of a table with the same setting; a missing g equals a missing g.

    Args:
        table: a table with the columns MATRIX.
        row: the setting.
    """
    for name in MATRIX:
        table = table[table[name].isna() if pd.isna(row[name]) else table[name] == row[name]]
    return table


def _parts(row: Row) -> dict[str, str]:
    """The parts of a setting in words, each parameter of the condition on its own, without parts that are missing."""
    known = {name: "" if pd.isna(row[name]) else row[name] for name in MATRIX}
    texts = parts({**known, "g": row["g"], "condition": ""})
    if known["units"] == "":
        del texts["units"]
    of_condition = {f"condition {each.partition('=')[0]}": each for each in str(known["condition"]).split(", ")}
    found: dict[str, str] = {}
    for name, text in texts.items():
        found |= of_condition if name == "condition" else {name: text}
    return {name: text.replace("=", " = ") if name in of_condition else text for name, text in found.items() if text}


def _compared_part(row: Row) -> str:
    """The part of the setting whose values are compared within the row; empty if there is none."""
    across = str(row.get("across", ""))
    return across if across in MATRIX else f"condition {across.removeprefix('condition_')}"

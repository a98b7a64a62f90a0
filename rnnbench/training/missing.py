"""Decides which cells of a benchmark must still be computed."""

from __future__ import annotations

from rnnbench.benchmark.cells import Cell
from rnnbench.results.records import Record
from rnnbench.results.store import Store
from rnnbench.training.setting import Setting


def is_missing(cell: Cell, record: Record | None, store: Store, setting: Setting) -> bool:
    """Whether a cell must be computed.

    A cell must be computed if it has no record; if the weights are missing that a later stage or an analysis needs; or
    if a plugin failed, in the cell or in its evaluation on an earlier task, since it may have been repaired.

    Args:
        cell: the cell.
        record: its record, or None if there is none.
        store: the results.
        setting: the setting of the cell.
    """
    if record is None:
        return True
    failure = record.result.failure
    if failure is not None:
        return failure.kind != "diverged"
    if lacks_weights(cell, record, store, setting):
        return True
    absent = set(cell.history) - record.result.after.keys()
    dt = setting.architecture(cell.architecture).dt
    return bool(absent) and any(label not in setting.faults(dt) for label in absent)


def lacks_weights(cell: Cell, record: Record, store: Store, setting: Setting) -> bool:
    """Whether a cell has a result and must be computed all the same, because its weights are missing or damaged.

    Args:
        cell: the cell.
        record: its record.
        store: the results.
        setting: the setting of the cell.
    """
    if record.result.status != "done":
        return False
    needed = keeps_weights(cell) or setting.architecture(cell.architecture).tracked
    return bool(needed) and not store.has_arrays(record)


def keeps_weights(cell: Cell) -> bool:
    """Whether a cell's weights are stored, because a later stage starts from them or an analysis needs them."""
    n = len(cell.history)
    return bool(cell.benchmark.analyses) or any(len(h) > n and h[:n] == cell.history for h in cell.benchmark.histories)

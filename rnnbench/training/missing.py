"""Which cells are still to be computed, given what is stored of them."""

from __future__ import annotations

from rnnbench.benchmark.cells import Cell
from rnnbench.results.store import Record, Store
from rnnbench.training.setting import Setting


def is_missing(cell: Cell, record: Record | None, store: Store, setting: Setting) -> bool:
    """Whether a cell is to be computed, given its record.

    It is, if it has no record; if its record lacks the weights that a later stage starts from; or if a plugin broke,
    in the cell or where the cell was evaluated, and may have been repaired since.
    """
    if record is None:
        return True
    failure = record.result.failure
    if failure is not None:
        return failure.kind != "diverged"
    architecture = setting.architecture(cell.architecture)
    if (keeps_weights(cell) or architecture.tracked) and not store.has_arrays(record):
        return True
    absent = setting.tasks.keys() - record.result.after.keys()
    return bool(absent) and any(label not in setting.faults(architecture.dt) for label in absent)


def keeps_weights(cell: Cell) -> bool:
    """Whether another stage starts from a cell's weights, or an analysis needs them."""
    n = len(cell.history)
    return bool(cell.benchmark.analyses) or any(len(h) > n and h[:n] == cell.history for h in cell.benchmark.histories)

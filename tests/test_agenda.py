"""The order in which populations are handed to workers: parents first, each once, the first ones first."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rnnbench.executors import _Agenda


def population(name: str, *parents: str) -> SimpleNamespace:
    """One cell for each parent, or one without."""
    made = [SimpleNamespace(identity=parent) for parent in parents] or [None]
    return SimpleNamespace(cells=[SimpleNamespace(identity=f"{name}{k}", parent=p) for k, p in enumerate(made)])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("workers", [1, 3])
def test_whatever_ends_first_no_population_starts_before_what_it_starts_from(seed, workers):
    rng = np.random.default_rng(seed)
    populations = [population(f"p{k}.", *(f"p{j}.0" for j in range(k) if rng.random() < 0.2)) for k in range(30)]
    agenda, running, finished, order = _Agenda(populations), [], set(), []
    while agenda or running:
        for taken in agenda.take(workers - len(running)):
            assert all(cell.parent is None or cell.parent.identity in finished for cell in taken.cells)
            running.append(taken)
            order.append(taken)
        ended = running.pop(int(rng.integers(len(running))))
        finished |= {cell.identity for cell in ended.cells}
        agenda.finish(ended)
    assert sorted(map(id, order)) == sorted(map(id, populations))


def test_the_first_ones_come_first():
    populations = [population("a"), population("b"), population("c", "a0"), population("d")]
    agenda = _Agenda(populations)
    assert agenda.take(2) == populations[:2]
    agenda.finish(populations[0])
    assert agenda.take(5) == populations[2:]


def test_what_was_computed_before_is_not_waited_for():
    """Parents that are not among the populations to do are there already."""
    agenda = _Agenda([population("c", "computed before")])
    assert len(agenda.take(1)) == 1 and not agenda

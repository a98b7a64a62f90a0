"""Plans a run: groups cells into populations, orders them, finds the missing cells, and estimates time and memory."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from rnnbench.benchmark.cells import Cell, cells_of
from rnnbench.benchmark.schema import Benchmark, canonical_json
from rnnbench.results.store import Stamp, Store
from rnnbench.training.cell_trainer import CellTrainer, CellTrainers
from rnnbench.training.cost import bytes_per_network, bytes_per_worker, seconds_per_update
from rnnbench.training.missing import is_missing, lacks_weights
from rnnbench.training.obstacles import warnings_of
from rnnbench.training.setting import Settings

CPU_CHUNK = 8
"""Largest number of networks in a population on a CPU. They have the same seed and share their trials. Networks are
computed one at a time, so a larger population would save little, and an interruption would lose more."""

GPU_SHARE = 0.5
"""Fraction of the GPU's memory that a population may use; the rest is for the allocator and for other programs."""


@dataclass(frozen=True)
class Population:
    """Cells whose networks are trained together on one task. They differ only in seed and initial connectivity."""

    cells: tuple[Cell, ...]

    @property
    def first(self) -> Cell:
        """The first cell."""
        return self.cells[0]

    @property
    def max_updates(self) -> int:
        """The largest possible number of network-updates."""
        return len(self.cells) * self.first.task.training.max_updates


@dataclass(frozen=True)
class Plan:
    """The populations of a benchmark, and which of its cells must still be computed.

    Attributes:
        benchmark: the benchmark.
        populations: all populations, in the order of stages.
        missing: identities of the cells to be computed.
        stale: stamps of the files of missing cells, by identity, if there are any. Such a cell has failed, is damaged,
            or lacks weights that are needed.
        without_weights: identities of the missing cells that have a result and lack only weights that are needed.
    """

    benchmark: Benchmark
    populations: tuple[Population, ...]
    missing: frozenset[str]
    stale: Mapping[str, Stamp]
    without_weights: frozenset[str] = frozenset()

    @property
    def to_do(self) -> tuple[Population, ...]:
        """The populations with at least one missing cell."""
        return tuple(p for p in self.populations if any(c.identity in self.missing for c in p.cells))

    @property
    def n_cells(self) -> int:
        """The number of cells of the benchmark."""
        return sum(len(p.cells) for p in self.populations)

    @property
    def n_networks(self) -> int:
        """The number of networks in the first stage; the later stages of a network are not counted."""
        return sum(len(p.cells) for p in self.populations if len(p.first.history) == 1)

    @property
    def trained_again(self) -> tuple[int, int]:
        """How many networks must be trained again for their weights: at their first task, and at later ones."""
        first = sum(c.identity in self.without_weights for p in self.to_do if not p.first.parent for c in p.cells)
        return first, len(self.without_weights) - first


def plan(benchmark: Benchmark, settings: Settings, store: Store, device: torch.device) -> Plan:
    """Group all cells of a benchmark into populations and find out which of them are missing.

    The populations depend only on the benchmark and the device, not on existing results. So an interrupted run goes on
    with the same populations and gives the same numbers.

    Args:
        benchmark: the benchmark.
        settings: the benchmark's settings, with the plugins that they have built so far.
        store: the results.
        device: where networks will be computed.

    Raises:
        PluginError: a task's number of inputs or outputs is not a whole number in the allowed range.
        StoreError: a cell was written by a newer version of rnnbench.
    """
    for setting in benchmark.settings:
        settings.of(setting).check_channels()
    kinds = _Kinds(settings)
    groups: dict[str, list[Cell]] = {}
    for cell in cells_of(benchmark):
        groups.setdefault(kinds.population(cell), []).append(cell)
    populations = [Population(tuple(chunk)) for cells in groups.values() for chunk in _chunks(cells, settings, device)]
    # Within a stage long populations come first, so that no worker is left with a long one at the end.
    populations.sort(key=lambda p: (len(p.first.history), -p.max_updates))
    missing: set[str] = set()
    stale: dict[str, Stamp] = {}
    without_weights: set[str] = set()
    for cell in (c for p in populations for c in p.cells):
        # The stamp is taken before the file is read, so that a file written by another process later has a new stamp.
        stamp = store.stamp(cell.identity)
        record, of_cell = store.peek(cell.identity), settings.of(cell.benchmark)
        if is_missing(cell, record, store, of_cell):
            missing.add(cell.identity)
            if stamp is not None:
                stale[cell.identity] = stamp
            if record is not None and lacks_weights(cell, record, store, of_cell):
                without_weights.add(cell.identity)
    return Plan(benchmark, tuple(populations), frozenset(missing), stale, frozenset(without_weights))


class _Kinds:
    """Texts that are equal for cells of the same kind; each is made once for a task, architecture and rule."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._updates: dict[tuple[str, str, int, int], str] = {}

    def population(self, cell: Cell) -> str:
        """A text that is the same for all cells that may be in one population."""
        # Networks with different histories are evaluated on other tasks, and may have other channels and memories.
        return canonical_json([cell.benchmark.condition, cell.history, self.update(cell)])

    def update(self, cell: Cell) -> str:
        """A text that is the same for all cells whose updates cost the same.

        It names the task, the rule, and the architecture without the parameters of its initial weights.
        """
        # The ids stay valid, because the benchmark keeps the descriptions of architectures and rules.
        key = cell.benchmark.condition, cell.task.label, id(cell.architecture), id(cell.rule)
        if key not in self._updates:
            initial_only = self.settings.of(cell.benchmark).architecture(cell.architecture).initial_only
            step = {k: v for k, v in cell.architecture.parameters.items() if k not in initial_only}
            rule = cell.rule.on(cell.task.training)
            self._updates[key] = canonical_json(
                [cell.task.label, cell.architecture.plugin, step, rule.plugin, rule.parameters]
            )
        return self._updates[key]


def _chunks(cells: list[Cell], settings: Settings, device: torch.device) -> Iterable[list[Cell]]:
    """Divide cells of one kind into populations."""
    if device.type == "cpu":
        seeds = dict.fromkeys(cell.seed for cell in cells)
        for seed in seeds:
            yield from _even([c for c in cells if c.seed == seed], CPU_CHUNK)
    else:
        # The total memory of the GPU, not the free memory, so that a continued run has the same populations.
        memory = torch.cuda.get_device_properties(device).total_memory
        need = bytes_per_network(CellTrainer(settings.of(cells[0].benchmark), device), cells[0])
        yield from _even(cells, max(1, int(GPU_SHARE * memory / need)))


def _even(cells: list[Cell], at_most: int) -> Iterable[list[Cell]]:
    """Divide cells into the smallest number of parts of nearly equal size."""
    n_parts = math.ceil(len(cells) / at_most)
    for k in range(n_parts):
        yield cells[k * len(cells) // n_parts : (k + 1) * len(cells) // n_parts]


def seconds_at_most(plan: Plan, settings: Settings, device: torch.device) -> dict[str, float]:
    """Estimate the longest time of each population that is still to be computed, from a few real updates.

    Args:
        plan: the plan.
        settings: the benchmark's settings, with the plugins that they have built so far.
        device: where networks will be computed.

    Returns:
        The time of one worker (s) if every network spends its budget, by the identity of the population's first cell;
        NaN if a plugin is broken.
    """
    trainers, kinds = CellTrainers(settings, device), _Kinds(settings)
    measured: dict[str, float] = {}
    seconds = {}
    for population in plan.to_do:
        first = population.first
        kind = kinds.update(first)
        if kind not in measured:
            measured[kind] = seconds_per_update(trainers.of(first.benchmark), first, time.perf_counter)
        seconds[first.identity] = measured[kind] * population.max_updates
    return seconds


def warnings(plan: Plan, settings: Settings) -> tuple[str, ...]:
    """What cannot be learnt among the cells still to be computed: one line for each task and architecture.

    Args:
        plan: the plan.
        settings: the benchmark's settings, with the plugins that they have built so far.
    """
    trainers = CellTrainers(settings, torch.device("cpu"))
    return warnings_of((c for p in plan.to_do for c in p.cells if c.identity in plan.missing), trainers)


def bytes_of_a_worker(plan: Plan, settings: Settings, device: torch.device) -> int:
    """Estimate the memory that a worker process on a CPU needs for the largest population still to be computed.

    Args:
        plan: the plan.
        settings: the benchmark's settings, with the plugins that they have built so far.
        device: where networks will be computed.

    Returns:
        The memory (bytes); 0 if nothing is to be computed.
    """
    trainers, kinds = CellTrainers(settings, device), _Kinds(settings)
    needs: dict[str, int] = {}
    for population in plan.to_do:
        kind = f"{kinds.update(population.first)} {len(population.cells)}"
        if kind not in needs:
            try:
                needs[kind] = bytes_per_worker(
                    trainers.of(population.first.benchmark), population.first, len(population.cells)
                )
            except (Exception, SystemExit):  # A plugin is broken; it is reported when the cells are computed.
                needs[kind] = 0
    return max(needs.values(), default=0)

"""What is to be trained, in which populations, in what order and at what cost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from rnnbench.benchmark.cells import Cell, cells_of
from rnnbench.benchmark.schema import Benchmark, canonical_json
from rnnbench.plugin.registry import Registry
from rnnbench.results.store import Stamp, Store
from rnnbench.training.cell_trainer import CellTrainer, CellTrainers
from rnnbench.training.cost import bytes_per_network, bytes_per_worker, seconds_per_update
from rnnbench.training.missing import is_missing
from rnnbench.training.setting import Setting, Settings

CPU_CHUNK = 8
"""Networks of one seed that share their trials on a CPU. They are computed one at a time, so more of them
would save nothing but a little of the drawing of trials, and an interruption would cost more."""

GPU_SHARE = 0.5
"""Part of the card's memory that a population may fill; the rest is the allocator's room, and other programs'."""


@dataclass(frozen=True)
class Population:
    """Networks trained together on one task: alike in everything but seed, connectivity and history."""

    cells: tuple[Cell, ...]

    @property
    def first(self) -> Cell:
        return self.cells[0]

    @property
    def max_updates(self) -> int:
        """Network-updates at most."""
        return len(self.cells) * self.first.task.training.max_updates


@dataclass(frozen=True)
class Plan:
    """The populations of a benchmark, parents before children, and which cells are still to be computed.

    missing  identities of the cells to be computed
    stale    the stamps of their files, where there are any: failed, damaged, or without weights that are needed
    """

    benchmark: Benchmark
    populations: tuple[Population, ...]
    missing: frozenset[str]
    stale: Mapping[str, Stamp]

    @property
    def to_do(self) -> tuple[Population, ...]:
        return tuple(p for p in self.populations if any(c.identity in self.missing for c in p.cells))

    @property
    def n_cells(self) -> int:
        return sum(len(p.cells) for p in self.populations)

    @property
    def n_networks(self) -> int:
        """Networks, each counted once however many stages it goes through."""
        return sum(len(p.cells) for p in self.populations if len(p.first.history) == 1)


def plan(benchmark: Benchmark, registry: Registry, store: Store, device: torch.device) -> Plan:
    """Group all cells of a benchmark into populations and look up which of them are missing.

    The grouping depends on the benchmark and the device alone, never on what is already there, so that
    an interrupted run goes on with the same populations and gives the same numbers.
    """
    settings = Settings(registry)
    for setting in benchmark.settings:
        _ = settings.of(setting).layout  # raises PluginError where a task cannot say how many channels it has
    groups: dict[str, list[Cell]] = {}
    for cell in cells_of(benchmark):
        groups.setdefault(_kind(cell, registry), []).append(cell)
    populations = [Population(tuple(chunk)) for cells in groups.values() for chunk in _chunks(cells, registry, device)]
    # Long ones first within a stage, so that no worker is left alone with a long one at the end.
    populations.sort(key=lambda p: (len(p.first.history), -p.max_updates))
    missing: set[str] = set()
    stale: dict[str, Stamp] = {}
    for cell in (c for p in populations for c in p.cells):
        # Before the file is read: what somebody else writes after this is another one.
        stamp = store.stamp(cell.identity)
        if is_missing(cell, store.peek(cell.identity), store, settings.of(cell.benchmark)):
            missing.add(cell.identity)
            if stamp is not None:
                stale[cell.identity] = stamp
    return Plan(benchmark, tuple(populations), frozenset(missing), stale)


def _kind(cell: Cell, registry: Registry) -> str:
    """What the networks of one population share."""
    # Of a rule that remembers, the whole history: what is remembered of other tasks may have other names and shapes.
    remembers = getattr(registry.find("rule", cell.rule.plugin).cls, "remembers", False)
    past = cell.history if remembers else len(cell.history)
    return canonical_json([cell.benchmark.condition, past, cell.occurrence, _update(cell, registry)])


def _update(cell: Cell, registry: Registry) -> str:
    """What determines the work of one update: task, architecture but for its initial weights, rule."""
    cls = registry.find("architecture", cell.architecture.plugin).cls
    initial_only: frozenset[str] = getattr(cls, "initial_only", frozenset())
    step = {k: v for k, v in cell.architecture.parameters.items() if k not in initial_only}
    rule = cell.rule.on(cell.task.training)
    return canonical_json([cell.task.label, cell.architecture.plugin, step, rule.plugin, rule.parameters])


def _chunks(cells: list[Cell], registry: Registry, device: torch.device) -> Iterable[list[Cell]]:
    if device.type == "cpu":
        seeds = dict.fromkeys(cell.seed for cell in cells)
        for seed in seeds:
            yield from _even([c for c in cells if c.seed == seed], CPU_CHUNK)
    else:
        # All of the card's memory, not what is free of it now: a run must go on with the populations it began with.
        memory = torch.cuda.get_device_properties(device).total_memory
        need = bytes_per_network(CellTrainer(Setting(cells[0].benchmark, registry), device), cells[0])
        yield from _even(cells, max(1, int(GPU_SHARE * memory / need)))


def _even(cells: list[Cell], at_most: int) -> Iterable[list[Cell]]:
    """Cut into as few parts as possible, of sizes as equal as possible."""
    n_parts = math.ceil(len(cells) / at_most)
    for k in range(n_parts):
        yield cells[k * len(cells) // n_parts : (k + 1) * len(cells) // n_parts]


def seconds_at_most(plan: Plan, registry: Registry, device: torch.device) -> dict[str, float]:
    """Seconds of one worker for each population still to be done (by the identity of its first cell), budgets spent.

    Measured: a few real updates of each kind of population on this machine, the same for all connectivities.
    """
    trainers = CellTrainers(registry, device)
    measured: dict[str, float] = {}
    seconds = {}
    for population in plan.to_do:
        first = population.first
        kind = _update(first, registry)
        if kind not in measured:
            measured[kind] = seconds_per_update(trainers.of(first.benchmark), first, time.perf_counter)
        seconds[first.identity] = measured[kind] * population.max_updates
    return seconds


def bytes_of_a_worker(plan: Plan, registry: Registry, device: torch.device) -> int:
    """What the most demanding population still to be done takes of a worker process on a CPU; 0 if nothing is to do."""
    trainers = CellTrainers(registry, device)
    needs: dict[str, int] = {}
    for population in plan.to_do:
        kind = f"{_update(population.first, registry)} {len(population.cells)}"
        if kind not in needs:
            try:
                needs[kind] = bytes_per_worker(
                    trainers.of(population.first.benchmark), population.first, len(population.cells)
                )
            except (Exception, SystemExit):  # a broken plugin: reported when its cells are computed
                needs[kind] = 0
    return max(needs.values(), default=0)

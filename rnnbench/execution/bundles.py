"""Bundles of jobs in a file, for workers that a scheduler starts somewhere else.

A line of the file is a bundle, a JSON array of orders: what one worker computes from its start to its end. All its
jobs are of one stage, so that they can be computed in any order.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rnnbench.errors import RnnbenchError
from rnnbench.plugin.executor import Executor, Job, Report, Work
from rnnbench.results.store import write_text


def bundled(jobs: Sequence[Job], seconds: float, at_most: int) -> list[list[Job]]:
    """Jobs in bundles that take about equally long, about `seconds` each, in no more than `at_most` bundles.

    The longest job goes first into the bundle that is the shortest so far (Graham 1969, SIAM J. Appl. Math. 17, 416);
    a job whose time is not known counts as the mean of the others.
    """
    known = [job.seconds for job in jobs if math.isfinite(job.seconds)]
    usual = sum(known) / len(known) if known else 0.0
    cost = [job.seconds if math.isfinite(job.seconds) else usual for job in jobs]
    n = min(len(jobs), at_most, max(1, math.ceil(sum(cost) / seconds)))
    bundles: list[list[Job]] = [[] for _ in range(n)]
    loads = [(0.0, k) for k in range(n)]
    for place in sorted(range(len(jobs)), key=lambda place: -cost[place]):
        load, k = heapq.heappop(loads)
        bundles[k].append(jobs[place])
        heapq.heappush(loads, (load + cost[place], k))
    return [bundle for bundle in bundles if bundle]


def write_bundles(path: Path, bundles: Iterable[Sequence[Job]]) -> None:
    """One line for each bundle."""
    lines = (json.dumps([{"cells": j.cells, "stage": j.stage, "order": j.order} for j in b]) for b in bundles)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_bundle(path: Path, element: int) -> tuple[Job, ...]:
    """The bundle in line `element`, counted from 0. Raises RnnbenchError where there is none."""
    try:
        with open(path, encoding="utf-8") as lines:
            line = next((line for k, line in enumerate(lines) if k == element), None)
        if line is None:
            raise RnnbenchError(f"{path}: has no bundle {element}")
        return tuple(
            Job(tuple(j["cells"]), frozenset(), frozenset(), j["stage"], math.nan, j["order"]) for j in json.loads(line)
        )
    except OSError as error:
        raise RnnbenchError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise RnnbenchError(f"{path}: line {element + 1} is no bundle of jobs; submit the run again") from None


def compute_bundle(
    folder: Path,
    path: Path,
    element: int,
    executor: Executor,
    workers: int,
    device: str,
    threads: int,
    tell: Callable[[Report], None],
) -> None:
    """Compute what is missing of a bundle by an executor of this machine."""
    jobs = read_bundle(path, element)
    executor.run(Work(folder, jobs, device, workers, threads, tell, lambda some: [], lambda: None))

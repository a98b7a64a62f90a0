"""Which job is next, when all that it starts from is finished."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from rnnbench.plugin.executor import Job


class Agenda:
    """Jobs in the order in which they came, each to be taken when all that its cells start from is finished."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._waits_for = [set(job.after) for job in jobs]
        self._children: dict[str, list[int]] = {}
        for place, job in enumerate(jobs):
            for identity in job.after:
                self._children.setdefault(identity, []).append(place)
        self._ready = [place for place, parents in enumerate(self._waits_for) if not parents]
        self._left = len(jobs)

    def __bool__(self) -> bool:
        return self._left > 0

    def take(self, n: int) -> list[Job]:
        """Up to `n` that are ready, the first ones first."""
        places = [heapq.heappop(self._ready) for _ in range(min(max(0, n), len(self._ready)))]
        self._left -= len(places)
        return [self._jobs[place] for place in places]

    def finish(self, job: Job) -> None:
        """What starts from the cells of `job` need not wait for it any more."""
        for identity in job.cells:
            for place in self._children.pop(identity, ()):
                self._waits_for[place].discard(identity)
                if not self._waits_for[place]:
                    heapq.heappush(self._ready, place)

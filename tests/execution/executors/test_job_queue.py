"""The order of jobs: each is given out once, after the jobs that it starts from, and otherwise in the given order."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench.execution.executors.process import JobQueue
from rnnbench.plugin.executor import Job


def job(name: str, *after: str) -> Job:
    return Job((f"{name}.0", f"{name}.1"), frozenset(after), frozenset(after), 1, 1.0, name)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("workers", [1, 3])
def test_no_job_starts_before_the_jobs_that_it_starts_from_are_finished(seed, workers):
    rng = np.random.default_rng(seed)
    jobs = [job(f"p{k}", *(f"p{j}.{j % 2}" for j in range(k) if rng.random() < 0.2)) for k in range(30)]
    queue, running, finished, order = JobQueue(jobs), [], set(), []
    while queue or running:
        for taken in queue.take(workers - len(running)):
            assert taken.after <= finished
            running.append(taken)
            order.append(taken.order)
        ended = running.pop(int(rng.integers(len(running))))
        finished |= set(ended.cells)
        queue.finish(ended)
    assert sorted(order) == sorted(one.order for one in jobs)


def test_ready_jobs_keep_their_order():
    jobs = [job("a"), job("b"), job("c", "a.0"), job("d")]
    queue = JobQueue(jobs)
    assert queue.take(2) == jobs[:2]
    queue.finish(jobs[0])
    assert queue.take(5) == jobs[2:]

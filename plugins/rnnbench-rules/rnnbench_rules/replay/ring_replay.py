"""Experience replay from a ring of the latest trials of each task."""

from __future__ import annotations

from pydantic import Field

from rnnbench_rules.replay.experience_replay import ExperienceReplay


class RingReplay(ExperienceReplay):
    """Every update also learns trials drawn from rings that hold the latest trials of each task, all of one size.

    From the second task on the gradient is that of L(batch) + s L(trials drawn from the rings), which at s = 1 is a
    union of both batches, up to a factor in the learning rate. Every task has the same share of the memory, however
    long it was learnt; the memory grows with the number of tasks. The present task's ring is drawn from like the
    others, as published.
    """

    name, version = "ring_replay", 1
    source = "Chaudhry, Rohrbach, Elhoseiny, Ajanthan, Dokania, Torr, Ranzato, arXiv:1902.10486, 2019 (ring buffer)"

    slots: int = Field(64, ge=1, description="trials kept of each task (per network)")

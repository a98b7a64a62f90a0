"""Joint training: every update uses trials of the new task and of all earlier tasks."""

from __future__ import annotations

from typing import ClassVar

import torch

from rnnbench import Batch, GradientDescent, State, TaskContext, Weights


class Joint(GradientDescent):
    """Interleaved training: every update sees fresh trials of the task at hand and of all tasks before it.

    L = mean over tasks k learnt so far, the present one among them, of L_k

    The ceiling for any rule that has no access to earlier tasks: it is no continual learning. The first task is learnt
    as by gradient descent, and training ends when the new task meets its criterion. I(A <- B) then says what the
    network loses of A while it learns B beside it: about 0 where one network can do both, below 0 where A gets still
    better, above 0 where B asks for what A cannot spare, or where A has not yet recovered from B's first updates.
    An update costs as many gradients as there are tasks.
    """

    name, version = "joint", 1
    source = "multi-task training, the usual upper bound: e.g. Li & Hoiem, IEEE TPAMI 2018, section 4"
    remembers: ClassVar[bool] = True

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        return state | {"step": torch.zeros(len(next(iter(weights.values()))), dtype=torch.int64)}

    def gradient(
        self, weights: Weights, batch: Batch, state: State, context: TaskContext
    ) -> tuple[torch.Tensor, Weights]:
        step, n_trials = int(state["step"][0]), batch.inputs.shape[2]
        earlier = [context.on(label).sample("joint", step, n_trials) for label in context.earlier]
        each = [super(Joint, self).gradient(weights, b, state, context) for b in (batch, *earlier)]
        loss = torch.stack([loss for loss, _ in each]).mean(0)
        return loss, {name: torch.stack([g[name] for _, g in each]).mean(0) for name in each[0][1]}

    def after_update(self, old: Weights, new: Weights, gradients: Weights, state: State, context: TaskContext) -> State:
        return state | {"step": state["step"] + 1}

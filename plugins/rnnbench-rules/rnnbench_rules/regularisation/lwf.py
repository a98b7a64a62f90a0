"""Learning without forgetting: a penalty keeps the earlier tasks' outputs on the new task's trials as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field

from rnnbench import Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules.regularisation.batches import of_each_network


class LwF(GradientDescent):
    """Learning without forgetting: the earlier tasks' outputs are held at what they were on the new task's trials.

    L + lambda D,  D = mean over times, trials and held outputs of (z - z*)^2 / 2

    z* are the answers of the network before it learnt the new task, to the same trials. Held are the outputs of
    earlier tasks that the present one does not use: outputs of its own for each task are what the method is made for
    (`channels: {layout: separate}`, no output correlation), and where there are none it is refused rather than do
    nothing. The paper's cross entropy becomes a squared error here; its warm-up, in which the new task's output is
    learnt first and alone, is left out, as is its weight decay.

    With `idle_outputs: zero` the benchmark's loss asks the same outputs to be silent while the new task is on, which
    is part of learning it. Where z* is not 0 the two are at odds, and at lambda the network settles between them. The
    method as published is the one with `idle_outputs: free`.
    """

    name, version = "lwf", 1
    source = "Li & Hoiem, IEEE TPAMI 2018, fig. 3 (procedure); for regression with squared errors"
    remembers: ClassVar[bool] = True
    strength: ClassVar[str | None] = "penalty"

    penalty: float = Field(1.0, ge=0, description="lambda; 0: plain gradient descent (1); published: 1")

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        if not context.earlier or self.penalty == 0:
            return state
        earlier = torch.stack([context.on(label).own_outputs for label in context.earlier]).any(0)
        held = earlier & ~context.own_outputs
        if not held.any():
            raise ValueError(
                f"lwf holds outputs of earlier tasks that the present task does not use, but {context.task} uses them "
                "all; give each task outputs of its own (channels: {layout: separate}, output_correlation: 0)"
            )
        n_networks = len(next(iter(weights.values())))
        return state | {f"teacher.{name}": w for name, w in weights.items()} | {"held": held.repeat(n_networks, 1)}

    def gradient(
        self, weights: Weights, batch: Batch, state: State, context: TaskContext
    ) -> tuple[torch.Tensor, Weights]:
        loss, gradients = super().gradient(weights, batch, state, context)
        if "held" not in state:
            return loss, gradients
        pull = self._pull(weights, batch, state, context)
        return loss, {name: g + self.penalty * pull[name] for name, g in gradients.items()}

    def _pull(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> Weights:
        """Gradient of D by weight name, [network, ...]."""
        each = of_each_network(batch)
        teacher = {name: state[f"teacher.{name}"] for name in weights}
        held = state["held"][:, None, None].to(each.mask).expand_as(each.mask).contiguous()
        answers = context.outputs(teacher, each)
        return context.gradient(weights, replace(each, targets=answers, mask=held))[1]

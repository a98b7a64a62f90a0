"""Orthogonal weight projection for recurrent networks."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rnnbench import AddedChannels, Architecture, GradientDescent, State, TaskContext, Weights
from rnnbench_rules.projection.activity import activities, arrays, maps, require_rate_rnn, second_moment, with_channels
from rnnbench_rules.projection.kronecker import shrinkage


class OrthogonalWeightProjection(GradientDescent):
    """Steps in the weights are kept out of the directions that earlier tasks use, on both sides of each matrix.

    After each task the mean products, over time and trials, of a map's inputs and outputs are taken: for
    [W, W_in, b] those of z = [phi(h); x; 1] and of the current [W, W_in, b] z, for W_out those of phi(h) and of the
    readout. Averaged over the tasks learnt they are C_in and C_out, and a step D of the map becomes

        P_out D P_in,   P = (I + s C)^-1 = alpha (C + alpha I)^-1,   s = 1/alpha.

    P is near 1 along directions that earlier tasks did not use and near 0 along those where C is far above alpha.
    Only what is trained counts: where W is trained alone, its inputs are phi(h). Published with gradient descent with
    momentum, where projecting the gradient is projecting the step; here the step is projected whatever the optimizer,
    because adam and rmsprop would turn a projected gradient back into the protected directions. For any step D
    the mean squared change of the currents of earlier tasks' inputs is at most |D|^2/(4 s).
    """

    name, version = "owp", 1
    source = (
        "Duncker, Driscoll, Shenoy, Sahani, Sussillo, NeurIPS 2020; alpha and the mean over tasks as in the "
        "comparison of Kao et al., NeurIPS 2021"
    )
    remembers: ClassVar[bool] = True
    sides: ClassVar[tuple[str, ...]] = ("in", "out")
    strength: ClassVar[str | None] = "projection"

    projection: float = Field(
        1000.0, ge=0, description="s = 1/alpha; published: alpha = 0.001 (per squared rate, input or readout)"
    )
    sampled: int = Field(256, ge=1, description="trials from which a task's mean products are taken (per task)")

    def check(self, architecture: Architecture) -> None:
        require_rate_rnn(architecture, self.name)

    def grow(self, memory: State, added: AddedChannels, context: TaskContext) -> State:
        # New inputs were silent in earlier tasks. New readouts are counted as silent too, although those tasks'
        # activity has some component along them.
        grown = {}
        for name, C in memory.items():
            _, kind, side = name.split(".")
            silent = C.new_zeros(len(C))
            grown[name] = with_channels(C, kind, side, added, context.architecture.trained, silent)
        return grown

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        for name, C in memory.items():
            _, kind, side = name.split(".")
            if self.projection > 0:
                state[f"project.{kind}.{side}"] = torch.stack([shrinkage(c, self.projection) for c in C.double()])
        return state

    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        new, state = super().update(weights, gradients, state)
        if not any(name.startswith("project.") for name in state):
            return new, state
        steps = maps({name: new[name] - weights[name] for name in gradients})
        for kind, D in steps.items():
            steps[kind] = projected(D, state.get(f"project.{kind}.out"), state.get(f"project.{kind}.in"))
        return new | {n: weights[n] + d for n, d in arrays(steps, gradients).items()}, state

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        if self.projection == 0:
            return {}
        architecture = require_rate_rnn(context.architecture, self.name)
        batch = context.sample("mean products", 0, self.sampled)
        found: dict[str, list[Tensor]] = {}
        for one in activities(architecture, weights, batch):
            for kind, z in one.sources.items():
                for side, x in zip(("in", "out"), (z, one.targets[kind]), strict=True):
                    if side in self.sides:
                        found.setdefault(f"product.{kind}.{side}", []).append(second_moment(x))
        return {name: self.joined(state.get(name), torch.stack(C), context.position) for name, C in found.items()}

    def joined(self, before: Tensor | None, new: Tensor, n_earlier: int) -> Tensor:
        """Combine the mean products of earlier tasks with those of the task just learnt; here by averaging over tasks.

        Args:
            before: combined products of the earlier tasks, [network, channel, channel]; None if there are none.
            new: products of the task just learnt, [network, channel, channel].
            n_earlier: number of earlier tasks.
        """
        return new if before is None else before + (new - before) / (n_earlier + 1)


def projected(D: Tensor, P_out: Tensor | None, P_in: Tensor | None) -> Tensor:
    """Compute P_out D P_in, network by network; a side whose matrix is None is not projected.

    Args:
        D: step of a map, [network, target, source].
        P_out: projection of the targets, [network, target, target], or None.
        P_in: projection of the sources, [network, source, source], or None.

    Returns:
        The projected step, [network, target, source].
    """
    out = []
    for n, d in enumerate(D):
        d = d if P_out is None else P_out[n].to(d) @ d
        out.append(d if P_in is None else d @ P_in[n].to(d))
    return torch.stack(out)

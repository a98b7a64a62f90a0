"""Base class of rules that keep separate weights for each task."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rnnbench import AddedChannels, Batch, GradientDescent, State, TaskContext, Weights, enlarged


class OwnWeightsDescent(GradientDescent):
    """Gradient descent in which each task has some weights for itself, all beginning where the network began.

    State and memory: `initial.W`, the weight W before any training, and `own.TASK.W`, the weight W of a task that has
    been learnt or is being learnt.
    """

    remembers: ClassVar[bool] = True

    @abstractmethod
    def own(self, weights: Weights) -> tuple[str, ...]:
        """Return the names of the weights that each task has separately."""

    def weights_for(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        chosen = dict(weights)
        for name in self.own(weights):
            initial = state.get(f"initial.{name}", weights[name])
            chosen[name] = state.get(f"own.{context.task}.{name}", initial)
        return chosen

    def grow(self, memory: State, added: AddedChannels, context: TaskContext) -> State:
        # New channels have their initial weights in every copy, as if they had been there from the start.
        return {name: enlarged(a, added.after[name.rpartition(".")[2]]) for name, a in memory.items()}

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        names = self.own(weights)
        initial = {f"initial.{name}": state.get(f"initial.{name}", weights[name]) for name in names}
        own = self.weights_for(weights, state | initial, context)
        return state | initial | {f"own.{context.task}.{name}": own[name] for name in names}

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        new, state = super().learn(self.weights_for(weights, state, context), batch, state, context)
        return new, state | {f"own.{context.task}.{name}": new[name] for name in self.own(new)}

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        return {name: a for name, a in state.items() if name.startswith(("initial.", "own."))}

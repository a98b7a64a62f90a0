"""The contract of learning rules: LearningRule, and TaskContext, which is what a rule may use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rnnbench.errors import PluginError
from rnnbench.plugin.added_channels import AddedChannels, enlarged
from rnnbench.plugin.interfaces import Architecture, Batch, Plugin, State, Weights

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TaskContext:
    """What a learning rule may use while a population learns one task.

    Attributes:
        architecture: the architecture of the networks.
        task: label of the task in the benchmark.
        position: 0 for the first task of the history, 1 for the second, and so on.
        earlier: labels of the other tasks that these networks have learnt, in order. It is empty unless the rule sets
            `remembers`.
        own_outputs: boolean array [output], True for the outputs that carry this task's targets. The other outputs
            are not used by the task.
        gradient: `gradient(weights, batch)` returns the loss [network] and its gradients by name, from
            backpropagation through time.
        outputs: `outputs(weights, batch)` returns the outputs [network, time, trial, output].
        sample: `sample(purpose, step, n_trials)` returns a Batch of new trials of this task. The same arguments give
            the same trials. Only the purpose "train" gives the trials of training.
        rngs: `rngs(*names)` returns a list with one generator for each network, made from its seed and the names.
        on: `on(label)` returns the context of the same networks on another task of the benchmark.
    """

    architecture: Architecture
    task: str
    position: int
    earlier: tuple[str, ...]
    own_outputs: torch.Tensor
    gradient: Callable[[Weights, Batch], tuple[torch.Tensor, Weights]]
    outputs: Callable[[Weights, Batch], torch.Tensor]
    sample: Callable[[str, int, int], Batch]
    rngs: Callable[..., list[np.random.Generator]]
    on: Callable[[str], TaskContext]


class LearningRule(Plugin, ABC):
    """A rule by which weights change. Its methods are called for a whole population, outside autograd.

    The fields are the hyperparameters. In every method, weights, gradients and state are arrays by name with a leading
    [network] axis, `batch` holds the trials of one update, and `context` describes the task. Weights and state are
    passed in and returned. A rule must not store arrays on the object and must not mix networks, because networks that
    have reached their criterion leave the population. It may change arrays of the state in place, but not weights.
    """

    remembers: ClassVar[bool] = False
    """Whether earlier tasks matter to the rule. If True, `end_task` may return a memory, and all networks of a
    population have the same history, so that their memories have the same names and shapes."""

    strength: ClassVar[str | None] = None
    """Name of the parameter that scales the rule's deviation from plain gradient descent. At 0 the results are
    bit-identical to gradient descent. None if there is no such parameter."""

    def check(self, architecture: Architecture) -> None:
        """Refuse an architecture that the rule cannot train. This is called before anything is computed.

        Raises:
            ValueError: the rule cannot train it; the message says what the rule needs.
        """
        return

    def weights_for(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        """The weights with which the networks perform the context's task whenever they are evaluated on it.

        They are the same for all tasks, unless the rule gates units or has weights for each task. `state` is the
        rule's state or its memory, and is empty for untrained networks. Names and shapes must not change.
        """
        return weights

    def grow(self, memory: State, added: AddedChannels, context: TaskContext) -> State:
        """The memory of networks that have received the channels of their next task.

        It should be the memory that the networks would have if these channels had been there from the start. Unless a
        rule overrides this method, an array that is named after a weight (`fisher.A.w_in`) and has its shape gets 0 on
        the new channels, and all other arrays stay as they are.

        Args:
            memory: what `end_task` returned after the previous task.
            added: the weights of the networks without and with the new channels.
            context: the context of the next task.
        """
        return {name: _grown(name.rpartition(".")[2], a, added) for name, a in memory.items()}

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        """The state with which the networks start to learn a task.

        `memory` is what `end_task` returned after the previous task; it is empty before the first. Unless a rule
        overrides this method, the state is a copy of that dictionary.
        """
        return dict(memory)

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        """Make one update. Override it if the rule is not a gradient followed by a step.

        Returns:
            The new weights and the new state.

        Raises:
            PluginError: a gradient does not have the shape of its weight.
        """
        _, raw = self.gradient(weights, batch, state, context)
        gradients = self.before_update(weights, raw, state, context)
        for name, g in gradients.items():
            if g.shape != weights[name].shape:  # torch would broadcast it without an error
                shapes = f"{tuple(g.shape)}; expected the shape of the weights, {tuple(weights[name].shape)}"
                raise PluginError(f"rule {self.id()}: the gradient of {name} has shape {shapes}")
        new, state = self.update(weights, gradients, state)
        return new, self.after_update(weights, new, raw, state, context)

    def gradient(
        self, weights: Weights, batch: Batch, state: State, context: TaskContext
    ) -> tuple[torch.Tensor, Weights]:
        """The gradient, from backpropagation through time unless a rule overrides this method.

        Returns:
            The loss [network], and the gradients by name, each of its weight's shape. `update` goes against them.
        """
        return context.gradient(weights, batch)

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        """Change the gradients, for example by adding that of a penalty or by projecting them.

        Returns:
            The gradients that `update` uses.
        """
        return gradients

    @abstractmethod
    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        """Make the step.

        Returns:
            The new weights and the new state. Weights without a gradient are returned unchanged.
        """

    def after_update(self, old: Weights, new: Weights, gradients: Weights, state: State, context: TaskContext) -> State:
        """Record in the state what an update did.

        `old` and `new` are the weights before and after it. `gradients` are those of the loss, as `gradient` returned
        them, without the changes of `before_update`.

        Returns:
            The new state.
        """
        return state

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        """What to remember for later tasks, given the weights and the state at the end of learning.

        Returns:
            The memory, which is stored with the cell. It must be empty unless the rule sets `remembers`.
        """
        return {}


def _grown(weight: str, array: torch.Tensor, added: AddedChannels) -> torch.Tensor:
    """An array with 0 on the new channels if it has the shape of a weight, otherwise the array itself."""
    if weight not in added.before or array.shape != added.before[weight].shape:
        return array
    return enlarged(array, array.new_zeros(added.after[weight].shape))

"""The contract between rnnbench and its plugins: Task, Architecture, LearningRule, and the data they exchange.

A plugin class is a pydantic model, and its fields are its parameters. The YAML loader, the validation, the JSON
Schema, `describe` and the stored record all use this one declaration.

Time is in units of tau, the time constant of a unit. A task returns arrays with the axes [trial, time, channel]. The
engine computes with `Batch`, in which time comes before trials.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rnnbench.errors import PluginError

if TYPE_CHECKING:
    import torch

Weights: TypeAlias = "dict[str, torch.Tensor]"
"""Arrays of a network by name. In a population each array has a leading [network] axis."""

State: TypeAlias = "dict[str, torch.Tensor]"
"""What a learning rule stores, by name. Every array has a leading [network] axis."""


class Plugin(BaseModel):
    """The base class of tasks, architectures, learning rules and executors.

    Objects cannot be changed after they are made. Unknown parameters, NaN and infinity are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    name: ClassVar[str]
    """The name that a benchmark file uses."""
    version: ClassVar[int] = 1
    """Part of the identity of every cell. Increase it whenever the same parameters would give other numbers."""
    source: ClassVar[str] = ""
    """Where the plugin was published: authors, year, journal, equation."""

    @classmethod
    def id(cls) -> str:
        """The unambiguous id, `name@version`."""
        return f"{cls.name}@{cls.version}"


@dataclass(frozen=True)
class Trials:
    """A batch of trials of one task.

    Attributes:
        inputs: float32 array [trial, time, input].
        targets: float32 array [trial, time, output].
        mask: weight of each target in the loss, [trial, time, output or 1], not negative. It is 0 where any output
            is allowed.
        info: further arrays by name, each [trial, ...], for `Task.accuracy` and for analyses.
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    info: Mapping[str, np.ndarray] = field(default_factory=dict)


class Task(Plugin, ABC):
    """A task that a network learns."""

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Number of input channels."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of output channels."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw a batch of trials.

        Args:
            rng: the only source of randomness; the same generator must give the same trials.
            n_trials: number of trials.
            dt: time step (tau). The duration of a trial in tau must not depend on it.

        Returns:
            Trials of finite numbers, whose number of time steps may differ from one batch to the next.
        """

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray | None:
        """How well each trial is solved; None unless a task overrides it.

        Args:
            outputs: the network's outputs on these trials, [trial, time, output].
            trials: trials that `sample` returned.

        Returns:
            An array [trial] of values in 0..1, or None if the task has no natural accuracy. If the outputs are the
            targets, every value is 1.
        """
        return None


@dataclass(frozen=True)
class Batch:
    """Trials as the engine computes them: time comes first, arrays are on the device, channels are the benchmark's.

    A set of trials is drawn for each seed, and networks of the same seed share it.

    Attributes:
        inputs: [set, time, trial, input].
        targets: [set, time, trial, output].
        mask: [set, time, trial, output], the weight of each target in the loss.
        sets: for each network, the number of the set of trials that it sees.
        noise: standard normal numbers [set, time, trial, n_noise], or None if the architecture uses no noise.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    mask: torch.Tensor
    sets: tuple[int, ...]
    noise: torch.Tensor | None = None

    @property
    def index(self) -> torch.Tensor:
        """`sets` as an int64 tensor [network] on the device."""
        return _index(tuple(self.sets), self.inputs.device)

    def each(self, array: torch.Tensor) -> torch.Tensor:
        """What each network sees, [network, ...], of one of the arrays of this batch, [set, ...]."""
        return array.index_select(0, self.index)

    def of(self, networks: list[int]) -> Batch:
        """The same trials for some of the networks, given by their positions on the [network] axis."""
        return Batch(self.inputs, self.targets, self.mask, tuple(self.sets[n] for n in networks), self.noise)


@lru_cache(maxsize=256)
def _index(sets: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """The index of `Batch.index`, kept because a transfer to the GPU makes the CPU wait."""
    import torch  # here, so that a task can be described without waiting for torch

    return torch.tensor(sets, dtype=torch.int64, device=device)


class Engine(Protocol):
    """Computes a whole population of one architecture: `weights` are arrays with a leading [network] axis.

    Attributes:
        independent: whether, on a CPU, the numbers of a network are bit-identical whatever other networks are in the
            population.
    """

    independent: bool

    def outputs(self, weights: Weights, batch: Batch) -> torch.Tensor:
        """The outputs after every time step, [network, time, trial, output]."""

    def gradient(self, weights: Weights, batch: Batch) -> tuple[torch.Tensor, Weights]:
        """The loss [network], and its gradient by backpropagation through time.

        The gradient has an array for every trained weight by name, of the weight's shape.
        """


class Architecture(Plugin, ABC):
    """A recurrent network. Its methods compute one network, and rnnbench makes populations of it."""

    units: int = Field(256, ge=1, description="number of recurrent units N")
    dt: float = Field(0.5, gt=0, le=1, description="time step of the integration (tau)")

    initial_only: ClassVar[frozenset[str]] = frozenset()
    """Names of fields that affect the values of the initial weights and nothing else: neither the names or shapes of
    weights, nor `step`. Networks that differ only in these fields may be in one population."""
    tracked: ClassVar[tuple[str, ...]] = ()
    """Names of small weights that are stored at every evaluation during learning, in the table `tracked.parquet`."""

    @property
    @abstractmethod
    def trained(self) -> tuple[str, ...]:
        """Names of the weights that learning may change."""

    @property
    def n_noise(self) -> int:
        """How many standard normal numbers `step` needs for each trial and time step; 0 if it uses no noise."""
        return 0

    @abstractmethod
    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw the initial weights of one network.

        Args:
            rng: the only source of randomness.
            n_inputs: number of input channels.
            n_outputs: number of output channels.

        Returns:
            Arrays by name, without a [network] axis.
        """

    def initial_state(self, weights: Weights, n_trials: int) -> Any:
        """The state before the first time step; zeros unless an architecture overrides it.

        Returns:
            An array [trial, unit], or a tuple of such arrays.
        """
        like = next(iter(weights.values()))
        return like.new_zeros(n_trials, self.units)

    @abstractmethod
    def step(self, weights: Weights, state: Any, inputs: torch.Tensor, noise: torch.Tensor | None) -> Any:
        """Compute one time step of length `dt`.

        Args:
            weights: weights of one network by name.
            state: the state before the step, as `initial_state` or `step` returned it.
            inputs: [trial, input].
            noise: standard normal numbers [trial, n_noise], or None for a step without noise.

        Returns:
            The state after the step.
        """

    @abstractmethod
    def readout(self, weights: Weights, state: Any) -> torch.Tensor:
        """The output [trial, output] in a state that `initial_state` or `step` returned."""

    def engine(self) -> Engine | None:
        """An engine that computes populations of this architecture faster, or None to use autograd through `step`."""
        return None


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

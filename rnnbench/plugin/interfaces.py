"""The contract between rnnbench and its plugins, in a page: Task, Architecture, LearningRule, Trials.

A plugin class IS its pydantic model: its fields are its parameters, so that YAML, validation, JSON
Schema, `describe` and the stored record all come from one declaration. Time is in units of tau, the
time constant of a unit. Authors see arrays as [trial, time, channel]; the engine turns them once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from rnnbench.errors import PluginError

Weights = dict[str, torch.Tensor]
"""Arrays of a network by name; of a population each has a leading [network] axis."""

State = dict[str, torch.Tensor]
"""What a learning rule remembers; every array has a leading [network] axis."""


class Plugin(BaseModel):
    """What tasks, architectures and rules have in common. Frozen; unknown parameters are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    name: ClassVar[str]
    """The name a benchmark file uses."""
    version: ClassVar[int] = 1
    """Raised whenever the same parameters would give other numbers; part of every cell's identity."""
    source: ClassVar[str] = ""
    """Where it was published: authors, year, journal, equation."""

    @classmethod
    def id(cls) -> str:
        """The unambiguous `name@version`."""
        return f"{cls.name}@{cls.version}"


@dataclass(frozen=True)
class Trials:
    """A batch of trials.

    inputs   [trial, time, input]   float32
    targets  [trial, time, output]  float32
    mask     [trial, time, output or 1]  weight of each target in the loss, 0 where anything goes
    info     facts by name, [trial, ...] each, for `Task.accuracy` and analyses
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    info: Mapping[str, np.ndarray] = field(default_factory=dict)


class Task(Plugin, ABC):
    """What a network is asked to do."""

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Input channels."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Output channels."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw `n_trials` trials with time step `dt` (tau), using no randomness but `rng`."""

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray | None:
        """Fraction of each trial that counts as solved, [trial] in 0..1, or None where none is natural.

        outputs [trial, time, output] are the network's answers to `trials`.
        """
        return None


@dataclass(frozen=True)
class Batch:
    """Trials as the engine computes them: time first, on the device, on the benchmark's channels.

    inputs   [set, time, trial, input]
    targets  [set, time, trial, output]
    mask     [set, time, trial, output]
    noise    [set, time, trial, n_noise] standard normal, or None
    sets     for each network, which set of trials it sees (networks of one seed share a set)
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    mask: torch.Tensor
    sets: tuple[int, ...]
    noise: torch.Tensor | None = None

    @property
    def index(self) -> torch.Tensor:
        """`sets` on the device, [network]."""
        return _index(tuple(self.sets), self.inputs.device)

    def each(self, array: torch.Tensor) -> torch.Tensor:
        """What every network sees of one of the arrays above, [set, ..] -> [network, ..]."""
        return array.index_select(0, self.index)

    def of(self, networks: list[int]) -> Batch:
        """The same trials for some of the networks only."""
        return Batch(self.inputs, self.targets, self.mask, tuple(self.sets[n] for n in networks), self.noise)


@lru_cache(maxsize=256)
def _index(sets: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Kept, because what is sent to a card makes the sender wait for it."""
    return torch.tensor(sets, dtype=torch.int64, device=device)


class Engine(Protocol):
    """Computes a whole population of one architecture: weights with a leading [network] axis.

    independent   a network's numbers are the same, bit for bit, whatever networks stand beside it on a CPU
    """

    independent: bool

    def outputs(self, weights: Weights, batch: Batch) -> torch.Tensor:
        """Readouts after every step, [network, time, trial, output]."""

    def gradient(self, weights: Weights, batch: Batch) -> tuple[torch.Tensor, Weights]:
        """Loss [network] and its gradient in every trained weight, as backpropagation through time."""


class Architecture(Plugin, ABC):
    """A recurrent network, written for ONE network; rnnbench makes populations of it."""

    units: int = Field(256, ge=1, description="number of recurrent units N")
    dt: float = Field(0.5, gt=0, le=1, description="time step of the integration (tau)")

    initial_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that shape the initial weights but not the step: networks that differ only here share a population."""
    tracked: ClassVar[tuple[str, ...]] = ()
    """Names of small weights that are kept at every look along the curve, for the table `tracked.parquet`."""

    @property
    @abstractmethod
    def trained(self) -> tuple[str, ...]:
        """Names of the weights that learning may change."""

    @property
    def n_noise(self) -> int:
        """How many standard normal numbers `step` wants for each trial and step; 0 for none."""
        return 0

    @abstractmethod
    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw the initial weights of one network, by name."""

    def initial_state(self, weights: Weights, n_trials: int) -> Any:
        """State before the first step, [trial, unit] (or a tuple of such); zeros unless overridden."""
        like = next(iter(weights.values()))
        return torch.zeros(n_trials, self.units, dtype=like.dtype, device=like.device)

    @abstractmethod
    def step(self, weights: Weights, state: Any, inputs: torch.Tensor, noise: torch.Tensor | None) -> Any:
        """The state after one time step. inputs [trial, input], noise [trial, n_noise] or None."""

    @abstractmethod
    def readout(self, weights: Weights, state: Any) -> torch.Tensor:
        """The output [trial, output] in a state."""

    def engine(self) -> Engine | None:
        """A faster way to compute whole populations, where there is one."""
        return None


@dataclass(frozen=True)
class TaskContext:
    """What a learning rule may use while a population learns one task.

    task          label of the task in the benchmark
    position      0 for the first task of the history, 1 for the second, ...
    earlier       labels of the other tasks that these networks have learnt, in order; empty unless the rule `remembers`
    own_outputs   [output] true where an output carries this task's targets; the others are idle
    gradient      (weights, batch) -> (loss [network], gradients): backpropagation through time
    outputs       (weights, batch) -> readouts [network, time, trial, output]
    sample        (purpose, step, n_trials) -> Batch of fresh trials of this task; the same arguments
                  give the same trials, and no purpose but "train" repeats the trials of training
    rngs          (*names) -> one generator for each network, from its seed and the names
    on            (label) -> the same networks' context on another task of the benchmark
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
    """How weights change. Called for a population at once, outside autograd.

    Hyperparameters are the frozen fields; weights and state are arrays passed in and returned, each
    with a leading [network] axis, because networks that have reached their criterion leave the
    population: a rule must not keep arrays anywhere else, nor mix networks. Arrays of the state may be
    changed in place, weights may not.
    """

    remembers: ClassVar[bool] = False
    """Whether earlier tasks matter to it: then it may leave a memory, and a population's networks share their history,
    so that what they remember has the same names and shapes."""

    strength: ClassVar[str | None] = None
    """Name of the parameter that says how far it departs from plain gradient descent, which it is, to the bit, at 0."""

    def check(self, architecture: Architecture) -> None:
        """Raise ValueError, saying what is needed, for an architecture that the rule cannot train."""
        return

    def weights_for(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        """The weights with which the networks do the context's task, whenever they are evaluated on it.

        The same for all tasks unless the rule gates units or keeps something for each task. `state` is the rule's
        state or memory, empty for untrained networks.
        """
        return weights

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        """State for this task, from what earlier tasks left in `memory` (empty before the first)."""
        return dict(memory)

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        """One update: new weights and state. Replace it where a rule is not a gradient followed by a step."""
        _, raw = self.gradient(weights, batch, state, context)
        gradients = self.before_update(weights, raw, state, context)
        for name, g in gradients.items():
            if g.shape != weights[name].shape:  # it would be broadcast in silence
                told = f"{tuple(g.shape)}; expected that of the weights, {tuple(weights[name].shape)}"
                raise PluginError(f"rule {self.id()}: the gradient of {name} has shape {told}")
        new, state = self.update(weights, gradients, state)
        return new, self.after_update(weights, new, raw, state, context)

    def gradient(
        self, weights: Weights, batch: Batch, state: State, context: TaskContext
    ) -> tuple[torch.Tensor, Weights]:
        """Loss [network] and the direction to descend; backpropagation unless replaced."""
        return context.gradient(weights, batch)

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        """Change the gradients, e.g. add a penalty's or project them."""
        return gradients

    @abstractmethod
    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        """One step: new weights and state. Weights without a gradient are returned as they are."""

    def after_update(self, old: Weights, new: Weights, gradients: Weights, state: State, context: TaskContext) -> State:
        """Keep account of what an update did; `gradients` are the loss's own, without what before_update added."""
        return state

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        """What to remember for later tasks; stored with the cell. Only of a rule that `remembers`."""
        return {}

"""The contract between rnnbench and its plugins: Task and Architecture, and the trials that they exchange.

`rnnbench.plugin.learning_rule` has the contract of learning rules.

A plugin class is a pydantic model, and its fields are its parameters. The YAML loader, the validation, the JSON
Schema, `describe` and the stored record all use this one declaration.

Time is in units of tau, the time constant of a unit. A task returns arrays with the axes [trial, time, channel]. The
engine computes with `Batch`, in which time comes before trials.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rnnbench.plugin.added_channels import ChannelAxes

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
    input_axes: ClassVar[Mapping[str, int]] = {}
    """For each weight that has one, the axis that counts input channels, e.g. {"w_in": 1}. The channels are the last
    elements along it. A network receives the channels of a task when it begins to learn the task."""
    output_axes: ClassVar[Mapping[str, int]] = {}
    """The same for output channels, e.g. {"w_out": 0}."""

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

    def with_channels(
        self, weights: Mapping[str, np.ndarray], rng: np.random.Generator, n_inputs: int, n_outputs: int
    ) -> dict[str, np.ndarray]:
        """Add the channels of one more task to the initial weights of a network.

        They are drawn as `init` draws the channels of a network that has no others, unless an architecture overrides
        this method, for example to make their vectors orthogonal to those that are there.

        Args:
            weights: initial weights by name, with the channels of the tasks before; there may be none.
            rng: the only source of randomness.
            n_inputs: number of input channels of the task.
            n_outputs: number of output channels of the task.

        Returns:
            The weights with the new channels behind the others; nothing else is changed.
        """
        new = self.init(rng, n_inputs, n_outputs)
        return ChannelAxes(self.input_axes, self.output_axes).appended(weights, new, n_inputs, n_outputs)

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

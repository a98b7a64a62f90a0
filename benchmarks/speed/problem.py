"""The problem that every approach computes: an update of a network that learns three flip-flops.

An update consists of drawing new trials, the forward pass, the loss (half the masked mean squared error), its gradient
for all weights, and the step of Adam. Trials have T = 100 steps; everything is float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.plugin.registry import installed

STEPS = 100
"""Time steps of a trial."""
CHANNELS = 3
"""Numbers of inputs and of outputs."""
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Problem:
    """The size of a problem.

    Attributes:
        n_units: units of the network.
        batch: trials of an update.
        dt: time step (tau); 1 for approaches without leak.
    """

    n_units: int
    batch: int
    dt: float = 0.5

    @property
    def task(self):
        """The flip-flop task with trials of STEPS steps."""
        return installed().build("task", "flip_flop@1", {"duration": STEPS * self.dt, "channels": CHANNELS})

    @property
    def operations(self) -> float:
        """Floating-point operations of an update, 6 T B N (N + inputs + outputs).

        The connectivity takes part in three products, one forward, one backward and one for its gradient, with two
        operations for each weight; so do input and output weights.
        """
        return 6.0 * STEPS * self.batch * self.n_units * (self.n_units + 2 * CHANNELS)

    def weights(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Initial weights w_rec [unit, unit], w_in [unit, input] and w_out [output, unit], float32."""
        rng, n = np.random.default_rng(seed), self.n_units
        drawn = {"w_rec": (n, n), "w_in": (n, CHANNELS), "w_out": (CHANNELS, n)}
        scale = {"w_rec": n**-0.5, "w_in": 1.0, "w_out": n**-0.5}
        return {name: (scale[name] * rng.normal(size=shape)).astype(np.float32) for name, shape in drawn.items()}

    def trials(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, targets and mask, each [trial, time, channel] float32, with all trials drawn at once."""
        drawn = self.task.sample(rng, self.batch, self.dt)
        return tuple(np.asarray(a, np.float32) for a in (drawn.inputs, drawn.targets, drawn.mask))  # type: ignore

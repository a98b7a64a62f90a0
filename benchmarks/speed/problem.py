"""What every approach computes: one update of a network that learns three flip-flops, end to end, on fresh trials.

T = 100 steps, float32, Adam; loss: half the masked mean squared error. An update is fresh trials, the forward pass, the
loss, its gradient for all weights, and the optimiser's step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.plugin.registry import installed

STEPS = 100
CHANNELS = 3
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Problem:
    """One row of the table; dt is 1 for approaches that know no leak."""

    n_units: int
    batch: int
    dt: float = 0.5

    @property
    def task(self):
        """Flip-flops of STEPS steps at the problem's time step."""
        return installed().build("task", "flip_flop@1", {"duration": STEPS * self.dt, "channels": CHANNELS})

    @property
    def operations(self) -> float:
        """Floating-point operations of an update, 6 T B N (N + inputs + outputs): a product with the connectivity
        forward, one backward, one for its gradient, two operations an entry; the same for inputs and outputs.
        """
        return 6.0 * STEPS * self.batch * self.n_units * (self.n_units + 2 * CHANNELS)

    def weights(self, seed: int = 0) -> dict[str, np.ndarray]:
        """w_rec [unit, unit], w_in [unit, input], w_out [output, unit]."""
        rng, n = np.random.default_rng(seed), self.n_units
        drawn = {"w_rec": (n, n), "w_in": (n, CHANNELS), "w_out": (CHANNELS, n)}
        scale = {"w_rec": n**-0.5, "w_in": 1.0, "w_out": n**-0.5}
        return {name: (scale[name] * rng.normal(size=shape)).astype(np.float32) for name, shape in drawn.items()}

    def trials(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, targets, mask, each [trial, time, channel] float32, drawn all at once."""
        drawn = self.task.sample(rng, self.batch, self.dt)
        return tuple(np.asarray(a, np.float32) for a in (drawn.inputs, drawn.targets, drawn.mask))  # type: ignore

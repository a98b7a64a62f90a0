"""The task example_lab."""

import numpy as np
from pydantic import Field

from rnnbench import Task, Trials, hookimpl


class ExampleLab(Task):
    """Add up two pulses: hold the first over a delay, and give the sum after another."""

    name, version = "example_lab", 1
    source = "an example; published nowhere"
    delay: float = Field(4, gt=0, le=100, description="from the end of one pulse to the next, and to the answer (tau)")

    n_inputs = property(lambda self: 1)
    n_outputs = property(lambda self: 1)

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials: arrays are [trial, time, channel], dt is one time step (tau). `info` holds sum [trial]."""
        pulse, again, answer = (round(t / dt) for t in (1, 1 + self.delay, 2 + 2 * self.delay))
        first, second = rng.uniform(-1, 1, (2, n_trials, 1, 1))
        time = np.arange(answer + 2 * pulse)[None, :, None]
        inputs = first * (time < pulse) + second * ((time >= again) & (time < again + pulse))
        asked = time >= answer
        targets = (first + second) * asked
        return Trials(inputs, targets, np.ones_like(targets) * asked, {"sum": (first + second)[:, 0, 0]})

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return 1 for each trial whose mean answer has the sign of the sum, else 0: [trial]."""
        return np.asarray((outputs * trials.targets).sum(axis=(1, 2)) > 0, float)


@hookimpl
def rnnbench_tasks() -> list[type[Task]]:
    return [ExampleLab]

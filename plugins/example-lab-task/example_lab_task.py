"""The task example_lab."""

import numpy as np
from pydantic import Field

from rnnbench import Task, Trials, hookimpl


class ExampleLab(Task):
    """Say whether two pulses had the same sign: a delayed match to sample in its smallest form."""

    name, version = "example_lab", 1
    source = "an example, after the delayed match-to-sample tasks of Yang et al., Nat. Neurosci. 2019"
    delay: float = Field(4, gt=0, le=100, description="from the end of one pulse to the next, and to the answer (tau)")

    n_inputs = property(lambda self: 1)
    n_outputs = property(lambda self: 1)

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Arrays are [trial, time, channel]; times are in units of tau, dt is one step. info: match [trial] 0 or 1."""
        pulse, again, answer = (round(t / dt) for t in (1, 1 + self.delay, 2 + 2 * self.delay))
        signs = rng.choice([-1.0, 1.0], (2, n_trials, 1, 1))
        time = np.arange(answer + 2 * pulse)[None, :, None]
        inputs = signs[0] * (time < pulse) + signs[1] * ((time >= again) & (time < again + pulse))
        match = signs[0] * signs[1]
        asked = time >= answer
        return Trials(inputs, match * asked, np.ones((n_trials, 1, 1)) * asked, {"match": match[:, 0, 0] > 0})

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """1 where the mean answer has the sign of the match."""
        return np.asarray((outputs * trials.targets).sum(axis=(1, 2)) > 0, float)


@hookimpl
def rnnbench_tasks() -> list[type[Task]]:
    return [ExampleLab]

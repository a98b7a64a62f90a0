"""Flip-flop: hold the last sign on each of several channels (Sussillo & Barak 2013)."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_neuro.timing import Drive, Interval, draw_steps, some_steps, steps


class FlipFlop(Task):
    """Hold the sign of the last pulse on each channel.

    A trial: after a short fixation, one pulse on every channel in random order, each `decision_delay`
    and one step after the one before; then pulses of random sign on random channels, from onset to onset
    `decision_delay` plus a draw from `pulse_interval`. A channel's output counts from its first pulse on,
    except during `decision_delay` from the onset of each of its pulses. After a pulse `drive` of it stays
    on until the channel's next. Schuessler et al. 2020 (arXiv 2006.11036) have channels 2, duration 50,
    target_amplitude 0.5, decision_delay 5, pulse_interval 5 to 25.
    """

    name, version = "flip_flop", 1
    source = (
        "Sussillo & Barak, Neural Computation 2013; "
        "parameters of Schuessler, Mastrogiuseppe, Ostojic, Barak, eLife 2024"
    )

    channels: int = Field(3, ge=1, description="memory bits, each with one input and one output")
    duration: float = Field(25, gt=0, description="length of a trial (tau)")
    fixation: Interval = Field((0, 1), description="smallest and largest time before the first pulse (tau)")
    pulse_duration: float = Field(1, gt=0, description="length of a pulse (tau)")
    decision_delay: float = Field(2, ge=0, description="from a pulse's onset until its sign counts (tau)")
    pulse_interval: Interval = Field(
        (3, 10), description="smallest and largest time from decision_delay's end to the next pulse (tau)"
    )
    pulse_amplitude: float = Field(1, gt=0, description="absolute value of a pulse")
    target_amplitude: float = Field(1, gt=0, description="absolute value of the target")
    drive: Drive = 0

    @model_validator(mode="after")
    def _periods_fit(self) -> Self:
        first_asked = self.fixation[1] + self.decision_delay
        if self.duration <= first_asked:
            raise ValueError(
                f"duration {self.duration} must be above the longest fixation and decision_delay together, "
                f"{first_asked} (tau)"
            )
        shortest = self.decision_delay + self.pulse_interval[0]
        if self.pulse_duration > shortest:
            raise ValueError(
                f"pulse_duration {self.pulse_duration} must be at most decision_delay and the smallest "
                f"pulse_interval together, {shortest} (tau), or pulses run into one another"
            )
        return self

    @property
    def n_inputs(self) -> int:
        """One input for each channel."""
        return self.channels

    @property
    def n_outputs(self) -> int:
        """One output for each channel."""
        return self.channels

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials.

        `info` holds onset (steps), channel and sign (-1 or +1), each [trial, pulse]. Pulses whose onset is at or after
        the end of the trial do not appear in the inputs.
        """
        delay = steps(self.decision_delay, dt)
        n_steps = max(steps(self.duration, dt), steps(self.fixation[1], dt) + delay + 1)
        onset = self._onsets(rng, n_trials, n_steps, dt)
        channel = self._channels(rng, onset.shape)
        positive = rng.integers(2, size=onset.shape, dtype=np.int32)

        elapsed, sign = self._last_pulse(onset, channel, positive, n_steps)
        level = np.where(elapsed < some_steps(self.pulse_duration, dt), np.float32(1), np.float32(self.drive))
        mask = (elapsed >= delay) & (sign != 0)
        return Trials(
            inputs=level * sign * np.float32(self.pulse_amplitude),
            targets=mask * sign * np.float32(self.target_amplitude),
            mask=mask.astype(np.float32),
            info={"onset": onset, "channel": channel, "sign": 2 * positive - 1},
        )

    def _onsets(self, rng: np.random.Generator, n_trials: int, n_steps: int, dt: float) -> np.ndarray:
        """Onsets in steps, [trial, pulse]; enough pulses to fill a trial even with the shortest intervals."""
        delay = steps(self.decision_delay, dt)
        shortest = max(1, delay + steps(self.pulse_interval[0], dt))
        n_first = self.channels - 1
        n_later = max(0, -(-(n_steps - n_first * (delay + 1)) // shortest))

        gaps = np.empty((n_trials, 1 + n_first + n_later), np.int32)
        gaps[:, 0] = draw_steps(rng, self.fixation, n_trials, dt)
        gaps[:, 1 : 1 + n_first] = delay + 1
        later = delay + draw_steps(rng, self.pulse_interval, (n_trials, n_later), dt)
        gaps[:, 1 + n_first :] = np.maximum(later, 1)
        return np.cumsum(gaps, axis=1, dtype=np.int32)

    def _channels(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """The channel of each pulse, [trial, pulse]: first all of them in random order, then any."""
        channel = rng.integers(self.channels, size=shape)
        channel[:, : self.channels] = rng.random((shape[0], self.channels)).argsort(axis=1)
        return channel

    def _last_pulse(
        self, onset: np.ndarray, channel: np.ndarray, positive: np.ndarray, n_steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Steps since the last pulse and its sign, both [trial, time, channel]; sign 0 before the first."""
        # Each pulse is one number that grows with its onset and has its sign in the lowest bit. A running
        # maximum over time then finds the last pulse; it is 0 before the first.
        pulses = np.zeros((len(onset), n_steps + 1, self.channels), np.int32)  # last row: pulses after the end
        trial = np.arange(len(onset))[:, None]
        pulses[trial, np.minimum(onset, n_steps), channel] = 2 * (onset + 1) + positive
        last = np.maximum.accumulate(pulses[:, :n_steps], axis=1)

        step = np.arange(n_steps, dtype=np.int32)[:, None]
        sign = (2 * (last & 1) - 1) * (last > 0)
        return step + 1 - (last >> 1), sign.astype(np.float32)

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return the fraction of masked points (time, channel) where the output has the target's sign: [trial]."""
        right = (outputs * trials.targets > 0) * trials.mask
        return np.asarray(right.sum(axis=(1, 2)) / trials.mask.sum(axis=(1, 2)), float)

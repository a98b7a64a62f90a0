"""The course of a trial: its stimuli, its response, and the arrays computed from them.

Inputs: fixation, ring of modality 1, ring of modality 2. Outputs: fixation, response ring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rnnbench_yang19.ring import bump

BASELINE = 0.05
"""Target of an output that is to be silent."""

FIXATING = 0.85
"""Target of the fixation output while the network is to fixate."""


@dataclass(frozen=True)
class Stimulus:
    """One direction, shown for a while in one or both modalities.

    Attributes:
        direction: [trial] (radians).
        strength: [trial, modality], 0 where the stimulus is not shown.
        on: first step, [trial].
        off: step after the last, [trial].
    """

    direction: np.ndarray
    strength: np.ndarray
    on: np.ndarray
    off: np.ndarray


@dataclass(frozen=True)
class Course:
    """The events of each trial of a batch; times are in steps from the start of the trial.

    Attributes:
        stimuli: the stimuli of the trials.
        go: when the response begins, or would begin, [trial].
        end: length of the trial, [trial].
        fixation_off: when the fixation input goes off, [trial].
        response: direction to point at (radians), NaN where the network is to keep fixating, [trial].
        facts: further facts about each trial by name, for `info`.
    """

    stimuli: tuple[Stimulus, ...]
    go: np.ndarray
    end: np.ndarray
    fixation_off: np.ndarray
    response: np.ndarray
    facts: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def info(self) -> dict[str, np.ndarray]:
        """The facts about the trials by name, as documented in `RingTask.sample`."""
        return {
            "direction": np.stack([s.direction for s in self.stimuli], axis=1),
            "strength": np.stack([s.strength for s in self.stimuli], axis=1),
            "onset": np.stack([s.on for s in self.stimuli], axis=1),
            "offset": np.stack([s.off for s in self.stimuli], axis=1),
            "go": self.go,
            "end": self.end,
            "response": self.response,
            **self.facts,
        }

    def inputs(self, ring: int) -> np.ndarray:
        """Return the inputs without noise, [trial, time, 1 + 2 ring]; they are 0 after the end of a trial."""
        n_trials = len(self.end)
        windows = [self._window(0, self.fixation_off)]
        patterns = np.zeros((n_trials, 1 + len(self.stimuli), 1 + 2 * ring), np.float32)
        patterns[:, 0, 0] = 1
        for k, stimulus in enumerate(self.stimuli, start=1):
            windows.append(self._window(stimulus.on, stimulus.off))
            shown = stimulus.strength[:, :, None] * bump(stimulus.direction, ring)[:, None, :]
            patterns[:, k, 1:] = shown.reshape(n_trials, 2 * ring)
        return np.stack(windows, axis=-1) @ patterns

    def targets(self, ring: int) -> np.ndarray:
        """Return the targets, [trial, time, 1 + ring]."""
        responds = ~np.isnan(self.response)
        fixating = self._window(0, np.where(responds, self.go, self.end))
        responding = self._window(np.where(responds, self.go, self.end), self.end)
        patterns = np.zeros((len(self.end), 2, 1 + ring), np.float32)
        patterns[:, 0, 0] = FIXATING - BASELINE
        patterns[:, 1, 1:] = bump(np.nan_to_num(self.response), ring)
        return np.float32(BASELINE) + np.stack([fixating, responding], axis=-1) @ patterns

    def mask(self, ring: int, grace: int, response_weight: float, fixation_weight: float) -> np.ndarray:
        """Return the weight of each target in the loss, [trial, time, 1 + ring].

        It is 0 for `grace` steps from the start and from go, and after the end of a trial.
        """
        weight = self._window(grace, self.go) + response_weight * self._window(self.go + grace, self.end)
        channels = np.ones(1 + ring, np.float32)
        channels[0] = fixation_weight
        return weight[:, :, None] * channels

    def _window(self, start: int | np.ndarray, stop: np.ndarray) -> np.ndarray:
        """1 where start <= step < stop, else 0: [trial, time], as long as the longest trial."""
        step = np.arange(self.end.max())
        return ((step >= np.reshape(start, (-1, 1))) & (step < stop[:, None])).astype(np.float32)

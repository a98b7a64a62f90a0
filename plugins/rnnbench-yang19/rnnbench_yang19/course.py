"""The course of a trial: which stimuli are on when, what is to be answered, and the arrays that say so.

Inputs: fixation, ring of modality 1, ring of modality 2. Outputs: fixation, response ring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rnnbench_yang19.ring import bump

BASELINE = 0.05
"""Target of an output that should be silent."""

FIXATING = 0.85
"""Target of the fixation output while fixation is to be kept."""


@dataclass(frozen=True)
class Stimulus:
    """One direction, shown for a while in one or both modalities.

    direction [trial] (radians), strength [trial, modality], on and off [trial] (steps)
    """

    direction: np.ndarray
    strength: np.ndarray
    on: np.ndarray
    off: np.ndarray


@dataclass(frozen=True)
class Course:
    """What happens in each trial of a batch; times in steps from its start.

    go             [trial] when the response begins, or would
    end            [trial] length of the trial
    fixation_off   [trial] when the fixation input goes off
    response       [trial] direction to respond to (radians), NaN where fixation is to be kept
    facts          what else is to be told of each trial
    """

    stimuli: tuple[Stimulus, ...]
    go: np.ndarray
    end: np.ndarray
    fixation_off: np.ndarray
    response: np.ndarray
    facts: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def info(self) -> dict[str, np.ndarray]:
        """The trials' facts by name, in the order and shapes that `RingTask.sample` documents."""
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
        """Without noise: [trial, time, 1 + 2 ring]; nothing is on after a trial's end."""
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
        """[trial, time, 1 + ring]."""
        responds = ~np.isnan(self.response)
        fixating = self._window(0, np.where(responds, self.go, self.end))
        responding = self._window(np.where(responds, self.go, self.end), self.end)
        patterns = np.zeros((len(self.end), 2, 1 + ring), np.float32)
        patterns[:, 0, 0] = FIXATING - BASELINE
        patterns[:, 1, 1:] = bump(np.nan_to_num(self.response), ring)
        return np.float32(BASELINE) + np.stack([fixating, responding], axis=-1) @ patterns

    def mask(self, ring: int, grace: int, response_weight: float, fixation_weight: float) -> np.ndarray:
        """Weights [trial, time, 1 + ring]: 0 for `grace` steps from the start and from go, and after the end."""
        weight = self._window(grace, self.go) + response_weight * self._window(self.go + grace, self.end)
        channels = np.ones(1 + ring, np.float32)
        channels[0] = fixation_weight
        return weight[:, :, None] * channels

    def _window(self, start: int | np.ndarray, stop: np.ndarray) -> np.ndarray:
        """1 where start <= step < stop, else 0: [trial, time]; time is as long as the longest trial."""
        step = np.arange(self.end.max())
        return ((step >= np.reshape(start, (-1, 1))) & (step < stop[:, None])).astype(np.float32)

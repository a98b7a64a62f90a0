"""Mante: integrate the one of two noisy signals that the context selects (Mante et al. 2013)."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import Task, Trials
from rnnbench_neuro.timing import Drive, some_steps, steps

N_CONTEXTS = 2


class Mante(Task):
    """Say the sign of the noisy signal that the context selects, and ignore the other signal.

    A trial: fixation; the stimulus (the context's channel on, a coherence on each of the two sensory
    channels); a delay; the decision, during which the sign is asked for. `drive` of context and coherences
    stays on after the stimulus. The sensory channels carry noise at all times. Inputs: context 1,
    context 2, signal 1, signal 2.
    """

    name, version = "mante", 1
    source = (
        "Mante, Sussillo, Shenoy, Newsome, Nature 2013; "
        "parameters of Schuessler, Mastrogiuseppe, Ostojic, Barak, eLife 2024"
    )

    fixation: float = Field(3, ge=0, description="time before the stimulus (tau)")
    stimulus: float = Field(20, gt=0, description="length of the stimulus (tau)")
    delay: float = Field(5, ge=0, description="from the stimulus's end to the decision (tau)")
    decision: float = Field(20, gt=0, description="length of the decision, at the trial's end (tau)")
    coherences: tuple[float, ...] = Field(
        (0.125, 0.25, 0.5, 1),
        min_length=1,
        description="amplitudes of the signals, each drawn with either sign and equally often",
    )
    context_amplitude: float = Field(1, gt=0, description="height of the context input")
    noise: float = Field(
        0.05, ge=0, description="noise on the signals: each step Normal with std noise / sqrt(dt) (tau^0.5)"
    )
    target_amplitude: float = Field(1, gt=0, description="absolute value of the target")
    fixate: bool = Field(True, description="ask for output 0 from the trial's start to the stimulus's end")
    drive: Drive = 0

    @model_validator(mode="after")
    def _coherences_positive(self) -> Self:
        if min(self.coherences) <= 0:
            raise ValueError(f"coherences {self.coherences} must be above 0; each is drawn with either sign")
        return self

    @property
    def n_inputs(self) -> int:
        """Four inputs: first the contexts, then the signals."""
        return 2 * N_CONTEXTS

    @property
    def n_outputs(self) -> int:
        """One output, the choice."""
        return 1

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Draw trials; `info` holds context [trial] 0 or 1, signed coherence [trial, 2] and choice [trial] -1 or +1."""
        onset = steps(self.fixation, dt)
        offset = onset + some_steps(self.stimulus, dt)
        decision = offset + steps(self.delay, dt)
        n_steps = decision + some_steps(self.decision, dt)

        trial = np.arange(n_trials)
        context = rng.integers(N_CONTEXTS, size=n_trials)
        values = np.array(self.coherences + tuple(-c for c in self.coherences), np.float32)
        coherence = values[rng.integers(len(values), size=(n_trials, N_CONTEXTS))]
        choice = np.sign(coherence[trial, context])

        stimulus = np.zeros((n_trials, self.n_inputs), np.float32)
        stimulus[trial, context] = self.context_amplitude
        stimulus[:, N_CONTEXTS:] = coherence
        course = np.zeros(n_steps, np.float32)
        course[onset:offset] = 1
        course[offset:] = self.drive
        inputs = np.einsum("ni,t->nti", stimulus, course)
        noise = rng.standard_normal((N_CONTEXTS, n_trials, n_steps), dtype=np.float32)
        noise *= np.float32(self.noise / dt**0.5)
        for signal in range(N_CONTEXTS):  # adding one channel at a time is five times faster than both at once
            inputs[:, :, N_CONTEXTS + signal] += noise[signal]

        targets = np.zeros((n_trials, n_steps, 1), np.float32)
        targets[:, decision:, 0] = self.target_amplitude * choice[:, None]
        mask = np.zeros((n_trials, n_steps, 1), np.float32)
        mask[:, decision:] = 1
        if self.fixate:
            mask[:, :offset] = 1
        return Trials(inputs, targets, mask, {"context": context, "coherence": coherence, "choice": choice})

    def accuracy(self, outputs: np.ndarray, trials: Trials) -> np.ndarray:
        """Return 1 for each trial whose mean output over the decision has the sign of the choice, else 0: [trial]."""
        # The target is constant in the decision and 0 before it, so this sum is proportional to choice times mean.
        return np.asarray((outputs * trials.targets).sum(axis=(1, 2)) > 0, float)

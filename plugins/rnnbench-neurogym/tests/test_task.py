"""Trials of single environments, compared with what is known about these environments."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("neurogym") is None:
    pytest.skip("neurogym is not installed here; make test-neurogym has it", allow_module_level=True)

import rnnbench
from rnnbench import Trials
from rnnbench_neurogym import Neurogym
from rnnbench_neurogym.drawing import draw, reseed
from rnnbench_neurogym.environments import build, configured


def sample(n_trials: int = 200, dt: float = 0.5, seed: int = 0, **parameters: object) -> Trials:
    return Neurogym.model_validate(parameters).sample(np.random.default_rng(seed), n_trials, dt)


def test_a_perceptual_decision_as_neurogym_documents_it() -> None:
    """100 ms fixation, 2000 ms evidence cos(theta) coh/200 + 0.5 with noise of sd 1/sqrt(dt), 100 ms of decision."""
    trials = sample(1000, env="PerceptualDecisionMaking-v0", dt=0.5)
    assert trials.inputs.shape == (1000, 2 + 40 + 2, 3)
    choice = trials.info["ground_truth"].astype(int)
    evidence = trials.inputs[:, 2:42, 1:]
    rows = np.arange(1000)
    difference = evidence[rows, :, choice] - evidence[rows, :, 1 - choice]
    # 40 000 samples of sd sqrt(2)/sqrt(50) = 0.2: mean and sd have standard errors of 0.001; tolerance 4 of these.
    assert (difference - trials.info["coh"][:, None] / 100).mean() == pytest.approx(0, abs=0.004)
    assert (difference - trials.info["coh"][:, None] / 100).std() == pytest.approx(0.2, abs=0.004)
    assert np.array_equal(trials.inputs[:, :, 0], np.tile(np.arange(44) < 2, (1000, 1)))
    assert np.array_equal(trials.targets[:, -1].argmax(axis=1), 1 + choice)
    assert (trials.targets[:, :42].argmax(axis=2) == 0).all()
    # Half a tau of grace is the first of the two steps in which the choice is due.
    assert trials.mask[:, -2:, 0].tolist() == [[0, 1]] * 1000
    assert trials.mask[:, :42, 0] == pytest.approx(np.full((1000, 42), 1 / 42))


def test_shorter_trials_are_padded_with_steps_that_nothing_asks_about() -> None:
    trials = sample(env="yang19.dm1-v0")
    lengths = np.array([np.flatnonzero(row).max() + 1 for row in trials.mask[:, :, 0]])
    assert len(set(lengths)) > 3
    for trial, length in enumerate(lengths):
        assert not trials.inputs[trial, length:].any()
        assert not trials.targets[trial, length:].any()
        # One action is right in every step of a trial.
        assert trials.targets[trial, :length].sum(axis=1).tolist() == [1] * length


@pytest.mark.parametrize("env", ["yang19.go-v0", "yang19.rtanti-v0", "yang19.dms-v0", "yang19.dnmc-v0"])
@pytest.mark.parametrize("n_trials", [1, 100])
def test_wrappers_move_the_stimulus_to_either_modality(env: str, n_trials: int) -> None:
    """Rings have 16 units; without wrappers the environment of the first modality would show only that modality."""
    batches = [sample(n_trials, seed=seed, env=env) for seed in range(100 // n_trials)]
    ring = np.concatenate([np.abs(b.inputs[:, :, 1:]).reshape(n_trials, -1, 2, 16).sum(axis=(1, 3)) for b in batches])
    assert (ring > 0).sum(axis=1).tolist() == [1] * 100
    assert 30 <= (ring[:, 0] > 0).sum() <= 70  # four standard deviations of a fair coin


def test_a_trial_stands_in_either_block() -> None:
    """Choices are biased 0.8 to 0.2 in blocks of 90 trials; a batch from the first block would be biased."""
    choice = sample(1000, env="perceptualdecisionmaking.ibl20-v0").targets[:, -1].argmax(axis=1)
    assert np.mean(choice == 1) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(1000))


def test_truncated_exponential_durations_are_independent() -> None:
    """Two periods have the same mean; with the same seed, as neurogym gives them, they would be equal."""

    def durations(env: object, rng: np.random.Generator) -> np.ndarray:
        trials = [draw(env, rng) for _ in range(400)]
        return np.array([[t.periods[p][1] - t.periods[p][0] for p in ("fixation", "fixation2")] for t in trials])

    rng = np.random.default_rng(0)
    env = build("HierarchicalReasoning-v0", {}, 10)
    reseed(env, rng)
    lengths = durations(env, rng)
    assert all(len(set(column)) > 30 for column in lengths.T)
    assert abs(np.corrcoef(lengths.T)[0, 1]) < 0.2  # four standard deviations, 1/sqrt(400) each

    alike = build(
        "HierarchicalReasoning-v0", {"timing": {"fixation2": build("HierarchicalReasoning-v0", {}).timing["fixation"]}}
    )
    alike.seed(1)
    assert np.corrcoef(durations(alike, rng).T)[0, 1] > 0.99


def test_two_responses_are_scored_one_by_one() -> None:
    task = Neurogym(env="DualDelayMatchSample-v0")
    trials = task.sample(np.random.default_rng(0), 32, 0.5)
    half = trials.targets.copy()
    half[trials.info["response"] == 2] *= -1
    accuracy = task.accuracy(half, trials)
    assert accuracy is not None
    assert accuracy.tolist() == [0.5] * 32
    fixating = np.zeros_like(trials.targets)
    fixating[:, :, 0] = 1
    silent = task.accuracy(fixating, trials)
    assert silent is not None and not silent.any()


def test_index_is_the_number_of_the_action() -> None:
    one_hot, index = (sample(env="yang19.go-v0", ground_truth=g) for g in ("one_hot", "index"))
    assert index.targets.shape[2] == 1
    assert np.array_equal(index.targets[:, :, 0], one_hot.targets.argmax(axis=2))
    assert np.array_equal(index.mask, one_hot.mask)
    task = Neurogym(env="yang19.go-v0", ground_truth="index")
    for shift, expected in ((0.4, 1), (0.6, 0)):
        accuracy = task.accuracy(index.targets + shift, index)
        assert accuracy is not None and set(accuracy) == {expected}


def test_a_box_is_its_values() -> None:
    trials = sample(env="ReachingDelayResponse-v0")
    responding = trials.info["response"] > 0
    assert np.all(trials.targets[responding][:, 0] == 1)
    shown = trials.inputs[:, 0, 1]
    assert np.array_equal(trials.targets[:, :, 1][responding], np.repeat(shown, responding.sum(axis=1)))


def test_the_longest_of_its_own_durations_stay_when_one_is_replaced() -> None:
    """When it is given a timing, yang19.dm1 would replace its stimulus of 200, 400 or 600 ms by one of 500 ms."""
    rng = np.random.default_rng(0)
    env = configured("yang19.dm1-v0", {}, {"decision": 400}, 50)
    reseed(env, rng)
    trials = [draw(env, rng) for _ in range(50)]
    lasts = [{name: stop - start for name, (start, stop) in trial.periods.items()} for trial in trials]
    assert {last["stimulus"] for last in lasts} == {4, 8, 12}
    assert {last["decision"] for last in lasts} == {8}


def test_a_timing_that_a_collection_would_pass_over_is_heeded() -> None:
    """yang19.dlygo silently replaces the timing it is given by its own."""
    rng = np.random.default_rng(0)
    env = configured("yang19.dlygo-v0", {}, {"delay": ["uniform", [1000, 2000]]}, 50)
    reseed(env, rng)
    delays = [stop - start for start, stop in (draw(env, rng).periods["delay"] for _ in range(50))]
    assert set(delays) <= set(range(20, 40))
    assert len(set(delays)) > 5


def test_pulses_are_there_with_a_step_that_is_short_enough() -> None:
    trials = sample(env="PulseDecisionMaking-v0", tau_ms=20)
    n_pulses = trials.inputs[:, :, 1:].sum(axis=1)
    choice = trials.targets[:, -1].argmax(axis=1) - 1
    clear = n_pulses[:, 0] != n_pulses[:, 1]
    assert clear.any()
    assert np.array_equal(n_pulses.argmax(axis=1)[clear], choice[clear])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"env": "PulseDecisionMaking-v0"}, "cue0 can last 10 ms .* a time step is 50 ms; .* set tau_ms to 20 or less"),
        ({"env": "SpatialSuppressMotion-v0"}, r"frames of 8\.3 ms, but a time step is 50 ms; .* set tau_ms to 16\.6"),
        ({"env": "yang19.go-v0", "grace": 5}, "decision lasts 10 steps, of which a grace of 10 leaves none"),
    ],
)
def test_what_would_vanish_is_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"env": "perceptualdecisionmaking-v0"},
            "is not an environment of neurogym; did you mean PerceptualDecisionMaking-v0",
        ),
        ({"env": "yang19.fdgo-v0"}, r"did you mean yang19\.\w+-v0"),
        ({"env": "zzzz"}, "python -m rnnbench_neurogym lists them"),
        ({"env": "AnnubesEnv-v0"}, "needs options session and catch_prob, e.g. "),
        ({"env": "GoNogo-v0", "response_periods": ["decison"]}, "no period 'decison'; did you mean decision"),
        ({"env": "GoNogo-v0", "timing": {"dealy": 300}}, "timing: there is no period 'dealy'; did you mean delay"),
        ({"env": "GoNogo-v0", "timing": {"delay": ["unifrom", [1, 2]]}}, "unifrom"),
        ({"env": "GoNogo-v0", "timing": {"delay": -1}}, "greater than or equal to 0"),
        ({"env": "GoNogo-v0", "options": {"dt": 20}}, "options.dt: cannot be set for GoNogo-v0; use tau_ms"),
        ({"env": "GoNogo-v0", "options": {"sigma": 1}}, "unexpected keyword argument 'sigma'"),
        ({"env": "yang19.go-v0", "options": {"anti": True}}, "in which anti is always False"),
        ({"env": "GoNogo-v0", "ground_truth": "box"}, "the actions of GoNogo-v0 are discrete; use one_hot or index"),
        ({"env": "ReachingDelayResponse-v0", "ground_truth": "index"}, "are box; use box"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Neurogym.model_validate(parameters)
    assert "\n" not in caught.value.errors()[0]["msg"]  # type: ignore[attr-defined]


def test_a_benchmark_runs(tmp_path: Path) -> None:
    content = {
        "name": "two",
        "tasks": [
            {"use": "neurogym", "label": "decide", "env": "PerceptualDecisionMaking-v0", "timing": {"stimulus": 500}},
            {"use": "neurogym", "label": "wait", "env": "GoNogo-v0", "timing": {"delay": ["uniform", [100, 300]]}},
        ],
        "architectures": [{"use": "vanilla_rnn", "units": 16}],
        "seeds": 1,
        "training": {"max_updates": 2, "evaluate_every": 2, "batch": 4, "evaluation_trials": 8},
    }
    results = rnnbench.run(content, results=tmp_path, workers=1, figures=False)
    assert sorted(set(results.interference["first_task"])) == ["decide", "wait"]

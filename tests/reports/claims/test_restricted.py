"""C4: the prediction of the 2x2 model compared with autograd, and the claim on networks with a known deviation."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from rnnbench.benchmark.schema import ArchitectureSpec, Channels, Criterion, RuleSpec, TaskSpec, Training
from rnnbench.reports.claims.judge import CLAIMS
from rnnbench.reports.claims.restricted_theory import episode, memory, predict

DRIVES = (0.02, 0.1, 0.3)
HELD = Channels(idle_outputs="zero")
PARAMETERS = {
    "channels": 1,
    "duration": 12.0,
    "loss_start": 6.0,
    "pulse": "unit_time",
    "pulse_duration": 1.0,
    "pulse_amplitude": 1.0,
    "target_amplitude": 0.5,
}


def task(label="a", drive=0.1, **training):
    """A fixed-point task; `training` replaces settings of its training."""
    settings = {"max_updates": 300, "evaluate_every": 10, "criterion": Criterion(relative_loss=0.02)} | training
    parameters = {**PARAMETERS, "drive": drive}
    return TaskSpec(label=label, plugin="fixed_points@1", parameters=parameters, training=Training(**settings))


@pytest.mark.parametrize("pulse", ["unit_time", "one_step"])
@pytest.mark.parametrize("dt", [0.5, 0.2, 0.3])
def test_episodes_are_the_trials_of_the_task(pulse, dt):
    plugin = pytest.importorskip("rnnbench_neuro.fixed_points")
    spec = task(drive=0.15)
    parameters = {**spec.parameters, "pulse": pulse}
    trials = plugin.FixedPoints(**parameters).sample(np.random.default_rng(0), 20, dt)
    ours = episode(memory(spec.model_copy(update={"parameters": parameters}), 0.3), 1, dt, idle_zero=True)
    for k, sign in enumerate(trials.info["sign"]):
        row = 0 if sign == 1 else 1
        # The task's arrays are float32.
        np.testing.assert_allclose(ours.inputs[row][:, 1], trials.inputs[k][:, 0], rtol=1e-6)
        np.testing.assert_allclose(ours.targets[row][:, 1], trials.targets[k][:, 0], rtol=1e-6)
        np.testing.assert_allclose(ours.mask[row], np.repeat(trials.mask[k], 2, axis=1))
    assert not ours.inputs[..., 0].any()
    assert not episode(memory(spec, 0.3), 1, dt, idle_zero=False).mask[..., 0].any()


def test_prediction_against_autograd():
    dt, offset, rate, training = 0.5, 0.02, 0.5, task().training
    ours = predict(memory(task("a"), rate), memory(task("b"), rate), dt, 0.0, offset)

    def outputs(m, trials):
        kappa, z = torch.full((2, 2), offset, dtype=torch.float64), []
        for x in torch.from_numpy(trials.inputs).unbind(1):
            gain = 1 / torch.sqrt(1 + torch.pi / 2 * (kappa**2).sum(1, keepdim=True))
            kappa = kappa + dt * (-kappa + gain * (kappa @ m.T) + x)
            z.append(kappa / torch.sqrt(1 + torch.pi / 2 * (kappa**2).sum(1, keepdim=True)))
        return torch.stack(z, 1)

    def loss(m, trials):
        mask = torch.from_numpy(trials.mask)
        return (mask * (outputs(m, trials) - torch.from_numpy(trials.targets)) ** 2).sum() / (2 * mask.sum())

    a, b = (episode(memory(task(), rate), channel, dt, True) for channel in (0, 1))
    m = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
    untrained_a = loss(m, a).item()

    def learn(trials):
        bound, update = 0.02 * loss(torch.zeros(2, 2, dtype=torch.float64), trials).item(), 0
        while not training.evaluates_after(update) or loss(m, trials).item() > bound:
            (gradient,) = torch.autograd.grad(loss(m, trials), m)
            with torch.no_grad():
                m.sub_(rate * gradient)
            update += 1
        return update

    learn(a)
    first = loss(m, a).item()
    n = learn(b)
    assert len(ours.m) == n + 1
    assert ours.learnt
    # Both use double precision; the differences are rounding errors that training amplifies a little.
    np.testing.assert_allclose(ours.m[-1], m.detach().numpy(), atol=1e-9)
    assert ours.loss_first[-1] == pytest.approx(loss(m, a).item(), abs=1e-10)
    assert ours.loss_second[-1] == pytest.approx(loss(m, b).item(), abs=1e-10)
    assert ours.interference == pytest.approx((loss(m, a).item() - first) / (untrained_a - first), abs=1e-9)


def test_learning_stops_at_its_budget():
    slow = memory(task(max_updates=25), 1e-3)
    assert slow.training.evaluate_every == 10
    found = predict(slow, slow, 0.5, 0.0, 0.02)
    assert len(found.m) == 26
    assert not found.learnt


@pytest.fixture(scope="session")
def make_restricted(make):
    """Make results of restricted networks whose interference and M deviate from the model by `deviation` N^-power."""

    def make_results(power=0.5, deviation=0.3, away=0.0, units=(100, 400, 1600), seeds=6, tracked=True):
        labels = {drive: f"drive={drive}" for drive in DRIVES}
        conditions = [
            SimpleNamespace(label=labels[drive], tasks=(task("a", drive), task("b", drive)), channels=HELD, values={})
            for drive in DRIVES
        ]
        network = {"g": 0.0, "dt": 0.5, "offset": 0.02, "nonlinearity": "erf"}
        benchmark = SimpleNamespace(
            name="restricted",
            tasks=(task("a"), task("b")),
            architectures=[
                ArchitectureSpec(label="net", plugin="restricted_rnn@1", parameters={**network, "units": n})
                for n in units
            ],
            rules=[
                RuleSpec(
                    label="sgd", plugin="gradient_descent@1", parameters={"optimizer": "sgd", "learning_rate": 0.5}
                )
            ],
            channels=HELD,
            conditions=conditions,
        )
        known = {d: predict(memory(task("a", d), 0.5), memory(task("b", d), 0.5), 0.5, 0.0, 0.02) for d in DRIVES}

        def lost(row, rng):
            scale = deviation * row["units"] ** -power
            return known[row["drive"]].interference + away + scale * rng.normal()

        def mode(row, rng):
            return {"mode_index": {0.02: 0.95, 0.1: 0.6, 0.3: 0.01}[row["drive"]]}

        results = make(
            lost,
            tasks=("a", "b"),
            seeds=seeds,
            g=(0.0,),
            units=units,
            conditions={"drive": DRIVES},
            analysis=mode,
            benchmark=benchmark,
            architecture="net",
        )
        rng = np.random.default_rng(1)
        paths = [_path(row, known, deviation * row["units"] ** -power, rng) for row in _different(results)]
        curves = pd.concat([_curve(row, known, rng) for row in _different(results)])
        tables = {"curves": curves, "tracked": pd.concat(paths)} if tracked else {"curves": curves}
        return type(results)(benchmark, results.interference, analysis=results.analysis, **tables)

    return make_results


def _different(results):
    rows = results.interference
    return rows[rows["first_task"] != rows["second_task"]].to_dict("records")


KEY = ("condition", "architecture", "rule", "g", "units", "earlier_tasks", "first_task", "second_task", "seed")


def _path(row, known, scale, rng):
    """M every ten updates, in the benchmark's order of tasks, with noise around the M of the model."""
    m = known[row["drive"]].m
    updates = np.arange(0, len(m), 10)
    values = m[updates] + scale * rng.normal(size=(1, 2, 2))
    order = [0, 1] if row["first_task"] == "a" else [1, 0]
    values = values[:, order][:, :, order]
    key = {name: row[name] for name in KEY}
    u, i, j = np.meshgrid(updates, [0, 1], [0, 1], indexing="ij")
    return pd.DataFrame(
        key | {"update": u.ravel(), "weight": "m", "row": i.ravel(), "column": j.ravel(), "value": values.ravel()}
    )


def _curve(row, known, rng):
    one = known[row["drive"]]
    updates = np.arange(0, len(one.m), 10)
    noise = 1 + 0.05 * rng.normal()
    key = {name: row[name] for name in KEY}
    return pd.DataFrame(
        key
        | {"update": updates, "loss_first": noise * one.loss_first[updates], "loss_second": one.loss_second[updates]}
    )


@pytest.mark.parametrize(
    ("planted", "verdict"),
    [
        ({}, "supported"),
        ({"away": 0.5}, "not supported"),  # far from the model
        ({"power": -0.5, "deviation": 1e-3}, "not supported"),  # further from it the larger N
        ({"power": 0.0, "deviation": 0.05}, "undecided"),  # no trend with N
        ({"seeds": 4}, "undecided"),
        ({"units": (1600,)}, "undecided"),
    ],
)
def test_the_planted_truth_is_found(make_restricted, planted, verdict):
    results = make_restricted(**planted)
    assert CLAIMS["C4"].applies(results) == ""
    (finding,) = CLAIMS["C4"].judge(results)
    assert finding.verdict == verdict, finding


@pytest.mark.parametrize("tracked", [True, False])
def test_the_planted_power_of_n_is_found(make_restricted, tracked):
    (finding,) = CLAIMS["C4"].judge(make_restricted(power=0.5, seeds=10, tracked=tracked))
    slope = finding.parts[-1]
    # The rms of 24 Gaussians (6 without tracking) for each seed and N has a log sd of 0.15 (0.3). With a spread of
    # log N of 1.1 and 10 seeds, the standard errors are 0.03 and 0.06.
    assert slope.value == pytest.approx(-0.5, abs=0.1 if tracked else 0.2)
    assert ("M along training" if tracked else "interference") in slope.statement


def test_the_model_says_nothing_of_other_units(make_restricted):
    results = make_restricted()
    unknown = {**results.benchmark.architectures[0].parameters, "nonlinearity": "tanh"}
    benchmark = SimpleNamespace(**vars(results.benchmark))
    benchmark.architectures = [a.model_copy(update={"parameters": unknown}) for a in benchmark.architectures]
    reason = CLAIMS["C4"].applies(type(results)(benchmark, results.interference, analysis=results.analysis))
    assert "erf" in reason

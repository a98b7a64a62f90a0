"""Tests of every architecture of the package: description, populations, learning, and analysis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import jacrev

import rnnbench
import rnnbench_architectures
from rnnbench import Architecture, Batch, Weights, as_rate_network
from rnnbench.analysis.activity import readout_matrix, recurrent_matrix, run_trials
from rnnbench.analysis.fixed_points import find_fixed_points, flow_of
from rnnbench.engine.autograd import GenericEngine
from rnnbench_architectures.architectures import (
    GRU,
    LSTM,
    DaleRNN,
    FiringRateRNN,
    IdentityRNN,
    LowRankRNN,
    MultilayerRNN,
    OrthogonalRNN,
    RestrictedRNN,
)

Draw, Make = Callable[..., Weights], Callable[..., Batch]

CLASSES = rnnbench_architectures.rnnbench_architectures()
SETTINGS: dict[type[Architecture], dict[str, Any]] = {
    DaleRNN: {"learn": "all", "bias": True, "noise": 0.1},
    FiringRateRNN: {"learn": "all", "bias": True, "noise": 0.1},
    LowRankRNN: {"learn": "all", "bias": True, "noise": 0.1, "g": 0.8},
    MultilayerRNN: {"learn": "all", "bias": True, "noise": 0.1, "layers": 3},
    OrthogonalRNN: {"learn": "all", "bias": True, "noise": 0.1},
    IdentityRNN: {"learn": "all", "bias": True, "noise": 0.1},
    RestrictedRNN: {"g": 0.7},
}
every = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)


def made(cls: type[Architecture], units: int = 12, **parameters: object) -> Architecture:
    return cls.model_validate({"units": units, **SETTINGS.get(cls, {}), **parameters})


def engine_of(architecture: Architecture) -> Any:
    return architecture.engine() or GenericEngine(architecture)


def one(weights: Weights, network: int = 0) -> Weights:
    return {name: w[network] for name, w in weights.items()}


@every
def test_it_says_where_it_comes_from_and_what_its_parameters_are(cls: type[Architecture]) -> None:
    assert cls.source and cls.__doc__
    assert all(field.description for field in cls.model_fields.values())
    assert cls.id() == f"{cls.name}@1"


@every
def test_a_population_gives_what_its_networks_give_alone(cls: type[Architecture], draw: Draw, trials: Make) -> None:
    architecture = made(cls)
    weights, sets = draw(architecture, seeds=3), (0, 1, 0)
    batch, engine = trials(sets, n_noise=architecture.n_noise), engine_of(architecture)
    before = {name: w.clone() for name, w in weights.items()}
    outputs, (losses, gradients) = engine.outputs(weights, batch).clone(), engine.gradient(weights, batch)
    assert outputs.shape == (3, 12, 5, 2) and losses.shape == (3,) and set(gradients) == set(architecture.trained)
    for network in range(3):
        alone = {name: w[network : network + 1] for name, w in weights.items()}
        few = batch.of([network])
        single_loss, single = engine.gradient(alone, few)
        # Exact if the engine says so. Otherwise float64 sums in another order, amplified a few times over 12 steps.
        close = {"rtol": 0, "atol": 0} if engine.independent else {"rtol": 1e-9, "atol": 1e-12}
        torch.testing.assert_close(engine.outputs(alone, few)[0], outputs[network], **close)
        torch.testing.assert_close(single_loss[0], losses[network], **close)
        for name, gradient in gradients.items():
            torch.testing.assert_close(single[name][0], gradient[network], **close)
    assert all(torch.equal(weights[name], w) for name, w in before.items())


@every
def test_engines_that_call_networks_independent_give_the_same_bits_in_float32(
    cls: type[Architecture], draw: Draw, trials: Make
) -> None:
    """With 21 units the weights of the second and third network do not start at a multiple of 64 bytes."""
    architecture = made(cls, units=21)
    engine = engine_of(architecture)
    if not engine.independent:
        pytest.skip("computed by vmap: the last digits depend on the population, as the engine declares")
    weights = {name: w.float() for name, w in draw(architecture, seeds=3).items()}
    batch = trials((0, 1, 0), n_noise=architecture.n_noise)
    inputs, targets, mask = (a.float() for a in (batch.inputs, batch.targets, batch.mask))
    noise = None if batch.noise is None else batch.noise.float()
    losses, gradients = engine.gradient(weights, Batch(inputs, targets, mask, batch.sets, noise))
    for network in range(3):
        alone = {name: w[network : network + 1].clone() for name, w in weights.items()}
        loss, single = engine.gradient(alone, Batch(inputs, targets, mask, (batch.sets[network],), noise))
        assert torch.equal(loss[0], losses[network])
        assert all(torch.equal(single[name][0], gradient[network]) for name, gradient in gradients.items())


@every
def test_its_engine_and_its_step_are_the_same_network(cls: type[Architecture], draw: Draw, trials: Make) -> None:
    """Compared with autograd through a plain loop over the step, without vmap."""
    architecture = made(cls)
    weights, batch = draw(architecture), trials(n_noise=architecture.n_noise)
    own = {name: w.clone().requires_grad_(name in architecture.trained) for name, w in one(weights).items()}

    def loss_of(w: Weights) -> torch.Tensor:
        state, readouts = architecture.initial_state(w, 5), []
        for t, x in enumerate(batch.inputs[0]):
            noise = None if batch.noise is None else batch.noise[0, t]
            state = architecture.step(w, state, x, noise)
            readouts.append(architecture.readout(w, state))
        return rnnbench.masked_loss(torch.stack(readouts), batch.targets[0], batch.mask[0])

    loss = loss_of(own)
    expected = torch.autograd.grad(loss, [own[name] for name in architecture.trained])
    losses, gradients = engine_of(architecture).gradient(weights, batch)
    torch.testing.assert_close(losses[0], loss.detach(), rtol=1e-10, atol=0)
    for name, gradient in zip(architecture.trained, expected, strict=True):
        torch.testing.assert_close(gradients[name][0], gradient, rtol=1e-9, atol=1e-12)


@every
def test_initial_only_parameters_do_not_affect_the_step(cls: type[Architecture], draw: Draw, trials: Make) -> None:
    """Networks that differ only in these share a population: weights of the same names and shapes, the same step."""
    other = {
        "g": 0.3,
        "readout_scale": "large",
        "orthogonal": not made(cls).model_dump().get("orthogonal"),
        "excitatory": 0.5,
        "forget_bias": 2.0,
    }
    base, batch = made(cls), trials(n_noise=made(cls).n_noise)
    weights = draw(base)
    outputs = engine_of(base).outputs(weights, batch).clone()
    assert base.initial_only <= {*other, "initial_state_std"}
    for name in base.initial_only & set(other):
        changed = made(cls, **{name: other[name]})
        drawn = draw(changed)
        assert {k: w.shape for k, w in drawn.items()} == {k: w.shape for k, w in weights.items()}
        assert any(not torch.equal(w, weights[k]) for k, w in drawn.items())
        assert torch.equal(engine_of(changed).outputs(weights, batch), outputs)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"use": "low_rank_rnn", "units": 8, "rank": 9}, "rank 9 is above units 8"),
        ({"use": "dale_rnn", "units": 5}, "units 5 with excitatory 0.8 gives 4 excitatory and 1 inhibitory units"),
        ({"use": "multilayer_rnn", "layers": 0}, "architectures[0].layers: 0 is below 1; number of layers L"),
        ({"use": "gru", "units": 0}, "architectures[0].units: 0 is below 1; number of recurrent units N"),
        ({"use": "firing_rate_rnn", "nonlinearity": "tanh"}, "architectures[0].nonlinearity: unknown"),
    ],
)
def test_a_benchmark_with_an_impossible_size_is_refused_in_one_line(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(rnnbench.RnnbenchError) as refused:
        rnnbench.load_benchmark({"name": "wrong", "tasks": ["fixed_points"], "architectures": [wrong]})
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_each_learns_to_hold_a_sign(tmp_path: Path) -> None:
    """A whole benchmark, from description to table; a network that ignores the pulse gets half of the trials right."""
    few = {"use": "fixed_points", "duration": 8, "loss_start": 4, "balanced": True}
    quick = {LSTM: {"forget_bias": 1}, DaleRNN: {"noise": 0, "bias": False}}
    specs = [
        {"use": cls.name, "units": 24, **SETTINGS.get(cls, {}), **quick.get(cls, {})}
        for cls in CLASSES
        if cls is not RestrictedRNN  # needs other learning rates and has its own tests
    ]
    results = rnnbench.run(
        {
            "name": "learn",
            "tasks": [few],
            "protocol": [["fixed_points"]],
            "architectures": specs,
            "rules": [{"use": "gradient_descent", "learning_rate": 4e-3}],
            "seeds": 1,
            "training": {"batch": 16, "max_updates": 250, "criterion": {"loss": 0.01}, "evaluation_trials": 32},
        },
        results=tmp_path,
        workers=1,
        figures=False,
    )
    last = results.stages[results.stages["stage"] == results.stages["stage"].max()].set_index("architecture")
    assert set(last.index) == {spec["use"] for spec in specs}
    assert (last["accuracy"] == 1).all(), last["accuracy"]
    assert last["converged"].astype(bool).all()


# Analysis: an architecture must not be analysed with the equations of another.


@pytest.mark.parametrize("cls", [DaleRNN, LowRankRNN, OrthogonalRNN, IdentityRNN, RestrictedRNN])
def test_networks_of_the_vanilla_form_are_analysed_with_their_own_matrices(
    cls: type[Architecture], draw: Draw, trials: Make
) -> None:
    """The analysis's W, phi and W_out give the network's own rates, readouts and, by autograd, Jacobian."""
    architecture = made(cls, noise=0.0) if "noise" in cls.model_fields else made(cls)
    weights = one(draw(architecture))
    if "raw_rec" in weights:  # so that rectification and the mask of the readout matter
        weights["raw_rec"] -= 0.1
        weights["raw_rec"].fill_diagonal_(1)
    arrays = {name: w.numpy() for name, w in weights.items()}
    network, w_out = as_rate_network(architecture), readout_matrix(architecture, arrays)
    assert network is not None and w_out is not None and recurrent_matrix(architecture, arrays) is not None
    activity = run_trials(architecture, arrays, trials().inputs[0].numpy())
    assert activity.states is not None
    np.testing.assert_allclose(activity.rates, network.phi(torch.tensor(activity.states[1:])), rtol=1e-12)
    np.testing.assert_allclose(activity.rates @ w_out.T, activity.outputs, rtol=1e-9, atol=1e-12)
    x, h = np.array([0.3, -0.2]), torch.tensor(activity.states[-1])
    velocity, jacobian = flow_of(architecture, arrays, x)
    for k in range(3):
        by_autograd = jacrev(lambda h: architecture.step(weights, h[None], torch.tensor(x)[None], None)[0] - h)(h[k])
        np.testing.assert_allclose(jacobian(h)[k], by_autograd / architecture.dt, rtol=1e-9, atol=1e-9)
        moved = architecture.step(weights, h, torch.tensor(x).expand(5, 2), None) - h
        np.testing.assert_allclose(velocity(h), moved / architecture.dt, rtol=1e-9, atol=1e-9)


def test_the_firing_rate_network_is_not_analysed_as_a_vanilla_rnn(draw: Draw, trials: Make) -> None:
    """Its W is known, its state is the rate, and fixed points and their Jacobian are those of its own equation."""
    architecture = FiringRateRNN(units=12, g=1.8)
    weights = one(draw(architecture))
    arrays = {name: w.numpy() for name, w in weights.items()}
    assert as_rate_network(architecture) is None and readout_matrix(architecture, arrays) is None
    w = recurrent_matrix(architecture, arrays)
    assert w is not None and torch.equal(w, weights["w_rec"])
    activity = run_trials(architecture, arrays, trials(n_steps=60).inputs[0].numpy())
    assert activity.states is not None
    np.testing.assert_array_equal(activity.rates, activity.states[1:])
    x = np.array([0.5, -0.4])
    found = find_fixed_points(architecture, arrays, x, activity.states[-1])
    assert len(found.states)
    for r, eigenvalues in zip(found.states, found.eigenvalues, strict=True):
        current = arrays["w_rec"] @ r + arrays["w_in"] @ x
        np.testing.assert_allclose(np.tanh(current), r, atol=1e-8)
        expected = np.linalg.eigvals((1 - r**2)[:, None] * arrays["w_rec"]) - 1
        np.testing.assert_allclose(np.sort(eigenvalues.real), np.sort(expected.real), atol=1e-7)


@pytest.mark.parametrize("cls", [GRU, LSTM, MultilayerRNN])
def test_networks_of_another_form_have_no_matrix_to_analyse(cls: type[Architecture], draw: Draw, trials: Make) -> None:
    architecture = made(cls, noise=0.0) if "noise" in cls.model_fields else made(cls)
    arrays = {name: w.numpy() for name, w in one(draw(architecture)).items()}
    assert as_rate_network(architecture) is None
    assert recurrent_matrix(architecture, arrays) is None and readout_matrix(architecture, arrays) is None
    activity = run_trials(architecture, arrays, trials().inputs[0].numpy())
    width = {GRU: 12, LSTM: 24, MultilayerRNN: 36}[cls]  # all parts of the state
    assert activity.rates.shape == (12, 5, width)
    assert (activity.states is None) == (cls is not GRU)


def test_the_update_of_the_gru_leaves_a_fixed_point_unchanged(draw: Draw) -> None:
    architecture = GRU(units=12)
    weights = one(draw(architecture))
    arrays, x = {name: w.numpy() for name, w in weights.items()}, np.array([0.5, -0.4])
    found = find_fixed_points(architecture, arrays, x, np.zeros((1, 12)))
    assert len(found.states) == 1
    h = torch.tensor(found.states)
    torch.testing.assert_close(architecture.step(weights, h, torch.tensor(x)[None], None), h, rtol=0, atol=1e-8)

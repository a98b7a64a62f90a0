"""Conformance checks for architectures, on small networks with random weights, mostly in double precision."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from rnnbench.benchmark.schema import Channels, Training
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Architecture, Batch, Engine, Weights
from rnnbench.randomness import rng_for
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Check, Failed, Note, Skipped
from rnnbench.testing.global_random import without_global_randomness
from rnnbench.testing.rate_network_checks import CHANNELS, RATE_NETWORK_CHECKS, small
from rnnbench.testing.small_plugins import TwoRecalls
from rnnbench.training.channels import Layout
from rnnbench.training.initial_weights import check_channel_axes
from rnnbench.training.stage import Start
from rnnbench.training.trainer import Trainer

ROUNDING = 1e-9
"""Largest relative difference allowed between two ways to compute the same numbers in double precision."""


def population(architecture: Architecture, n: int = 3, dtype: torch.dtype = torch.float64) -> Weights:
    """Initial weights of n networks, each array [network, ...]."""
    each = [architecture.init(rng_for(k, "check"), CHANNELS, CHANNELS) for k in range(n)]
    return {name: torch.tensor(np.stack([w[name] for w in each])).to(dtype) for name in each[0]}


def trials(architecture: Architecture, n: int = 3, dtype: torch.dtype = torch.float64, n_steps: int = 12) -> Batch:
    """Random trials with a separate set for each of n networks.

    Args:
        architecture: its `n_noise` gives the width of the private noise.
        n: number of networks and of sets.
        dtype: precision of the arrays.
        n_steps: time steps of a trial.

    Returns:
        A batch with arrays [set, time, trial, channel] of five trials in each set.
    """
    rng = rng_for(0, "check", "trials")

    def normal(width: int) -> torch.Tensor:
        return torch.tensor(rng.standard_normal((n, n_steps, 5, width))).to(dtype)

    inputs, targets = normal(CHANNELS), normal(CHANNELS)
    mask = (normal(CHANNELS) > 0).to(dtype)
    noise = normal(architecture.n_noise) if architecture.n_noise else None
    return Batch(inputs, targets, mask, tuple(range(n)), noise)


def engine_of(architecture: Architecture) -> Engine:
    """The engine of the architecture, or the one that uses autograd."""
    return architecture.engine() or GenericEngine(architecture)


def initial_weights(architecture: Architecture) -> str:
    """Initial weights are finite, and the same for generators of the same seed."""
    network = small(architecture)
    one, two, other = (network.init(rng_for(seed, "check"), CHANNELS, CHANNELS) for seed in (0, 0, 1))
    for name, w in one.items():
        if not isinstance(w, np.ndarray) or w.dtype.kind != "f" or not np.isfinite(w).all():
            raise Failed(f"init() returns {name} = {w!r:.60}; expected an array of finite numbers")
    if not _same(one, two):
        raise Failed("two generators of the same seed give different weights; is something kept between calls?")
    if _same(one, other):
        raise Failed("generators of different seeds give the same weights; init() must use the generator passed in")
    return ", ".join(f"{name} {list(w.shape)}" for name, w in one.items())


def names(architecture: Architecture) -> str:
    """All weights that are named as trained or tracked exist."""
    network = small(architecture)
    weights = network.init(rng_for(0, "check"), CHANNELS, CHANNELS)
    if not network.trained:
        raise Failed("`trained` is empty; name at least one weight that learning may change")
    for role in ("trained", "tracked"):
        if missing := [name for name in getattr(network, role) if name not in weights]:
            raise Failed(f"`{role}` names {missing[0]!r}, but init() returns only {', '.join(weights)}")
    return f"trained: {', '.join(network.trained)}"


def shapes(architecture: Architecture) -> str:
    """Steps keep the shape of the state, and the readout has one number for each output."""
    network = small(architecture)
    accepted = []
    for n_inputs, n_outputs in ((CHANNELS, CHANNELS), (3, 1), (1, 3)):
        try:
            arrays = network.init(rng_for(0, "check"), n_inputs, n_outputs)
        except ValueError:
            if n_inputs == n_outputs:
                raise
            continue  # an architecture may require as many inputs as outputs
        weights = {name: torch.tensor(w) for name, w in arrays.items()}
        state = network.initial_state(weights, 4)
        xi = torch.ones(4, network.n_noise, dtype=torch.float64) if network.n_noise else None
        after = network.step(weights, state, torch.ones(4, n_inputs, dtype=torch.float64), xi)
        before, shape = ([tuple(s.shape) for s in _leaves(x)] for x in (state, after))
        if before != shape:
            raise Failed(f"step() turns a state of shape {before} into one of shape {shape}; shapes must stay the same")
        z = tuple(network.readout(weights, after).shape)
        if z != (4, n_outputs):
            raise Failed(f"readout() returns shape {z}; expected [trial, output] = (4, {n_outputs})")
        accepted.append(f"{n_inputs} to {n_outputs}")
    return f"state {shape[0]}; channels {', '.join(accepted)}"


def precision(architecture: Architecture) -> str:
    """Outputs have the precision of the weights."""
    network = small(architecture)
    found = {}
    for dtype in (torch.float32, torch.float64):
        found[dtype] = engine_of(network).outputs(population(network, dtype=dtype), trials(network, dtype=dtype))
        if found[dtype].dtype != dtype:
            raise Failed(f"weights and inputs in {dtype} give outputs in {found[dtype].dtype}")
    difference = _difference(found[torch.float32].double(), found[torch.float64])
    if not difference < 1e-3:  # float32 has 7 digits; a chaotic network loses few of them in 12 steps
        raise Failed(f"outputs in float32 and float64 differ by {difference:.1g}; expected less than 0.001")
    return f"float32 and float64 differ by {difference:.0e}"


def gradient_flows(architecture: Architecture) -> str:
    """Every trained weight receives a gradient."""
    network = small(architecture)
    weights, batch = population(network), trials(network)
    reached = set()
    for _ in range(3):  # at the first update a weight of zero may block the gradient of another one
        loss, gradients = engine_of(network).gradient(weights, batch)
        if set(gradients) != set(network.trained):
            raise Failed(f"gradients for {', '.join(gradients)}; expected those of {', '.join(network.trained)}")
        for name, g in gradients.items():
            if g.shape != weights[name].shape or not g.isfinite().all():
                raise Failed(f"the gradient of {name} is not finite or has the wrong shape {tuple(g.shape)}")
            reached |= {name} if (g != 0).any() else set()
        weights = weights | {name: weights[name] - 0.1 * g for name, g in gradients.items()}
    if missing := [name for name in network.trained if name not in reached]:
        raise Failed(f"the gradient of {', '.join(missing)} is always zero; is the weight used in step() or readout()?")
    return f"{', '.join(network.trained)}; loss {loss.mean():.3g}"


def one_or_many(architecture: Architecture) -> str:
    """Networks in a population compute what each computes alone."""
    network = small(architecture)
    weights, batch = population(network), trials(network)
    engine = engine_of(network)
    together = _computed(engine, weights, batch)
    for n in range(3):
        one = {name: w[n : n + 1] for name, w in weights.items()}
        alone = _computed(engine_of(network), one, batch.of([n]))
        for name, value in alone.items():
            difference = _difference(value[0], together[name][n])
            if not difference < ROUNDING:
                raise Failed(f"the {name} of network {n} differs by {difference:.1g} between alone and in a population")
            if engine.independent and not torch.equal(value[0], together[name][n]):
                raise Failed(f"the engine is `independent`, but the {name} of network {n} is not bit-identical")
    return "bit-identical" if engine.independent else "equal up to rounding"


def own_engine(architecture: Architecture) -> str:
    """The architecture's own engine agrees with autograd through step() and readout()."""
    network = small(architecture)
    engine = network.engine()
    if engine is None:
        raise Skipped("it has no engine of its own")
    weights, batch = population(network), trials(network)
    found, expected = (_computed(e, weights, batch) for e in (engine, GenericEngine(network)))
    for name, value in expected.items():
        if name not in found:
            raise Failed(f"the engine does not compute the {name}")
        if not _difference(found[name], value) < ROUNDING:
            raise Failed(f"the {name} differs by {_difference(found[name], value):.1g} from that by autograd")
    return f"outputs, loss and {len(expected) - 2} gradients agree with autograd"


def noise(architecture: Architecture) -> str:
    """The noise that the architecture asks for is used."""
    network = small(architecture)
    if network.n_noise == 0:
        raise Skipped("it asks for no noise")
    weights, batch = population(network), trials(network)
    assert batch.noise is not None
    other = Batch(batch.inputs, batch.targets, batch.mask, batch.sets, -batch.noise)
    if torch.equal(engine_of(network).outputs(weights, batch), engine_of(network).outputs(weights, other)):
        raise Failed(f"n_noise is {network.n_noise}, but the outputs do not depend on the noise")
    return f"{network.n_noise} numbers for each trial and step"


def initial_only(architecture: Architecture) -> str:
    """Fields in `initial_only` change neither names and shapes of weights nor steps."""
    if not type(architecture).initial_only:
        raise Skipped("`initial_only` is empty")
    network = small(architecture)
    weights, batch = population(network), trials(network)
    outputs = GenericEngine(network).outputs(weights, batch)
    for name, value, other in _variants(network):
        changed = population(other)
        if {n: w.shape for n, w in changed.items()} != {n: w.shape for n, w in weights.items()}:
            raise Failed(
                f"{name} = {value} gives weights of other names or shapes; remove the field from `initial_only`"
            )
        if not torch.equal(GenericEngine(other).outputs(weights, batch), outputs):
            raise Failed(
                f"{name} = {value} changes the outputs of the same weights; remove the field from `initial_only`"
            )
    return ", ".join(sorted(type(architecture).initial_only))


def _variants(network: Architecture) -> Iterator[tuple[str, Any, Architecture]]:
    """Name, value and changed network for other values of each field in `initial_only`."""
    extreme = [(name, value) for name, value in any_plugin.limits(network) if name in network.initial_only]
    numeric = {n: getattr(network, n) for n in network.initial_only if type(getattr(network, n)) in (int, float)}
    for name, value in [*extreme, *((name, 2 * current + 0.5) for name, current in numeric.items())]:
        try:
            yield name, value, any_plugin.changed(network, **{name: value})
        except ValidationError:
            continue


def long_trial(architecture: Architecture) -> str:
    """The state stays finite over a long trial."""
    network, n_steps = small(architecture), 1000
    weights = {name: w[0] for name, w in population(network, 1, torch.float32).items()}
    batch = trials(network, 1, torch.float32, n_steps)
    state = network.initial_state(weights, 5)
    xi = [None] * n_steps if batch.noise is None else batch.noise[0]
    for t in range(n_steps):
        state = network.step(weights, state, batch.inputs[0, t], xi[t])
    largest = max(float(s.abs().max()) for s in _leaves(state))
    if not math.isfinite(largest):
        raise Failed(f"the state is not finite after {n_steps} steps of standard normal input")
    return f"largest value {largest:.2g} after {n_steps} steps"


def global_randomness(architecture: Architecture) -> str:
    """The global random state is neither used nor changed."""
    network = small(architecture)

    def compute() -> dict[str, torch.Tensor]:
        weights = population(network)
        return weights | _computed(engine_of(network), weights, trials(network))

    return without_global_randomness(compute, lambda one, two: all(torch.equal(one[k], two[k]) for k in one))


def bounds(architecture: Architecture) -> str:
    """Parameters at their limits are usable, or refused with a reason."""

    def use(network: Architecture) -> None:
        loss, _ = engine_of(network).gradient(population(network, 1), trials(network, 1))
        if not loss.isfinite().all():
            raise Failed(f"the loss after 12 steps is {loss.item():g}; expected a finite number")

    return any_plugin.keeps_bounds(small(architecture), use)


def json(architecture: Architecture) -> str:
    """It survives a round trip through JSON and then draws the same weights."""
    network = small(architecture)
    one, two = (n.init(rng_for(0, "check"), CHANNELS, CHANNELS) for n in (network, any_plugin.rebuilt(network)))
    if not _same(one, two):
        raise Failed("created again from its parameters it draws other weights; is something stored elsewhere?")
    return f"{len(type(architecture).model_fields)} parameters"


def new_channels(architecture: Architecture) -> str:
    """Channels can be added, and change nothing while they are silent."""
    network, rng = small(architecture), rng_for(1, "check")
    try:
        check_channel_axes(network)
    except PluginError as error:
        raise Failed(str(error).partition(": ")[2]) from None
    weights = network.init(rng_for(0, "check"), CHANNELS, CHANNELS)
    more = network.with_channels(weights, rng, CHANNELS, CHANNELS)
    if changed := [name for name, w in weights.items() if not np.array_equal(more[name][_corner(w)], w)]:
        raise Failed(
            f"with_channels() changes {changed[0]}; new channels come behind the others and change nothing else"
        )
    batch = trials(network, 1)
    silent = replace(batch, inputs=torch.cat([batch.inputs, torch.zeros_like(batch.inputs)], -1))
    before, after = (
        engine_of(network).outputs({name: torch.tensor(w)[None].double() for name, w in arrays.items()}, each)
        for arrays, each in ((weights, batch), (more, silent))
    )
    difference = _difference(after[..., :CHANNELS], before)
    if not difference < ROUNDING:
        return f"outputs change by {difference:.2g} when silent channels are added: the state depends on the channels"
    return f"{CHANNELS} inputs and outputs added to {CHANNELS}"


def _corner(array: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(n) for n in np.shape(array))


def learns(architecture: Architecture) -> str:
    """It learns a small task."""
    network, tasks = small(architecture), {"two": TwoRecalls()}
    rule, layout = GradientDescent(optimizer="adam", learning_rate=1e-2), Layout(Channels(), {"two": TwoRecalls()})
    trainer = Trainer(tasks, layout, network, rule, {"two": 128}, torch.float32, torch.device("cpu"))
    weights = network.init(rng_for(0, "check"), CHANNELS, CHANNELS)
    start = Start(0, 0, 200, None, ("two",), weights)
    (outcome,) = trainer.train("two", 0, Training(batch=32, evaluate_every=20), [start])
    losses = [scores["two"].loss for scores in outcome.curve.values()]
    message = f"loss {losses[0]:.3g} before, at best {min(losses):.3g} within {outcome.updates} updates"
    if not min(losses) < 0.8 * losses[0]:
        raise Failed(f"{message}; expected a fall by a fifth when it learns to reproduce two pulses")
    return message


def speed(architecture: Architecture) -> str:
    """Time of a gradient."""
    peer = VanillaRNN(units=architecture.units, learn="all")
    seconds = {}
    for network in (architecture, peer):
        engine, weights = engine_of(network), population(network, 1, torch.float32)
        batch = trials(network, 1, torch.float32, 40)
        ticks = [time.perf_counter()]
        for _ in range(4):
            engine.gradient(weights, batch)
            ticks.append(time.perf_counter())
        seconds[network] = float(np.median(np.diff(ticks)[1:]))
    text = f"{1000 * seconds[architecture]:.2g} ms for {architecture.units} units, 40 steps and 5 trials"
    return Note(f"{text}: {seconds[architecture] / seconds[peer]:.2g} times a vanilla RNN")


def _computed(engine: Engine, weights: Weights, batch: Batch) -> dict[str, torch.Tensor]:
    """Outputs, loss and gradients by name."""
    loss, gradients = engine.gradient(weights, batch)
    outputs = engine.outputs(weights, batch)
    return {"outputs": outputs.clone(), "loss": loss, **{f"gradient of {name}": g for name, g in gradients.items()}}


def _difference(one: torch.Tensor, two: torch.Tensor) -> float:
    """Largest difference, relative to the largest number of the second array; infinite if shapes differ."""
    return float((one - two).abs().max() / (two.abs().max() + 1e-30)) if one.shape == two.shape else math.inf


def _same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def _leaves(state: Any) -> list[torch.Tensor]:
    """All arrays of a state, which may be one array or nested tuples and dictionaries."""
    if isinstance(state, torch.Tensor):
        return [state]
    return [leaf for part in (state.values() if isinstance(state, dict) else state) for leaf in _leaves(part)]


CHECKS: tuple[Check, ...] = (
    any_plugin.described,
    json,
    bounds,
    initial_weights,
    names,
    shapes,
    new_channels,
    *RATE_NETWORK_CHECKS,
    precision,
    gradient_flows,
    one_or_many,
    own_engine,
    noise,
    initial_only,
    long_trial,
    global_randomness,
    learns,
    speed,
)

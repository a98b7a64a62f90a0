"""The initial weights of a network: each task's channels come from a random stream of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rnnbench
from rnnbench.benchmark.schema import Channels
from rnnbench.engine.autograd import GenericEngine
from rnnbench.plugin.interfaces import Architecture, Batch
from rnnbench.plugin.registry import installed
from rnnbench.training.channels import Layout
from rnnbench.training.initial_weights import initial_weights, with_all_channels

# As many outputs as inputs, which restricted_rnn needs, and another number for each task.
CHANNELS = {"A": 1, "B": 2}


def layout_of(*labels: str) -> Layout:
    build = installed().build
    return Layout(Channels(), {n: build("task", "flip_flop@1", {"channels": CHANNELS[n]}) for n in labels})


def architectures() -> list[Architecture]:
    """Every architecture of rnnbench and rnnbench-architectures, and those with orthogonal vectors."""
    made = []
    for (kind, name), found in installed().found.items():
        if kind == "architecture" and found.package in ("rnnbench", "rnnbench-architectures"):
            fields = found.cls.model_fields
            common = {"units": 16, "noise": 0.0, "learn": "all", "bias": True, "initial_state_std": 0.5, "offset": 0.0}
            for orthogonal in (False, True):
                if orthogonal <= ("orthogonal" in fields):
                    chosen = {n: v for n, v in (common | {"orthogonal": orthogonal}).items() if n in fields}
                    made.append(installed().build("architecture", name, chosen))
    return made


every = pytest.mark.parametrize(
    "architecture", architectures(), ids=lambda a: f"{a.name}-{getattr(a, 'orthogonal', '')}"
)


def test_all_architectures_are_tried():
    assert {"vanilla_rnn", "dale_rnn", "gru", "multilayer_rnn", "restricted_rnn"} <= {a.name for a in architectures()}


@every
def test_channels_of_a_do_not_depend_on_b_and_other_weights_on_no_task(architecture):
    a, ab, ba, b = (initial_weights(architecture, 3, layout_of(*labels)) for labels in ("A", "AB", "BA", "B"))
    with_channels = {*architecture.input_axes, *architecture.output_axes}
    for name in ab:
        np.testing.assert_array_equal(ab[name][tuple(map(slice, a[name].shape))], a[name])
        assert (ab[name].shape != a[name].shape) == (name in with_channels)
        if name not in with_channels:
            for other in (a, ba, b):
                np.testing.assert_array_equal(ab[name], other[name])
    if not getattr(architecture, "orthogonal", False):  # then B does not depend on A either
        for name, axis in [*architecture.input_axes.items(), *architecture.output_axes.items()]:
            alone, behind = (np.moveaxis(w[name], axis, 0)[-CHANNELS["B"] :] for w in (b, ab))
            np.testing.assert_array_equal(behind[..., -alone.shape[-1] :], alone)
    again = initial_weights(architecture, 4, layout_of("A", "B"))
    assert any(not np.array_equal(ab[name], again[name]) for name in ab)


@pytest.mark.parametrize("architecture", [a for a in architectures() if getattr(a, "orthogonal", False)], ids=repr)
def test_orthogonal_vectors_of_b_are_orthogonal_to_the_initial_vectors_of_a(architecture):
    weights = initial_weights(architecture, 3, layout_of("A", "B"))
    vectors = [np.moveaxis(weights[name], axis, 0) for name, axis in architecture.input_axes.items() if name != "m"]
    vectors += [np.moveaxis(weights[name], axis, 0) for name, axis in architecture.output_axes.items() if name != "m"]
    stacked = np.vstack(vectors)
    unit = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    np.testing.assert_allclose(unit @ unit.T, np.eye(len(unit)), atol=1e-12)


OFFSET = pytest.param(
    installed().build("architecture", "restricted_rnn@1", {"units": 16, "offset": 0.02}),
    marks=pytest.mark.xfail(strict=True, reason="h[0] = offset sum_a u_a has a part along the patterns of B"),
    id="restricted_rnn-offset",
)


@pytest.mark.parametrize(
    "architecture", [*(pytest.param(a, id=f"{a.name}-{getattr(a, 'orthogonal', '')}") for a in architectures()), OFFSET]
)
def test_channels_that_are_silent_change_no_output_of_the_earlier_task(architecture):
    """Also after learning: the weights on the channels of A, and all others, are changed at random."""
    rng = np.random.default_rng(5)
    a, ab = layout_of("A"), layout_of("A", "B")
    all_initial = initial_weights(architecture, 3, ab)
    learnt = {
        name: w + (0.1 * rng.standard_normal(w.shape) if name in architecture.trained else 0)
        for name, w in initial_weights(architecture, 3, a).items()
    }
    inputs, outputs = rng.standard_normal((1, 20, 4, a.n_inputs)), []
    for weights, layout in ((learnt, a), (with_all_channels(learnt, all_initial), ab)):
        placed = np.zeros((1, 20, 4, layout.n_inputs))
        placed[..., : a.n_inputs] = inputs
        batch = Batch(torch.tensor(placed), *(torch.zeros(1, 20, 4, layout.n_outputs).double(),) * 2, (0,), None)
        population = {name: torch.tensor(w[None], dtype=torch.float64) for name, w in weights.items()}
        outputs.append((architecture.engine() or GenericEngine(architecture)).outputs(population, batch).numpy())
    assert np.abs(outputs[0]).max() > 0 and outputs[1].shape[-1] == ab.n_outputs
    np.testing.assert_allclose(outputs[1][..., : a.n_outputs], outputs[0], rtol=1e-10, atol=1e-13)


# --- architectures that do not say which axes count channels

WRONG = {
    "none": ("{}", "{}"),
    "no outputs": ('{"w_in": 1}', "{}"),
    "a wrong axis": ('{"w_in": 0}', '{"w_out": 0}'),
    "an axis that is not there": ('{"w_in": 1}', '{"w_out": 2}'),
    "a weight without channels": ('{"w_in": 1, "w_rec": 1}', '{"w_out": 0}'),
}


@pytest.mark.parametrize(("inputs", "outputs"), WRONG.values(), ids=WRONG)
def test_an_architecture_with_wrong_axes_fails_with_a_message_that_names_both_fields(
    make_plugin, tmp_path, inputs, outputs
):
    source = "from rnnbench import VanillaRNN, hookimpl\nclass Net(VanillaRNN):\n    name = 'net'\n"
    source += f"    input_axes = {inputs}\n    output_axes = {outputs}\n"
    make_plugin("lab-net", f"{source}@hookimpl\ndef rnnbench_architectures():\n    return [Net]\n")
    content = {
        "name": "axes",
        "tasks": [{"use": "flip_flop", "label": label, "duration": 4} for label in "AB"],
        "architectures": [{"use": "net", "units": 8}],
        "seeds": 1,
        "training": {"batch": 4, "max_updates": 5, "evaluation_trials": 8},
    }
    results = rnnbench.run(content, tmp_path, workers=1, device="cpu", figures=False)
    assert results.computed == 2 + 4 and set(results.interference["status"]) == {"failed"}
    for message in results.interference["failure"]:
        assert "architecture net@1: weight w_" in message and len(message.splitlines()) == 1
        assert "input_axes" in message and "output_axes" in message

"""Recorded gradients against the engine's own. A recording without a card: what was recorded is run again, into the
arrays where its first results stood."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnbench.builtin.vanilla_rnn import VanillaRNN
from rnnbench.engine.generic import GenericEngine
from rnnbench.engine.recorded import EAGER, MOST, SWITCH, Recorded, cuda_graph
from rnnbench.interfaces import Batch

ARCHITECTURE = VanillaRNN(units=11, dt=0.3, g=1.2, learn="all", bias=True, noise=0.1)


class Tape:
    """A recorder that counts."""

    def __init__(self) -> None:
        self.recordings = self.replays = 0

    def __call__(self, function):
        self.recordings += 1
        loss, gradients = function()

        def replay() -> None:
            self.replays += 1
            new_loss, new = function()
            loss.copy_(new_loss)
            for name, g in gradients.items():
                g.copy_(new[name])

        return replay, (loss, gradients)


def weights(seed: int, n_networks: int = 3) -> dict[str, torch.Tensor]:
    each = [ARCHITECTURE.init(np.random.default_rng([seed, k]), 2, 2) for k in range(n_networks)]
    return {name: torch.tensor(np.stack([w[name] for w in each])).float() for name in each[0]}


def trials(seed: int, n_steps: int = 9, sets: tuple[int, ...] = (0, 1, 0)) -> Batch:
    draw = torch.Generator().manual_seed(seed)

    def drawn(n: int) -> torch.Tensor:
        return torch.randn(max(sets) + 1, n_steps, 4, n, generator=draw)

    return Batch(drawn(2), drawn(2), (drawn(2) > 0).float(), sets, drawn(ARCHITECTURE.n_noise))


def same(found, expected) -> None:
    torch.testing.assert_close(found[0], expected[0], rtol=1e-6, atol=0)
    assert found[1].keys() == expected[1].keys()
    for name, g in expected[1].items():
        torch.testing.assert_close(found[1][name], g, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("make", [ARCHITECTURE.engine, lambda: GenericEngine(ARCHITECTURE)], ids=["own", "autograd"])
def test_a_recording_gives_the_gradient_of_whatever_comes(make):
    tape = Tape()
    recorded, plain = Recorded(make(), make, tape), make()
    for update in range(6):
        same(recorded.gradient(weights(update), trials(update)), plain.gradient(weights(update), trials(update)))
    assert tape.recordings == 1 and tape.replays == 1 + 6 - (EAGER + 1)


def test_gradients_given_out_stay_what_they_were():
    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, Tape())
    given = [recorded.gradient(weights(k), trials(k)) for k in range(6)]
    for k, one in enumerate(given):
        same(one, ARCHITECTURE.engine().gradient(weights(k), trials(k)))


def test_other_shapes_between_leave_a_recording_whole():
    """Evaluation, a rule's replayed trials, networks that leave: each makes the engine take its memory anew."""
    tape = Tape()
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, tape), ARCHITECTURE.engine()
    for update in range(8):
        for n_steps in (9, 30):
            given = weights(update), trials(update, n_steps)
            same(recorded.gradient(*given), plain.gradient(*given))
        recorded.engine.outputs(weights(update), trials(update, 50 + update))
    assert tape.recordings == 2
    for update in range(EAGER + 3):
        given = weights(update, 2), trials(update, 9, (0, 1))
        same(recorded.gradient(*given), plain.gradient(*given))
    assert tape.recordings == 3 and len(recorded._recordings) == MOST


def test_the_same_shapes_of_other_sets_are_another_recording():
    tape = Tape()
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, tape), ARCHITECTURE.engine()
    for sets in ((0, 1, 0), (1, 0, 0), (0, 1, 0)):
        for update in range(EAGER + 2):
            given = weights(update), replace(trials(update), sets=sets)
            same(recorded.gradient(*given), plain.gradient(*given))
    assert tape.recordings == 2


def holds_on(function):
    """A recording that gives what it gave first, as one would that takes a number for a constant."""
    return lambda: None, function()


def refuses(function):
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize(
    ("recorder", "why"), [(holds_on, "other numbers"), (refuses, "not permitted")], ids=["holds on", "refuses"]
)
def test_a_recording_that_is_wrong_or_cannot_be_made_is_not_used_and_said_so(recorder, why):
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, recorder), ARCHITECTURE.engine()
    with pytest.warns(UserWarning, match=why) as told:
        for update in range(6):
            same(recorded.gradient(weights(update), trials(update)), plain.gradient(weights(update), trials(update)))
    assert len(told) == 1


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv(SWITCH, "0")
    tape = Tape()
    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, tape)
    for update in range(6):
        recorded.gradient(weights(update), trials(update))
    assert tape.recordings == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card")
def test_on_a_card():
    def there(given):
        return {k: w.cuda() for k, w in given.items()}

    def sent(b: Batch) -> Batch:
        return Batch(b.inputs.cuda(), b.targets.cuda(), b.mask.cuda(), b.sets, b.noise.cuda())

    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, cuda_graph)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for update in range(6):
            loss, gradients = recorded.gradient(there(weights(update)), sent(trials(update)))
            expected = ARCHITECTURE.engine().gradient(weights(update), trials(update))
            torch.testing.assert_close(loss.cpu(), expected[0], rtol=1e-4, atol=0)
            for name, g in expected[1].items():
                torch.testing.assert_close(gradients[name].cpu(), g, rtol=1e-3, atol=1e-6)
    assert len(recorded._recordings) == 1

"""Recorded gradients against those of the engine.

Without a card, a recording is replayed by calling the function again and writing into the arrays of its first results.
"""

from __future__ import annotations

import gc
import warnings
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnbench.benchmark.cells import cells_of
from rnnbench.engine import cuda_graph as module
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.engine.cuda_graph import EAGER, LONGEST, MOST, SWITCH, Recorded, cuda_graph
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.interfaces import Batch
from rnnbench.plugin.registry import installed
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.setting import Setting
from rnnbench.training.trainer import Trainer

ARCHITECTURE = VanillaRNN(units=11, dt=0.3, g=1.2, learn="all", bias=True, noise=0.1)


@pytest.fixture(autouse=True)
def nothing_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_refused", set())


class Tape:
    """A recorder that counts recordings and replays."""

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
def test_a_recording_gives_the_gradient_for_new_numbers(make):
    tape = Tape()
    recorded, plain = Recorded(make(), make, "it", tape), make()
    for update in range(6):
        same(recorded.gradient(weights(update), trials(update)), plain.gradient(weights(update), trials(update)))
    assert tape.recordings == 1 and tape.replays == 1 + 6 - (EAGER + 1)


def test_returned_gradients_are_not_overwritten_later():
    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", Tape())
    given = [recorded.gradient(weights(k), trials(k)) for k in range(6)]
    for k, one in enumerate(given):
        same(one, ARCHITECTURE.engine().gradient(weights(k), trials(k)))


def test_other_shapes_in_between_do_not_damage_a_recording():
    """Evaluation and replayed trials make the engine allocate new memory; a recording has an engine of its own."""
    tape = Tape()
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape), ARCHITECTURE.engine()
    for update in range(8):
        for n_steps in (9, 30):
            given = weights(update), trials(update, n_steps)
            same(recorded.gradient(*given), plain.gradient(*given))
        recorded.engine.outputs(weights(update), trials(update, 50 + update))
    assert tape.recordings == 2
    engines = [recorded.engine, *(r.engine for r in recorded._recordings.values())]
    assert len({id(engine) for engine in engines}) == 3
    assert all(r.index.tolist() == [0, 1, 0] for r in recorded._recordings.values())


def test_recordings_of_larger_populations_are_deleted_when_networks_leave():
    tape = Tape()
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape), ARCHITECTURE.engine()
    for sets in ((0, 1, 0), (0, 1), (0,)):
        for update in range(EAGER + 3):
            given = weights(update, len(sets)), trials(update, 9, sets)
            same(recorded.gradient(*given), plain.gradient(*given))
        assert [len(r.batch.sets) for r in recorded._recordings.values()] == [len(sets)]
    assert tape.recordings == 3


def test_the_number_of_recordings_is_limited_for_many_shapes():
    tape = Tape()
    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape)
    for update in range(300):
        recorded.gradient(weights(0), trials(0, 5 + update % 5))
        assert len(recorded._recordings) <= MOST
    assert tape.recordings < 15


def test_long_trials_are_not_recorded():
    tape = Tape()
    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape)
    for _ in range(EAGER + 2):
        recorded.gradient(weights(0), trials(0, LONGEST + 1))
    assert tape.recordings == 0


def test_a_network_with_nan_delays_a_recording():
    tape = Tape()
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape), ARCHITECTURE.engine()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for update in range(8):
            given = weights(update), trials(update)
            if update < 5:
                given[0]["w_out"][1] = torch.nan
            found, expected = recorded.gradient(*given), plain.gradient(*given)
            torch.testing.assert_close(found[0], expected[0], equal_nan=True)
    assert tape.recordings == 1 and tape.replays == 1 + 2


def test_an_architecture_that_returns_the_same_engine_is_not_recorded():
    engine = ARCHITECTURE.engine()
    recorded = Recorded(engine, lambda: engine, "it", Tape())
    with pytest.warns(UserWarning, match="the same object each time"):
        for update in range(EAGER + 1):
            recorded.gradient(weights(update), trials(update))


def wrong_for_the_smallest(function):
    """A recording that is wrong for one network only, whose numbers are small compared with the others'."""
    loss, gradients = function()

    def replay() -> None:
        for mine, new in zip([loss, *gradients.values()], [function()[0], *function()[1].values()], strict=True):
            mine.copy_(new)
        gradients["w_rec"][2] *= 1.1

    return replay, (loss, gradients)


def test_other_sets_of_the_same_shapes_are_recorded_separately():
    tape = Tape()
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape), ARCHITECTURE.engine()
    for sets in ((0, 1, 0), (1, 0, 0), (0, 1, 0)):
        for update in range(EAGER + 2):
            given = weights(update), replace(trials(update), sets=sets)
            same(recorded.gradient(*given), plain.gradient(*given))
    assert tape.recordings == 2


def holds_on(function):
    """A recording that always gives its first results, as if a number had become a constant."""
    return lambda: None, function()


def refuses(function):
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize(
    ("recorder", "why"),
    [(holds_on, "other numbers"), (wrong_for_the_smallest, "other numbers"), (refuses, "not permitted")],
    ids=["holds on", "wrong for one", "refuses"],
)
def test_a_recording_that_is_wrong_or_cannot_be_made_is_not_used_and_warned_of(recorder, why):
    recorded, plain = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", recorder), ARCHITECTURE.engine()
    with pytest.warns(UserWarning, match=why) as warned:
        for update in range(6):
            given = weights(update), trials(update)
            given[0]["w_out"][2] *= 1e-6
            same(recorded.gradient(*given), plain.gradient(*given))
        again = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", recorder)
        for update in range(6):  # the next population of the same architecture does not try
            again.gradient(weights(update), trials(update))
    assert len(warned) == 1


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv(SWITCH, "0")
    tape = Tape()
    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", tape)
    for update in range(6):
        recorded.gradient(weights(update), trials(update))
    assert tape.recordings == 0


def trainer(device: str) -> Trainer:
    benchmark = load_benchmark(
        {"name": "card", "tasks": ["flip_flop"], "architectures": [{"use": "vanilla_rnn", "units": 8}], "seeds": 1}
    )
    return CellTrainer(Setting(benchmark, installed()), torch.device(device)).trainer(next(cells_of(benchmark)))


def test_a_rule_s_gradient_is_recorded_on_a_card_and_nowhere_else():
    on_card = trainer("cuda")._gradient
    assert isinstance(on_card.__self__, Recorded) and on_card.__self__.record is cuda_graph
    assert on_card.__self__.another() is not on_card.__self__.engine
    here = trainer("cpu")
    assert here.context("flip_flop", [0]).gradient == here.engine.gradient


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_memory_of_a_trainer_is_freed_as_soon_as_it_is_deleted(device):
    """The next population needs the card before Python collects reference cycles."""
    gc.disable()
    try:
        one = trainer(device)
        engine = weakref.ref(one.engine)
        del one
        assert engine() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card")
def test_the_host_does_not_wait_for_a_real_card():
    one = trainer("cuda")
    context = one.context("flip_flop", [0, 1])
    one.rule.check(one.architecture)
    own = [one.architecture.init(np.random.default_rng(k), 3, 3) for k in range(2)]
    state_weights = one.tensors(own)
    state = one.rule.begin_task(state_weights, {}, context)
    for update in range(EAGER + 5):
        torch.cuda.set_sync_debug_mode("error" if update > EAGER + 1 else "default")
        try:
            batch = context.sample("train", update, 8)
            state_weights, state = one.rule.learn(state_weights, batch, state, context)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card")
def test_on_a_card():
    def weights_on_card(given):
        return {k: w.cuda() for k, w in given.items()}

    def batch_on_card(b: Batch) -> Batch:
        return Batch(b.inputs.cuda(), b.targets.cuda(), b.mask.cuda(), b.sets, b.noise.cuda())

    recorded = Recorded(ARCHITECTURE.engine(), ARCHITECTURE.engine, "it", cuda_graph)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for update in range(6):
            loss, gradients = recorded.gradient(weights_on_card(weights(update)), batch_on_card(trials(update)))
            expected = ARCHITECTURE.engine().gradient(weights(update), trials(update))
            torch.testing.assert_close(loss.cpu(), expected[0], rtol=1e-4, atol=0)
            for name, g in expected[1].items():
                torch.testing.assert_close(gradients[name].cpu(), g, rtol=1e-3, atol=1e-6)
    assert len(recorded._recordings) == 1

"""What an update asks of a graphics card, on machines without one.

Torch's `meta` device stands for it: arrays with shapes and without numbers, apart from the host's. Every operation is
looked at on its way, for those that would make the host wait for the card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rnnbench import interfaces
from rnnbench.benchmark_file import load_benchmark
from rnnbench.cell_training import CellTrainer
from rnnbench.cells import cells_of
from rnnbench.registry import installed

CARD = torch.device("meta")
TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}
ARCHITECTURES = {
    name: {"use": name}
    for kind, plugin in installed().found
    if kind == "architecture"
    for name in [plugin.split("@")[0]]
} | {
    "with noise": {"use": "vanilla_rnn", "noise": 0.1},
    "all learnt": {"use": "vanilla_rnn", "learn": "all", "bias": True, "nonlinearity": "erf"},
}
WAITS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "_unique2", "unique_dim")
OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")


class Watch(TorchDispatchMode):
    """Notes every operation that makes the host wait for the card."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.seen += 1
        name = func.overloadpacket.__name__
        given = [a for arg in args for a in (arg if isinstance(arg, (list, tuple)) else [arg])]
        places = {a.device for a in given if isinstance(a, torch.Tensor) and a.dim() > 0}
        if name in WAITS:
            self.waits.append(name)
        elif name == "_to_copy":
            places |= {device} if (device := kwargs.get("device")) else set()
            if len(places) > 1 and not kwargs.get("non_blocking"):
                self.waits.append("a copy between host and card")
        elif len(places) > 1:
            self.waits.append(f"{name} of arrays here and there")
        return func(*args, **kwargs)


@pytest.fixture(autouse=True)
def fresh_indices() -> Iterator[None]:
    """Those of other tests count no copies."""
    interfaces._index.cache_clear()
    yield
    interfaces._index.cache_clear()


def updates(architecture: dict[str, Any], rule: dict[str, Any], watched: Watch) -> torch.Tensor:
    """Two updates of a population of two seeds on the card, the second one watched: its first weight."""
    benchmark = load_benchmark(
        {
            "name": "card",
            "tasks": [TASK],
            "architectures": [{"units": 12, **architecture}],
            "rules": [rule],
            "seeds": 2,
            "training": {"batch": 4},
        }
    )
    trainers = CellTrainer(benchmark, installed(), CARD)
    cells = [cell for cell in cells_of(benchmark) if len(cell.history) == 1]
    assert [cell.seed for cell in cells] == [0, 1]
    arrays = [trainers.initial_weights(cell) for cell in cells]
    with torch.no_grad():
        trainer = trainers.trainer(cells[0])
        context = trainer.context("fixed_points", [0, 1, 0])
        weights = trainer.tensors([arrays[0], arrays[1], arrays[0]])
        state = trainer.rule.begin_task(weights, {}, context)
        weights, state = trainer.rule.learn(weights, context.sample("train", 0, 4), state, context)
        with watched:
            batch = context.sample("train", 1, 4)
            assert batch.inputs.device == CARD
            weights, state = trainer.rule.learn(weights, batch, state, context)
        assert all(w.device == CARD for w in weights.values())
        return next(iter(weights.values()))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_architecture_waits_for_the_card_in_an_update(name):
    watched = Watch()
    first = updates(ARCHITECTURES[name], {"use": "gradient_descent", "optimizer": "adam"}, watched)
    assert len(first) == 3
    assert watched.seen > 50 and watched.waits == []


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_optimizer_waits_for_the_card(optimizer):
    watched = Watch()
    updates({"use": "vanilla_rnn"}, {"use": "gradient_descent", "optimizer": optimizer}, watched)
    assert watched.seen > 50 and watched.waits == []


@pytest.mark.parametrize("wait", ["item", "copy", "index"])
def test_what_waits_is_noticed(wait):
    watched = Watch()
    with torch.no_grad():
        on_card, here = torch.ones(3, device=CARD), torch.zeros(3, dtype=torch.int64)
        with watched, pytest.raises(Exception) if wait == "item" else watched:
            if wait == "item":
                on_card.sum().item()
            elif wait == "copy":
                here.to(CARD)
            else:
                torch.ops.aten.index(on_card, [here])
    assert watched.waits

"""No update makes the host wait for a graphics card; tested on machines without one.

Torch's `meta` device, whose arrays have shapes but no numbers, takes the place of the card. Every operation is examined
to find those that would make the host wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from rnnbench.benchmark.cells import cells_of
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin import interfaces
from rnnbench.plugin.registry import installed
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.setting import Setting

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
WAITS = (
    *("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "_unique2", "unique_dim"),
    *("_linalg_check_errors", "repeat_interleave", "multinomial", "bincount"),
)
OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")


class Watch(TorchFunctionMode):
    """Records what makes the host wait for the card: operations that return a number, and copies.

    Operations are examined twice, as Python calls them and as they are dispatched, since torch converts lists to index
    arrays before it dispatches anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.seen = 0
        self.dispatched = Dispatched(self)

    def __enter__(self) -> Watch:
        self.dispatched.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.dispatched.__exit__(*error)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("__getitem__", "__setitem__"):
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            if args[0].device == CARD and any(map(is_waited_for, parts)):
                self.waits.append(f"{name} with {args[1]}")
        elif name in ("tensor", "as_tensor", "asarray") and torch.device(kwargs.get("device") or "cpu") == CARD:
            self.waits.append(f"torch.{name} on the card")
        return func(*args, **kwargs)


class Dispatched(TorchDispatchMode):
    """Examines operations as they are dispatched."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.watch.seen += 1
        name, waits = func.overloadpacket.__name__, self.watch.waits
        given = [a for arg in args for a in (arg if isinstance(arg, (list, tuple)) else [arg])]
        devices = {a.device for a in given if isinstance(a, torch.Tensor) and a.dim() > 0}
        if name in WAITS:
            waits.append(name)
        elif name == "_to_copy":
            devices |= {device} if (device := kwargs.get("device")) else set()
            if len(devices) > 1 and not kwargs.get("non_blocking"):
                waits.append("a copy between host and card")
        elif len(devices) > 1:
            waits.append(f"{name} of arrays on host and card")
        return func(*args, **kwargs)


def is_waited_for(part: Any) -> bool:
    """Whether an index has to be copied to the card, or counted there."""
    if isinstance(part, torch.Tensor):
        return part.dtype == torch.bool or (part.device != CARD and part.dim() > 0)
    return isinstance(part, (list, np.ndarray))


@pytest.fixture(autouse=True)
def fresh_indices() -> Iterator[None]:
    """Forget index arrays of other tests."""
    interfaces._index.cache_clear()
    yield
    interfaces._index.cache_clear()


def updates(architecture: dict[str, Any], rule: dict[str, Any], watched: Watch) -> torch.Tensor:
    """Make two updates of a population of two seeds, watch the second one, and return the first weight."""
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
    trainers = CellTrainer(Setting(benchmark, installed()), CARD)
    cells = [cell for cell in cells_of(benchmark) if len(cell.history) == 1]
    assert [cell.seed for cell in cells] == [0, 1]
    arrays = [trainers.setting.initial_weights(cell) for cell in cells]
    with torch.no_grad():
        trainer = trainers.trainer(cells[0])
        context = trainer.context("fixed_points", [0, 1, 0])
        weights = trainer.tensors([arrays[0], arrays[1], arrays[0]])
        state = trainer.rule.begin_task(weights, {}, context)
        weights, state = trainer.rule.learn(weights, context.sample("train", 0, 4), state, context)
        misses = interfaces._index.cache_info().misses
        with watched:
            batch = context.sample("train", 1, 4)
            assert batch.inputs.device == CARD
            weights, state = trainer.rule.learn(weights, batch, state, context)
        assert interfaces._index.cache_info().misses == misses  # index arrays are kept from the first update
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


@pytest.mark.parametrize(
    "wait",
    [
        lambda there, here: there.sum().item(),
        lambda there, here: here.to(CARD),
        lambda there, here: there.to("cpu"),
        lambda there, here: there[[0, 1]],
        lambda there, here: there[here],
        lambda there, here: there[there > 0],
        lambda there, here: there.__setitem__([0], 1.0),
        lambda there, here: torch.tensor([1, 2], device=CARD),
        lambda there, here: there + here,
    ],
    ids=["item", "sent", "fetched", "list", "index", "mask", "set", "made there", "mixed"],
)
def test_operations_that_wait_are_found(wait):
    watched = Watch()
    there, here = torch.ones(3, device=CARD), torch.zeros(3, dtype=torch.int64)
    with suppress(Exception), watched:  # the meta device has no numbers to return
        wait(there, here)
    assert watched.waits

"""Four more measurements: a second worker, drawing of trials, denormal numbers, and time to a whole matrix."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
import yaml
from measure import rate
from peers import masked_loss
from rich.console import Console

from rnnbench.engine.native.kernel import native
from rnnbench.plugin.registry import installed

out = Console(width=120)
SECONDS = 3.0
"""Time for which a worker is measured (s)."""


def workers(repeats: Annotated[int, typer.Option(help="repeats, each of one and of two processes")] = 5) -> None:
    """Compare two processes of one thread each with one; they should be at least 1.9 times as fast."""
    for n in (64, 256):
        ratios = []
        for _ in range(repeats):
            single = sum(_processes(n, 1))
            ratios.append(sum(_processes(n, 2)) / single)
        out.print(f"N = {n}: two processes make {statistics.median(ratios):.2f} times the updates of one")


def _processes(n: int, count: int) -> list[float]:
    """Updates per second of each of several processes that run at the same time."""
    program = (
        f"import sys, torch; sys.path.insert(0, {str(Path(__file__).parent)!r}); torch.set_num_threads(1);"
        "torch.set_flush_denormal(True); from ours import Ours; from problem import Problem; from measure import rate;"
        f"net = Ours(Problem({n}, 32), 4, True); net.update(); sys.stdin.readline();"
        f"print(net.networks * rate(net.update, {SECONDS}))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    time.sleep(4 + 2 * count)  # wait until all are ready, so that they start together
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [float(process.communicate()[0]) for process in processes]


def trials(units: Annotated[int, typer.Option(help="units of each network")] = 128, batch: int = 32) -> None:
    """Measure drawing of trials as a fraction of an update, for every installed task; should be below 5 %."""
    from rnnbench.benchmark.cells import cells_of
    from rnnbench.execution.plan import CPU_CHUNK
    from rnnbench.loading.benchmark_file import load_benchmark
    from rnnbench.training.cell_trainer import CellTrainer
    from rnnbench.training.setting import Setting

    for kind, plugin in installed().found:
        if kind != "task":
            continue
        name = plugin.partition("@")[0]
        network = {"use": "vanilla_rnn", "units": units, "g": 0.9, "learn": "recurrent"}
        network["dt"] = 0.2 if "yang19" in _package(plugin) else 0.5
        rule = {"use": "gradient_descent", "optimizer": "adam", "learning_rate": 1e-3}
        training = {"batch": batch, "criterion": {"loss": 1e-9}}
        described = {"name": "x", "tasks": [name], "architectures": [network], "rules": [rule], "training": training}
        benchmark = load_benchmark({**described, "seeds": 1})
        cell = next(iter(cells_of(benchmark)))
        cells = CellTrainer(Setting(benchmark, installed()), torch.device("cpu"))
        trainer = cells.trainer(cell)
        context = trainer.context(name, [0] * CPU_CHUNK)
        weights = trainer.tensors([cells.setting.initial_weights(cell)] * CPU_CHUNK)
        state = trainer.rule.begin_task(weights, {}, context)
        batch_of = context.sample("train", 0, batch)
        draw, learn = [], []
        for _ in range(5):
            draw.append(1 / rate(lambda c=context: c.sample("train", 0, batch), 0.1))  # type: ignore[misc]
            with torch.no_grad():
                update = lambda: trainer.rule.learn(weights, batch_of, state, context)  # noqa: B023, E731
                learn.append(1 / rate(update, 0.1))
        drawing, learning = statistics.median(draw), statistics.median(learn)
        share = f"{100 * drawing / (drawing + learning):4.1f} % of an update of {CPU_CHUNK} networks"
        out.print(f"{name:18} {share}: {1e3 * drawing:.2f} of {1e3 * (drawing + learning):.2f} ms")


def _package(plugin: str) -> str:
    """Name of the package that provides a task."""
    return installed().find("task", plugin).package


def denormals(g: float = 0.3, steps: int = 2000, n: int = 128) -> None:
    """Compare flushed with kept denormal numbers, which states become in long trials at small connectivity."""
    w = torch.randn(n, n) * g / n**0.5
    for name, loop in (("torch", _torch_loop), ("native", _native_loop)):
        if name == "native" and native().kernel is None:
            continue
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(3):
            for flush in seconds:
                torch.set_flush_denormal(flush)
                seconds[flush].append(1 / rate(lambda run=loop: run(w, steps), 0.0))  # type: ignore[misc]
        torch.set_flush_denormal(True)
        kept, flushed = (statistics.median(seconds[flush]) for flush in (False, True))
        out.print(f"{name}: {kept:.3f} s with denormals, {flushed:.3f} s without: {kept / flushed:.1f} times as long")


def _torch_loop(w: torch.Tensor, steps: int) -> None:
    h = torch.randn(32, len(w))
    r = torch.tanh(h)
    for _ in range(steps):
        h = torch.addmm(0.5 * h, r, 0.5 * w.T)
        r = torch.tanh(h)


def _native_loop(w: torch.Tensor, steps: int) -> None:
    kernel = native().kernel
    assert kernel is not None
    n, x = len(w), torch.zeros(steps, 32, 1)
    weights = {"w_rec": w, "w_in": torch.zeros(n, 1), "w_out": torch.zeros(1, n)}
    kernel.forward(weights, x, None, torch.randn(32, n), torch.empty(1 + steps, 32, n), 0.5, 0.0, "tanh")


def neuro_once() -> dict[str, Any]:
    """benchmarks/neuro.yaml with one seed and one connectivity: six tasks, 30 pairs and 6 drift controls."""
    described: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "neuro.yaml").read_text())
    network = described["architectures"][0]
    del network["sweep"]
    return described | {"name": "matrix", "architectures": [network | {"g": 1.0}], "seeds": 1}


def matrix(
    pairs: Annotated[int, typer.Option(help="ordered pairs that the research loop trains; 0 for all 30")] = 0,
) -> None:
    """Time the matrix of neuro.yaml for one seed and g, by rnnbench and by a research loop over all pairs."""
    from rnnbench.execution.run import run
    from rnnbench.loading.benchmark_file import load_benchmark

    benchmark = load_benchmark(neuro_once())
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        results = run(benchmark, folder, device="cpu")
        ours = time.perf_counter() - begin
    learnt = results.stages.dropna(subset="updates").drop_duplicates(["history", "stage"])
    amount = f"{learnt.updates.sum():,} updates, tables and figures included"
    out.print(f"rnnbench: {ours:.0f} s for 30 pairs and 6 drift controls ({amount})")
    labels = [task.label for task in benchmark.tasks]
    ordered = [(a, b) for a in labels for b in labels if a != b]
    chosen = ordered[:pairs] if pairs else ordered
    begin = time.perf_counter()
    updates = sum(LoopPair(benchmark).learn(a).learn(b).updates for a, b in chosen)
    theirs = (time.perf_counter() - begin) * len(ordered) / len(chosen)
    amount = f"{len(chosen)} measured, {updates:,} updates"
    out.print(f"research loop: {theirs:.0f} s for 30 pairs ({amount}): {theirs / ours:.1f} times as long")


class LoopPair:
    """One network, trained as research code does it, to the same criterion as in rnnbench.

    Trials are drawn one by one, and autograd goes through a loop over time steps.
    """

    def __init__(self, benchmark: Any) -> None:
        from rnnbench.benchmark.cells import cells_of
        from rnnbench.training.cell_trainer import CellTrainer
        from rnnbench.training.setting import Setting

        cells = CellTrainer(Setting(benchmark, installed()), torch.device("cpu"))
        self.benchmark, self.layout, self.tasks = benchmark, cells.layout, cells.tasks
        self.learning_rate = benchmark.rules[0].parameters["learning_rate"]
        start = cells.setting.initial_weights(next(iter(cells_of(benchmark))))
        self.w = {name: torch.nn.Parameter(torch.from_numpy(w.astype(np.float32))) for name, w in start.items()}
        self.untrained = {name: w.detach().clone() for name, w in self.w.items()}
        self.rng, self.updates = np.random.default_rng(0), 0

    def learn(self, label: str) -> LoopPair:
        """Train the network on a task until the criterion is met or the budget is spent."""
        training = self.benchmark.task(label).training
        held_out = self.trials(label, training.evaluation_trials)
        # As in rnnbench, the criterion is relative to the loss of the untrained network.
        bound = training.criterion.relative_loss * self.loss(held_out, self.untrained).item()
        optimiser = torch.optim.Adam(self.w.values(), lr=self.learning_rate)
        for update in range(training.max_updates):
            if update % training.evaluate_every == 0:
                with torch.no_grad():
                    if self.loss(held_out).item() <= bound:
                        break
            optimiser.zero_grad()
            self.loss(self.trials(label, training.batch)).backward()
            optimiser.step()
            self.updates += 1
        return self

    def trials(self, label: str, n: int) -> tuple[torch.Tensor, ...]:
        """Draw n trials one by one and pad them to the longest; arrays [time, trial, channel]."""
        each = [self.layout.place(label, self.tasks[label].sample(self.rng, 1, 0.5)) for _ in range(n)]
        longest = max(len(x) for x, _, _ in each)
        padded = [[np.pad(a, ((0, longest - len(a)), (0, 0), (0, 0))) for a in arrays] for arrays in each]
        return tuple(torch.from_numpy(np.concatenate([one[i] for one in padded], axis=1)) for i in range(3))

    def loss(self, trials: tuple[torch.Tensor, ...], weights: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Loss on trials, for the network's present weights or others."""
        x, y, mask = trials
        w = weights or self.w
        h = torch.zeros(x.shape[1], len(w["w_rec"]))
        r, readouts = torch.tanh(h), []
        for t in range(len(x)):
            h = h + 0.5 * (-h + r.matmul(w["w_rec"].t()) + x[t].matmul(w["w_in"].t()))
            r = torch.tanh(h)
            readouts.append(r.matmul(w["w_out"].t()))
        return masked_loss(torch.stack(readouts), y, mask)

"""rnnbench as a run uses it: networks of one seed share trials, in chunks of the size that the plan uses."""

from __future__ import annotations

import numpy as np
import torch
from problem import CHANNELS, LEARNING_RATE, STEPS, Problem

from rnnbench.benchmark.cells import cells_of
from rnnbench.engine.native.kernel import native
from rnnbench.execution.plan import CPU_CHUNK
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.interfaces import Batch
from rnnbench.plugin.registry import installed
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.setting import Setting

CPU = torch.device("cpu")


class Ours:
    """A chunk of networks that are trained together.

    Args:
        problem: size of the problem.
        population: number of networks; on a CPU at most CPU_CHUNK are trained together.
        compiled: whether to use the compiled time loop instead of torch.
        seed: seed of the first network.
        device: where networks are computed.
    """

    compiled = False

    def __init__(
        self, problem: Problem, population: int, compiled: bool, seed: int = 0, device: torch.device = CPU
    ) -> None:
        self.problem = problem
        # A card computes a whole population at once; CPU_CHUNK networks share a seed, as on a CPU.
        self.networks = population if device.type == "cuda" else min(population, CPU_CHUNK)
        seeds = [seed + k // CPU_CHUNK for k in range(self.networks)]
        task = {"use": "flip_flop", "duration": STEPS * problem.dt, "channels": CHANNELS}
        network = {"use": "vanilla_rnn", "units": problem.n_units, "dt": problem.dt, "g": 1.0, "learn": "all"}
        benchmark = load_benchmark(
            {
                "name": "speed",
                "tasks": [task],
                "architectures": [network],
                "rules": [{"use": "gradient_descent", "optimizer": "adam", "learning_rate": LEARNING_RATE}],
                "seeds": 1,
                "training": {"batch": problem.batch, "criterion": {"loss": 1e-9}},
            }
        )
        cell = next(iter(cells_of(benchmark)))
        self.trainer = CellTrainer(Setting(benchmark, installed()), device).trainer(cell)
        if not compiled:
            self.trainer.engine._kernel = lambda w_rec: None  # type: ignore[attr-defined]
        self.context = self.trainer.context("flip_flop", seeds)
        self.weights = self.trainer.tensors([problem.weights(seed + k) for k in range(self.networks)])
        self.state = self.trainer.rule.begin_task(self.weights, {}, self.context)
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Train all networks by one update on new trials."""
        batch = self.context.sample("train", self.updates, self.problem.batch)
        self.weights, self.state = self.trainer.rule.learn(self.weights, batch, self.state, self.context)
        self.updates += 1

    @torch.no_grad()
    def loss_and_gradient(self, trials: tuple[np.ndarray, ...]) -> tuple[float, np.ndarray]:
        """Loss of the first network and its gradient for the connectivity, on trials [trial, time, channel]."""
        x, y, mask = (torch.from_numpy(np.ascontiguousarray(a.swapaxes(0, 1)))[None] for a in trials)
        loss, gradient = self.context.gradient(self.weights, Batch(x, y, mask, (0,) * self.networks))
        return loss[0].item(), gradient["w_rec"][0].numpy()


def approaches() -> dict[str, bool]:
    """Names of the rows of rnnbench, and whether their time loop is the compiled one."""
    return {"rnnbench": False} | ({"rnnbench_native": True} if native().kernel else {})

"""The estimated memory of a process or network is correct within a factor of two, and limits the number of workers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import rnnbench
from rnnbench.benchmark.cells import cells_of
from rnnbench.engine.cuda_graph import MOST, _Recording
from rnnbench.execution import prepare as preparing
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.interfaces import Batch
from rnnbench.plugin.registry import installed
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.cost import bytes_per_network
from rnnbench.training.setting import Setting

TASK = {"use": "flip_flop", "channels": 2, "duration": 60}
CONTENT = {
    "name": "needs",
    "tasks": [TASK, {**TASK, "label": "again"}],
    "seeds": 1,
    "protocol": [["flip_flop", "again"]],
    "training": {"batch": 32, "max_updates": 1, "evaluate_every": 1, "evaluation_trials": 64},
}
MEASURED = """
import json, re, sys
from pathlib import Path
from rnnbench.execution.prepare import prepare
from rnnbench.execution.run import compute
content, home = json.loads(sys.argv[1]), sys.argv[2]
prepared = prepare(content, home, workers=1, device="cpu")
compute(prepared)
# Not getrusage, because after a fork it starts from the peak of the parent.
print(prepared.memory[0], int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc to read the peak of memory from")
@pytest.mark.parametrize(
    ("network", "evaluation_trials"),
    [
        ({"use": "vanilla_rnn", "units": 16, "dt": 0.5}, 64),  # mostly Python and torch
        ({"use": "vanilla_rnn", "units": 100, "dt": 0.04}, 256),  # states of an evaluation on 256 trials of 1500 steps
        ({"use": "gru", "units": 384, "dt": 0.4}, 64),  # the graph of autograd
    ],
    ids=["small", "long trials", "by autograd"],
)
def test_the_estimate_agrees_with_the_measured_peak(network, evaluation_trials, tmp_path):
    training = {**CONTENT["training"], "evaluation_trials": evaluation_trials}
    content = CONTENT | {"architectures": [network], "training": training}
    command = [sys.executable, "-c", MEASURED, json.dumps(content), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    estimated, measured = map(int, done.stdout.split())
    assert measured / 2 < estimated < 2 * measured


@pytest.mark.parametrize(("free", "workers"), [(10**12, 2), (1_500_000_000, 2), (900_000_000, 1), (1, 1)])
def test_workers_are_as_many_as_memory_allows(free, workers, tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "memory", lambda: free)
    monkeypatch.setattr(preparing, "cores", lambda: 2)
    content = CONTENT | {"architectures": [{"use": "vanilla_rnn", "units": 8}], "seeds": 4}
    assert rnnbench.prepare(content, tmp_path, device="cpu").workers == workers
    assert rnnbench.prepare(content, tmp_path, device="cpu", workers=2).workers == 2  # An explicit number is used.


def test_nothing_to_do_needs_nothing(tmp_path):
    content = CONTENT | {"architectures": [{"use": "vanilla_rnn", "units": 8, "dt": 0.5}]}
    rnnbench.run(content, tmp_path, workers=1, device="cpu", figures=False)
    assert rnnbench.prepare(content, tmp_path, device="cpu").memory[0] == 0


def test_the_memory_of_networks_on_a_gpu_is_that_of_their_arrays():
    """The arrays of engine, recordings, trials and evaluations are made on torch's meta device, without memory."""
    network = {"use": "vanilla_rnn", "units": 100, "dt": 0.2, "learn": "all"}
    content = CONTENT | {"architectures": [network], "seeds": 3}
    benchmark = load_benchmark(content)
    cells = [cell for cell in cells_of(benchmark) if len(cell.history) == 1]
    on_cpu = CellTrainer(Setting(benchmark, installed()), torch.device("cpu"))
    estimated = len(cells) * bytes_per_network(on_cpu, cells[0])

    trainers = CellTrainer(Setting(benchmark, installed()), torch.device("meta"))
    trainer, seeds = trainers.trainer(cells[0]), [cell.seed for cell in cells]
    with torch.no_grad():
        context = trainer.context(cells[0].task.label, seeds)
        weights = trainer.tensors([trainers.setting.initial_weights(cell) for cell in cells])
        state = trainer.rule.begin_task(weights, {}, context)
        batch = context.sample("train", 0, benchmark.tasks[0].training.batch)
        recordings = [_Recording(a_new_engine(trainer), weights, batch, run_once) for _ in range(MOST)]
        weights, state = trainer.rule.learn(weights, batch, state, context)
        evaluations = [trainer.source.evaluation_batch(task.label, seeds, 64) for task in cells[0].tasks_with_channels]
        for evaluation in evaluations:
            trainer.engine.outputs(weights, evaluation)
    arrays: list[object] = [weights, state, batch, evaluations, trainer.engine._buffers]
    arrays += [(r.weights, r.batch, r.engine._buffers, *r.results) for r in recordings]
    measured = size_of(arrays)
    assert measured <= estimated < 2 * measured  # With a lower estimate, too many networks would be put on the GPU.


def a_new_engine(trainer):
    return trainer.architecture.engine()


def run_once(function):
    return lambda: None, function()


def size_of(arrays) -> int:
    """Bytes of all arrays in a nested structure."""
    if isinstance(arrays, torch.Tensor):
        return arrays.numel() * arrays.element_size()
    if isinstance(arrays, Batch):
        arrays = (arrays.inputs, arrays.targets, arrays.mask, arrays.noise)
    if isinstance(arrays, dict):
        arrays = arrays.values()
    return 0 if arrays is None else sum(map(size_of, arrays))

"""Six tasks of computational neuroscience, after Schuessler et al. (eLife 2024) and the works cited there."""

from rnnbench import Task, hookimpl
from rnnbench_neuro.complex_sine import ComplexSine
from rnnbench_neuro.cycling import Cycling
from rnnbench_neuro.fixed_points import FixedPoints
from rnnbench_neuro.flip_flop import FlipFlop
from rnnbench_neuro.mante import Mante
from rnnbench_neuro.romo import Romo


@hookimpl
def rnnbench_tasks() -> list[type[Task]]:
    """Return the tasks of this package."""
    return [FixedPoints, FlipFlop, Mante, Romo, Cycling, ComplexSine]

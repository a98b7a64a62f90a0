"""The conformance checks of a task, one test for each."""

from example_lab_task import ExampleLab
from rnnbench.testing import conformance

test_example_lab = conformance(ExampleLab())

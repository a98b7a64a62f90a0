"""The tasks of neurogym (Molano-Mazón et al. 2022), each by its own id. Importing this does not import neurogym."""

from rnnbench import Task, hookimpl
from rnnbench_neurogym.task import Neurogym


@hookimpl
def rnnbench_tasks() -> list[type[Task]]:
    """Return the one task class of this package; its parameter `env` selects the task of neurogym."""
    return [Neurogym]

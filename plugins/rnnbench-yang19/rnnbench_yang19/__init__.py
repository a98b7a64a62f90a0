"""The 20 cognitive tasks of Yang, Joglekar, Song, Newsome, Wang, Nature Neuroscience 2019."""

from rnnbench import Task, hookimpl
from rnnbench_yang19.anti import DelayAnti, FdAnti, ReactAnti
from rnnbench_yang19.decision import ContextDm1, ContextDm2, Dm1, Dm2, MultiDm
from rnnbench_yang19.delayed_decision import ContextDelayDm1, ContextDelayDm2, DelayDm1, DelayDm2, MultiDelayDm
from rnnbench_yang19.go import DelayGo, FdGo, ReactGo
from rnnbench_yang19.match import DmcGo, DmcNoGo, DmsGo, DmsNoGo

TASKS: tuple[type[Task], ...] = (
    *(FdGo, ReactGo, DelayGo),
    *(FdAnti, ReactAnti, DelayAnti),
    *(Dm1, Dm2, ContextDm1, ContextDm2, MultiDm),
    *(DelayDm1, DelayDm2, ContextDelayDm1, ContextDelayDm2, MultiDelayDm),
    *(DmsGo, DmsNoGo, DmcGo, DmcNoGo),
)
"""The tasks in the order of the paper."""


@hookimpl
def rnnbench_tasks() -> list[type[Task]]:
    """Return the tasks of this package."""
    return list(TASKS)

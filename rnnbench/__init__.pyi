"""The public names of rnnbench, and the modules from which they are loaded."""

from .engine.builtin.gradient_descent import GradientDescent as GradientDescent
from .engine.builtin.vanilla_rnn import VanillaRNN as VanillaRNN
from .engine.loss import error_signal as error_signal, losses as losses, masked_loss as masked_loss
from .engine.nonlinearity import NONLINEARITIES as NONLINEARITIES, Nonlinearity as Nonlinearity
from .engine.one_at_a_time import (
    SeenTrials as SeenTrials,
    by_network as by_network,
    joined as joined,
    one_at_a_time as one_at_a_time,
    separate as separate,
)
from .errors import RnnbenchError as RnnbenchError, Submitted as Submitted
from .execution.jobs import bundled as bundled, read_bundle as read_bundle, write_bundles as write_bundles
from .execution.prepare import prepare as prepare
from .execution.run import run as run
from .execution.worker import Worker as Worker
from .loading.benchmark_file import load_benchmark as load_benchmark
from .plugin.added_channels import AddedChannels as AddedChannels, enlarged as enlarged
from .plugin.executor import Executor as Executor, Job as Job, Listener as Listener, Report as Report, Work as Work
from .plugin.hooks import hookimpl as hookimpl
from .plugin.interfaces import (
    Architecture as Architecture,
    Batch as Batch,
    Engine as Engine,
    State as State,
    Task as Task,
    Trials as Trials,
    Weights as Weights,
)
from .plugin.learning_rule import LearningRule as LearningRule, TaskContext as TaskContext
from .plugin.rate_network import RateNetwork as RateNetwork, as_rate_network as as_rate_network
from .randomness import rng_for as rng_for
from .results.interference import counts as counts, idle_outputs as idle_outputs
from .results.progress import Common as Common, common as common
from .results.reading import Results as Results, load_results as load_results
from .results.transfer import Parcel as Parcel, packed as packed, unpacked as unpacked

"""rnnbench, a benchmark of continual learning in recurrent networks.

Use load_benchmark, run and load_results to run benchmarks, and Task, Architecture, LearningRule, Executor and hookimpl
to write plugins.
"""

import lazy_loader

# The public names stand in __init__.pyi. Each is imported when it is first used: plugins do not wait for pandas and
# seaborn, nor `--help` for torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

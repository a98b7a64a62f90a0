"""Everything rnnbench raises on purpose. Each message is one line that says what, where and what next."""


class RnnbenchError(Exception):
    """Base of all errors a user can act on; the command line prints it and exits with code 2."""


class BenchmarkError(RnnbenchError):
    """A benchmark description is wrong: the message names the file and the field."""


class PluginError(RnnbenchError):
    """A plugin breaks its contract: the message names the plugin and what was expected."""


class StoreError(RnnbenchError):
    """A results folder cannot be read or written: the message names the file."""


class Submitted(RnnbenchError):
    """The work goes on elsewhere and nobody here waits for it: no fault; the message says how to follow it."""

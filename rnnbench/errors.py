"""The exceptions that rnnbench raises. Each message is one line: what is wrong, where, and what would be right."""


class RnnbenchError(Exception):
    """Base of all errors that a user can act on; the command line prints the message and exits with code 2."""


class BenchmarkError(RnnbenchError):
    """A benchmark description is wrong; the message names the file and the field."""


class PluginError(RnnbenchError):
    """A plugin breaks its contract; the message names the plugin and what was expected."""


class StoreError(RnnbenchError):
    """A results folder cannot be read or written; the message names the file."""


class AnotherNetwork(StoreError):
    """A network that had to be trained again differs from the stored one; no stored result has been changed.

    The message names the network and says what helps.
    """


class Submitted(RnnbenchError):
    """The work continues elsewhere and this process does not wait for it; the message says how to follow it.

    This is not a failure.
    """

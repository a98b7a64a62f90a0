"""The command line. It only parses arguments and prints.

Each command imports the modules it needs when it runs, so that no command waits for imports of the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from rnnbench.cli import exchange_commands, plugin_commands, report_commands, run_commands
from rnnbench.errors import RnnbenchError, Submitted
from rnnbench.messages import one_line

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _rnnbench() -> None:
    """Measure interference between tasks in recurrent networks."""


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run_commands.run,
    "extend": run_commands.extend,
    "claims": report_commands.claims,
    "trade-off": report_commands.trade_off,
    "report": report_commands.report,
    "compare": report_commands.compare,
    "theory": report_commands.theory,
    "export": exchange_commands.export,
    "import": exchange_commands.import_,
    "status": report_commands.status,
    "worker": run_commands.worker,
    "schema": report_commands.schema,
    "list": plugin_commands.list_plugins,
    "describe": plugin_commands.describe,
    "new": plugin_commands.new,
    "check": plugin_commands.check,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)

INTERRUPTED = 130
"""Exit code after Ctrl-C, the same as in shells. Typer returns it for an interrupt."""


def main() -> None:
    """Run the command line. An error that a user can fix is one line on stderr, with exit code 2."""
    try:
        code = app(standalone_mode=False) or 0
    except Submitted as message:
        print(message)
        code = 0
    except RnnbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except typer.TyperException as error:
        if line := one_line(error.format_message()).rstrip("."):  # without arguments the help has said it all
            print(f"error: {line}; see --help", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("interrupted; run the same command again to continue", file=sys.stderr)
    sys.exit(code)

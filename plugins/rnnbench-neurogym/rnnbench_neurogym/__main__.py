"""Prints a table of all environments of neurogym and what each can be used for: `python -m rnnbench_neurogym`."""

from __future__ import annotations

import json
import sys

from rnnbench_neurogym.capability import NEEDED_OPTIONS, capability
from rnnbench_neurogym.environments import creators

HEAD = ["env", "inputs", "outputs", "own step (ms)", "accuracy", "response periods, or why it is refused"]


def row(env_id: str) -> list[str]:
    """Return the table row of an environment; for one that cannot be used, with the reason."""
    options = NEEDED_OPTIONS.get(env_id, {})
    try:
        found = capability(env_id, options, {})
    except ValueError as error:
        return [env_id, "", "", "", "", f"refused: {str(error).removeprefix(env_id).strip()}"]
    label = f"{env_id} with options {json.dumps(options)}" if options else env_id
    outputs = f"{found.n_actions}" if found.kind == "discrete" else f"{found.n_actions} (box)"
    has_accuracy = "yes" if found.kind == "discrete" and found.steady else "no"
    return [label, str(found.n_inputs), outputs, f"{found.step_ms:g}", has_accuracy, ", ".join(found.response_periods)]


def table() -> str:
    """Return the table in Markdown."""
    rows = [HEAD, ["---"] * len(HEAD), *(row(env_id) for env_id in creators())]
    return "\n".join(f"| {' | '.join(columns)} |" for columns in rows)


if __name__ == "__main__":
    try:
        print(table())
    except ValueError as error:
        sys.exit(f"error: {error}")

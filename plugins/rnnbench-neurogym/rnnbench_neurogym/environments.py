"""neurogym's environments by id; neurogym is imported at its first use, since this is slow and it may be absent."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import JsonValue

MISSING = (
    "neurogym is not installed here; pip install 'neurogym==2.3.1' torch, in an environment of its own because it "
    "needs numpy 2.2 and gymnasium 0.29"
)

BY_FRAME_MS = {"SpatialSuppressMotion-v0": 8.3}
"""Length of a frame (ms) for environments whose ground truth is a table of frames, valid at that time step only."""


@cache
def creators() -> Mapping[str, str]:
    """Return the constructor of each id as `module:name`.

    Raises:
        ValueError: neurogym cannot be imported; the message has one line.
    """
    try:
        import_module("neurogym")
        registration = import_module("neurogym.envs.registration")
    except ModuleNotFoundError as error:
        if error.name != "neurogym":
            raise ValueError(f"neurogym is installed but lacks {error.name}; pip install {error.name}") from None
        raise ValueError(MISSING) from None
    return dict(sorted(registration.ALL_EXTENDED_ENVS.items()))


def check_id(env_id: str) -> None:
    """Check that neurogym has an environment called `env_id`.

    Raises:
        ValueError: it has none; the message names the nearest ids.
    """
    if env_id in creators():
        return
    lower = {known.lower(): known for known in creators()}
    near = difflib.get_close_matches(env_id.lower()[:100], lower, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(lower[n] for n in near)}?" if near else "python -m rnnbench_neurogym lists them"
    raise ValueError(f"{env_id!r:.60} is not an environment of neurogym; {hint}")


def build(env_id: str, kwargs: Mapping[str, Any], step_ms: float | None = None) -> Any:
    """Build a new environment with its wrappers.

    It is built by the registered constructor, because the outer wrapper of `gymnasium.make` would hide `new_trial`.

    Args:
        env_id: id of the environment in neurogym.
        kwargs: arguments of its constructor.
        step_ms: time step (ms); None for the environment's own.
    """
    module, _, name = creators()[env_id].partition(":")
    step = {} if step_ms is None else {"dt": int(step_ms) if step_ms == int(step_ms) else step_ms}
    with quiet():
        return getattr(import_module(module), name)(**kwargs, **step)


def configured(
    env_id: str, options: Mapping[str, JsonValue], timing: Mapping[str, JsonValue], step_ms: float | None = None
) -> Any:
    """Build a new environment and check that every argument has an effect, which neurogym does not.

    Args:
        env_id: id of the environment in neurogym.
        options: arguments of the environment.
        timing: durations that replace the environment's, by period.
        step_ms: time step (ms); None for the environment's own.

    Raises:
        ValueError: an option or a period cannot be set for this environment.
    """
    instead = {"dt": "use tau_ms", "timing": "use the parameter timing", "random_seed": "rnnbench draws all seeds"}
    if taken := sorted(set(instead) & set(options)):
        raise ValueError(f"options.{taken[0]}: cannot be set for {env_id}; {instead[taken[0]]}")
    env = build(env_id, options, step_ms)
    for option, given in options.items():
        # Only booleans are compared, because an environment may rescale a number, as it does sigma.
        if isinstance(given, bool) and getattr(env.unwrapped, option, given) != given:
            raise ValueError(f"options.{option}: cannot be set for {env_id}, in which {option} is always {not given}")
    return _timed(env, env_id, options, timing, step_ms) if timing else env


def _timed(
    default: Any, env_id: str, options: Mapping[str, JsonValue], timing: Mapping[str, JsonValue], step_ms: float | None
) -> Any:
    """Build an environment like `default` in which only the given durations are replaced.

    The durations go to the constructor, which may compute with them. Some environments then overwrite them with their
    own, and others lose their own durations of the other periods, so all durations are set again afterwards.
    """
    own = default.unwrapped.timing
    for period in timing:
        check_name("timing", period, own)
    env = build(env_id, {**options, "timing": dict(timing)}, step_ms)
    for layer in layers(env):
        if "timing" in vars(layer):
            layer.timing.update({period: duration for period, duration in own.items() if not callable(duration)})
            layer.timing.update(timing)
    return env


def check_name(parameter: str, name: str, known: Iterable[str]) -> None:
    """Check that a period is known.

    Raises:
        ValueError: it is not; the message names the nearest known period.
    """
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known periods are {', '.join(known)}"
        raise ValueError(f"{parameter}: there is no period {name!r:.60}; {hint}")


def layers(env: Any) -> list[Any]:
    """Return the environment's wrappers and base environments, each once, starting with the outermost."""
    found: list[Any] = []
    waiting = [env]
    while waiting:
        layer = waiting.pop(0)
        if not any(layer is known for known in found):
            found.append(layer)
            own = vars(layer)
            waiting += [own[name] for name in ("env",) if name in own]
            waiting += own.get("envs", [])
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress gymnasium's warnings about neurogym's own wrappers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*(from other wrappers is deprecated|render_modes)", UserWarning)
        yield

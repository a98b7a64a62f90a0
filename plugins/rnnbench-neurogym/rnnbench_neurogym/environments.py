"""neurogym's environments by id. It is imported when first asked for: that takes seconds, and it may be absent."""

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
    "holds numpy at 2.2 and gymnasium at 0.29"
)

BY_FRAME_MS = {"SpatialSuppressMotion-v0": 8.3}
"""Environments whose ground truth is a table over frames of one length (ms): at another time step it means nothing."""


@cache
def creators() -> Mapping[str, str]:
    """Where each id is made, as `module:name`. Raises ValueError, in one line, where neurogym cannot be imported."""
    try:
        import_module("neurogym")
        registration = import_module("neurogym.envs.registration")
    except ModuleNotFoundError as error:
        if error.name != "neurogym":
            raise ValueError(f"neurogym is installed but lacks {error.name}; pip install {error.name}") from None
        raise ValueError(MISSING) from None
    return dict(sorted(registration.ALL_EXTENDED_ENVS.items()))


def check_id(env_id: str) -> None:
    """Raise ValueError with the nearest ids unless neurogym has an environment called `env_id`."""
    if env_id in creators():
        return
    lower = {known.lower(): known for known in creators()}
    near = difflib.get_close_matches(env_id.lower()[:100], lower, n=3, cutoff=0.5)
    told = f"did you mean {' or '.join(lower[n] for n in near)}?" if near else "python -m rnnbench_neurogym lists them"
    raise ValueError(f"{env_id!r:.60} is no environment of neurogym; {told}")


def build(env_id: str, kwargs: Mapping[str, Any], step_ms: float | None = None) -> Any:
    """A new environment, in its wrappers, with time steps of `step_ms` (its own by default).

    From the registered creator rather than `gymnasium.make`, whose outer wrapper would hide `new_trial`.
    """
    module, _, name = creators()[env_id].partition(":")
    step = {} if step_ms is None else {"dt": int(step_ms) if step_ms == int(step_ms) else step_ms}
    with quiet():
        return getattr(import_module(module), name)(**kwargs, **step)


def configured(
    env_id: str, options: Mapping[str, JsonValue], timing: Mapping[str, JsonValue], step_ms: float | None = None
) -> Any:
    """As `build`, and ValueError for what neurogym would pass over in silence: names and options of no effect."""
    instead = {"dt": "tau_ms", "timing": "the parameter timing", "random_seed": "no seed: rnnbench draws them"}
    if taken := sorted(set(instead) & set(options)):
        raise ValueError(f"options.{taken[0]}: is not for {env_id}; use {instead[taken[0]]}")
    env = build(env_id, options, step_ms)
    for option, given in options.items():
        # Numbers may be rescaled on the way (sigma is); a truth value stays what it is.
        if isinstance(given, bool) and getattr(env.unwrapped, option, given) != given:
            raise ValueError(f"options.{option}: {env_id} is the task in which {option} is {not given}")
    return _timed(env, env_id, options, timing, step_ms) if timing else env


def _timed(
    default: Any, env_id: str, options: Mapping[str, JsonValue], timing: Mapping[str, JsonValue], step_ms: float | None
) -> Any:
    """An environment like `default` with some durations replaced, and only those.

    Its constructor gets them, since it may compute from them. But some of neurogym's collections put their own in
    their place, others lose their own durations of the other periods: both are put right.
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
    """Raise ValueError with the nearest known names unless `name` is one of them."""
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.5)
        told = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise ValueError(f"{parameter}: there is no period {name!r:.60}; {told}")


def layers(env: Any) -> list[Any]:
    """The environment's wrappers and base environments, each once, the outermost first."""
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
    """Without gymnasium's warnings about how neurogym's own wrappers use it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*(from other wrappers is deprecated|render_modes)", UserWarning)
        yield

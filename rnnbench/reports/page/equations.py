"""Equations of the reference network and rule with their parameters; other plugins use their own descriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnbench.reports.numbers import plain

Parameters = dict[str, Any]

PHI = {"tanh": "tanh(h)", "relu": "max(0, h)", "softplus": "log(1 + exp h)", "erf": "erf(√π h / 2)", "identity": "h"}


def vanilla_rnn(p: Parameters) -> str:
    """Equations of the vanilla RNN (Schuessler et al. 2020, eq. 1) in the units of the built-in architecture.

    Args:
        p: parameters of `rnnbench.engine.builtin.vanilla_rnn`.
    """
    bias = " + b" if p["bias"] else ""
    noise = f" + √Δt σ ξ[t], with σ = {plain(p['noise'])} and ξ standard normal" if p["noise"] else ""
    start = f"drawn once, with standard deviation {plain(p['initial_state_std'])}" if p["initial_state_std"] else "= 0"
    norm = "1/√N" if p["readout_scale"] == "small" else "1"
    drawn = "orthogonalised (QR)" if p["orthogonal"] else "random"
    learnt = "W alone" if p["learn"] == "recurrent" else "W, W_in and W_out"
    learnt += " and the biases b, 0 before training," if p["bias"] else ""
    return (
        f"h[t+1] = (1 − Δt) h[t] + Δt (W φ(h[t]) + W_in x[t]{bias}){noise}; z[t] = W_out φ(h[t+1]); "
        f"Δt = {plain(p['dt'])} τ, φ(h) = {PHI.get(p['nonlinearity'], plain(p['nonlinearity']))}, h[0] {start}. "
        f"Before training the entries of W were independent and normal with mean 0 and variance g²/N; input vectors "
        f"had norm √N and readout vectors norm {norm}, all {drawn}. Learning changed {learnt}".rstrip(",")
        + "."
    )


def gradient_descent(p: Parameters) -> str:
    """Equations of gradient descent and its optimizers (Kingma & Ba 2015 and others).

    Args:
        p: parameters of `rnnbench.engine.builtin.gradient_descent`.
    """
    rate, b1, b2, eps = (plain(p[name]) for name in ("learning_rate", "beta1", "beta2", "epsilon"))
    optimizer = {
        "sgd": f"plain steps w ← w − η dL/dw, η = {rate}",
        "momentum": f"momentum, m ← β₁ m + dL/dw, w ← w − η m, η = {rate}, β₁ = {b1}",
        "rmsprop": f"RMSprop, η = {rate}, β₂ = {b2}, ε = {eps}",
        "adam": f"Adam, η = {rate}, β₁ = {b1}, β₂ = {b2}, ε = {eps}",
    }[p["optimizer"]]
    return f"Gradient descent by backpropagation through time: {optimizer}; moments start at 0 with every task."


EQUATIONS: dict[str, Callable[[Parameters], str]] = {
    "vanilla_rnn@1": vanilla_rnn,
    "gradient_descent@1": gradient_descent,
}


def equations(plugin: str, parameters: Parameters) -> str:
    """The equations of a plugin in words and symbols.

    Args:
        plugin: id of the plugin with its version.
        parameters: its parameters.

    Returns:
        The equations; empty if they are not known for this plugin, or if the parameters do not fit.
    """
    try:
        return EQUATIONS[plugin](parameters)
    except (KeyError, TypeError, ValueError):  # results of other origin may use the id with other parameters
        return ""

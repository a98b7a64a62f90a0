"""Rate RNNs whose matrices are functions of the learnt weights, and an engine for their gradient.

The network is the vanilla RNN, h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t] + b), z[t] = W_out phi(h[t+1]),
with matrices W = W(theta) and so on. Its gradient is computed in two parts: dL/dW by the vanilla RNN's hand-written
backpropagation through time, and then the chain rule, dL/dtheta = sum_ij dL/dW_ij dW_ij/dtheta, by autograd.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from rnnbench import Batch, Engine, Nonlinearity, VanillaRNN, Weights, joined, separate
from rnnbench_architectures.rate_parameters import RateParameters


class ReparametrisedRNN(RateParameters):
    """A vanilla RNN with matrices made from other weights: subclasses say how, in `matrices`."""

    @property
    @abstractmethod
    def full(self) -> VanillaRNN:
        """The vanilla RNN that computes with the matrices."""

    @abstractmethod
    def matrices(self, weights: Weights) -> Weights:
        """The matrices of the vanilla RNN, as differentiable functions of the weights.

        Args:
            weights: those of one network, or of a population with a leading [network] axis.

        Returns:
            w_rec [unit, unit], w_in [unit, input], w_out [output, unit] and, if the network has a bias, b [unit]. A
            leading [network] axis is kept.
        """

    def recurrent(self, weights: Weights) -> Tensor:
        """The connectivity W [unit, unit] that the network computes with; a leading [network] axis is kept."""
        return self.matrices(weights)["w_rec"]

    @property
    def phi(self) -> Nonlinearity:
        """The nonlinearity phi, applied elementwise."""
        return self.full.phi

    def current(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The input current W_in x + b [unit] under a constant input x [input]."""
        return self.full.current(self.matrices(weights), inputs)

    def step(self, weights: Weights, state: Tensor, inputs: Tensor, noise: Tensor | None) -> Tensor:
        """The state [trial, unit] after one time step."""
        return self.full.step(self.matrices(weights), state, inputs, noise)

    def readout(self, weights: Weights, state: Tensor) -> Tensor:
        """The outputs z = W_out phi(h), [trial, output]."""
        return self.full.readout(self.matrices(weights), state)

    def engine(self) -> ReparametrisedEngine:
        """The engine of the vanilla RNN, followed by the chain rule."""
        return ReparametrisedEngine(self)


class ReparametrisedEngine:
    """Outputs and gradients of a population of reparametrised RNNs."""

    independent = True

    def __init__(self, architecture: ReparametrisedRNN) -> None:
        self.architecture = architecture
        self.full: Engine = architecture.full.engine()

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Outputs after every step, [network, time, trial, output]."""
        return self.full.outputs(joined([self.architecture.matrices(w) for w in separate(weights)]), batch)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """The loss [network] and its gradient with respect to every trained weight."""
        trained = self.architecture.trained
        parts = [{k: w.detach().requires_grad_(k in trained) for k, w in p.items()} for p in separate(weights)]
        with torch.enable_grad():
            matrices = [self.architecture.matrices(part) for part in parts]
        losses, by_matrix = self.full.gradient(joined([_detached(m) for m in matrices]), batch)
        gradients = [
            _chain_rule(part, m, d, trained) for part, m, d in zip(parts, matrices, separate(by_matrix), strict=True)
        ]
        return losses, joined(gradients)


def _chain_rule(weights: Weights, matrices: Weights, by_matrix: Weights, trained: tuple[str, ...]) -> Weights:
    """The gradient with respect to the trained weights, from that with respect to the matrices made from them."""
    names = list(by_matrix)
    gradients = torch.autograd.grad(
        [matrices[n] for n in names], [weights[n] for n in trained], [by_matrix[n] for n in names]
    )
    return dict(zip(trained, gradients, strict=True))


def _detached(arrays: Weights) -> Weights:
    return {name: a.detach() for name, a in arrays.items()}

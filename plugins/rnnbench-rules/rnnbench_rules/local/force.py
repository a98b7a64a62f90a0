"""FORCE learning: recursive least squares while the trial runs (Sussillo & Abbott 2009)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rnnbench import Architecture, Batch, LearningRule, State, TaskContext, VanillaRNN, Weights
from rnnbench_rules.local.rate_units import Arrays, currents, network_by_network, rate_units, start


class Force(LearningRule):
    """FORCE: the readout learns so fast, while the trial runs, that its error is small from the start.

    The published network feeds its output back, dt (J r + w_fb z + ..), with z = W_out r and a fixed random w_fb. Here
    no such feedback exists, but J r + w_fb W_out r = W r with W = J + w_fb W_out. So when W_out learns, W moves too:

    W_out <- W_out + dW_out,  W <- W + w_fb dW_out,   and J = W - w_fb W_out stays what it was.

    This is the paper's internal learning (fig. 1C), where w_fb is 1. Every `every` steps, for all trials of the batch
    at once, with their rates X [trial, unit] and errors E = z - y [trial, output] before the update:

    S = 1 + X P X^T,   dW_out = -E^T S^-1 X P,   P <- P - P X^T S^-1 X P,   P = 1/alpha at first:

    with one trial the published e P r / (1 + r^T P r), and in sum a ridge regression (penalty alpha on W_out's change).
    Steps and trials that the mask leaves out are not learnt from; a mask other than 1 weighs the squares. Where it asks
    for some outputs only, the others count as right, since all share P. J, W_in and b stay.

    Published: g = 1.5, N = 1000, dt = 0.1, alpha = 1 (1 to 100), an update every second step, one endless trial.
    With `keep_inverse` P goes on into the next task, which then is learnt in what earlier tasks have not used; the
    paper learns one task, so the default is anew.
    """

    name, version = "force", 2
    source = "Sussillo & Abbott, Neuron 2009, eqs. 1-5 and supplementary code"
    remembers: ClassVar[bool] = True

    alpha: float = Field(1.0, gt=0, description="P = 1/alpha before learning: high alpha, slow learning; published: 1")
    every: int = Field(2, ge=1, description="an update every so many steps (steps); published: 2")
    feedback_scale: float = Field(1.0, ge=0, description="w_fb is uniform in +-feedback_scale; published: 1")
    keep_inverse: bool = Field(False, description="P is kept from task to task, rather than begun anew")

    def check(self, architecture: Architecture) -> None:
        trained = rate_units(self.name, architecture).trained
        if not {"w_rec", "w_out"} <= set(trained):
            raise ValueError(
                f"force trains w_rec and w_out, but {architecture.name} trains {', '.join(trained)}; set learn: all"
            )

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        n_networks, n_outputs, n_units = weights["w_out"].shape
        like = weights["w_out"].double()
        # Drawn output by output, so that outputs which are added later change nothing.
        drawn = [torch.from_numpy(rng.uniform(-1, 1, (n_outputs, n_units))).mT for rng in context.rngs("feedback")]
        inverse = torch.eye(n_units).to(like).expand(n_networks, -1, -1) / self.alpha
        if self.keep_inverse and memory:
            root = memory["inverse_root"].double()
            inverse = root @ root.mT
        return {"feedback": (self.feedback_scale * torch.stack(drawn)).to(like), "inverse": inverse.clone()}

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        architecture = rate_units(self.name, context.architecture)

        def compute(weights: Weights, batch: Batch, state: Arrays) -> Arrays:
            return self._run(architecture, weights, batch, state["feedback"], state["inverse"])

        found = network_by_network(compute, weights, batch, state)
        return weights | {name: found[name] for name in ("w_rec", "w_out")}, state | {"inverse": found["inverse"]}

    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        raise NotImplementedError("force changes the weights during the trial, in learn(), and uses no gradient")

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        if not self.keep_inverse:
            return {}
        # The root of P is stored: in the benchmark's precision, which the memory has, P itself would not stay positive.
        return {"inverse_root": torch.linalg.cholesky_ex(state["inverse"]).L}

    def _run(self, architecture: VanillaRNN, weights: Weights, batch: Batch, feedback: Tensor, p: Tensor) -> Arrays:
        """Run the trials and learn in float64: P shrinks over many thousand updates and must stay positive."""
        phi, dt = architecture.phi, architecture.dt
        drive = currents(architecture, weights, batch).double()
        targets, mask = batch.each(batch.targets).double(), batch.each(batch.mask).double()
        root = mask.amax(-1, keepdim=True).sqrt()
        asked = (root > 0).any(dim=0).flatten(1).any(1).tolist()
        w_rec, w_out = weights["w_rec"].double(), weights["w_out"].double()
        h = start(weights, drive.shape[2]).double()
        r = phi(h)
        for t in range(drive.shape[1]):
            h = (1 - dt) * h + dt * (r @ w_rec.mT) + drive[:, t]
            r = phi(h)
            if (t + 1) % self.every == 0 and asked[t]:
                errors = (r @ w_out.mT - targets[:, t]) * (mask[:, t] > 0)
                step, p = least_squares_step(p, root[:, t] * r, root[:, t] * errors)
                w_out = w_out + step
                w_rec = w_rec + feedback @ step
        like = weights["w_rec"].dtype
        return {"w_rec": w_rec.to(like), "w_out": w_out.to(like), "inverse": p}


def least_squares_step(p: Tensor, x: Tensor, errors: Tensor) -> tuple[Tensor, Tensor]:
    """Make one step of recursive least squares for a block of trials.

    Args:
        p: inverse of the regularised correlation of all rates so far, [network, unit, unit].
        x: rates, [network, trial, unit].
        errors: readout minus target, [network, trial, output].

    Returns:
        The change of the readout, [network, output, unit], and the new p, [network, unit, unit].
    """
    xp = x @ p
    s = xp @ x.mT
    s.diagonal(dim1=-2, dim2=-1).add_(1)
    root = torch.linalg.cholesky_ex(s).L  # does not raise: one diverged network must not stop the others
    half = torch.linalg.solve_triangular(root, xp, upper=False)
    step = -torch.linalg.solve_triangular(root, errors, upper=False).mT @ half
    return step, p - half.mT @ half  # this form keeps it symmetric

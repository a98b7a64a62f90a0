"""RFLO: random feedback local online learning (Murray 2019)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from rnnbench import Architecture, Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules.local.errors_back import gradient_through, random_feedback
from rnnbench_rules.local.rate_units import rate_units


class RFLO(GradientDescent):
    """Random feedback local online learning: what a synapse did to its own unit, times an error sent back at random.

    Eligibility of the synapse from b to a, in the network h[t+1] = (1 - dt) h[t] + dt (W r[t] + ..), r = phi(h):

    p_ab[t+1] = (1 - dt) p_ab[t] + dt r_b[t]   (dh_a/dW_ab, leaving out all paths through other units),

    dW_ab ~ sum_t phi'(h_a[t+1]) (B dz[t])_a p_ab[t+1],  dW_out ~ sum_t dz[t] r[t+1]^T,  dz = dL/dz,

    and for W_in and b with x or 1 in place of r_b. In the paper the nonlinearity stands around the sum, so that phi'
    stands within the trace. p_ab is the same for all a, and the sum over a trial is computed backwards:
    e[t] = phi'(h[t+1]) (B dz[t]) + (1 - dt) e[t+1],  dW = dt sum_t e[t] r[t]^T. The step is made after each batch.

    Published: sgd with rate 0.1, which here is slow because the loss is a mean over outputs, most of them idle. Adam
    is not local in its use of squared gradients, but is allowed, for comparison at one step.
    """

    name, version = "rflo", 2
    source = "Murray, eLife 2019, eqs. 2-4; settings of its published example"

    optimizer: Literal["sgd", "momentum", "rmsprop", "adam"] = Field(
        "sgd", description="how the gradient becomes a step"
    )
    learning_rate: float = Field(0.1, gt=0, description="eta of all weights; published: 0.1 with sgd")
    feedback: Literal["random", "symmetric"] = Field("random", description="B: fixed and random, or W_out^T")
    feedback_scale: float = Field(
        1.0, ge=0, description="B_ak ~ Normal(0, scale^2 / number of outputs), if random; published: 1"
    )

    def check(self, architecture: Architecture) -> None:
        rate_units(self.name, architecture)

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        if self.feedback == "random":
            state["feedback"] = random_feedback(weights, context, self.feedback_scale)
        return state

    def gradient(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Tensor, Weights]:
        b = state["feedback"] if self.feedback == "random" else weights["w_out"].mT
        return gradient_through(rate_units(self.name, context.architecture), weights, batch, b)

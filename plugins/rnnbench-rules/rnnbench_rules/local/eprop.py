"""e-prop for rate units (Bellec et al. 2020)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from rnnbench import AddedChannels, Architecture, Batch, GradientDescent, State, TaskContext, Weights, enlarged
from rnnbench_rules.local.errors_back import gradient_through, random_feedback
from rnnbench_rules.local.rate_units import rate_units


class EProp(GradientDescent):
    """e-prop 1: eligibility traces times a learning signal broadcast to every unit.

    e_ab[t] = phi'(h_a[t+1]) eps_ab[t+1],  eps_ab[t+1] = (dh_a[t+1]/dh_a[t]) eps_ab[t] + dh_a[t+1]/dW_ab

    dW_ab ~ sum_t L_a[t] e_ab[t],  L_a[t] = sum_k B_ak dz_k[t],  dz = dL/dz.

    The hidden state of a rate unit is h, its observable r = phi(h); derivatives are taken with all observables held,
    the unit's own too, so dh_a[t+1]/dh_a[t] = 1 - dt and eps is RFLO's p. This network reads out without a filter
    (kappa = 0 in the paper), so the traces are not filtered again. Rate units do not need the paper's firing-rate
    regularisation. Hence with the same B, e-prop and RFLO are one rule here; what differs is how B comes about:

    symmetric  B = W_out^T

    random     B fixed, Normal(0, scale^2 / outputs)

    adaptive   B starts at random and receives every step of W_out, transposed; then both decay,
               W_out <- (1 - c) W_out,  B <- (1 - c) B  (Kolen & Pollack 1994), so that B becomes W_out^T.

    Published: Adam, with rates from 0.001 to 0.01 by task (0.01 for speech), and c = 0.01 (speech).
    """

    name, version = "eprop", 2
    source = "Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein, Maass, Nature Communications 2020, eqs. 1-4"
    remembers: ClassVar[bool] = True

    learning_rate: float = Field(0.01, gt=0, description="eta; published: 0.01 with adam (speech)")
    feedback: Literal["symmetric", "random", "adaptive"] = Field("symmetric", description="where B comes from")
    feedback_scale: float = Field(
        1.0, ge=0, description="B_ak ~ Normal(0, scale^2 / number of outputs) at the start, unless symmetric"
    )
    decay: float = Field(0.01, ge=0, lt=1, description="c, if adaptive (per update); published: 0.01")

    def check(self, architecture: Architecture) -> None:
        rate_units(self.name, architecture)
        if self.feedback == "adaptive" and "w_out" not in architecture.trained:
            raise ValueError(
                "eprop: adaptive feedback follows the changes of w_out, but w_out is not trained; set learn: all"
            )

    def grow(self, memory: State, added: AddedChannels, context: TaskContext) -> State:
        if "feedback" not in memory:
            return memory
        return {"feedback": enlarged(memory["feedback"], random_feedback(added.after, context, self.feedback_scale))}

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        if self.feedback != "symmetric" and "feedback" not in memory:
            state["feedback"] = random_feedback(weights, context, self.feedback_scale)
        return state

    def gradient(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Tensor, Weights]:
        b = weights["w_out"].mT if self.feedback == "symmetric" else state["feedback"]
        return gradient_through(rate_units(self.name, context.architecture), weights, batch, b)

    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        new, state = super().update(weights, gradients, state)
        if self.feedback == "adaptive":
            step = new["w_out"] - weights["w_out"]
            new = new | {"w_out": (1 - self.decay) * new["w_out"]}
            state = state | {"feedback": (1 - self.decay) * (state["feedback"] + step.mT)}
        return new, state

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        return {"feedback": state["feedback"]} if self.feedback == "adaptive" else {}

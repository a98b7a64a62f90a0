"""Feedback alignment through time (Lillicrap et al. 2016, adapted to recurrent networks)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from rnnbench import Architecture, Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules.local.errors_back import gradient_through, random_feedback
from rnnbench_rules.local.rate_units import rate_units


class FeedbackAlignment(GradientDescent):
    """Backpropagation through time whose errors come back through fixed random matrices.

    e[t] = phi'(h[t+1]) * (B dz[t] + dt V e[t+1]) + (1 - dt) e[t+1],  dW = dt sum_t e[t] r[t]^T,  dz = dL/dz

    B_ak ~ Normal(0, scale^2 / outputs) in place of W_out^T. V is W^T (`recurrent: symmetric`, as where feedback
    alignment is applied to the layers, not to time), or drawn once, Normal(0, recurrent_scale^2 / N). W_out learns by
    its exact gradient; in feed-forward networks W_out^T so comes to point where B points, in these networks hardly.
    It stays non-local in time.

    Published for feed-forward networks, with sgd and rates chosen by task; here Adam with the reference rate, as
    gradient_descent has it.
    """

    name, version = "feedback_alignment", 2
    source = "Lillicrap, Cownden, Tweed, Akerman, Nature Communications 2016; through time as in Murray, eLife 2019"

    feedback: Literal["random", "symmetric"] = Field("random", description="B: fixed and random, or W_out^T")
    feedback_scale: float = Field(1.0, ge=0, description="B_ak ~ Normal(0, scale^2 / number of outputs), if random")
    recurrent: Literal["symmetric", "random"] = Field("symmetric", description="V: W^T, or fixed and random")
    recurrent_scale: float = Field(0.9, ge=0, description="V_ab ~ Normal(0, scale^2 / N), if random; as g of W")

    def check(self, architecture: Architecture) -> None:
        rate_units(self.name, architecture)

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        if self.feedback == "random":
            state["feedback"] = random_feedback(weights, context, self.feedback_scale)
        if self.recurrent == "random":
            w = weights["w_rec"]
            drawn = [torch.from_numpy(g.standard_normal(w.shape[1:])) for g in context.rngs("recurrent feedback")]
            state["recurrent"] = (self.recurrent_scale / math.sqrt(w.shape[-1]) * torch.stack(drawn)).to(w)
        return state

    def gradient(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Tensor, Weights]:
        b = state["feedback"] if self.feedback == "random" else weights["w_out"].mT
        v = state["recurrent"] if self.recurrent == "random" else weights["w_rec"].mT
        return gradient_through(rate_units(self.name, context.architecture), weights, batch, b, v)

"""Node perturbation: reward-modulated Hebbian learning (Miconi 2017)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from rnnbench import Architecture, Batch, GradientDescent, State, TaskContext, VanillaRNN, Weights, losses
from rnnbench_rules.local.rate_units import Arrays, Trajectories, flat, network_by_network, rate_units, simulate


class NodePerturbation(GradientDescent):
    """Trial and error: units are kicked at random, and what was done before a better reward is done again.

    In each step each unit is kicked with probability rate dt: h_a[t+1] += xi_a[t], uniform in +-amplitude. With the
    reward R_k = -L_k of trial k (its loss, scaled so that the mean over trials is the loss) and the reward expected:

    dW ~ -mean_k (L_k - L^) E_k,   L^ <- decay L^ + (1 - decay) mean_k L_k  after each update, mean_k L_k at first.

    Eligibility E of the synapse from b to a, from its rate r_b = phi(h_b) before the step:

    hebbian       sum_t (r_b[t] (h_a[t+1] - m_a[t]))^3,   m[t] = trace_decay m[t-1] + (1 - trace_decay) h[t]: what
                  the unit did against its recent mean; cubed, since kicks are short and large

    perturbation  dt / var(xi) sum_t r_b[t] xi_a[t]: the kick itself; then the mean of dW is the exact gradient to
                  first order in the kicks (Fiete & Seung 2006)

    and for W_in and b with x or 1 in place of r_b. The readout stays as it is: in the paper the outputs are units of
    the network. As published dW is also multiplied by L^ (`scaled_by_error`) and no weight moves further than
    `max_change` in an update. The paper has one L^ for each type of trial; types are not known here, so there is one
    for each network. `baseline: unperturbed` takes the loss of the same trial without kicks instead: less noise, twice
    the work. The published loss is a mean absolute error, and one trial makes one update.
    """

    name, version = "node_perturbation", 1
    source = "Miconi, eLife 2017, eqs. 1-4 and published code; Fiete & Seung, Phys. Rev. Lett. 2006 (perturbation)"

    optimizer: Literal["sgd", "momentum", "rmsprop", "adam"] = Field(
        "sgd", description="how the gradient becomes a step"
    )
    learning_rate: float = Field(0.1, gt=0, description="eta; published: 0.1 with sgd and the hebbian eligibility")
    eligibility: Literal["hebbian", "perturbation"] = Field(
        "hebbian", description="what a synapse remembers of a trial"
    )
    baseline: Literal["expected", "unperturbed"] = Field("expected", description="what a trial's loss is compared with")
    rate: float = Field(
        0.09, gt=0, description="kicks of a unit (per tau); published: probability 0.003 per ms, tau = 30 ms"
    )
    amplitude: float = Field(
        0.53, gt=0, description="largest kick of h; published: a current of 16 for 1 ms of a tau of 30 ms"
    )
    trace_decay: float = Field(0.05, ge=0, lt=1, description="hebbian: decay of a unit's mean activity (per step)")
    reward_decay: float = Field(0.75, ge=0, lt=1, description="decay of the expected loss (per update)")
    scaled_by_error: bool = Field(True, description="updates are proportional to the expected loss, too")
    max_change: float | None = Field(
        3e-4, gt=0, description="largest change of a weight (per update); published: 3e-4; null: no limit"
    )

    def check(self, architecture: Architecture) -> None:
        rate_units(self.name, architecture)
        if "w_rec" not in architecture.trained:
            raise ValueError(f"node_perturbation trains w_rec, which {architecture.name} does not train")

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        zero = torch.zeros(len(weights["w_rec"]), dtype=torch.float64, device=weights["w_rec"].device)
        state = super().begin_task(weights, memory, context)
        return state | {"expected_loss": zero, "batches": zero.clone()}

    def gradient(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Tensor, Weights]:
        architecture = rate_units(self.name, context.architecture)
        others = {"kicks": self._kicks(weights, batch, state, context)}
        others |= {name: state[name].to(weights["w_rec"]) for name in ("expected_loss", "batches")}

        def compute(weights: Weights, batch: Batch, others: Arrays) -> Arrays:
            return self._estimate(architecture, weights, batch, others)

        found = network_by_network(compute, weights, batch, others)
        state["expected_loss"].copy_(found.pop("expected_loss"))
        state["batches"] += 1
        return found.pop("loss"), found

    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        new, state = super().update(weights, gradients, state)
        if self.max_change is not None:
            limit = self.max_change
            new = new | {name: weights[name] + (new[name] - weights[name]).clamp(-limit, limit) for name in gradients}
        return new, state

    def _kicks(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> Tensor:
        """Draw the kicks xi, [network, time, trial, unit].

        Each comes from one uniform number u: the unit is kicked if u < p, and u / p then sets the size of the kick.
        """
        count = int(state["batches"][0])
        p = min(1.0, self.rate * context.architecture.dt)
        shape = (*batch.inputs.shape[1:3], context.architecture.units)
        rngs = context.rngs("kicks", context.task, context.position, count)
        u = torch.stack([torch.from_numpy(rng.random(shape, dtype="float32")) for rng in rngs])
        return torch.where(u < p, self.amplitude * (2 * u / p - 1), 0).to(weights["w_rec"])

    def _estimate(self, architecture: VanillaRNN, weights: Weights, batch: Batch, others: Arrays) -> Arrays:
        """Estimate the gradient by trial and error; also the loss, and the loss expected from now on."""
        activity = simulate(architecture, weights, batch, others["kicks"])
        each = trial_losses(activity.z, batch)
        mean = each.mean(-1)
        expected = torch.where(others["batches"] == 0, mean, others["expected_loss"])
        compared = expected[:, None]
        if self.baseline == "unperturbed":
            compared = trial_losses(simulate(architecture, weights, batch).z, batch)
        change = (each - compared) / each.shape[-1]
        if self.scaled_by_error:
            change = change * expected[:, None]
        found = self._eligible(architecture, activity, batch, others["kicks"], change)
        found["expected_loss"] = self.reward_decay * expected + (1 - self.reward_decay) * mean
        return found | {"loss": losses(activity.z, batch)}

    def _eligible(
        self, architecture: VanillaRNN, activity: Trajectories, batch: Batch, kicks: Tensor, change: Tensor
    ) -> Weights:
        """Sum change [network, trial] times the eligibility of each weight over the trials."""
        power, post = 1, architecture.dt / self._variance(architecture.dt) * kicks
        if self.eligibility == "hebbian":
            power, post = 3, self._fluctuation(activity.h) ** 3
        units = flat(post * change[:, None, :, None]).mT
        found = {"w_rec": units @ flat(activity.r[:, :-1] ** power)}
        if "w_in" in architecture.trained:
            found["w_in"] = units @ flat(batch.each(batch.inputs) ** power)
        if "b" in architecture.trained:
            found["b"] = units.sum(-1)
        return found

    def _variance(self, dt: float) -> float:
        """Variance of a kick: p times the variance of a uniform number."""
        return min(1.0, self.rate * dt) * self.amplitude**2 / 3

    def _fluctuation(self, h: Tensor) -> Tensor:
        """Compute h[t+1] - m[t], [network, time, trial, unit]; the mean m starts at the initial state."""
        mean, found = h[:, 0], torch.empty_like(h[:, 1:])
        for t in range(found.shape[1]):
            found[:, t] = h[:, t + 1] - mean
            mean = torch.lerp(h[:, t + 1], mean, self.trace_decay)
        return found


def trial_losses(outputs: Tensor, batch: Batch) -> Tensor:
    """Compute the loss of each trial, whose mean over trials is the loss of the batch.

    Args:
        outputs: readouts, [network, time, trial, output].
        batch: the trials.

    Returns:
        L_k, [network, trial].
    """
    mask = batch.each(batch.mask)
    squares = ((outputs - batch.each(batch.targets)).square() * mask).sum((1, 3))
    return squares * outputs.shape[2] / (2 * mask.sum((1, 2, 3)))[:, None]

"""Fisher information, its Kronecker products, natural continual learning and the natural gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from rnnbench import Batch, VanillaRNN
from rnnbench_rules.projection import NaturalContinualLearning, NaturalGradient
from rnnbench_rules.projection.activity import CURRENT, READOUT
from rnnbench_rules.projection.fisher import factors
from rnnbench_rules.projection.kronecker import nearest_product

A, B = "fixed points", "flip flop"


class ReadoutOnly(VanillaRNN):
    """A rate RNN of which only the readout is trained."""

    @property
    def trained(self) -> tuple[str, ...]:
        return ("w_out",)


def one_step(n_trials: int, seed: int = 0, n_in: int = 3, n_out: int = 2, networks: int = 1) -> Batch:
    rng = np.random.default_rng(seed)
    inputs, targets = (torch.from_numpy(rng.standard_normal((1, 1, n_trials, n))) for n in (n_in, n_out))
    return Batch(inputs, targets, torch.ones_like(targets), (0,) * networks)


def weights_of(architecture: VanillaRNN, networks: int = 1, n_in: int = 3, n_out: int = 2):
    drawn = [architecture.init(np.random.default_rng(n), n_in, n_out) for n in range(networks)]
    return {name: torch.from_numpy(np.stack([d[name] for d in drawn])) for name in drawn[0]}


def curvature(architecture, weights, batch, name: str) -> torch.Tensor:
    """The Hessian of the loss in one weight array, by autograd, flattened row by row."""

    def loss(w):
        one = {k: a[0] for k, a in weights.items()} | {name: w}
        h, z = architecture.initial_state(one, batch.inputs.shape[2]), []
        for x in batch.inputs[0]:
            h = architecture.step(one, h, x, None)
            z.append(architecture.readout(one, h))
        error = (torch.stack(z) - batch.targets[0]) ** 2 * batch.mask[0]
        return error.sum() / (2 * batch.mask[0].sum())

    w = weights[name][0]
    return torch.autograd.functional.hessian(loss, w).reshape(w.numel(), w.numel())


def test_the_readouts_fisher_information_is_the_losss_hessian():
    """They are equal over several steps if all outputs share a mask, since the loss is quadratic in the readout."""
    architecture = VanillaRNN(units=6, learn="all")
    weights = weights_of(architecture)
    rng = np.random.default_rng(0)
    inputs, targets = (torch.from_numpy(rng.standard_normal((1, 5, 7, n))) for n in (3, 2))
    mask = torch.from_numpy(rng.random((1, 5, 7, 1)).round(1)).expand(1, 5, 7, 2).contiguous()
    batch = Batch(inputs, targets, mask, (0,))
    F = factors(architecture, weights, batch, [np.random.default_rng(1)])
    product = torch.kron(F[f"{READOUT}.out"][0], F[f"{READOUT}.in"][0])
    torch.testing.assert_close(product, curvature(architecture, weights, batch, "w_out"), rtol=1e-9, atol=1e-12)


def test_the_currents_fisher_information_is_the_losss_hessian_in_a_linear_step():
    """In one step of linear units inputs and errors are independent: only drawing the targets makes an error.

    e e^T is a mean over 40000 draws, whose elements have relative errors near sqrt(2/40000) = 0.7 %; tolerance 5 %.
    """
    architecture = VanillaRNN(units=5, learn="all", nonlinearity="identity")
    weights = weights_of(architecture)
    batch = one_step(40000)
    F = factors(architecture, weights, batch, [np.random.default_rng(1)])
    n = architecture.units
    w_in = F[f"{CURRENT}.in"][0][n:, n:]  # phi(h[0]) = 0: the columns of W have no information
    assert not F[f"{CURRENT}.in"][0][:n].any()
    product = torch.kron(F[f"{CURRENT}.out"][0], w_in)
    expected = curvature(architecture, weights, one_step(40000), "w_in")
    assert float((product - expected).norm() / expected.norm()) < 0.05


def positive(rng, n: int) -> torch.Tensor:
    half = torch.from_numpy(rng.standard_normal((n, n)))
    return half @ half.mT + 0.1 * torch.eye(n, dtype=torch.float64)


def test_the_sum_of_proportional_products_is_exact():
    rng = np.random.default_rng(0)
    A1, B1 = positive(rng, 4), positive(rng, 3)
    E, F = nearest_product((A1, B1), (2.5 * A1, B1))
    torch.testing.assert_close(torch.kron(E, F), 3.5 * torch.kron(A1, B1), rtol=1e-7, atol=1e-9)
    assert float(E.diagonal().mean()) == pytest.approx(float(F.diagonal().mean()), rel=1e-9)


@pytest.mark.parametrize("rank", [1, 3])
def test_the_nearest_product_is_the_minimum_of_the_divergence(rank):
    """The reference is a general minimiser over Cholesky factors; the second summand may be singular."""
    rng = np.random.default_rng(rank)
    first = positive(rng, 3), positive(rng, 2)
    half = torch.from_numpy(rng.standard_normal((3, rank)))
    second = half @ half.mT, positive(rng, 2)
    S = torch.kron(*first) + torch.kron(*second)
    lower = [torch.tril_indices(n, n) for n in (3, 2)]

    def divergence(x):
        x = torch.tensor(x, requires_grad=True)
        factors = []
        for part, index, n in zip(x.split([6, 3]), lower, (3, 2), strict=True):
            L = torch.zeros(n, n, dtype=torch.float64).index_put(tuple(index), part)
            factors.append(L @ L.mT + 1e-9 * torch.eye(n, dtype=torch.float64))
        K = torch.kron(*factors)
        value = torch.logdet(K) + torch.linalg.solve(K, S).trace()
        value.backward()
        return value.item(), x.grad.numpy()

    start = np.concatenate([np.eye(n)[np.tril_indices(n)] for n in (3, 2)])
    found = minimize(divergence, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
    K = torch.kron(*nearest_product(first, second))
    ours = float(torch.logdet(K) + torch.linalg.solve(K, S).trace())
    assert ours == pytest.approx(found.fun, abs=1e-7)


def test_an_ncl_step_is_the_trust_region_step(lab):
    """The step is -eta eps Lambda^-1 [g + Lambda (w - mu)], here with Lambda as one full matrix.

    The second step after A is tested, because by then the weights have left mu and the pull is not 0.
    """
    eta, eps = 0.5, 1e-4
    rule = NaturalContinualLearning(optimizer="sgd", learning_rate=eta, prior=eps)
    setting = lab(rule, VanillaRNN(units=8, learn="all"), torch.float64)
    ((first,),) = setting.learn(A)
    weights = setting.trainer.tensors([first.weights])
    context = setting.trainer.context(B, (0,), 1, (A,))
    state = rule.begin_task(weights, setting.trainer.tensors([first.memory]), context)
    mu = weights
    weights, state = rule.learn(weights, context.sample("train", 0, 16), state, context)
    batch = context.sample("train", 1, 16)
    new, _ = rule.learn(weights, batch, state, context)
    _, g = context.gradient(weights, batch)
    for names, kind in ((("w_rec", "w_in"), CURRENT), (("w_out",), READOUT)):
        joined = {
            k: torch.cat([a[n][0] for n in names], 1).flatten()
            for k, a in {"g": g, "w": weights, "mu": mu, "new": new}.items()
        }
        E, F = (torch.from_numpy(first.memory[f"precision.{kind}.{side}"]).double() for side in ("in", "out"))
        Lambda = torch.kron(F, E)
        step = torch.linalg.solve(Lambda, joined["g"]) + joined["w"] - joined["mu"]
        assert float((joined["w"] - joined["mu"]).abs().max()) > 1e-6
        torch.testing.assert_close(joined["new"] - joined["w"], -eta * eps * step, rtol=1e-6, atol=1e-12)


def test_ncls_precision_after_two_tasks_is_nearest_to_prior_and_both_fishers(lab):
    """Each task's Fisher information is added to the precision so far, which starts as eps I."""
    eps = 1e-3
    rule = NaturalContinualLearning(prior=eps, sampled=64, learning_rate=3e-3)
    setting = lab(rule, VanillaRNN(units=8, learn="all"), torch.float64)
    stages = setting.learn(A, B)
    n_out = setting.layout.n_outputs
    E, F = (eps**0.5 * torch.eye(n, dtype=torch.float64) for n in (8, n_out))
    for position, (label, (one,)) in enumerate(zip((A, B), stages, strict=True)):
        context = setting.trainer.context(label, (0,), position, stream=(0,))
        weights = setting.trainer.tensors([one.weights])
        new = factors(setting.architecture, weights, context.sample("fisher", 0, 64), context.rngs("x"))
        E, F = nearest_product((E, F), (new[f"{READOUT}.in"][0], new[f"{READOUT}.out"][0]))
        np.testing.assert_allclose(one.memory[f"precision.{READOUT}.in"], E, rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(one.memory[f"precision.{READOUT}.out"], F, rtol=1e-5, atol=1e-8)
        assert np.array_equal(one.memory["mean.of.w_rec"], one.weights["w_rec"])


def test_a_natural_gradient_step_solves_linear_regression_at_once(lab):
    """With only the readout trained and one time step, the Gauss-Newton step gives the least-squares readout.

    eta = s makes it a whole step; the damping 1/s = 1e-8 leaves a relative error of 1e-8 over the smallest
    eigenvalue of F, about 1e-3.
    """
    architecture = ReadoutOnly(units=5)
    weights, batch = weights_of(architecture, networks=2), one_step(200, networks=2)
    rule = NaturalGradient(optimizer="sgd", learning_rate=1e8, curvature=1e8)
    context = lab(rule, architecture, torch.float64).trainer.context(A, (0, 1))
    new, _ = rule.learn(weights, batch, rule.begin_task(weights, {}, context), context)
    for n in range(2):
        one = {name: w[n] for name, w in weights.items()}
        r = torch.tanh(architecture.step(one, architecture.initial_state(one, 200), batch.inputs[0, 0], None))
        best = torch.linalg.lstsq(r, batch.targets[0, 0]).solution.mT
        torch.testing.assert_close(new["w_out"][n], best, rtol=1e-3, atol=1e-4)


def test_a_damped_step_is_ridge_regression_towards_the_old_weights(lab):
    """(I + s F)^-1 g with eta = s minimises L(w) + |w - w_old|^2/(2 s), L being quadratic."""
    s = 7.0
    architecture = ReadoutOnly(units=5)
    weights, batch = weights_of(architecture), one_step(50)
    rule = NaturalGradient(optimizer="sgd", learning_rate=s, curvature=s)
    context = lab(rule, architecture, torch.float64).trainer.context(A, (0,))
    new, _ = rule.learn(weights, batch, rule.begin_task(weights, {}, context), context)
    _, slope = context.gradient(new, batch)
    torch.testing.assert_close(slope["w_out"], (weights["w_out"] - new["w_out"]) / s, rtol=1e-8, atol=1e-12)


def test_factors_are_averaged_over_refreshes(lab):
    """As long as 1/k is above 1 - decay, the average is the plain mean of the k refreshes."""
    rule = NaturalGradient(refresh=2, learning_rate=1e-12)
    setting = lab(rule, dtype=torch.float64)
    weights = setting.trainer.tensors([setting.initial(0)])
    context = setting.trainer.context(A, (0,))
    state, refreshes = rule.begin_task(weights, {}, context), []
    for step in range(6):
        batch = context.sample("train", step, 8)
        if step % 2 == 0:
            refreshes.append(factors(setting.architecture, weights, batch, context.rngs("fisher", A, 0, step)))
        _, state = rule.learn(weights, batch, state, context)
    for name in (f"{CURRENT}.in", f"{CURRENT}.out", f"{READOUT}.in"):
        torch.testing.assert_close(state[name], torch.stack([f[name] for f in refreshes]).mean(0), rtol=1e-6, atol=1e-9)

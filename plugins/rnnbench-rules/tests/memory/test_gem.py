"""GEM and A-GEM: projected gradients against their closed forms, and during training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from rnnbench import GradientDescent
from rnnbench_rules import episodes
from rnnbench_rules.projection import GEM, AveragedGEM
from rnnbench_rules.projection.a_gem import freed
from rnnbench_rules.projection.gem import correction
from rnnbench_rules.projection.vectors import as_vectors

A, B = "fixed points", "flip flop"


def vectors(seed: int, tasks: int, n: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal(n)), torch.from_numpy(rng.standard_normal((tasks, n)))


@pytest.mark.parametrize("seed", range(6))
def test_a_gem_takes_away_exactly_what_goes_against_the_reference(seed):
    g, (ref,) = vectors(seed, 1)
    new, dot = freed(g, ref), float(g @ ref)
    if dot >= 0:
        assert torch.equal(new, g)
    else:
        assert abs(float(new @ ref)) < 1e-12
        # What is left and what was removed are orthogonal, and the latter has the length of g along ref.
        assert float((g - new).norm()) == pytest.approx(-dot / float(ref.norm()), rel=1e-12)
        assert float(new @ (g - new)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_gem_finds_the_nearest_gradient_that_hurts_no_earlier_task(seed):
    """The reference is a general solver of min |x - g|^2 subject to G x >= 0."""
    g, G = vectors(seed, 4)
    new = g + correction(g, G)
    if (G @ g >= 0).all():
        assert torch.equal(new, g)
        return
    assert (G @ new > -1e-10).all()
    jacobian = G.numpy()
    solved = minimize(
        lambda x: ((x - g.numpy()) ** 2).sum() / 2,
        np.zeros(len(g)),
        jac=lambda x: x - g.numpy(),
        constraints={"type": "ineq", "fun": lambda x: jacobian @ x, "jac": lambda x: jacobian},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(new.numpy(), solved.x, atol=1e-5)  # SLSQP's own accuracy


@pytest.mark.parametrize("seed", range(6))
def test_gem_with_one_earlier_task_is_a_gem(seed):
    g, G = vectors(seed, 1)
    torch.testing.assert_close(g + correction(g, G), freed(g, G[0]), rtol=0, atol=1e-12)


def test_a_margin_turns_the_gradient_further_towards_the_earlier_task():
    """With one task v = max(gamma, -g.g_1/|g_1|^2), the minimum of a parabola over v >= gamma."""
    g, (ref,) = vectors(0, 1)
    g = g - 0.2 * ref - (g @ ref) / (ref @ ref) * ref  # g . ref = -0.2 |ref|^2
    for margin, v in ((0.0, 0.2), (0.1, 0.2), (0.5, 0.5)):
        torch.testing.assert_close(correction(g, ref[None], margin), v * ref, rtol=1e-9, atol=1e-12)
    assert not correction(-g, ref[None], 0.5).any()  # no loss is raised, so the margin has no effect


class Watching:
    """Records the gradient before and after projection, and the gradient on the stored trials."""

    def __init__(self, rule):
        self.rule, self.seen = rule, []

    def __call__(self, weights, gradients, state, context):
        new = type(self.rule).before_update(self.rule, weights, gradients, state, context)
        if context.earlier:
            kept = episodes.all_of(state, f"trials.{A}", [np.random.default_rng(0)], 0).batch
            ref = as_vectors(context.gradient(weights, kept)[1])[0]
            self.seen.append((as_vectors(gradients)[0], as_vectors(new)[0], ref))
        return new


def watched(lab, rule) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    setting = lab(rule, dtype=torch.float64)
    note = Watching(rule)
    changed = type("Watched", (type(rule),), {"before_update": lambda self, *args: note(*args)})
    setting.trainer.rule = changed(**rule.model_dump())
    setting.learn(A, B, updates=30)
    return note.seen


def test_gem_in_learning_never_descends_against_the_kept_trials(lab):
    seen = watched(lab, GEM(margin=0.0, slots=16, optimizer="sgd", learning_rate=0.05))
    hurt = [float(g @ ref) < 0 for g, _, ref in seen]
    assert len(seen) == 30 and any(hurt) and not all(hurt)
    for (g, new, ref), is_hurt in zip(seen, hurt, strict=True):
        if is_hurt:
            assert abs(float(new @ ref)) < 1e-10 * float(new.norm() * ref.norm())
            torch.testing.assert_close(new, freed(g, ref), rtol=1e-8, atol=1e-12)
        else:
            assert torch.equal(new, g)


def test_a_gem_in_learning_changes_only_gradients_that_it_must(lab):
    seen = watched(lab, AveragedGEM(slots=16, replayed=64, optimizer="sgd", learning_rate=0.05))
    changed = [not torch.equal(g, new) for g, new, _ in seen]
    assert any(changed) and not all(changed)
    for g, new, _ in seen:
        assert float(new.norm()) <= float(g.norm()) * (1 + 1e-12)


def test_the_latest_trials_of_each_task_are_kept(lab):
    rule = GEM(slots=24)
    setting = lab(rule)
    (one,), (two,) = setting.learn(A, B, updates=5)
    inputs = [setting.trainer.source.trials(A, 0, ("train", 0, step), 16) for step in (3, 4)]
    placed = np.concatenate([setting.layout.place(A, trials)[0] for trials in inputs], axis=1)[:, -24:]
    kept = one.memory[f"trials.{A}.inputs"]
    assert kept.shape[0] == 24
    mine = {row[: len(placed)].tobytes() for row in kept}
    assert mine == {np.ascontiguousarray(placed[:, i], np.float32).tobytes() for i in range(24)}
    assert np.array_equal(two.memory[f"trials.{A}.inputs"], kept)
    assert two.memory[f"trials.{B}.inputs"].shape[0] == 24


def test_a_second_time_at_the_only_task_is_gradient_descent(lab):
    for rule in (GEM, AveragedGEM):
        one, two = (lab(r(learning_rate=3e-3)).learn(A, A)[1][0] for r in (GradientDescent, rule))
        assert all(np.array_equal(one.weights[name], two.weights[name]) for name in one.weights)

"""EWC, synaptic intelligence, A-GEM and GEM agree with avalanche-lib on the same numbers.

`make test-peers` runs this in an environment of its own. Learning without forgetting is not compared: avalanche holds
the probabilities of classes, this package the outputs themselves.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from rnnbench_rules.projection.a_gem import freed
from rnnbench_rules.projection.gem import correction
from rnnbench_rules.regularisation.ewc import EWC
from rnnbench_rules.regularisation.synaptic_intelligence import SynapticIntelligence

pytest.importorskip("avalanche", reason="avalanche-lib has an environment of its own: make test-peers")

from avalanche.training.plugins import AGEMPlugin, EWCPlugin, GEMPlugin, SynapticIntelligencePlugin
from avalanche.training.utils import ParamData

SHAPES = {"w_rec": (5, 5), "w_in": (5, 2)}


def arrays(seed: int, scale: float = 1.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: scale * torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def model(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    module = torch.nn.Module()
    for name, w in weights.items():
        module.register_parameter(name, torch.nn.Parameter(w.clone()))
    return module


def population(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: w[None] for name, w in weights.items()}


def test_the_penalties_of_ewc_pull_alike():
    """avalanche has lambda F (w - w*)^2; the paper and this package have half of it."""
    now, peer = model(arrays(0)), EWCPlugin(ewc_lambda=0.7)
    state = {}
    for k, label in enumerate("ab"):
        anchor, fisher = arrays(10 + k), {n: w.square() for n, w in arrays(20 + k).items()}
        for name in SHAPES:
            peer.saved_params[k][name] = ParamData(name, init_tensor=anchor[name])
            peer.importances[k][name] = ParamData(name, init_tensor=fisher[name])
            state |= {f"anchor.{label}.{name}": anchor[name][None], f"fisher.{label}.{name}": fisher[name][None]}
    strategy = SimpleNamespace(
        clock=SimpleNamespace(train_exp_counter=2), model=now, device="cpu", loss=torch.zeros(())
    )
    peer.before_backward(strategy)
    strategy.loss.backward()
    zero = {name: torch.zeros(1, *shape) for name, shape in SHAPES.items()}
    context = SimpleNamespace(earlier=("a", "b"))
    ours = EWC(penalty=1.4).before_update(population(dict(now.named_parameters())), zero, state, context)
    for name, w in now.named_parameters():
        torch.testing.assert_close(ours[name][0].detach(), w.grad)


def test_the_importances_of_synaptic_intelligence_are_alike():
    """On the same path. avalanche keeps negative importances, which the authors' code and this package set to 0."""
    rule = SynapticIntelligence(damping=0.01)
    context = SimpleNamespace(architecture=SimpleNamespace(trained=tuple(SHAPES)), position=0)
    weights = population(arrays(0))
    state = rule.begin_task(weights, {}, context)
    now, ewc_data = model(arrays(0)), ({}, {})
    syn = {name: {} for name in ("old_theta", "new_theta", "grad", "trajectory", "cum_trajectory")}
    peer = SynapticIntelligencePlugin
    peer.create_syn_data(now, ewc_data, syn, set())
    peer.init_batch(now, ewc_data, syn, set())
    for step in range(5):
        g, moved = arrays(100 + step), arrays(200 + step, 0.1)
        peer.pre_update(now, syn, set())
        for name, w in now.named_parameters():
            w.grad = g[name].clone()
            # A new array is needed: avalanche 0.6 keeps a view of the old one. After a step in place, which torch's
            # optimisers make on a CPU, the view has changed too, so no weight would be important.
            w.data = w.data + moved[name]
        peer.post_update(now, syn, set())
        new = {name: w + moved[name][None] for name, w in weights.items()}
        state = rule.after_update(weights, new, population(g), state, context)
        weights = new
    peer.update_ewc_data(now, ewc_data, syn, clip_to=1e9, excluded_parameters=set(), c=1, eps=0.01)
    for name, ours in rule.importance(weights, state, context).items():
        theirs = ewc_data[1][name].data.view(SHAPES[name])
        torch.testing.assert_close(ours[0], theirs.relu(), rtol=1e-4, atol=1e-6)
        assert (theirs > 0).any()


def test_a_gem_projects_alike():
    for seed in range(10):
        g, reference = arrays(seed), arrays(1000 + seed)
        now, peer = model(arrays(0)), AGEMPlugin(1, 1)
        for name, w in now.named_parameters():
            w.grad = g[name].clone()
        peer.buffers, peer.reference_gradients = [None], torch.cat([r.flatten() for r in reference.values()])
        peer.after_backward(SimpleNamespace(model=now, device="cpu"))
        ours = freed(torch.cat([a.flatten() for a in g.values()]), peer.reference_gradients)
        torch.testing.assert_close(ours, torch.cat([w.grad.flatten() for w in now.parameters()]))


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_gem_projects_alike(margin):
    """avalanche adds 1e-3 to the diagonal of G G^T, which is about 3000 here, so results differ by less than 1e-5."""
    generator, projected = torch.Generator().manual_seed(3), 0
    for _ in range(10):
        g, G = torch.randn(35, generator=generator), 10 * torch.randn(3, 35, generator=generator)
        if not (G @ g < 0).any():
            continue
        peer = GEMPlugin(1, margin)
        peer.G = G
        torch.testing.assert_close(g + correction(g, G, margin), peer.solve_quadprog(g), rtol=1e-4, atol=1e-4)
        projected += 1
    assert projected > 3

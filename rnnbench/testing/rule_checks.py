"""Conformance checks for learning rules.

A rule that silently does nothing is the worst known fault in this field; the check `protects` looks for it.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch

from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.messages import one_line
from rnnbench.plugin.interfaces import Weights
from rnnbench.plugin.learning_rule import LearningRule
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Check, Failed, Note, Skipped, require
from rnnbench.testing.global_random import without_global_randomness
from rnnbench.testing.histories import TRIALS, UPDATES, Course, Stage, distance, same_bits
from rnnbench.testing.small_plugins import NETWORKS
from rnnbench.training.stage import Outcome

ROUNDING = 1e-6
"""Largest difference between weights, relative to their change in training, that counts as rounding."""


def json(rule: LearningRule) -> str:
    """It survives a round trip through JSON."""
    any_plugin.rebuilt(rule)
    return f"{len(type(rule).model_fields)} parameters"


def bounds(rule: LearningRule) -> str:
    """Parameters at their limits are usable, or refused with a reason."""
    network = Course(rule).network
    return any_plugin.keeps_bounds(rule, lambda changed: Course(changed, network, quick=False).learn("AB", (0,), 2))


def networks(rule: LearningRule) -> str:
    """It trains every network that it does not refuse."""
    trained, refused = [], {}
    for network in NETWORKS:
        name = f"{network.name} ({', '.join(network.trained)})"
        try:
            rule.check(network)
        except ValueError as error:
            if not one_line(error):
                raise Failed(f"check() refuses {name} with an empty message; say what is needed") from None
            refused[name] = one_line(error)
            continue
        Course(rule, network).learn("AB", updates=3)
        trained.append(name)
    if not trained:
        raise Skipped(f"it refuses all small networks: {refused}")
    return f"{', '.join(trained)}" + "".join(f"; not {name}: {reason}" for name, reason in refused.items())


def shapes(rule: LearningRule) -> str:
    """Weights, state and memory keep their shapes and stay finite."""
    for outcome in (outcome for stage in Course(rule).learn("AB") for outcome in stage):  # the trainer checks shapes
        for name, array in {**outcome.weights, **outcome.memory}.items():
            if not np.isfinite(array).all():
                raise Failed(f"{name} is not finite after {UPDATES} updates")
    stage = Stage(Course(rule))
    stage.learn(2)
    for state in ({}, stage.state):
        expressed = rule.weights_for(stage.weights, state, stage.context)
        _expect_shapes_of(stage.weights, expressed, "weights_for()")
    return f"state: {', '.join(sorted(stage.state)) or 'none'}"


def _expect_shapes_of(expected: Weights, found: Weights, method: str) -> None:
    """Raise Failed unless `found`, returned by a method, has the names, shapes and types of `expected`."""
    for name, w in expected.items():
        if name not in found or found[name].shape != w.shape or found[name].dtype != w.dtype:
            what = f"{tuple(found[name].shape)} in {found[name].dtype}" if name in found else "missing"
            raise Failed(f"{method} returns {name}: {what}; expected {tuple(w.shape)} in {w.dtype}")


def not_in_place(rule: LearningRule) -> str:
    """An update returns new arrays and leaves the old weights unchanged."""
    stage = Stage(Course(rule))
    before, copies = dict(stage.weights), _copy(stage.weights)
    stage.learn(1)
    rule.weights_for(stage.weights, stage.state, stage.context)
    if changed := _differing(before, copies):
        raise Failed(f"{changed} was changed in place; return new arrays")
    return f"{len(copies)} arrays"


def untrained(rule: LearningRule) -> str:
    """Weights that are not trained do not change."""
    network = VanillaRNN(units=16, learn="recurrent")
    try:
        rule.check(network)
    except ValueError:
        raise Skipped("it refuses networks in which some weights are not trained") from None
    course = Course(rule, network)
    (outcome, *_) = course.learn("AB")[1]
    start = course.initial(0)
    if changed := [n for n in start if n not in network.trained and not np.array_equal(outcome.weights[n], start[n])]:
        raise Failed(
            f"{', '.join(changed)} changed; only {', '.join(network.trained)} may (context.architecture.trained)"
        )
    return f"{', '.join(n for n in start if n not in network.trained)}, where {', '.join(network.trained)} is trained"


def deterministic(rule: LearningRule) -> str:
    """The same seeds give the same weights."""
    _expect_same(Course(rule).learn("AB"), Course(rule).learn("AB"), "a second run of A then B gives other weights")
    return "bit-identical after A then B"


def global_randomness(rule: LearningRule) -> str:
    """The global random state is neither used nor changed."""
    course = Course(rule)
    return without_global_randomness(
        lambda: course.learn("AB", updates=4)[1], lambda one, two: all(map(same_bits, one, two))
    )


def nothing_on_itself(rule: LearningRule) -> str:
    """It keeps arrays in weights and state only, not on the object."""
    before = _arrays_on(any_plugin.changed(rule))  # before any learning, since class attributes are shared
    course = Course(rule)
    reused = any_plugin.changed(course.rule)
    with_one_object = course.learn("ABA", rule=reused)
    if found := sorted(set(_arrays_on(reused)) - set(before)):
        raise Failed(f"self.{found[0]} holds arrays after learning; keep them in the state, one row for each network")
    _expect_same(course.learn("ABA"), with_one_object, "a new object for each task gives other weights than one object")
    return "a new object for each task gives the same weights"


def one_or_many(rule: LearningRule) -> str:
    """Networks in a population learn what each learns alone."""
    course = Course(rule)
    together = course.learn("AB", (0, 1, 2))
    for n in range(3):
        _expect_near(course, together, course.learn("AB", (n,)), n, f"network {n} learns differently beside two others")
    return "A then B, three networks"


def leaving(rule: LearningRule) -> str:
    """Networks that leave a population do not change the others."""
    require(nothing_on_itself, rule)
    require(one_or_many, rule)
    course = Course(rule)
    budgets = (UPDATES // 4, UPDATES, UPDATES // 2)
    together = course.learn("AB", (0, 1, 2), budgets)
    for n, budget in enumerate(budgets):
        _expect_near(
            course, together, course.learn("AB", (n,), budget), n, f"network {n} learns differently when others leave"
        )
    return f"after {', '.join(map(str, budgets))} updates"


def learns(rule: LearningRule) -> str:
    """It learns a small task."""
    course, limit = Course(rule), 1000
    losses: dict[int, float] = {}
    for updates in (100, limit):
        (outcome,) = course.learn("A", (0,), updates, torch.float32)[0]
        losses = {u: scores["A"].loss for u, scores in outcome.curve.items()}
        if losses[updates] < 0.9 * losses[0]:
            return f"loss {losses[0]:.3g} before, {losses[updates]:.3g} after {updates} updates"
    message = f"loss {losses[0]:.3g} before, {losses[limit]:.3g} after {limit} updates"
    raise Failed(f"{message}; expected a fall by a tenth when it learns to reproduce a pulse")


def histories(rule: LearningRule) -> str:
    """A task may occur twice: A B A and A A."""
    for history in ("ABA", "AA"):
        for outcome in Course(rule).learn(history)[-1]:
            if not all(math.isfinite(score.loss) for score in outcome.after.values()):
                raise Failed(f"the loss after {' '.join(history)} is not finite")
    return "losses are finite"


def new_channels(rule: LearningRule) -> str:
    """It goes on in networks that receive the channels of their next task."""
    course = Course(rule)
    try:
        grown = course.learn_with_own_channels(from_start=False)
    except (RuntimeError, ValueError, IndexError) as error:
        memory = course.learn("A", (0,), 2)[0][0].memory
        if not memory:
            raise
        message = f"what it remembers ({', '.join(sorted(memory)[:4])}) does not fit the larger network"
        raise Failed(f"{message}: {one_line(error)}; override grow()") from None
    full = course.learn_with_own_channels(from_start=True)
    differences = []
    for one, two, before in zip(grown[1], full[1], full[0], strict=True):
        differences.append(distance(one, two) / (distance(two, before) + 1e-30))
    largest = max(differences)
    if not math.isfinite(largest):
        raise Failed("weights are not finite after B")
    same = "as with all channels from the start" if largest < ROUNDING else "not as with all channels from the start"
    return f"B is learnt {same} (difference {largest:.1g} of the change)"


def remembering(rule: LearningRule) -> str:
    """begin_task() and end_task() change neither weights nor learning."""
    course = Course(rule)
    stage, control = Stage(course), Stage(course)
    for each in (stage, control):
        each.learn()
    copies = _copy(stage.weights)
    memory = stage.rule.end_task(stage.weights, stage.state, stage.context)
    if changed := _differing(stage.weights, copies):
        raise Failed(f"end_task() changes {changed}; only updates may change weights")
    for each in (stage, control):
        each.learn()
    if changed := _differing(stage.weights, control.weights):
        raise Failed(f"after end_task() {changed} is learnt differently; end_task() must not change the state")
    copies, earlier = _copy(stage.weights), ("A",) if rule.remembers else ()
    later = stage.trainer.context("B", (0, 1), 1, earlier, (0,))
    stage.rule.begin_task(stage.weights, dict(memory), later)
    if changed := _differing(stage.weights, copies):
        raise Failed(f"begin_task() changes {changed}; only updates may change weights")
    size = sum(a.element_size() * a[0].numel() for a in memory.values()) / 1000
    return f"memory: {', '.join(sorted(memory))} ({size:.3g} kB for each network)" if memory else "no memory"


def strength_zero(rule: LearningRule) -> str:
    """At strength 0 it is bit-identical to plain gradient descent."""
    if rule.strength is None:
        raise Skipped("it names no strength")
    if rule.strength not in type(rule).model_fields:
        raise Failed(f"strength = {rule.strength!r}, but it has no parameter of that name")
    require(remembering, rule)
    course = Course(rule).at(**{rule.strength: 0})
    found, plain = (c.learn("AB", dtype=torch.float32) for c in (course, course.plain()))
    for label, stages in zip("AB", zip(found, plain, strict=True), strict=True):
        for one, two in zip(*stages, strict=True):
            same = all(np.array_equal(one.weights[name], two.weights[name]) for name in two.weights)
            if not same or one.after != two.after:
                message = f"with {rule.strength} = 0 it is not gradient descent on {label}"
                raise Failed(
                    f"{message}: weights differ by {distance(one, two):.2g}, "
                    f"losses on A are {one.after['A'].loss} and {two.after['A'].loss}"
                )
    return f"{rule.strength} = 0, A then B"


def protects(rule: LearningRule) -> str:
    """It affects learning of the second task: it does not silently do nothing."""
    if rule.strength is None and not rule.remembers:
        raise Skipped("`remembers` is False and it names no strength")
    course = Course(rule)
    found = course.learn("AB")
    effects = []
    if rule.strength is not None:
        value = getattr(rule, rule.strength)
        if value == 0:
            raise Failed(f"{rule.strength} is 0, so that it is plain gradient descent; set it above 0")
        effect = _effect(found, course.plain().learn("AB"))
        if not effect > ROUNDING:
            raise Failed(f"with {rule.strength} = {value:g} the second task is learnt as by plain gradient descent")
        effects.append(f"{effect:.2g} from plain gradient descent")
    if rule.remembers and not any(outcome.memory for outcome in found[0]):
        if rule.strength is None:
            raise Skipped("with these parameters it leaves no memory")
    elif rule.remembers:
        effect = _effect(found, course.learn("AB", forget=True))
        if not effect > ROUNDING:
            raise Failed("its memory of the first task changes neither the weights after B nor the loss on A")
        effects.append(f"{effect:.2g} from the same rule without memory")
    return f"distance after B, relative to the change of weights: {', '.join(effects)}"


def cost(rule: LearningRule) -> str:
    """Cost of an update."""
    course = Course(rule, VanillaRNN(units=64, learn="all")) if _takes_vanilla(rule) else Course(rule)
    seconds = []
    for each in (course, course.plain()):
        stage = Stage(each)
        stage.learn(2)
        ticks = [time.perf_counter()]
        for _ in range(8):
            stage.learn(1)
            ticks.append(time.perf_counter())
        seconds.append(float(np.median(np.diff(ticks))))
    text = f"{seconds[0] / seconds[1]:.2g} times plain gradient descent, on the first task"
    return Note(f"{text} (2 networks of {course.network.units} units, {TRIALS} trials)")


def _takes_vanilla(rule: LearningRule) -> bool:
    try:
        rule.check(VanillaRNN(units=64, learn="all"))
        return True
    except ValueError:
        return False


def _effect(found: list[list[Outcome]], other: list[list[Outcome]]) -> float:
    """Largest difference that two ways of learning B make.

    This is the larger of the distance between the weights, relative to how far B changed them, and the relative
    difference between the losses on A.
    """
    change = max(distance(after, before) for before, after in zip(*other, strict=True)) + 1e-30
    difference = max(distance(one, two) for one, two in zip(found[1], other[1], strict=True)) / change
    pairs = [(one.after["A"].loss, two.after["A"].loss) for one, two in zip(found[1], other[1], strict=True)]
    return max(difference, *(abs(one - two) / (abs(two) + 1e-30) for one, two in pairs))


def _expect_same(one: list[list[Outcome]], two: list[list[Outcome]], message: str) -> None:
    """Raise Failed with the message unless weights and memory are bit-identical after every stage."""
    for stage, pairs in enumerate(zip(one, two, strict=True), start=1):
        if not all(map(same_bits, *pairs)):
            raise Failed(f"{message} (task {stage} of the history)")


def _expect_near(
    course: Course, together: list[list[Outcome]], alone: list[list[Outcome]], n: int, message: str
) -> None:
    """Raise Failed unless network n has, up to rounding, the same weights alone and in a population."""
    start = Outcome(0, {}, {}, course.initial(n), {})
    for stage, (many, (one,)) in enumerate(zip(together, alone, strict=True), start=1):
        difference = distance(many[n], one) / (distance(one, start) + 1e-30)
        if not difference < ROUNDING:
            raise Failed(f"{message}: weights differ by {difference:.2g} of their change (task {stage} of the history)")


def _copy(arrays: Weights) -> Weights:
    return {name: a.clone() for name, a in arrays.items()}


def _differing(one: Weights, two: Weights) -> str:
    return ", ".join(name for name in two if not torch.equal(one[name], two[name]))


def _arrays_on(rule: LearningRule) -> list[str]:
    """Names of attributes of a rule that hold arrays: its own, private ones, and those of its classes."""
    attributes: dict[str, Any] = {**vars(rule), **(rule.__pydantic_private__ or {})}
    for cls in type(rule).__mro__:
        if cls not in LearningRule.__mro__ and cls is not GradientDescent:
            attributes |= {name: value for name, value in vars(cls).items() if not name.startswith("__")}
    return [name for name, value in attributes.items() if _has_arrays(value)]


def _has_arrays(value: Any) -> bool:
    if isinstance(value, torch.Tensor | np.ndarray):
        return True
    if isinstance(value, dict):
        return any(map(_has_arrays, value.values()))
    return isinstance(value, list | tuple | set) and any(map(_has_arrays, value))


CHECKS: tuple[Check, ...] = (
    any_plugin.described,
    json,
    bounds,
    networks,
    shapes,
    not_in_place,
    untrained,
    deterministic,
    global_randomness,
    nothing_on_itself,
    one_or_many,
    leaving,
    histories,
    new_channels,
    remembering,
    strength_zero,
    protects,
    learns,
    cost,
)

"""Halving the learning rate in made-up results: it changes nothing, changes much, or the results do not decide it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from rnnbench.benchmark.schema import RuleSpec
from rnnbench.reports.claims import gradient_flow

RATES = (0.2, 0.1)


def rule(rate: float, optimizer: str = "sgd") -> RuleSpec:
    parameters = {"learning_rate": rate, "optimizer": optimizer}
    return RuleSpec(label=f"sgd[learning_rate={rate}]", plugin="gradient_descent@1", parameters=parameters)


def at_two_rates(make, make_benchmark, change: float, noise: float = 0.0):
    """Results with interference of about 1 that varies over seeds and is larger by `change` at the smaller rate."""
    tables = []
    for rate in RATES:

        def lost(row, rng, rate=rate):
            own = 1 + 0.2 * (-1) ** row["seed"]
            return own + (rate == min(RATES)) * (change + noise * (-1) ** (row["seed"] // 2))

        tables.append(make(lost).interference.assign(rule=rule(rate).label))
    benchmark = make_benchmark(("a", "b", "c"), rules=[rule(rate) for rate in RATES])
    return replace(make(lambda row, rng: 0.0, benchmark=benchmark), interference=pd.concat(tables, ignore_index=True))


@pytest.mark.parametrize(
    ("change", "noise", "verdict"),
    [
        (0.0, 0.01, "supported"),
        (-0.05, 0.0, "supported"),
        (0.15, 0.0, "not supported"),  # although the interval of interference itself is about 0.25 wide
        (0.0, 0.3, "undecided"),
        (0.6, 0.01, "not supported"),
        (-0.6, 0.01, "not supported"),
        (0.2, 0.3, "undecided"),
    ],
)
def test_a_change_is_held_against_a_fixed_margin(make, make_benchmark, change, noise, verdict):
    (finding,) = gradient_flow.judge(at_two_rates(make, make_benchmark, change, noise))
    assert finding.verdict == verdict
    assert finding.group == "rnn, sgd, g = 0.9, N = 128"  # the rate that is varied is taken out of the name
    assert finding.parts[0].value == pytest.approx(abs(change), abs=0.2 * noise + 1e-9)


def test_it_applies_only_where_a_rule_was_run_at_two_rates(make, make_benchmark):
    assert gradient_flow.applies(at_two_rates(make, make_benchmark, 0.0)) == ""
    one = make(lambda row, rng: 1.0, benchmark=make_benchmark(("a", "b", "c"), rules=[rule(0.2)]))
    assert "two learning rates" in gradient_flow.applies(one)
    adam = make_benchmark(("a", "b", "c"), rules=[rule(rate, "adam") for rate in RATES])
    assert "two learning rates" in gradient_flow.applies(
        replace(at_two_rates(make, make_benchmark, 0.0), benchmark=adam)
    )


def test_each_seed_is_a_point_of_the_figure(make, make_benchmark):
    page = gradient_flow.figure(at_two_rates(make, make_benchmark, 0.1))
    points = next(line for line in page.axes[0].lines if line.get_marker() == "o")
    assert len(points.get_xdata()) == 10

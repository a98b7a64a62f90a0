"""Each claim on made-up results in which it is true, in which the reverse is true, and which do not decide it."""

import numpy as np
import pandas as pd
import pytest

from rnnbench.benchmark.schema import Channels
from rnnbench.reports.claims import c8_history
from rnnbench.reports.claims.c2_drive import crossing
from rnnbench.reports.claims.groups import group_name, pairs, rank_correlation, without
from rnnbench.reports.claims.judge import CLAIMS

DRIVES = {"drive": (0.02, 0.1, 0.3, 0.5)}
TRUTHS = ("supported", "not supported", "undecided")


def forgetting(make, truth):
    """C1: interference is 1, 0, or near the threshold with much noise."""
    mean, sd = {"supported": (1, 0.2), "not supported": (0, 0.02), "undecided": (0.1, 0.5)}[truth]
    return make(lambda row, rng: rng.normal(mean, sd))


def by_drive(make, truth):
    """C2: interference falls sharply, rises, or has noise that is the same at all drives."""

    def lost(row, rng):
        fallen = 1.5 / (1 + np.exp((row["drive"] - 0.15) / 0.03))
        systematic = {"supported": fallen, "not supported": 1.5 - fallen, "undecided": 0.75 * (1 + (row["seed"] % 2))}
        noise = 0.8 * (row["drive"] < 0.05) * (-1) ** (row["seed"] // 2) if truth == "undecided" else 0
        fall = 0.6 * (row["drive"] < 0.05) if truth == "undecided" else 0
        return systematic[truth] + noise + fall + rng.normal(0, 0.05)

    return make(lost, conditions=DRIVES)


def by_mode(make, truth):
    """C3: the mode falls with the drive and correlates with interference; it rises; or networks differ too much."""

    def mode(row, rng):
        rotation = 1 / (1 + np.exp((row["drive"] - 0.15) / 0.03))
        if truth == "undecided":
            rotation = rotation * (0.55 + 0.45 * (-1) ** row["seed"])
        return rotation if truth != "not supported" else 1 - rotation

    def measured(row, rng):
        return {"mode_index": mode(row, rng), "rotation_angle": 1.5 * mode(row, rng)}

    return make(lambda row, rng: 1.6 * mode(row, rng) + rng.normal(0, 0.02), conditions=DRIVES, analysis=measured)


def by_g(make, truth):
    """C5: interference falls with g, rises, or does one or the other depending on the seed."""

    def lost(row, rng):
        slope = {"supported": -0.8, "not supported": 0.8, "undecided": -0.1 + 0.5 * (-1) ** row["seed"]}[truth]
        return 1.6 + slope * row["g"] + rng.normal(0, 0.1)

    return make(lost, g=(0.3, 0.9, 1.5))


def by_speed(make, truth):
    """C6: g speeds up formation 8 times and rotation 1.4 times; the reverse; or formation varies with the seed."""

    def updates(row, rng):
        doublings = row["g"] - 0.3
        form, turn = {"supported": (3, 0.5), "not supported": (0.5, 3), "undecided": (1.5, 0.5)}[truth]
        if truth == "undecided":
            form = form + (-1) ** row["seed"]
        speed = turn if row["input_correlation"] else form
        return {"updates_first": 100, "updates_second": int(800 * 2 ** (-speed * doublings))}

    return make(
        lambda row, rng: 1.0,
        g=(0.3, 0.8, 1.3),
        conditions={"input_correlation": (0.0, 0.9)},
        columns=updates,
        analysis=lambda row, rng: {"mode_index": row["input_correlation"]},
    )


def by_correlation(make, truth):
    """C7: interference rises with the size of the update correlation, falls with it, or depends on it weakly."""
    tasks = "abcde"
    strength = np.random.default_rng(4).uniform(0, 0.8, (5, 5))

    def measured(row, rng):
        planted = strength[tasks.index(row["first_task"]), tasks.index(row["second_task"])]
        return {"update_correlation": (-1) ** row["seed"] * planted}

    def lost(row, rng):
        planted = strength[tasks.index(row["first_task"]), tasks.index(row["second_task"])]
        sign, noise = {"supported": (2, 0.1), "not supported": (-2, 0.1), "undecided": (0.8, 0.6)}[truth]
        return 1 + sign * planted + rng.normal(0, noise)

    return make(lost, tasks=tasks, seeds=8, analysis=measured)


def by_history(make, truth):
    """C8: the longest history halves interference, changes nothing, or changes it by about the threshold."""
    change = {"supported": -0.5, "not supported": 0.0, "undecided": -0.1}[truth]

    def lost(row, rng):
        return 1 + (change if row["earlier_tasks"] == "d > c" else 0) + rng.normal(0, 0.03)

    return make(lost, tasks=("a", "b"), histories=("", "c", "d > c"))


PLANTED = {
    "C1": forgetting,
    "C2": by_drive,
    "C3": by_mode,
    "C5": by_g,
    "C6": by_speed,
    "C7": by_correlation,
    "C8": by_history,
}


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("claim_id", PLANTED)
def test_the_planted_truth_is_found(make, claim_id, truth):
    claim, results = CLAIMS[claim_id], PLANTED[claim_id](make, truth)
    assert claim.applies(results) == ""
    findings = claim.judge(results)
    assert len(findings) == 1
    assert findings[0].verdict == truth, findings[0]
    assert bool(findings[0].reason) == (truth == "undecided")


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_tables_that_lack_what_a_claim_needs_are_told_so(make, claim_id, make_benchmark):
    one_task = make(lambda row, rng: 1.0, tasks=("a",), seeds=2)
    assert CLAIMS[claim_id].applies(one_task)
    empty = type(one_task)(make_benchmark(("a", "b")), one_task.interference[:0])
    assert CLAIMS[claim_id].applies(empty)


@pytest.mark.parametrize("claim_id", PLANTED)
def test_four_seeds_are_too_few(make, claim_id):
    results = PLANTED[claim_id](make, "supported")
    few = type(results)(
        results.benchmark,
        results.interference[results.interference["seed"] < 4],
        analysis=results.analysis[results.analysis["seed"] < 4] if len(results.analysis) else results.analysis,
    )
    (finding,) = CLAIMS[claim_id].judge(few)
    assert finding.verdict == "undecided"
    assert "too few seeds" in finding.reason


@pytest.mark.parametrize("claim_id", ["C1", "C5", "C8"])
def test_a_group_of_which_most_did_not_learn_is_undecided(make, claim_id):
    results = PLANTED[claim_id](make, "supported")
    table = results.interference.copy()
    table.loc[(table["second_task"] == "b") | (table["first_task"] == "b"), "converged_first"] = False
    if claim_id == "C5":
        table.loc[table["g"] == 1.5, "converged_first"] = False
    findings = CLAIMS[claim_id].judge(type(results)(results.benchmark, table))
    assert [finding.verdict for finding in findings] == ["undecided"]
    assert "count" in findings[0].reason
    assert findings[0].left_out > findings[0].networks / 2 or claim_id == "C5"


def test_a_network_that_did_not_learn_b_does_not_count(make):
    table = pairs(make(lambda row, rng: 1.0, learnt=lambda row: row["second_task"] != "b"))
    assert not table.loc[~table["same"] & (table["second_task"] == "b"), "counted"].any()
    assert table.loc[~table["same"] & (table["second_task"] != "b"), "counted"].all()


def test_drift_is_taken_off_forgetting(make):
    results = make(lambda row, rng: 0.5)
    table = results.interference.copy()
    table.loc[table["first_task"] == table["second_task"], "interference"] = 0.45
    (finding,) = CLAIMS["C1"].judge(type(results)(results.benchmark, table))
    assert finding.parts[0].value == pytest.approx(0.05)
    assert finding.verdict == "not supported"
    (finding,) = CLAIMS["C1"].judge(make(lambda row, rng: 0.5, diagonal=False))
    assert finding.parts[0].value == pytest.approx(0.5)
    assert finding.notes == ("the mean is over 6 of 6 pairs", "no drift control was run")


def test_forgetting_is_judged_on_orthogonal_tasks_alone(make, make_benchmark):
    shared = make(lambda row, rng: 1.0, benchmark=make_benchmark("abc", channels=Channels(layout="shared")))
    assert CLAIMS["C1"].applies(shared)
    several = make(lambda row, rng: 1.0, conditions={"input_correlation": (0.0, 0.9)})
    assert [finding.group for finding in CLAIMS["C1"].judge(several)] == [
        "rnn, sgd, g = 0.9, N = 128, input_correlation=0.0"
    ]


def test_a_pair_that_is_learnt_at_one_g_alone_is_no_effect_of_g(make):
    # Pairs with b lose 2 and count at the small g only; all others lose 1 at every g.
    def lost(row, rng):
        return 2.0 if "b" in (row["first_task"], row["second_task"]) else 1.0

    def learnt(row):
        return row["g"] < 1 or (row["first_task"], row["second_task"]) != ("b", "c")

    (finding,) = CLAIMS["C5"].judge(make(lost, g=(0.3, 1.5), learnt=learnt))
    assert finding.parts[0].value == 0
    assert finding.left_out == 10


def test_g_at_which_nothing_is_learnt_is_left_out_and_named(make):
    results = make(lambda row, rng: 1.6 - row["g"], g=(0.0, 0.5, 1.5), learnt=lambda row: row["g"] > 0)
    (finding,) = CLAIMS["C5"].judge(results)
    assert finding.parts[0].value == pytest.approx(-1.0)
    assert finding.notes[0] == "g = 0 left out: fewer than half of the networks count"
    assert finding.notes[1] == "at B's criterion 6 of 6 pairs fall; the mean is smallest at g = 1.5"
    assert finding.verdict == "supported"


def test_drive_at_which_nothing_is_learnt_is_left_out_and_named(make):
    results = make(lambda row, rng: 1.5 - 3 * row["drive"], conditions=DRIVES, learnt=lambda row: row["drive"] > 0.05)
    (finding,) = CLAIMS["C2"].judge(results)
    assert finding.notes[0] == "drive = 0.02 left out: fewer than half of the networks count"
    assert finding.parts[0].value == pytest.approx(0.0 - 0.5 * 1.2)
    none = make(lambda row, rng: 1.0, conditions=DRIVES, learnt=lambda row: False)
    assert CLAIMS["C2"].judge(none)[0].verdict == "undecided"
    assert CLAIMS["C5"].judge(make(lambda row, rng: 1.0, g=(0, 1), learnt=lambda r: False))[0].verdict == "undecided"


def test_a_network_that_only_needs_fewer_updates_does_not_forget_less(make):
    """Interference grows by 0.01 with every update, and B takes 100 updates at g = 0.5 and 20 at g = 1.5."""
    updates = {0.5: 100, 1.5: 20}
    results = make(
        lambda row, rng: 0.01 * updates[row["g"]],
        g=tuple(updates),
        columns=lambda row, rng: {"updates_second": updates[row["g"]]},
    )
    curves = results.curves.assign(
        loss_first=0.001 + 0.099 * 0.01 * results.curves["update"],
        loss_second=0.1 * 0.02 ** (results.curves["update"] / results.curves["g"].map(updates)),
    )
    (finding,) = CLAIMS["C5"].judge(type(results)(results.benchmark, results.interference, curves))
    criterion, equal_updates, _ = finding.parts
    assert criterion.value == pytest.approx(-0.8) and criterion.verdict == "supported"
    assert abs(equal_updates.value) < 0.35 and finding.verdict != "supported"


def test_nothing_falls_where_nothing_is_lost(make):
    (finding,) = CLAIMS["C2"].judge(make(lambda row, rng: 0.02 - 0.03 * row["drive"], conditions=DRIVES))
    assert finding.verdict == "undecided" and "nothing that could fall" in finding.reason


def test_where_interference_crosses_half():
    drives = np.array([0.0, 0.1, 0.2, 0.4])
    assert crossing(drives, np.array([2.0, 2.2, 0.2, 0.0])) == pytest.approx(0.16)  # 1 is 0.6 of the way to 0.2
    assert crossing(drives, np.array([2.0, 1.8, 1.6, 1.4])) != crossing(drives, np.array([2.0, 1.0, 0.0, 0.0]))
    assert np.isnan(crossing(drives, np.array([2.0, 1.8, 1.6, 1.4])))
    assert np.isnan(crossing(drives, np.array([-1.0, -1.0, -2.0, -2.0])))


def test_speed_is_judged_only_where_each_kind_has_its_own_mode(make):
    results = by_speed(make, "supported")
    judge = CLAIMS["C6"].judge
    (finding,) = judge(results)
    # 800 2^-3 = 100 and 800 2^-0.5 = 565 updates are 3 and 0.5 doublings, apart from rounding to whole updates.
    assert finding.parts[0].value == pytest.approx(2.5, abs=0.01)
    by_statement = {one.statement: one.value for one in finding.further}
    assert by_statement["doublings of the speed of formation from g = 0.3 to 0.8"] == pytest.approx(1.5, abs=0.01)
    assert by_statement["doublings of the speed of forming A in a fresh network, from g = 0.3 to 1.3"] == 0
    formed = results.analysis.assign(mode_index=0.1)
    (finding,) = judge(type(results)(results.benchmark, results.interference, results.curves, formed))
    assert finding.verdict == "undecided" and "rotation are known at 0 values of g" in finding.reason
    assert finding.notes[0] == "g = 0.3 is left out (rotation: the mode index is 0.10)"
    turned = results.analysis["mode_index"].where(results.analysis["g"] > 0.5, 0.9)
    (finding,) = judge(
        type(results)(
            results.benchmark, results.interference, results.curves, results.analysis.assign(mode_index=turned)
        )
    )
    assert finding.notes == ("g = 0.3 is left out (formation: the mode index is 0.90)",)
    assert finding.verdict == "undecided"  # two values of g are left


def test_effects_of_single_tasks_are_not_taken_for_an_effect_of_pairs(make):
    """Tasks whose updates correlate strongly with all others also lose more, whatever follows them."""
    size = dict(zip("abcdef", np.linspace(0.1, 0.9, 6), strict=True))
    results = make(
        lambda row, rng: 2 * size[row["first_task"]] + size[row["second_task"]] + rng.normal(0, 0.05),
        tasks="abcdef",
        analysis=lambda row, rng: {
            "update_correlation": 0.5 * size[row["first_task"]] + 0.2 * size[row["second_task"]] + rng.normal(0, 0.02)
        },
    )
    (finding,) = CLAIMS["C7"].judge(results)
    assert finding.further[0].value > 0.8  # the plain rank correlation
    assert abs(finding.parts[0].value) < 0.15 and finding.verdict != "supported"


def test_three_tasks_are_too_few_for_an_effect_of_pairs(make):
    results = make(lambda row, rng: 1.0, analysis=lambda row, rng: {"update_correlation": 0.1})
    assert CLAIMS["C7"].applies(results) == "fewer than 4 tasks were run"


def test_history_contrasts_share_the_five_per_cent(make):
    (finding,) = CLAIMS["C8"].judge(by_history(make, "supported"))
    assert [part.statement for part in finding.parts] == [
        c8_history.said(pair, "d > c", "") for pair in (("a", "b"), ("b", "a"))
    ]
    assert {part.level for part in finding.parts} == {1 - 0.05 / 2}
    assert {part.test for part in finding.parts} == {"t test, times 2"}
    assert [one.statement for one in finding.further] == [
        c8_history.said(pair, "c", "") for pair in (("a", "b"), ("b", "a"))
    ]


def test_groups_are_named_by_what_they_have():
    key = {"architecture": "rnn", "rule": "sgd", "g": np.nan, "units": 8, "condition": "", "earlier_tasks": "c"}
    assert group_name(key) == "rnn, sgd, N = 8, after c"
    assert without("drive=0.1, input_correlation=0.9", "drive") == "input_correlation=0.9"
    assert without("drive=0.1", "drive") == ""


def test_rank_correlation_needs_points_and_variation():
    assert rank_correlation([1, 2, 3, 4], [1, 4, 9, 16]) == pytest.approx(1)
    assert np.isnan(rank_correlation([1, 2], [1, 4]))
    assert np.isnan(rank_correlation([1, 2, np.nan], [1, 4, 9]))
    assert np.isnan(rank_correlation([1, 1, 1, 1], [1, 4, 9, 16]))


def test_a_table_from_before_there_were_conditions_is_judged(make):
    results = forgetting(make, "supported")
    old = results.interference.drop(columns=["condition", "earlier_tasks"])
    assert isinstance(old, pd.DataFrame)
    (finding,) = CLAIMS["C1"].judge(type(results)(results.benchmark, old))
    assert finding.verdict == "supported"

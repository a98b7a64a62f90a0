"""The decomposition of interference into rows, columns, pairs and seeds, on tables whose effects are known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnbench.results.decomposition import decompose, decomposition_table
from rnnbench.results.variance_components import Cells, variance_components

TASKS = ["a", "b", "c", "d", "e", "f"]


def table_of(values, tasks=None, **setting):
    """An interference table with the values [seed, task A, task B], the diagonal included."""
    n_seeds, n, _ = np.shape(values)
    tasks = tasks or TASKS[:n]
    names = {"condition": "", "architecture": "v", "rule": "r", "g": 0.9, "units": 8, "earlier_tasks": ""} | setting
    rows = [
        names
        | {"first_task": tasks[a], "second_task": tasks[b], "seed": seed, "interference": values[seed][a][b]}
        | {"status": "done", "converged_first": True}
        for seed, a, b in itertools.product(range(n_seeds), range(n), range(n))
    ]
    return pd.DataFrame(rows)


def draw(rng, n=6, n_seeds=5, sd=(0.5, 1.0, 0.7, 0.3)):
    a, b, pair, seeds = sd
    fixed = a * rng.normal(size=n)[:, None] + b * rng.normal(size=n) + pair * rng.normal(size=(n, n))
    return 1 + fixed + seeds * rng.normal(size=(n_seeds, n, n))


def test_additive_effects_are_found_exactly():
    rows, columns = np.array([-2.0, 0, 1, 1]), np.array([0.5, -1, 0.25, 0.25])
    found = decompose(table_of(np.repeat([1.5 + rows[:, None] + columns], 5, axis=0)))
    assert found.mean.value == pytest.approx(1.5)
    assert [found.rows[task].value for task in "abcd"] == pytest.approx(rows)
    assert [found.columns[task].value for task in "abcd"] == pytest.approx(columns)
    assert found.additive_r2 == pytest.approx(1)
    assert found.pairs["effect"].to_numpy() == pytest.approx(0, abs=1e-12)
    assert found.shares["pair"].value + found.shares["seeds"].value == pytest.approx(0, abs=1e-12)


def test_effects_of_a_complete_table_are_those_of_the_social_relations_model():
    values, n = draw(np.random.default_rng(1)), 6
    means = values.mean(axis=0)
    np.fill_diagonal(means, 0)
    rows, columns, mean = means.sum(axis=1) / (n - 1), means.sum(axis=0) / (n - 1), means.sum() / (n * (n - 1))
    # Warner, Kenny & Stoto 1979: the effect of an actor in a round robin.
    expected = (n - 1) ** 2 / (n * (n - 2)) * rows + (n - 1) / (n * (n - 2)) * columns - (n - 1) / (n - 2) * mean
    found = decompose(table_of(values))
    assert [found.rows[task].value for task in TASKS] == pytest.approx(expected)
    assert found.mean.value == pytest.approx(mean)
    rebuilt = [
        found.mean.value + found.rows[p.first_task].value + found.columns[p.second_task].value + p.effect
        for p in found.pairs.itertuples()
    ]
    assert rebuilt == pytest.approx(found.pairs["mean"])


def test_r2_is_that_of_a_regression_on_dummies():
    values = draw(np.random.default_rng(2))
    found = decompose(table_of(values))
    design = pd.get_dummies(found.pairs[["first_task", "second_task"]], drop_first=True).to_numpy(float)
    design = np.hstack([np.ones((30, 1)), design])
    mean = found.pairs["mean"].to_numpy()
    hat = design @ np.linalg.pinv(design)
    expected = 1 - ((mean - hat @ mean) ** 2).sum() / ((mean - mean.mean()) ** 2).sum()
    assert found.additive_r2 == pytest.approx(expected)


def test_variances_are_the_components_and_the_diagonal_is_left_out():
    values = draw(np.random.default_rng(3))
    values[:, range(6), range(6)] = 1000.0
    found = decompose(table_of(values))
    seed, first, second = np.nonzero(np.repeat(~np.eye(6, dtype=bool)[None], 5, axis=0))
    expected = variance_components(Cells(first, second, seed, values[seed, first, second]))
    assert list(found.variances.values()) == pytest.approx(expected)
    assert sum(share.value for share in found.shares.values()) == pytest.approx(1)
    assert (found.n_pairs, found.n_seeds, found.n_cells) == (30, 5, 150)


def test_networks_that_do_not_count_are_left_out():
    values = draw(np.random.default_rng(4))
    table = table_of(values)
    expected = decompose(table[~((table["seed"] == 2) & (table["first_task"] == "a"))])
    hidden = (table["seed"] == 2) & (table["first_task"] == "a")
    table.loc[hidden, "interference"], table.loc[hidden, "converged_first"] = 1e6, False
    found = decompose(table)
    assert found.n_cells == expected.n_cells == 145
    assert found.mean == expected.mean
    assert found.shares == expected.shares


@pytest.mark.parametrize("n_seeds", [5, 8])
def test_intervals_of_effects_cover_them(n_seeds):
    rng, covered, total = np.random.default_rng(n_seeds), 0, 0
    rows, columns = np.array([-2.0, 0, 1, 1]), np.array([0.5, -1, 0.25, 0.25])
    for _ in range(60):
        values = 1.5 + rows[:, None] + columns + rng.normal(size=(n_seeds, 4, 4))
        found = decompose(table_of(values))
        for task, effect in zip("abcd", rows, strict=True):
            covered += found.rows[task].low <= effect <= found.rows[task].high
            total += 1
    # Four effects of a table are not independent: the standard error is that of 60 tables, times at most 2.
    assert covered / total > 0.95 - 3 * 2 * math.sqrt(0.05 * 0.95 / total)


@pytest.mark.slow
def test_intervals_of_shares_cover_them():
    rng, n_tables = np.random.default_rng(0), 150
    variances = np.array([0.12, 0.3, 0.41, 0.17])
    over_tasks = np.zeros(4)
    for _ in range(n_tables):
        found = decompose(table_of(draw(rng, sd=np.sqrt(variances))))
        over_tasks += [
            one.low_tasks <= share <= one.high_tasks
            for one, share in zip(found.shares.values(), variances, strict=True)
        ]
    # Documented: 90 to 100 %; three standard errors below 90 % are 7 %.
    assert (over_tasks / n_tables > 0.83).all()


def test_the_prediction_from_untrained_losses():
    rng, losses = np.random.default_rng(5), dict(zip(TASKS, [0.1, 0.2, 0.5, 1.0, 0.3, 0.15], strict=True))
    table = table_of(draw(rng))
    table["loss_untrained"] = table["first_task"].map(losses)
    table["second_loss_untrained"] = table["second_task"].map(losses)
    predicted = 1 + table["second_loss_untrained"] / table["loss_untrained"]
    exact = decompose(table.assign(interference=predicted))
    assert (exact.prediction_rank, exact.prediction_r2) == pytest.approx((1, 1))
    shifted = decompose(table.assign(interference=predicted + 100))
    assert shifted.prediction_rank == pytest.approx(1)
    assert shifted.prediction_r2 < 0
    found = decompose(table)
    pairs = found.pairs.assign(
        p=[
            1 + losses[b] / losses[a]
            for a, b in zip(found.pairs["first_task"], found.pairs["second_task"], strict=True)
        ]
    )
    assert found.prediction_rank == pytest.approx(stats.spearmanr(pairs["p"], pairs["mean"]).statistic)
    assert math.isnan(decompose(table.drop(columns="loss_untrained")).prediction_r2)


def test_little_data_gives_nan_instead_of_numbers():
    values = draw(np.random.default_rng(6))
    one_seed = decompose(table_of(values[:1]))
    assert math.isfinite(one_seed.mean.value) and math.isfinite(one_seed.rows["a"].value)
    assert math.isnan(one_seed.rows["a"].low) and math.isnan(one_seed.shares["pair"].value)
    two_tasks = decompose(table_of(values[:, :2, :2]))
    assert two_tasks.mean.value == pytest.approx(values.mean(axis=0)[[0, 1], [1, 0]].mean())
    assert two_tasks.rows == {} and math.isnan(two_tasks.additive_r2)
    three_seeds = decompose(table_of(values[:3]))
    assert math.isfinite(three_seeds.shares["pair"].value)
    assert math.isnan(three_seeds.shares["pair"].low) and math.isfinite(three_seeds.shares["pair"].low_tasks)
    nothing = decompose(table_of(values).assign(converged_first=False))
    assert nothing.n_cells == 0 and math.isnan(nothing.mean.value) and math.isnan(nothing.additive_r2)


def test_every_setting_has_a_row_for_each_term():
    rng = np.random.default_rng(8)
    first, second = draw(rng), draw(rng)
    table = pd.concat([table_of(first, g=0.6), table_of(second, g=math.nan)])
    found = decomposition_table(table)
    assert found.shape[0] == 16
    assert found["term"].unique().tolist() == [
        "mean", "A", "B", "pair", "seeds", "additive R2", "prediction rank", "prediction R2"
    ]  # fmt: skip
    alone = decompose(table_of(second))
    of_second = found[found["g"].isna()].set_index("term")
    assert of_second["value"]["pair"] == pytest.approx(alone.shares["pair"].value)
    assert of_second["variance"]["pair"] == pytest.approx(alone.variances["pair"])
    assert of_second["n_networks"].tolist() == [150] * 8
    assert decomposition_table(table[:0]).empty

"""The numbers behind the figures, compared with values that were computed by hand."""

import numpy as np
import pandas as pd
import pytest

from rnnbench.figures import summary


def test_tasks_keep_the_order_of_first_appearance(tiny):
    table = tiny(("z", "a", 0, 0.0), ("m", "z", 0, 0.0), ("z", "only_second", 0, 0.0))
    assert summary.task_order(table) == ["z", "m", "a", "only_second"]


def test_values_of_g_ascend_with_nan_last_and_once(tiny):
    table = tiny(*[("a", "b", 0, 0.0, True, "done", g) for g in (1.5, np.nan, 0.3, np.nan)])
    values = summary.values_of_g(table)
    assert values[:2] == [0.3, 1.5]
    assert len(values) == 3
    assert np.isnan(values[2])
    assert len(summary.rows_at_g(table, np.nan)) == 2
    assert len(summary.rows_at_g(table, 0.3)) == 1


def test_a_network_that_stopped_keeps_its_last_value():
    short = np.array([0.0, 10.0]), np.array([0.0, 1.0])
    long = np.array([0.0, 10.0, 40.0]), np.array([0.0, 0.5, 2.0])
    updates, mean = summary.mean_curve([short, long])
    assert updates.tolist() == [0, 10, 40]
    assert mean.tolist() == [0.0, 0.75, 1.5]  # at 40: (1 + 2) / 2, not 2


def test_between_its_points_a_network_is_interpolated():
    stops_between = np.array([0.0, 5.0]), np.array([0.0, 1.0])
    other = np.array([0.0, 10.0]), np.array([0.0, 2.0])
    updates, mean = summary.mean_curve([stops_between, other])
    assert updates.tolist() == [0, 5, 10]
    assert mean.tolist() == [0.0, 1.0, 1.5]


def test_the_mean_of_no_curves_is_empty():
    updates, mean = summary.mean_curve([])
    assert len(updates) == len(mean) == 0


def curves_table(seed: int, loss_first: list[float], g: float = 0.5) -> pd.DataFrame:
    columns = {"architecture": "rate", "rule": "sgd", "g": g, "units": 8, "first_task": "a", "second_task": "b"}
    n = len(loss_first)
    losses = {"update": range(n), "loss_first": loss_first, "loss_second": np.linspace(4.0, 1.0, n)}
    return pd.DataFrame(columns | {"seed": seed} | losses)


@pytest.mark.parametrize("g", [0.5, np.nan])
def test_relative_curves_are_the_interference_as_a_curve(tiny, g):
    interference = tiny(
        ("a", "b", 0, 1.0, True, "done", g),
        ("a", "b", 1, 1.0, False, "done", g),
        ("a", "b", 2, 1.0, True, "done", g),
    )
    losses = [[0.2, 0.6, 1.0], [0.2, 0.6, 1.0], [0.2, np.nan, 1.0], [0.2, 0.6]]
    curves = pd.concat([curves_table(seed, loss, g) for seed, loss in enumerate(losses)])
    table = summary.relative_curves(curves, interference)
    assert table.loc[table["seed"] == 0, "first"].tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert table.loc[table["seed"] == 0, "second"].tolist() == pytest.approx([1.0, 0.625, 0.25])
    counted = table.groupby("seed")["counted"].agg(["all", "any"])
    # The seeds are: counted; did not learn A; not finite during training; not in the interference table.
    assert counted["all"].tolist() == counted["any"].tolist() == [True, False, False, False]
    assert table.groupby("seed")["converged"].all().tolist() == [True, False, True, False]
    assert len(summary.networks(table, "first")) == 4


def test_without_an_interference_table_the_loss_is_relative_to_its_start():
    table = summary.relative_curves(curves_table(0, [0.2, 0.6, 1.0]))
    assert table["first"].tolist() == pytest.approx([1.0, 3.0, 5.0])
    assert table["counted"].all()


def test_a_missing_column_is_named(tiny):
    table = tiny(("a", "b", 0, 0.0)).drop(columns="status")
    with pytest.raises(ValueError, match="interference table lacks status"):
        summary.require_columns(table, summary.INTERFERENCE_COLUMNS, "interference")

"""The figure of rows, columns and pairs shows the numbers of the decomposition."""

import numpy as np
import pandas as pd
import pytest
from planted_curves import of_kinds, tables

from rnnbench.figures import rows_columns_pairs, style
from rnnbench.results.decomposition import decomposition_table, decompositions

NAMES = ("a", "b", "$c$", "a_long_task_name_of_some_words", "e")


@pytest.fixture(scope="module")
def table(make_tables) -> pd.DataFrame:
    return make_tables((0.3, 0.9), NAMES, seeds=5, n_points=2, accidents=False)[0]


@pytest.fixture(scope="module")
def figure(table):
    return rows_columns_pairs(table)


def test_the_bars_are_the_shares_of_the_decomposition_table(table, figure):
    shares = decomposition_table(table)
    bars = {bar.get_gid(): bar.get_width() for bar in figure.axes[0].patches if bar.get_gid()}
    order = [(g, quantity) for quantity in ("interference", "skill_lost") for g in (0.3, 0.9)]
    for y, (g, quantity) in enumerate(order):
        rows = shares[(shares["g"] == g) & (shares["quantity"] == quantity)].set_index("term")["value"]
        for term in ("pair", "A", "B", "seeds"):
            assert bars[f"{term}:{y}"] == pytest.approx(rows[term])


def test_the_interval_of_the_pairs_share_is_drawn(table, figure):
    rows = decomposition_table(table)
    pair = rows[rows["term"] == "pair"].sort_values("quantity", kind="stable")
    for kind, ends in (("over seeds", ["low", "high"]), ("over tasks", ["low_tasks", "high_tasks"])):
        lines = [lines for lines in figure.axes[0].collections if lines.get_gid() == kind]
        spans = [segment[:, 0].tolist() for each in lines for segment in each.get_segments()]
        assert spans == [pytest.approx(each) for each in pair[ends].to_numpy()]


@pytest.mark.parametrize(("n_tasks", "seeds"), [(4, 2), (4, 5), (5, 2)])
def test_the_legend_and_the_caption_list_only_intervals_that_are_drawn(make_tables, texts, n_tasks, seeds):
    table = make_tables((0.3,), "abcde"[:n_tasks], seeds=seeds, n_points=2, accidents=False)[0]
    figure = rows_columns_pairs(table)
    drawn = {each.get_gid() for each in figure.axes[0].collections}
    assert drawn == {kind for kind, n in (("over seeds", seeds), ("over tasks", n_tasks)) if n >= 5}
    listed = {text.removeprefix("pair: interval ") for text in texts(figure) if text.startswith("pair: interval")}
    assert listed == drawn
    (caption,) = [text.replace("\n", " ") for text in texts(figure) if "Shares:" in text]
    assert ("95 % intervals over" in caption) == bool(drawn)


def test_every_matrix_has_its_additive_r2_and_its_correlation_with_the_prediction():
    table = tables(of_kinds(("net",), ("sgd", "adam")))[0]
    notes = [
        text.get_text() for axes in rows_columns_pairs(table).axes for text in axes.texts if text.get_gid() == "note"
    ]
    found = [one for _, _, one in decompositions(table)]
    expected = [f"additive R² {one.additive_r2:.2f} · ρ {style.number(one.prediction_rank)}" for one in found]
    assert notes == expected and len(notes) == 2


def test_effects_are_dots_and_pairs_a_matrix(table, figure):
    one = next(one for names, quantity, one in decompositions(table) if quantity == "interference")
    (rows,) = [line for line in figure.axes[1].lines if line.get_gid() == "rows:0"]
    (columns,) = [line for line in figure.axes[2].lines if line.get_gid() == "columns:0"]
    assert rows.get_xdata().tolist() == [each.value for each in one.rows.values()]
    assert columns.get_xdata().tolist() == [each.value for each in one.columns.values()]
    values = np.ma.filled(figure.axes[3].collections[0].get_array(), np.nan).reshape(5, 5)
    assert values[~np.isnan(values)].tolist() == one.pairs["effect"].tolist()


def test_the_caption_names_the_idle_outputs_and_the_intervals(figure, texts):
    drawn = " ".join(texts(figure)).replace("\n", " ")
    assert "idle outputs free" in drawn
    assert "Effects of tasks: bars are 95 % intervals over seeds" in drawn


def test_fewer_than_four_tasks_and_nothing_counted_give_no_figure(make_tables):
    table = make_tables((0.3,), "abc", n_points=2)[0]
    assert rows_columns_pairs(table) is None
    failed = make_tables((0.3,), "abcd", n_points=2)[0].assign(converged_first=False)
    assert rows_columns_pairs(failed) is None


def test_one_seed_says_why_there_are_no_shares(make_tables, texts):
    figure = rows_columns_pairs(make_tables((0.9,), "abcd", seeds=1, n_points=2, accidents=False)[0])
    assert any(text.startswith("shares need several seeds; rows and columns explain") for text in texts(figure))


def test_pairs_that_are_all_alike_have_no_shares_and_no_r2(make_tables, texts):
    table = make_tables((0.9,), "abcd", seeds=1, n_points=2, accidents=False)[0]
    alike = table.assign(interference=np.where(table["first_task"] == table["second_task"], 0.0, 1.0), skill_lost=1.0)
    assert "shares need several seeds" in texts(rows_columns_pairs(alike))


@pytest.mark.parametrize(("n_tasks", "g_values"), [(4, (0.3,)), (6, (0.3, 0.6, 0.9, 1.2)), (20, (0.3, 0.9))])
def test_no_text_is_clipped_or_drawn_over_another(make_tables, clipped, overlapping, n_tasks, g_values):
    figure = rows_columns_pairs(make_tables(g_values, [f"task_{i}" for i in range(n_tasks)], seeds=2, n_points=2)[0])
    assert clipped(figure) == []
    assert overlapping(figure) == []


def test_settings_with_long_names_do_not_overlap_either(make_tables, clipped, overlapping):
    made = make_tables((0.3, 0.9), "abcd", seeds=2, n_points=2)[0]
    figure = rows_columns_pairs(pd.concat([made.assign(condition=f"drive={k}, duration={k}") for k in range(4)]))
    assert clipped(figure) == []
    assert overlapping(figure) == []


def test_titles_of_architectures_and_rules_do_not_overlap_above_four_tasks(clipped, overlapping, texts):
    architectures, rules = ("firing_rate_rnn", "vanilla_rnn"), ("gradient_descent", "sgd")
    figure = rows_columns_pairs(tables(of_kinds(architectures, rules))[0])
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert "firing rate rnn\ngradient descent" in texts(figure)

"""The files that are written, and that drawing has no other side effects."""

import struct
import threading

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rnnbench.figures import draw_all

TASKS = ("a", "b")


def test_one_group_has_plain_names(make_tables, tmp_path):
    paths = draw_all(*make_tables((0.3, 1.2), TASKS, n_points=3), tmp_path / "new" / "figures")
    assert [path.name for path in paths] == [
        "interference_matrix.png",
        "interference_summary.png",
        "interference_against_g.png",
        "curves.png",
    ]
    for path in paths:
        head = path.read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", head[16:24])
        assert 900 <= width <= 1500  # 150 dpi, for a page 900 pixels wide
        assert height > 400


def test_curves_have_a_file_for_each_group_and_no_two_share_a_name(make_tables, tmp_path):
    made = [make_tables((0.3,), ("a",), architecture=name, n_points=2, seeds=1) for name in ("a/b", "A b", "<b>")]
    interference, curves = (pd.concat(tables) for tables in zip(*made, strict=True))
    names = [path.name for path in draw_all(interference, curves, tmp_path)]
    assert names == [
        "interference_matrix.png",
        "curves-a-b-sgd-256.png",
        "curves-a-b-sgd-256.2.png",
        "curves-b-sgd-256.png",
    ]
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())


def test_many_panels_are_split_by_group(make_tables, tmp_path, monkeypatch):
    monkeypatch.setattr("rnnbench.figures.MOST_PANELS", 3)
    tables = [make_tables((0.3, 0.6), TASKS, units=units, n_points=2, seeds=1)[0] for units in (8, 16)]
    names = [path.name for path in draw_all(pd.concat(tables), pd.DataFrame(), tmp_path)]
    assert names == [
        "interference_matrix-rate-tanh-sgd-8.png",
        "interference_matrix-rate-tanh-sgd-16.png",
        "interference_summary-g-8.png",
        "interference_summary-g-16.png",
        "interference_summary-units-0-3.png",
        "interference_summary-units-0-6.png",
        "interference_against_g.png",
        "interference_against_units.png",
    ]


def test_without_g_there_is_no_figure_against_g(make_tables, tmp_path):
    paths = draw_all(*make_tables((np.nan,), TASKS, n_points=3), tmp_path)
    assert [path.name for path in paths] == ["interference_matrix.png", "curves.png"]


def test_groups_at_one_g_are_shown_side_by_side_instead_of_against_g(make_tables, tmp_path):
    tables = [make_tables((0.3,), TASKS, units=units, n_points=2, seeds=1)[0] for units in (8, 16)]
    names = [path.name for path in draw_all(pd.concat(tables), pd.DataFrame(), tmp_path)]
    assert names == [
        "interference_matrix.png",
        "interference_summary.png",
        "interference_against_units.png",
        "interference_overview.png",
    ]
    alone = draw_all(tables[0], pd.DataFrame(), tmp_path)
    assert [path.name for path in alone] == ["interference_matrix.png"]
    assert not (tmp_path / "interference_overview.png").exists()


def test_many_comparisons_of_a_number_have_a_file_for_each_setting(make_tables, tmp_path, monkeypatch):
    monkeypatch.setattr("rnnbench.figures.MOST_BLOCKS", 1)
    tables = [make_tables((0.3, 0.6), TASKS, rule=rule, n_points=2, seeds=1)[0] for rule in ("sgd", "adam")]
    names = [path.name for path in draw_all(pd.concat(tables), pd.DataFrame(), tmp_path)]
    assert names[1:] == [
        f"{name}-{rule}.png" for name in ("interference_summary", "interference_against_g") for rule in ("sgd", "adam")
    ]


def test_four_tasks_have_rows_columns_and_pairs(make_tables, tmp_path):
    interference = make_tables((0.3,), "abcd", n_points=2)[0]
    paths = draw_all(interference, pd.DataFrame(), tmp_path)
    assert [path.name for path in paths] == ["interference_matrix.png", "rows_columns_pairs.png"]


def test_empty_tables_draw_nothing(make_tables, tmp_path):
    interference, curves = make_tables((0.3,), TASKS, n_points=2)
    assert draw_all(interference.iloc[:0], curves.iloc[:0], tmp_path) == []
    assert draw_all(pd.DataFrame(), pd.DataFrame(), tmp_path) == []


def test_drawing_in_a_thread_changes_neither_pyplot_nor_the_settings(make_tables, tmp_path):
    before, made = dict(mpl.rcParams), []
    tables = make_tables((0.3, 0.6), TASKS, n_points=2, seeds=1)
    threads = [threading.Thread(target=lambda i=i: made.extend(draw_all(*tables, tmp_path / str(i)))) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2 * 4
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_the_tables_are_not_changed(make_tables, tmp_path):
    interference, curves = make_tables((0.3,), TASKS, n_points=2, seeds=1)
    copies = interference.copy(), curves.copy()
    draw_all(interference, curves, tmp_path)
    pd.testing.assert_frame_equal(interference, copies[0])
    pd.testing.assert_frame_equal(curves, copies[1])


def test_the_same_tables_give_the_same_files(make_tables, tmp_path):
    tables = make_tables((0.3,), TASKS, n_points=3)
    first, second = (draw_all(*tables, tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]

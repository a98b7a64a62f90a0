"""The figure shows the numbers and verdicts of the comparison, for few tasks and for many."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from rnnbench.reports.comparison.comparison import compare_folders
from rnnbench.reports.comparison.figure import SIGNS, figures


def drawn(lab, n_tasks: int, shift: float = 0.0):
    rng = np.random.default_rng(n_tasks)
    a, b = rng.normal(1, 0.1, size=(2, 8, n_tasks**2))
    b[:, 1] += shift
    a[:, 2 * n_tasks :] = np.nan if shift else a[:, 2 * n_tasks :]
    found = compare_folders([lab("one", a), lab("two", b, first_seed=8)])
    ((name, figure),) = figures(found)
    assert name == "compare.png"
    texts = {text.get_gid(): text for text in figure.findobj(Text) if text.get_gid()}
    return found.pairs[0], figure, texts


def test_every_entry_has_its_means_its_difference_and_its_sign(lab):
    pair, _, texts = drawn(lab, 5)
    for entry in pair.entries:
        at = f"{entry.key.first_task}:{entry.key.second_task}"
        assert float(texts[f"a:{at}"].get_text()) == pytest.approx(entry.means[0], abs=0.006)
        sign, difference = texts[f"difference:{at}"].get_text().split("\n")
        assert sign == SIGNS[entry.verdict]
        assert float(difference.replace("−", "-")) == pytest.approx(entry.difference, abs=0.006)


def test_an_entry_that_differs_is_marked_and_one_that_is_missing_has_no_number(lab):
    _, _, texts = drawn(lab, 5, shift=2.0)
    assert texts["difference:task 0:task 1"].get_text().startswith("≠")
    assert texts["a:task 3:task 0"].get_text() == ""
    assert texts["difference:task 3:task 0"].get_text() == "?"


@pytest.mark.parametrize("n_tasks", [6, 20])
def test_it_is_readable_for_few_tasks_and_for_many(lab, n_tasks):
    """Every sign is at least five points high and fits its entry, and task names do not overlap."""
    _, figure, texts = drawn(lab, n_tasks)
    figure.canvas.draw()
    axes = figure.axes[2]
    side = axes.get_window_extent().width / n_tasks
    for gid, text in texts.items():
        if gid.startswith("difference"):
            assert text.get_fontsize() >= 5 and text.get_window_extent().width <= side
    names = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == n_tasks
    assert all(not upper.overlaps(lower) for upper, lower in itertools.pairwise(names))


def test_both_labs_share_a_scale_and_the_difference_is_centred_on_0(lab):
    _, figure, _ = drawn(lab, 5)
    limits = [axes.collections[0].get_clim() for axes in figure.axes[:3]]
    assert limits[0] == limits[1]
    assert limits[2][0] == -limits[2][1] and limits[2][1] >= 0.4


@pytest.mark.parametrize("n_tasks", [2, 6, 20])
def test_no_text_is_cut_or_drawn_over_another(lab, clipped, overlapping, n_tasks):
    _, figure, _ = drawn(lab, n_tasks)
    assert clipped(figure) == []
    assert overlapping(figure) == []


def test_the_caption_names_the_idle_outputs(lab):
    _, figure, _ = drawn(lab, 2)
    assert any("idle outputs" in text.get_text() for text in figure.texts)

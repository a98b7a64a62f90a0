"""The figures of the theory from small or made-up data, and a small run of the whole theory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnbench.reports.claims.theory import (
    modes_figure as theory_modes,
    network_figure as theory_network,
    report as theory,
)
from rnnbench.reports.claims.theory.boundary import PlanePoint, mode_along_learning, mode_plane
from rnnbench.reports.claims.theory.connectivity import Connectivity
from rnnbench.reports.claims.theory.finite_size import SETTINGS, Deviation, Sequence
from rnnbench.reports.claims.theory.protocol import Protocol
from rnnbench.reports.claims.theory.two_by_two import Learning

QUICK = Protocol(dt=0.5, criterion=0.05)


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))  # type: ignore[attr-defined]


def lines(ax, label: str) -> np.ndarray:
    """The points [point, 2] of the line with that label."""
    (found,) = [line for line in ax.lines if str(line.get_label()).startswith(label)]
    return np.asarray(found.get_xydata())


def test_phase_planes_show_the_learnt_matrices():
    figure = theory_modes.phase_planes([0.15], ["Formation"], QUICK)
    assert len(figure.axes) == 2
    assert "after A" in figure.axes[0].get_title() and "after B" in figure.axes[1].get_title()
    # After A nothing of B was learnt; after B both diagonal elements were.
    assert figure.axes[0].get_title().endswith("[0.00, 0.00]]")
    assert not figure.axes[1].get_title().endswith("0.00]]")


def test_phase_diagram_draws_the_boundary_where_the_index_is_one_half():
    drives, strengths = np.linspace(0.02, 0.1, 5), [1.1, 1.2]
    plane = [PlanePoint(d, m, 1 - d / 0.1, 0.5, True, 9) for d in drives for m in strengths]
    learnt = [PlanePoint(d, 1.2 - 2 * d, 1 - d / 0.1, 0.5, True, 9) for d in drives]
    figure = theory_modes.phase_diagram(plane, learnt, QUICK)
    np.testing.assert_allclose(lines(figure.axes[0], "computed"), [[0.05, 1.1], [0.05, 1.2]], atol=1e-12)
    assert "m, A's strength" in texts(figure)


def test_phase_diagram_of_what_is_computed():
    drives, strengths = np.array([0.02, 0.15]), np.array([1.0, 1.2])
    pairs = np.array([(d, m) for m in strengths for d in drives])
    plane = mode_plane(pairs[:, 0], pairs[:, 1], QUICK)
    figure = theory_modes.phase_diagram(plane, mode_along_learning(drives, QUICK), QUICK)
    assert [len(ax.lines) > 0 for ax in figure.axes[:2]] == [True, True]


def test_restricted_connectivity_leaves_out_what_did_not_converge():
    rows = [Connectivity(g, 0.15, 0.0, 0.0, 0.01 + g, 1.0, 0.5, g < 0.8) for g in (0.0, 0.5, 0.9)]
    ax = theory_modes.restricted_connectivity({"one": rows}).axes[0]
    assert ax.get_yscale() == "log" and lines(ax, "one")[:, 0].tolist() == [0.0, 0.5]


def test_amplification_is_relative_to_g_of_zero():
    speeds = np.array([[[2.0, 3.0], [8.0, 6.0]], [[1.0, 1.0], [4.0, 2.0]]])
    ax = theory_network.amplification_figure(np.array([0.0, 0.9]), speeds, 50).axes[0]
    points = [container.lines[0].get_ydata().tolist() for container in ax.containers]
    assert points == [[1.0, 4.0], [1.0, 2.0]]


def made_up_path(shift: float) -> Sequence:
    m = np.linspace(0, 1, 12)[:, None, None] * np.ones((2, 2)) + shift
    losses = np.linspace(1, 0, 12)[:, None]
    return Sequence(Learning(m, losses), Learning(m, np.hstack([losses, losses[::-1]])))


def test_paths_are_drawn_one_after_the_other():
    setting = SETTINGS[0]
    runs = [[made_up_path(-0.1), made_up_path(0.1)]]
    figure = theory_network.paths_figure([setting], [made_up_path(0)], runs, 77)
    assert lines(figure.axes[1], "$L_B$")[:, 0].tolist() == list(range(12, 24))
    assert "2 networks of N = 77" in texts(figure)


def test_finite_size_draws_the_root_mean_square():
    values = {100: (0.3, 0.4), 400: (0.1, 0.1), 1600: (0.07, 0.01)}
    table = [
        Deviation("rotation", 0.02, 0.1, n, seed, v, v, v, v, v, v, True)
        for n, column in values.items()
        for seed, v in enumerate(column)
    ]
    ax = theory_network.finite_size_figure(table).axes[0]
    np.testing.assert_allclose(lines(ax, "rotation")[:, 1], [np.sqrt(0.125), 0.1, np.sqrt(0.0025)])
    guide = np.log(lines(ax, "$N")).T
    assert np.polyfit(*guide, 1)[0] == pytest.approx(-0.5)


@pytest.mark.slow
def test_everything_is_written(tmp_path):
    messages: list[str] = []
    effort = theory.Effort((6, 4), 80, 3, ((50, 4), (100, 4)), ((50, 3),), shown_size=100, transition_drives=6)
    paths = theory.draw_theory(tmp_path / "new", messages.append, effort)
    assert len(messages) == 6 and len(paths) == len(set(paths)) == 12
    assert all(path.stat().st_size > 100 for path in paths)
    assert len(pd.read_csv(tmp_path / "new" / "finite_size.csv")) == 2 * 8 + 3
    assert len(pd.read_csv(tmp_path / "new" / "phase_diagram.csv")) == 6 * 4 + 6

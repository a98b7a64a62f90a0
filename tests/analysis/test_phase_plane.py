"""The figure of the phase plane shows every path and fixed point at its coordinates, and no texts overlap."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from rnnbench.analysis.phase_plane import Panel, phase_plane
from rnnbench.analysis.plane import FlowField, Portrait
from rnnbench.figures import style

POINTS = np.array([[-0.8, 0.1], [0.8, -0.1], [0.0, 0.0], [0.3, 0.3]])


def portrait(off_plane: float = 0.0, **replaced) -> Portrait:
    """A flow towards rest, two trials of A along x, three of B along y, and four fixed points, two of them stable."""
    axis = np.linspace(-1.5, 1.5, 15)
    flow = -np.stack(np.meshgrid(axis, axis), axis=-1)
    length = np.linspace(0, 1, 11)[:, None]
    parts = {
        "flow": FlowField(axis, axis, flow, np.zeros((15, 15))),
        "first": np.stack([length * [1, -1], 0 * length * [1, 1]], axis=-1),
        "second": np.stack([0 * length * [1, 1, 1], length * [1, -1, 0.5]], axis=-1),
        "points": POINTS,
        "stable": np.array([True, True, False, False]),
        "off_plane": np.array([0.0, 0.1, 0.0, off_plane]),
    }
    return Portrait(**(parts | replaced))


def of_gid(figure: Figure, gid: str, panel: int = 0) -> np.ndarray:
    """Coordinates of the lines of a panel that have this gid, [line, point, 2]."""
    return np.array([line.get_xydata() for line in figure.axes[panel].get_lines() if line.get_gid() == gid])


def test_paths_and_points_are_where_they_are():
    figure = phase_plane([Panel("after A", portrait()), Panel("after B", portrait(off_plane=0.9))])
    np.testing.assert_allclose(of_gid(figure, "stable")[:, 0], POINTS[:2])
    np.testing.assert_allclose(of_gid(figure, "unstable")[:, 0], POINTS[2:])
    assert (
        len(of_gid(figure, "unstable", panel=1)) == 1
    )  # the other one is mostly outside the plane, and the caption says so
    assert any("1 fixed points that lie mostly outside" in text.get_text() for text in figure.texts)
    assert len(of_gid(figure, "path:A")) == 2 and len(of_gid(figure, "path:B")) == 3
    np.testing.assert_allclose(of_gid(figure, "path:A")[1][-1], [-1, 0])
    assert figure.axes[0].get_xlim() == figure.axes[1].get_ylim() == (-1.5, 1.5)


def test_streams_follow_the_flow():
    """The flow is towards rest, so every piece of a line ends nearer to it than it starts."""
    figure = phase_plane([Panel("a", portrait())])
    pieces = [piece for lines in figure.axes[0].collections for piece in lines.get_segments()]
    assert len(pieces) > 50
    assert all(np.linalg.norm(piece[-1]) < np.linalg.norm(piece[0]) for piece in pieces)


@pytest.mark.parametrize("n_panels", [1, 2, 3])
def test_no_text_leaves_the_figure_or_covers_another(n_panels, clipped):
    panels = [Panel(f"drive 0.05 (rotation), after {k}", portrait(off_plane=0.9)) for k in range(n_panels)]
    figure = phase_plane(panels)
    assert clipped(figure) == []
    drawn = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    boxes = [t.get_window_extent() for t in drawn]
    shown = [k for k, box in enumerate(boxes) if box.width > 0]
    assert len(shown) > 15
    for place, i in enumerate(shown):
        for j in shown[:place]:
            assert not boxes[i].overlaps(boxes[j]), (drawn[i].get_text(), drawn[j].get_text())


def test_a_flow_that_is_not_finite_or_zero_is_not_drawn():
    for velocity in (np.full((15, 15, 2), np.nan), np.zeros((15, 15, 2))):
        axis = np.linspace(-1.5, 1.5, 15)
        field = FlowField(axis, axis, velocity, np.zeros((15, 15)))
        figure = phase_plane([Panel("a $title", portrait(flow=field))])
        assert len(of_gid(figure, "stable")) == 2 and not figure.axes[0].collections


def test_a_figure_without_panels_says_so_and_a_figure_can_be_saved(tmp_path):
    assert "no network" in phase_plane([]).texts[0].get_text()
    path = style.save(phase_plane([Panel("a", portrait())]), tmp_path / "phase_plane.png")
    assert path.stat().st_size > 10_000

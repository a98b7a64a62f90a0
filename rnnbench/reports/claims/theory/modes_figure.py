"""Figures of the 2x2 model: its flow before and after B, the boundary of rotation, and the effect of g."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rnnbench.figures import style
from rnnbench.reports.claims.theory import boundary, two_by_two
from rnnbench.reports.claims.theory.boundary import PlanePoint
from rnnbench.reports.claims.theory.connectivity import Connectivity
from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.protocol import (
    IDLE_OUTPUTS,
    A,
    B,
    Protocol,
    learn_many,
    pulse_episode,
    untrained_loss,
)

COLOUR_A, COLOUR_B = "#0173b2", "#d55e00"
MODE_COLOURS = "PuOr_r"
LIMIT = 1.12


def phase_planes(drives: Sequence[float], titles: Sequence[str], protocol: Protocol) -> Figure:
    """Draw the flow of (kappa_A, kappa_B) in a trial of A, after learning A and after learning B.

    Streamlines, nullclines and fixed points are those of the positive trial of A after its pulse. The paths of all
    four trials are drawn over them, each with its own input.

    Args:
        drives: the drives, one for each row of panels.
        titles: a title for each drive.
        protocol: the tasks and their training.

    Returns:
        The figure.
    """
    with style.look():
        figure = style.new_figure(8.4, 4.1 * len(drives) + 0.9)
        axes = figure.subplots(len(drives), 2, squeeze=False)
        for row, (drive, title) in enumerate(zip(drives, titles, strict=True)):
            for column, (stage, m) in enumerate(zip(("after A", "after B"), _learnt(drive, protocol), strict=True)):
                ax = axes[row, column]
                _plane(ax, m, drive, protocol)
                ax.set_title(f"{title}, {stage}\nM = {_matrix(m)}")
        figure.legend(handles=_plane_legend(), ncol=4, loc="lower center", frameon=False)
        figure.suptitle(IDLE_OUTPUTS.capitalize(), fontsize=9.5, y=0.99)
        figure.subplots_adjust(left=0.08, right=0.98, top=0.93, bottom=0.135, hspace=0.33, wspace=0.2)
    return figure


def _learnt(drive: float, protocol: Protocol) -> tuple[Floats, Floats]:
    """M [2, 2] after learning A, and M after learning B."""
    bound = np.array([protocol.criterion * untrained_loss(drive, protocol)])
    first = learn_many(np.zeros((1, 2, 2)), A, np.array([drive]), protocol, bound)
    second = learn_many(first.m, B, np.array([drive]), protocol, bound)
    return first.m[0], second.m[0]


def _matrix(m: Floats) -> str:
    (aa, ab), (ba, bb) = [[style.number(float(value)) for value in row] for row in m]
    return f"[[{aa}, {ab}], [{ba}, {bb}]]"


def _plane(ax: Axes, m: Floats, drive: float, protocol: Protocol) -> None:
    x = np.array([drive, 0.0])
    axis = np.linspace(-LIMIT, LIMIT, 61)
    a, b = np.meshgrid(axis, axis)
    speed = two_by_two.flow(np.stack([a, b], axis=-1).reshape(1, -1, 2), m, x)[0].reshape(61, 61, 2)
    ax.streamplot(axis, axis, speed[..., 0], speed[..., 1], density=0.9, color="#cccccc", linewidth=0.6, arrowsize=0.7)
    for component, colour in ((A, COLOUR_A), (B, COLOUR_B)):
        ax.contour(a, b, speed[..., component], levels=[0], colors=[colour], linewidths=0.8, linestyles="dotted")
    for task, colour in ((A, COLOUR_A), (B, COLOUR_B)):
        inputs = pulse_episode(task, drive, protocol).inputs
        for trial, path in enumerate(two_by_two.simulate(m, inputs, protocol.dt, start=protocol.start)):
            ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=2.0 if trial == 0 else 0.9, alpha=0.95)
            ax.plot(*path[-1], marker="s", color=colour, markersize=4.5, markeredgecolor="white", zorder=5)
    for point in two_by_two.fixed_points(m, x):
        face = style.INK if point.stable else "white"
        ax.plot(*point.kappa, marker="o", markersize=7.5, markerfacecolor=face, markeredgecolor=style.INK, zorder=4)
    ax.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal")
    ax.set(xlabel="κ along A's pattern", ylabel="κ along B's pattern")
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    ax.set_yticks([-1, -0.5, 0, 0.5, 1])


def _plane_legend() -> list[Line2D]:
    def line(colour: str, label: str, **look: object) -> Line2D:
        return Line2D([], [], color=colour, label=label, **look)  # type: ignore[arg-type]

    point = {"marker": "o", "linestyle": "none", "markersize": 7, "markeredgecolor": style.INK}
    return [
        line(COLOUR_A, "trials of A (thick: pulse +)", linewidth=2),
        line(COLOUR_B, "trials of B (thick: pulse +)", linewidth=2),
        line(style.INK, "stable in A's trial (pulse +)", **point),
        line("white", "unstable", **point),
        line(COLOUR_A, "κ along A at rest", linestyle="dotted", linewidth=1),
        line(COLOUR_B, "κ along B at rest", linestyle="dotted", linewidth=1),
        line(style.MUTED, "end of a trial", marker="s", linestyle="none", markersize=4.5),
        line("#cccccc", "flow in A's trial (pulse +)", linewidth=1),
    ]


def phase_diagram(plane: Sequence[PlanePoint], learnt: Sequence[PlanePoint], protocol: Protocol) -> Figure:
    """Draw the mode index in the plane of drive and m, and along the line that learning A gives.

    The plane also shows the computed boundary and the closed forms.

    Args:
        plane: the points of a grid.
        learnt: the points of `mode_along_learning`.
        protocol: the protocol that both were computed with.

    Returns:
        The figure.
    """
    with style.look():
        figure = style.new_figure(style.WIDTH, 4.2)
        left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
        _diagram(left, plane, learnt, protocol)
        _along_learning(right, learnt, protocol)
        figure.subplots_adjust(left=0.07, right=0.985, top=0.92, bottom=0.29, wspace=0.22)
    return figure


def _diagram(ax: Axes, plane: Sequence[PlanePoint], learnt: Sequence[PlanePoint], protocol: Protocol) -> None:
    drives, strengths = (np.array(sorted({getattr(p, name) for p in plane})) for name in ("drive", "m"))
    index, before = np.full((2, len(strengths), len(drives)), np.nan)
    for p in plane:
        position = np.searchsorted(strengths, p.m), np.searchsorted(drives, p.drive)
        index[position], before[position] = p.mode_index, p.output_before
    # Where A was not held before B, there is nothing to rotate, and the mode index has no meaning.
    meaningless = before < protocol.target / 2
    shown = np.ma.masked_invalid(np.where(meaningless, np.nan, index))
    mesh = ax.pcolormesh(drives, strengths, shown, cmap=MODE_COLOURS, vmin=0, vmax=1, shading="nearest")
    ax.set_facecolor(style.ABSENT)
    kept = [p for p in plane if p.output_before >= protocol.target / 2]
    edge = boundary.boundary(kept)
    ax.plot(list(edge.values()), list(edge), color=style.INK, linewidth=1.8, label="computed: mode index 1/2")
    fine = np.linspace(drives[0], drives[-1], 100)
    in_time = [boundary.instability_in_time(float(d), protocol) for d in fine]
    ax.plot(
        fine, boundary.driven_instability(fine), "--", color=style.INK, linewidth=1.2, label="linear stability $m_c$"
    )
    ax.plot(fine, in_time, "-.", color=style.INK, linewidth=1.2, label="instability within the trial $m_T$")
    ax.plot([p.drive for p in learnt], [p.m for p in learnt], color="#029e73", linewidth=2.2, label="learning A gives")
    closed = boundary.learnt_strength(fine)
    ax.plot(fine, closed, ":", color="#029e73", linewidth=1.5, label="learning A gives, closed form $m_A$")
    ax.set(xlim=(drives[0], drives[-1]), ylim=(strengths[0], strengths[-1]))
    ax.set(xlabel="drive d (fraction of the pulse)", ylabel="m, A's strength before B is learnt")
    ax.set_title(f"How B is learnt from M = diag(m, 0),\n{IDLE_OUTPUTS}")
    handles = [*ax.get_legend_handles_labels()[0], Patch(color=style.ABSENT, label="A is not held before B")]
    ax.legend(handles=handles, ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.17), frameon=False)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_ticks([0, 0.5, 1], labels=["0: formation", "0.5", "1: rotation"])
    bar.outline.set_visible(False)


def _along_learning(ax: Axes, learnt: Sequence[PlanePoint], protocol: Protocol) -> None:
    drives = np.array([p.drive for p in learnt])
    ax.plot(drives, [p.mode_index for p in learnt], "o-", color="#029e73", markersize=4)
    transition = boundary.transition(learnt, protocol)
    for drive, line_style, name in ((transition.linear_stability, "--", "c"), (transition.in_time, "-.", "T")):
        ax.axvline(drive, color=style.INK, linestyle=line_style, linewidth=1.2, label=f"the line crosses $m_{name}$")
    ax.set(xlabel="drive d (fraction of the pulse)", ylabel="mode index of A's output after B", ylim=(-0.03, 1.03))
    ax.set_title(f"Along the line that learning A gives,\n{IDLE_OUTPUTS}")
    ax.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
    ax.legend(ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.17), frameon=False)
    style.quiet(ax)


def restricted_connectivity(series: dict[str, Sequence[Connectivity]]) -> Figure:
    """Draw interference against g in networks that learn only M.

    Args:
        series: for each label the points of a line; points that did not converge are left out.

    Returns:
        The figure.
    """
    with style.look():
        figure = style.new_figure(5.6, 3.7)
        ax = figure.subplots()
        for (name, rows), colour in zip(series.items(), ("#0173b2", "#de8f05", "#029e73"), strict=False):
            shown = [row for row in rows if row.converged]
            ax.plot([r.g for r in shown], [r.interference for r in shown], "o-", color=colour, markersize=4, label=name)
        ax.set_yscale("log")
        ax.set(xlabel="g, strength of random connectivity", ylabel="interference of B with A")
        ax.set_title(f"If only M is learnt, a larger g raises interference\n({IDLE_OUTPUTS})")
        ax.legend(frameon=False, loc="upper left")
        style.quiet(ax)
        figure.subplots_adjust(left=0.14, right=0.97, top=0.87, bottom=0.14)
    return figure

"""Figures that compare networks of N units with theory: amplification by g J, courses of learning, and finite size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims.theory import amplification
from rnnbench.reports.claims.theory.finite_size import Deviation, Scenario, Sequence as Path
from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.protocol import IDLE_OUTPUTS, A, B

FORMATION, ROTATION = "#029e73", "#cc3311"
ENTRIES = ((A, A, "#0173b2", "$M_{AA}$"), (B, B, "#d55e00", "$M_{BB}$"), (B, A, "#cc78bc", "$M_{BA}$"))


def amplification_figure(gs: Floats, speeds: Floats, n_units: int) -> Figure:
    """Draw the speed of learning against g, relative to g = 0: theory as lines, networks as points.

    Args:
        gs: [g], strengths of the random connectivity; the first is 0.
        speeds: [seed, g, 2], speeds of formation and rotation in each network.
        n_units: number of units of the networks.

    Returns:
        The figure.
    """
    with style.look():
        figure = style.new_figure(6.2, 4.3)
        ax = figure.subplots()
        fine = np.linspace(0, float(np.max(gs)), 60)
        theories = (
            ("formation, from rest", FORMATION, amplification.formation_speed),
            ("rotation, from A's fixed point", ROTATION, amplification.rotation_speed),
        )
        relative = speeds / speeds[:, :1]
        for mode, (name, colour, speed) in enumerate(theories):
            ax.plot(
                fine, [speed(float(g)) / speed(0.0) for g in fine], color=colour, linewidth=1.8, label=f"{name}: theory"
            )
            mean, spread = relative[:, :, mode].mean(axis=0), relative[:, :, mode].std(axis=0, ddof=1)
            ax.errorbar(
                gs,
                mean,
                spread,
                fmt="o",
                color=colour,
                markersize=4.5,
                capsize=2.5,
                linewidth=1.1,
                label=f"{name}: {len(speeds)} networks, N = {n_units}",
            )
        by_gain = [
            amplification.rotation_speed_by_gain(float(g)) / amplification.rotation_speed_by_gain(0.0) for g in fine
        ]
        ax.plot(fine, by_gain, "--", color=ROTATION, linewidth=1.1, label="rotation: $G^2$ in place of $E[φ'^2]$")
        ax.set_yscale("log")
        ax.set_yticks([1, 2, 5, 10, 20, 50], labels=["1", "2", "5", "10", "20", "50"])
        ax.minorticks_off()
        ax.set(xlabel="g, strength of random connectivity", ylabel="speed at which the loss falls, relative to g = 0")
        ax.set_title(f"Random connectivity speeds up formation far more than rotation\n({IDLE_OUTPUTS})")
        ax.legend(frameon=False, loc="upper left")
        style.quiet(ax)
        figure.subplots_adjust(left=0.12, right=0.97, top=0.88, bottom=0.12)
    return figure


def paths_figure(
    settings: Sequence[Scenario], models: Sequence[Path], networks: Sequence[Sequence[Path]], n_units: int
) -> Figure:
    """Draw M and the losses while A and then B is learnt: the model as lines, networks as mean and standard deviation.

    Args:
        settings: the settings, one for each column of panels.
        models: the course of learning in the model, for each setting.
        networks: the courses of learning in the networks, for each setting.
        n_units: number of units of the networks.

    Returns:
        The figure.
    """
    with style.look():
        figure = style.new_figure(style.WIDTH, 6.0)
        axes = figure.subplots(2, len(settings), squeeze=False, sharex="col")
        for column, (setting, model, runs) in enumerate(zip(settings, models, networks, strict=True)):
            _matrix_panel(axes[0, column], model, runs)
            _loss_panel(axes[1, column], model, runs)
            axes[0, column].set_title(f"{setting.name.capitalize()}, drive {setting.drive:g}")
            axes[1, column].set_xlabel("updates: first A, then B")
        axes[0, 0].set_ylabel("learnt matrix M")
        axes[1, 0].set_ylabel("loss")
        for row in axes:
            row[-1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.suptitle(
            f"Lines: the 2x2 model. Points: mean and standard deviation of {len(networks[0])} networks "
            f"of N = {n_units}; {IDLE_OUTPUTS}",
            fontsize=9.5,
            y=0.985,
        )
        figure.subplots_adjust(left=0.07, right=0.9, top=0.9, bottom=0.085, hspace=0.1, wspace=0.2)
    return figure


def _matrix_panel(ax: Axes, model: Path, runs: Sequence[Path]) -> None:
    for row, column, colour, name in ENTRIES:
        _series(ax, model.first.m[:, row, column], [r.first.m[:, row, column] for r in runs], 0, colour, None)
        begin = len(model.first.m)
        _series(ax, model.second.m[:, row, column], [r.second.m[:, row, column] for r in runs], begin, colour, name)
    _learning_b_begins(ax, model)


def _loss_panel(ax: Axes, model: Path, runs: Sequence[Path]) -> None:
    begin = len(model.first.m)
    _series(ax, model.first.losses[:, 0], [r.first.losses[:, 0] for r in runs], 0, "#0173b2", "$L_A$")
    _series(ax, model.second.losses[:, 1], [r.second.losses[:, 1] for r in runs], begin, "#0173b2", None)
    _series(ax, model.second.losses[:, 0], [r.second.losses[:, 0] for r in runs], begin, "#d55e00", "$L_B$")
    ax.set_ylim(bottom=0)
    _learning_b_begins(ax, model)


def _series(ax: Axes, line: Floats, runs: Sequence[Floats], begin: int, colour: str, label: str | None) -> None:
    """Draw one quantity: a line for the model, and mean and spread of the networks at about twenty updates."""
    ax.plot(begin + np.arange(len(line)), line, color=colour, linewidth=1.6, label=label)
    for update in np.unique(np.linspace(0, min(len(run) for run in runs) - 1, 20).astype(int)):
        values = [run[update] for run in runs]
        ax.errorbar(
            begin + update,
            np.mean(values),
            np.std(values, ddof=1),
            fmt="o",
            color=colour,
            markersize=2.8,
            capsize=1.8,
            linewidth=0.9,
        )


def _learning_b_begins(ax: Axes, model: Path) -> None:
    ax.axvline(len(model.first.m), color=style.MUTED, linewidth=0.8, linestyle=":")
    style.quiet(ax)


def finite_size_figure(table: Sequence[Deviation]) -> Figure:
    """Draw the deviation of M and of the loss on A from the model against N, with a guide of N^-1/2.

    Args:
        table: one deviation for each setting, N and seed.

    Returns:
        The figure; both axes are logarithmic.
    """
    with style.look():
        figure = style.new_figure(style.WIDTH, 4.4)
        panels = figure.subplots(1, 2)
        colours = dict(zip(dict.fromkeys(row.setting for row in table), (ROTATION, FORMATION, "#999999"), strict=False))
        quantities = (
            ("m_max", "largest deviation of M while B is learnt"),
            ("loss_a", "largest deviation of the loss on A"),
        )
        for ax, (quantity, label) in zip(panels, quantities, strict=True):
            for k, (setting, colour) in enumerate(colours.items()):
                rows = [row for row in table if row.setting == setting]
                _against_size(ax, rows, quantity, colour, 0.93 * 1.1**k)
            ax.set_xscale("log")
            ax.set_yscale("log")
            sizes = sorted({row.n_units for row in table})
            ax.set_xticks(sizes, labels=[str(n) for n in sizes])
            ax.minorticks_off()
            ax.set(xlabel="N, units", ylabel=label)
            style.quiet(ax)
        panels[0].set_title(f"Networks approach the 2x2 model as N grows,\n{IDLE_OUTPUTS}")
        panels[1].set_title("Bars: root mean square over networks")
        handles, _ = panels[0].get_legend_handles_labels()
        figure.legend(handles=handles, ncol=4, loc="lower center", frameon=False)
        figure.subplots_adjust(left=0.075, right=0.985, top=0.89, bottom=0.2, wspace=0.22)
    return figure


def _against_size(ax: Axes, rows: Sequence[Deviation], quantity: str, colour: str, shift: float) -> None:
    """Draw one quantity of one setting; `shift` is a factor on N that separates the settings."""
    sizes = sorted({row.n_units for row in rows})
    columns = [np.array([getattr(row, quantity) for row in rows if row.n_units == n]) for n in sizes]
    rms = np.array([np.sqrt(np.mean(column**2)) for column in columns])
    for n, column in zip(sizes, columns, strict=True):
        ax.plot(
            shift * n * 1.03 ** np.linspace(-1, 1, len(column)), column, ".", color=colour, markersize=3, alpha=0.45
        )
    drive, offset = rows[0].drive, rows[0].offset
    name = rows[0].setting.split(",")[0]
    ax.plot(
        shift * np.array(sizes),
        rms,
        "_",
        color=colour,
        markersize=18,
        markeredgewidth=2,
        label=f"{name}: drive {drive:g}, offset {offset:g}",
    )
    if len(sizes) > 2:
        middle = np.exp(np.mean(np.log(rms)) + 0.5 * np.mean(np.log(sizes)))
        label = "$N^{-1/2}$" if colour == ROTATION else None
        ax.plot(sizes, middle / np.sqrt(sizes), "--", color=style.MUTED, linewidth=0.9, label=label)

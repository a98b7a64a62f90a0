"""Figure of the table: rates against the number of units, with one line for each approach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from rnnbench.figures import style

ORDER = [
    *("research_loop", "autograd_loop", "torch_compile", "torch_rnn", "jax_scan"),
    *("rnnbench", "rnnbench_native"),
]
"""Approaches in the order of the legend."""


def draw(csv: Path, machine: dict[str, Any], path: Path) -> None:
    """Draw speed.csv, with one panel for each batch size, for the largest population.

    Args:
        csv: the table.
        machine: description of the machine, shown below the panels.
        path: image to write.
    """
    table = pd.read_csv(csv)
    with style.look("ticks"):
        figure = _figure(table, machine)
    style.save(figure, path)


def _figure(table: pd.DataFrame, machine: dict[str, Any]) -> Figure:
    batches = sorted(table["batch"].unique())
    population = int(table["population"].max())
    blue, _, green, _, purple, *_, sky = sns.color_palette("colorblind", 10)
    grey = "#8a8a8a"
    # All colours can be told apart by colour-blind readers; those of rnnbench are the strongest.
    colours = dict(zip(ORDER, (blue, green, grey, purple, sky, style.INK, "#d55e00"), strict=True))
    figure = style.new_figure(1.6 + 3.6 * len(batches) + 1.2, 4.2)
    axes = figure.subplots(1, len(batches), squeeze=False, sharey=True)[0]
    figure.subplots_adjust(
        left=0.7 / figure.get_figwidth(), right=1 - 1.6 / figure.get_figwidth(), bottom=0.2, top=0.86
    )
    for panel, batch in zip(axes, batches, strict=True):
        rows = table[(table["batch"] == batch) & (table["population"] == population)]
        for name in [name for name in ORDER if name in set(rows["approach"])]:
            one = rows[rows["approach"] == name].sort_values("n_units")
            ours = name.startswith("rnnbench")
            look: dict[str, Any] = {"linewidth": 2.4 if ours else 1.2, "marker": "o", "markersize": 5 if ours else 3.5}
            panel.plot(one["n_units"], one["updates_per_second"], color=colours[name], label=style.pretty(name), **look)
        panel.set(xscale="log", yscale="log", xlabel="units N", title=f"batch {batch}")
        panel.set_xticks(sorted(rows["n_units"].unique()))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        for axis in (panel.xaxis, panel.yaxis):  # plain numbers at the major ticks, and no minor ticks
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_locator(NullLocator())
        panel.grid(axis="y", color="#e4e4e4", linewidth=0.6)
        style.quiet(panel)
    axes[0].set_ylabel("network-updates per second, one thread")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False)
    text = f"{machine['processor']}, one of {machine['cores']} cores; products at {machine['peak_gflops']:g} GFLOP/s"
    figure.text(0.02, 0.02, f"T = 100, population of {population}, fresh trials at every update. {text}", fontsize=7.5)
    return figure

"""Computes and writes the figures and tables of the theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.figures import style
from rnnbench.reports.claims.theory import (
    amplification,
    boundary,
    connectivity,
    finite_size,
    modes_figure as theory_modes,
    network_figure as theory_network,
)
from rnnbench.reports.claims.theory.protocol import Protocol


@dataclass(frozen=True)
class Effort:
    """How much is computed; the defaults give the numbers in docs/theory.md.

    Attributes:
        grid: number of drives and number of strengths m in the phase diagram.
        amplification_units: number of units of the networks that test the amplification.
        amplification_seeds: number of these networks.
        networks: pairs of N and the number of networks with that N.
        small_offset: the same for the setting in which chance decides the side of the rotation.
        shown_size: N of the networks whose courses of learning are drawn.
        transition_drives: number of drives at which the transition is looked for.
    """

    grid: tuple[int, int] = (40, 26)
    amplification_units: int = 1000
    amplification_seeds: int = 10
    networks: tuple[tuple[int, int], ...] = ((250, 40), (500, 40), (1000, 30), (2000, 20), (4000, 10))
    small_offset: tuple[tuple[int, int], ...] = ((500, 40), (2000, 20))
    shown_size: int = 2000
    transition_drives: int = 39


TRANSITIONS: tuple[dict[str, float], ...] = (
    {},
    {"rate": 0.1},
    {"criterion": 5e-4},
    {"offset": 0.005},
    {"offset": 0.1},
    {"duration": 40.0, "loss_start": 30.0},
    {"mirrored": True, "rate": 0.2},
)
"""Changes to PLANE for which the transition from rotation to formation is computed."""

PLANE = Protocol(dt=0.5, criterion=0.02)
EXAMPLES = Protocol()
DRIVES = (0.02, 0.15)


def draw_theory(folder: Path, progress: Callable[[str], None], effort: Effort | None = None) -> list[Path]:
    """Compute and write the figures (PNG) and tables (CSV) of the theory.

    With the default effort this takes 3.5 minutes on one core.

    Args:
        folder: where to write; it is created if it does not exist, and files of the same names are overwritten.
        progress: called with one line of text before each part.
        effort: how much to compute; the default gives the documented numbers.

    Returns:
        The paths written.
    """
    effort = effort or Effort()
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, part in (
        ("the 2x2 model's flow before and after B", _phase_planes),
        ("where rotation ends and formation begins", _phase_diagram),
        ("how the transition depends on the protocol", _transitions),
        ("the effect of g where only M is learnt", _connectivity),
        ("amplification by random connectivity", _amplification),
        ("networks of finite size against the model", _finite_size),
    ):
        progress(name)
        written += part(folder, effort)
    return written


def _phase_planes(folder: Path, effort: Effort) -> list[Path]:
    titles = [f"{mode}, drive {drive:g}" for mode, drive in zip(("Rotation", "Formation"), DRIVES, strict=True)]
    return [style.save(theory_modes.phase_planes(DRIVES, titles, EXAMPLES), folder / "phase_planes.png")]


def _phase_diagram(folder: Path, effort: Effort) -> list[Path]:
    n_drives, n_strengths = effort.grid
    drives, strengths = np.linspace(0.005, 0.2, n_drives), np.linspace(0.8, 1.3, n_strengths)
    pairs = np.array([(d, m) for m in strengths for d in drives])
    plane = boundary.mode_plane(pairs[:, 0], pairs[:, 1], PLANE)
    learnt = boundary.mode_along_learning(drives, PLANE)
    table = pd.concat([pd.DataFrame(plane).assign(m_from="grid"), pd.DataFrame(learnt).assign(m_from="learning A")])
    figure = theory_modes.phase_diagram(plane, learnt, PLANE)
    return [_table(table, folder / "phase_diagram.csv"), style.save(figure, folder / "phase_diagram.png")]


def _transitions(folder: Path, effort: Effort) -> list[Path]:
    drives, rows = np.linspace(0.01, 0.2, effort.transition_drives), []
    for changes in TRANSITIONS:
        protocol = PLANE.with_(**changes)
        found = boundary.transition(boundary.mode_along_learning(drives, protocol), protocol)
        rows.append({"changed": ", ".join(f"{k}={v:g}" for k, v in changes.items()), **found._asdict()})
    return [_table(pd.DataFrame(rows), folder / "transition.csv")]


def _connectivity(folder: Path, effort: Effort) -> list[Path]:
    gs = np.array([0, 0.15, 0.3, 0.5, 0.7, 0.8, 0.9])
    series: dict[str, Sequence[connectivity.Connectivity]] = {}
    for criterion in (5e-4, 0.02):
        protocol = PLANE.with_(criterion=criterion)
        series[f"learnt to {criterion:.2g} of the untrained loss"] = connectivity.interference_against_g(
            gs, 0.15, protocol
        )
    table = pd.concat([pd.DataFrame(rows).assign(learnt=name) for name, rows in series.items()])
    figure = theory_modes.restricted_connectivity(series)
    return [_table(table, folder / "restricted_g.csv"), style.save(figure, folder / "restricted_g.png")]


def _amplification(folder: Path, effort: Effort) -> list[Path]:
    gs, n = np.array([0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9]), effort.amplification_units
    seeds = range(effort.amplification_seeds)
    speeds = np.array([amplification.simulated_amplification(gs, n, np.random.default_rng(seed)) for seed in seeds])
    rows: list[dict[str, Any]] = []
    for k, (mode, theory) in enumerate(
        (("formation", amplification.formation_speed), ("rotation", amplification.rotation_speed))
    ):
        for i, g in enumerate(gs):
            speed_up = speeds[:, i, k] / speeds[:, 0, k]
            rows.append({
                "mode": mode, "g": g, "units": n, "networks": len(seeds),
                "speed_theory": theory(g), "speed_mean": speeds[:, i, k].mean(),
                "speed_up_theory": theory(g) / theory(0.0), "speed_up_mean": speed_up.mean(),
                "speed_up_sd": speed_up.std(ddof=1),
            })  # fmt: skip
    by_gain = {float(g): amplification.rotation_speed_by_gain(g) / amplification.rotation_speed_by_gain(0) for g in gs}
    table = pd.DataFrame(rows)
    table["speed_up_by_gain"] = table["g"].map(by_gain).where(table["mode"] == "rotation")
    figure = theory_network.amplification_figure(gs, speeds, n)
    return [_table(table, folder / "amplification.csv"), style.save(figure, folder / "amplification.png")]


def _finite_size(folder: Path, effort: Effort) -> list[Path]:
    table: list[finite_size.Deviation] = []
    models, shown = [], []
    for setting in finite_size.SETTINGS:
        model = finite_size.model_sequence(setting)
        is_small_offset = setting is finite_size.SETTINGS[-1]
        for n, count in effort.small_offset if is_small_offset else effort.networks:
            networks = finite_size.network_sequences(setting, n, range(count))
            table += [finite_size.deviation(setting, n, seed, path, model) for seed, path in enumerate(networks)]
            if n == effort.shown_size and not is_small_offset:
                models.append(model)
                shown.append(networks)
    slopes = finite_size.slopes(table, np.random.default_rng(0))
    paths = theory_network.paths_figure(finite_size.SETTINGS[:-1], models, shown, effort.shown_size)
    return [
        _table(pd.DataFrame(table), folder / "finite_size.csv"),
        _table(pd.DataFrame(slopes), folder / "finite_size_slopes.csv"),
        style.save(paths, folder / "paths.png"),
        style.save(theory_network.finite_size_figure(table), folder / "finite_size.png"),
    ]


def _table(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False, float_format="%.6g")
    return path

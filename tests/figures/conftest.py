"""Made-up tables that have the form of a benchmark's results."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

TASKS = ("fixed_points", "flip_flop", "mante", "romo", "cycling", "complex_sine")


def _make_tables(
    g_values: Sequence[float] = (0.3, 0.9, 1.5, 2.1),
    tasks: Sequence[str] = TASKS,
    seeds: int = 3,
    architecture: str = "rate_tanh",
    rule: str = "sgd",
    units: int = 256,
    accidents: bool = True,
    n_points: int = 40,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """An interference table and its curves; interference falls with g and differs between tasks.

    With `accidents`, networks with low g do not learn the last task, one network has an interference of 30 and one
    row has failed.
    """
    rng = np.random.default_rng(7)
    sensitivity = {task: rng.uniform(0.4, 1.6) for task in tasks}
    rows, curves = [], []
    for g in g_values:
        strength = 1.0 if np.isnan(g) else 1 / (1 + np.exp(4 * (g - 1.2)))
        for i, first in enumerate(tasks):
            for j, second in enumerate(tasks):
                for seed in range(seeds):
                    drift = rng.normal(0, 0.01) - 0.005
                    lost = sensitivity[first] * strength * rng.uniform(0.5, 1.4) * (1 + 0.5 * ((i + j) % 3))
                    final = drift if first == second else lost + rng.normal(0, 0.03)
                    converged = not (accidents and g < 0.5 and (i == len(tasks) - 1 or (i == 1 and seed == 0)))
                    if accidents and (i, j, seed) == (2, 0, 1) and g == g_values[0]:
                        final = 30.4
                    failed = accidents and (i, j, seed) == (3, 1, 2) and g == g_values[-1]
                    stop = int(rng.uniform(150, 400) * (1 + 3 * (j % 3)) / (1 + (0 if np.isnan(g) else g)))
                    key = {
                        "architecture": architecture,
                        "rule": rule,
                        "g": g,
                        "units": units,
                        "first_task": first,
                        "second_task": second,
                        "seed": seed,
                    }
                    untrained, after_a = 0.125, 0.0025
                    curves.append(_curve(key, rng, final, stop, untrained, after_a, n_points, failed))
                    after_b = np.nan if failed else after_a + final * (untrained - after_a)
                    rows.append(
                        key
                        | {
                            "status": "failed" if failed else "done",
                            "converged_first": converged,
                            "converged_second": not failed,
                            "updates_first": 500,
                            "updates_second": stop,
                            "loss_untrained": untrained,
                            "loss_first": after_a,
                            "loss_after": after_b,
                            "interference": final if converged and not failed else np.nan,
                            "skill_lost": np.clip(final, 0, 1) if converged and not failed else np.nan,
                            "second_loss_untrained": 0.121,
                            "idle_outputs": "free",
                        }
                    )
    return pd.DataFrame(rows), _stack(curves)


def _curve(
    key: dict[str, object],
    rng: np.random.Generator,
    final: float,
    stop: int,
    untrained: float,
    after_a: float,
    n_points: int,
    failed: bool,
) -> dict[str, object]:
    update = np.unique(np.r_[0, np.geomspace(1, stop, n_points).astype(int)])
    done = 1 - np.exp(-6 * update / stop)
    wobble = 1 + 0.15 * np.sin(np.sqrt(update) * rng.uniform(0.2, 0.5)) * (1 - update / stop)
    loss_first = after_a + final * done * wobble * (untrained - after_a)
    if failed:
        loss_first[len(update) // 2 :] = np.nan
    loss_second = 0.12 * np.exp(-4 * update / stop) + 0.001
    return key | {"update": update, "loss_first": loss_first, "loss_second": loss_second}


def _stack(curves: list[dict[str, object]]) -> pd.DataFrame:
    """One table of all curves; one frame per curve would take most of the time of the tests."""
    lists = ["update", "loss_first", "loss_second"]
    return (
        pd.DataFrame(curves)
        .explode(lists, ignore_index=True)
        .astype({"update": int, **dict.fromkeys(lists[1:], float)})
    )


@pytest.fixture(scope="session")
def make_tables() -> Callable[..., tuple[pd.DataFrame, pd.DataFrame]]:
    """Make an interference table and its curves; see `_make_tables` for the arguments."""
    return _make_tables


@pytest.fixture(scope="session")
def tiny() -> Callable[..., pd.DataFrame]:
    """Make an interference table from tuples (first, second, seed, interference, converged, status, g)."""

    def make(*rows: tuple) -> pd.DataFrame:
        full = [row + (True, "done", 0.5)[len(row) - 4 :] for row in rows]
        columns = ["first_task", "second_task", "seed", "interference", "converged_first", "status", "g"]
        table = pd.DataFrame(full, columns=columns)
        losses = {"loss_untrained": 1.0, "loss_first": 0.1, "second_loss_untrained": 1.0, "updates_second": 10}
        return table.assign(architecture="rate", rule="sgd", units=8, idle_outputs="free", **losses)

    return make


@pytest.fixture(scope="session")
def texts() -> Callable[[Figure], list[str]]:
    """Function that returns every visible text of a figure as drawn, with escaped dollar signs as dollar signs."""

    def read(figure: Figure) -> list[str]:
        found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
        return [text._preprocess_math(text.get_text())[0] for text in found]

    return read

"""Networks with planted learning curves, whose interference at every moment is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

UNTRAINED, FIRST = 1.0, 0.01
TASKS = "abcde"
LOOKS = np.array([0, 10, 20, 40, 80])


def network(g: float, a: str, b: str, seed: int, rate: float, lost: float, **more) -> tuple[dict, pd.DataFrame]:
    """A network whose loss on B falls as exp(-rate * update) and whose loss on A rises in proportion to the updates.

    It stops at the first look with a loss on B of at most 0.05, where interference is `lost`. The accuracy on A falls
    from 0.9 by half of that, in proportion to the updates.
    """
    loss_b = np.exp(-rate * LOOKS)
    last = int(np.argmax(loss_b <= 0.05)) if (loss_b <= 0.05).any() else len(LOOKS) - 1
    updates = LOOKS[: last + 1]
    loss_a = FIRST + lost * (UNTRAINED - FIRST) * updates / updates[-1]
    accuracy = 0.9 - 0.5 * lost * updates / updates[-1]
    names = {"condition": "", "architecture": "net", "rule": "sgd", "g": g, "units": 8, "earlier_tasks": ""}
    names |= {"first_task": a, "second_task": b, "seed": seed} | {k: v for k, v in more.items() if k in names}
    row = names | {
        "idle_outputs": "free",
        "status": "done",
        "converged_first": True,
        "updates_second": int(updates[-1]),
        "loss_untrained": UNTRAINED,
        "loss_first": FIRST,
        "loss_after": loss_a[-1],
        "interference": lost,
        "second_loss_untrained": 1.0,
        "accuracy_first": 0.9,
        "accuracy_after": accuracy[-1],
    }
    curve = {"update": updates, "loss_first": loss_a, "loss_second": loss_b[: last + 1], "accuracy_first": accuracy}
    return row | more, pd.DataFrame(curve).assign(**names)


def tables(networks: list[tuple[dict, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, curves = zip(*networks, strict=True)
    return pd.DataFrame(rows), pd.concat(curves, ignore_index=True)


def along_g(rates: dict[float, float], lost: dict[float, float], seeds=range(5), spread=0.0):
    rng = np.random.default_rng(0)
    return [
        network(g, a, b, seed, rates[g], lost[g] + spread * rng.standard_normal())
        for g in rates
        for a in TASKS
        for b in TASKS
        for seed in seeds
    ]


def of_kinds(architectures: Sequence[str], rules: Sequence[str], tasks="abcd", seeds=range(2)):
    """Networks at g = 0.9 of every architecture and rule.

    Interference grows with the row of the task and varies between pairs and seeds.
    """
    rng = np.random.default_rng(0)
    return [
        network(
            0.9,
            a,
            b,
            seed,
            0.05,
            0.0 if a == b else 0.5 + 0.3 * tasks.index(a) + 0.2 * rng.standard_normal(),
            architecture=architecture,
            rule=rule,
            second_loss_untrained=1.0 + tasks.index(b),
        )
        for architecture in architectures
        for rule in rules
        for a in tasks
        for b in tasks
        for seed in seeds
    ]

"""How B was learnt: by rotating A's fixed point towards B's direction, or by forming a new one.

A's input leads the network to a state whose two readouts (z_A, z_B) are a point in the plane of the readouts.
Before B is learnt it lies along A. The rotation angle is the angle between the point and A's axis after B was
learnt, and the mode index is the fraction of the squared output that has gone over to B:

    theta = atan2(|z_B|, |z_A|),        mode index = z_B^2 / (z_A^2 + z_B^2) = sin(theta)^2

0: pure formation, A's fixed point is where it was; 1: pure rotation, A's input gives B's output. Where a task has
several outputs, z^2 is the sum of their squares. Trials, steps and signs of the pulse count alike: the squares are
summed over them. Defined for outputs above a floor, since a state that has decayed to rest points nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOOR = 0.1
"""An output below this fraction of A's target, both root mean squares, counts as decayed."""

OUTPUT_FLOOR = FLOOR * 0.5
"""Root mean square of (z_A, z_B) below which a state counts as decayed where the target is 0.5."""


def mode_index(
    outputs: np.ndarray, own: Sequence[int] = (0,), other: Sequence[int] = (1,), floor: float = OUTPUT_FLOOR
) -> float:
    """The mode index of outputs [.., output] that A's trials lead to; NaN where they have decayed or are not finite.

    own, other   which outputs are A's and which are B's
    floor        root mean square of the norm of both together at or below which they count as decayed
    """
    z_own, z_other = mean_square(outputs[..., list(own)]), mean_square(outputs[..., list(other)])
    if not z_own + z_other > floor**2:
        return float("nan")
    return float(z_other / (z_own + z_other))


def mean_square(outputs: np.ndarray) -> float:
    """Mean over everything but outputs [.., output] of their squared norm."""
    return float(np.mean(np.sum(np.asarray(outputs, dtype=float) ** 2, axis=-1)))


def rotation_angle(before: np.ndarray, after: np.ndarray) -> float:
    """Angle (rad, 0..pi) by which a state [unit], or a point in the plane of the readouts [2], was turned."""
    cosine = np.dot(before, after) / (np.linalg.norm(before) * np.linalg.norm(after))
    return float(np.arccos(np.clip(cosine, -1, 1)))

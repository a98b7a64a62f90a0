"""The mode index: whether B was learnt by rotating A's fixed point towards B's direction or by forming a new one.

A's input leads the network to a state whose two readouts (z_A, z_B) are a point in the plane of the readouts. Before
B is learnt, the point lies on A's axis. The rotation angle theta is the angle between the point and A's axis after B
was learnt, and the mode index is the fraction of the squared output that is then on B's readout:

    theta = atan2(|z_B|, |z_A|),        mode index = z_B^2 / (z_A^2 + z_B^2) = sin(theta)^2

0 is pure formation: A's fixed point stays where it was. 1 is pure rotation: A's input gives B's output. If a task has
several outputs, z^2 is the sum of their squares. The squares are summed over trials, steps and signs of the pulse with
equal weight. The index is defined only for outputs above a floor, since a state that has decayed to rest has no
direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOOR = 0.1
"""Outputs whose root mean square is below this fraction of the target's root mean square count as decayed."""

OUTPUT_FLOOR = FLOOR * 0.5
"""Root mean square of the norm of (z_A, z_B) below which a state counts as decayed, for a target of 0.5."""


def mode_index(
    outputs: np.ndarray, own: Sequence[int] = (0,), other: Sequence[int] = (1,), floor: float = OUTPUT_FLOOR
) -> float:
    """Mode index of the outputs in A's trials after B was learnt.

    Args:
        outputs: the outputs [.., output], over any axes of trials and steps.
        own: indices of A's outputs.
        other: indices of B's outputs.
        floor: root mean square of the norm of A's and B's outputs together, at or below which they count as decayed.

    Returns:
        The mode index, 0..1; NaN if the outputs have decayed or are not finite.
    """
    z_own, z_other = mean_square(outputs[..., list(own)]), mean_square(outputs[..., list(other)])
    if not z_own + z_other > floor**2:
        return float("nan")
    return float(z_other / (z_own + z_other))


def mean_square(outputs: np.ndarray) -> float:
    """Mean squared norm of the outputs.

    Args:
        outputs: the outputs [.., output]; the mean is taken over all axes but the last.
    """
    return float(np.mean(np.sum(np.asarray(outputs, dtype=float) ** 2, axis=-1)))


def rotation_angle(before: np.ndarray, after: np.ndarray) -> float:
    """Angle between a state before and after training.

    Args:
        before: the state [unit], or the point in the plane of the readouts [2], before.
        after: the same after.

    Returns:
        The angle in radians, 0..pi.
    """
    cosine = np.dot(before, after) / (np.linalg.norm(before) * np.linalg.norm(after))
    return float(np.arccos(np.clip(cosine, -1, 1)))

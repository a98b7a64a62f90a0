"""How B was learnt: by rotating A's fixed point towards B's direction, or by forming a new one.

A's input leads the network to a state whose two readouts (z_A, z_B) are a point in the plane of the readouts.
Before B is learnt it lies along A. The rotation angle is the angle between the point and A's axis after B was
learnt, and the mode index is the fraction of the squared output that has gone over to B:

    theta = atan2(|z_B|, |z_A|),        mode index = z_B^2 / (z_A^2 + z_B^2) = sin(theta)^2

0: pure formation, A's fixed point is where it was; 1: pure rotation, A's input gives B's output. Both signs of the
pulse count alike: the squares are summed over them. Defined for outputs above a floor, since a state that has
decayed to rest points nowhere.
"""

from __future__ import annotations

import numpy as np

OUTPUT_FLOOR = 0.05
"""Root mean square of (z_A, z_B) below which a state counts as decayed: a tenth of the target 0.5."""


def mode_index(outputs: np.ndarray) -> float:
    """The mode index of outputs [pulse, 2], columns (own, other task), that A's pulses lead to; NaN where decayed."""
    own, other = np.mean(np.asarray(outputs, dtype=float) ** 2, axis=0)
    if not own + other > OUTPUT_FLOOR**2:
        return float("nan")
    return float(other / (own + other))


def rotation_angle(before: np.ndarray, after: np.ndarray) -> float:
    """Angle (rad, 0..pi) by which a state [unit], or a point in the plane of the readouts [2], was turned."""
    cosine = np.dot(before, after) / (np.linalg.norm(before) * np.linalg.norm(after))
    return float(np.arccos(np.clip(cosine, -1, 1)))

"""Random streams: every random number comes from a stream derived from names and a seed, never from global state."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def rng_for(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random generator of one stream; the same arguments always give the same numbers.

    Streams of different names are independent: seed and names are hashed (SHA-256) into the 256 bits of entropy of
    numpy's SeedSequence.

    Args:
        seed: the seed of the network.
        names: what the stream is for, e.g. `"task", "romo", "trials", 5`.

    Returns:
        A new PCG64 generator at the start of its stream.
    """
    name = json.dumps([int(seed), *names], separators=(",", ":"))
    entropy = int.from_bytes(hashlib.sha256(name.encode()).digest(), "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))

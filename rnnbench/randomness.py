"""Every random number comes from a stream derived from names and seeds, never from global state."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def rng_for(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of the stream called `names` under `seed`; the same arguments, the same numbers.

    Streams of different names are independent: the name is hashed (SHA-256) into the 256 bits of
    entropy of numpy's SeedSequence.
    """
    name = json.dumps([int(seed), *names], separators=(",", ":"))
    entropy = int.from_bytes(hashlib.sha256(name.encode()).digest(), "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))

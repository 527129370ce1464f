"""Random streams: every draw of a study is a function of the root seed and of what the draw is for.

No generator is shared and none is carried from trial to trial, so a study can be replayed, resumed and spread over workers
without changing one draw.
"""

import hashlib
import random

Key = str | int


def stream_seed(seed: int, purpose: str, *keys: Key) -> int:
    """Return a 128-bit seed made of the root seed, a purpose and any number of keys by BLAKE2b.

    The parts are length-prefixed and typed, so `("a", 11)` and `("a1", 1)` differ.

    >>> stream_seed(0, "proposal", 3) == stream_seed(0, "proposal", 3)
    True
    >>> stream_seed(0, "proposal", 3) == stream_seed(0, "proposal", 4)
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (seed, purpose, *keys):
        text = f"{type(part).__name__}:{part}".encode()
        digest.update(f"{len(text)}|".encode() + text)
    return int.from_bytes(digest.digest(), "big")


def stream(seed: int, purpose: str, *keys: Key) -> random.Random:
    """Return a fresh generator for one purpose, such as `stream(seed, "proposal", trial)`.

    >>> stream(7, "mutation", 12).random() == stream(7, "mutation", 12).random()
    True
    """
    return random.Random(stream_seed(seed, purpose, *keys))

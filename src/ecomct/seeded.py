"""Seeded hashes: the only source of "randomness" in the data stages.

Order comes from hashing identities, never from a generator that is consumed in sequence, so that it
does not depend on how rows are spread over workers, and adding a row moves only its own product.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xxhash

U64 = npt.NDArray[np.uint64]


def hash_text(text: str, seed: int = 0) -> int:
    """64-bit hash of a string; `seed` below 2**63."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"), seed)


def digest_text(*parts: str) -> bytes:
    """128-bit digest of a tuple of strings; no two different tuples share an encoding."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return xxhash.xxh3_128_digest(b"".join(len(part).to_bytes(8, "little") + part for part in encoded))


def mix64(values: U64, seed: int) -> U64:
    """Hash each 64-bit value with `seed` (splitmix64's finaliser, a bijection for a fixed seed)."""
    with np.errstate(over="ignore"):
        state = values.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(state ^ (state >> np.uint64(31)), dtype=np.uint64)


def combine(left: U64, right: U64) -> U64:
    """Hash pairs of 64-bit values, element by element."""
    with np.errstate(over="ignore"):
        return mix64(mix64(left, 1) + right.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), 2)


def order(values: U64, seed: int, purpose: str) -> npt.NDArray[np.int64]:
    """Permutation that sorts `values` by seeded hash; equal values keep their order.

    `purpose` separates uses of one seed from each other.
    """
    return np.argsort(mix64(values, hash_text(purpose, seed) >> 1), kind="stable")

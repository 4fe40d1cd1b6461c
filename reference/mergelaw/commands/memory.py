"""How much memory a key takes, estimated from Python's own sizes.

Values are shared where they can be (small integers, the zero of each store), so sums over all keys come out too high.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

from immutables import Map

if TYPE_CHECKING:
    from mergelaw.replica.database import Entry

_MAP_NODE = 64
_MAP_SLOT = 20
"""A hash array mapped trie takes a pointer for each key and value, and its inner nodes."""
_FRACTION = 112


def estimate(key: bytes, entry: Entry, samples: int) -> int:
    """Bytes of `key`, its entry and its value; of a map `samples` items (0: all) are looked at, for the rest."""
    return sys.getsizeof(key) + sys.getsizeof(entry) + _size(entry.value, samples)


def _size(value: Any, samples: int) -> int:
    if isinstance(value, Map):
        if not value:
            return 0
        looked_at = list(islice(value.items(), samples or len(value)))
        inside = sum(_size(k, samples) + _size(v, samples) for k, v in looked_at)
        return _MAP_NODE + _MAP_SLOT * len(value) + inside * len(value) // len(looked_at)
    if isinstance(value, tuple):
        return sys.getsizeof(value) + sum(_size(item, samples) for item in value)
    if isinstance(value, Fraction):
        return _FRACTION
    return sys.getsizeof(value)

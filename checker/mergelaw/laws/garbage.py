"""When Python looks for garbage in reference cycles.

An encoding makes many thousands of small closures that point at each other and all live to its end, so looking for
garbage on the way finds none, and costs a fifth of the time. It is done between obligations.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS_MAX = 2_000_000
"""How many new objects may be about before garbage is looked for: some 300 MB."""


@contextmanager
def put_off() -> Iterator[None]:
    """Looks for garbage only on leaving, and only if there is a lot of new objects."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _OBJECTS_MAX:
            gc.collect()
        if was_on:
            gc.enable()

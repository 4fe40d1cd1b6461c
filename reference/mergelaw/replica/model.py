"""What instances tell each other: effects."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import Footprint
from mergelaw.semantics.values import Raw

MAX_REPLICA = 4095
"""The greatest instance id; the least is 1."""

MAX_DOT = 1 << 62
"""All dot numbers are below it."""

KEY = "Key"
"""The store of the Redis types; other names are those of types served with `--type`."""


class BadEffect(ValueError):
    """An effect that no instance can have made: its dots overlap those of another one, or its store is unknown."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """What an effect does to one key.

    Made by the thousand; it is in no cycle, so the garbage collector need not look at it.
    """

    key: bytes
    store: str
    """Name of the engine that applies it."""
    value: Raw
    """A state of the store, zero where the effect names nothing."""
    footprint: Footprint
    """All that it touches."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one transaction did; its parts are applied together.

    Its own dots are the run origin:first..last. (origin, last) is its identity.
    """

    origin: int
    first: int
    last: int
    context: CausalContext
    """The own run and all dots that it forgets."""
    parts: tuple[Part, ...]
    """At most one for each key and store. None at all: the dots are void, nobody holds what they named."""
    after: CausalContext | None
    """Causal delivery: what its origin had received, to be applied before it; None where it is off."""
    time_ms: int
    """Wall clock of its origin, from which lag is computed."""

    @property
    def identity(self) -> Dot:
        """What tells it from all others."""
        return self.origin, self.last

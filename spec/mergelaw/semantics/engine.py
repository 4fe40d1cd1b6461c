"""What runs a type: deltas, their footprints, and the interface that interpreter and compiler share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from immutables import Map

from mergelaw.language.core import MapT, Named, Program, Property, RecordT, Type
from mergelaw.language.span import Span
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.values import Raw

Footprint = Mapping[Any, Any] | None
"""The tree of places that a delta touches: field name or raw key -> Footprint. None: everything below; {}: nothing.

Declared types add no step: the footprint of a `DotSet` inside a map is that of its set of dots. Nobody changes one that
is made: several may share a part.
"""

State = tuple[Raw, CausalContext]
"""A state and the context that it is read under."""

Universe = Callable[[Type], Iterable[Raw]]
"""A finite sample of a type, over which quantifiers without source range."""

NOTHING: Mapping[Any, Any] = {}
"""The footprint that touches nothing."""


@dataclass(frozen=True)
class Delta:
    """What an update computes; the new state is merge(this, seen, value, context)."""

    value: Raw
    """A state of the type, zero where the update names nothing."""
    context: CausalContext
    """The update's own dots and what it forgets."""
    footprint: Footprint
    """What it touches; zeros are erased from `value`, so the value alone cannot tell."""
    dots: tuple[Dot, ...]
    """The dots that the update took, at least one; the last is its identity."""


class UpdateRefused(Exception):
    """The `requires` condition of an update does not hold in the state that it was asked of."""

    def __init__(self, update: str, span: Span) -> None:
        super().__init__(f"{span}: `{update}` is refused: its `requires` does not hold")
        self.update = update
        self.span = span


def union(left: Footprint, right: Footprint) -> Footprint:
    """The places of either."""
    if left is None or right is None:
        return None
    if len(left) < len(right):
        left, right = right, left
    made: dict[Any, Any] | None = None
    for step, below in right.items():
        if step in left:
            held = left[step]
            if held is None or (below is not None and not below):
                continue
            both = union(held, below)
            if both is held:
                continue
        else:
            both = below
        if made is None:
            made = dict(left)
        made[step] = both
    return left if made is None else made


def owned(footprint: Footprint) -> Footprint:
    """A copy that `absorbed` may change."""
    if footprint is None:
        return None
    return {step: None if below is None else owned(below) for step, below in footprint.items()}


def absorbed(into: Footprint, footprint: Footprint) -> Footprint:
    """The places of either. Costs those of `footprint`: `into`, which is the caller's own (see `owned`), is changed."""
    if into is None or footprint is None:
        return None
    assert isinstance(into, dict)
    for step, below in footprint.items():
        if step in into:
            held = into[step]
            if held is not None:
                into[step] = absorbed(held, below)
        else:
            into[step] = owned(below)
    return into


def frozen(footprint: Footprint) -> object:
    """Something hashable that tells footprints apart."""
    return None if footprint is None else frozenset([(step, frozen(below)) for step, below in footprint.items()])


def placed(steps: tuple[Raw, ...], below: Footprint) -> Footprint:
    """`below`, seen from `steps` (field names and raw keys) above it."""
    for step in reversed(steps):
        below = {step: below}
    return below


def touched(program: Program, t: Type, value: Raw) -> Footprint:
    """All that a value of `t` names: the fields of records, the keys of maps, everything of other things."""
    if isinstance(value, Map) and not value:
        return NOTHING
    t = program.unfold(t)
    match t:
        case RecordT(fields):
            return {n: touched(program, f, v) for (n, f), v in zip(fields, value, strict=True)}
        case MapT(_, item):
            return {k: touched(program, item, v) for k, v in value.items()}
        case _:
            return None


class Engine(Protocol):
    """An executable instance of a declared type. All methods are pure."""

    @property
    def program(self) -> Program:
        """Where the type is declared."""
        ...

    @property
    def type(self) -> Named:
        """The instance; its arguments are concrete."""
        ...

    def zero(self) -> Raw:
        """The least state."""
        ...

    def merge(self, left: Raw, left_seen: CausalContext, right: Raw, right_seen: CausalContext) -> Raw:
        """The merge of two states; it lives under the union of the contexts."""
        ...

    def apply(self, this: Raw, seen: CausalContext, delta: Delta) -> Raw:
        """merge(this, seen, delta.value, delta.context)."""
        ...

    def update(
        self,
        name: str,
        this: Raw,
        seen: CausalContext,
        args: tuple[Raw, ...],
        by: int,
        dots: tuple[Dot, ...],
        when: int,
    ) -> Delta:
        """The delta of update `name`; `dots` are `dots_taken(name)` fresh ones of replica `by`, ascending.

        Raises: UpdateRefused, if `requires` does not hold; KeyError, if there is no such update.
        """
        ...

    def dots_taken(self, name: str) -> int:
        """How many dots update `name` takes: max(1, how many it names). Raises: KeyError."""
        ...

    def query(self, name: str, this: Raw, seen: CausalContext, args: tuple[Raw, ...]) -> Raw:
        """What query `name` answers. Raises: KeyError, if there is no such query."""
        ...

    def dots(self, this: Raw) -> frozenset[Dot]:
        """The live dots of the state."""
        ...

    def holds(self, prop: Property, states: tuple[State, ...], replica: int | None, universe: Universe) -> bool:
        """Whether `prop` holds of `states`, as many as it names; `replica` binds that of a home relation."""
        ...

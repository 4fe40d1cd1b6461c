"""Small domains: the values that the finder tries for the arguments of updates and theorems.

Every domain is finite, fixed, and lists its simplest value first, so that the first counterexample
met is a simple one. What is refuted over a small domain is refuted; what is not may still be false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product

from mergelaw.language.core import (
    DOT,
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)
from mergelaw.semantics.context import Dot
from mergelaw.semantics.values import Raw, is_zero, make_map, order_key

TEXTS = ("x", "y")
"""The texts that updates are called with."""

TIMES = (1, 2)
"""The wall-clock times at which updates run; a later update may run at an earlier time."""

_BASES: dict[str, tuple[Raw, ...]] = {
    "Bool": (True, False),
    "Nat": (1, 2),
    "Int": (1, -1),
    "Real": (Fraction(1), Fraction(-1)),
    "Text": TEXTS,
    "Time": TIMES,
}
_WIDER: dict[str, tuple[Raw, ...]] = {"Nat": (0,), "Int": (0,), "Real": (Fraction(0),), "Time": (TIMES[-1] + 1,)}
_SIZE = 8
"""A domain keeps at most this many values."""
_DEPTH = 3
"""How deep enums and declared types are nested in one another."""


def _no_parts(_: Named) -> tuple[Raw, ...]:
    return ()


@dataclass(frozen=True)
class Sources:
    """Where values come from that no domain can invent."""

    replicas: tuple[int, ...] = (1,)
    """The replicas of the system."""
    dots: tuple[Dot, ...] = ()
    """The dots that an argument may name."""
    parts: Callable[[Named], tuple[Raw, ...]] = field(default=_no_parts)
    """Reachable states of a declared type; () where it has none to offer."""
    held: tuple[tuple[Type, Raw], ...] = ()
    """Sequences and tuples that occur in the state, with their types: a name such as a position is read out of it."""
    numbers: tuple[int, ...] = ()
    """Numbers that the spec makes a difference at."""
    wide: bool = False
    """Whether numbers may be zero too, and times later than all updates'."""


def domain(program: Program, t: Type, sources: Sources) -> tuple[Raw, ...]:
    """The values to try for an argument of type `t`, the simplest first, at most eight; maybe none."""
    return tuple(islice(dict.fromkeys(_values(program, t, sources, _DEPTH)), _SIZE))


def argument_lists(program: Program, types: tuple[Type, ...], sources: Sources, most: int) -> Iterator[tuple[Raw, ...]]:
    """Tuples of arguments of these types, simple ones first, at most `most`."""
    domains = [domain(program, t, sources) for t in types]
    ranked = [list(enumerate(d)) for d in domains]
    for choice in islice(sorted(product(*ranked), key=lambda c: sum(i for i, _ in c)), most):
        yield tuple(value for _, value in choice)


def _values(program: Program, t: Type, sources: Sources, depth: int) -> Iterator[Raw]:
    match t:
        case Base("Replica"):
            yield from sources.replicas
        case Base("Dot"):
            yield from sources.dots
        case Base(name):
            yield from _BASES[name]
            if sources.wide:
                yield from _WIDER.get(name, ())
            if name in ("Nat", "Int", "Real"):
                yield from (Fraction(n) if name == "Real" else n for n in sources.numbers)
        case OptionType(item):
            yield from ((v,) for v in _values(program, item, sources, depth))
            yield None
        case TupleT(items):
            yield from (v for s, v in sources.held if s == t)
            yield from _combined(program, items, sources, depth)
        case RecordT(fields):
            yield from _combined(program, tuple(f for _, f in fields), sources, depth)
        case EnumT():
            if depth > 0:
                yield from _alternating(
                    [_variant(program, t, i, sources, depth) for i in range(len(program.variants(t)))]
                )
        case MapT(key, item):
            keys, held = (tuple(islice(_values(program, p, sources, depth), 2)) for p in (key, item))
            held = tuple(v for v in held if not is_zero(program, item, v))
            yield from (make_map(program, t, [(k, v)]) for k in keys for v in held)
            yield make_map(program, t, [])
            if len(keys) > 1 and held:
                yield make_map(program, t, [(k, held[0]) for k in keys])
        case SeqT(item):
            yield from (v for s, v in sources.held if s == t)
            few = tuple(islice(_values(program, item, sources, depth), 2))
            yield from ((v,) for v in few)
            yield ()
            yield from ((v, w) for v in few for w in few)
        case Named():
            parts = sources.parts(t)
            if parts:
                yield from parts
            elif depth > 0:
                yield from _values(program, program.state_type(t), sources, depth - 1)


def _combined(program: Program, items: tuple[Type, ...], sources: Sources, depth: int) -> Iterator[Raw]:
    """Tuples, the one of all simplest values first."""
    domains = [list(enumerate(islice(_values(program, i, sources, depth), 3))) for i in items]
    for choice in sorted(product(*domains), key=lambda c: sum(i for i, _ in c)):
        yield tuple(v for _, v in choice)


def _variant(program: Program, t: EnumT, index: int, sources: Sources, depth: int) -> Iterator[Raw]:
    payload = tuple(f for _, f in program.variants(t)[index][1])
    return ((index, *values) for values in _combined(program, payload, sources, depth - 1))


def _alternating(streams: list[Iterator[Raw]]) -> Iterator[Raw]:
    """The first of each stream, then the second of each, and so on."""
    waiting = streams
    while waiting:
        left = []
        for stream in waiting:
            for value in islice(stream, 1):
                yield value
                left.append(stream)
        waiting = left


def occurrences(program: Program, t: Type, value: Raw) -> Iterator[tuple[Type, Raw]]:
    """`value` and everything inside it, each with its type, declared types both folded and unfolded."""
    yield t, value
    match t:
        case OptionType(item):
            if value is not None:
                yield from occurrences(program, item, value[0])
        case SeqT(item):
            for v in value:
                yield from occurrences(program, item, v)
        case TupleT(items):
            for i, v in zip(items, value, strict=True):
                yield from occurrences(program, i, v)
        case RecordT(fields):
            for (_, f), v in zip(fields, value, strict=True):
                yield from occurrences(program, f, v)
        case EnumT():
            for (_, f), v in zip(program.variants(t)[value[0]][1], value[1:], strict=True):
                yield from occurrences(program, f, v)
        case MapT(key, item):
            for k, v in value.items():
                yield from occurrences(program, key, k)
                yield from occurrences(program, item, v)
        case Named():
            yield from occurrences(program, program.state_type(t), value)
        case _:
            pass


def names_in(program: Program, t: Type, value: Raw) -> tuple[tuple[Type, Raw], ...]:
    """The sequences and tuples that are keys of maps in `value`, with their types, each once."""
    found: dict[tuple[Type, Raw], None] = {}

    def walk(t: Type, value: Raw) -> None:
        match t:
            case RecordT(fields):
                for (_, f), v in zip(fields, value, strict=True):
                    walk(f, v)
            case MapT(key, item):
                for k, v in value.items():
                    if isinstance(key, SeqT | TupleT):
                        found[key, k] = None
                    walk(item, v)
            case Named():
                walk(program.state_type(t), value)
            case _:
                return

    walk(t, value)
    return tuple(sorted(found, key=lambda f: repr(f[1])))


def dots_in(program: Program, t: Type, value: Raw) -> tuple[Dot, ...]:
    """All dots that occur anywhere in `value`, ascending."""
    return tuple(sorted({v for u, v in occurrences(program, t, value) if u == DOT}))


def sample(program: Program, t: Type, held: tuple[tuple[Type, Raw], ...], sources: Sources) -> tuple[Raw, ...]:
    """The universe of a quantifier over `t`: what occurs in `held`, the domain, and a value or two beyond them.

    One unused value stands for all others as long as values are only compared for equality; numbers get one
    beyond the greatest. This is a sample: an `exists` that fails on it fails on the whole type
    only if the unused values behave alike.
    """
    found = {v for u, w in held for s, v in occurrences(program, u, w) if s == t}
    found.update(domain(program, t, sources))
    match t:
        case Base("Replica"):
            found.add(max(found, default=0) + 1)
        case Base("Dot"):
            found.update((r, 1 + max((n for q, n in found if q == r), default=0)) for r in sources.replicas)
        case Base("Nat" | "Int" | "Time"):
            found.update((0, max(found, default=0) + 1))
        case Base("Real"):
            found.update((Fraction(0), max(found, default=Fraction(0)) + 1))
        case Base("Text"):
            found.update(("", "z"))
        case TupleT(items):
            parts = [sample(program, i, held, sources)[:6] for i in items]
            found.update(islice(product(*parts), 100))
        case _:
            pass
    return tuple(sorted(found, key=lambda v: order_key(program, t, v)))

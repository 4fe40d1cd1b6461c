"""What a type can do: zero, merge, order, dots; and whether it meets the bound of a parameter.

All questions are answered "yes" for types that an error was reported for, so that nothing is reported twice.
A recursive type meets a question if nothing but the recursion stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from mergelaw.language.check.declared import Declared
from mergelaw.language.check.unify import Meta, Poison, parts
from mergelaw.language.core import Base, EnumT, MapT, Named, OptionType, ParamT, RecordT, SeqT, TupleT, Type

Visited = frozenset[str]
T = TypeVar("T")


def zero_gap(d: Declared, t: Type, visited: Visited = frozenset()) -> Type | None:
    """The part of `t` that has no zero; None iff `t` has a zero."""
    match t:
        case Base(name):
            return t if name in ("Replica", "Dot") else None
        case ParamT(_, bound):
            return None if bound in ("Lattice", "Store") else t
        case TupleT(items):
            return _first(zero_gap(d, i, visited) for i in items)
        case RecordT(fields):
            return _first(zero_gap(d, f, visited) for _, f in fields)
        case EnumT(name):
            if name in visited:
                return None
            return _first(zero_gap(d, f, visited | {name}) for _, f in d.enum_variants(t)[0][1])
        case Named(name):
            return None if name in visited else zero_gap(d, d.state_type(t), visited | {name})
        case _:
            return None


def merge_gap(d: Declared, t: Type, path: str = "") -> tuple[str, Type] | None:
    """Path and type of a part of `t` that has no merge; None iff `t` has a merge."""
    match t:
        case MapT(_, value):
            return merge_gap(d, value, f"{path}[...]")
        case RecordT(fields):
            return _first(merge_gap(d, f, f"{path}.{n}" if path else n) for n, f in fields)
        case ParamT(_, bound) if bound in ("Lattice", "Store"):
            return None
        case Named() | Poison() | Meta():
            return None
        case _:
            return path, t


def order_gap(d: Declared, t: Type, visited: Visited = frozenset()) -> Type | None:
    """The part of `t` that has no order; None iff `t` is ordered."""
    match t:
        case Base() | Poison() | Meta():
            return None
        case ParamT(_, bound):
            return None if bound == "Ordered" else t
        case OptionType(item) | SeqT(item):
            return order_gap(d, item, visited)
        case TupleT(items):
            return _first(order_gap(d, i, visited) for i in items)
        case EnumT(name):
            if name in visited:
                return None
            return _first(order_gap(d, f, visited | {name}) for _, fs in d.enum_variants(t) for _, f in fs)
        case Named(name):
            return None if name in visited else order_gap(d, d.state_type(t), visited | {name})
        case _:
            return t


def has_dots(d: Declared, t: Type, visited: Visited = frozenset()) -> bool:
    """Whether values of `t` can have live dots: `dots(x)` and `forget x` mean something."""
    match t:
        case Poison() | Meta():
            return True
        case ParamT(_, bound):
            return bound == "Store"
        case MapT(_, value):
            return has_dots(d, value, visited)
        case RecordT(fields):
            return any(has_dots(d, f, visited) for _, f in fields)
        case Named(name):
            if name in visited:
                return False
            return d.types[name].own_dots or has_dots(d, d.state_type(t), visited | {name})
        case _:
            return False


def store_part(d: Declared, t: Type) -> Type | None:
    """A part of `t` whose merge needs contexts; None iff there is none."""
    match t:
        case ParamT(_, bound):
            return t if bound == "Store" else None
        case Named(name):
            return t if d.types[name].is_store else None
        case MapT(_, item) | OptionType(item) | SeqT(item):
            return store_part(d, item)
        case RecordT(fields):
            return _first(store_part(d, f) for _, f in fields)
        case TupleT(items):
            return _first(store_part(d, i) for i in items)
        case EnumT():
            return _first(store_part(d, a) for a in t.args)
        case _:
            return None


def meets(d: Declared, t: Type, bound: str | None) -> bool:
    """Whether `t` can be the argument for a parameter with this bound."""
    match bound:
        case "Ordered":
            return order_gap(d, t) is None
        case "Lattice":
            return merge_gap(d, t) is None and store_part(d, t) is None
        case "Store":
            return merge_gap(d, t) is None
        case _:
            return True


BOUND_HINTS = {
    "Ordered": "Ordered are the base types, parameters with the bound Ordered, "
    "and options, tuples, sequences and enums of these.",
    "Lattice": "A Lattice is a declared `type`, a parameter with the bound Lattice, or a record or map of these.",
    "Store": "A Store is a declared `store` or `type`, a parameter with the bound Store or Lattice, "
    "or a record or map of these.",
}


def infinite_zero(d: Declared, name: str) -> list[str] | None:
    """The circle of types from `name` to itself without anything between that may be empty; None iff there is none."""

    def walk(t: Type, trail: list[str]) -> list[str] | None:
        match t:
            case RecordT(fields):
                return _first(walk(f, trail) for _, f in fields)
            case TupleT(items):
                return _first(walk(i, trail) for i in items)
            case Named(n):
                return enter(n, trail, lambda: (d.state_type(t),))
            case EnumT(n):
                return enter(n, trail, lambda: tuple(f for _, f in d.enum_variants(t)[0][1]))
            case _:
                return None

    def enter(n: str, trail: list[str], inside: Callable[[], tuple[Type, ...]]) -> list[str] | None:
        if trail and n == name:
            return [*trail, n]
        if n in trail:
            return None
        return _first(walk(t, [*trail, n]) for t in inside())

    if name in d.types:
        return walk(d.types[name].self_type, [])
    return walk(EnumT(name, tuple(ParamT(p.name, p.bound) for p in d.enums[name].params)), [])


INSTANCES_MAX = 64
"""Instances of one declared type that another may need."""


def endless_instances(d: Declared, name: str) -> Type | None:
    """An instance of `name`, among ever greater ones that its state needs; None iff it needs finitely many."""
    todo = [d.types[name].self_type]
    found = set(todo)
    count: dict[str, int] = {}
    while todo:
        for part in parts(d.state_type(todo.pop())):
            if isinstance(part, Named) and part not in found:
                found.add(part)
                todo.append(part)
                count[part.name] = count.get(part.name, 0) + 1
                if count[part.name] > INSTANCES_MAX:
                    others = (p for p in found if p.name == part.name)
                    return min((p for p in others if p != d.types[name].self_type), key=_size)
    return None


def _size(t: Type) -> int:
    return sum(1 for _ in parts(t))


def _first(items: Iterator[T | None]) -> T | None:
    return next((i for i in items if i is not None), None)

"""Places of a state: where its parts, its live dots and its leaves are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mergelaw.language import core
from mergelaw.language.core import MapT, Named, ParamT, Program, Property, RecordT, Type
from mergelaw.laws.encode import Encoder
from mergelaw.laws.memo import per_program
from mergelaw.laws.symbolic import Fun, Sym, Tup

Steps = tuple[str | Type, ...]
"""Field names, and the key types of the maps on the way."""


@dataclass(frozen=True)
class Part:
    """A part of a state: a declared type, or an abstract store, at `steps`."""

    steps: Steps
    type: Type
    positions: tuple[int, ...] = ()
    """Index of each field step in its record; -1 for keys."""
    drops: tuple[int, ...] = ()
    """How many steps lead to each entry on the way that an own merge may drop as a whole."""

    @cached_property
    def keys(self) -> tuple[Type, ...]:
        """Types of the keys that select one instance of the part."""
        return tuple(s for s in self.steps if not isinstance(s, str))

    def label(self) -> str:
        """`fields[].value`; empty for the state itself."""
        out = ""
        for s in self.steps:
            out += f".{s}" if isinstance(s, str) else "[]"
        return out.removeprefix(".")

    def read(self, value: Sym, keys: tuple[Sym, ...]) -> Sym:
        """The part in `value`, at `keys`."""
        rest = list(keys)
        t: Sym = value
        for n, s in enumerate(self.steps):
            if isinstance(s, str):
                assert isinstance(t, Tup)
                t = t.items[self.positions[n]]
            else:
                assert isinstance(t, Fun)
                t = t(rest.pop(0))
        return t


@per_program
def parts(program: Program, t: Type) -> tuple[Part, ...]:
    """The declared types and abstract stores inside `t`, `t` itself first."""
    return tuple(_parts(program, t, (), (), ()))


def _parts(
    program: Program, t: Type, steps: Steps, positions: tuple[int, ...], drops: tuple[int, ...]
) -> Iterator[Part]:
    match t:
        case Named(name):
            yield Part(steps, t, positions, drops)
            state = program.state_type(t)
            if program.types[name].merge is not None and isinstance(state, MapT):
                drops = (*drops, len(steps) + 1)
            yield from _parts(program, state, steps, positions, drops)
        case ParamT(_, "Store" | "Lattice"):
            yield Part(steps, t, positions, drops)
        case RecordT(fields):
            for i, (name, f) in enumerate(fields):
                yield from _parts(program, f, (*steps, name), (*positions, i), drops)
        case MapT(key, value):
            yield from _parts(program, value, (*steps, key), (*positions, -1), drops)
        case _:
            return


def dot_places(enc: Encoder, t: Named) -> list[Part]:
    """The parts of `t` that hold live dots of their own."""
    out = []
    for p in parts(enc.program, t):
        own = isinstance(p.type, Named) and enc.program.types[p.type.name].dots is not None
        if own or (isinstance(p.type, ParamT) and p.type.bound == "Store"):
            out.append(p)
    return out


def properties(enc: Encoder, t: Named) -> list[tuple[Part, Property]]:
    """All declared invariants and relations of `t` and of its parts."""
    return [
        (p, prop)
        for p in parts(enc.program, t)
        if isinstance(p.type, Named)
        for prop in enc.program.types[p.type.name].properties
    ]


def leaves(enc: Encoder, t: Type) -> tuple[Part, ...]:
    """The places at which a merge by footprint may differ from a full one.

    Everything below a merge that is not pointwise is one leaf. A merge that is decides each key that is touched as a
    whole, and may drop its entry.
    """
    return _all_leaves(enc.program, t)


@per_program
def _all_leaves(program: Program, t: Type) -> tuple[Part, ...]:
    return tuple(_leaves(program, t, (), (), ()))


def _leaves(
    program: Program, t: Type, steps: Steps, positions: tuple[int, ...], drops: tuple[int, ...]
) -> Iterator[Part]:
    match t:
        case Named(name):
            merge = program.types[name].merge
            if merge is not None and not pointwise(merge):
                yield Part(steps, t, positions, drops)
                return
            state = program.state_type(t)
            if merge is not None and isinstance(state, MapT):
                drops = (*drops, len(steps) + 1)
            yield from _leaves(program, state, steps, positions, drops)
        case RecordT(fields):
            for i, (name, f) in enumerate(fields):
                yield from _leaves(program, f, (*steps, name), (*positions, i), drops)
        case MapT(key, value):
            yield from _leaves(program, value, (*steps, key), (*positions, -1), drops)
        case _:
            yield Part(steps, t, positions, drops)


def pointwise(merge: core.MergeDef) -> bool:
    """Whether a merge decides each field of its result by that field, and each key of a map by that key alone."""
    states = (merge.left, merge.right)
    if isinstance(merge.body, core.RecordE):
        return all(_decides(f, states, name) for name, f in merge.body.fields)
    return _decides(merge.body, states, None)


def _decides(e: core.Expr, states: tuple[str, ...], name: str | None, key: str | None = None) -> bool:
    """Whether `e` reads only field `name` of the states (None: the whole state), in maps only at the variable `key`."""
    match e:
        case core.Seen():
            return True
        case core.Build(_, var, body, _) if key is None:
            return _decides(body, states, name, var)
        case core.At(_, subject, core.Var(_, k)) if k == key and _is_source(subject, states, name):
            return True
        case core.At(_, core.Seen(), k):
            return _decides(k, states, name, key)
        case core.Op(_, "union" | "inter" | "diff", args) if key is None:
            return all(
                isinstance(a, core.Seen) or _is_source(a, states, name) or _decides(a, states, name) for a in args
            )
        case _ if _is_source(e, states, name):
            return not isinstance(e.type, MapT | Named | RecordT)
        case core.Get(_, subject, _) if _is_source(subject, states, None):
            return False
        case core.Merge(_, left, right) if key is None:
            return _is_source(left, states, name) and _is_source(right, states, name)
        case core.Var(_, v):
            return v not in states
        case _:
            return all(_decides(c, states, name, key) for c in core.children(e))


def _is_source(e: core.Expr, states: tuple[str, ...], name: str | None) -> bool:
    if name is not None:
        return isinstance(e, core.Get) and e.name == name and _is_source(e.subject, states, None)
    return isinstance(e, core.Var) and e.name in states

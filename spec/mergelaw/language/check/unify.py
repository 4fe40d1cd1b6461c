"""Static types that are partly unknown: unification, widening and joins, up to unfolding of declared types.

Type equality here is structural: a declared type equals its state, at any depth. Two types in progress
of being compared are taken to be equal, so recursive types do not loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mergelaw.language import core
from mergelaw.language.core import BOOL, Base, EnumT, MapT, Named, OptionType, ParamT, RecordT, SeqT, TupleT, Type
from mergelaw.language.span import Span

NUMERIC = {"Nat": 0, "Int": 1, "Real": 2}


@dataclass(frozen=True, eq=False)
class Meta(Type):
    """A type not known yet; equal to itself only."""

    span: Span
    """Where it came up."""
    what: str
    """What has this type, for the message if it stays unknown."""

    # Without these, the equality of `Type`, which has no fields, would make all unknown types one.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __str__(self) -> str:
        return "_"


@dataclass(frozen=True)
class Poison(Type):
    """The type of an expression that an error was reported for; fits everything."""

    def __str__(self) -> str:
        return "?"


POISON = Poison()


class Unfolds(Protocol):
    """Knows the states of declared types."""

    def state_type(self, t: Named) -> Type:
        """The state of an instance of a declared type, one layer unfolded."""
        ...


Pairs = frozenset[tuple[Type, Type]]


class Unifier:
    """Solutions of the unknown types of one clause."""

    def __init__(self, unfolds: Unfolds) -> None:
        self._unfolds = unfolds
        self._solutions: dict[Meta, Type] = {}

    # -- looking ---------------------------------------------------------------------------------

    def head(self, t: Type) -> Type:
        """`t`, or what its unknown head has been found to be; declared types stay folded."""
        while isinstance(t, Meta) and t in self._solutions:
            t = self._solutions[t]
        return t

    def shape(self, t: Type) -> Type:
        """`head`, with declared types at the head replaced by their states."""
        t = self.head(t)
        while isinstance(t, Named):
            t = self.head(self._unfolds.state_type(t))
        return t

    def solved(self, t: Type) -> Type:
        """`t` with all solutions filled in; what is still unknown stays a `Meta`."""
        t = self.head(t)
        match t:
            case OptionType(item):
                return OptionType(self.solved(item))
            case SeqT(item):
                return SeqT(self.solved(item))
            case TupleT(items):
                return TupleT(tuple(self.solved(i) for i in items))
            case RecordT(fields):
                return RecordT(tuple((n, self.solved(f)) for n, f in fields))
            case MapT(key, value):
                return MapT(self.solved(key), self.solved(value))
            case EnumT(name, args):
                return EnumT(name, tuple(self.solved(a) for a in args))
            case Named(name, args):
                return Named(name, tuple(self.solved(a) for a in args))
            case _:
                return t

    def known(self, t: Type) -> bool:
        """Whether nothing in `t` is unknown."""
        return not any(isinstance(part, Meta) for part in parts(self.solved(t)))

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Forgets on leaving all solutions found inside."""
        saved = dict(self._solutions)
        try:
            yield
        finally:
            self._solutions = saved

    # -- making equal ----------------------------------------------------------------------------

    def unify(self, a: Type, b: Type, assumed: Pairs = frozenset()) -> bool:
        """Makes the two types equal by solving unknowns, up to unfolding; False iff they cannot be."""
        return self._relate(a, b, False, assumed)

    def fits(self, actual: Type, expected: Type) -> bool:
        """Makes `actual` usable where `expected` is needed; False iff it cannot be.

        It has to be equal, or of narrower numbers, also inside values.
        Keys of maps and members of sets do not widen.
        """
        return self._relate(actual, expected, True, frozenset())

    def _relate(self, a: Type, b: Type, widen: bool, assumed: Pairs) -> bool:
        a, b = self.head(a), self.head(b)
        if a is b:
            return True
        if isinstance(a, Poison) or isinstance(b, Poison):
            self.poison(a)
            self.poison(b)
            return True
        if isinstance(a, Meta):
            return self._solve(a, b)
        if isinstance(b, Meta):
            return self._solve(b, a)
        if isinstance(a, Named) or isinstance(b, Named):
            return self._relate_named(a, b, widen, assumed)
        match a, b:
            case Base(m), Base(n):
                return m == n or widen and m in NUMERIC and n in NUMERIC and NUMERIC[m] < NUMERIC[n]
            case (OptionType(i), OptionType(j)) | (SeqT(i), SeqT(j)):
                return self._relate(i, j, widen, assumed)
            case TupleT(xs), TupleT(ys):
                return len(xs) == len(ys) and all(
                    self._relate(x, y, widen, assumed) for x, y in zip(xs, ys, strict=True)
                )
            case RecordT(fs), RecordT(gs):
                return [n for n, _ in fs] == [n for n, _ in gs] and all(
                    self._relate(f, g, widen, assumed) for (_, f), (_, g) in zip(fs, gs, strict=True)
                )
            case MapT(k, v), MapT(j, w):
                return self._relate(k, j, False, assumed) and self._relate(v, w, widen, assumed)
            case EnumT(m, xs), EnumT(n, ys):
                return m == n and all(self._relate(x, y, False, assumed) for x, y in zip(xs, ys, strict=True))
            case ParamT(m), ParamT(n):
                return m == n
            case _:
                return False

    def _relate_named(self, a: Type, b: Type, widen: bool, assumed: Pairs) -> bool:
        if isinstance(a, Named) and isinstance(b, Named) and a.name == b.name:
            return all(self._relate(x, y, False, assumed) for x, y in zip(a.args, b.args, strict=True))
        pair = (self.solved(a), self.solved(b))
        if pair in assumed:
            return True
        return self._relate(self._unfold_one(a), self._unfold_one(b), widen, assumed | {pair})

    def _unfold_one(self, t: Type) -> Type:
        return self._unfolds.state_type(t) if isinstance(t, Named) else t

    def _solve(self, unknown: Meta, t: Type) -> bool:
        t = self.solved(t)
        if any(part is unknown for part in parts(t)):
            return t is unknown
        self._solutions[unknown] = t
        return True

    def poison(self, t: Type) -> None:
        """Gives up what is unknown in `t`, where an error was reported."""
        for part in parts(self.solved(t)):
            if isinstance(part, Meta):
                self._solutions[part] = POISON

    # -- joining ---------------------------------------------------------------------------------

    def join(self, a: Type, b: Type) -> Type | None:
        """The narrowest type that both fit, a declared one where either is declared; None iff there is none."""
        a, b = self.head(a), self.head(b)
        if isinstance(a, Poison) or isinstance(b, Poison):
            self.poison(a)
            self.poison(b)
            return POISON
        if isinstance(a, Meta) or isinstance(b, Meta):
            return b if self._relate(a, b, False, frozenset()) else None
        if isinstance(a, Named):
            return a if self.fits(b, a) else None
        if isinstance(b, Named):
            return b if self.fits(a, b) else None
        match a, b:
            case Base(m), Base(n) if m in NUMERIC and n in NUMERIC:
                return a if NUMERIC[m] >= NUMERIC[n] else b
            case OptionType(i), OptionType(j):
                item = self.join(i, j)
                return item and OptionType(item)
            case SeqT(i), SeqT(j):
                item = self.join(i, j)
                return item and SeqT(item)
            case MapT(k, v), MapT(l, w):
                value = self.join(v, w) if self.unify(k, l) else None
                return value and MapT(k, value)
            case TupleT(xs), TupleT(ys) if len(xs) == len(ys):
                items = [self.join(x, y) for x, y in zip(xs, ys, strict=True)]
                return TupleT(tuple(i for i in items if i)) if all(items) else None
            case _:
                return a if self.unify(a, b) else None


def parts(t: Type) -> Iterator[Type]:
    """`t` and all types written in it; states of declared types are not looked into."""
    yield t
    match t:
        case OptionType(item) | SeqT(item):
            yield from parts(item)
        case TupleT(items):
            for i in items:
                yield from parts(i)
        case RecordT(fields):
            for _, f in fields:
                yield from parts(f)
        case MapT(key, value):
            yield from parts(key)
            yield from parts(value)
        case EnumT(_, args) | Named(_, args):
            for a in args:
                yield from parts(a)
        case _:
            pass


def is_set(t: Type) -> bool:
    """Whether `t` (a shape) is a `Set[...]`."""
    return isinstance(t, MapT) and t.value == BOOL


def poisoned(span: Span) -> core.Expr:
    """What stands for an expression that an error was reported for."""
    return core.Zero(POISON, span=span)

"""The entries of an update, symbolically: the value that they make together, and the places that they touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mergelaw.language import core
from mergelaw.language.core import MapT, RecordT, Type
from mergelaw.laws.encode import Encoder, Env
from mergelaw.laws.smt import FALSE, TRUE, Term, and_, not_, or_
from mergelaw.laws.symbolic import Fun, Sym, Tup, Unsupported, nonzero_part

Place = tuple[str | Sym, ...]
"""A concrete path: field names and symbolic keys."""

Pending = tuple[tuple[str, Type, Fun], ...]
"""Variables of `each`, their types, and the sets they range over."""


class Entry(NamedTuple):
    """What an update says of one place, under a guard."""

    guard: Term
    env: Env
    pending: Pending
    """Variables of `each` that no step has bound yet, with the sets they range over."""
    steps: tuple[core.Step, ...]
    value: Callable[[Env], Sym] | None
    """None for what only forgets."""
    held: Callable[[Env], Sym] | None
    """The value in `this` at the place, for what forgets."""
    inner: Callable[[Env, Place], Term] | None
    """For the update of a part: whether it touches a place below."""


class Entries:
    """Reads entries below places of the state."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def value(self, t: Type, entries: Sequence[Entry]) -> Sym:
        """The value of type `t` that the entries make, zero where there is none."""
        enc = self.encoder
        valued = [e for e in entries if e.value is not None]
        if not valued:
            return enc.zero(t)
        here = [e for e in valued if not e.steps]
        below = [e for e in valued if e.steps]
        out: Sym
        rep = enc.rep(t)
        if not below:
            out = enc.zero(t)
        elif isinstance(rep, RecordT):
            out = Tup(
                tuple(
                    self.value(ft, [e._replace(steps=e.steps[1:]) for e in below if e.steps[0] == name])
                    for name, ft in rep.fields
                )
            )
        elif isinstance(rep, MapT):
            for e in below:
                step = e.steps[0]
                assert isinstance(step, core.Expr)
                if not self._is_pending(e, step):
                    enc.logic.ground(enc.key_of(rep.key), enc.eval(step, e.env))
            value_type = rep.value

            def read(k: Sym) -> Sym:
                matching = [m for e in below if (m := self._at_key(e, k)) is not None]
                return self.value(value_type, matching)

            out = Fun(rep.key, value_type, read)
        else:
            raise Unsupported("a path into a recursive part")
        for e in here:
            if e.pending:
                raise Unsupported("an `each` whose variable is not a key of its path")
            assert e.value is not None
            out = enc.choose(e.guard, e.value(e.env), out)
        return out

    @staticmethod
    def _is_pending(e: Entry, step: core.Expr) -> bool:
        return isinstance(step, core.Var) and any(v == step.name for v, _, _ in e.pending)

    def _at_key(self, e: Entry, k: Sym) -> Entry | None:
        """`e` below key `k`, or None where it cannot be there."""
        enc = self.encoder
        step = e.steps[0]
        assert isinstance(step, core.Expr)
        if self._is_pending(e, step):
            assert isinstance(step, core.Var)
            source = next(s for v, _, s in e.pending if v == step.name)
            guard = and_(e.guard, enc.truth(source(k)))
            rest = tuple(p for p in e.pending if p[0] != step.name)
            e = e._replace(guard=guard, env=e.env.bind(**{step.name: k}), pending=rest, steps=e.steps[1:])
        else:
            e = e._replace(guard=and_(e.guard, enc.equal(enc.eval(step, e.env), k)), steps=e.steps[1:])
        return None if e.guard is FALSE else e

    # -- the footprint -----------------------------------------------------------------------------

    def touched(self, owner: Type, entries: Sequence[Entry], place: Place) -> Term:
        """Whether one of the entries touches the place, or anything below it."""
        return or_(*(self._entry_touches(owner, e, place) for e in entries))

    def _entry_touches(self, t: Type, e: Entry, place: Place) -> Term:
        """Whether the entry touches the place, or anything below it."""
        for n, at in enumerate(place):
            if not e.steps:
                return and_(e.guard, self._covers(t, e, place[n:]))
            step = e.steps[0]
            rep = self.encoder.rep(t)
            if isinstance(step, str):
                assert isinstance(rep, RecordT)
                if step != at:
                    return FALSE
                t = rep.fields[rep.position(step)][1]
                e = e._replace(steps=e.steps[1:])
            else:
                assert isinstance(rep, MapT) and not isinstance(at, str)
                found = self._at_key(e, at)
                if found is None:
                    return FALSE
                t, e = rep.value, found
        return e.guard

    def _covers(self, t: Type, e: Entry, rest: Place) -> Term:
        """Whether the entry, whose path ends at a place of type `t`, touches the place `rest` below it.

        It touches the keys at which its value, or what it forgets, is not zero (`engine.touched`).
        """
        if e.pending:
            raise Unsupported("an `each` whose variable is not a key of its path")
        if e.inner is not None:
            return e.inner(e.env, rest)
        source = e.value or e.held
        assert source is not None
        value = source(e.env)
        keyed: Sym | None = None
        for at in rest:
            t = self.encoder.rep(t)
            if isinstance(at, str):
                assert isinstance(t, RecordT) and isinstance(value, Tup)
                n = t.position(at)
                value, t = value.items[n], t.fields[n][1]
            else:
                assert isinstance(t, MapT) and isinstance(value, Fun)
                keyed = value = value(at)
                t = t.value
        if keyed is None:
            return TRUE
        # What is not zero deep inside is not zero further up, so the last key decides; its scalars are enough to tell.
        return nonzero_part(keyed) if nonzero_part(keyed) is not FALSE else not_(self.encoder.is_zero(keyed))

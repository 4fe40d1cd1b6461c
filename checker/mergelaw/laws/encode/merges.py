"""Merges and live dots, by the clauses of declared types."""

from __future__ import annotations

from abc import ABC, abstractmethod

from mergelaw.language.core import Expr, MapT, Named, RecordT, Type
from mergelaw.laws import smt
from mergelaw.laws.encode.relations import Relations
from mergelaw.laws.encode.scope import Context, Env, State
from mergelaw.laws.smt import FALSE, Term, and_, or_
from mergelaw.laws.symbolic import Abs, Fun, Sym, Tup, Unsupported, alike, flatten, joint_origin


class Merges(Relations, ABC):
    """What declared types say of their values, given what expressions mean."""

    @abstractmethod
    def eval(self, e: Expr, env: Env) -> Sym:
        """The value of `e`. Raises: Unsupported."""

    @abstractmethod
    def state_of(self, e: Expr, env: Env) -> State | None:
        """The state that `e` denotes, with its context; None where it is a plain value."""

    @abstractmethod
    def value(self, e: Expr, env: Env) -> Sym:
        """The value of the state that `e` denotes, or its plain value."""

    def holds(self, e: Expr, env: Env) -> Term:
        """The truth of a Bool expression."""
        return self.truth(self.eval(e, env))

    def merge(self, t: Type, a: Sym, seen_a: Context, b: Sym, seen_b: Context) -> Sym:
        """The merge of two values of type `t`, each under its context. Raises: Unsupported."""
        a, b = alike(a, b)
        if isinstance(a, Abs) and isinstance(b, Abs):
            return self._merge_abstract(a, seen_a, b, seen_b)
        match t:
            case Named():
                return self._merge_named(t, a, seen_a, b, seen_b)
            case RecordT(fields):
                assert isinstance(a, Tup) and isinstance(b, Tup)
                parts = zip(fields, a.items, b.items, strict=True)
                return Tup(tuple([self.merge(f, x, seen_a, y, seen_b) for (_, f), x, y in parts]))
            case MapT(key, value):
                assert isinstance(a, Fun) and isinstance(b, Fun)
                f, g, origin = a, b, joint_origin(a, b)
                return Fun(key, value, lambda k: self.merge(value, f(k), seen_a, g(k), seen_b), origin=origin)
            case _:
                raise Unsupported(f"no merge of {t}")

    def _merge_named(self, t: Named, a: Sym, seen_a: Context, b: Sym, seen_b: Context) -> Sym:
        clause = self.program.types[t.name].merge
        if clause is None:
            return self.merge(self.program.state_type(t), a, seen_a, b, seen_b)
        env = Env(
            {clause.left: a, clause.right: b},
            {clause.left: seen_a, clause.right: seen_b},
            self.type_env(t),
            (seen_a, seen_b),
        )
        out = self.eval(clause.body, env)
        if isinstance(out, Fun) and out.origin is None and isinstance(a, Fun) and isinstance(b, Fun):
            out.origin = joint_origin(a, b)
        return out

    def _merge_abstract(self, a: Abs, seen_a: Context, b: Abs, seen_b: Context) -> Abs:
        if not a.lattice:
            a, b = self.recontext(a, seen_a.atoms), self.recontext(b, seen_b.atoms)
        ox, oy = a.observe, b.observe
        assert ox is not None and oy is not None
        if a.lattice:
            return Abs(a.kind, True, lambda o: or_(ox(o), oy(o)), lambda _: FALSE, frozenset())
        name = self.logic.name(f"{a.kind}.kept")
        live_a, live_b = a.live, b.live

        def live(x: Tup) -> Term:
            held = or_(live_a(x), live_b(x))
            return FALSE if held is FALSE else and_(held, smt.app(name, flatten(x), smt.BOOL))

        return Abs(a.kind, False, lambda o: or_(ox(o), oy(o)), live, a.atoms | b.atoms)

    def live(self, t: Type, v: Sym, x: Tup) -> Term:
        """Whether dot `x` is live in `v` of type `t`."""
        if isinstance(v, Abs):
            return v.live(x)
        if not self.types.has_dots(t):
            return FALSE
        match t:
            case Named():
                return or_(self.own_live(t, v, x), self.live(self.program.state_type(t), v, x))
            case RecordT(fields):
                assert isinstance(v, Tup)
                return or_(*[self.live(f, i, x) for (_, f), i in zip(fields, v.items, strict=True)])
            case MapT(key, value):
                assert isinstance(v, Fun)
                m = v
                return self.exists([key], lambda k: self.live(value, m(k), x), "held")
            case _:
                return FALSE

    def own_live(self, t: Named, v: Sym, x: Tup) -> Term:
        """Whether `x` is among the dots that t's own `dots` clause names."""
        clause = self.program.types[t.name].dots
        if clause is None:
            return FALSE
        dots = self.eval(clause, Env({"this": v}, {}, self.type_env(t)))
        assert isinstance(dots, Fun)
        return self.truth(dots(x))


"""Sums over maps, and greatest and least members of sets: what is known of them, instead of what they are."""

from __future__ import annotations

from dataclasses import dataclass

from mergelaw.language import core
from mergelaw.language.core import NAT, Program
from mergelaw.laws import smt
from mergelaw.laws.encode.merges import Merges
from mergelaw.laws.encode.scope import Env
from mergelaw.laws.smt import FALSE, INT, REAL, TRUE, Term, and_, implies, ite, not_, or_
from mergelaw.laws.symbolic import Abs, Fun, Logic, Opt, Sym, Unsupported

_SUMMANDS_MAX = 12
"""At how many keys two sums are compared summand by summand."""


@dataclass(frozen=True, eq=False)
class _Sum:
    body: Fun
    total: Term

    def zero(self) -> Term:
        return smt.integer(0) if self.total.sort == INT else smt.real(0)


class Folds(Merges):
    """Encodes `core.Sum`, `core.Count` and `core.Pick`."""

    def __init__(self, program: Program, logic: Logic) -> None:
        super().__init__(program, logic)
        self._sums: list[_Sum] = []
        self._related: dict[tuple[int, int], int] = {}
        """By the numbers of two sums (-1: that of nothing): how many summands they were compared at."""
        self._picks: dict[tuple[object, ...], tuple[Opt, Env]] = {}
        """By identity of the expression and of what its variables stand for, which is kept alive for that."""

    # -- sums --------------------------------------------------------------------------------------

    def sum(self, e: core.Sum | core.Count, env: Env) -> Term:
        """The sum of a map, or the number of its keys."""
        m = self.value(e.subject, env)
        if isinstance(m, Abs):
            raise Unsupported("a sum over a recursive part")
        assert isinstance(m, Fun)
        f = m
        if isinstance(e, core.Count):
            f = Fun(m.key, NAT, lambda k: ite(self.is_zero(m(k)), smt.integer(0), smt.integer(1)))
        sort = REAL if self.rep(f.value) == core.REAL else INT
        total = smt.const(self.logic.name("sum"), sort)
        self._sums.append(_Sum(f, total))
        return total

    def relate_sums(self) -> None:
        """State what is known of each two sums over one type: their difference is that of finitely many summands.

        Where all other summands agree (or are ordered), so do the sums. The facts are instances of true statements.
        Asked again, it states what new keys and new sums add.
        """
        for i, one in enumerate(self._sums):
            zero = one.zero()
            nothing = _Sum(Fun(one.body.key, one.body.value, lambda _, z=zero: z), zero)  # type: ignore[misc]
            others = [(-1, nothing), *enumerate(self._sums[:i])]
            special = self.logic.ground_values(self.key_of(one.body.key), 0)[:_SUMMANDS_MAX]
            for j, two in others:
                alike = self.key_of(one.body.key) == self.key_of(two.body.key) and one.total.sort == two.total.sort
                if alike and self._related.get((i, j), -1) < len(special):
                    self._related[i, j] = len(special)
                    self._relate(one, two, special)
                    self._relate(two, one, special)

    def _relate(self, one: _Sum, two: _Sum, special: list[Sym]) -> None:
        key = one.body.key
        zero = at_special = one.zero()
        for n, k in enumerate(special):
            first = and_(*[not_(self.equal(k, j)) for j in special[:n]])
            difference = smt.sub(_number(one.body(k)), _number(two.body(k)))
            at_special = smt.add(at_special, ite(first, difference, zero))
        k = self.fresh(key, "s")
        elsewhere = and_(*[not_(self.equal(k, j)) for j in special])
        f, g = _number(one.body(k)), _number(two.body(k))
        self.logic.ground(self.key_of(key), k, level=1)
        self.logic.fact(or_(and_(elsewhere, smt.lt(g, f)), smt.le(one.total, smt.add(two.total, at_special))))

    # -- greatest and least ------------------------------------------------------------------------

    def pick(self, e: core.Pick, env: Env) -> Opt:
        """The greatest or least member of a set, the same for the same expression in the same scope."""
        key = (id(e), *((n, id(v)) for n, v in env.vars.items()), *((n, id(v)) for n, v in env.seen.items()))
        found = self._picks.get(key)
        if found is None:
            found = self._picks[key] = (self._picked(e, env), env)
        return found[0]

    def _picked(self, e: core.Pick, env: Env) -> Opt:
        source = self.value(e.source, env)
        if isinstance(source, Abs):
            raise Unsupported("a choice from a recursive part")
        assert isinstance(source, Fun)
        members = source
        winner = self.fresh(members.key, "winner")
        present = smt.const(self.logic.name("some"), smt.BOOL)
        key_name = self.key_of(members.key)
        self.logic.ground(key_name, winner, level=1, origin=members.origin)
        self.logic.fact(implies(present, self.truth(members(winner))))

        def order(x: Sym) -> list[tuple[Sym, bool]]:
            inner = env.bind(**{e.var: x})
            return [*((self.eval(k, inner), desc) for k, desc in e.keys), (x, False)]

        best = order(winner)

        def beaten(x: Sym) -> Term:
            inside = self.truth(members(x))
            if inside is FALSE:
                return TRUE
            pairs = [(a, b, d) for (a, d), (b, _) in zip(best, order(x), strict=True)]
            if e.kind == "least":
                pairs = [(b, a, d) for a, b, d in pairs]
            return implies(inside, and_(present, not_(self.lexicographic(pairs))))

        self.logic.universal([key_name], beaten, origins=(members.origin,))
        return Opt(present, winner)


def _number(v: Sym) -> Term:
    if not isinstance(v, Term):
        raise Unsupported("a sum over abstract parts")
    return v

"""Quantifiers, choice, equality and order between symbolic values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mergelaw.language.core import DOT, Program, Type
from mergelaw.laws import smt
from mergelaw.laws.encode.values import Values
from mergelaw.laws.smt import FALSE, INT, TRUE, Term, and_, eq, ite, not_, or_
from mergelaw.laws.symbolic import (
    OBSERVER,
    Abs,
    Enm,
    Fun,
    Logic,
    Opt,
    Sym,
    Tup,
    Unsupported,
    alike,
    choose,
    joint_origin,
)


class Relations(Values):
    """What can be said of values without looking at the program's text."""

    def __init__(self, program: Program, logic: Logic) -> None:
        super().__init__(program, logic)
        self._zero_tests: dict[int, tuple[Sym, Term]] = {}
        """By identity of the value, which is kept alive for that."""
        self._moved: dict[tuple[int, frozenset[str]], tuple[Abs, Abs]] = {}
        """By identity of the value, which is kept alive for that, and the contexts that it is moved under."""

    # -- quantifiers and choice --------------------------------------------------------------------

    def forall(
        self,
        types: Sequence[Type],
        body: Callable[..., Term],
        hint: str = "k",
        *,
        claim: bool = False,
        origins: Sequence[str | None] = (),
    ) -> Term:
        """A Boolean equivalent to: body holds of all values of `types`; `claim` and `origins` as in `Logic.forall`."""
        if not types:
            return body()
        witnesses = [self.fresh(t, f"{hint}{n}") for n, t in enumerate(types)]
        return self.logic.forall([self.key_of(t) for t in types], witnesses, body, claim=claim, origins=origins)

    def exists(self, types: Sequence[Type], body: Callable[..., Term], hint: str = "w") -> Term:
        """A Boolean equivalent to: body holds of some values of `types`."""
        return not_(self.forall(types, lambda *xs: not_(body(*xs)), hint))

    def choose(self, c: Term, a: Sym, b: Sym) -> Sym:
        """`if c then a else b`."""
        return choose(c, a, b, self.recontext)

    def truth(self, v: Sym) -> Term:
        """A Bool value as a term."""
        assert isinstance(v, Term) and v.sort == smt.BOOL
        return v

    # -- equality ----------------------------------------------------------------------------------

    def equal(self, a: Sym, b: Sym, *, claim: bool = False) -> Term:
        """Equality of two values of one type; pointwise for maps."""
        if a is b:
            return TRUE
        if isinstance(a, Term) and isinstance(b, Term):
            return eq(a, b)
        if isinstance(a, Tup) and isinstance(b, Tup):
            return self._all_equal(a.items, b.items, claim)
        if isinstance(a, Opt) and isinstance(b, Opt):
            return and_(eq(a.present, b.present), or_(not_(a.present), self.equal(a.item, b.item, claim=claim)))
        if isinstance(a, Enm) and isinstance(b, Enm):
            same = [eq(a.tag, b.tag)]
            for n, (p, q) in enumerate(zip(a.payloads, b.payloads, strict=True)):
                inside = self._all_equal(p, q, claim)
                same.append(or_(not_(eq(a.tag, smt.integer(n))), inside))
            return and_(*same)
        a, b = alike(a, b)
        if isinstance(a, Fun) and isinstance(b, Fun):
            f, g = a, b
            origins = (joint_origin(f, g),)
            return self.forall([f.key], lambda k: self.equal(f(k), g(k), claim=claim), claim=claim, origins=origins)
        if isinstance(a, Abs) and isinstance(b, Abs):
            return self._equal_abstract(a, b, claim)
        raise Unsupported("a look into an abstract part")

    def _all_equal(self, left: Iterable[Sym], right: Iterable[Sym], claim: bool) -> Term:
        return and_(*[self.equal(x, y, claim=claim) for x, y in zip(left, right, strict=True)])

    def _equal_abstract(self, a: Abs, b: Abs, claim: bool) -> Term:
        if a.observe is None and b.observe is None:
            return TRUE
        atoms = a.atoms | b.atoms
        x, y = self.recontext(a, atoms), self.recontext(b, atoms)
        ox, oy = x.observe, y.observe
        assert ox is not None and oy is not None
        return self.logic.forall(
            [f"{OBSERVER}{a.kind}"],
            [smt.const(self.logic.name("o"), INT)],
            lambda o: eq(ox(o), oy(o)),
            claim=claim,
        )

    # -- abstract values under more contexts -------------------------------------------------------

    def recontext(self, v: Abs, atoms: frozenset[str]) -> Abs:
        """`v` seen as a value under the union of the contexts `atoms`.

        Where these include its own: by the law of identity that every store proves, zero under a context that holds
        none of its dots changes nothing. Under any other context nothing is known of it.
        """
        if v.lattice:
            return v
        if v.observe is None:
            return Abs(v.kind, False, lambda o: self._zero_observed(v.kind, atoms, o), v.live, atoms)
        if v.atoms == atoms:
            return v
        if not v.atoms <= atoms:
            return self._placed(v, atoms)
        more = sorted(atoms - v.atoms)
        inside = v.observe
        extra = [self.contexts[m] for m in more]
        disjoint = self.forall([DOT], lambda x: not_(and_(v.live(x), or_(*[e.has(x) for e in extra]))), "x", claim=True)
        name = self.logic.name(f"{v.kind}.moved")

        def observe(o: Term) -> Term:
            grown = or_(inside(o), self._zero_observed(v.kind, frozenset(more), o))
            if disjoint is TRUE:
                return grown
            return ite(disjoint, grown, smt.app(name, (o,), smt.BOOL))

        return Abs(v.kind, False, observe, v.live, atoms)

    def _placed(self, v: Abs, atoms: frozenset[str]) -> Abs:
        key = (id(v), atoms)
        if key not in self._moved:
            name = self.logic.name(f"{v.kind}.placed")
            self._moved[key] = (v, Abs(v.kind, False, lambda o: smt.app(name, (o,), smt.BOOL), v.live, atoms))
        return self._moved[key][1]

    def _zero_observed(self, kind: str, atoms: frozenset[str], o: Term) -> Term:
        return or_(*[smt.app(f"{kind}.zero@{a}", (o,), smt.BOOL) for a in sorted(atoms)])

    # -- zero --------------------------------------------------------------------------------------

    def is_zero(self, v: Sym) -> Term:
        """Whether `v` is the zero of its type."""
        if isinstance(v, Term):
            return not_(v) if v.sort == smt.BOOL else eq(v, smt.integer(0) if v.sort == INT else smt.real(0))
        known = self._zero_tests.get(id(v))
        if known is None:
            known = self._zero_tests[id(v)] = (v, self._is_zero(v))
        return known[1]

    def _is_zero(self, v: Tup | Opt | Enm | Fun | Abs) -> Term:
        if isinstance(v, Tup):
            return and_(*[self.is_zero(i) for i in v.items])
        if isinstance(v, Opt):
            return not_(v.present)
        if isinstance(v, Enm):
            return and_(eq(v.tag, smt.integer(0)), *[self.is_zero(p) for p in v.payloads[0]])
        if isinstance(v, Fun):
            return self._zero_map(v)
        return TRUE if v.observe is None else self._zero_abstract(v)

    def _zero_map(self, f: Fun) -> Term:
        if f.name is None:
            return self.forall([f.key], lambda k: self.is_zero(f(k)), origins=(f.origin,))
        # A function of the keys that the map was read at, so that equal keys give equal answers.
        name, args = f.name
        return self.logic.forall(
            [self.key_of(f.key)],
            [self.symbol(f.key, f"{name}.held {len(args)}", args)],
            lambda k: self.is_zero(f(k)),
            origins=(f.origin,),
            holds=smt.app(f"{name}.empty {len(args)}", args, smt.BOOL),
        )

    def _zero_abstract(self, v: Abs) -> Term:
        inside = v.observe
        assert inside is not None
        name, args = v.name if v.name is not None else (None, ())
        witness = smt.const(self.logic.name("o"), INT) if name is None else smt.app(f"{name}.shown", args, INT)

        def unseen(o: Term) -> Term:
            nothing = FALSE if v.lattice else self._zero_observed(v.kind, v.atoms, o)
            return eq(inside(o), nothing)

        holds = None if name is None else smt.app(f"{name}.none", args, smt.BOOL)
        return self.logic.forall([f"{OBSERVER}{v.kind}"], [witness], unseen, holds=holds)

    def claimed_zero(self, v: Sym) -> Term:
        """That `v` is zero, only to be shown."""
        if isinstance(v, Tup):
            return and_(*[self.claimed_zero(i) for i in v.items])
        if isinstance(v, Fun):
            f = v
            return self.forall([f.key], lambda k: self.claimed_zero(f(k)), claim=True, origins=(f.origin,))
        if isinstance(v, Abs):
            nothing = (lambda _: FALSE) if v.lattice else None
            return self.equal(v, Abs(v.kind, v.lattice, nothing, lambda _: FALSE, frozenset()), claim=True)
        return self.is_zero(v)

    def assume_zero(self, v: Sym) -> None:
        """Assert that `v` is zero; of maps, at ground keys."""
        if isinstance(v, Tup):
            for i in v.items:
                self.assume_zero(i)
        elif isinstance(v, Fun):
            f = v

            def at(k: Sym) -> Term:
                self.assume_zero(f(k))
                return TRUE

            self.logic.universal([self.key_of(f.key)], at, origins=(f.origin,))
        else:
            self.logic.fact(self.is_zero(v))

    # -- order -------------------------------------------------------------------------------------

    def less(self, a: Sym, b: Sym) -> Term:
        """a < b in the order of their type."""
        if isinstance(a, Term) and isinstance(b, Term):
            return and_(not_(a), b) if a.sort == smt.BOOL else smt.lt(a, b)
        if isinstance(a, Tup) and isinstance(b, Tup):
            return self._ascending(a.items, b.items)
        if isinstance(a, Opt) and isinstance(b, Opt):
            return and_(b.present, or_(not_(a.present), self.less(a.item, b.item)))
        if isinstance(a, Enm) and isinstance(b, Enm):
            out = [smt.lt(a.tag, b.tag)]
            for n, (p, q) in enumerate(zip(a.payloads, b.payloads, strict=True)):
                inside = self._ascending(p, q)
                out.append(and_(eq(a.tag, b.tag), eq(a.tag, smt.integer(n)), inside))
            return or_(*out)
        raise Unsupported("an order on these values")

    def _ascending(self, left: Iterable[Sym], right: Iterable[Sym]) -> Term:
        return self.lexicographic([(x, y, False) for x, y in zip(left, right, strict=True)])

    def lexicographic(self, pairs: Sequence[tuple[Sym, Sym, bool]]) -> Term:
        """Whether the left items come before the right ones, by the first that differ; True: descending."""
        out = FALSE
        for x, y, descending in reversed(pairs):
            first, second = (y, x) if descending else (x, y)
            out = or_(self.less(first, second), and_(self.equal(x, y), out))
        return out

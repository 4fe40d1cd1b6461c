"""The built-in operations, by name."""

from __future__ import annotations

from collections.abc import Callable

from mergelaw.language import core
from mergelaw.language.core import BOOL, Expr
from mergelaw.laws import smt
from mergelaw.laws.encode.merges import Merges
from mergelaw.laws.encode.scope import Env
from mergelaw.laws.smt import INT, Term, and_, implies, ite, not_, or_
from mergelaw.laws.symbolic import Abs, Fun, Sym, Unsupported, joint_origin


class Operations(Merges):
    """Encodes `core.Op`."""

    def operation(self, e: core.Op, env: Env) -> Sym:
        """The result of a built-in operation."""
        connective = _CONNECTIVES.get(e.op)
        if connective is not None:
            return connective(*[self.holds(a, env) for a in e.args])
        args = [self.value(a, env) for a in e.args]
        if e.op in ("eq", "ne"):
            same = self._same(e.args, args)
            return same if e.op == "eq" else not_(same)
        return _OPERATIONS[e.op](self, *args)

    def _same(self, args: tuple[Expr, ...], values: list[Sym]) -> Term:
        left, right = values
        if isinstance(args[1], core.Zero):
            return self.is_zero(left)
        if isinstance(args[0], core.Zero):
            return self.is_zero(right)
        return self.equal(left, right)

    def _at_most(self, a: Sym, b: Sym) -> Term:
        return not_(self.less(b, a))

    def _greatest(self, *values: Sym) -> Sym:
        out = values[0]
        for v in values[1:]:
            out = self.choose(self.less(out, v), v, out)
        return out

    def _least(self, *values: Sym) -> Sym:
        out = values[0]
        for v in values[1:]:
            out = self.choose(self.less(v, out), v, out)
        return out

    # -- sets --------------------------------------------------------------------------------------

    def _union(self, left: Sym, right: Sym) -> Fun:
        return self._keywise(or_, left, right)

    def _intersection(self, left: Sym, right: Sym) -> Fun:
        return self._keywise(and_, left, right)

    def _difference(self, left: Sym, right: Sym) -> Fun:
        return self._keywise(lambda a, b: and_(a, not_(b)), left, right)

    def _subset(self, left: Sym, right: Sym) -> Term:
        f, g = _sets(left, right)
        return self.forall([f.key], lambda k: implies(self.truth(f(k)), self.truth(g(k))))

    def _keywise(self, connective: Callable[[Term, Term], Term], left: Sym, right: Sym) -> Fun:
        f, g = _sets(left, right)

        def member(k: Sym) -> Term:
            return connective(self.truth(f(k)), self.truth(g(k)))

        return Fun(f.key, BOOL, member, origin=joint_origin(f, g))


def _sets(left: Sym, right: Sym) -> tuple[Fun, Fun]:
    if isinstance(left, Abs) or isinstance(right, Abs):
        raise Unsupported("set algebra on a recursive part")
    assert isinstance(left, Fun) and isinstance(right, Fun)
    return left, right


def _on_terms(operation: Callable[..., Term]) -> Callable[..., Term]:
    def checked(_: Operations, *args: Sym) -> Term:
        assert all(isinstance(a, Term) for a in args)
        return operation(*args)

    return checked


def _negative(x: Term) -> Term:
    return smt.sub(smt.integer(0), x)


def _monus(x: Term, y: Term) -> Term:
    d = smt.sub(x, y)
    return ite(smt.le(x, y), smt.integer(0) if d.sort == INT else smt.real(0), d)


def _concatenation(x: Term, y: Term) -> Term:
    return smt.app("sequence.concat", (x, y), INT)


_CONNECTIVES: dict[str, Callable[..., Term]] = {"and": and_, "or": or_, "implies": implies, "not": not_}

_OPERATIONS: dict[str, Callable[..., Sym]] = {
    "lt": Operations.less,
    "le": Operations._at_most,
    "max": Operations._greatest,
    "min": Operations._least,
    "union": Operations._union,
    "inter": Operations._intersection,
    "diff": Operations._difference,
    "subset": Operations._subset,
    "add": _on_terms(smt.add),
    "sub": _on_terms(smt.sub),
    "neg": _on_terms(_negative),
    "mul": _on_terms(smt.mul),
    "monus": _on_terms(_monus),
    "concat": _on_terms(_concatenation),
}

"""Quantifiers in the text, and claims and assumptions made of them."""

from __future__ import annotations

from collections.abc import Callable

from mergelaw.language import core
from mergelaw.language.core import Expr, Type, substitute
from mergelaw.laws.encode.merges import Merges
from mergelaw.laws.encode.scope import Env
from mergelaw.laws.smt import FALSE, TRUE, Term, and_, implies, ite, not_, or_
from mergelaw.laws.symbolic import Fun, Sym, Unsupported


class Quantifiers(Merges):
    """Encodes `core.Quant`; a chain of quantifiers of one kind as one."""

    def quantified(self, e: core.Quant, env: Env) -> Term:
        """The truth of a quantified expression."""
        types, body = self._peeled(e, env)
        every = self.forall(types, body, e.var, origins=self._origins(e, env))
        return every if e.kind == "forall" else not_(every)

    def claimed(self, e: Expr, env: Env) -> Term:
        """The truth of a Bool expression that is only to be shown; see `Logic.forall`."""
        match e:
            case core.Quant(kind="forall"):
                types, body = self._peeled(e, env, claim=True)
                return self.forall(types, body, e.var, claim=True, origins=self._origins(e, env))
            case core.Op(_, "and" | "or" as op, args):
                parts = [self.claimed(a, env) for a in args]
                return and_(*parts) if op == "and" else or_(*parts)
            case core.Op(_, "implies", (a, b)):
                return implies(self.holds(a, env), self.claimed(b, env))
            case core.Op(_, "eq", (a, b)) if not isinstance(a, core.Zero) and not isinstance(b, core.Zero):
                return self.equal(self.value(a, env), self.value(b, env), claim=True)
            case core.If(_, condition, then, orelse):
                c = self.holds(condition, env)
                return ite(c, self.claimed(then, env), self.claimed(orelse, env))
            case core.Let(_, name, value, body):
                s = self.state_of(value, env)
                inner = env.bind(**{name: self.eval(value, env)}) if s is None else env.bind_states({name: s})
                return self.claimed(body, inner)
            case _:
                return self.holds(e, env)

    def assume(self, e: Expr, env: Env) -> None:
        """Assert a Bool expression; universal claims are only instantiated, at ground values, and make no witnesses."""
        if isinstance(e, core.Quant) and e.kind == "forall":
            types, body = self._peeled(e, env)
            self.logic.universal([self.key_of(t) for t in types], body, origins=self._origins(e, env))
        elif isinstance(e, core.Op) and e.op == "and":
            for a in e.args:
                self.assume(a, env)
        else:
            self.logic.fact(self.holds(e, env))

    def _origins(self, e: core.Quant, env: Env) -> tuple[str | None, ...]:
        """Where the keys that a chain of quantifiers ranges over belong, as far as the first source tells."""
        out: list[str | None] = []
        at: Expr = e
        while isinstance(at, core.Quant) and at.kind == e.kind:
            first = not out and at.source is not None
            source = self.value(at.source, env) if first and at.source is not None else None
            out.append(source.origin if isinstance(source, Fun) else None)
            at = at.body
        return tuple(out)

    def _peeled(self, e: core.Quant, env: Env, *, claim: bool = False) -> tuple[list[Type], Callable[..., Term]]:
        """The types and the body of a chain of quantifiers of one kind; the body of `exists` is negated."""
        chain = [e]
        while isinstance(inner := chain[-1].body, core.Quant) and inner.kind == e.kind:
            chain.append(inner)

        def body(*xs: Sym) -> Term:
            bound, members = env, []
            for q, x in zip(chain, xs, strict=True):
                if q.source is not None:
                    source = self.value(q.source, bound)
                    if not isinstance(source, Fun):
                        raise Unsupported("a quantifier over a recursive part")
                    inside = source(x)
                    members.append(self.truth(inside) if isinstance(inside, Term) else not_(self.is_zero(inside)))
                bound = bound.bind(**{q.var: x})
            inside = and_(*members)
            if inside is FALSE:
                return TRUE
            last = chain[-1].body
            holds = self.claimed(last, bound) if claim else self.holds(last, bound)
            return implies(inside, holds if e.kind == "forall" else not_(holds))

        return [substitute(q.var_type, env.types) for q in chain], body

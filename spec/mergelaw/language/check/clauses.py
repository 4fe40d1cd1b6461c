"""The clauses of types, and the functions: from their surface form to their definitions in the core."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from mergelaw.language import ast, core
from mergelaw.language.check import deltas
from mergelaw.language.check.declarations import parameters, type_scope, unique
from mergelaw.language.check.declared import Declared, TypeSig, did_you_mean, listing, sentences
from mergelaw.language.check.elaborator import Elaborator
from mergelaw.language.check.finish import filled, misused_contexts
from mergelaw.language.check.names import head
from mergelaw.language.check.resolve import TypeScope, param_scope
from mergelaw.language.core import BOOL, DOT, REPLICA, TIME, set_of

N = TypeVar("N", core.Expr, core.Delta, core.Expr | None)


@dataclass
class _Parts:
    """The clauses of one type, as they are made."""

    merge: core.MergeDef | None = None
    dots: core.Expr | None = None
    updates: list[core.UpdateDef] = field(default_factory=list)
    queries: list[core.QueryDef] = field(default_factory=list)
    properties: list[core.Property] = field(default_factory=list)
    theorems: list[core.TheoremDef] = field(default_factory=list)
    rules: list[core.RuleDef] = field(default_factory=list)


def function(d: Declared, name: str) -> core.FunDef:
    """A function; `recursive` is filled in later."""
    sig = d.functions[name]
    scope = TypeScope(d.home[name], param_scope(sig.type_params))
    el = Elaborator(d, "fun", scope, None)
    for n, t in sig.params:
        el.declare(n, t)
    body = _finished(el, el.check(sig.decl.body, sig.result))
    return core.FunDef(name, sig.type_params, sig.params, sig.result, body, False)


def type_definition(d: Declared, name: str) -> core.TypeDef:
    """A type with all its clauses."""
    sig = d.types[name]
    parts = _Parts()
    for c in sig.decl.clauses:
        _clause(d, sig, c, parts)
    return core.TypeDef(
        sig.decl.kind,
        name,
        sig.params,
        sig.state,
        parts.merge,
        parts.dots,
        tuple(parts.updates),
        tuple(parts.queries),
        tuple(parts.properties),
        tuple(parts.theorems),
        tuple(parts.rules),
        d.home[name],
        sig.decl.doc,
        span=sig.decl.span,
    )


def _clause(d: Declared, sig: TypeSig, c: ast.Clause, parts: _Parts) -> None:
    match c:
        case ast.MergeClause():
            parts.merge = _merge(d, sig, c)
        case ast.DotsClause():
            el = _elaborator(d, sig, "dots")
            el.declare("this", sig.self_type, state=True)
            parts.dots = _finished(el, el.check(c.body, set_of(DOT)))
        case ast.UpdateClause() if c.name in sig.updates:
            parts.updates.append(_update(d, sig, c))
        case ast.QueryClause() if c.name in sig.queries:
            parts.queries.append(_query(d, sig, c))
        case ast.InvariantClause() | ast.CompatibleClause() | ast.HomeClause():
            parts.properties.append(_property(d, sig, c, parts))
        case ast.TheoremClause():
            parts.theorems.append(_theorem(d, sig, c))
        case ast.RuleClause():
            parts.rules.append(_rule(d, sig, c))
        case _:
            pass


def _elaborator(d: Declared, sig: TypeSig, kind: str) -> Elaborator:
    return Elaborator(d, kind, type_scope(d, sig), sig)


def _finished(el: Elaborator, tree: N) -> N:
    """The tree with all types known and all late tests done."""
    el.run_late_tests()
    tree = filled(el.types, el.declared.errors, tree)
    if tree is not None:
        for s in misused_contexts(tree):
            el.error(
                "ML310",
                "a context (`seen`) is only asked for membership",
                s.span,
                "It holds all dots ever seen and is not walked over: `x in seen`, `s - seen`, `s & seen`, `s <= seen`.",
            )
    return tree


def _merge(d: Declared, sig: TypeSig, c: ast.MergeClause) -> core.MergeDef:
    unique(d, ((c.left, head(c)), (c.right, head(c))), "parameter")
    el = _elaborator(d, sig, "merge")
    el.declare(c.left, sig.self_type, state=True)
    el.declare(c.right, sig.self_type, state=True)
    el.sides = (c.left, c.right)
    return core.MergeDef(c.left, c.right, _finished(el, el.check(c.body, sig.self_type)), span=c.span)


def _update(d: Declared, sig: TypeSig, c: ast.UpdateClause) -> core.UpdateDef:
    params = sig.updates[c.name].params
    extra = [(c.by, REPLICA), *((a, DOT) for a in c.at), (c.when, TIME)]
    taken = [(n, head(c)) for n, _ in extra if n is not None]
    unique(d, [*((p.name, p.span) for p in c.params), *taken], "parameter or name")
    el = _elaborator(d, sig, "update")
    el.declare("this", sig.self_type, state=True)
    for n, t in params:
        el.declare(n, t)
    for name, t in extra:
        if name is not None:
            el.declare(name, t)
    el.own_dots = c.at
    requires = el.check(c.requires, BOOL) if c.requires is not None else None
    body = deltas.body(el, c.body, c.forgetting)
    return core.UpdateDef(
        c.name,
        params,
        c.by,
        c.at,
        c.when,
        _finished(el, requires),
        _finished(el, body),
        span=c.span,
        doc=c.doc,
    )


def _query(d: Declared, sig: TypeSig, c: ast.QueryClause) -> core.QueryDef:
    declared = sig.queries[c.name]
    el = _elaborator(d, sig, "query")
    el.declare("this", sig.self_type, state=True)
    for n, t in declared.params:
        el.declare(n, t)
    body = _finished(el, el.check(c.body, declared.result))
    return core.QueryDef(c.name, declared.params, declared.result, body, span=c.span, doc=c.doc)


def _property(
    d: Declared,
    sig: TypeSig,
    c: ast.InvariantClause | ast.CompatibleClause | ast.HomeClause,
    parts: _Parts,
) -> core.Property:
    replica: str | None = None
    states: tuple[str, ...]
    match c:
        case ast.InvariantClause():
            kind, states = "invariant", ("this",)
        case ast.CompatibleClause():
            kind, states = "compatible", (c.left, c.right)
        case ast.HomeClause():
            kind, states, replica = "home", (c.mine, c.other), c.replica
    if kind != "invariant":
        names = states if replica is None else (replica, *states)
        unique(d, ((n, head(c)) for n in names), "parameter")
    el = _elaborator(d, sig, kind)
    for s in states:
        el.declare(s, sig.self_type, state=True)
    if replica is not None:
        el.declare(replica, REPLICA)
    number = 1 + sum(p.kind == kind for p in parts.properties)
    name = c.name or _free_name(sig, f"{kind}{number}")
    return core.Property(kind, name, states, replica, _finished(el, el.check(c.body, BOOL)), span=c.span)


def _free_name(sig: TypeSig, name: str) -> str:
    taken = {getattr(c, "name", None) for c in sig.decl.clauses}
    while name in taken:
        name += "_"
    return name


def _theorem(d: Declared, sig: TypeSig, c: ast.TheoremClause) -> core.TheoremDef:
    params = parameters(d, c.params, type_scope(d, sig))
    el = _elaborator(d, sig, "theorem")
    for (n, t), p in zip(params, c.params, strict=True):
        state = t == sig.self_type
        if p.later and not state:
            d.errors.add("ML211", f"`later` is for states, `{n}` is {t}", p.span, "Leave `later` out.")
        el.declare(n, t, state=state)
    body = _finished(el, el.check(c.body, BOOL))
    later = frozenset(p.name for p in c.params if p.later)
    return core.TheoremDef(c.name, params, later, c.bound, c.causal, body, span=c.span, doc=c.doc)


def _rule(d: Declared, sig: TypeSig, c: ast.RuleClause) -> core.RuleDef:
    for u in c.updates:
        if u not in sig.updates:
            hint = sentences(listing("Its updates are", sig.updates), did_you_mean(u, sig.updates))
            d.errors.add("ML210", f"{sig.name} has no update `{u}`", head(c), hint)
    return core.RuleDef(c.name, c.updates, c.text, span=c.span)

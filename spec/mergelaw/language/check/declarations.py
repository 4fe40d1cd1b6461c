"""The signatures of all declarations of a program, and whether each declaration by itself is sound."""

from __future__ import annotations

from collections.abc import Iterable

from mergelaw.language import ast
from mergelaw.language.check import bounds
from mergelaw.language.check.declared import (
    Declaration,
    Declared,
    FunSig,
    QuerySig,
    TypeSig,
    UpdateSig,
)
from mergelaw.language.check.names import head
from mergelaw.language.check.resolve import TypeScope, check_formed, need_zero, param_scope, resolve, type_params
from mergelaw.language.check.unify import POISON, Poison, parts
from mergelaw.language.core import EnumDef, ParamT, RecordT, Type, TypeParamDef
from mergelaw.language.span import Span

RESERVED = ("this", "seen")


# -- signatures ------------------------------------------------------------------------------------


def sign(d: Declared, kept: list[tuple[str, Declaration]]) -> None:
    """Resolves all written types of states, payloads, parameters and results."""
    # Type parameters first: a written type is checked against the number of parameters of what it names.
    for name, decl in kept:
        if isinstance(decl, ast.TypeDecl):
            d.types[name] = TypeSig(decl, type_params(d, decl.params), POISON)
        elif isinstance(decl, ast.EnumDecl):
            d.enums[name] = EnumDef(name, type_params(d, decl.params), ())
    for name, decl in kept:
        match decl:
            case ast.Alias():
                resolve(d, decl.type, _scope(d, name, type_params(d, decl.params)))
            case ast.EnumDecl():
                _sign_enum(d, decl)
            case ast.FunDecl():
                _sign_function(d, name, decl)
            case ast.TypeDecl():
                _sign_type(d, decl)


def _scope(d: Declared, name: str, params: tuple[TypeParamDef, ...]) -> TypeScope:
    return TypeScope(d.home[name], param_scope(params))


def type_scope(d: Declared, sig: TypeSig) -> TypeScope:
    """Where the clauses of a type are written."""
    return TypeScope(d.home[sig.name], param_scope(sig.params), sig.self_type)


def parameters(d: Declared, params: tuple[ast.Param, ...], scope: TypeScope) -> tuple[tuple[str, Type], ...]:
    """Names and types; reports names that stand twice or are reserved."""
    unique(d, ((p.name, p.span) for p in params), "parameter")
    return tuple((p.name, resolve(d, p.type, scope)) for p in params)


def unique(d: Declared, names: Iterable[tuple[str, Span]], what: str) -> None:
    """Reports names that stand twice or are reserved."""
    seen: set[str] = set()
    for name, span in names:
        if name in RESERVED:
            d.errors.add("ML216", f"`{name}` has a meaning of its own", span, f"Give the {what} another name.")
        if name in seen:
            d.errors.add("ML205", f"the {what} `{name}` stands twice", span, "Rename one of them.")
        seen.add(name)


def _sign_enum(d: Declared, decl: ast.EnumDecl) -> None:
    params = d.enums[decl.name].params
    scope = _scope(d, decl.name, params)
    unique(d, ((n, ps[0].span if ps else decl.span) for n, ps in decl.variants), "variant")
    variants = tuple((n, parameters(d, ps, scope)) for n, ps in decl.variants)
    d.enums[decl.name] = EnumDef(decl.name, params, variants)


def _sign_function(d: Declared, name: str, decl: ast.FunDecl) -> None:
    params = type_params(d, decl.type_params)
    scope = _scope(d, name, params)
    d.functions[name] = FunSig(decl, params, parameters(d, decl.params, scope), resolve(d, decl.result, scope))


def _sign_type(d: Declared, decl: ast.TypeDecl) -> None:
    sig = d.types[decl.name]
    scope = type_scope(d, sig)
    states = [c for c in decl.clauses if isinstance(c, ast.StateClause)]
    if states:
        sig.state = resolve(d, states[0].type, scope)
    else:
        d.errors.add("ML215", f"{decl.name} has no state", head(decl), "Every type has one clause `state ...`.")
    for kind, word in ((ast.StateClause, "state"), (ast.MergeClause, "merge"), (ast.DotsClause, "dots")):
        for again in [c for c in decl.clauses if isinstance(c, kind)][1:]:
            d.errors.add("ML215", f"{decl.name} has two clauses `{word}`", again.span, "Keep one of them.")
    record = sig.state if isinstance(sig.state, RecordT) else RecordT(())
    if states and isinstance(states[0].type, ast.RecordType):
        unique(d, ((n, t.span) for n, t in states[0].type.fields), "field")
    members: dict[str, str] = {n: "a field" for n, _ in record.fields}
    for c in decl.clauses:
        if isinstance(c, ast.QueryClause | ast.UpdateClause):
            what = "a query" if isinstance(c, ast.QueryClause) else "an update"
            if c.name in members:
                d.errors.add(
                    "ML205", f"`{c.name}` is already {members[c.name]} of {decl.name}", head(c), "Rename one of them."
                )
                continue
            if c.name in RESERVED:
                d.errors.add("ML216", f"`{c.name}` has a meaning of its own", head(c), f"Give {what} another name.")
            members[c.name] = what
            params = parameters(d, c.params, scope)
            if isinstance(c, ast.QueryClause):
                sig.queries[c.name] = QuerySig(params, resolve(d, c.result, scope))
            else:
                sig.updates[c.name] = UpdateSig(params, len(c.at))
    _unique_names(d, decl, (ast.TheoremClause,), "theorems")
    _unique_names(d, decl, (ast.RuleClause,), "rules")
    _unique_names(d, decl, (ast.InvariantClause, ast.CompatibleClause, ast.HomeClause), "invariants or relations")


def _unique_names(d: Declared, decl: ast.TypeDecl, kinds: tuple[type[ast.Clause], ...], what: str) -> None:
    seen: set[str] = set()
    for c in decl.clauses:
        name = getattr(c, "name", None)
        if not isinstance(c, kinds) or name is None:
            continue
        if name in seen:
            d.errors.add("ML205", f"{decl.name} has two {what} named `{name}`", head(c), "Rename one of them.")
        seen.add(name)


# -- soundness of each declaration -----------------------------------------------------------------


def check_declarations(d: Declared, kept: list[tuple[str, Declaration]]) -> None:
    """Reports states without zero or merge, types that should be stores, infinite zeros, and types outside bounds."""
    for name, decl in kept:
        match decl:
            case ast.EnumDecl():
                scope = _scope(d, decl.name, d.enums[decl.name].params)
                for _, payload in decl.variants:
                    for p in payload:
                        check_formed(d, p.type, scope)
                _check_infinite(d, decl.name, head(decl))
            case ast.FunDecl():
                scope = _scope(d, name, d.functions[name].type_params)
                for p in decl.params:
                    check_formed(d, p.type, scope)
                check_formed(d, decl.result, scope)
            case ast.TypeDecl():
                _check_type(d, decl)
            case _:
                pass


def _check_infinite(d: Declared, name: str, span: Span) -> bool:
    circle = bounds.infinite_zero(d, name)
    if circle is None:
        return True
    around = " -> ".join(circle)
    d.errors.add(
        "ML403",
        f"the zero of {name} would be infinite: {around}",
        span,
        "Put something between that may be empty: a Map, a Set, a Seq or an Option.",
    )
    return False


def _check_type(d: Declared, decl: ast.TypeDecl) -> None:
    sig = d.types[decl.name]
    scope = type_scope(d, sig)
    state = next((c for c in decl.clauses if isinstance(c, ast.StateClause)), None)
    for c in decl.clauses:
        match c:
            case ast.StateClause(t):
                check_formed(d, t, scope)
            case ast.UpdateClause() | ast.QueryClause() | ast.TheoremClause():
                for p in c.params:
                    check_formed(d, p.type, scope)
                if isinstance(c, ast.QueryClause):
                    check_formed(d, c.result, scope)
            case ast.DotsClause() if not sig.is_store:
                d.errors.add(
                    "ML405", "only a `store` has dots", head(c), f"Declare {decl.name} with `store` instead of `type`."
                )
            case _:
                pass
    if state is None or any(isinstance(p, Poison) for p in parts(sig.state)):
        return
    if not _check_infinite(d, decl.name, head(decl)):
        return
    endless = bounds.endless_instances(d, decl.name)
    if endless is not None:
        d.errors.add(
            "ML403",
            f"{decl.name} would need infinitely many types: {endless} and so on",
            state.span,
            "A recursive type has to mention itself with the same type arguments everywhere.",
        )
        return
    _check_state_zero(d, sig, state)
    if not sig.is_store:
        store = bounds.store_part(d, sig.state)
        if store is not None:
            d.errors.add(
                "ML405",
                f"the state of the `type` {decl.name} has a store in it: {store}",
                state.span,
                f"What has a store in it is a store: declare {decl.name} with `store` instead of `type`.",
            )
    if not sig.own_merge:
        for part, found, span in _places(sig, state):
            gap = bounds.merge_gap(d, found, part)
            if gap is not None:
                path, unmerged = gap
                where = f"`{path}`: {unmerged}" if path else f"{unmerged}"
                d.errors.add(
                    "ML404",
                    f"{decl.name} needs a merge of its own: there is none for {where}",
                    span,
                    _merge_advice(unmerged),
                )


def _places(sig: TypeSig, state: ast.StateClause) -> list[tuple[str, Type, Span]]:
    """The fields of the state, or the whole state under the name "", with the place where each type is written."""
    if isinstance(state.type, ast.RecordType) and isinstance(sig.state, RecordT):
        pairs = zip(sig.state.fields, state.type.fields, strict=True)
        return [(n, t, node.span) for (n, t), (_, node) in pairs]
    return [("", sig.state, state.type.span)]


def _merge_advice(t: Type) -> str:
    if isinstance(t, ParamT):
        return f"Give the parameter a bound, `{t}: Lattice` or `{t}: Store`, or write `merge(a, b) = ...`."
    return "Write `merge(a, b) = ...`, or use a declared type there that has the merge you mean."


def _check_state_zero(d: Declared, sig: TypeSig, state: ast.StateClause) -> None:
    for part, t, span in _places(sig, state):
        need_zero(d, t, span, f"the field `{part}` needs" if part else "the state needs")

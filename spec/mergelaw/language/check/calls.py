"""Calls: built-in functions, declared functions, queries and updates."""

from __future__ import annotations

from collections.abc import Callable

from mergelaw.language import ast, core
from mergelaw.language.check import bounds
from mergelaw.language.check.declared import (
    BUILTIN_FUNCTIONS,
    TypeSig,
    did_you_mean,
    environment,
    listing,
    sentences,
)
from mergelaw.language.check.elaborator import Elaborator, elaborates
from mergelaw.language.check.expressions import (
    check_args,
    is_weak,
    no_member,
    query_call,
    variant,
    variant_named,
)
from mergelaw.language.check.operators import need_order, pair
from mergelaw.language.check.paths import describe, is_state, root_state
from mergelaw.language.check.resolve import need_bound, not_imported
from mergelaw.language.check.unify import NUMERIC, Meta, Poison, is_set, poisoned
from mergelaw.language.core import (
    BOOL,
    DOT,
    INT,
    NAT,
    REAL,
    REPLICA,
    TIME,
    Base,
    MapT,
    Named,
    OptionType,
    SeqT,
    Type,
    set_of,
)
from mergelaw.language.span import Span


@elaborates(ast.Call)
def call(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    """`f(x, y)`: a query of this type with parameters, a built-in, a function, or an enum variant."""
    if el.on_this and el.owner is not None and e.name in el.owner.queries:
        elsewhere = e.name in BUILTIN_FUNCTIONS or _function_named(el, e.name) is not None
        if el.owner.queries[e.name].params or not elsewhere:
            return query_call(el, el.this(e.span), e.name, e.args, e.span)
    if e.name in _BUILTINS:
        return _BUILTINS[e.name](el, e, hint)
    function = _function_named(el, e.name)
    if function is not None:
        return _function(el, e, function, hint)
    which = variant_named(el, e.name, hint)
    if which is not None:
        return variant(el, which, e.name, e.args, e.span, hint)
    for a in e.args:
        el.elab(a)
    return _unknown(el, e)


def _function_named(el: Elaborator, name: str) -> str | None:
    """The id of the function that `name` means here; None iff it means none."""
    found = el.declared.meaning(name, el.scope.file)
    return found if found in el.declared.functions else None


def _unknown(el: Elaborator, e: ast.Call) -> core.Expr:
    visible = el.declared.visible.get(el.scope.file, {})
    functions = [n for n, unique in visible.items() if unique in el.declared.functions]
    known = {*BUILTIN_FUNCTIONS, *functions, *el.declared.variants}
    if e.name in el.declared.functions:
        return el.error("ML209", *not_imported(el.declared, e.name, e.span))
    if el.owner is not None and el.on_this:
        known |= set(el.owner.queries)
    if e.name in el.env:
        return el.error("ML204", f"`{e.name}` is a variable, not a function", e.span, "A map is read with `m[key]`.")
    if el.owner is not None and e.name in el.owner.updates:
        return el.error(
            "ML204",
            f"`{e.name}` is an update, not a function",
            e.span,
            "In theorems write `s.update(...) by p`; in a delta update a part: `{ part.update(...) }`.",
        )
    if el.owner is not None and e.name in el.owner.queries:
        states = [s for s in el.env if s in el.states]
        example = f"`{states[0]}.{e.name}(...)`" if states else f"`s.{e.name}(...)`"
        return el.error("ML204", f"the query `{e.name}` needs a state here", e.span, f"Write {example}.")
    return el.error("ML204", f"there is no function `{e.name}`", e.span, did_you_mean(e.name, known))


def _function(el: Elaborator, e: ast.Call, function: str, hint: Type | None) -> core.Expr:
    sig = el.declared.functions[function]
    metas: dict[str, Type] = {
        p.name: el.fresh(e.span, f"the type argument `{p.name}` of `{e.name}`") for p in sig.type_params
    }
    result = core.substitute(sig.result, metas)
    if hint is not None and metas:
        with el.trial():
            fits = el.types.fits(result, hint)
        if fits and not isinstance(el.types.shape(hint), Base):
            el.types.fits(result, hint)
    params = tuple((n, core.substitute(t, metas)) for n, t in sig.params)
    args = check_args(el, f"`{e.name}`", e.args, params, e.span)
    if args is None:
        return core.Zero(result, span=e.span)

    def test() -> None:
        for p in sig.type_params:
            need_bound(el.declared, el.types.solved(metas[p.name]), p, e.name, e.span)

    el.at_end(test)
    return core.CallFun(result, function, tuple(metas.items()), args, span=e.span)


# -- built-ins -------------------------------------------------------------------------------------

Builtin = Callable[[Elaborator, ast.Call, Type | None], core.Expr]
_BUILTINS: dict[str, Builtin] = {}


def _builtin(*names: str) -> Callable[[Builtin], Builtin]:
    def register(f: Builtin) -> Builtin:
        for n in names:
            _BUILTINS[n] = f
        return f

    return register


def _arity(el: Elaborator, e: ast.Call, n: int, form: str) -> bool:
    if len(e.args) == n:
        return True
    for a in e.args:
        el.elab(a)
    given = f"{len(e.args)} {'are' if len(e.args) != 1 else 'is'} given"
    el.error(
        "ML304",
        f"`{e.name}` takes {n} argument{'s' if n != 1 else ''}, {given}",
        e.span,
        f"Write `{form}`.",
    )
    return False


def _needs(el: Elaborator, e: ast.Call, found: core.Expr, what: str, hint: str = "") -> core.Expr:
    shape = el.types.shape(found.type)
    if isinstance(shape, Poison):
        return poisoned(e.span)
    if isinstance(shape, Meta):
        return el.untold(
            found,
            f"the argument of `{e.name}`",
            "Use something whose type is clear.",
        )
    return el.error("ML309", f"`{e.name}` needs {what}, this is {el.show(found.type)}", found.span, hint)


@_builtin("keys")
def _keys(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 1, "keys(m)"):
        return poisoned(e.span)
    m = el.elab(e.args[0])
    t = el.types.shape(m.type)
    if isinstance(t, MapT):
        return core.Keys(set_of(t.key), m, span=e.span)
    return _needs(el, e, m, "a map")


@_builtin("sum")
def _sum(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 1, "sum(m)"):
        return poisoned(e.span)
    m = el.elab(e.args[0])
    t = el.types.shape(m.type)
    if isinstance(t, MapT):
        value = el.types.shape(t.value)
        if isinstance(value, Base) and value.name in NUMERIC:
            return core.Sum(value, m, span=e.span)
        if is_set(t):
            return _needs(
                el,
                e,
                m,
                "a map to numbers",
                "For the number of members write `count(s)`; for their sum `sum({ x -> if x in s then x else 0 })`.",
            )
    return _needs(
        el, e, m, "a map to numbers", "Sum over a part: `sum({ k -> m[k].part })`." if isinstance(t, MapT) else ""
    )


@_builtin("count")
def _count(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 1, "count(s)"):
        return poisoned(e.span)
    m = el.elab(e.args[0])
    t = el.types.shape(m.type)
    if isinstance(t, MapT):
        return core.Count(NAT, m, span=e.span)
    return _needs(el, e, m, "a set or a map", "For sequences write `length(s)`." if isinstance(t, SeqT) else "")


@_builtin("max", "min")
def _extreme(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if len(e.args) < 2:
        for a in e.args:
            el.elab(a)
        return el.error(
            "ML304",
            f"`{e.name}` takes 2 or more arguments, {len(e.args)} {'are' if len(e.args) != 1 else 'is'} given",
            e.span,
            "For the greatest member of a set write `greatest(x in s)`, for the least `least(x in s)`.",
        )
    args = [el.elab(a, hint) for a in e.args]
    joined: Type = args[0].type
    for other in args[1:]:
        wider = el.types.join(joined, other.type)
        if wider is None:
            these = f"{el.show(joined)} and {el.show(other.type)}"
            return el.error("ML303", f"`{e.name}` compares values of one type, these are {these}", e.span)
        joined = wider
    need_order(el, joined, e.span, f"`{e.name}`")
    return core.Op(joined, e.name, tuple(el.retyped(a, joined) for a in args), span=e.span)


@_builtin("monus")
def _monus(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 2, "monus(a, b)"):
        return poisoned(e.span)
    left, right = pair(el, e.args[0], e.args[1], None)
    joined = el.types.join(left.type, right.type)
    shape = el.types.shape(joined) if joined is not None else None
    if isinstance(shape, Poison):
        return poisoned(e.span)
    if not (isinstance(shape, Base) and shape.name in NUMERIC):
        return el.error(
            "ML303",
            f"`monus` subtracts numbers, these are {el.show(left.type)} and {el.show(right.type)}",
            e.span,
            "`monus(a, b)` is `max(0, a - b)`.",
        )
    # max(0, a - b) of integers is never negative, so it is a Nat.
    result = REAL if shape == REAL else NAT
    return core.Op(result, "monus", (el.retyped(left, shape), el.retyped(right, shape)), span=e.span)


@_builtin("some")
def _some(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 1, "some(x)"):
        return poisoned(e.span)
    shape = el.types.shape(hint) if hint is not None else None
    wanted = shape.item if isinstance(shape, OptionType) else None
    item = el.elab(e.args[0], wanted)
    if wanted is not None:
        item = el.retyped(item, wanted)
    return core.Some(OptionType(item.type), item, span=e.span)


@_builtin("length", "first", "last", "init", "rest")
def _of_sequence(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 1, f"{e.name}(s)"):
        return poisoned(e.span)
    s = el.elab(e.args[0], hint if e.name in ("init", "rest") else None)
    t = el.types.shape(s.type)
    if not isinstance(t, SeqT):
        return _needs(
            el,
            e,
            s,
            "a sequence",
            "For sets and maps write `count(s)`." if e.name == "length" and isinstance(t, MapT) else "",
        )
    result: Type = {"length": NAT, "first": OptionType(t.item), "last": OptionType(t.item)}.get(e.name, t)
    return core.SeqOp(result, e.name, (s,), span=e.span)


@_builtin("starts_with")
def _starts_with(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 2, "starts_with(s, prefix)"):
        return poisoned(e.span)
    s, prefix = pair(el, e.args[0], e.args[1], None)
    joined = el.types.join(s.type, prefix.type)
    if joined is None or not isinstance(el.types.shape(joined), SeqT):
        return _needs(el, e, s if not isinstance(el.types.shape(s.type), SeqT) else prefix, "two sequences of one type")
    return core.SeqOp(BOOL, "starts_with", (s, prefix), span=e.span)


@_builtin("dots")
def _dots(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 1, "dots(x)"):
        return poisoned(e.span)
    x = el.elab(e.args[0])

    def test() -> None:
        t = el.types.solved(x.type)
        if not bounds.has_dots(el.declared, t):
            el.error("ML218", f"{t} has no live dots", x.span, _dots_hint(el, t))

    el.at_end(test)
    return core.DotsOf(set_of(DOT), x, span=e.span)


def _dots_hint(el: Elaborator, t: Type) -> str:
    if isinstance(t, Named) and el.declared.types[t.name].is_store:
        return f"Say in {t.name} which dots are live: `dots = ...`."
    return "Only stores, and records and maps of stores, have live dots."


@_builtin("merge")
def _merge(el: Elaborator, e: ast.Call, hint: Type | None) -> core.Expr:
    if not _arity(el, e, 2, "merge(x, y)"):
        return poisoned(e.span)
    left, right = _merge_operands(el, e, hint)
    joined = el.types.join(left.type, right.type)
    if joined is None:
        return el.error(
            "ML303",
            f"`merge` takes two values of one type, these are {el.show(left.type)} and {el.show(right.type)}",
            e.span,
        )
    two = [el.types.head(left.type), el.types.head(right.type)]
    if isinstance(two[0], Named) and isinstance(two[1], Named) and two[0].name != two[1].name:
        return el.error(
            "ML407",
            f"{two[0]} and {two[1]} have the same states, but each its own merge",
            e.span,
            "Merge two values of one declared type.",
        )
    t: Type = joined
    if hint is not None and not isinstance(el.types.head(joined), Named) and isinstance(el.types.head(hint), Named):
        with el.trial():
            fits = el.types.fits(joined, hint)
        t = hint if fits else t
    el.at_end(lambda: _check_merge(el, t, left, right, e.span))
    return core.Merge(t, left, right, span=e.span)


def _merge_operands(el: Elaborator, e: ast.Call, hint: Type | None) -> tuple[core.Expr, core.Expr]:
    if is_weak(e.args[0]) and not is_weak(e.args[1]):
        right = el.elab(e.args[1], hint)
        return el.elab(e.args[0], right.type), right
    left = el.elab(e.args[0], hint)
    return left, el.elab(e.args[1], left.type)


def _check_merge(el: Elaborator, t: Type, left: core.Expr, right: core.Expr, span: Span) -> None:
    t = el.types.solved(t)
    if isinstance(t, Meta | Poison):
        return
    gap = bounds.merge_gap(el.declared, t)
    if gap is not None:
        part = str(t) if gap[1] == t else f"{t}, because of {gap[1]}"
        el.error("ML407", f"there is no merge for {part}", span, _merge_hint(gap[1]))
        return
    if bounds.store_part(el.declared, t) is None:
        return
    if el.kind == "theorem":
        if not (is_state(el, left) and is_state(el, right)):
            el.error(
                "ML408",
                f"only whole states are merged in theorems, {t} is a store",
                span,
                "A store is merged under the contexts of its states. "
                "Merge the states, then look at the part: `merge(s, t).part`.",
            )
        return
    if el.kind != "merge" or el.sides is None:
        el.error(
            "ML408",
            f"{t} is a store and cannot be merged here",
            span,
            "The merge of a store needs two contexts: "
            "use it in `merge(a, b) = ...` of a store, or on states in theorems.",
        )
        return
    for operand, side, other in ((left, el.sides[0], el.sides[1]), (right, el.sides[1], el.sides[0])):
        if root_state(el, operand) == other:
            position = "first" if operand is left else "second"
            el.error(
                "ML408",
                f"the {position} operand of `merge` lives under the context of `{side}`, this is a part of `{other}`",
                operand.span,
                f"Write `merge({describe(right)}, {describe(left)})`.",
            )
            return


def _merge_hint(t: Type) -> str:
    if isinstance(t, core.ParamT):
        return f"Give the parameter a bound: `{t}: Lattice` or `{t}: Store`."
    if t in (NAT, INT, REAL, TIME):
        return "For the greater of two numbers write `max(x, y)`."
    if isinstance(t, MapT) and is_set(t) or t == BOOL:
        return "For sets write `x | y`; or declare a `type` with the merge you mean."
    return "Declared types, parameters with the bound Lattice or Store, and records and maps of these have a merge."


# -- x.f(args) -------------------------------------------------------------------------------------


@elaborates(ast.MethodCall)
def method_call(el: Elaborator, e: ast.MethodCall, hint: Type | None) -> core.Expr:
    """A query of a declared type; in theorems also an update of a state."""
    subject = el.elab(e.subject)
    t = el.types.solved(subject.type)
    if isinstance(t, Poison):
        for a in e.args:
            el.elab(a)
        return poisoned(e.span)
    if not isinstance(t, Named):
        for a in e.args:
            el.elab(a)
        return no_member(el, t, e.name, e.span)
    sig = el.declared.types[t.name]
    if e.name in sig.updates:
        return _update(el, e, subject, t, sig)
    if e.at or e.by is not None or e.when is not None:
        word = "at" if e.at else "by" if e.by is not None else "when"
        known = did_you_mean(e.name, sig.updates)
        if e.name in sig.queries:
            el.error("ML211", f"`{word}` goes with an update, and `{e.name}` is a query", e.span, "Leave it out.")
        else:
            el.error(
                "ML203",
                f"{t.name} has no update `{e.name}`",
                e.span,
                sentences(listing("Its updates are", sig.updates), known),
            )
            return poisoned(e.span)
    if e.name in sig.queries:
        return query_call(el, subject, e.name, e.args, e.span)
    for a in e.args:
        el.elab(a)
    record = el.declared.fields(t)
    if record is not None and e.name in dict(record.fields):
        return el.error(
            "ML203", f"`{e.name}` is a field of {t.name} and takes no arguments", e.span, "A map is read with `[key]`."
        )
    if el.kind == "theorem":
        known_all = [*sig.queries, *sig.updates]
        hint_text = sentences(
            listing("Its queries are", sig.queries),
            listing("Its updates are", sig.updates),
            did_you_mean(e.name, known_all),
        )
        return el.error("ML203", f"{t.name} has no query or update `{e.name}`", e.span, hint_text)
    return no_member(el, t, e.name, e.span)


def _update(el: Elaborator, e: ast.MethodCall, subject: core.Expr, owner: Named, sig: TypeSig) -> core.Expr:
    env = environment(sig.params, owner.args)
    update = sig.updates[e.name]
    params = tuple((n, core.substitute(p, env)) for n, p in update.params)
    args = check_args(el, f"the update `{e.name}`", e.args, params, e.span)
    if el.kind != "theorem":
        hint = (
            "It is an entry of a delta: `{ part.update(...) at d }`."
            if el.kind == "update"
            else "Updates are applied in theorems, and to parts in the deltas of updates."
        )
        return el.error("ML211", f"the update `{e.name}` is no value", e.span, hint)
    if e.at:
        el.error(
            "ML211", "`at` has no place in theorems", e.span, "Every update in a theorem takes fresh dots by itself."
        )
    by = el.check(e.by, REPLICA) if e.by is not None else None
    when = el.check(e.when, TIME) if e.when is not None else None
    if not is_state(el, subject) or owner != el.self_type:
        return el.error(
            "ML311",
            f"`{e.name}` is applied to something that is not a state of {el.self_type.name}",
            e.subject.span,
            "Apply updates to parameters of type `This`, and to results of updates and merges of these.",
        )
    if args is None:
        return core.Zero(owner, span=e.span)
    return core.Apply(owner, owner, e.name, subject, args, by, when, span=e.span)

"""Names, literals, fields, keys, operators, `if` and `let`."""

from __future__ import annotations

from fractions import Fraction

from mergelaw.language import ast, core
from mergelaw.language.check import bounds
from mergelaw.language.check.declared import did_you_mean, listing, sentences
from mergelaw.language.check.elaborator import READS_SEEN, Elaborator, elaborates
from mergelaw.language.check.paths import is_state, root_state
from mergelaw.language.check.unify import NUMERIC, Meta, Poison, is_set, poisoned
from mergelaw.language.core import (
    BOOL,
    DOT,
    NAT,
    REAL,
    REPLICA,
    TEXT,
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    SeqT,
    TupleT,
    Type,
    set_of,
)
from mergelaw.language.span import Span

# -- names and literals ----------------------------------------------------------------------------


@elaborates(ast.Name)
def name(el: Elaborator, e: ast.Name, hint: Type | None) -> core.Expr:
    """A local variable, a state field, a query without arguments, or a payload-free variant."""
    if e.name in el.env:
        found = el.env[e.name].core
        return core.Var(found.type, found.name, span=e.span) if isinstance(found, core.Var) else found
    if e.name == "seen":
        return _own_seen(el, e.span)
    if el.on_this and el.owner is not None:
        record = el.declared.fields(el.owner.state)
        if record is not None and e.name in dict(record.fields):
            return core.Get(dict(record.fields)[e.name], el.this(e.span), e.name, span=e.span)
        if e.name in el.owner.queries:
            return query_call(el, el.this(e.span), e.name, (), e.span)
    found_variant = variant_named(el, e.name, hint)
    if found_variant is not None:
        return variant(el, found_variant, e.name, (), e.span, hint)
    return _unknown(el, e)


def _own_seen(el: Elaborator, span: Span) -> core.Expr:
    if el.kind in READS_SEEN:
        return core.Seen(set_of(DOT), "this", span=span)
    states = [b.core.name for b in el.env.values() if isinstance(b.core, core.Var) and b.core.name in el.states]
    if states and el.kind != "dots":
        example = " or ".join(f"`{s}.seen`" for s in states[:2])
        return el.error(
            "ML211",
            "`seen` by itself is the context of `this`, which is not in scope here",
            span,
            f"Say whose: {example}.",
        )
    return el.error("ML211", "`seen` cannot be used here", span, _seen_advice(el))


def _seen_advice(el: Elaborator) -> str:
    if el.kind == "merge":
        return "Only the merge of a `store` may read contexts. Declare the type with `store` instead of `type`."
    return "Contexts can be read in updates, queries, invariants, theorems, and in the merge of a store."


def _unknown(el: Elaborator, e: ast.Name) -> core.Expr:
    known = set(el.env)
    if el.declared.meaning(e.name, el.scope.file) in el.declared.functions:
        return el.error("ML201", f"`{e.name}` is a function and needs arguments", e.span, f"Write `{e.name}(...)`.")
    if e.name == "this":
        return el.error("ML211", "`this` is not in scope here", e.span, _states_in_scope(el))
    fields: list[str] = []
    if el.owner is not None:
        record = el.declared.fields(el.owner.state)
        fields = [n for n, _ in record.fields] if record else []
        if not el.on_this and (e.name in fields or e.name in el.owner.queries):
            states = [s for s in el.env if s in el.states]
            example = f" Say of which state: `{states[0]}.{e.name}`." if states else ""
            return el.error("ML201", f"`{e.name}` is not in scope by itself here", e.span, example.strip())
    if el.on_this and el.owner is not None:
        known |= set(fields) | set(el.owner.queries) | {"this"}
    known |= {v for v, owners in el.declared.variants.items() if owners}
    return el.error("ML201", f"there is nothing named `{e.name}` here", e.span, did_you_mean(e.name, known))


def _states_in_scope(el: Elaborator) -> str:
    states = [s for s in el.env if s in el.states]
    return f"The states in scope are: {', '.join(states)}." if states else ""


@elaborates(ast.Number)
def number(el: Elaborator, e: ast.Number, hint: Type | None) -> core.Expr:
    """A Nat, or a Real if it has a fraction; it takes on the numeric type expected."""
    if isinstance(e.value, Fraction):
        return core.Lit(REAL, e.value, span=e.span)
    return el.retyped(core.Lit(NAT, e.value, span=e.span), hint or NAT)


@elaborates(ast.TextLit)
def text(el: Elaborator, e: ast.TextLit, hint: Type | None) -> core.Expr:
    """A Text."""
    return core.Lit(TEXT, e.value, span=e.span)


@elaborates(ast.BoolLit)
def boolean(el: Elaborator, e: ast.BoolLit, hint: Type | None) -> core.Expr:
    """A Bool."""
    return core.Lit(BOOL, e.value, span=e.span)


@elaborates(ast.NoneLit)
def none(el: Elaborator, e: ast.NoneLit, hint: Type | None) -> core.Expr:
    """The zero of an Option."""
    if hint is not None and isinstance(el.types.shape(hint), OptionType):
        return core.Zero(hint, span=e.span)
    return core.Zero(OptionType(el.fresh(e.span, "`none`")), span=e.span)


@elaborates(ast.Empty)
def empty(el: Elaborator, e: ast.Empty, hint: Type | None) -> core.Expr:
    """The zero of the type expected."""
    t = hint if hint is not None else el.fresh(e.span, "`{}`")

    def has_zero() -> None:
        need_zero(el, t, e.span, "`{}`")

    el.at_end(has_zero)
    return core.Zero(t, span=e.span)


def need_zero(el: Elaborator, t: Type, span: Span, what: str) -> None:
    """Reports it if `t` has no zero."""
    t = el.types.solved(t)
    gap = bounds.zero_gap(el.declared, t)
    if gap is not None:
        of = f"{t}" if gap == t else f"{t}, because of its part {gap}"
        el.error(
            "ML402",
            f"{what} needs a type with a zero, and there is none for {of}",
            span,
            f"Give a value, or use `Option[{gap}]`, whose zero is none.",
        )


# -- parts of values -------------------------------------------------------------------------------


@elaborates(ast.FieldAccess)
def field_access(el: Elaborator, e: ast.FieldAccess, hint: Type | None) -> core.Expr:
    """A field, `seen` of a state, replica or number of a dot, or a query without arguments."""
    subject = el.elab(e.subject)
    t = el.types.head(subject.type)
    if isinstance(t, Poison):
        return poisoned(e.span)
    record = el.declared.fields(t)
    if record is not None and e.name in dict(record.fields):
        return core.Get(dict(record.fields)[e.name], subject, e.name, span=e.span)
    if e.name == "seen":
        return _seen_of(el, subject, e)
    if el.types.shape(t) == DOT and e.name in ("replica", "number"):
        return core.Get(REPLICA if e.name == "replica" else NAT, subject, e.name, span=e.span)
    if isinstance(t, Meta):
        return el.untold(
            subject,
            f"what has the field `{e.name}`",
            "Annotate it: `(x: Type)` in a quantifier, or use it first where its type is clear.",
        )
    if isinstance(t, Named) and e.name in el.declared.types[t.name].queries:
        return query_call(el, subject, e.name, (), e.span)
    return no_member(el, t, e.name, tail(e.span, e.name))


def _seen_of(el: Elaborator, subject: core.Expr, e: ast.FieldAccess) -> core.Expr:
    if isinstance(subject, core.Var) and subject.name in el.states:
        if el.kind == "merge" and el.owner is not None and not el.owner.is_store:
            return el.error(
                "ML405",
                "the merge of a `type` cannot read contexts (`seen`)",
                e.span,
                f"Declare {el.owner.name} with `store` instead of `type`.",
            )
        if el.kind == "dots":
            return el.error(
                "ML211", "`dots` cannot depend on the context", e.span, "Say which dots of `this` are live."
            )
        return core.Seen(set_of(DOT), subject.name, span=e.span)
    if is_state(el, subject):
        hint = "Bind it with a parameter: a theorem for every `t: This` has `t.seen`."
    else:
        states = [s for s in el.env if s in el.states]
        whose = f" here: {', '.join(f'`{s}.seen`' for s in states)}" if states else ""
        hint = f"Only whole states have a context{whose}. A part lives under the context of its state."
    return el.error("ML219", "`.seen` is only there for a state variable", e.span, hint)


def tail(span: Span, name: str) -> Span:
    """The span of a name at the end of `span`."""
    return Span(span.file, span.end_line, max(1, span.end_column - len(name)), span.end_line, span.end_column)


def no_member(el: Elaborator, t: Type, wanted: str, span: Span) -> core.Expr:
    """Reports that values of `t` have no field or query `wanted`."""
    record = el.declared.fields(t)
    fields = [n for n, _ in record.fields] if record else []
    if isinstance(t, Named):
        sig = el.declared.types[t.name]
        if wanted in sig.updates:
            example = (
                f"`s.{wanted}(...) by p`"
                if el.kind == "theorem"
                else f"an entry of a delta: `{{ part.{wanted}(...) }}`"
            )
            return el.error(
                "ML203", f"`{wanted}` is an update of {t.name}, and no value", span, f"Use it as {example}."
            )
        hint = sentences(
            listing("Its fields are", fields),
            listing("Its queries are", sig.queries),
            did_you_mean(wanted, [*fields, *sig.queries]),
        )
        return el.error("ML203", f"{t.name} has no field or query `{wanted}`", span, hint)
    if record is not None:
        hint = sentences(listing("Its fields are", fields), did_you_mean(wanted, fields))
        return el.error("ML203", f"{el.show(t)} has no field `{wanted}`", span, hint)
    shape = el.types.shape(t)
    hint = ""
    if isinstance(shape, OptionType):
        hint = "Take the option apart: `match ... { some(x) => ..., none => ... }`."
    elif isinstance(shape, TupleT):
        hint = "Take the tuple apart: `match ... { (x, y) => ... }`."
    elif isinstance(shape, EnumT):
        hint = "Take the enum apart with `match`."
    elif shape == DOT:
        hint = sentences("A dot has `replica` and `number`.", did_you_mean(wanted, ("replica", "number")))
    elif is_set(shape):
        hint = "Membership is `x in s`, the number of members `count(s)`."
    elif isinstance(shape, MapT):
        hint = "A map is read with `[key]`; `keys(m)` are the keys that are not zero, `count(m)` is their number."
    elif shape == REPLICA and el.kind == "theorem":
        hint = "To ask the state after an update write parentheses: `(s.update(...) by p).query`."
    return el.error("ML203", f"{el.show(t)} has no field `{wanted}`", span, hint)


@elaborates(ast.Index)
def index(el: Elaborator, e: ast.Index, hint: Type | None) -> core.Expr:
    """`m[k]`."""
    subject = el.elab(e.subject)
    t = el.types.shape(subject.type)
    if isinstance(t, MapT):
        return core.At(t.value, subject, el.check(e.key, t.key), span=e.span)
    el.elab(e.key)
    if isinstance(t, Poison):
        return poisoned(e.span)
    if isinstance(t, Meta):
        return el.untold(
            subject,
            "what is indexed",
            "Use it first where its type is clear, or annotate its binder: `(m: Map[K, V])`.",
        )
    advice = ""
    if isinstance(t, OptionType):
        advice = "Take the option apart first: `match ... { some(m) => m[k], none => ... }`."
    elif isinstance(t, SeqT):
        advice = "Sequences have `first`, `last`, `rest`, `init`, `length`; for random access use a Map."
    return el.error("ML309", f"only maps and sets are indexed, this is {el.show(subject.type)}", e.subject.span, advice)


def query_call(el: Elaborator, subject: core.Expr, query: str, args: tuple[ast.Expr, ...], span: Span) -> core.Expr:
    """`subject.query(args)`; the subject has a declared type."""
    owner = el.types.solved(subject.type)
    assert isinstance(owner, Named)
    sig = el.declared.types[owner.name]
    env = {p.name: a for p, a in zip(sig.params, owner.args, strict=True)}
    declared = sig.queries[query]
    checked = check_args(
        el, f"the query `{query}`", args, tuple((n, core.substitute(t, env)) for n, t in declared.params), span
    )
    if checked is None:
        return core.Zero(core.substitute(declared.result, env), span=span)
    result = core.substitute(declared.result, env)
    return core.CallQuery(result, owner, query, subject, checked, root_state(el, subject), span=span)


def check_args(
    el: Elaborator, what: str, args: tuple[ast.Expr, ...], params: tuple[tuple[str, Type], ...], span: Span
) -> tuple[core.Expr, ...] | None:
    """The arguments, checked against the parameters; None, and an error, if their number is wrong.

    Arguments that tell their own type are looked at first, so that `{}` or `none` can take on theirs.
    """
    if len(args) != len(params):
        for a in args:
            el.elab(a)
        takes = ", ".join(f"{n}: {el.show(t)}" for n, t in params)
        hint = f"Its parameters are: {takes}." if params else "It takes none."
        count = f"{len(params)} argument{'s' if len(params) != 1 else ''}"
        el.error("ML304", f"{what} takes {count}, {len(args)} {'are' if len(args) != 1 else 'is'} given", span, hint)
        return None
    done: dict[int, core.Expr] = {}
    for i in sorted(range(len(args)), key=lambda i: is_weak(args[i])):
        done[i] = el.check(args[i], params[i][1])
    return tuple(done[i] for i in range(len(args)))


def is_weak(e: ast.Expr) -> bool:
    """Whether the type of `e` is better told from where it is used."""
    match e:
        case ast.Empty() | ast.NoneLit() | ast.Construct() | ast.SeqLit(()):
            return True
        case ast.Call("some", args):
            return any(map(is_weak, args))
        case ast.If():
            return is_weak(e.then) and is_weak(e.orelse)
        case ast.Let():
            return is_weak(e.body)
        case ast.Tuple(items) | ast.SetLit(items) | ast.SeqLit(items):
            return any(map(is_weak, items))
        case ast.MapLit(items):
            return any(is_weak(k) or is_weak(v) for k, v in items)
        case _:
            return False


# -- variants --------------------------------------------------------------------------------------


def variant_named(el: Elaborator, wanted: str, hint: Type | None) -> tuple[str, int] | None:
    """Enum and number of the variant `wanted`: of the enum expected, else of the only one that has it.

    None iff no enum has it; the first of several, and no error yet, where that is not clear.
    """
    owners = el.declared.owners(wanted, el.scope.file)
    if hint is not None:
        expected = el.types.shape(hint)
        for enum, i in owners:
            if isinstance(expected, EnumT) and expected.name == enum:
                return enum, i
    return owners[0] if owners else None


def variant(
    el: Elaborator,
    which: tuple[str, int],
    wanted: str,
    args: tuple[ast.Expr, ...],
    span: Span,
    hint: Type | None,
) -> core.Expr:
    """A value of an enum."""
    enum, i = which
    expected = el.types.shape(hint) if hint is not None else None
    owners = el.declared.variants[wanted]
    if len(owners) > 1 and not (isinstance(expected, EnumT) and expected.name == enum):
        names = ", ".join(sorted(n for n, _ in owners))
        return el.error(
            "ML217",
            f"`{wanted}` may be a variant of {names}",
            span,
            "Use it where its type is clear, or rename one of them.",
        )
    definition = el.declared.enums[enum]
    metas = tuple(el.fresh(span, f"the type argument `{p.name}` of `{enum}`") for p in definition.params)
    t = EnumT(enum, metas)
    if expected is not None and isinstance(expected, EnumT):
        el.types.unify(t, expected)
    payload = el.declared.enum_variants(t)[i][1]
    checked = check_args(el, f"the variant `{wanted}`", args, payload, span)
    if checked is None:
        return core.Zero(t, span=span)
    return core.Variant(t, i, checked, span=span)


# -- if, let ---------------------------------------------------------------------------------------


def like(el: Elaborator, other: core.Expr, hint: Type | None) -> Type | None:
    """The type that an operand beside `other` should have: the one expected, else that of `other` unless a number."""
    if hint is not None:
        return hint
    shape = el.types.shape(other.type)
    return None if isinstance(shape, Base) and shape.name in NUMERIC else other.type


@elaborates(ast.If)
def conditional(el: Elaborator, e: ast.If, hint: Type | None) -> core.Expr:
    """`if`; both branches have one type, the one expected where both fit it."""
    condition = el.check(e.condition, BOOL)
    if hint is None and is_weak(e.then) and not is_weak(e.orelse):
        orelse = el.elab(e.orelse)
        then = el.elab(e.then, orelse.type)
    else:
        then = el.elab(e.then, hint)
        orelse = el.elab(e.orelse, hint if hint is not None else like(el, then, None))
    t = common(el, (then, orelse), hint, "the branches of `if`")
    return core.If(t, condition, el.retyped(then, t), el.retyped(orelse, t), span=e.span)


def common(el: Elaborator, branches: tuple[core.Expr, ...], hint: Type | None, what: str) -> Type:
    """The type of all branches: the one expected where they fit it, else their join; reports it if there is none."""
    if hint is not None and _all_fit(el, branches, hint):
        for b in branches:
            el.types.fits(b.type, hint)
        return hint
    joined: Type = branches[0].type
    for b in branches[1:]:
        wider = el.types.join(joined, b.type)
        if wider is None and hint is not None:
            for each in branches:
                el.demand(each, hint)
            return hint
        if wider is None:
            el.error(
                "ML301",
                f"{what} have different types: {el.show(joined)} and {el.show(b.type)}",
                b.span,
                "All of them have to have one type.",
            )
            return poisoned(b.span).type
        joined = wider
    return joined


def _all_fit(el: Elaborator, branches: tuple[core.Expr, ...], hint: Type) -> bool:
    with el.trial():
        return all(el.types.fits(b.type, hint) for b in branches)


@elaborates(ast.Let)
def let(el: Elaborator, e: ast.Let, hint: Type | None) -> core.Expr:
    """`let`; in theorems the name of a state means that state."""
    value = el.elab(e.value)
    if el.kind == "theorem" and is_state(el, value):
        with el.meaning(e.name, value):
            return el.elab(e.body, hint)
    with el.bound(e.name, value.type) as unique:
        body = el.elab(e.body, hint)
    return core.Let(body.type, unique, value, body, span=e.span)

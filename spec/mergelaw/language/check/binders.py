"""What binds a variable: comprehensions, quantifiers, loops over sequences, `greatest` and `least`."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language import ast, core
from mergelaw.language.check.elaborator import Elaborator, elaborates
from mergelaw.language.check.operators import need_order
from mergelaw.language.check.records import named_as, need_map_zero
from mergelaw.language.check.unify import Meta, Poison, is_set
from mergelaw.language.core import BOOL, MapT, OptionType, SeqT, Type
from mergelaw.language.span import Span

# -- the type of a variable that has no written one ------------------------------------------------


def _mentions(e: object, hidden: frozenset[str]) -> Iterator[tuple[ast.Expr, frozenset[str]]]:
    """All expressions in `e` with the names bound between `e` and them."""
    if isinstance(e, ast.Expr):
        yield e, hidden
    if isinstance(e, tuple):
        for i in e:
            yield from _mentions(i, hidden)
    elif isinstance(e, ast.Node):
        inner = hidden | _binds(e)
        for name in e.__dataclass_fields__:
            if name != "span":
                yield from _mentions(getattr(e, name), inner)


def _binds(e: ast.Node) -> frozenset[str]:
    match e:
        case ast.SetCompr() | ast.MapCompr() | ast.SeqFor() | ast.Pick() | ast.Each():
            return frozenset((e.var,))
        case ast.Let():
            return frozenset((e.name,))
        case ast.Quantifier():
            return frozenset(b.name for b in e.binders)
        case ast.Match():
            return frozenset(n for p, _ in e.cases for n in _pattern_names(p))
        case _:
            return frozenset()


def _pattern_names(p: ast.Pattern) -> Iterator[str]:
    match p:
        case ast.VarPattern(name):
            yield name
        case ast.CallPattern(_, args):
            for a in args:
                yield from _pattern_names(a)
        case ast.TuplePattern(items):
            for i in items:
                yield from _pattern_names(i)
        case _:
            pass


def _is_path(e: ast.Expr) -> bool:
    """Whether `e` is made of names, fields, keys, calls and set operators only, so that looking at it is cheap."""
    match e:
        case ast.Name():
            return True
        case ast.FieldAccess(subject):
            return _is_path(subject)
        case ast.Index(subject, key):
            return _is_path(subject) and _is_path(key)
        case ast.Call(_, args):
            return all(map(_is_path, args))
        case ast.MethodCall(subject, _, args):
            return _is_path(subject) and all(map(_is_path, args))
        case ast.Binary(op, left, right):
            return op in ("|", "&", "-") and _is_path(left) and _is_path(right)
        case _:
            return False


def guess(el: Elaborator, var: str, body: object) -> Type | None:
    """The type of a variable as `m[var]` or `var in s` in its scope tell it; None where nothing does."""
    for e, hidden in _mentions(body, frozenset()):
        match e:
            case ast.Index(subject, ast.Name(key)) if key == var:
                holder = subject
            case ast.Binary("in" | "not_in", ast.Name(key), subject) if key == var:
                holder = subject
            case _:
                continue
        names = {n.name for n, _ in _mentions(holder, frozenset()) if isinstance(n, ast.Name)}
        if var in hidden or names & (hidden | {var}) or not _is_path(holder):
            continue
        with el.trial():
            t = el.types.solved(el.types.shape(el.elab(holder).type))
            if isinstance(t, MapT) and el.types.known(t.key) and not isinstance(t.key, Poison):
                return t.key
    return None


def _variable(el: Elaborator, var: str, body: object, span: Span) -> Type:
    return guess(el, var, body) or el.fresh(span, f"`{var}`")


# -- comprehensions --------------------------------------------------------------------------------


@elaborates(ast.SetCompr)
def set_comprehension(el: Elaborator, e: ast.SetCompr, hint: Type | None) -> core.Expr:
    """`{ x where cond }`."""
    shape = el.types.shape(hint) if hint is not None else None
    key: Type = (
        shape.key
        if isinstance(shape, MapT) and el.types.known(shape.key)
        else _variable(el, e.var, e.condition, e.span)
    )
    with el.bound(e.var, key) as unique:
        condition = el.check(e.condition, BOOL)
    return core.Build(named_as(el, MapT(key, BOOL), hint), unique, condition, (), span=e.span)


@elaborates(ast.MapCompr)
def map_comprehension(el: Elaborator, e: ast.MapCompr, hint: Type | None) -> core.Expr:
    """`{ k -> value where cond }`."""
    shape = el.types.shape(hint) if hint is not None else None
    whole = (e.value, e.condition) if e.condition is not None else (e.value,)
    value: Type | None = None
    if isinstance(shape, MapT):
        value = shape.value
    known = shape.key if isinstance(shape, MapT) and el.types.known(shape.key) else None
    key: Type = known or _variable(el, e.var, whole, e.span)
    with el.bound(e.var, key) as unique:
        condition = el.check(e.condition, BOOL) if e.condition is not None else None
        body = el.elab(e.value, value)
        t = body.type
        if value is not None:
            with el.trial():
                fits = el.types.fits(body.type, value)
            if fits:
                el.types.fits(body.type, value)
                body, t = el.retyped(body, value), value
    need_map_zero(el, t, e.span)
    if condition is not None:
        body = core.If(t, condition, body, core.Zero(t, span=e.value.span), span=e.value.span)
    return core.Build(named_as(el, MapT(key, t), hint), unique, body, (), span=e.span)


# -- finite sources --------------------------------------------------------------------------------


def finite_source(el: Elaborator, source: ast.Expr, what: str, *, sequences: bool = False) -> tuple[core.Expr, Type]:
    """A set (or sequence) to walk over, and the type of its members."""
    found = el.elab(source)
    t = el.types.shape(found.type)
    if is_set(t) and isinstance(t, MapT):
        return found, t.key
    if sequences and isinstance(t, SeqT):
        return found, t.item
    if isinstance(t, Poison):
        return found, t
    if isinstance(t, Meta):
        el.untold(
            found,
            f"what {what} walks over",
            "Use something whose type is clear.",
        )
        return found, Poison()
    hint = ""
    if isinstance(t, MapT):
        hint = "For the keys of a map write `keys(m)`."
    elif isinstance(t, SeqT):
        hint = "Only `[... for x in s]` walks over a sequence."
    needs = "a set or a sequence" if sequences else "a set"
    el.error("ML309", f"{what} needs {needs}, this is {el.show(found.type)}", source.span, hint)
    return found, Poison()


def _keys(el: Elaborator, keys: tuple[ast.SortKey, ...]) -> tuple[tuple[core.Expr, bool], ...]:
    done = []
    for k in keys:
        e = el.elab(k.expr)
        need_order(el, e.type, k.expr.span, "`by`")
        done.append((e, k.descending))
    return tuple(done)


@elaborates(ast.Pick)
def pick(el: Elaborator, e: ast.Pick, hint: Type | None) -> core.Expr:
    """`greatest`, `least`."""
    source, item = finite_source(el, e.source, f"`{e.kind}`")
    with el.bound(e.var, item) as unique:
        keys = _keys(el, e.keys)
    need_order(el, item, e.source.span, f"`{e.kind}`")
    return core.Pick(OptionType(item), e.kind, unique, source, keys, span=e.span)


@elaborates(ast.SeqFor)
def sequence_for(el: Elaborator, e: ast.SeqFor, hint: Type | None) -> core.Expr:
    """`[ e for x in source by keys where cond ]`."""
    source, item = finite_source(el, e.source, "`for`", sequences=True)
    if isinstance(el.types.shape(source.type), SeqT):
        if e.keys:
            el.error(
                "ML309", "`by` is for sets; a sequence is walked in its own order", e.keys[0].span, "Leave `by` out."
            )
    else:
        need_order(el, item, e.source.span, "`for` over a set")
    shape = el.types.shape(hint) if hint is not None else None
    wanted = shape.item if isinstance(shape, SeqT) else None
    with el.bound(e.var, item) as unique:
        keys = _keys(el, e.keys)
        condition = el.check(e.condition, BOOL) if e.condition is not None else None
        body = el.elab(e.body, wanted)
        body = body if wanted is None else el.retyped(body, wanted)
    t = named_as(el, SeqT(body.type), hint)
    return core.SeqFor(t, body, unique, source, keys, condition, span=e.span)


@elaborates(ast.Quantifier)
def quantifier(el: Elaborator, e: ast.Quantifier, hint: Type | None) -> core.Expr:
    """`forall`, `exists`, one core node for each variable."""
    return _quantifier(el, e, 0)


def _quantifier(el: Elaborator, e: ast.Quantifier, i: int) -> core.Expr:
    if i == len(e.binders):
        return el.check(e.body, BOOL)
    b = e.binders[i]
    source: core.Expr | None = None
    t: Type
    if b.source is not None:
        source, t = finite_source(el, b.source, f"`{e.kind} ... in`")
        if b.type is not None:
            written = el.resolve(b.type)
            if not el.types.unify(t, written):
                el.error(
                    "ML301",
                    f"`{b.name}` is declared {el.show(written)}, and the members are {el.show(t)}",
                    b.span,
                    "Leave the type out.",
                )
    elif b.type is not None:
        t = el.resolve(b.type)
    else:
        t = _variable(el, b.name, (e.body, *(x.source for x in e.binders[i + 1 :])), b.span)
    if source is None and not el.logic:
        el.error(
            "ML503",
            f"`{e.kind} {b.name}` ranges over a whole type, which cannot be computed",
            b.span,
            f"Say where it ranges: `{e.kind} {b.name} in keys(m): ...`. "
            "Only claims (invariant, compatible, home, theorem) may range over types.",
        )
    with el.bound(b.name, t) as unique:
        body = _quantifier(el, e, i + 1)
    return core.Quant(BOOL, e.kind, unique, t, source, body, span=e.span)

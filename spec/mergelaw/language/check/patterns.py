"""`match`: patterns, and whether the cases reach every value and no case is idle.

Source: L. Maranget, Warnings for pattern matching, JFP 17 (2007), section 3 (usefulness).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from mergelaw.language import ast, core
from mergelaw.language.check.declared import Declared, did_you_mean, listing, sentences
from mergelaw.language.check.elaborator import Elaborator, elaborates
from mergelaw.language.check.expressions import common, is_weak
from mergelaw.language.check.unify import POISON, Meta, Poison
from mergelaw.language.core import (
    EnumT,
    Named,
    OptionType,
    Pattern,
    PNone,
    PSome,
    PTuple,
    PVar,
    PVariant,
    PWild,
    TupleT,
    Type,
)
from mergelaw.language.span import Span

B = TypeVar("B")


@elaborates(ast.Match)
def match(el: Elaborator, e: ast.Match, hint: Type | None) -> core.Expr:
    """`match` as an expression."""
    ordered = sorted(range(len(e.cases)), key=lambda i: hint is None and is_weak(e.cases[i][1]))
    found: list[core.Expr] = []

    def body(b: ast.Expr) -> core.Expr:
        wanted = hint if hint is not None else next((f.type for f in found if is_weak(b)), None)
        found.append(el.elab(b, wanted))
        return found[-1]

    subject, cases = elaborate_cases(el, e, body, ordered)
    t = common(el, tuple(b for _, b in cases), hint, "the cases of `match`")
    return core.Match(t, subject, tuple((p, el.retyped(b, t)) for p, b in cases), span=e.span)


def elaborate_cases(
    el: Elaborator, e: ast.Match, body: Callable[[ast.Expr], B], order: list[int] | None = None
) -> tuple[core.Expr, tuple[tuple[Pattern, B], ...]]:
    """Subject and cases of a `match`, the bodies by `body` and in the order given; reports missing and idle cases."""
    subject = el.elab(e.subject)
    done: dict[int, tuple[Pattern, B]] = {}
    errors = el.declared.errors.found
    fit = True
    for i in order if order is not None else range(len(e.cases)):
        pattern, b = e.cases[i]
        with ExitStack() as bound:
            before = len(errors)
            p = _pattern(el, pattern, subject.type, bound, set())
            fit = fit and len(errors) == before
            done[i] = (p, body(b))
    cases = tuple(done[i] for i in range(len(e.cases)))
    if fit:
        el.at_end(lambda: _coverage(el, e, subject.type, tuple(p for p, _ in cases)))
    return subject, cases


def _pattern(el: Elaborator, p: ast.Pattern, t: Type, bound: ExitStack, names: set[str]) -> Pattern:
    shape = el.types.shape(t)
    match p:
        case ast.WildPattern():
            return PWild()
        case ast.VarPattern(name):
            return _name_pattern(el, p, t, shape, bound, names)
        case ast.TuplePattern(items):
            return _tuple_pattern(el, p, items, t, shape, bound, names)
        case ast.CallPattern("some", args):
            if isinstance(shape, Meta):
                shape = OptionType(el.fresh(p.span, "the option's item"))
                el.types.unify(t, shape)
            if not isinstance(shape, OptionType):
                return _misfit(el, p, t, "`some(...)`", args, bound, names)
            if len(args) != 1:
                el.error("ML304", f"`some` takes 1 pattern, {len(args)} are given", p.span, "Write `some(x)`.")
                return PWild()
            return PSome(_pattern(el, args[0], shape.item, bound, names))
        case ast.CallPattern(name, args):
            return _variant_pattern(el, p, name, args, t, shape, bound, names)
    raise AssertionError(p)


def _name_pattern(
    el: Elaborator, p: ast.VarPattern, t: Type, shape: Type, bound: ExitStack, names: set[str]
) -> Pattern:
    if p.name == "none":
        if isinstance(shape, Meta):
            el.types.unify(t, OptionType(el.fresh(p.span, "the option's item")))
        elif not isinstance(shape, OptionType):
            return _misfit(el, p, t, "`none`", (), bound, names)
        return PNone()
    if isinstance(shape, EnumT):
        variants = el.declared.enum_variants(shape)
        for i, (variant, payload) in enumerate(variants):
            if variant == p.name:
                if payload:
                    blanks = ", ".join("_" for _ in payload)
                    el.error("ML308", f"the variant `{p.name}` has a payload", p.span, f"Write `{p.name}({blanks})`.")
                return PVariant(i, tuple(PWild() for _ in payload))
    if p.name in names:
        el.error("ML205", f"`{p.name}` is bound twice in one pattern", p.span, "Rename one of them, or write `_`.")
    names.add(p.name)
    return PVar(bound.enter_context(el.bound(p.name, t)))


def _tuple_pattern(
    el: Elaborator,
    p: ast.Pattern,
    items: tuple[ast.Pattern, ...],
    t: Type,
    shape: Type,
    bound: ExitStack,
    names: set[str],
) -> Pattern:
    if isinstance(shape, Meta):
        shape = TupleT(tuple(el.fresh(i.span, "an item of the tuple") for i in items))
        el.types.unify(t, shape)
    if not isinstance(shape, TupleT):
        return _misfit(el, p, t, "a tuple", items, bound, names)
    if len(shape.items) != len(items):
        el.error(
            "ML308",
            f"the tuple has {len(shape.items)} items, the pattern {len(items)}",
            p.span,
            "Write `_` for items that are not needed.",
        )
        return _poisoned(el, items, bound, names)
    return PTuple(tuple(_pattern(el, i, it, bound, names) for i, it in zip(items, shape.items, strict=True)))


def _variant_pattern(
    el: Elaborator,
    p: ast.CallPattern,
    name: str,
    args: tuple[ast.Pattern, ...],
    t: Type,
    shape: Type,
    bound: ExitStack,
    names: set[str],
) -> Pattern:
    owners = el.declared.owners(name, el.scope.file)
    if isinstance(shape, Meta) and len(owners) == 1:
        enum = el.declared.enums[owners[0][0]]
        shape = EnumT(enum.name, tuple(el.fresh(p.span, f"the type argument `{q.name}`") for q in enum.params))
        el.types.unify(t, shape)
    if not isinstance(shape, EnumT):
        return _misfit(el, p, t, f"`{name}(...)`", args, bound, names)
    variants = el.declared.enum_variants(shape)
    i = next((i for i, (v, _) in enumerate(variants) if v == name), None)
    if i is None:
        known = [v for v, _ in variants]
        el.error(
            "ML308",
            f"{shape} has no variant `{name}`",
            p.span,
            sentences(listing("Its variants are", known), did_you_mean(name, known)),
        )
        return _poisoned(el, args, bound, names)
    payload = variants[i][1]
    if len(payload) != len(args):
        fields = ", ".join(f for f, _ in payload)
        el.error(
            "ML304",
            f"the variant `{name}` has {len(payload)} items, the pattern {len(args)}",
            p.span,
            f"Write `{name}({fields})`." if payload else f"Write `{name}`.",
        )
        return _poisoned(el, args, bound, names)
    return PVariant(i, tuple(_pattern(el, a, ft, bound, names) for a, (_, ft) in zip(args, payload, strict=True)))


def _misfit(
    el: Elaborator,
    p: ast.Pattern,
    t: Type,
    what: str,
    inner: tuple[ast.Pattern, ...],
    bound: ExitStack,
    names: set[str],
) -> Pattern:
    if not isinstance(el.types.shape(t), Poison):
        shape = el.types.shape(t)
        hint = ""
        if isinstance(shape, OptionType):
            hint = "Patterns of an option are `some(x)` and `none`."
        elif isinstance(shape, EnumT):
            hint = listing("Its variants are", [v for v, _ in el.declared.enum_variants(shape)])
        el.error("ML308", f"{what} cannot be a value of {el.show(t)}", p.span, hint)
    return _poisoned(el, inner, bound, names)


def _poisoned(el: Elaborator, inner: tuple[ast.Pattern, ...], bound: ExitStack, names: set[str]) -> Pattern:
    for i in inner:
        _pattern(el, i, POISON, bound, names)
    return PWild()


# -- coverage --------------------------------------------------------------------------------------

Rows = list[list[Pattern]]


def _coverage(el: Elaborator, e: ast.Match, t: Type, patterns: tuple[Pattern, ...]) -> None:
    known = el.types.solved(t)
    rows: Rows = []
    for p, (written, _) in zip(patterns, e.cases, strict=True):
        if _useful(el.declared, rows, [p], [known]) is None:
            el.error(
                "ML307",
                "this case is never reached",
                written.span,
                "The cases above it take every value. Remove it, or move it up.",
            )
        rows.append([p])
    missing = _useful(el.declared, rows, [PWild()], [known])
    if missing is not None:
        el.error("ML306", f"the match misses `{missing[0]}`", _head(e), f"Add a case `{missing[0]} => ...`.")


def _head(e: ast.Match) -> Span:
    return e.subject.span


def _constructors(d: Declared, t: Type) -> list[tuple[str, list[Type]]] | None:
    while isinstance(t, Named):
        t = d.state_type(t)
    match t:
        case OptionType(item):
            return [("none", []), ("some", [item])]
        case EnumT():
            return [(n, [f for _, f in fs]) for n, fs in d.enum_variants(t)]
        case TupleT(items):
            return [("", list(items))]
        case _:
            return None


def _take_apart(p: Pattern) -> tuple[int, list[Pattern]] | None:
    match p:
        case PNone():
            return 0, []
        case PSome(item):
            return 1, [item]
        case PVariant(index, args):
            return index, list(args)
        case PTuple(items):
            return 0, list(items)
        case _:
            return None


def _specialized(rows: Rows, constructor: int, arity: int) -> Rows:
    result: Rows = []
    for row in rows:
        apart = _take_apart(row[0])
        if apart is None:
            result.append([*[PWild()] * arity, *row[1:]])
        elif apart[0] == constructor:
            result.append([*apart[1], *row[1:]])
    return result


def _useful(d: Declared, rows: Rows, row: list[Pattern], types: list[Type]) -> list[str] | None:
    """Values, as patterns, that `row` takes and none of `rows` does; None iff there are none."""
    if not row:
        return None if rows else []
    constructors = _constructors(d, types[0])
    apart = _take_apart(row[0])
    if constructors is None:
        rest = _useful(d, [r[1:] for r in rows], row[1:], types[1:])
        return None if rest is None else ["_", *rest]
    if apart is not None:
        return _with_constructor(d, rows, apart[0], apart[1], row, types, constructors)
    used = {a[0] for a in (_take_apart(r[0]) for r in rows) if a is not None}
    if len(used) < len(constructors):
        rest = _useful(d, [r[1:] for r in rows if _take_apart(r[0]) is None], row[1:], types[1:])
        if rest is None:
            return None
        if not used:
            return ["_", *rest]
        absent = next(i for i in range(len(constructors)) if i not in used)
        return [_shown(constructors[absent][0], ["_"] * len(constructors[absent][1])), *rest]
    for i, (_, payload) in enumerate(constructors):
        found = _with_constructor(d, rows, i, [PWild()] * len(payload), row, types, constructors)
        if found is not None:
            return found
    return None


def _with_constructor(
    d: Declared,
    rows: Rows,
    i: int,
    args: list[Pattern],
    row: list[Pattern],
    types: list[Type],
    constructors: list[tuple[str, list[Type]]],
) -> list[str] | None:
    name, payload = constructors[i]
    found = _useful(d, _specialized(rows, i, len(payload)), [*args, *row[1:]], [*payload, *types[1:]])
    if found is None:
        return None
    return [_shown(name, found[: len(payload)]), *found[len(payload) :]]


def _shown(name: str, args: list[str]) -> str:
    return f"{name}({', '.join(args)})" if args or not name else name

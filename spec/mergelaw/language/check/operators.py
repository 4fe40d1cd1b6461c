"""Operators: logic, comparison, arithmetic, sets and sequences."""

from __future__ import annotations

from mergelaw.language import ast, core
from mergelaw.language.check import bounds
from mergelaw.language.check.elaborator import Elaborator, elaborates
from mergelaw.language.check.expressions import is_weak, like
from mergelaw.language.check.unify import NUMERIC, Meta, Poison, is_set, poisoned
from mergelaw.language.core import BOOL, INT, NAT, REAL, TEXT, TIME, Base, MapT, OptionType, SeqT, Type, set_of
from mergelaw.language.span import Span


@elaborates(ast.Unary)
def unary(el: Elaborator, e: ast.Unary, hint: Type | None) -> core.Expr:
    """`not`, `-`."""
    if e.op == "not":
        return core.Op(BOOL, "not", (el.check(e.operand, BOOL),), span=e.span)
    operand = el.elab(e.operand, _numeric_hint(el, hint))
    t = el.types.shape(operand.type)
    if isinstance(t, Poison):
        return operand
    if not _is_number(t):
        return _no_operator(el, "-", (operand,), e.span)
    result = REAL if t == REAL else INT
    return core.Op(result, "neg", (el.retyped(operand, result),), span=e.span)


LOGICAL = {"=>": "implies", "and": "and", "or": "or"}
COMPARISON = {"<": ("lt", False), "<=": ("le", False), ">": ("lt", True), ">=": ("le", True)}


@elaborates(ast.Binary)
def binary(el: Elaborator, e: ast.Binary, hint: Type | None) -> core.Expr:
    """All operators with two operands."""
    if e.op in LOGICAL:
        args = (el.check(e.left, BOOL), el.check(e.right, BOOL))
        return core.Op(BOOL, LOGICAL[e.op], args, span=e.span)
    if e.op in ("in", "not_in"):
        return _membership(el, e)
    if e.op in ("==", "!="):
        return _equality(el, e)
    if e.op in COMPARISON:
        return _comparison(el, e)
    if e.op == "++":
        return _concat(el, e, hint)
    if e.op in ("|", "&"):
        return _set_operation(el, e, *pair(el, e.left, e.right, hint))
    assert e.op in ("+", "-", "*"), e.op
    if e.op == "-" and hint is not None and is_set(el.types.shape(hint)):
        return _set_operation(el, e, *pair(el, e.left, e.right, hint))
    left, right = _operands(el, e, hint)
    if e.op == "-" and (_is_map(el, left) or _is_map(el, right)):
        return _set_operation(el, e, left, right)
    return _arithmetic(el, e, left, right)


def pair(el: Elaborator, left: ast.Expr, right: ast.Expr, hint: Type | None) -> tuple[core.Expr, core.Expr]:
    """Two operands of like types: the one that tells its own type helps the other."""
    if is_weak(left) and not is_weak(right):
        second = el.elab(right, hint)
        return el.elab(left, like(el, second, hint)), second
    first = el.elab(left, hint)
    return first, el.elab(right, like(el, first, hint))


def _operands(el: Elaborator, e: ast.Binary, hint: Type | None) -> tuple[core.Expr, core.Expr]:
    """The operands of `+`, `-`, `*`; only sets lend their type to the other side, as `time + 1` has two types."""
    wanted = _numeric_hint(el, hint)
    left = el.elab(e.left, wanted)
    return left, el.elab(e.right, left.type if _is_map(el, left) else wanted)


def _numeric_hint(el: Elaborator, hint: Type | None) -> Type | None:
    return hint if hint is not None and _is_number(el.types.shape(hint)) else None


def _is_number(t: Type) -> bool:
    return isinstance(t, Base) and t.name in NUMERIC


def _is_map(el: Elaborator, e: core.Expr) -> bool:
    return isinstance(el.types.shape(e.type), MapT)


def _membership(el: Elaborator, e: ast.Binary) -> core.Expr:
    subject = el.elab(e.right)
    t = el.types.shape(subject.type)
    found: core.Expr
    if isinstance(t, Meta):
        key: Type = el.fresh(e.left.span, "the member")
        el.types.unify(t, set_of(key))
        t = set_of(key)
    if is_set(t) and isinstance(t, MapT):
        found = core.At(BOOL, subject, el.check(e.left, t.key), span=e.span)
    else:
        el.elab(e.left)
        if isinstance(t, Poison):
            return poisoned(e.span)
        advice = "For the keys of a map write `x in keys(m)`." if isinstance(t, MapT) else ""
        if isinstance(t, SeqT):
            advice = "For sequences write `some(x) == first(s)` or keep a set beside it."
        return el.error("ML309", f"`in` needs a set, this is {el.show(subject.type)}", e.right.span, advice)
    return core.Op(BOOL, "not", (found,), span=e.span) if e.op == "not_in" else found


def _equality(el: Elaborator, e: ast.Binary) -> core.Expr:
    left, right = pair(el, e.left, e.right, None)
    joined = el.types.join(left.type, right.type)
    op = "eq" if e.op == "==" else "ne"
    if joined is None:
        return el.error(
            "ML303",
            f"`{e.op}` compares values of one type, these are {el.show(left.type)} and {el.show(right.type)}",
            e.span,
            _option_advice(el, left.type, right.type),
        )
    return core.Op(BOOL, op, (el.retyped(left, joined), el.retyped(right, joined)), span=e.span)


def _option_advice(el: Elaborator, left: Type, right: Type) -> str:
    for one, other in ((left, right), (right, left)):
        shape = el.types.shape(one)
        if isinstance(shape, OptionType):
            with el.trial():
                if el.types.join(shape.item, other) is not None:
                    return "Compare with `some(...)`."
        if isinstance(shape, MapT) and is_set(shape):
            with el.trial():
                if el.types.join(shape.key, other) is not None:
                    return "For membership write `x in s`; a set of one member is `{x}`."
    return ""


def _comparison(el: Elaborator, e: ast.Binary) -> core.Expr:
    left, right = pair(el, e.left, e.right, None)
    op, turned = COMPARISON[e.op]
    joined = el.types.join(left.type, right.type)
    if joined is None:
        return el.error(
            "ML303",
            f"`{e.op}` compares values of one type, these are {el.show(left.type)} and {el.show(right.type)}",
            e.span,
            _option_advice(el, left.type, right.type),
        )
    left, right = el.retyped(left, joined), el.retyped(right, joined)
    args = (right, left) if turned else (left, right)
    if isinstance(el.types.shape(joined), MapT):
        if op == "le" and is_set(el.types.shape(joined)):
            return core.Op(BOOL, "subset", args, span=e.span)
        if not is_set(el.types.shape(joined)):
            return el.error(
                "ML303",
                f"`{e.op}` is for sets and ordered values, these are {el.show(joined)}",
                e.span,
                "Compare the maps key by key: `forall k: a[k] <= b[k]`.",
            )
        return el.error("ML303", f"`{e.op}` is not there for sets", e.span, "A proper subset is `a <= b and a != b`.")
    need_order(el, joined, e.span, f"`{e.op}`")
    return core.Op(BOOL, op, args, span=e.span)


def need_order(el: Elaborator, t: Type, span: Span, what: str) -> None:
    """Reports it, when types are known, if `t` is not ordered."""

    def test() -> None:
        known = el.types.solved(t)
        gap = bounds.order_gap(el.declared, known)
        if gap is None:
            return
        if isinstance(gap, core.ParamT):
            hint = f"Give the parameter a bound: `{gap}: Ordered`."
        else:
            hint = bounds.BOUND_HINTS["Ordered"]
        of = str(known) if gap == known else f"{known}, because of {gap}"
        el.error("ML406", f"{what} needs an order, and there is none for {of}", span, hint)

    el.at_end(test)


def _concat(el: Elaborator, e: ast.Binary, hint: Type | None) -> core.Expr:
    left, right = pair(el, e.left, e.right, hint)
    joined = el.types.join(left.type, right.type)
    shape = el.types.shape(joined) if joined is not None else None
    if joined is None or not isinstance(shape, SeqT | Poison):
        return _no_operator(el, "++", (left, right), e.span)
    return core.Op(shape, "concat", (left, right), span=e.span)


SET_OPERATION = {"|": "union", "&": "inter", "-": "diff"}


def _set_operation(el: Elaborator, e: ast.Binary, left: core.Expr, right: core.Expr) -> core.Expr:
    joined = el.types.join(left.type, right.type)
    shape = el.types.shape(joined) if joined is not None else None
    if isinstance(shape, Meta):
        shape = set_of(el.fresh(e.span, "the members"))
        el.types.unify(left.type, shape)
    if shape is None or not (is_set(shape) or isinstance(shape, Poison)):
        return _no_operator(el, e.op, (left, right), e.span)
    return core.Op(shape, SET_OPERATION[e.op], (left, right), span=e.span)


ARITHMETIC = {"+": "add", "-": "sub", "*": "mul"}


def _arithmetic(el: Elaborator, e: ast.Binary, left: core.Expr, right: core.Expr) -> core.Expr:
    a, b = el.types.shape(left.type), el.types.shape(right.type)
    if isinstance(a, Poison) or isinstance(b, Poison):
        return poisoned(e.span)
    if isinstance(a, Meta) and _is_number(b):
        el.types.unify(a, b)
        a = b
    elif isinstance(b, Meta) and _is_number(a):
        el.types.unify(b, a)
        b = a
    if isinstance(a, Meta) or isinstance(b, Meta):
        unknown = left if isinstance(a, Meta) else right
        return el.untold(
            unknown,
            "this operand",
            "Annotate its binder, or use it first where its type is clear.",
        )
    if e.op == "+" and TIME in (a, b) and NAT in (a, b):
        return core.Op(TIME, "add", (left, right), span=e.span)
    if not (_is_number(a) and _is_number(b)):
        return _no_operator(el, e.op, (left, right), e.span)
    joined = el.types.join(a, b)
    assert joined is not None
    if e.op == "-" and joined == NAT:
        joined = INT
    return core.Op(joined, ARITHMETIC[e.op], (el.retyped(left, joined), el.retyped(right, joined)), span=e.span)


def _no_operator(el: Elaborator, op: str, operands: tuple[core.Expr, ...], span: Span) -> core.Expr:
    shapes = [el.types.shape(o.type) for o in operands]
    if any(isinstance(s, Poison) for s in shapes):
        return poisoned(span)
    hint = ""
    if op in ("|", "&", "-") and any(isinstance(s, MapT) and not is_set(s) for s in shapes):
        hint = "Maps are combined key by key: `{ k -> ... }`."
    elif op == "+" and all(isinstance(s, SeqT) for s in shapes) or op == "+" and all(s == TEXT for s in shapes):
        hint = (
            "Sequences are joined with `++`."
            if isinstance(shapes[0], SeqT)
            else "Texts are opaque: they are only compared."
        )
    elif op == "+" and any(isinstance(s, MapT) for s in shapes):
        hint = "Sets are united with `|`; a single member is added with `s | {x}`."
    elif any(s == TIME for s in shapes):
        hint = "Of times there are only `time + Nat`, comparisons, `max` and `min`."
    elif any(isinstance(s, OptionType) for s in shapes):
        hint = "Take the option apart first: `match ... { some(x) => ..., none => ... }`."
    elif op in ("|", "&"):
        hint = "`|` and `&` are for sets; of Bools there are `or` and `and`."
    elif op == "++":
        hint = "`++` is for sequences."
    types = " and ".join(str(el.show(o.type)) for o in operands)
    return el.error("ML303", f"`{op}` does not work on {types}", span, hint)

"""The last step on a clause's core tree: all types filled in, and contexts used for membership only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from mergelaw.language import core
from mergelaw.language.check.declared import Errors
from mergelaw.language.check.unify import POISON, Meta, Unifier, parts
from mergelaw.language.core import Type
from mergelaw.language.span import Span

N = TypeVar("N", core.Expr, core.Delta, core.Expr | None)


def filled(types: Unifier, errors: Errors, tree: N) -> N:
    """`tree` with all types known; reports each type that stayed unknown, once."""
    reported: set[Meta] = set()

    def type_of(t: Type, span: Span) -> Type:
        t = types.solved(t)
        unknown = [p for p in parts(t) if isinstance(p, Meta)]
        for m in unknown:
            if m not in reported:
                reported.add(m)
                errors.add("ML302", f"cannot tell the type of {m.what}", m.span, _advice(m))
        return POISON if unknown else t

    def walk(x: Any, span: Span) -> Any:
        if isinstance(x, Type):
            return type_of(x, span)
        if isinstance(x, tuple):
            return tuple([walk(i, span) for i in x])
        if isinstance(x, core.Pattern | Span | type) or not is_dataclass(x):
            return x
        own = getattr(x, "span", span)
        values = {f.name: walk(getattr(x, f.name), own) for f in fields(x)}
        return x.__class__(**values)

    found: N = walk(tree, Span("", 1, 1, 1, 1))
    return found


def _advice(m: Meta) -> str:
    if m.what.startswith("`{}`") or m.what.startswith("`none`") or m.what.startswith("`[]`"):
        return "Use it where a type is expected: as an argument, a result, or beside a value whose type is known."
    if m.what.startswith("the type argument"):
        return "Its arguments do not tell it. Use the result where a type is expected."
    return "Annotate it, `(x: Type)` in a quantifier, or say where it comes from: `x in keys(m)`."


def misused_contexts(root: core.Expr | core.Delta) -> Iterator[core.Seen]:
    """The contexts in the tree that are used for something else than membership."""

    def allowed(parent: object, child: core.Seen) -> bool:
        match parent:
            case core.At(subject=s):
                return s is child
            case core.Op(op="inter"):
                return True
            case core.Op(op="diff" | "subset", args=(_, right)):
                return right is child
            case _:
                return False

    def walk(x: object, parent: object) -> Iterator[core.Seen]:
        if isinstance(x, core.Seen):
            if not allowed(parent, x):
                yield x
        elif isinstance(x, tuple):
            for i in x:
                yield from walk(i, parent)
        elif isinstance(x, core.Expr | core.Delta | core.Entry | core.Path):
            for f in fields(x):
                yield from walk(getattr(x, f.name), x)

    return walk(root, None)

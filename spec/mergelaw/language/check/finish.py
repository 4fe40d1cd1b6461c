"""The last step on a clause's core tree: all types filled in, and contexts used for membership only."""

from __future__ import annotations

from typing import Any, TypeVar

from mergelaw.language import core
from mergelaw.language.check.declared import Errors
from mergelaw.language.check.nodes import CHILD_FIELDS, TYPED_FIELDS, changed
from mergelaw.language.check.unify import POISON, Meta, Unifier, parts
from mergelaw.language.core import Type

N = TypeVar("N", core.Expr, core.Delta, core.Expr | None)


def filled(types: Unifier, errors: Errors, tree: N) -> N:
    """`tree` with all types known; reports each type that stayed unknown, once."""
    reported: set[Meta] = set()
    known: dict[Type, Type] = {}

    def type_of(t: Type) -> Type:
        if t in known:
            return known[t]
        known[t] = solved = types.solved(t)
        unknown = [p for p in parts(solved) if isinstance(p, Meta)]
        for m in unknown:
            if m not in reported:
                reported.add(m)
                errors.add("ML302", f"cannot tell the type of {m.what}", m.span, _advice(m))
        if unknown:
            known[t] = POISON
        return known[t]

    def walk(x: Any) -> Any:
        if isinstance(x, Type):
            return type_of(x)
        if isinstance(x, tuple):
            return tuple([walk(i) for i in x])
        return changed(x, {name: walk(getattr(x, name)) for name in TYPED_FIELDS[x.__class__]})

    found: N = walk(tree)
    return found


def _advice(m: Meta) -> str:
    if m.what.startswith("`{}`") or m.what.startswith("`none`") or m.what.startswith("`[]`"):
        return "Use it where a type is expected: as an argument, a result, or beside a value whose type is known."
    if m.what.startswith("the type argument"):
        return "Its arguments do not tell it. Use the result where a type is expected."
    return "Annotate it, `(x: Type)` in a quantifier, or say where it comes from: `x in keys(m)`."


def misused_contexts(root: core.Expr | core.Delta) -> list[core.Seen]:
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

    def walk(x: object, parent: object) -> None:
        if isinstance(x, core.Seen):
            if not allowed(parent, x):
                found.append(x)
        elif isinstance(x, tuple):
            for i in x:
                walk(i, parent)
        else:
            for name in CHILD_FIELDS[x.__class__]:
                walk(getattr(x, name), x)

    found: list[core.Seen] = []
    walk(root, None)
    return found

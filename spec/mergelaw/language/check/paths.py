"""Which state a core expression is a part of."""

from __future__ import annotations

from mergelaw.language import core
from mergelaw.language.check.elaborator import Elaborator


def root_state(el: Elaborator, e: core.Expr) -> str | None:
    """The state variable that `e` is a part of, by fields and keys; None iff it is not such a path."""
    while isinstance(e, core.Get | core.At):
        e = e.subject
    return e.name if isinstance(e, core.Var) and e.name in el.states else None


def is_state(el: Elaborator, e: core.Expr) -> bool:
    """Whether `e` is a whole state with its context: a state variable, or in theorems an update or merge of states."""
    match e:
        case core.Var():
            return e.name in el.states
        case core.Apply():
            return True
        case core.Merge():
            return el.kind == "theorem" and is_state(el, e.left) and is_state(el, e.right)
        case _:
            return False


def describe(e: core.Expr) -> str:
    """A short text for a path; other expressions are `...`."""
    match e:
        case core.Var():
            return e.name
        case core.Get():
            inner = describe(e.subject)
            return e.name if inner == "this" else f"{inner}.{e.name}"
        case core.At():
            return f"{describe(e.subject)}[{describe(e.key)}]"
        case core.Seen():
            return "seen" if e.state == "this" else f"{e.state}.seen"
        case core.Keys():
            return f"keys({describe(e.subject)})"
        case core.Lit():
            return str(e.value)
        case core.CallQuery():
            subject = describe(e.subject)
            args = f"({', '.join(map(describe, e.args))})" if e.args else ""
            return f"{e.query}{args}" if subject == "this" else f"{subject}.{e.query}{args}"
        case _:
            return "..."

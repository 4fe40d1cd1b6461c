"""Equalities of built-in operations; each function returns None where it knows nothing simpler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mergelaw.language.core import BOOL, NAT, TIME, Expr, Lit, Op, Seen, Type, Zero

TRUE, FALSE = Lit(BOOL, True), Lit(BOOL, False)

NATURAL = (NAT, TIME)
"""Types of numbers that are not negative."""


class Simplifier(Protocol):
    """What the rules ask of who simplifies."""

    def __call__(self, e: Expr) -> Expr:
        """`e`, simplified."""
        ...

    def zero(self, t: Type) -> Expr:
        """The zero of `t`."""
        ...

    def unfold(self, t: Type) -> Type:
        """`t`, with declared types at its head replaced by their states."""
        ...

    def zero_is_least(self, t: Type) -> bool:
        """Whether `t` is ordered and no value is less than its zero."""
        ...


def is_zero(e: Expr) -> bool:
    """Whether `e` is a zero, as it is written."""
    return isinstance(e, Zero) or (isinstance(e, Lit) and not e.value)


def _union(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if is_zero(x) and not isinstance(y, Seen):
        return y
    if (is_zero(y) or x == y) and not isinstance(x, Seen):
        return x
    return None


def _inter(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if is_zero(x) or is_zero(y):
        return Zero(s.unfold(e.type))
    return x if x == y and not isinstance(x, Seen) else None


def _diff(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if is_zero(x) or x == y:
        return Zero(s.unfold(e.type))
    return x if is_zero(y) and not isinstance(x, Seen) else None


def _subset(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if is_zero(x) or x == y:
        return TRUE
    if is_zero(y) and not isinstance(x, Seen):
        return s(Op(BOOL, "eq", (x, y)))
    return None


def _natural(args: tuple[Expr, ...]) -> bool:
    return all(a.type in NATURAL for a in args)


def _from_zero(args: tuple[Expr, ...], s: Simplifier) -> bool:
    """Whether zero is the least that `args` can be."""
    return all(s.zero_is_least(a.type) for a in args)


def _max(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    kept = tuple(dict.fromkeys(a for a in args if not (is_zero(a) and _from_zero(args, s))))
    if not kept:
        return s.zero(e.type)
    kept = tuple(a for a in kept if not any(_adds_to(a, b) for b in kept))
    return None if len(kept) == len(args) else kept[0] if len(kept) == 1 else Op(e.type, "max", kept)


def _adds_to(a: Expr, b: Expr) -> bool:
    """Whether `b` is `a` and something that is certainly not negative."""
    return isinstance(b, Op) and b.op == "add" and b.args[0] == a and all(_not_negative(x) for x in b.args[1:])


def _not_negative(e: Expr) -> bool:
    if isinstance(e, Lit):
        return not isinstance(e.value, str) and e.value >= 0
    return e.type == NAT or isinstance(e, Op) and e.op == "max" and any(_not_negative(x) for x in e.args)


def _min(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    if any(is_zero(a) for a in args) and _from_zero(args, s):
        return s.zero(e.type)
    kept = tuple(dict.fromkeys(args))
    return None if len(kept) == len(args) else kept[0] if len(kept) == 1 else Op(e.type, "min", kept)


def _monus(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if x == y or (is_zero(x) and _natural(args)):
        return s.zero(e.type)
    return x if is_zero(y) and _natural(args) and x.type == e.type else None


def _add(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    kept = tuple(a for a in args if not is_zero(a))
    if not kept:
        return s.zero(e.type)
    if len(kept) == len(args):
        return None
    return kept[0] if len(kept) == 1 and kept[0].type == e.type else None


def _sub(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if x == y:
        return s.zero(e.type)
    return x if is_zero(y) and x.type == e.type else None


def _mul(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    return s.zero(e.type) if any(is_zero(a) for a in args) else None


def _lt(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if x == y or (is_zero(y) and _from_zero(args, s)):
        return FALSE
    return None


def _le(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    x, y = args
    if x == y or (is_zero(x) and _from_zero(args, s)):
        return TRUE
    return None


def _concat(e: Op, args: tuple[Expr, ...], s: Simplifier) -> Expr | None:
    kept = tuple(a for a in args if not is_zero(a))
    if not kept:
        return s.zero(e.type)
    return None if len(kept) == len(args) else kept[0] if len(kept) == 1 else Op(e.type, "concat", kept)


_Rule = Callable[[Op, tuple[Expr, ...], Simplifier], Expr | None]
ALGEBRA: dict[str, _Rule] = {
    "union": _union,
    "inter": _inter,
    "diff": _diff,
    "subset": _subset,
    "max": _max,
    "min": _min,
    "monus": _monus,
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "lt": _lt,
    "le": _le,
    "concat": _concat,
}

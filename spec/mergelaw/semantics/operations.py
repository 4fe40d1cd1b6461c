"""Operations on raw values that need no types: sets and contexts, sequences, numbers, patterns."""

from __future__ import annotations

from fractions import Fraction

from immutables import Map

from mergelaw.language import core
from mergelaw.language.core import REAL, Type
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.values import Raw, make_set


def number(t: Type, value: Raw) -> Raw:
    """`value` as a result of type `t`: ints are widened to Fractions where `t` is Real."""
    return Fraction(value) if t == REAL else value


def intersection(left: Raw, right: Raw) -> Map[Raw, Raw]:
    """The members of both; at most one of them is a context, which may be huge and is only asked."""
    if isinstance(left, CausalContext):
        left, right = right, left
    return make_set(m for m in left if m in right)


def sequence(op: str, args: list[Raw]) -> Raw:
    """An operation on sequences; see `core.SeqOp`."""
    items = args[0]
    match op:
        case "length":
            return len(items)
        case "first":
            return items[:1] or None
        case "last":
            return items[-1:] or None
        case "init":
            return items[:-1]
        case "rest":
            return items[1:]
        case "starts_with":
            return items[: len(args[1])] == args[1]
        case _:
            raise AssertionError(f"no operation {op}")


def matched(pattern: core.Pattern, value: Raw) -> dict[str, Raw] | None:
    """What `pattern` binds in `value`; None if it does not match."""
    match pattern:
        case core.PWild():
            return {}
        case core.PVar(name):
            return {name: value}
        case core.PNone():
            return {} if value is None else None
        case core.PSome(item):
            return None if value is None else matched(item, value[0])
        case core.PVariant(index, args):
            return _all_matched(args, value[1:]) if value[0] == index else None
        case core.PTuple(items):
            return _all_matched(items, value)
        case _:
            raise AssertionError(f"no meaning for {pattern}")


def _all_matched(patterns: tuple[core.Pattern, ...], values: tuple[Raw, ...]) -> dict[str, Raw] | None:
    bound: dict[str, Raw] = {}
    for pattern, value in zip(patterns, values, strict=True):
        inner = matched(pattern, value)
        if inner is None:
            return None
        bound |= inner
    return bound

"""Functions whose results can be remembered."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language import core
from mergelaw.language.core import EnumT, Expr, Program
from mergelaw.laws.encode.types import types_of
from mergelaw.laws.memo import per_program

_NODES = (
    core.Lit,
    core.Zero,
    core.Var,
    core.Get,
    core.TupleE,
    core.RecordE,
    core.Variant,
    core.Some,
    core.If,
    core.Let,
    core.Match,
    core.Op,
    core.SeqE,
    core.SeqOp,
    core.CallFun,
)
"""What names nothing new where it is about scalars."""


@per_program
def pure(program: Program, function: str) -> bool:
    """Whether a call with scalar arguments is the same term each time, and the facts stated on the way are the same."""
    d = program.functions[function]
    types = types_of(program)
    if not all(types.scalar(t) for t in (d.result, *[t for _, t in d.params])):
        return False
    return d.recursive or all(_pure(program, e) for e in _nodes(d.body))


def _pure(program: Program, e: Expr) -> bool:
    if not isinstance(e, _NODES) or not types_of(program).scalar(e.type):
        return False
    if isinstance(e, core.CallFun):
        return pure(program, e.name)
    if isinstance(e, core.Variant):
        # The payloads of the others are arbitrary values.
        assert isinstance(e.type, EnumT)
        return not any(payload for n, (_, payload) in enumerate(program.variants(e.type)) if n != e.index)
    return True


def _nodes(e: Expr) -> Iterator[Expr]:
    yield e
    for c in core.children(e):
        yield from _nodes(c)

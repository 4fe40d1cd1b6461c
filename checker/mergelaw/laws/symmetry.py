"""Which values of a type may be renamed without changing what it does.

If nothing in a type orders replicas, a history with its replicas renamed is the same history, and the finder
need only number them in order of first use; likewise for texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mergelaw.language.core import (
    DOT,
    REPLICA,
    TEXT,
    Base,
    EnumT,
    Expr,
    Lit,
    MapT,
    Named,
    Op,
    OptionType,
    ParamT,
    Pick,
    Program,
    RecordT,
    SeqFor,
    SeqOp,
    SeqT,
    TupleT,
    Type,
    TypeDef,
)

_ORDERING = frozenset(("lt", "le", "max", "min"))


@dataclass(frozen=True)
class Symmetry:
    """What may be renamed."""

    replicas: bool
    """Nothing orders replicas or dots."""
    texts: bool
    """Nothing orders texts, looks into them or names one."""


def symmetry(program: Program, t: Named) -> Symmetry:
    """What the clauses of `t`, of all types inside it and of all functions leave symmetric; errs towards less."""
    replicas = texts = True
    definitions = [program.types[n] for n in sorted(_declared(program, t))]
    for node in _expressions((*definitions, *program.functions.values())):
        for compared in _ordered(node):
            replicas = replicas and not _contains(program, compared, (REPLICA, DOT))
            texts = texts and not _contains(program, compared, (TEXT,))
        if isinstance(node, Lit) and node.type == TEXT and node.value != "":
            texts = False
    return Symmetry(replicas, texts)


def _ordered(e: Expr) -> Iterator[Type]:
    """The types whose order `e` itself reads."""
    match e:
        case Op(_, op, args) if op in _ORDERING:
            yield from (a.type for a in args)
        case Pick(source=source, keys=keys):
            yield source.type
            yield from (k.type for k, _ in keys)
        case SeqFor(source=source, keys=keys):
            if not isinstance(source.type, SeqT):
                yield source.type
                yield from (k.type for k, _ in keys)
        case SeqOp(_, "starts_with", args):
            yield args[0].type
        case _:
            pass


def _expressions(x: object) -> Iterator[Expr]:
    """All expressions anywhere in a tree of dataclasses."""
    todo: list[object] = [x]
    while todo:
        part = todo.pop()
        if isinstance(part, Expr):
            yield part
        if isinstance(part, tuple):
            todo += part
        elif not isinstance(part, Type):
            names = getattr(part, "__dataclass_fields__", ())
            todo += [getattr(part, name) for name in names if name != "span"]


def numbers(definition: TypeDef) -> tuple[int, ...]:
    """The whole numbers that the text of a type names, ascending."""
    values = {e.value for e in _expressions(definition) if isinstance(e, Lit) and not isinstance(e.value, bool | str)}
    return tuple(sorted({int(v) for v in values if v == int(v)}))


def parts_of(program: Program, t: Type) -> Iterator[Type]:
    """The types that `t` is made of, one layer down; of a declared type its state and its arguments."""
    match t:
        case OptionType(item) | SeqT(item):
            yield item
        case TupleT(items):
            yield from items
        case RecordT(fs):
            yield from (f for _, f in fs)
        case MapT(key, item):
            yield from (key, item)
        case EnumT():
            yield from (f for _, fs in program.variants(t) for _, f in fs)
        case Named(_, args):
            yield program.state_type(t)
            yield from args
        case _:
            pass


def types_inside(program: Program, t: Type) -> set[Type]:
    """`t` and all types that it is made of."""
    found: set[Type] = set()
    waiting = [t]
    while waiting:
        u = waiting.pop()
        if u not in found and len(found) < 500:
            found.add(u)
            waiting.extend(parts_of(program, u))
    return found


def _declared(program: Program, t: Named) -> set[str]:
    return {u.name for u in types_inside(program, t) if isinstance(u, Named)}


def _contains(program: Program, t: Type, wanted: tuple[Base, ...]) -> bool:
    """Whether values of `t` may hold one of `wanted`; a type parameter may hold any."""
    return any(u in wanted or isinstance(u, ParamT) for u in types_inside(program, t))

"""How the arguments of a call compare in size with the parameters of the definition that the call stands in.

Smaller are, of a Nat, what `monus` leaves of it where it is not 0; of a sequence, `rest` and `init` where it
is not empty; of any value, what a pattern takes out of it, and a map's value where it is not zero. Fields and
map values at any key are not greater. "Where" means under a test of `if`, `and`, `or`, `=>`, `match`, or in a walk
over keys; `and`, `or` and `=>` look at their right side only if the left one does not decide.
Two values that are merged count as the greater of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

from mergelaw.language import core
from mergelaw.language.check.nodes import CHILD_FIELDS
from mergelaw.language.core import INT, NAT, Expr, MapT, Named, Pattern, RecordT, Type
from mergelaw.language.span import Span

Key = tuple[str, ...]
"""("fun", name), ("query", type, name), ("update", type, name) or ("merge", type, "merge")."""


class Size(IntEnum):
    """How a value compares with the chosen parameter."""

    LESS = 0
    NOT_GREATER = 1
    ANY = 2


@dataclass(frozen=True)
class Definition:
    """Something that can be called."""

    params: tuple[tuple[str, ...], ...]
    """What may be chosen to descend: each parameter, or both sides of a merge together."""
    body: Any


@dataclass(frozen=True)
class Site:
    """A call, with what is known where it stands."""

    callee: Key
    sizes: tuple[Size, ...]
    """Of the arguments, compared with the chosen parameter; of a merge one for both."""
    span: Span


@dataclass(frozen=True)
class _Where:
    """What is known at a place in a body."""

    program: core.Program
    sizes: Mapping[str, Size]
    nonzero: frozenset[Expr]
    """Values that are not zero."""
    positive: frozenset[Expr]
    """Numbers that are greater than 0."""
    some_nonzero: tuple[frozenset[Expr], ...] = ()
    """Of each group at least one value is not zero."""

    def knowing(self, facts: tuple[frozenset[Expr], frozenset[Expr]]) -> _Where:
        return replace(self, nonzero=self.nonzero | facts[0], positive=self.positive | facts[1])

    def binding(self, sizes: Mapping[str, Size]) -> _Where:
        return replace(self, sizes={**self.sizes, **sizes})


Facts = tuple[frozenset[Expr], frozenset[Expr]]
NO_FACTS: Facts = (frozenset(), frozenset())


def sites(program: core.Program, d: Definition, choice: int) -> Iterator[Site]:
    """The calls in a definition, with the sizes of their arguments compared with the parameter chosen."""
    sizes = dict.fromkeys(d.params[choice], Size.NOT_GREATER) if d.params else {}
    yield from _walk(d.body, _Where(program, sizes, frozenset(), frozenset()))


def _merged(e: core.Merge, at: _Where) -> Iterator[Site]:
    """The written merges that a `merge` calls."""
    operands = [o for o in (e.left, e.right) if not isinstance(o, core.Zero)]
    size = max((_size(o, at) for o in operands), default=Size.NOT_GREATER)
    bare = {_bare(o) for o in operands}
    if size == Size.NOT_GREATER and any({_bare(x) for x in group} <= bare for group in at.some_nonzero):
        size = Size.LESS
    for name, below in _own_merges(at.program, e.type, False, frozenset()):
        yield Site(("merge", name, "merge"), (min(size, Size.LESS) if below and size != Size.ANY else size,), e.span)


def _own_merges(program: core.Program, t: Type, below: bool, visited: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """The types whose written merges take part in merging values of `t`, and whether only below keys of a map."""
    match t:
        case Named(name):
            if program.types[name].merge is not None:
                yield name, below
            elif name not in visited:
                yield from _own_merges(program, program.state_type(t), below, visited | {name})
        case RecordT(parts):
            for _, part in parts:
                yield from _own_merges(program, part, below, visited)
        case MapT(_, value):
            yield from _own_merges(program, value, True, visited)
        case _:
            pass


def _walk(x: Any, at: _Where) -> Iterator[Site]:
    if isinstance(x, tuple):
        for i in x:
            yield from _walk(i, at)
        return
    if isinstance(x, core.CallFun):
        yield Site(("fun", x.name), tuple(_size(a, at) for a in x.args), x.span)
    elif isinstance(x, core.CallQuery):
        yield Site(("query", x.owner.name, x.query), tuple(_size(a, at) for a in (x.subject, *x.args)), x.span)
    elif isinstance(x, core.PartUpdate):
        sizes = (_size(_as_expression(x.path), at), *(_size(a, at) for a in x.args))
        yield Site(("update", x.owner.name, x.update), sizes, x.span)
    elif isinstance(x, core.Merge):
        yield from _merged(x, at)
    match x:
        case core.If(condition=c, then=t, orelse=e) | core.IfDelta(condition=c, then=t, orelse=e):
            yield from _walk(c, at)
            yield from _walk(t, at.knowing(_facts(c, True)))
            yield from _walk(e, at.knowing(_facts(c, False)))
        case core.Op(op="and" | "implies", args=(a, b)):
            yield from _walk(a, at)
            yield from _walk(b, at.knowing(_facts(a, True)))
        case core.Op(op="or", args=(a, b)):
            yield from _walk(a, at)
            yield from _walk(b, at.knowing(_facts(a, False)))
        case core.Let(name=n, value=v, body=b) | core.LetDelta(name=n, value=v, body=b):
            yield from _walk(v, at)
            yield from _walk(b, at.binding({n: _size(v, at)}))
        case core.Match(subject=s, cases=cases) | core.MatchDelta(subject=s, cases=cases):
            yield from _walk(s, at)
            for p, b in cases:
                bound: dict[str, Size] = {}
                facts = _matched(p, s, _size(s, at), bound, at)
                yield from _walk(b, at.binding(bound).knowing(facts))
        case core.Build(var=v, body=b, sources=sources):
            yield from _walk(sources, at)
            if len(sources) == 1:
                yield from _walk(b, at.knowing(_held(v, sources[0])))
            else:
                group = frozenset(core.At(core.BOOL, s, core.Var(core.BOOL, v)) for s in sources)
                yield from _walk(b, replace(at, some_nonzero=(*at.some_nonzero, group)))
        case (
            core.Pick(var=v, source=s)
            | core.Quant(var=v, source=s)
            | core.SeqFor(var=v, source=s)
            | core.Each(var=v, source=s)
        ):
            yield from _walk(s, at)
            inner = at
            if s is not None:
                inside = Size.LESS if _size(s, at) != Size.ANY else Size.ANY
                inner = at.binding({v: inside}).knowing(_held(v, s))
            yield from _walk(tuple([getattr(x, n) for n in CHILD_FIELDS[x.__class__] if n != "source"]), inner)
        case Expr() | core.Delta() | core.Entry() | core.Path():
            yield from _walk(tuple([getattr(x, n) for n in CHILD_FIELDS[x.__class__]]), at)
        case _:
            pass


def _as_expression(path: core.Path) -> Expr:
    e: Expr = core.Var(path.type, "this")
    for step in path.steps:
        e = core.Get(path.type, e, step) if isinstance(step, str) else core.At(path.type, e, step)
    return e


def _size(e: Expr, at: _Where) -> Size:
    match e:
        case core.Var(name=name):
            return at.sizes.get(name, Size.ANY)
        case core.Get(subject=subject):
            return _size(subject, at)
        case core.At(subject=subject):
            outer = _size(subject, at)
            return Size.LESS if outer == Size.NOT_GREATER and _holds(e, at.nonzero) else outer
        case core.SeqOp(op="rest" | "init", args=(s,)):
            outer = _size(s, at)
            return Size.LESS if outer == Size.NOT_GREATER and _holds(s, at.nonzero) else outer
        case core.SeqOp(op="first" | "last", args=(s,)):
            return _size(s, at)
        case core.Op(op="monus", args=(n, core.Lit(value=k))) if not isinstance(k, str) and k >= 1:
            outer = _size(n, at)
            return Size.LESS if outer == Size.NOT_GREATER and _holds(n, at.nonzero | at.positive) else outer
        case core.Op(op="sub", args=(n, core.Lit(value=k))) if not isinstance(k, str) and k >= 1:
            return Size.LESS if _size(n, at) != Size.ANY and n.type == INT and _holds(n, at.positive) else Size.ANY
        case core.If(then=then, orelse=orelse):
            return max(_size(then, at), _size(orelse, at))
        case core.Let(name=name, value=value, body=body):
            return _size(body, at.binding({name: _size(value, at)}))
        case _:
            return Size.ANY


def _holds(e: Expr, known: frozenset[Expr]) -> bool:
    bare = _bare(e)
    return any(_bare(k) == bare for k in known)


def _bare(e: Any) -> Any:
    """`e` without types, which differ between a path and the expression that reads it."""
    if isinstance(e, tuple):
        return tuple([_bare(i) for i in e])
    if isinstance(e, Expr):
        return (type(e).__name__, *(_bare(getattr(e, f.name)) for f in fields(e) if f.name not in ("type", "span")))
    return e


def _held(var: str, source: Expr) -> Facts:
    """What is known of a key that a map or set holds."""
    key = core.Var(core.BOOL, var)
    found = {core.At(core.BOOL, source, key)}
    if isinstance(source, core.Keys):
        found.add(core.At(core.BOOL, source.subject, key))
    return frozenset(found), frozenset()


def _facts(c: Expr, truth: bool) -> Facts:
    """What is known where the condition is true, or false."""
    match c:
        case core.Op(op="not", args=(a,)):
            return _facts(a, not truth)
        case core.Op(op="and", args=(a, b)) if truth:
            return _both(_facts(a, True), _facts(b, True))
        case core.Op(op="or", args=(a, b)) if not truth:
            return _both(_facts(a, False), _facts(b, False))
        case core.Op(op="implies", args=(a, b)) if not truth:
            return _both(_facts(a, True), _facts(b, False))
        case core.Op(op="eq" | "ne", args=(a, b)) if (c.op == "ne") == truth:
            return _both(_nonzero(a) if _is_zero(b) else NO_FACTS, _nonzero(b) if _is_zero(a) else NO_FACTS)
        case core.Op(op="eq" | "ne", args=(a, b)):
            return _both(_nonzero(a) if _is_some(b) else NO_FACTS, _nonzero(b) if _is_some(a) else NO_FACTS)
        case core.Op(op="lt" | "le", args=(a, b)):
            less, more, strict = (a, b, c.op == "lt") if truth else (b, a, c.op == "le")
            return _above_zero(more) if _at_least(less, 0 if strict else 1) else NO_FACTS
        case core.At(subject=s, key=k) if truth:
            held = _nonzero(c)
            return _both(held, _nonzero(core.At(core.BOOL, s.subject, k))) if isinstance(s, core.Keys) else held
        case _:
            return NO_FACTS


def _both(a: Facts, b: Facts) -> Facts:
    return a[0] | b[0], a[1] | b[1]


def _is_zero(e: Expr) -> bool:
    return isinstance(e, core.Zero) or isinstance(e, core.Lit) and e.value in (0, "")


def _is_some(e: Expr) -> bool:
    return isinstance(e, core.Some)


def _at_least(e: Expr, n: int) -> bool:
    if isinstance(e, core.Lit) and not isinstance(e.value, str):
        return e.value >= n
    return n == 0 and e.type == NAT


def _nonzero(e: Expr) -> Facts:
    found = frozenset((e,))
    if isinstance(e, core.SeqOp) and e.op in ("length", "first", "last"):
        found |= {e.args[0]}
    if isinstance(e, core.Count | core.Keys):
        found |= {e.subject}
    return found, frozenset()


def _above_zero(e: Expr) -> Facts:
    return _both(_nonzero(e), (frozenset(), frozenset((e,))))


def _matched(p: Pattern, subject: Expr | None, size: Size, sizes: dict[str, Size], at: _Where) -> Facts:
    """What is known where the subject matches; `sizes` takes in the variables of the pattern."""
    inside = Size.LESS if size != Size.ANY else Size.ANY
    match p:
        case core.PVar(name):
            sizes[name] = size
            return NO_FACTS
        case core.PSome(item):
            _matched(item, None, inside, sizes, at)
            return _nonzero(subject) if subject is not None else NO_FACTS
        case core.PVariant(index, args):
            for a in args:
                _matched(a, None, inside, sizes, at)
            return _nonzero(subject) if subject is not None and index > 0 else NO_FACTS
        case core.PTuple(items):
            parts: tuple[Expr | None, ...] = (None,) * len(items)
            part_sizes: tuple[Size, ...] = (size,) * len(items)
            facts = NO_FACTS
            if isinstance(subject, core.TupleE):
                parts = subject.items
                part_sizes = tuple(_size(i, at) for i in subject.items)
            for item, part, part_size in zip(items, parts, part_sizes, strict=True):
                facts = _both(facts, _matched(item, part, part_size, sizes, at))
            return facts
        case _:
            return NO_FACTS

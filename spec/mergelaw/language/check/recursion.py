"""Recursion ends: every call in a circle hands on something strictly smaller than one chosen parameter.

Smaller are, of a Nat, what `monus` leaves of it where it is not 0; of a sequence, `rest` and `init` where it
is not empty; of any value, what a pattern takes out of it, and a map's value where it is not zero. Fields and
map values at any key are not greater. "Where" means under a test of `if`, `and`, `or`, `=>`, `match`, or in a walk
over keys; `and`, `or` and `=>` look at their right side only if the left one does not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import product
from typing import Any

from mergelaw.language import core
from mergelaw.language.check.declared import Errors
from mergelaw.language.core import INT, NAT, Expr, Pattern
from mergelaw.language.span import Span

Key = tuple[str, ...]
"""("fun", name), ("query", type, name) or ("update", type, name)."""
CHOICES = 4096
"""How many ways to choose a parameter for each member of a circle are tried."""


class Size(IntEnum):
    """How a value compares with the chosen parameter."""

    LESS = 0
    NOT_GREATER = 1
    ANY = 2


@dataclass(frozen=True)
class Definition:
    """Something that can be called."""

    params: tuple[str, ...]
    body: Any


@dataclass(frozen=True)
class Site:
    """A call, with what is known where it stands."""

    callee: Key
    sizes: tuple[Size, ...]
    """Of the arguments, compared with the chosen parameter."""
    span: Span


def check_recursion(program: core.Program, errors: Errors) -> frozenset[str]:
    """Reports recursion that need not end; comes back with the names of the recursive functions."""
    definitions = _definitions(program)
    edges = {k: frozenset(s.callee for s in _sites(d, 0)) & definitions.keys() for k, d in definitions.items()}
    reach = _reachable(edges)
    done: set[Key] = set()
    for key in definitions:
        if key in reach[key] and key not in done:
            circle = [k for k in definitions if k in reach[key] and key in reach[k]]
            done.update(circle)
            _check_circle(circle, definitions, errors)
    return frozenset(k[1] for k in definitions if k[0] == "fun" and k in reach[k])


def _definitions(program: core.Program) -> dict[Key, Definition]:
    found: dict[Key, Definition] = {}
    for f in program.functions.values():
        found["fun", f.name] = Definition(tuple(n for n, _ in f.params), f.body)
    for t in program.types.values():
        for q in t.queries:
            found["query", t.name, q.name] = Definition(("this", *(n for n, _ in q.params)), q.body)
        for u in t.updates:
            found["update", t.name, u.name] = Definition(("this", *(n for n, _ in u.params)), (u.requires, u.body))
    return found


def _reachable(edges: Mapping[Key, frozenset[Key]]) -> dict[Key, frozenset[Key]]:
    found: dict[Key, frozenset[Key]] = {}
    for start in edges:
        seen: set[Key] = set()
        todo = list(edges[start])
        while todo:
            k = todo.pop()
            if k not in seen:
                seen.add(k)
                todo += edges[k]
        found[start] = frozenset(seen)
    return found


def _idle(calls: Mapping[Key, list[Site]], at: Mapping[Key, int]) -> list[Site]:
    """The calls that keep the circle going for ever: those that may grow, else those on circles without any descent."""
    sites = [(k, s, s.sizes[at[s.callee]]) for k, ss in calls.items() for s in ss]
    growing = [s for _, s, size in sites if size == Size.ANY]
    if growing:
        return growing
    level = [(k, s) for k, s, size in sites if size == Size.NOT_GREATER]
    reach = _reachable({k: frozenset(s.callee for j, s in level if j == k) for k in calls})
    return [s for k, s in level if k == s.callee or k in reach[s.callee]]


def _check_circle(circle: list[Key], definitions: Mapping[Key, Definition], errors: Errors) -> None:
    """Reports the circle unless some choice of one parameter a member makes every call inside descend."""
    members = set(circle)
    calls = {
        k: [[s for s in _sites(definitions[k], i) if s.callee in members] for i in range(len(definitions[k].params))]
        for k in circle
    }
    if any(not definitions[k].params for k in circle):
        choices: Iterator[tuple[int, ...]] = iter(())
    else:
        choices = product(*(range(len(definitions[k].params)) for k in circle))
    best: list[Site] | None = None
    for n, choice in enumerate(choices):
        if n >= CHOICES:
            break
        at = dict(zip(circle, choice, strict=True))
        bad = _idle({k: calls[k][at[k]] for k in circle}, at)
        if not bad:
            return
        if best is None or len(bad) < len(best):
            best = bad
    if best is None:
        best = [s for k in circle for s in _sites(definitions[k], 0) if s.callee in members]
    names = " -> ".join(k[-1] for k in [*circle, circle[0]])
    for s in best:
        what = f"`{s.callee[-1]}` calls itself" if len(circle) == 1 else f"{names} call one another"
        errors.add(
            "ML502",
            f"{what} here with nothing that is surely smaller",
            s.span,
            _advice(s.callee),
        )


def _advice(callee: Key) -> str:
    values = "what a pattern takes out of the parameter"
    if callee[0] == "fun":
        return (
            "Descend in one parameter, the same at every call: `if n == 0 then ... else f(monus(n, 1))`, "
            f"`if s == [] then ... else f(rest(s))`, or {values}."
        )
    return (
        "Go on into something smaller: `part[k]` where it is not zero, as for `k` in a comprehension over `part` "
        f"or under a test `part[k] != {{}}`; {values}; or `rest(path)` where the path is not empty."
    )


# -- calls and what is known where they stand ------------------------------------------------------


@dataclass(frozen=True)
class _Where:
    """What is known at a place in a body."""

    sizes: Mapping[str, Size]
    nonzero: frozenset[Expr]
    """Values that are not zero."""
    positive: frozenset[Expr]
    """Numbers that are greater than 0."""

    def knowing(self, facts: tuple[frozenset[Expr], frozenset[Expr]]) -> _Where:
        return _Where(self.sizes, self.nonzero | facts[0], self.positive | facts[1])

    def binding(self, sizes: Mapping[str, Size]) -> _Where:
        return _Where({**self.sizes, **sizes}, self.nonzero, self.positive)


Facts = tuple[frozenset[Expr], frozenset[Expr]]
NO_FACTS: Facts = (frozenset(), frozenset())


def _sites(d: Definition, param: int) -> Iterator[Site]:
    sizes = {d.params[param]: Size.NOT_GREATER} if d.params else {}
    yield from _walk(d.body, _Where(sizes, frozenset(), frozenset()))


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
            yield from _walk(b, at.knowing(_held(v, sources[0]) if len(sources) == 1 else NO_FACTS))
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
            yield from _walk(tuple(getattr(x, f.name) for f in fields(x) if f.name != "source"), inner)
        case Expr() | core.Delta() | core.Entry() | core.Path():
            yield from _walk(tuple(getattr(x, f.name) for f in fields(x)), at)
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

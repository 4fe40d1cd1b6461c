"""Which obligations a type has, from its text alone, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language import core
from mergelaw.language.core import Program, TypeDef
from mergelaw.language.span import Span
from mergelaw.laws.encode import Encoder
from mergelaw.laws.model import Kind, Obligation
from mergelaw.laws.modular import assigned, overlap
from mergelaw.laws.places import Part, properties
from mergelaw.laws.symbolic import Logic
from mergelaw.laws.unroll import unrolled

DOTS_SEEN = "live dots are seen"
ONE_PLACE = "a dot lives in one place"


def obligations(program: Program, type_name: str) -> list[Obligation]:
    """All obligations of one declared type. Raises: KeyError, if the program does not declare it."""
    return list(_obligations(program, program.types[type_name]))


def _obligations(program: Program, d: TypeDef) -> Iterator[Obligation]:
    where = d.merge.span if d.merge is not None else d.span

    def law(kind: Kind) -> Obligation:
        return Obligation(d.name, kind, None, None, where)

    for kind in (Kind.COMMUTATIVE, Kind.ASSOCIATIVE, Kind.IDEMPOTENT, Kind.IDENTITY):
        yield law(kind)
    yield from _finite_support(d)
    if d.kind == "store":
        yield from _inductive(d, Kind.INVARIANT, DOTS_SEEN, where)
        yield from _inductive(d, Kind.COMPATIBLE, ONE_PLACE, where)
        yield law(Kind.LIFTING)
    for p in d.properties:
        if p.kind == "invariant":
            yield from _inductive(d, Kind.INVARIANT, p.name, p.span, grows=_reads_seen(p.body))
        elif p.kind == "compatible":
            yield from _inductive(d, Kind.COMPATIBLE, p.name, p.span, grows=_reads_seen(p.body))
        else:
            yield from _home(d, p)
    yield from _of_parts(program, d)
    for u in d.updates:
        yield Obligation(d.name, Kind.FRAME, u.name, None, u.span)
        yield Obligation(d.name, Kind.FRESH, u.name, None, u.span)
    for t in d.theorems:
        yield Obligation(d.name, Kind.THEOREM, t.name, None, t.span, t.bound)
    yield Obligation(d.name, Kind.WITNESS, "laws", None, where)
    for t in d.theorems:
        yield Obligation(d.name, Kind.WITNESS, t.name, None, t.span)


def _inductive(d: TypeDef, kind: Kind, name: str, span: Span, *, grows: bool = False) -> Iterator[Obligation]:
    yield Obligation(d.name, kind, name, "initially", span)
    for u in d.updates:
        yield Obligation(d.name, kind, name, f"by delta of {u.name}", span)
    yield Obligation(d.name, kind, name, "by merge", span)
    if grows:
        yield Obligation(d.name, kind, name, "when seen grows", span)


def _home(d: TypeDef, p: core.Property) -> Iterator[Obligation]:
    yield Obligation(d.name, Kind.HOME, p.name, "initially", p.span)
    for u in d.updates:
        yield Obligation(d.name, Kind.HOME, p.name, f"by delta of {u.name} at home", p.span)
        yield Obligation(d.name, Kind.HOME, p.name, f"by delta of {u.name} elsewhere", p.span)
    yield Obligation(d.name, Kind.HOME, p.name, "by merge elsewhere", p.span)
    yield Obligation(d.name, Kind.HOME, p.name, "by merge at home", p.span)
    if _reads_seen(p.body):
        yield Obligation(d.name, Kind.HOME, p.name, "when seen grows", p.span)


def _of_parts(program: Program, d: TypeDef) -> Iterator[Obligation]:
    """The parts' properties under what is written into them directly; their own updates are proved with the parts."""
    for part, p in properties(Encoder(unrolled(program, d.name, once=False), Logic()), d.self_type):
        if part.type == d.self_type:
            continue
        subject = property_label(part, p)
        for u in d.updates:
            if not any(overlap(path.steps, part.steps) for path in assigned(u.body)):
                continue
            if p.kind == "home":
                yield Obligation(d.name, Kind.HOME, subject, f"by delta of {u.name} at home", u.span)
                yield Obligation(d.name, Kind.HOME, subject, f"by delta of {u.name} elsewhere", u.span)
            else:
                kind = Kind.INVARIANT if p.kind == "invariant" else Kind.COMPATIBLE
                yield Obligation(d.name, kind, subject, f"by delta of {u.name}", u.span)


def property_label(part: Part, p: core.Property) -> str:
    """`parts[].value.counted.not_negative` for a part's property; its plain name for the type's own."""
    where = part.label() if part.steps else str(part.type).partition("[")[0]
    return f"{where}.{p.name}"


def _finite_support(d: TypeDef) -> Iterator[Obligation]:
    if d.merge is not None and _has_build(d.merge.body):
        yield Obligation(d.name, Kind.FINITE_SUPPORT, "merge", None, d.merge.span)
    for q in d.queries:
        if _has_build(q.body):
            yield Obligation(d.name, Kind.FINITE_SUPPORT, q.name, None, q.span)


def _has_build(e: core.Expr) -> bool:
    return isinstance(e, core.Build) or any(_has_build(c) for c in core.children(e))


def _reads_seen(e: core.Expr) -> bool:
    return isinstance(e, core.Seen) or any(_reads_seen(c) for c in core.children(e))

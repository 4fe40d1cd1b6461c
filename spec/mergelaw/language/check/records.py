"""Tuples, sets, maps and sequences written out, and records, states and maps by `{ path = e }`."""

from __future__ import annotations

from dataclasses import dataclass, field

from mergelaw.language import ast, core
from mergelaw.language.check import bounds
from mergelaw.language.check.declared import did_you_mean, listing, sentences
from mergelaw.language.check.elaborator import Elaborator, elaborates
from mergelaw.language.check.expressions import common, is_weak
from mergelaw.language.check.unify import POISON, Meta, Poison, is_set, poisoned
from mergelaw.language.core import BOOL, MapT, RecordT, SeqT, TupleT, Type
from mergelaw.language.span import Span


@elaborates(ast.Tuple)
def tuple_(el: Elaborator, e: ast.Tuple, hint: Type | None) -> core.Expr:
    """`(a, b)`."""
    shape = el.types.shape(hint) if hint is not None else None
    hints: tuple[Type | None, ...] = (None,) * len(e.items)
    if isinstance(shape, TupleT) and len(shape.items) == len(e.items):
        hints = shape.items
    items = tuple(el.elab(i, h) for i, h in zip(e.items, hints, strict=True))
    items = tuple(i if h is None else el.retyped(i, h) for i, h in zip(items, hints, strict=True))
    return core.TupleE(TupleT(tuple(i.type for i in items)), items, span=e.span)


def _items(
    el: Elaborator, items: tuple[ast.Expr, ...], hint: Type | None, what: str
) -> tuple[tuple[core.Expr, ...], Type]:
    """Items that have one type, and that type."""
    done: dict[int, core.Expr] = {}
    known = hint
    for i in sorted(range(len(items)), key=lambda i: is_weak(items[i])):
        done[i] = el.elab(items[i], known)
        if hint is None and is_weak(items[i]) is False and not isinstance(el.types.shape(done[i].type), core.Base):
            known = done[i].type
    ordered = tuple(done[i] for i in range(len(items)))
    t = common(el, ordered, hint, what)
    return tuple(el.retyped(i, t) for i in ordered), t


@elaborates(ast.SetLit)
def set_literal(el: Elaborator, e: ast.SetLit, hint: Type | None) -> core.Expr:
    """`{a, b}`."""
    shape = el.types.shape(hint) if hint is not None else None
    item = shape.key if isinstance(shape, MapT) and is_set(shape) else None
    items, t = _items(el, e.items, item, "the members of a set")
    result = MapT(t, BOOL)
    pairs = tuple((i, core.Lit(BOOL, True, span=i.span)) for i in items)
    return core.MapE(named_as(el, result, hint), pairs, span=e.span)


def named_as(el: Elaborator, t: Type, hint: Type | None) -> Type:
    """The type expected where a value of type `t`, made on the spot, has it; else `t`."""
    if hint is None:
        return t
    with el.trial():
        if not el.types.fits(t, hint):
            return t
    el.types.fits(t, hint)
    return hint


@elaborates(ast.MapLit)
def map_literal(el: Elaborator, e: ast.MapLit, hint: Type | None) -> core.Expr:
    """`{k: v}`."""
    shape = el.types.shape(hint) if hint is not None else None
    key, value = (shape.key, shape.value) if isinstance(shape, MapT) else (None, None)
    keys, kt = _items(el, tuple(k for k, _ in e.items), key, "the keys of a map")
    values, vt = _items(el, tuple(v for _, v in e.items), value, "the values of a map")
    result = MapT(kt, vt)
    need_map_zero(el, vt, e.span)
    return core.MapE(named_as(el, result, hint), tuple(zip(keys, values, strict=True)), span=e.span)


def need_map_zero(el: Elaborator, value: Type, span: Span) -> None:
    """Reports it, when types are known, if `value` cannot be the type of a map's values for want of a zero."""

    def test() -> None:
        t = el.types.solved(value)
        gap = bounds.zero_gap(el.declared, t)
        if gap is not None:
            el.error(
                "ML402",
                f"the values of a map need a zero, and there is none for {t}",
                span,
                f"A key that is not written holds the zero. Wrap the values: `some(...)` makes them `Option[{t}]`.",
            )

    el.at_end(test)


@elaborates(ast.SeqLit)
def sequence(el: Elaborator, e: ast.SeqLit, hint: Type | None) -> core.Expr:
    """`[a, b]`."""
    shape = el.types.shape(hint) if hint is not None else None
    item = shape.item if isinstance(shape, SeqT) else None
    if not e.items:
        t = hint if isinstance(shape, SeqT) and hint is not None else SeqT(el.fresh(e.span, "`[]`"))
        return core.Zero(t, span=e.span)
    items, it = _items(el, e.items, item, "the items of a sequence")
    return core.SeqE(named_as(el, SeqT(it), hint), items, span=e.span)


# -- { path = e } ----------------------------------------------------------------------------------


@dataclass
class _Place:
    """What is assigned at and below one place of a record, state or map under construction."""

    span: Span
    value: ast.Expr | None = None
    fields: dict[str, _Place] = field(default_factory=dict)
    keys: list[tuple[ast.Expr, _Place]] = field(default_factory=list)


@elaborates(ast.Construct)
def construct(el: Elaborator, e: ast.Construct, hint: Type | None) -> core.Expr:
    """A record, a state or a map; what is not named is zero."""
    root = _Place(e.span)
    ok = True
    for entry in e.entries:
        if isinstance(entry, ast.Assign):
            ok = _plant(el, root, entry) and ok
        else:
            what = {ast.Forget: "`forget`", ast.Each: "`each`"}.get(type(entry), "an update of a part")
            el.error(
                "ML211",
                f"{what} can only stand in the delta of an update",
                entry.span,
                "A value has only entries `field = value`.",
            )
            ok = False
    if not ok:
        return poisoned(e.span)
    return _value(el, root, hint)


def steps_of(target: ast.Expr) -> tuple[str, list[ast.FieldAccess | ast.Index]] | None:
    """First name and further steps of a path; None iff `target` is none."""
    steps: list[ast.FieldAccess | ast.Index] = []
    while isinstance(target, ast.FieldAccess | ast.Index):
        steps.append(target)
        target = target.subject
    return (target.name, steps[::-1]) if isinstance(target, ast.Name) else None


def _plant(el: Elaborator, root: _Place, entry: ast.Assign) -> bool:
    found = steps_of(entry.target)
    if found is None:
        el.error(
            "ML203",
            "this is not a place that can be assigned",
            entry.target.span,
            "A place is a field, and further fields and keys: `field[key].part = value`.",
        )
        return False
    first, steps = found
    place = root
    trail: list[str | ast.Expr] = [] if first == "this" else [first]
    trail += [s.name if isinstance(s, ast.FieldAccess) else s.key for s in steps]
    for step in trail:
        if place.value is not None:
            return _twice(el, entry)
        if isinstance(step, str):
            place = place.fields.setdefault(step, _Place(entry.target.span))
        else:
            known = next((p for k, p in place.keys if k == step), None)
            if known is None:
                known = _Place(entry.target.span)
                place.keys.append((step, known))
            place = known
    if place.value is not None or place.fields or place.keys:
        return _twice(el, entry)
    place.value = entry.value
    return True


def _twice(el: Elaborator, entry: ast.Assign) -> bool:
    el.error("ML212", "two entries for the same place", entry.target.span, "Keep one of them.")
    return False


def _value(el: Elaborator, place: _Place, hint: Type | None) -> core.Expr:
    if place.value is not None:
        return el.elab(place.value, hint)
    if hint is not None and isinstance(el.types.head(hint), Meta | Poison):
        hint = None
    if place.fields and place.keys:
        return el.error(
            "ML212",
            "entries for fields and entries for keys of one place",
            place.span,
            "A value is either a record or a map.",
        )
    shape = el.types.shape(hint) if hint is not None else None
    if place.keys:
        return _map_value(el, place, hint, shape)
    if isinstance(shape, RecordT) and hint is not None:
        return _record_value(el, place, hint, shape)
    if hint is not None and shape is not None:
        fields = ", ".join(place.fields)
        return el.error(
            "ML301", f"expected {el.show(hint)}, found a record with {fields}", place.span, _record_hint(shape)
        )
    values = tuple((n, _value(el, p, None)) for n, p in place.fields.items())
    return core.RecordE(RecordT(tuple((n, v.type) for n, v in values)), values, span=place.span)


def _record_hint(shape: Type) -> str:
    if isinstance(shape, MapT):
        return (
            "A map is written `{key: value}` or `{ k -> value }`; an entry of a transparent state `this[key] = value`."
        )
    return ""


def _map_value(el: Elaborator, place: _Place, hint: Type | None, shape: Type | None) -> core.Expr:
    if shape is not None and not isinstance(shape, MapT):
        return el.error("ML309", f"{el.show(hint or shape)} has no keys", place.span, "")
    key, value = (shape.key, shape.value) if isinstance(shape, MapT) else (None, None)
    pairs = []
    for k, p in place.keys:
        at = el.elab(k, key) if key is None else el.check(k, key)
        v = _value(el, p, value)
        pairs.append((at, v if value is None else el.demand(v, value)))
        key, value = key or at.type, value or v.type
    assert key is not None and value is not None
    need_map_zero(el, value, place.span)
    return core.MapE(hint or MapT(key, value), tuple(pairs), span=place.span)


def _record_value(el: Elaborator, place: _Place, hint: Type, shape: RecordT) -> core.Expr:
    known = dict(shape.fields)
    for n, p in place.fields.items():
        if n not in known:
            el.error(
                "ML203",
                f"{el.show(hint)} has no field `{n}`",
                p.span,
                sentences(listing("Its fields are", known), did_you_mean(n, known)),
            )
            _value(el, p, POISON)
    values: list[tuple[str, core.Expr]] = []
    for n, t in shape.fields:
        if n in place.fields:
            values.append((n, el.demand(_value(el, place.fields[n], t), t)))
        else:
            need_field_zero(el, n, t, place.span)
            values.append((n, core.Zero(t, span=place.span)))
    return core.RecordE(hint, tuple(values), span=place.span)


def need_field_zero(el: Elaborator, name: str, t: Type, span: Span) -> None:
    """Reports it, when types are known, if a field that is left out has no zero."""

    def test() -> None:
        known = el.types.solved(t)
        gap = bounds.zero_gap(el.declared, known)
        if gap is not None:
            el.error(
                "ML402", f"the field `{name}` is left out, and {known} has no zero", span, f"Write `{name} = ...`."
            )

    el.at_end(test)

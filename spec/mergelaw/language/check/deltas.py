"""The bodies of updates: deltas, their entries and the places they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mergelaw.language import ast, core
from mergelaw.language.check import bounds
from mergelaw.language.check.binders import finite_source
from mergelaw.language.check.declared import did_you_mean, environment, listing, sentences
from mergelaw.language.check.elaborator import Elaborator
from mergelaw.language.check.expressions import check_args, tail
from mergelaw.language.check.patterns import elaborate_cases
from mergelaw.language.check.records import steps_of
from mergelaw.language.check.unify import Meta, Poison
from mergelaw.language.core import BOOL, DOT, MapT, Named, Step, Type, set_of
from mergelaw.language.span import Span


def body(el: Elaborator, e: ast.Expr, forgetting: tuple[ast.Expr, ...]) -> core.Delta:
    """The body of an update, with what stands after `forgetting` in each of its blocks."""
    found = delta(el, e)
    return _with_entries(found, tuple(_forget(el, f, f.span) for f in forgetting))


def delta(el: Elaborator, e: ast.Expr) -> core.Delta:
    """A delta: entries, a choice between deltas, or a plain expression of the state's type."""
    match e:
        case ast.Empty():
            return core.Block((), span=e.span)
        case ast.Construct(entries):
            done = tuple(_entry(el, i) for i in entries)
            return core.Block(done, span=e.span)
        case ast.If(condition, then, orelse):
            return core.IfDelta(el.check(condition, BOOL), delta(el, then), delta(el, orelse), span=e.span)
        case ast.Let(name, value, inner):
            v = el.elab(value)
            with el.bound(name, v.type) as unique:
                return core.LetDelta(unique, v, delta(el, inner), span=e.span)
        case ast.Match():
            subject, cases = elaborate_cases(el, e, lambda b: delta(el, b))
            return core.MatchDelta(subject, cases, span=e.span)
        case _:
            path = core.Path((), el.self_type, span=e.span)
            return core.Block((core.Assign(path, el.check(e, el.self_type), span=e.span),), span=e.span)


def _with_entries(d: core.Delta, entries: tuple[core.Entry, ...]) -> core.Delta:
    if not entries:
        return d
    match d:
        case core.Block():
            return replace(d, entries=d.entries + entries)
        case core.IfDelta():
            return replace(d, then=_with_entries(d.then, entries), orelse=_with_entries(d.orelse, entries))
        case core.LetDelta():
            return replace(d, body=_with_entries(d.body, entries))
        case core.MatchDelta():
            return replace(d, cases=tuple((p, _with_entries(b, entries)) for p, b in d.cases))
    raise AssertionError(d)


# -- places ----------------------------------------------------------------------------------------


def place(el: Elaborator, target: ast.Expr) -> core.Path:
    """The place in `this` that `target` names; an error, and a poisoned place, if it names none."""
    assert el.owner is not None
    nowhere = core.Path((), Poison(), span=target.span)
    found = steps_of(target)
    if found is None:
        el.error(
            "ML203",
            "this is not a place in the state",
            target.span,
            "A place is a field of the state (or `this`), and further fields and keys: `field[key].part`.",
        )
        return nowhere
    first, further = found
    t: Type = el.self_type
    steps: list[Step] = []
    if first != "this":
        at = further[0].subject.span if further else target.span
        record = el.declared.fields(el.owner.state)
        fields = dict(record.fields) if record else {}
        if first not in fields:
            _no_field(el, first, fields, at)
            return nowhere
        t = fields[first]
        steps.append(first)
    for step in further:
        if isinstance(step, ast.FieldAccess):
            record = el.declared.fields(el.types.head(t))
            if record is None or step.name not in dict(record.fields):
                if not isinstance(el.types.head(t), Poison):
                    names = [n for n, _ in record.fields] if record else []
                    hint = sentences(listing("Its fields are", names), did_you_mean(step.name, names))
                    el.error("ML203", f"{el.show(t)} has no field `{step.name}`", tail(step.span, step.name), hint)
                return nowhere
            t = dict(record.fields)[step.name]
            steps.append(step.name)
        else:
            shape = el.types.shape(t)
            if not isinstance(shape, MapT):
                if not isinstance(shape, Poison):
                    el.error(
                        "ML309", f"only maps and sets have places by key, this is {el.show(t)}", step.subject.span, ""
                    )
                return nowhere
            steps.append(el.check(step.key, shape.key))
            t = shape.value
    return core.Path(tuple(steps), t, span=target.span)


def _no_field(el: Elaborator, name: str, fields: dict[str, Type], span: Span) -> None:
    assert el.owner is not None
    if name in el.env:
        el.error(
            "ML203",
            f"`{name}` is a variable, not a place in the state",
            span,
            listing("The fields of the state are", fields),
        )
    elif fields:
        hint = sentences(listing("Its fields are", fields), did_you_mean(name, fields))
        el.error("ML203", f"the state of {el.owner.name} has no field `{name}`", span, hint)
    else:
        el.error(
            "ML203",
            f"the state of {el.owner.name} has no fields",
            span,
            f"Its state is {el.show(el.owner.state)}: say `this`, or `this[key]`.",
        )


# -- entries ---------------------------------------------------------------------------------------


def _entry(el: Elaborator, e: ast.Entry) -> core.Entry:
    match e:
        case ast.Assign(target, value):
            path = place(el, target)
            return core.Assign(path, el.check(value, path.type), span=e.span)
        case ast.PartUpdate(call):
            return _part_update(el, e, call)
        case ast.Forget(target):
            return _forget(el, target, e.span)
        case ast.Each(var, source, entries):
            members, item = finite_source(el, source, "`each`")
            with el.bound(var, item) as unique:
                done = tuple(_entry(el, i) for i in entries)
                found = core.Each(unique, item, members, done, span=e.span)
            _check_each(el, found)
            return found
    raise AssertionError(e)


def _part_update(el: Elaborator, e: ast.PartUpdate, call: ast.MethodCall) -> core.Entry:
    path = place(el, call.subject)
    owner = el.types.solved(path.type)
    nothing = core.Assign(path, core.Zero(path.type, span=e.span), span=e.span)
    if not isinstance(owner, Named):
        for a in call.args:
            el.elab(a)
        if not isinstance(owner, Poison):
            el.error(
                "ML203",
                f"{owner} has no update `{call.name}`",
                call.span,
                "Only declared types have updates. Assign the place: `path = ...`.",
            )
        return nothing
    sig = el.declared.types[owner.name]
    if call.name not in sig.updates:
        for a in call.args:
            el.elab(a)
        hint = sentences(listing("Its updates are", sig.updates), did_you_mean(call.name, sig.updates))
        el.error("ML203", f"{owner.name} has no update `{call.name}`", call.span, hint)
        return nothing
    update = sig.updates[call.name]
    env = environment(sig.params, owner.args)
    params = tuple((n, core.substitute(t, env)) for n, t in update.params)
    args = check_args(el, f"the update `{call.name}`", call.args, params, call.span)
    if call.by is not None or call.when is not None:
        el.error("ML211", "`by` and `when` are handed on by themselves", call.span, "Leave them out.")
    for d in call.at:
        if d not in el.own_dots:
            known = f"It has {', '.join(el.own_dots)}." if el.own_dots else f"Add `at {d}` to it."
            el.error(
                "ML213", f"`{d}` is not a dot of this update", call.span, sentences(known, did_you_mean(d, el.own_dots))
            )
    if len(set(call.at)) < len(call.at):
        el.error(
            "ML213", "one dot is handed on twice", call.span, "One dot names one atom. Take as many as there are atoms."
        )
    if len(call.at) != update.dots:
        names = ", ".join("defgh"[i % 5] for i in range(update.dots))
        given = f"{len(call.at)} {'are' if len(call.at) != 1 else 'is'} handed on" if call.at else "none is handed on"
        if update.dots:
            need = f"`{owner.name}.{call.name}` takes {update.dots} dot{'s' if update.dots > 1 else ''}"
            hint = (
                f"Take as many with `at` in the head of this update, and hand them on: `{call.name}(...) at {names}`."
            )
        else:
            need = f"`{owner.name}.{call.name}` takes no dots"
            hint = "Leave `at` out."
        el.error("ML213", f"{need}, {given}", call.span, hint)
    if args is None:
        return nothing
    return core.PartUpdate(path, owner, call.name, args, call.at, span=e.span)


def _forget(el: Elaborator, target: ast.Expr, span: Span) -> core.Entry:
    found = steps_of(target)
    if found is not None and _is_place(el, found[0]):
        path = place(el, target)
        t = el.types.solved(path.type)
        if isinstance(t, Poison | Meta) or bounds.has_dots(el.declared, t):
            return core.Forget(path, span=span)
    dots = el.elab(target)
    if not el.types.unify(dots.type, set_of(DOT)):
        shape = el.types.shape(dots.type)
        if isinstance(shape, MapT) and shape.key == DOT:
            hint = "To forget its keys write `forget keys(...)`."
        else:
            hint = "A part of the state can be forgotten if there are stores in it; else give a Set[Dot]."
        el.error(
            "ML218",
            f"`forget` takes a part of the state with live dots, or a set of dots; this is {el.show(dots.type)}",
            target.span,
            hint,
        )
    return core.ForgetDots(dots, span=span)


def _is_place(el: Elaborator, name: str) -> bool:
    if name == "this":
        return True
    if name in el.env or name == "seen" or el.owner is None:
        return False
    record = el.declared.fields(el.owner.state)
    return record is not None and name in dict(record.fields) or name not in el.owner.queries


# -- what entries may not do -----------------------------------------------------------------------


def _assigned(entries: Iterable[core.Entry]) -> Iterator[core.Path]:
    for e in entries:
        match e:
            case core.Assign() | core.PartUpdate():
                yield e.path
            case core.Each():
                yield from _assigned(e.entries)


def _handed(entries: Iterable[core.Entry]) -> Iterator[tuple[str, core.PartUpdate]]:
    for e in entries:
        match e:
            case core.PartUpdate():
                for d in e.dots:
                    yield d, e
            case core.Each():
                yield from _handed(e.entries)


def _check_each(el: Elaborator, each: core.Each) -> None:
    """Reports places that are the same for every member, and dots of the update used for every member."""
    for path in _assigned(each.entries):
        if not isinstance(path.type, Poison) and not any(_is_var(s, each.var) for s in path.steps):
            el.error(
                "ML212",
                "every round of `each` is about this same place",
                path.span,
                f"Use `{each.var}` itself as a key of the place: `...[{each.var}]`.",
            )
    hint = "One dot names one atom, and `each` makes many. Take the atoms one by one, or use a key that is not a dot."
    for d, e in _handed(each.entries):
        el.error("ML213", f"the dot `{d}` is handed on in every round of `each`", e.span, hint)
    for key in _dot_keys(each.entries):
        for name in _bare(key, frozenset(el.own_dots)):
            el.error("ML213", f"the dot `{name}` is a key in every round of `each`", key.span, hint)


def _is_var(step: Step, var: str) -> bool:
    match step:
        case core.Var(_, name):
            return name == var
        case core.TupleE(_, items):
            return any(_is_var(i, var) for i in items)
        case _:
            return False


def _dot_keys(entries: Iterable[core.Entry]) -> Iterator[core.Expr]:
    """Keys that the entries write, and arguments they hand on."""
    for e in entries:
        match e:
            case core.Assign():
                yield from (s for s in e.path.steps if not isinstance(s, str))
                yield from _written_keys(e.value)
            case core.PartUpdate():
                yield from (s for s in e.path.steps if not isinstance(s, str))
                yield from e.args


def _written_keys(e: core.Expr) -> Iterator[core.Expr]:
    if isinstance(e, core.MapE):
        yield from (k for k, _ in e.items)
    for c in core.children(e):
        yield from _written_keys(c)


def _bare(e: core.Expr, dots: frozenset[str]) -> Iterator[str]:
    """The dots that occur in `e` otherwise than by their replica or number."""
    if isinstance(e, core.Var) and e.name in dots:
        yield e.name
    elif not (isinstance(e, core.Get) and isinstance(e.subject, core.Var)):
        for c in core.children(e):
            yield from _bare(c, dots)

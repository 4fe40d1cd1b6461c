"""One layer at a time: a type whose parts are abstract lawful stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mergelaw.language import core
from mergelaw.language.core import MapT, Named, ParamT, Program, RecordT, Type
from mergelaw.laws.memo import per_program


@per_program
def layered(program: Program, name: str) -> Program | None:
    """`program` with every declared type inside the state of `name` made abstract; None where there is none.

    Parts that an update writes into by itself stay as they are.

    A proof of the layer, with the proofs of the parts' own laws, is a proof of the whole: the abstraction assumes of a
    part only what is an obligation of every declared type (laws, identity, lifting, fresh, live dots are seen).
    """
    d = program.types[name]
    written = [path.steps for u in d.updates for path in assigned(u.body)]
    state = _abstracted(program, d.state, (), written)
    if state == d.state:
        return None
    return replace(program, types={**program.types, name: replace(d, state=state)})


def assigned(d: core.Delta | core.Entry) -> Iterator[core.Path]:
    """The places that an update writes something into by itself, not by updates of parts."""
    match d:
        case core.Block(entries) | core.Each(entries=entries):
            for e in entries:
                yield from assigned(e)
        case core.IfDelta(_, then, orelse):
            yield from assigned(then)
            yield from assigned(orelse)
        case core.LetDelta(_, _, body):
            yield from assigned(body)
        case core.MatchDelta(_, cases):
            for _, body in cases:
                yield from assigned(body)
        case core.Assign(path, value) if not isinstance(value, core.Zero):
            yield path
        case _:
            return


def overlap(written: tuple[core.Step, ...], place: tuple[str | Type, ...]) -> bool:
    """Whether one of the two places may lie in the other."""
    for w, p in zip(written, place, strict=False):
        if (isinstance(w, str) or isinstance(p, str)) and w != p:
            return False
    return True


def _abstracted(
    program: Program, t: Type, place: tuple[str | Type, ...], written: Sequence[tuple[core.Step, ...]]
) -> Type:
    match t:
        case Named(name):
            if any(overlap(w, place) for w in written):
                return _below(program, t, place, written)
            return ParamT(str(t), "Store" if program.types[name].kind == "store" else "Lattice")
        case RecordT(fields):
            return RecordT(tuple((n, _abstracted(program, f, (*place, n), written)) for n, f in fields))
        case MapT(key, value):
            return MapT(key, _abstracted(program, value, (*place, key), written))
        case _:
            return t


def _below(program: Program, t: Named, place: tuple[str | Type, ...], written: Sequence[tuple[core.Step, ...]]) -> Type:
    """`t`, which updates write into, with what its arguments bring along made abstract where they do not."""
    d = program.types[t.name]
    args = []
    for p, arg in zip(d.params, t.args, strict=True):
        inside = _place_of(d.state, p.name) if p.bound in ("Store", "Lattice") else None
        args.append(arg if inside is None else _abstracted(program, arg, (*place, *inside), written))
    return Named(t.name, tuple(args))


def _place_of(t: Type, param: str) -> tuple[str | Type, ...] | None:
    """Where a parameter stands in a state; None if nowhere, or inside another declared type."""
    match t:
        case ParamT(name) if name == param:
            return ()
        case RecordT(fields):
            for n, f in fields:
                inside = _place_of(f, param)
                if inside is not None:
                    return (n, *inside)
            return None
        case MapT(key, value):
            inside = _place_of(value, param)
            return None if inside is None else (key, *inside)
        case _:
            return None

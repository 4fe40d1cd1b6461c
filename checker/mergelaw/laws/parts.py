"""Properties of the parts of a state: which they are, and between which values they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mergelaw.language.core import MapT, Named, Program, Property, RecordT, Type, substitute
from mergelaw.semantics.literals import show
from mergelaw.semantics.values import Raw, in_order, zero

_DEPTH = 8
"""How many steps below the state a part is looked for; recursive types have no end."""


@dataclass(frozen=True)
class PartProperty:
    """A property of a declared type somewhere inside a state; of the state itself where there are no steps."""

    steps: tuple[str | None, ...]
    """Field names; None for the key of a map."""
    type: Named
    """Concrete."""
    prop: Property


def part_property(program: Program, t: Named, subject: str) -> PartProperty | None:
    """The property that an obligation on an instance `t` is about; None if there is none of that name.

    `subject` is the property's name, or for a part `fields[].value.name`, or where the part is the state itself,
    the part's type, as the declaration writes it, and the name.
    """
    definition = program.types[t.name]
    bindings = {p.name: a for p, a in zip(definition.params, t.args, strict=True)}
    for prop in definition.properties:
        if prop.name == subject:
            return PartProperty((), t, prop)
    for steps, part in _parts(program, definition.self_type, ()):
        label = "".join("[]" if s is None else f".{s}" for s in steps).removeprefix(".") or str(part).partition("[")[0]
        for prop in program.types[part.name].properties:
            if f"{label}.{prop.name}" == subject:
                concrete = substitute(part, bindings)
                assert isinstance(concrete, Named)
                return PartProperty(steps, concrete, prop)
    return None


def _parts(program: Program, t: Type, steps: tuple[str | None, ...]) -> Iterator[tuple[tuple[str | None, ...], Named]]:
    if len(steps) > _DEPTH:
        return
    match t:
        case Named():
            yield steps, t
            yield from _parts(program, program.state_type(t), steps)
        case RecordT(fields):
            for name, f in fields:
                yield from _parts(program, f, (*steps, name))
        case MapT(_, item):
            yield from _parts(program, item, (*steps, None))
        case _:
            return


def instances(
    program: Program, t: Type, values: tuple[Raw, ...], steps: tuple[str | None, ...], path: str = ""
) -> Iterator[tuple[str, tuple[Raw, ...]]]:
    """The part at `steps` in each of several values of `t`, for all keys that one of them has; with the part's path."""
    t = program.unfold(t)
    if not steps:
        yield path, values
        return
    match t:
        case RecordT(fields):
            assert steps[0] is not None
            i = t.position(steps[0])
            below = tuple(v[i] for v in values)
            place = f"{path}.{steps[0]}" if path else steps[0]
            yield from instances(program, fields[i][1], below, steps[1:], place)
        case MapT(key, item):
            nothing = zero(program, item)
            for k in in_order(program, key, {k for v in values for k in v}):
                below = tuple(v.get(k, nothing) for v in values)
                yield from instances(program, item, below, steps[1:], f"{path}[{show(program, key, k)}]")
        case _:
            raise AssertionError(f"no part at {steps} of {t}")

"""Small instances of generic types: what the finder puts for type parameters."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from mergelaw.language import check_text
from mergelaw.language.core import (
    BOOL,
    TEXT,
    Assign,
    Block,
    Forget,
    Lit,
    Named,
    Op,
    Path,
    Program,
    Type,
    UpdateDef,
    Var,
)
from mergelaw.laws.claims import put

_STAND_INS = """
// Stands for any lattice.
type AnyLattice {
  state Set[Text]
  merge(a, b) = a | b
  update grow(x: Text) = { this[x] = true }
}

// Stands for any store.
store AnyStore {
  state Set[Dot]
  merge(a, b) = (a & b) | (a - b.seen) | (b - a.seen)
  dots = this
  update mark at d = { this[d] = true } forgetting this
  update clear = {} forgetting this
}
"""


@cache
def _stand_ins() -> Program:
    return check_text(_STAND_INS, "<stand-ins>")


def instance(program: Program, name: str) -> tuple[Program, Named]:
    """A concrete instance of a declared type, and the program with what it needs.

    Unbounded and Ordered parameters become Text, a Lattice a growing set, a Store a set of marks. Raises: KeyError.
    """
    arguments: list[Type] = []
    types = dict(program.types)
    for p in program.types[name].params:
        stand_in = {"Lattice": "AnyLattice", "Store": "AnyStore"}.get(p.bound or "")
        if stand_in is None:
            arguments.append(TEXT)
        else:
            types.setdefault(stand_in, _stand_ins().types[stand_in])
            arguments.append(Named(stand_in))
    return Program(types, program.enums, program.functions, program.main), Named(name, tuple(arguments))


GIVEN, FORGOTTEN = "given", "forgotten"
"""The updates that the finder makes up for a type that has none of its own."""


def with_given_values(program: Program, name: str) -> Program | None:
    """`program` where a type without updates can be given any value within its invariants; a store's dots are fresh.

    Such a type is made for parts of others, and its laws range over all its values. None if it has updates, or has
    relations between states, which values out of the blue would break. Raises: KeyError.
    """
    d = program.types[name]
    if d.updates or any(p.kind != "invariant" for p in d.properties):
        return None
    value = Var(d.self_type, "value")
    allowed = tuple(put(p.body, "this", value) for p in d.properties)
    requires = Op(BOOL, "and", allowed) if len(allowed) > 1 else allowed[0] if allowed else Lit(BOOL, True)
    whole = Path((), d.self_type, span=d.span)
    body = Block((Assign(whole, value),))
    updates = [UpdateDef(GIVEN, (("value", d.self_type),), None, (), None, requires, body, span=d.span)]
    if d.kind == "store":
        updates.append(UpdateDef(FORGOTTEN, (), None, (), None, None, Block((Forget(whole),)), span=d.span))
    return replace(program, types={**program.types, name: replace(d, updates=tuple(updates))})

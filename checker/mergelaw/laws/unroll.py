"""Recursive types for the prover: unfolded once, and abstract below.

A recursive type is proved by induction on the depth of its values: what it holds of itself is taken to be a lawful
store. Theorems often look one level deep, so the type under proof is unfolded once more.
"""

from __future__ import annotations

from dataclasses import replace

from mergelaw.language.core import EnumT, MapT, Named, OptionType, ParamT, Program, RecordT, SeqT, TupleT, Type
from mergelaw.laws.memo import per_program


@per_program
def recursive_types(program: Program) -> frozenset[str]:
    """Names of declared types whose states mention themselves."""
    uses = {n: _mentions(d.state) for n, d in program.types.items()}
    out = set()
    for n in uses:
        reached: set[str] = set()
        stack = list(uses[n])
        while stack:
            m = stack.pop()
            if m not in reached:
                reached.add(m)
                stack.extend(uses.get(m, ()))
        if n in reached:
            out.add(n)
    return frozenset(out)


@per_program
def unrolled(program: Program, under_proof: str, *, once: bool) -> Program:
    """`program` without recursion: inside itself a recursive type is an abstract store of its name.

    With `once`, the type under proof is unfolded once more.
    """
    recursive = recursive_types(program)
    if not recursive:
        return program
    types = dict(program.types)
    for name in recursive:
        d = program.types[name]
        abstract = ParamT(name, "Store" if d.kind == "store" else "Lattice")
        if once and name == under_proof:
            inner = f"{name}~1"
            types[inner] = replace(d, name=inner, state=_replaced(d.state, name, abstract))
            types[name] = replace(d, state=_replaced(d.state, name, Named(inner, d.self_type.args)))
        else:
            types[name] = replace(d, state=_replaced(d.state, name, abstract))
    return replace(program, types=types)


def _mentions(t: Type) -> set[str]:
    match t:
        case Named(name, args):
            return {name}.union(*(_mentions(a) for a in args))
        case TupleT(items) | EnumT(_, items):
            return set().union(*(_mentions(i) for i in items))
        case RecordT(fields):
            return set().union(*(_mentions(f) for _, f in fields))
        case MapT(key, value):
            return _mentions(key) | _mentions(value)
        case OptionType(item) | SeqT(item):
            return _mentions(item)
        case _:
            return set()


def _replaced(t: Type, name: str, by: Type) -> Type:
    match t:
        case Named(n, _) if n == name:
            return by
        case Named(n, args):
            return Named(n, tuple(_replaced(a, name, by) for a in args))
        case TupleT(items):
            return TupleT(tuple(_replaced(i, name, by) for i in items))
        case RecordT(fields):
            return RecordT(tuple((n, _replaced(f, name, by)) for n, f in fields))
        case MapT(key, value):
            return MapT(_replaced(key, name, by), _replaced(value, name, by))
        case OptionType(item):
            return OptionType(_replaced(item, name, by))
        case _:
            return t

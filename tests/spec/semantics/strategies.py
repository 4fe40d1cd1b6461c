"""Hypothesis strategies for types and for the raw values of any type."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from mergelaw.language.core import (
    BOOL,
    DOT,
    INT,
    NAT,
    REAL,
    REPLICA,
    TEXT,
    TIME,
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
    set_of,
)
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.values import EMPTY_MAP, has_zero, make_map

dots = st.tuples(st.integers(1, 3), st.integers(1, 5))
"""Few dots, so that drawn values share some."""

contexts = st.frozensets(dots, max_size=8).map(CausalContext.of)

_BASES: dict[Type, st.SearchStrategy[Any]] = {
    BOOL: st.booleans(),
    NAT: st.integers(0, 9),
    INT: st.integers(-9, 9),
    REAL: st.fractions(min_value=-9, max_value=9, max_denominator=12).map(Fraction),
    TEXT: st.text(max_size=3),
    TIME: st.integers(0, 9),
    REPLICA: st.integers(1, 3),
    DOT: dots,
}


def values_of(program: Program, t: Type, depth: int = 4) -> st.SearchStrategy[Any]:
    """Raw values of `t`, without zeros in maps; `depth` bounds how far recursive types unfold."""
    match t:
        case Base():
            return _BASES[t]
        case OptionType(item):
            if depth == 0:
                return st.none()
            return st.none() | st.tuples(values_of(program, item, depth - 1))
        case TupleT(items):
            return st.tuples(*(values_of(program, i, depth) for i in items))
        case RecordT(fields):
            return st.tuples(*(values_of(program, f, depth) for _, f in fields))
        case SeqT(item):
            if depth == 0:
                return st.just(())
            return st.lists(values_of(program, item, depth - 1), max_size=3).map(tuple)
        case MapT(key, item):
            if depth == 0:
                return st.just(EMPTY_MAP)
            pairs = st.tuples(values_of(program, key, depth - 1), values_of(program, item, depth - 1))
            return st.lists(pairs, max_size=3).map(lambda drawn: make_map(program, t, drawn))
        case EnumT():
            variants = program.variants(t)
            if depth == 0:
                variants = variants[:1]
            return st.one_of(
                *(
                    st.tuples(st.just(i), *(values_of(program, f, max(0, depth - 1)) for _, f in payload))
                    for i, (_, payload) in enumerate(variants)
                )
            )
        case Named():
            return st.deferred(lambda: values_of(program, program.state_type(t), max(0, depth - 1)))
        case _:
            raise TypeError(f"{t} has no values")


def types_of(program: Program) -> st.SearchStrategy[Type]:
    """Concrete types over the base types and the declared types without parameters."""
    leaves: list[Type] = list(_BASES)
    leaves += [Named(n) for n, d in program.types.items() if not d.params]
    leaves += [EnumT(n) for n, e in program.enums.items() if not e.params]

    def grown(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
        with_zero = inner.filter(lambda t: has_zero(program, t))
        return st.one_of(
            inner.map(OptionType),
            inner.map(SeqT),
            inner.map(set_of),
            st.tuples(inner, inner).map(TupleT),
            st.tuples(inner, with_zero).map(lambda f: RecordT((("left", f[0]), ("right", f[1])))),
            st.tuples(inner, with_zero).map(lambda f: MapT(*f)),
        )

    return st.recursive(st.sampled_from(leaves), grown, max_leaves=4)

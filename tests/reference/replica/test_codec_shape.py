"""Generated encoders and decoders of all types agree with plain closures, also about what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map

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
    ParamT,
    RecordT,
    SeqT,
    TupleT,
    Type,
    set_of,
)
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.plain import BadEncoding
from mergelaw.replica.shape import Shapes
from mergelaw.semantics.engine import NOTHING
from mergelaw.semantics.values import NoZero, is_zero, zero
from tests.reference.replica import shape_oracle

KEY = default_engines()["Key"]
PROGRAM = KEY.program
GENERATED = Shapes(PROGRAM)
PLAIN = shape_oracle.Shapes(PROGRAM)

edges = st.sampled_from([s * (1 << b) + d for b in (31, 63, 64, 71) for d in (-1, 0, 1) for s in (-1, 1)])
whole = st.one_of(st.integers(-3, 3), edges)
texts = st.one_of(st.text("ab", max_size=3), st.text(max_size=3))
replicas = st.integers(1, 4095)
BASES: dict[Type, st.SearchStrategy[Any]] = {
    BOOL: st.booleans(),
    NAT: whole.map(abs),
    INT: whole,
    TIME: whole,
    REAL: st.one_of(whole, st.fractions()),
    TEXT: texts,
    REPLICA: replicas,
    DOT: st.tuples(replicas, st.integers(1, 2**62 - 1)),
}


def records(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.lists(inner, min_size=1, max_size=6)
    return fields.map(lambda ts: RecordT(tuple((f"f{i}", t) for i, t in enumerate(ts))))


types: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(
        [
            *BASES,
            EnumT("Value"),
            EnumT("Atom"),
            EnumT("Kind"),
            EnumT("Deadline"),
            Named("JSON"),
            Named("Stream"),
            Named("Expiry"),
        ]
    ),
    lambda inner: st.one_of(
        inner.map(OptionType),
        inner.map(SeqT),
        inner.map(set_of),
        records(inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda ts: TupleT(tuple(ts))),
        st.tuples(inner, inner).map(lambda kv: MapT(*kv)),
    ),
    max_leaves=10,
)
scraps: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 3),
        edges.filter(lambda n: n >= -(2**63)).map(lambda n: n % 2**64),
        st.floats(),
        st.binary(max_size=10),
        st.text(max_size=2),
        st.just({}),
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


def fields_of(t: Type) -> tuple[Type, ...]:
    return t.items if isinstance(t, TupleT) else tuple(f for _, f in t.fields) if isinstance(t, RecordT) else ()


def values(t: Type, depth: int = 5) -> st.SearchStrategy[Any]:
    """Values of `t`; so deep at most, if there are so shallow ones."""
    t = PROGRAM.unfold(t)
    made: st.SearchStrategy[Any]
    match t:
        case Base():
            return BASES[t]
        case OptionType(item):
            made = st.one_of(st.none(), st.tuples(values(item, depth - 1))) if depth > 0 else st.none()
        case SeqT(item):
            made = st.lists(values(item, depth - 1), max_size=3).map(tuple) if depth > 0 else st.just(())
        case TupleT() | RecordT():
            made = st.tuples(*[values(f, depth) for f in fields_of(t)])
        case EnumT():
            made = st.one_of(
                [
                    st.tuples(st.just(i), *[values(f, depth - 1) for _, f in fields])
                    for i, (_, fields) in enumerate(PROGRAM.variants(t))
                ]
            )
        case MapT(key, value):
            if depth <= 0:
                return st.just(Map())
            below = st.just(True) if value == BOOL else values(value, depth - 1)
            held = below.filter(lambda v: not is_zero(PROGRAM, value, v))
            made = st.one_of(st.just(Map()), st.dictionaries(values(key, depth - 1), held, max_size=3).map(Map))
        case _:
            raise AssertionError(t)
    try:
        return st.one_of(st.just(zero(PROGRAM, t)), made)
    except NoZero:
        return made


def footprints(t: Type, depth: int = 5) -> st.SearchStrategy[Any]:
    t = PROGRAM.unfold(t)
    if depth > 0 and isinstance(t, RecordT):
        below = {name: footprints(f, depth - 1) for name, f in t.fields}
        return st.one_of(
            st.none(), st.just(NOTHING), st.fixed_dictionaries({}, optional=below), st.fixed_dictionaries(below)
        )
    if depth > 0 and isinstance(t, MapT):
        inner = st.dictionaries(values(t.key, 1), footprints(t.value, depth - 1), max_size=3)
        return st.one_of(st.none(), st.just(NOTHING), inner)
    return st.sampled_from([None, NOTHING])


def bytes_of(plain: Any) -> bytes:
    return msgspec.msgpack.encode(plain)


def exact(value: Any) -> Any:
    """As `value`, but 1 and True are different."""
    if isinstance(value, tuple):
        return tuple(exact(v) for v in value)
    if isinstance(value, Map | dict):
        return frozenset((exact(k), exact(v)) for k, v in value.items())
    return type(value), value


def outcome(decode: Callable[[Any], Any], data: bytes) -> Any:
    """What is read; None if it is refused."""
    try:
        return (exact(decode(msgspec.msgpack.decode(data))),)
    except BadEncoding:
        return None


def agree(t: Type, data: bytes) -> Any:
    """What both read, as a value and as a footprint."""
    generated, plain = GENERATED.of(t), PLAIN.of(t)
    read = outcome(generated.decode, data)
    assert read == outcome(plain.decode, data)
    assert read == outcome(lambda tree: generated.decode_dots(tree, lambda dot: None), data)
    below = outcome(generated.decode_footprint, data)
    assert below == outcome(plain.decode_footprint, data)
    return read, below


def dots_in(t: Type, value: Any) -> Iterator[Any]:
    """All dots that a value of `t` names."""
    t = PROGRAM.unfold(t)
    match t:
        case Base():
            if t == DOT:
                yield value
        case OptionType(item) | SeqT(item):
            for v in value or ():
                yield from dots_in(item, v)
        case TupleT() | RecordT():
            for f, v in zip(fields_of(t), value, strict=True):
                yield from dots_in(f, v)
        case EnumT():
            for (_, f), v in zip(PROGRAM.variants(t)[value[0]][1], value[1:], strict=True):
                yield from dots_in(f, v)
        case MapT(key, item):
            for k, v in value.items():
                yield from dots_in(key, k)
                yield from dots_in(item, v)


def places(tree: Any, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    found = [path]
    if isinstance(tree, list):
        for i, inner in enumerate(tree):
            found += places(inner, (*path, i))
    return found


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes of a tree, and something in it is another."""
    tree = [msgspec.msgpack.decode(data)]
    *above, last = draw(st.sampled_from(places(tree)[1:]))
    node = tree
    for i in above:
        node = node[i]
    what = draw(st.sampled_from(["replace", "remove", "double"]))
    if what == "replace":
        node[last] = draw(scraps)
    elif what == "remove":
        del node[last]
    else:
        node.insert(last, node[last])
    return bytes_of(tree[0] if tree else None)


# -- agreement -------------------------------------------------------------------------------------


@given(st.data(), st.one_of(types, st.just(KEY.type)))
@settings(max_examples=300, deadline=None)
def test_values(data: st.DataObject, t: Type) -> None:
    value = data.draw(values(t, 4))
    written = bytes_of(GENERATED.of(t).encode(value))
    assert written == bytes_of(PLAIN.of(t).encode(value))
    named: list[Any] = []
    assert GENERATED.of(t).decode_dots(msgspec.msgpack.decode(written), named.append) == value
    assert set(named) == set(dots_in(t, value))
    assert agree(t, written)[0] is not None
    agree(t, data.draw(changed(written)))


@given(st.data(), st.one_of(types, st.just(KEY.type)))
@settings(max_examples=300, deadline=None)
def test_footprints(data: st.DataObject, t: Type) -> None:
    footprint = data.draw(footprints(t, 4))
    written = bytes_of(GENERATED.of(t).encode_footprint(footprint))
    assert written == bytes_of(PLAIN.of(t).encode_footprint(footprint))
    assert agree(t, written)[1] is not None
    agree(t, data.draw(changed(written)))


@given(types, scraps)
@settings(max_examples=300, deadline=None)
def test_any_tree(t: Type, tree: Any) -> None:
    agree(t, bytes_of(tree))


@pytest.mark.parametrize(
    ("t", "plain", "why"),
    [
        (DOT, [0, 1], "instance"),
        (DOT, [4096, 1], "instance"),
        (DOT, [True, 1], "instance"),
        (DOT, [1, 0], "dot"),
        (DOT, [1, 2**62], "dot"),
        (DOT, [1, True], "dot"),
        (DOT, [1, 1, 1], "dot"),
        (DOT, None, "dot"),
        (REPLICA, 0, "instance"),
        (REPLICA, 4096, "instance"),
        (NAT, -1, "negative"),
        (NAT, b"\xff" * 9, "negative"),
        (NAT, True, "number"),
        (INT, b"\x01" * 8, "number"),
        (INT, b"\x01" * 4097, "number"),
        (TEXT, "a", "text"),
    ],
)
def test_refused_values(t: Type, plain: Any, why: str) -> None:
    for where, tree in ((t, plain), (OptionType(t), [plain]), (set_of(t), [plain]), (MapT(t, NAT), [plain, 1])):
        data = bytes_of(tree)
        with pytest.raises(BadEncoding, match=why):
            GENERATED.of(where).decode(msgspec.msgpack.decode(data))
        with pytest.raises(BadEncoding, match=why):
            GENERATED.of(where).decode_dots(msgspec.msgpack.decode(data), lambda dot: None)


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([0, None], "nothing there"),
        ([1, [b"k", None]], "nothing there"),
        ([1, [b"k", []]], "deeper"),
        ([0, []], "deeper"),
        ([0, True, 0, True], "field twice"),
        ([1, [b"k", True, b"k", True]], "key twice"),
        ([1, [1, True]], "text"),
        ([2, True], "no field"),
        ([-1, True], "no field"),
        ([True, True], "no field"),
        ([0], "not a footprint"),
        ([1, [b"k"]], "not a footprint"),
        (False, "not a footprint"),
        (1, "not a footprint"),
    ],
)
def test_refused_footprints(plain: Any, why: str) -> None:
    shape = GENERATED.of(RecordT((("a", NAT), ("b", MapT(TEXT, NAT)))))
    with pytest.raises(BadEncoding, match=why):
        shape.decode_footprint(msgspec.msgpack.decode(bytes_of(plain)))


# -- types of unusual form -------------------------------------------------------------------------


def nested(make: Callable[[Type], Type], levels: int) -> Type:
    t: Type = MapT(DOT, NAT)
    for _ in range(levels):
        t = make(t)
    return t


UNUSUAL: dict[str, Type] = {
    "many fields": RecordT(tuple((f"f{i}", (NAT, OptionType(DOT), TEXT, set_of(DOT))[i % 4]) for i in range(150))),
    "many fields without zero": RecordT(tuple((f"f{i}", (DOT, OptionType(NAT))[i % 2]) for i in range(40))),
    "no fields": RecordT(()),
    "maps to records without fields": MapT(TEXT, RecordT(())),
    "deep options": nested(OptionType, 60),
    "deep sequences": nested(SeqT, 60),
    "deep sets": nested(set_of, 60),
    "deep maps": nested(lambda t: MapT(REPLICA, t), 60),
    "deep keys": nested(lambda t: MapT(t, NAT), 60),
    "deep records": nested(lambda t: RecordT((("a", NAT), ("b", t))), 60),
    "deep records of one field": nested(lambda t: RecordT((("a", t),)), 60),
    "a quote in a name": RecordT((("it's\n", OptionType(NAT)), ('"', set_of(NAT)))),
}


@pytest.mark.parametrize("name", UNUSUAL)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_unusual_types(name: str, data: st.DataObject) -> None:
    t = UNUSUAL[name]
    for value in data.draw(values(t, 2)), full(t):
        written = bytes_of(GENERATED.of(t).encode(value))
        assert written == bytes_of(PLAIN.of(t).encode(value))
        assert agree(t, written)[0] == (exact(value),)
        agree(t, data.draw(changed(written)))
    footprint = data.draw(footprints(t, 3))
    below = bytes_of(GENERATED.of(t).encode_footprint(footprint))
    assert below == bytes_of(PLAIN.of(t).encode_footprint(footprint))
    agree(t, below)


def full(t: Type) -> Any:
    """A value that holds something at each level, if `t` has one."""
    match t:
        case OptionType(item) | SeqT(item):
            return (full(item),)
        case RecordT():
            return tuple(full(f) for f in fields_of(t))
        case MapT(key, item):
            held = full(item)
            return Map() if is_zero(PROGRAM, item, held) else Map({full(key): held})
        case _:
            some: dict[Type, Any] = {DOT: (3, 4), REPLICA: 5, NAT: 6, BOOL: True, TEXT: "t"}
            return some[t]


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_deep_footprints(data: st.DataObject) -> None:
    for name in ("deep maps", "deep records", "deep records of one field"):
        t = UNUSUAL[name]
        footprint: Any = None
        levels = data.draw(st.integers(50, 61))
        for i in range(levels):
            footprint = {{"deep maps": i + 1, "deep records": "b", "deep records of one field": "a"}[name]: footprint}
        written = bytes_of(GENERATED.of(t).encode_footprint(footprint))
        assert written == bytes_of(PLAIN.of(t).encode_footprint(footprint))
        agree(t, written)
        agree(t, data.draw(changed(written)))


@pytest.mark.parametrize("t", [ParamT("T"), OptionType(ParamT("T")), MapT(TEXT, SeqT(ParamT("T")))])
def test_types_without_values_have_no_shape(t: Type) -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match="has no values"):
            GENERATED.of(t)


# -- zeros -----------------------------------------------------------------------------------------


def test_nil_is_the_shared_zero() -> None:
    assert GENERATED.of(KEY.type).decode(None) is KEY.zero()


def test_what_an_update_leaves_alone_is_the_shared_zero() -> None:
    tx = Database(1, {"Key": KEY}).begin(0)
    tx.update(b"k", "set", (0, "v"))
    effect = tx.commit()
    assert effect is not None
    shape = GENERATED.of(KEY.type)
    read = shape.decode(msgspec.msgpack.decode(bytes_of(shape.encode(effect.parts[0].value))))
    state = PROGRAM.unfold(KEY.type)
    assert isinstance(state, RecordT)
    same = [name for (name, _), v, z in zip(state.fields, read, KEY.zero(), strict=True) if v is z]
    assert same == ["sketch", "hash", "members", "scores", "list", "stream", "json"]


def test_a_zero_that_is_another_object_is_nil() -> None:
    def copied(value: Any) -> Any:
        return (
            tuple([copied(v) for v in value])
            if isinstance(value, tuple)
            else Map()
            if isinstance(value, Map)
            else value
        )

    assert copied(KEY.zero()) is not KEY.zero()
    assert GENERATED.of(KEY.type).encode(copied(KEY.zero())) is None

"""Effects and values as bytes: what is written is read again, and nothing else is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map

from mergelaw.language import check_text
from mergelaw.language.core import Named
from mergelaw.replica import codec
from mergelaw.replica.codec import BadEncoding
from mergelaw.replica.database import Database, default_engines
from mergelaw.replica.model import BadEffect, Effect, Part
from mergelaw.replica.shape import MAX_NUMBER_BYTES
from mergelaw.replica.snapshot import Snapshot, decode_chunk, encode_chunk
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import CausalContext
from tests.reference.replica.network import Network
from tests.reference.replica.test_network import events, step

ENGINES = default_engines()
KEY = ENGINES["Key"]

ZOO = """
enum Shape { dot, circle(radius: Nat), box(width: Int, label: Text) }

type Zoo {
  state {
    shapes: Map[(Text, Int), Option[Shape]],
    numbers: Map[Replica, Nat],
    marks: Map[Dot, Option[Seq[Real]]],
    flags: Map[Shape, Set[Time]]
  }
  merge(a, b) = a
}
"""

texts = st.one_of(st.text(st.characters(max_codepoint=255), max_size=5), st.text(max_size=5))
big = st.one_of(st.integers(-5, 5), st.integers(), st.integers(-(2**600), 2**600))
shapes = st.one_of(
    st.just((0,)),
    st.tuples(st.just(1), st.integers(0, 2**80)),
    st.tuples(st.just(2), big, texts),
)
reals = st.one_of(big, st.fractions())
dots = st.tuples(st.integers(1, 4095), st.integers(1, 2**62 - 1))


def maps(key: st.SearchStrategy[Any], value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(key, value, max_size=4).map(Map)


zoos = st.tuples(
    maps(st.tuples(texts, big), st.tuples(shapes)),
    maps(st.integers(1, 4095), st.integers(1, 2**70)),
    maps(dots, st.tuples(st.lists(reals, max_size=3).map(tuple))),
    maps(shapes, maps(big, st.just(True)).filter(bool)),
)
scraps: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 2**64 - 1), st.binary(max_size=3), st.text(max_size=2)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@cache
def zoo() -> Compiled:
    return Compiled(check_text(ZOO, "<zoo>"), Named("Zoo"))


@cache
def some_effects() -> list[bytes]:
    """Encodings of effects of all kinds."""
    db = Database(1, ENGINES)
    found = []
    for causal in (False, True):
        db.causal = causal
        for ops in (
            [(b"k", "set", (0, "x")), (b"k", "set_for", (1, Fraction(7, 2)), 99), (b"c", "increase", 5, None)],
            [(b"k", "increase", 2**70, None), (b"h", "hash_set", "f", (1, 5)), (b"h", "hash_expire", "f", 10**12)],
            [(b"h", "hash_increase", "g", Fraction(1, 3), None), (b"s", "add", "\xff\x00"), (b"s", "remove", "q")],
            [(b"z", "score", "m", 3), (b"l", "push_right", "v"), (b"p", "sketch_add", Map({3: 4}))],
            [(b"x", "append", (("a", "b"),)), (b"j", "json_set", (1, True)), (b"k", "delete")],
        ):
            tx = db.begin(50)
            for op in ops:
                tx.update(*op)
            effect = tx.commit()
            assert effect is not None
            found.append(codec.encode_effect(effect, ENGINES))
    return found


# -- what is written comes back --------------------------------------------------------------------


@given(zoos)
def test_values_come_back(value: Any) -> None:
    assert codec.decode_value(zoo(), codec.encode_value(zoo(), value)) == value


@given(st.sets(dots))
def test_contexts_come_back(held: set[tuple[int, int]]) -> None:
    context = CausalContext(held)
    assert codec.decode_context(codec.encode_context(context)) == context


@given(st.lists(events, min_size=10, max_size=40))
@settings(max_examples=30)
def test_effects_come_back(timeline: list[tuple[Any, ...]]) -> None:
    net = Network(3, causal=True)
    for event in timeline:
        step(net, event)
    as_made, as_read = Database(7, ENGINES), Database(7, ENGINES)
    for effect in net.instances[1].applied:
        read = codec.decode_effect(codec.encode_effect(effect, ENGINES), ENGINES)
        assert (read.identity, read.first, read.time_ms) == (effect.identity, effect.first, effect.time_ms)
        assert (read.context, read.after) == (effect.context, effect.after)
        assert [(p.key, p.store, p.value) for p in read.parts] == [(p.key, p.store, p.value) for p in effect.parts]
        assert codec.decode_effect(codec.encode_effect(read, ENGINES), ENGINES).parts == read.parts
        # Footprints lose places at which nothing is touched, so they are compared by what they do.
        as_made.receive(replace(effect, after=None), 0)
        as_read.receive(replace(read, after=None), 0)
    assert {k: e.value for k, e in as_made.keys.items()} == {k: e.value for k, e in as_read.keys.items()}


def test_only_own_dots_cost_nothing() -> None:
    db = Database(1, ENGINES)
    tx = db.begin(0)
    tx.update(b"s", "add", "e")
    effect = tx.commit()
    assert effect is not None
    assert len(codec.encode_effect(effect)) < 50


def test_a_number_that_is_too_long_is_not_written() -> None:
    with pytest.raises(ValueError, match="too long"):
        codec.encode_value(KEY, _counting(1 << (8 * MAX_NUMBER_BYTES)))


def _counting(n: int) -> Any:
    delta = KEY.update("increase", KEY.zero(), CausalContext(), (n, None), 1, ((1, 1), (1, 2)), 0)
    return delta.value


# -- nothing else is read --------------------------------------------------------------------------


def refused_or_read(data: bytes) -> None:
    """Reading raises nothing but BadEncoding; what is read can be applied, or is refused."""
    try:
        effect = codec.decode_effect(data, ENGINES)
    except BadEncoding:
        return
    again = codec.decode_effect(codec.encode_effect(effect, ENGINES), ENGINES)
    assert (again.context, [p.value for p in again.parts]) == (effect.context, [p.value for p in effect.parts])
    db = Database(2, ENGINES)
    try:
        db.receive(effect, 0)
    except BadEffect:
        assert not db.keys
        return
    for key in list(db.keys):
        db.visible(key, 10**13)
        db.begin(10**13).delete(key)


@given(st.binary(max_size=60))
def test_random_bytes(data: bytes) -> None:
    refused_or_read(data)
    for decode in (codec.decode_context, lambda d: codec.decode_value(KEY, d), lambda d: decode_chunk(d, ENGINES)):
        with suppress(BadEncoding):
            decode(data)


@given(scraps)
def test_other_trees(tree: Any) -> None:
    refused_or_read(msgspec.msgpack.encode(tree))
    refused_or_read(msgspec.msgpack.encode([1, 1, 1, 4, None, [[b"k", None, tree, True]], None, 0]))
    refused_or_read(msgspec.msgpack.encode([1, 1, 1, 4, None, [[b"k", None, None, tree]], None, 0]))


@given(st.integers(0, 9), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=500)
def test_changed_bytes(which: int, changes: list[tuple[int, int]]) -> None:
    data = bytearray(some_effects()[which])
    for at, byte in changes:
        data[at % len(data)] = byte
    refused_or_read(bytes(data))


def leaves(tree: Any, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    found = [path]
    if isinstance(tree, list):
        for i, inner in enumerate(tree):
            found += leaves(inner, (*path, i))
    return found


@given(st.data(), st.integers(0, 9), scraps)
@settings(max_examples=500)
def test_changed_trees(data: st.DataObject, which: int, scrap: Any) -> None:
    tree = [msgspec.msgpack.decode(some_effects()[which])]
    path = data.draw(st.sampled_from(leaves(tree)[1:]))
    place = tree
    for i in path[:-1]:
        place = place[i]
    what = data.draw(st.sampled_from(["replace", "remove", "double"]))
    if what == "replace":
        place[path[-1]] = scrap
    elif what == "remove":
        del place[path[-1]]
    else:
        place.insert(path[-1], place[path[-1]])
    if tree:
        refused_or_read(msgspec.msgpack.encode(tree[0]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xdd\xff\xff\xff\xff",  # an array of four thousand million items that is not there
        b"\xc6\xff\xff\xff\xff",  # as many bytes
        b"\x91" * 100_000,  # an array in an array in an array ...
        b"\xdf\xff\xff\xff\xff",
        b"\xd6\xff\x00\x00\x00\x00",  # a time stamp
        b"\xc7\x01\x05\x00",  # an extension
    ],
)
def test_hostile_bytes(data: bytes) -> None:
    for decode in (
        lambda d: codec.decode_effect(d, ENGINES),
        codec.decode_context,
        lambda d: codec.decode_value(KEY, d),
        lambda d: decode_chunk(d, ENGINES),
    ):
        with pytest.raises(BadEncoding):
            decode(data)


def json_within(levels: int) -> Any:
    """The plain tree of a key with so many objects inside one another."""
    json: Any = None
    for _ in range(levels):
        json = [[1, 1], [True, [[1], json and [b"m", json]]]]
    return [*[None] * 7, json]


def test_json_may_be_deep_but_not_endless() -> None:
    plain = msgspec.msgpack.encode(json_within(20))
    assert KEY.query("content", codec.decode_value(KEY, plain), CausalContext(), ()) == (8,)
    deep: Any = b"\xc0"
    for _ in range(5000):
        deep = b"\x92\x92\x01\x01\x92\xc3\x92\x91\x01\x92\xc4\x01m" + deep
    with pytest.raises(BadEncoding):
        codec.decode_value(KEY, b"\x98" + b"\xc0" * 7 + deep)


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([1, 0, 1, 1, None, [], None, 0], "dots"),
        ([1, 4096, 1, 1, None, [], None, 0], "dots"),
        ([1, 1, 2, 1, None, [], None, 0], "dots"),
        ([1, 1, 1, 2**62, None, [], None, 0], "dots"),
        ([1, 1, 1, 1, None, [], None, -1], "time"),
        ([1, 1, 1, 1, [1, 2, 2], [], None, 0], "own dots"),
        ([1, 1, 1, 1, [1, 1], [], None, 0], "context"),
        ([1, 1, 1, 1, [1, 2, 1], [], None, 0], "no dot"),
        ([1, 1, 1, 1, [1, 1, True], [], None, 0], "context"),
        ([2, 1, 1, 1, None, [], None, 0], "version"),
        ([1, 1, 1, 1, None, [[b"k", None, None, None]] * 2, None, 0], "one key"),
        ([1, 1, 1, 1, None, [[b"k", "Cart", None, None]], None, 0], "not served"),
        ([1, 1, 1, 1, None, [[b"k", "Key", None, None]], None, 0], "not served"),
        ([1, 1, 1, 1, None, [["k", None, None, None]], None, 0], "not a key"),
    ],
)
def test_lies_about_effects(plain: list[Any], why: str) -> None:
    with pytest.raises(BadEncoding, match=why):
        codec.decode_effect(msgspec.msgpack.encode(plain), ENGINES)


def test_a_live_dot_must_be_in_the_context() -> None:
    delta = KEY.update("add", KEY.zero(), CausalContext(), ("e",), 1, ((1, 1), (1, 2)), 0)
    lie = Effect(3, 1, 1, CausalContext([(3, 1)]), (Part(b"k", "Key", delta.value, None),), None, 0)
    with pytest.raises(BadEncoding, match="live dot"):
        codec.decode_effect(codec.encode_effect(lie), ENGINES)


def test_a_live_dot_of_another_instance_may_be_in_the_context() -> None:
    plain = [1, 3, 5, 5, [1, 1, 1, 3, 5, 5], [[b"k", None, json_within(1), True]], None, 0]
    effect = codec.decode_effect(msgspec.msgpack.encode(plain), ENGINES)
    assert KEY.dots(effect.parts[0].value) == {(1, 1)}


@pytest.mark.parametrize("context", [None, [1, 2, 9, 3, 1, 1]])
def test_a_live_dot_may_be_deep(context: list[int] | None) -> None:
    for levels in [1, 2, 8, *range(20, 500, 20)]:
        plain = [1, 3, 1, 1, context, [[b"k", None, json_within(levels), True]], None, 0]
        try:
            data = msgspec.msgpack.encode(plain)
        except RecursionError:
            break
        with pytest.raises(BadEncoding, match=r"live dot|deep|MessagePack"):
            codec.decode_effect(data, ENGINES)


def test_named_dots_that_are_not_live_may_be_anywhere() -> None:
    engines = {**ENGINES, "Zoo": zoo()}
    plain = [1, 3, 1, 1, None, [[b"k", "Zoo", [None, None, [[4, 4], [[5]]]], True]], None, 0]
    effect = codec.decode_effect(msgspec.msgpack.encode(plain), engines)
    assert dict(effect.parts[0].value[2]) == {(4, 4): ((5,),)}


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([None, [1, 0]], "zero"),
        ([None, [1, 5, 1, 6]], "twice"),
        ([None, [0, 5]], "instance"),
        ([None, [1, -5]], "negative"),
        ([None, [1]], "Map"),
        ([None, None, [[1, 1], [[[4, 2]]]]], "lowest"),
        ([None, None, [[1, 1], [[[1, 0]]]]], "lowest"),
        ([None, None, [[1, 0], [[1]]]], "dot"),
        ([None, None, [[1, 1], [[1], 2]]], "Option"),
        ([None, None, [[1, 1], [[b""]]]], "number"),
        ([None, None, [[1, 1], [[2.0]]]], "number"),
        ([None, None, None, [[3], [1]]], "variant"),
        ([None, None, None, [[1], [1]]], "variant"),
        ([None, None, None, [[1, 1], [1, 1]]], "twice"),
        ([["a", 1, [None]]], "Map"),
        ([[["a", 1], [None]]], "text"),
        ([None] * 5, "not a"),
    ],
)
def test_values_of_another_shape(plain: Any, why: str) -> None:
    with pytest.raises(BadEncoding, match=why):
        codec.decode_value(zoo(), msgspec.msgpack.encode(plain))


# -- chunks ----------------------------------------------------------------------------------------


@given(st.data(), scraps)
@settings(max_examples=200)
def test_changed_chunks(data: st.DataObject, scrap: Any) -> None:
    db = Database(2, ENGINES)
    for encoded in some_effects()[:5]:
        db.receive(codec.decode_effect(encoded, ENGINES), 0)
    tree = msgspec.msgpack.decode(next(Snapshot(db).chunks()))
    path = data.draw(st.sampled_from(leaves(tree)[1:]))
    place = tree
    for i in path[:-1]:
        place = place[i]
    place[path[-1]] = scrap
    try:
        chunk = decode_chunk(msgspec.msgpack.encode(tree), ENGINES)
    except BadEncoding:
        return
    assert chunk.received <= chunk.seen
    assert decode_chunk(encode_chunk(chunk, ENGINES), ENGINES) == chunk

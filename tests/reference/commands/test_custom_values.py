"""Arguments and replies of every type of the language, by queries that give back what they are given."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.commands.custom_values import (
    MAX_LITERAL_BYTES,
    BadArgument,
    Writers,
    example,
    quoted,
    reader,
)
from mergelaw.commands.reply import SetReply
from mergelaw.language import check_text
from mergelaw.language.core import BOOL, DOT, INT, NAT, REAL, REPLICA, TEXT, TIME, OptionType, Type
from mergelaw.replica.codec import pack, unpack
from mergelaw.replica.shape import Shapes
from mergelaw.server.resp import write

SPEC = """\
import ORSet from "or_set.crdt"
import Max from "kernel/max.crdt"

enum Colour { red, green, mixed(first: Colour2, share: Real) }
enum Colour2 { light, dark }
enum Tree { leaf, node(text: Text, below: Seq[Tree]) }

type Every {
  state { n: Nat }
  merge(a, b) = { n = max(a.n, b.n) }
  query pair(x: (Nat, Text)): (Nat, Text) = x
  query record(x: { name: Text, count: Int }): { name: Text, count: Int } = x
  query texts(x: Set[Text]): Set[Text] = x
  query dots(x: Set[Dot]): Set[Dot] = x
  query counts(x: Map[Text, Int]): Map[Text, Int] = x
  query pairs(x: Map[(Nat, Text), Bool]): Map[(Nat, Text), Bool] = x
  query line(x: Map[Nat, Seq[Real]]): Map[Nat, Seq[Real]] = x
  query colour(x: Colour): Colour = x
  query shade(x: Colour2): Colour2 = x
  query by_shade(x: Map[Colour2, Nat]): Map[Colour2, Nat] = x
  query tree(x: Tree): Tree = x
  query option(x: Option[Text]): Option[Text] = x
  query twice(x: Option[Option[Nat]]): Option[Option[Nat]] = x
  query state_of(x: ORSet[Text]): ORSet[Text] = x
  query top(x: Max): Max = x
}
"""

PROGRAM = check_text(SPEC, "<every>")
EVERY = PROGRAM.types["Every"]
WRITERS = Writers(PROGRAM)
TYPES: dict[str, Type] = {q.name: q.result for q in EVERY.queries}
BASES = (BOOL, NAT, INT, REAL, TEXT, TIME, REPLICA, DOT)


def echo(t: Type, data: bytes) -> Any:
    return WRITERS.of(t)(reader(PROGRAM, t)(data))


@pytest.mark.parametrize(
    ("t", "given_", "expected"),
    [
        (BOOL, b"true", True),
        (BOOL, b"False", False),
        (BOOL, b"1", True),
        (NAT, b"0", 0),
        (NAT, b"9223372036854775807", 2**63 - 1),
        (NAT, b"9223372036854775808", b"9223372036854775808"),
        (INT, b"-9223372036854775808", -(2**63)),
        (INT, b"-9223372036854775809", b"-9223372036854775809"),
        (REAL, b"0.1", b"0.1"),
        (REAL, b"-2.50", b"-2.5"),
        (REAL, b"1e3", b"1000"),
        (REAL, b"1/3", b"1/3"),
        (REAL, b".5", b"0.5"),
        (TEXT, b"\x00\xff\r\n", b"\x00\xff\r\n"),
        (TEXT, b"", b""),
        (TIME, b"1700000000000", 1_700_000_000_000),
        (REPLICA, b"4095", 4095),
        (DOT, b"3.17", b"3.17"),
    ],
)
def test_base_values(t: Type, given_: bytes, expected: Any) -> None:
    assert echo(t, given_) == expected


@pytest.mark.parametrize(
    ("name", "given_", "expected"),
    [
        ("pair", b'(3, "x")', [3, b"x"]),
        ("record", b'{ count = -2, name = "x" }', {b"name": b"x", b"count": -2}),
        ("record", b"{}", {b"name": b"", b"count": 0}),
        ("texts", b'{"b", "a"}', SetReply([b"a", b"b"])),
        ("texts", b"{}", SetReply([])),
        ("texts", b'{"\\u00e9\\n"}', SetReply([b"\xe9\n"])),
        ("texts", b'{"\xc3\xa9"}', SetReply([b"\xc3\xa9"])),
        ("dots", b"{2.1, 1.3}", SetReply([b"1.3", b"2.1"])),
        ("counts", b'{"b": 1, "a": -2}', {b"a": -2, b"b": 1}),
        ("pairs", b'{(1, "x"), (0, "y")}', SetReply([[0, b"y"], [1, b"x"]])),
        ("line", b"{3: [0.5, 1/3]}", {3: [b"0.5", b"1/3"]}),
        ("colour", b"red", b"red"),
        ("colour", b"mixed(dark, 0.25)", [b"mixed", b"dark", b"0.25"]),
        ("shade", b"light", b"light"),
        ("by_shade", b"{dark: 1}", {b"dark": 1}),
        ("tree", b"leaf", b"leaf"),
        ("tree", b'node("a", [leaf, node("b", [])])', [b"node", b"a", [b"leaf", [b"node", b"b", []]]]),
        ("option", b"none", None),
        ("option", b"x", b"x"),
        ("option", b'some("none")', b"none"),
        ("option", b"some(thing", b"some(thing"),
        ("twice", b"none", None),
        ("twice", b"some(none)", [None]),
        ("twice", b"3", [3]),
        ("state_of", b"{}", {b"adds": {}}),
        ("top", b"5", 5),
    ],
)
def test_values_that_are_built(name: str, given_: bytes, expected: Any) -> None:
    found = echo(TYPES[name], given_)
    assert found == expected
    assert list(found) == list(expected) if isinstance(expected, dict) else True
    for protocol in (2, 3):
        write(bytearray(), found, protocol)


@pytest.mark.parametrize(
    ("t", "given_", "why"),
    [
        (BOOL, b"yes", "^$"),
        (NAT, b"-1", "not negative"),
        (NAT, b"1.5", "^$"),
        (NAT, b"", "^$"),
        (NAT, b" 1", "^$"),
        (INT, b"1" * 1001, "1000 digits"),
        (REAL, b"inf", "^$"),
        (REAL, b"nan", "^$"),
        (REAL, b"1/0", "^$"),
        (REAL, b"0x10", "^$"),
        (REAL, b"1e9999", "^$"),
        (TIME, b"-1", "since 1970"),
        (TIME, b"9223372036854775808", "since 1970"),
        (REPLICA, b"0", "4095"),
        (REPLICA, b"4096", "4095"),
        (DOT, b"1", "^$"),
        (DOT, b"0.1", "4095"),
        (DOT, b"1.0", "from 1"),
        (DOT, b"1.9999999999999999999", "from 1"),
    ],
)
def test_wrong_base_values(t: Type, given_: bytes, why: str) -> None:
    with pytest.raises(BadArgument, match=why):
        reader(PROGRAM, t)(given_)


@pytest.mark.parametrize(
    ("name", "given_", "why"),
    [
        ("pair", b"(3)", "column 3: `,` should stand here"),
        ("pair", b'(3, "x") y', "should end here"),
        ("record", b"{ size = 1 }", "one of name, count"),
        ("texts", b"{a}", "a text such as"),
        ("texts", b'{"\\u20ac"}', "at most .u00ff"),
        ("texts", b"[" * 5000, "should stand here"),
        ("dots", b"{5000.1}", "not an instance"),
        ("dots", b"{1.99999999999999999999}", "too long"),
        ("counts", b'{"a": ' + b"1" * 5000 + b"}", "too long"),
        ("colour", b"blue", r"it is one of red, green, mixed\(Colour2, Real\)"),
        ("tree", b'node("", [' * 5000, "recursion|too deep|should stand here"),
        ("state_of", b'{ adds = {"x": {1.1}} }', "holds no dots"),
        ("texts", b'{"' + b"x" * MAX_LITERAL_BYTES + b'"}', "longer than"),
    ],
)
def test_wrong_values_that_are_built(name: str, given_: bytes, why: str) -> None:
    with pytest.raises(BadArgument, match=why):
        reader(PROGRAM, TYPES[name])(given_)


@pytest.mark.parametrize("t", [*BASES, *TYPES.values()], ids=str)
def test_every_example_can_be_typed(t: Type) -> None:
    shown = example(PROGRAM, t)
    for said in shown.split(", or ") if isinstance(t, OptionType) else [shown]:
        value = reader(PROGRAM, t)(said.encode())
        assert Shapes(PROGRAM).of(t).decode(unpack(pack(Shapes(PROGRAM).of(t).encode(value)))) == value


@pytest.mark.parametrize("t", [*BASES, *TYPES.values()], ids=str)
def test_any_bytes_are_a_value_or_refused(t: Type) -> None:
    read, write_reply = reader(PROGRAM, t), WRITERS.of(t)
    pieces = [b"{", b"}", b"(", b")", b"[", b"]", b",", b":", b"=", b'"', b"1", b"-", b".", b"/", b"none", b"some("]
    pieces += [b"red", b"mixed(", b"leaf", b"node(", b"name", b"\\u", b"\xff", b" ", b'"a"', b"1.1"]

    @given(st.binary(max_size=8) | st.lists(st.sampled_from(pieces), max_size=10).map(b"".join))
    def check(data: bytes) -> None:
        try:
            value = read(data)
        except BadArgument:
            return
        pack(Shapes(PROGRAM).of(t).encode(value))
        write(bytearray(), write_reply(value), 3)

    check()


@given(st.fractions())
def test_reals_are_read_as_they_are_written(value: Fraction) -> None:
    assert reader(PROGRAM, REAL)(WRITERS.of(REAL)(value)) == value


@given(st.integers())
def test_whole_numbers_are_read_as_they_are_written(value: int) -> None:
    written = WRITERS.of(INT)(value)
    assert reader(PROGRAM, INT)(written if isinstance(written, bytes) else b"%d" % written) == value


def test_numbers_that_python_writes_reluctantly() -> None:
    large = 10**5000
    assert len(WRITERS.of(NAT)(large)) == 5001
    assert len(WRITERS.of(REAL)(Fraction(large))) == 5001
    assert len(WRITERS.of(REAL)(Fraction(1, large + 1))) == 5003


def test_a_wrong_argument_is_quoted_in_short() -> None:
    assert quoted(b"a\x00\xff") == "`a\\x00\\xff`"
    assert quoted(b"x" * 1000) == "`" + "x" * 64 + "...`"

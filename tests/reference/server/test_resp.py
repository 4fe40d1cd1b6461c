"""Requests in, replies out: what is read, which errors are told, and what is written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.commands.reply import (
    NIL_ARRAY,
    NO_REPLY,
    OK,
    BigNumber,
    Failure,
    Push,
    SetReply,
    Verbatim,
)
from mergelaw.server.resp import INLINE_MAX_BYTES, Limits, RequestReader, double, split_inline, write
from tests.reference.server.process import request

long = st.integers(32_760, 32_780).map(lambda size: bytes(range(256)) * (size // 256) + b"x" * (size % 256))
arguments = st.lists(st.binary(max_size=40) | long, min_size=1, max_size=4)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(c, len(data)) for c in cuts})
    return [p for p in (data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)) if p]


def read(data: bytes, cuts: list[int] | None = None, *, trusted: bool = True) -> tuple[list[list[bytes]], bytes | None]:
    reader = RequestReader(Limits(), trusted=trusted)
    found = []
    for piece in pieces(data, cuts or []):
        got = reader.feed(piece)
        found += got
        while got and not trusted:
            got = reader.take()
            found += got
    return found, reader.error


@given(st.lists(arguments, min_size=1, max_size=4), st.lists(st.integers(0, 140_000), max_size=6), st.booleans())
def test_requests_come_out_as_they_were_written_however_they_are_split(
    requests: list[list[bytes]], cuts: list[int], trusted: bool
) -> None:
    if not trusted:
        requests = [[a[:100] for a in r] for r in requests]
    data = b"".join(request(*r) for r in requests)
    assert read(data, cuts, trusted=trusted) == (requests, None)


@given(
    st.lists(
        st.binary(max_size=12) | st.sampled_from([b"*2\r\n", b"$3\r\n", b"\r\n", b"$-1\r\n", b"*", b"\n"]), max_size=12
    )
)
def test_reader_judges_alike_whether_bytes_come_at_once_or_singly(parts: list[bytes]) -> None:
    data = b"".join(parts)
    at_once = read(data)
    assert read(data, list(range(len(data)))) == at_once


def test_reader_takes_a_value_that_comes_in_many_pieces_once() -> None:
    value = bytes(range(256)) * 4096
    reader = RequestReader(Limits())
    data = request(b"SET", b"k", value) + request(b"PING")
    got = []
    for at in range(0, len(data), 10_007):
        got += reader.feed(data[at : at + 10_007])
    assert got == [[b"SET", b"k", value], [b"PING"]]
    assert reader.buffered_bytes == 0


ERRORS = {
    b"*x\r\n": b"invalid multibulk length",
    b"*01\r\n": b"invalid multibulk length",
    b"*+1\r\n": b"invalid multibulk length",
    b"*2147483648\r\n": b"invalid multibulk length",
    b"*99999999999999999999\r\n": b"invalid multibulk length",
    b"*1\r\n+PING\r\n": b"expected '$', got '+'",
    b"*1\r\n:1\r\n": b"expected '$', got ':'",
    b"*1\r\n*1\r\n$4\r\nPING\r\n": b"expected '$', got '*'",
    b"*1\r\n\r\n": b"expected '$', got '\r'",
    b"*1\r\n$-1\r\n": b"invalid bulk length",
    b"*1\r\n$x\r\n": b"invalid bulk length",
    b"*1\r\n$536870913\r\n": b"invalid bulk length",
    b"*1\r\n$99999999999999999999\r\n": b"invalid bulk length",
    b'set "a\r\n': b"unbalanced quotes in request",
    b'set "a"b c\r\n': b"unbalanced quotes in request",
    b"x" * (INLINE_MAX_BYTES + 1): b"too big inline request",
    b"*" + b"1" * (INLINE_MAX_BYTES + 1): b"too big mbulk count string",
    b"*1\r\n$" + b"1" * (INLINE_MAX_BYTES + 1): b"too big bulk count string",
}


@pytest.mark.parametrize("data", ERRORS, ids=lambda d: repr(d[:24]))
def test_broken_requests_give_redis_errors(data: bytes) -> None:
    assert read(data) == ([], b"ERR Protocol error: " + ERRORS[data])
    ahead = request(b"PING")
    assert read(ahead + data) == ([[b"PING"]], b"ERR Protocol error: " + ERRORS[data])


@pytest.mark.parametrize("data", [b"*0\r\n", b"*-1\r\n", b"*-2147483648\r\n", b"\r\n", b"   \r\n"])
def test_requests_without_arguments_are_passed_over(data: bytes) -> None:
    assert read(data + request(b"PING")) == ([[b"PING"]], None)


def test_a_great_count_allocates_nothing_before_arguments_come() -> None:
    reader = RequestReader(Limits())
    assert reader.feed(b"*2147483647\r\n$1\r\na\r\n") == []
    assert reader.error is None
    assert reader.buffered_bytes < 1000


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"*11\r\n", b"unauthenticated multibulk length"), (b"*2\r\n$16385\r\n", b"unauthenticated bulk length")],
)
def test_clients_that_have_not_authenticated_may_send_little(data: bytes, problem: bytes) -> None:
    assert read(data, trusted=False)[1] == b"ERR Protocol error: " + problem
    assert read(data)[1] is None


def test_limits_of_a_client_fall_with_its_authentication_within_one_read() -> None:
    reader = RequestReader(Limits(), trusted=False)
    assert reader.feed(request(b"AUTH", b"x") + request(*[b"a"] * 20)) == [[b"AUTH", b"x"]]
    reader.trusted = True
    assert reader.take() == [[b"a"] * 20]


def test_query_buffer_limit_closes_without_an_answer() -> None:
    for data in (request(b"SET", b"k", b"x" * 2000)[:-5], b"*100000\r\n" + b"$1\r\na\r\n" * 30):
        reader = RequestReader(Limits(query_max_bytes=1000))
        assert reader.feed(data) == []
        assert reader.error == b""


def test_longest_string_is_as_configured() -> None:
    reader = RequestReader(Limits(bulk_max_bytes=10))
    assert reader.feed(request(b"SET", b"k", b"0123456789")) == [[b"SET", b"k", b"0123456789"]]
    assert reader.feed(request(b"SET", b"k", b"0123456789a")) == []
    assert reader.error == b"ERR Protocol error: invalid bulk length"


@pytest.mark.parametrize("line", [b"POST / HTTP/1.1\r\n", b"Host: example.org\r\n"])
def test_browsers_are_not_served(line: bytes) -> None:
    assert read(line) == ([], b"")


@pytest.mark.parametrize(
    ("line", "args"),
    [
        (b"SET a b", [b"SET", b"a", b"b"]),
        (b"  a\t b  ", [b"a", b"b"]),
        (b"set \"a b\" 'c d'", [b"set", b"a b", b"c d"]),
        (rb'"\x41\n\t\\\"\q" "\xg1"', [b'A\n\t\\"q', b"xg1"]),
        (rb"'it\'s'", [b"it's"]),
        (b'"" x', [b"", b"x"]),
        (b"a\0b", [b"a"]),
        (b"", []),
    ],
)
def test_inline_requests_are_split_as_redis_splits_them(line: bytes, args: list[bytes]) -> None:
    assert split_inline(line) == args


REPLIES = [
    (OK, b"+OK\r\n", b"+OK\r\n"),
    (Failure(b"ERR a\r\nb\r\n"), b"-ERR a  b\r\n", b"-ERR a  b\r\n"),
    (5, b":5\r\n", b":5\r\n"),
    (-7, b":-7\r\n", b":-7\r\n"),
    (2**63 - 1, b":9223372036854775807\r\n", b":9223372036854775807\r\n"),
    (b"", b"$0\r\n\r\n", b"$0\r\n\r\n"),
    (b"a\r\nb", b"$4\r\na\r\nb\r\n", b"$4\r\na\r\nb\r\n"),
    (b"x" * 5000, b"$5000\r\n" + b"x" * 5000 + b"\r\n", b"$5000\r\n" + b"x" * 5000 + b"\r\n"),
    (None, b"$-1\r\n", b"_\r\n"),
    (NIL_ARRAY, b"*-1\r\n", b"_\r\n"),
    (True, b":1\r\n", b"#t\r\n"),
    (False, b":0\r\n", b"#f\r\n"),
    (0.1, b"$3\r\n0.1\r\n", b",0.1\r\n"),
    (math.inf, b"$3\r\ninf\r\n", b",inf\r\n"),
    ([1, [b"a", None]], b"*2\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n", b"*2\r\n:1\r\n*2\r\n$1\r\na\r\n_\r\n"),
    ({b"a": 1}, b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
    (SetReply([b"b", b"a"]), b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", b"~2\r\n$1\r\nb\r\n$1\r\na\r\n"),
    (frozenset({b"b", b"a"}), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"~2\r\n$1\r\na\r\n$1\r\nb\r\n"),
    (Push([b"a"]), b"*1\r\n$1\r\na\r\n", b">1\r\n$1\r\na\r\n"),
    (Verbatim(b"abc"), b"$3\r\nabc\r\n", b"=7\r\ntxt:abc\r\n"),
    (BigNumber(2**70), b"$22\r\n1180591620717411303424\r\n", b"(1180591620717411303424\r\n"),
    (NO_REPLY, b"", b""),
]


@pytest.mark.parametrize(("reply", "resp2", "resp3"), REPLIES, ids=[str(n) for n in range(len(REPLIES))])
def test_replies_are_written_in_both_protocols(reply: object, resp2: bytes, resp3: bytes) -> None:
    for protocol, expected in ((2, resp2), (3, resp3)):
        out = bytearray(b"before")
        write(out, reply, protocol)
        assert out == b"before" + expected


def test_what_is_no_reply_is_refused() -> None:
    with pytest.raises(TypeError, match="no reply: str"):
        write(bytearray(), "text", 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, b"3"),
        (-0.0, b"-0"),
        (0.1, b"0.1"),
        (1e-5, b"0.00001"),
        (1e-7, b"1e-7"),
        (1.5e300, b"1.5e+300"),
        (1e20, b"1e+20"),
        (123456789012345680000.0, b"123456789012345680000"),
        (1e23, b"1e+23"),
        (-2.5e-10, b"-2.5e-10"),
        (math.nan, b"nan"),
        (-math.inf, b"-inf"),
    ],
)
def test_doubles_are_written_shortest(value: float, text: bytes) -> None:
    assert double(value) == text


@given(st.floats(allow_nan=False))
def test_doubles_read_back_as_they_were(value: float) -> None:
    assert float(double(value)) == value

"""RESP on the wire: requests in, replies out.

What arrives complete is read by hiredis; what is split, inline, unusual or wrong by a strict reader beside it, which
gives Redis's errors. hiredis alone would not do: it reads replies, so it takes types that no request may have, it
allocates what a header announces before it has arrived, and it tells other errors.

Source: Redis docs, "Redis serialization protocol specification"; redis 7.0, `src/networking.c` (`processInlineBuffer`,
`processMultibulkBuffer`, `addReply*`), `src/sds.c` (`sdssplitargs`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hiredis

from mergelaw.commands.reply import BigNumber, Failure, NilArray, NoReply, Push, Reply, SetReply, Status, Verbatim

Request = list[bytes]
"""The arguments of a command, its name first; at least one."""

INLINE_MAX_BYTES = 64 * 1024
"""Longest inline request, and longest header of a length."""

_COUNT_MAX = 2**31 - 1
_COUNT_MAX_BEFORE_AUTH = 10
_BULK_MAX_BEFORE_AUTH = 16 * 1024
_COLLECTED_FROM = 32 * 1024
"""A bulk string from this length on is collected in pieces, which are joined once."""
_ARGUMENT_BYTES = 40
"""What an argument costs beside its bytes, where the query buffer is measured."""

_GREAT_COUNT = re.compile(rb"\*\+?[0-9]{5}")
"""Of such a count the strict reader has to judge first: hiredis would allocate it."""
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_STAR = ord("*")
_DOLLAR = ord("$")
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
_HTTP = frozenset({b"post", b"host:"})


# Requests -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Limits:
    """What a client may send. All readers share one, so a change reaches them all."""

    bulk_max_bytes: int = 512 * 1024 * 1024
    """proto-max-bulk-len."""
    query_max_bytes: int = 1024 * 1024 * 1024
    """client-query-buffer-limit: of requests that are not yet complete."""


class RequestReader:
    """Bytes in, requests out, for one connection.

    After an error it takes nothing more: `error` is the reply, or empty where the connection is to be closed without
    one. Requests that came before the error are returned all the same.
    """

    __slots__ = (
        "_arguments",
        "_bulk",
        "_data",
        "_hiredis",
        "_lacking",
        "_limits",
        "_missing",
        "_pieces",
        "_position",
        "_size",
        "_skip",
        "error",
        "trusted",
    )

    def __init__(self, limits: Limits, *, trusted: bool = True) -> None:
        """`trusted`: the client has authenticated, or need not; others may send little, and are read one by one."""
        self._limits = limits
        self._hiredis = hiredis.Reader()
        self._data = b""
        self._position = 0
        self._arguments: Request = []
        self._size = 0
        """Of the arguments that are complete, in a request that is not."""
        self._missing = 0
        """Arguments that the request begun still lacks."""
        self._bulk = -1
        """Length of the bulk string begun; -1: none is."""
        self._pieces: list[bytes] = []
        self._lacking = 0
        """Bytes that the string in pieces still lacks; 0: there is none."""
        self._skip = 0
        """Bytes of the line end after a string that was in pieces."""
        self.error: bytes | None = None
        self.trusted = trusted

    @property
    def buffered_bytes(self) -> int:
        """The size of what has arrived and is not returned."""
        return len(self._data) - self._position + self._size + sum(map(len, self._pieces))

    def feed(self, data: bytes) -> list[Request]:
        """The requests that `data` completes, in order; while not trusted at most one: `take` gives the next."""
        if self.error is not None:
            return []
        if self._lacking:
            if len(data) < self._lacking:
                self._pieces.append(data)
                self._lacking -= len(data)
                return []
            data = self._joined(data)
        elif self._position < len(self._data):
            data = self._data[self._position :] + data
        elif self.trusted and not self._missing and not self._skip and data[0] == _STAR:
            requests = self._at_once(data)
            if requests is not None:
                return requests
        self._data = data
        self._position = 0
        return self.take()

    def take(self) -> list[Request]:
        """Complete requests that were not returned yet, in order; while not trusted at most one."""
        requests: list[Request] = []
        while self.error is None and (request := self._next()) is not None:
            if request:
                requests.append(request)
                if not self.trusted:
                    break
        if self._position == len(self._data):
            self._data = b""
            self._position = 0
        if self._size + len(self._data) - self._position > self._limits.query_max_bytes:
            self.error = b""
        if self.error is not None:
            self._data, self._position, self._arguments, self._pieces = b"", 0, [], []
        return requests

    def _at_once(self, data: bytes) -> list[Request] | None:
        """All requests of `data`, if it is whole and ordinary ones; None iff the strict reader is to judge."""
        # One request of less than a hundred arguments has no other star, but maybe in a string.
        if (data.find(b"*", 1) > 0 or data.find(b"\r", 1, 4) < 0) and _GREAT_COUNT.search(data) is not None:
            return None
        reader = self._hiredis
        requests: list[Any] = []
        arguments = 0
        try:
            reader.feed(data)
            request: Any = None
            while request is None or reader.has_data():
                request = reader.gets()
                if type(request) is not list or not request:
                    break
                # Raises TypeError for an argument that is no string; a string has its own header but if it is a simple
                # one, which no request may have.
                b"".join(request)
                arguments += len(request)
                requests.append(request)
            else:
                if data.count(b"\r\n$") == arguments and len(data) <= self._limits.bulk_max_bytes:
                    return requests
                return None
        except (hiredis.HiredisError, TypeError):
            pass
        self._hiredis = hiredis.Reader()
        return None

    def _next(self) -> Request | None:
        """The next request ([] for one without arguments); None iff it is not complete, or `error` is set now."""
        if self._skip:
            skipped = min(self._skip, len(self._data) - self._position)
            self._position += skipped
            self._skip -= skipped
            if self._skip:
                return None
        if not self._missing and not self._arguments:
            if self._position == len(self._data):
                return None
            if self._data[self._position] != _STAR:
                return self._inline()
            line = self._line(b"too big mbulk count string")
            if line is None:
                return None
            count = _integer(line[1:])
            if count is None or count > _COUNT_MAX:
                self._fail(b"invalid multibulk length")
                return None
            if count > _COUNT_MAX_BEFORE_AUTH and not self.trusted:
                self._fail(b"unauthenticated multibulk length")
                return None
            if count <= 0:
                return []
            self._missing = count
        while self._missing:
            argument = self._argument()
            if argument is None:
                return None
            self._keep(argument)
        request, self._arguments, self._size = self._arguments, [], 0
        return request

    def _argument(self) -> bytes | None:
        """The next argument of the request begun; None iff it is not complete, or `error` is set now."""
        if self._bulk < 0:
            line = self._line(b"too big bulk count string")
            if line is None:
                return None
            if not line or line[0] != _DOLLAR:
                self._fail(b"expected '$', got '%b'" % (line[:1] or b"\r"))
                return None
            length = _integer(line[1:])
            if length is None or not 0 <= length <= self._limits.bulk_max_bytes:
                self._fail(b"invalid bulk length")
                return None
            if length > _BULK_MAX_BEFORE_AUTH and not self.trusted:
                self._fail(b"unauthenticated bulk length")
                return None
            self._bulk = length
        start, end = self._position, self._position + self._bulk
        there = len(self._data)
        if end + 2 <= there:
            self._position = end + 2
            self._bulk = -1
            return self._data[start:end]
        if self._size + self._bulk > self._limits.query_max_bytes:
            self.error = b""
        elif self._bulk >= _COLLECTED_FROM and there < end:
            self._pieces = [self._data[start:]]
            self._lacking = end - there
            self._position = there
            self._bulk = -1
        return None

    def _joined(self, data: bytes) -> bytes:
        """Ends the string in pieces, which `data` completes; what follows it in `data`."""
        self._pieces.append(data[: self._lacking])
        rest = data[self._lacking :]
        value = b"".join(self._pieces)
        self._pieces = []
        self._lacking = 0
        self._skip = 2
        self._keep(value)
        return rest

    def _keep(self, argument: bytes) -> None:
        self._arguments.append(argument)
        self._size += len(argument) + _ARGUMENT_BYTES
        self._missing -= 1

    def _line(self, too_long: bytes) -> bytes | None:
        """The header that begins here, without its line end; None iff it is not complete, or `error` is set now."""
        start = self._position
        end = self._data.find(b"\r", start)
        if end < 0 or end + 1 >= len(self._data):
            if len(self._data) - start > INLINE_MAX_BYTES:
                self._fail(too_long)
            return None
        self._position = end + 2
        return self._data[start:end]

    def _inline(self) -> Request | None:
        start = self._position
        end = self._data.find(b"\n", start)
        if end < 0:
            if len(self._data) - start > INLINE_MAX_BYTES:
                self._fail(b"too big inline request")
            return None
        self._position = end + 1
        request = split_inline(self._data[start:end].removesuffix(b"\r"))
        if request is None:
            self._fail(b"unbalanced quotes in request")
        elif request and request[0].lower() in _HTTP:
            # A web page must not be able to make a browser speak to us.
            self.error = b""
            return None
        return request

    def _fail(self, message: bytes) -> None:
        self.error = b"ERR Protocol error: " + message


def _integer(text: bytes) -> int | None:
    """The number in 64 bits that `text` writes in the only way; None if it does not."""
    if _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None


_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
_SPACE = b" \t\n\v\f\r"
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


def split_inline(line: bytes) -> Request | None:
    """The arguments of an inline request, quotes and escapes resolved; None iff a quote is not closed as it should be.

    Source: redis 7.0, `src/sds.c`, `sdssplitargs`: a zero byte ends the line.
    """
    line = line.partition(b"\0")[0]
    if b'"' not in line and b"'" not in line:
        return line.split()
    arguments: Request = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACE:
            at += 1
        if at == len(line):
            return arguments
        word = bytearray()
        quote = b""
        while True:
            if at == len(line):
                if quote:
                    return None
                break
            char = line[at : at + 1]
            at += 1
            if not quote:
                if char in _SPACE:
                    break
                if char in (b'"', b"'"):
                    quote = char
                else:
                    word += char
            elif char == quote:
                if at < len(line) and line[at] not in _SPACE:
                    return None
                break
            elif quote == b'"' and char == b"\\" and at < len(line):
                if line[at : at + 1] == b"x" and len(line) >= at + 3 and _HEXADECIMAL.issuperset(line[at + 1 : at + 3]):
                    word.append(int(line[at + 1 : at + 3], 16))
                    at += 3
                else:
                    word += _ESCAPES.get(line[at : at + 1], line[at : at + 1])
                    at += 1
            elif quote == b"'" and line[at - 1 : at + 1] == b"\\'":
                word += b"'"
                at += 1
            else:
                word += char
        arguments.append(bytes(word))


# Replies --------------------------------------------------------------------------------------------------------------

_SMALL = [b":%d\r\n" % n for n in range(1024)]


def write(out: bytearray, reply: Reply, protocol: int) -> None:
    """Appends `reply` to `out` as RESP2 or RESP3. Raises: TypeError, if it is no reply."""
    kind = type(reply)
    if kind is bytes:
        if len(reply) < 4096:
            out += b"$%d\r\n%b\r\n" % (len(reply), reply)
        else:
            out += b"$%d\r\n" % len(reply)
            out += reply
            out += b"\r\n"
    elif kind is Status:
        out += b"+%b\r\n" % reply.text
    elif kind is int:
        out += _SMALL[reply] if 0 <= reply < 1024 else b":%d\r\n" % reply
    elif reply is None:
        out += b"$-1\r\n" if protocol == 2 else b"_\r\n"
    elif kind is list:
        out += b"*%d\r\n" % len(reply)
        for item in reply:
            write(out, item, protocol)
    else:
        writer = _WRITERS.get(kind)
        if writer is None:
            raise TypeError(f"no reply: {kind.__name__}")
        writer(out, reply, protocol)


def _write_failure(out: bytearray, reply: Failure, protocol: int) -> None:
    out += b"-%b\r\n" % reply.text.strip(b"\r\n").translate(_ONE_LINE)


def _write_bool(out: bytearray, reply: bool, protocol: int) -> None:
    if protocol == 2:
        out += b":1\r\n" if reply else b":0\r\n"
    else:
        out += b"#t\r\n" if reply else b"#f\r\n"


def _write_float(out: bytearray, reply: float, protocol: int) -> None:
    text = double(reply)
    out += b"$%d\r\n%b\r\n" % (len(text), text) if protocol == 2 else b",%b\r\n" % text


def _write_dict(out: bytearray, reply: dict[Reply, Reply], protocol: int) -> None:
    out += b"*%d\r\n" % (2 * len(reply)) if protocol == 2 else b"%%%d\r\n" % len(reply)
    for key, value in reply.items():
        write(out, key, protocol)
        write(out, value, protocol)


def _write_frozenset(out: bytearray, reply: frozenset[Reply], protocol: int) -> None:
    _write_items(out, sorted(reply), b"*" if protocol == 2 else b"~", protocol)


def _write_set(out: bytearray, reply: SetReply, protocol: int) -> None:
    _write_items(out, reply.items, b"*" if protocol == 2 else b"~", protocol)


def _write_push(out: bytearray, reply: Push, protocol: int) -> None:
    _write_items(out, reply.items, b"*" if protocol == 2 else b">", protocol)


def _write_items(out: bytearray, items: list[Reply], sign: bytes, protocol: int) -> None:
    out += b"%b%d\r\n" % (sign, len(items))
    for item in items:
        write(out, item, protocol)


def _write_verbatim(out: bytearray, reply: Verbatim, protocol: int) -> None:
    if protocol == 2:
        write(out, reply.text, protocol)
    else:
        out += b"=%d\r\n%b:%b\r\n" % (len(reply.text) + 4, reply.format, reply.text)


def _write_big_number(out: bytearray, reply: BigNumber, protocol: int) -> None:
    text = b"%d" % reply.value
    out += b"$%d\r\n%b\r\n" % (len(text), text) if protocol == 2 else b"(%b\r\n" % text


def _write_nil_array(out: bytearray, reply: NilArray, protocol: int) -> None:
    out += b"*-1\r\n" if protocol == 2 else b"_\r\n"


def _write_nothing(out: bytearray, reply: NoReply, protocol: int) -> None:
    pass


_WRITERS: dict[type, Callable[[bytearray, Any, int], None]] = {
    Failure: _write_failure,
    bool: _write_bool,
    float: _write_float,
    dict: _write_dict,
    frozenset: _write_frozenset,
    SetReply: _write_set,
    Push: _write_push,
    Verbatim: _write_verbatim,
    BigNumber: _write_big_number,
    NilArray: _write_nil_array,
    NoReply: _write_nothing,
}


def double(value: float) -> bytes:
    """The shortest text that reads back as `value`, as Redis writes doubles: `3`, `0.1`, `1e+23`, `inf`, `nan`.

    Source: redis 7.2, `deps/fpconv/fpconv_dtoa.c` (`emit_digits`).
    """
    if value != value:
        return b"nan"
    if value in (float("inf"), float("-inf")):
        return b"inf" if value > 0 else b"-inf"
    if value == int(value) and abs(value) < 2**53:
        return b"-0" if value == 0 and str(value)[0] == "-" else b"%d" % int(value)
    digits, _, power = repr(value).partition("e")
    sign = "-" if digits[0] == "-" else ""
    whole, _, part = digits.lstrip("-").partition(".")
    if part == "0":
        part = ""
    exponent = int(power or 0) - len(part)
    significant = (whole + part).lstrip("0")
    stripped = significant.rstrip("0")
    exponent += len(significant) - len(stripped)
    count = len(stripped)
    scientific = exponent + count - 1
    if exponent >= 0 and abs(scientific) < count + 7:
        text = stripped + "0" * exponent
    elif exponent < 0 and (exponent > -7 or abs(scientific) < 4):
        point = count + exponent
        text = "0." + "0" * -point + stripped if point <= 0 else stripped[:point] + "." + stripped[point:]
    else:
        text = stripped[0] + ("." + stripped[1:] if count > 1 else "") + f"e{scientific:+d}"
    return (sign + text).encode()

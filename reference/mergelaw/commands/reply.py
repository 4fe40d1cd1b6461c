"""What commands answer: plain Python values, which the server writes as RESP2 or RESP3.

    int                     :n
    bytes                   bulk string
    None                    null ($-1 in RESP2)
    bool                    RESP3 boolean, RESP2 :1 or :0
    float                   RESP3 double, RESP2 bulk string
    list                    array
    dict                    RESP3 map, RESP2 array of keys and values in turn
    frozenset, SetReply     RESP3 set, RESP2 array
    Status, Failure         +OK, -ERR ...
    NIL_ARRAY               RESP2 *-1, RESP3 null
    Push                    RESP3 push, RESP2 array
    Verbatim                RESP3 verbatim string, RESP2 bulk string
    BigNumber               RESP3 big number, RESP2 bulk string
    NO_REPLY                nothing at all (CLIENT REPLY OFF)
    Waiting                 what its coroutine answers, later

Source: Redis docs, "Redis serialization protocol specification"; redis 7.0, `src/networking.c`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Reply = Any
"""Any of the values above. Replies nest, which annotations would say at length and check little of."""


@dataclass(frozen=True, slots=True)
class Status:
    """A simple string: no line breaks in it."""

    text: bytes
    line: bytes = field(init=False, repr=False, compare=False)
    """As it stands on the wire."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", b"+%b\r\n" % self.text)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error reply: its code first, without the leading `-`. Line breaks in it are written as spaces."""

    text: bytes


@dataclass(frozen=True, slots=True)
class SetReply:
    """A set, in an order that the command has chosen; without duplicates."""

    items: list[Reply]


@dataclass(frozen=True, slots=True)
class Push:
    """Data sent out of turn: no answer to a command."""

    items: list[Reply]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text to be shown as it is."""

    text: bytes
    format: bytes = b"txt"
    """Three letters: `txt` or `mkd`."""


@dataclass(frozen=True, slots=True)
class BigNumber:
    """An integer beyond 64 bits."""

    value: int


@dataclass(frozen=True, slots=True)
class NilArray:
    """The absent array: what EXEC answers when a watched key has changed."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nothing is written."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command that waits for something outside; the client's further commands wait with it."""

    start: Callable[[], Awaitable[Reply]]
    """Begins to wait; its result is the reply. A CommandError raised inside is an error reply."""
    at_once: Reply
    """The reply where nothing may wait: inside MULTI/EXEC."""


OK = Status(b"OK")
QUEUED = Status(b"QUEUED")
PONG = Status(b"PONG")
NIL_ARRAY = NilArray()
NO_REPLY = NoReply()
EMPTY_SET = SetReply([])

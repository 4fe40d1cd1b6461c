"""What peers send each other: messages, and the frames that carry them.

A frame is a header of five bytes (length of the body, then the kind) and a body. The two high bits of the kind say that
the body is compressed, and that the message goes on in the next frame of its kind. Only batches and chunks may be split
so: an effect of 100 MB then neither keeps heartbeats waiting nor needs a frame of its size. A body is a MessagePack
array, decoded into the message's type or refused; nothing else can be named in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct as Layout
from typing import Annotated, Final

import msgspec
import zstandard
from msgspec import Meta

from mergelaw.replica.model import MAX_REPLICA
from mergelaw.semantics.context import CausalContext

PROTOCOL: Final = 1
"""The version of what is described here."""

FRAME_MAX_BYTES: Final = 4 * 1024 * 1024
"""Greatest body of one frame, before and after decompression."""
UNPROVED_MAX_BYTES: Final = 4 * 1024
"""The same while the peer has not proved itself."""
PIECE_BYTES: Final = 256 * 1024
"""Messages above this size are split into frames of it."""
COMPRESSED_FROM_BYTES: Final = 256
"""Smaller bodies do not get smaller."""

_HEADER: Final = Layout("!IB")
_COMPRESSED: Final = 0x80
_MORE: Final = 0x40
_KIND: Final = 0x3F
_WINDOW_MAX_BYTES: Final = 8 * 1024 * 1024


class FrameError(Exception):
    """The peer sent what no peer sends; the message says what. The link has to be closed."""


InstanceId = Annotated[int, Meta(ge=1, le=MAX_REPLICA)]
Count = Annotated[int, Meta(ge=0, lt=2**62)]
Positive = Annotated[int, Meta(ge=1, lt=2**62)]
Name = Annotated[str, Meta(max_length=200)]
Address = tuple[Annotated[str, Meta(max_length=255)], Annotated[int, Meta(ge=0, le=65535)]]
"""Host and port; ("", 0): not known."""
Runs = tuple[tuple[InstanceId, Positive, Positive], ...]
"""A causal context: replica, first, last."""
Nonce = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Member(msgspec.Struct, array_like=True, frozen=True):
    """An instance as the configuration has it."""

    id: InstanceId
    address: Address
    """Where it listens for peers."""
    since: Count
    """Configuration version that set the address."""
    turn: Count = 0
    """How often it was retired or kept; odd: it takes no writes, since it is to be removed."""


class Settled(msgspec.Struct, array_like=True, frozen=True):
    """The configuration of the database: who takes part. See `membership`."""

    version: Count
    """Raised by every change; 0: nothing is known yet, the instance wants to join."""
    members: tuple[Member, ...]
    """Ascending by id."""
    removed: tuple[InstanceId, ...]
    """Ids that were removed, ascending; they never come back."""


class Greet(msgspec.Struct, array_like=True, frozen=True):
    """First message of who dialed."""

    protocols: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=16)]
    database: Name
    id: InstanceId
    nonce: Nonce


class Challenge(msgspec.Struct, array_like=True, frozen=True):
    """Answer to `Greet`: prove yourself."""

    protocol: Count
    id: InstanceId
    nonce: Nonce


class Proof(msgspec.Struct, array_like=True, frozen=True):
    """Of who dialed."""

    mac: Nonce


class Welcome(msgspec.Struct, array_like=True, frozen=True):
    """Proof of who listened."""

    mac: Nonce


class Hello(msgspec.Struct, array_like=True, frozen=True):
    """Both sides' first message once both have proved themselves."""

    database: Name
    id: InstanceId
    run: Nonce
    """Drawn by each process: a second process under one id is known by it."""
    protocol: Count
    settled: Settled
    received: Runs
    """Dots of the effects that it has applied."""
    durable: Runs
    """Those that a crash cannot take from it."""
    cut: Runs
    """Its stable cut, below which it may have collected."""


class Refused(msgspec.Struct, array_like=True, frozen=True):
    """Why the sender closes the link. Only to be believed once the sender has proved itself."""

    code: Name
    detail: Annotated[str, Meta(max_length=1000)]
    settled: Settled | None = None
    """The configuration that the receiver lacks."""


class Ping(msgspec.Struct, array_like=True, frozen=True):
    """Asks for a report."""

    serial: Count


class Report(msgspec.Struct, array_like=True, frozen=True):
    """What the sender has."""

    echo: Count
    """Serial of the last ping; 0: there was none."""
    received: Runs
    durable: Runs
    cut: Runs
    time_ms: Count
    """Its wall clock."""


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """Effects, each with the dot that names it: the receiver looks no further at what it has."""

    effects: tuple[tuple[InstanceId, Positive, bytes], ...]


class Synced(msgspec.Struct, array_like=True, frozen=True):
    """All that the receiver lacked, as its hello said, has been sent."""

    full: bool
    """Whether a full sync was needed."""


class Offer(msgspec.Struct, array_like=True, frozen=True):
    """The backlog does not reach back to what the receiver lacks: a snapshot is needed."""

    snapshot: Positive
    """The how-many-th that is offered on this link."""


class Credit(msgspec.Struct, array_like=True, frozen=True):
    """Send chunks up to this number, the first is 1. The first credit says yes to an offer."""

    snapshot: Positive
    """Which offer it answers."""
    chunks: Positive
    received: Runs
    """In the first: what the receiver has by now; it may not need the snapshot any more."""


class Withdrawn(msgspec.Struct, array_like=True, frozen=True):
    """Answer to the first credit: no snapshot is needed any more."""


class Begin(msgspec.Struct, array_like=True, frozen=True):
    """A snapshot follows, taken at this moment."""

    seen: Runs
    received: Runs
    cut: Runs
    keys: Count


class Chunk(msgspec.Struct, array_like=True, frozen=True):
    """A range of the snapshot's keys."""

    number: Positive
    data: bytes


class End(msgspec.Struct, array_like=True, frozen=True):
    """The snapshot is complete."""

    chunks: Count


class Spread(msgspec.Struct, array_like=True, frozen=True):
    """The configuration has changed."""

    settled: Settled


Message = (
    Greet
    | Challenge
    | Proof
    | Welcome
    | Hello
    | Refused
    | Ping
    | Report
    | Batch
    | Synced
    | Offer
    | Credit
    | Withdrawn
    | Begin
    | Chunk
    | End
    | Spread
)

KINDS: Final[dict[int, type[Message]]] = {
    1: Greet,
    2: Challenge,
    3: Proof,
    4: Welcome,
    5: Hello,
    6: Refused,
    7: Ping,
    8: Report,
    9: Batch,
    10: Synced,
    11: Offer,
    12: Credit,
    13: Withdrawn,
    14: Begin,
    15: Chunk,
    16: End,
    17: Spread,
}
"""Every message has its number."""

_NUMBERS: Final = {message: number for number, message in KINDS.items()}
_DECODERS: Final = {number: msgspec.msgpack.Decoder(message) for number, message in KINDS.items()}
_SPLIT: Final = frozenset({_NUMBERS[Batch], _NUMBERS[Chunk]})
_ENCODE: Final = msgspec.msgpack.Encoder().encode


def runs(context: CausalContext) -> Runs:
    """`context`, as messages carry it."""
    return context.runs


def context(runs: Iterable[tuple[int, int, int]]) -> CausalContext:
    """The causal context that a message carries. Raises: FrameError."""
    try:
        return CausalContext.from_runs(runs)
    except ValueError as error:
        raise FrameError(f"a message holds no causal context: {error}") from None


Piece = tuple[bytes, bytes, int]
"""A frame: header, body, and how long the body was before compression."""


class Encoder:
    """Messages to frames, at one compression level: 0 none, 1 to 6 those of zstandard."""

    __slots__ = ("_compress", "level")

    def __init__(self, level: int) -> None:
        """Raises: ValueError, if there is no such level."""
        if not 0 <= level <= 6:
            raise ValueError(f"compression levels are 0 to 6, not {level}")
        self.level = level
        self._compress = zstandard.ZstdCompressor(level=level).compress if level else None

    def encode(self, message: Message) -> bytes:
        """The frames that carry `message`."""
        return b"".join(header + body for header, body, _ in self.pieces(message))

    def pieces(self, message: Message) -> Iterator[Piece]:
        """The frames of `message`: one, or more for a large batch or chunk; each is compressed when asked for."""
        number = _NUMBERS[type(message)]
        body = _ENCODE(message)
        if number not in _SPLIT:
            yield _HEADER.pack(len(body), number), body, len(body)
            return
        if len(body) <= PIECE_BYTES:
            yield self._frame(number, body)
            return
        view = memoryview(body)
        for at in range(0, len(body), PIECE_BYTES):
            more = _MORE if at + PIECE_BYTES < len(body) else 0
            yield self._frame(number | more, bytes(view[at : at + PIECE_BYTES]))

    def _frame(self, kind: int, body: bytes) -> Piece:
        size = len(body)
        if self._compress is not None and size >= COMPRESSED_FROM_BYTES:
            small = self._compress(body)
            if len(small) < size:
                return _HEADER.pack(len(small), kind | _COMPRESSED), small, size
        return _HEADER.pack(size, kind), body, size


class Decoder:
    """Bytes to messages, for one link. After an error it is of no more use."""

    __slots__ = (
        "_at",
        "_buffer",
        "_decompress",
        "_parts",
        "_parts_bytes",
        "expanded_bytes",
        "frame_max_bytes",
        "message_max_bytes",
    )

    def __init__(self, message_max_bytes: int) -> None:
        """Takes little until `trust` is called; then messages of at most `message_max_bytes`."""
        self._buffer = bytearray()
        self._at = 0
        self._decompress = zstandard.ZstdDecompressor(max_window_size=_WINDOW_MAX_BYTES)
        self._parts: dict[int, list[bytes]] = {}
        self._parts_bytes = 0
        self.frame_max_bytes = UNPROVED_MAX_BYTES
        self.message_max_bytes = message_max_bytes
        self.expanded_bytes = 0
        """Of all frames decoded: headers, and bodies after decompression."""

    def trust(self) -> None:
        """The peer has proved itself: frames of ordinary size are taken."""
        self.frame_max_bytes = FRAME_MAX_BYTES

    @property
    def pending_bytes(self) -> int:
        """What has arrived and was not decoded."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """`data` has arrived."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def next(self) -> Message | None:
        """The next message; None if it has not arrived complete. Raises: FrameError."""
        while True:
            if len(self._buffer) - self._at < _HEADER.size:
                return None
            size, kind = _HEADER.unpack_from(self._buffer, self._at)
            number = kind & _KIND
            if number not in KINDS:
                raise FrameError(f"there are no frames of kind {number}")
            if size > self.frame_max_bytes:
                raise FrameError(f"a frame of {size} bytes is over the limit of {self.frame_max_bytes}")
            if kind != number and number not in _SPLIT:
                raise FrameError(f"a {KINDS[number].__name__} is neither split nor compressed")
            end = self._at + _HEADER.size + size
            if len(self._buffer) < end:
                return None
            with memoryview(self._buffer) as view:
                body = bytes(view[self._at + _HEADER.size : end])
            self._at = end
            if kind & _COMPRESSED:
                body = self._expand(body)
            self.expanded_bytes += _HEADER.size + len(body)
            if kind & _MORE or self._parts and number in self._parts:
                whole = self._gather(number, body, last=not kind & _MORE)
                if whole is None:
                    continue
                body = whole
            try:
                return _DECODERS[number].decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise FrameError(f"no {KINDS[number].__name__}: {error}") from None

    def _gather(self, number: int, body: bytes, *, last: bool) -> bytes | None:
        """The message whose last part is `body`; None if there is more to come."""
        parts = self._parts.setdefault(number, [])
        parts.append(body)
        self._parts_bytes += len(body)
        if self._parts_bytes > self.message_max_bytes:
            raise FrameError(f"a message is over the limit of {self.message_max_bytes} bytes")
        if not last:
            if not body:
                raise FrameError("a part of a message is empty")
            return None
        del self._parts[number]
        whole = b"".join(parts)
        self._parts_bytes -= len(whole)
        return whole

    def _expand(self, body: bytes) -> bytes:
        """`body` decompressed. The size that it claims is checked before anything of that size is allocated."""
        try:
            size = zstandard.get_frame_parameters(body).content_size
            if size == zstandard.CONTENTSIZE_UNKNOWN or size > self.frame_max_bytes:
                raise FrameError(f"a frame of more than {self.frame_max_bytes} bytes, compressed")
            return self._decompress.decompress(body, max_output_size=self.frame_max_bytes)
        except zstandard.ZstdError as error:
            raise FrameError(f"a compressed frame cannot be read: {error}") from None

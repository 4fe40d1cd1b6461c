"""Full sync: an instance's whole state in chunks, and taking it over.

A snapshot is one moment of a database: values are immutable, and the table of keys remembers what changes while the
snapshot is gone through. It carries hidden stores and residue, and both `seen` and `received`.

Chunks are only collected; with the last one the receiver takes all over in one step (`Database.take_over`): contexts
change at once, keys are merged as they are asked for or in the background. Until then nothing has changed, so a
sync that breaks off leaves no trace, and effects and commands are served all the time. A key that the receiver holds
and the snapshot lacks is merged with zero.

Source: `stores.md`, 16.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from mergelaw.replica.codec import (
    VERSION,
    check_dots,
    context_plain,
    pack,
    plain_context,
    plain_value,
    shape_of,
    store_of,
    unpack,
)
from mergelaw.replica.database import Database
from mergelaw.replica.model import KEY, Effect
from mergelaw.replica.shape import BadEncoding, Plain
from mergelaw.replica.table import Components
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import Engine

MAX_CHUNKS = 1 << 32
"""No snapshot has more."""


MAX_KEYS = 500
"""No chunk that is made here has more: to read one takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some keys of a snapshot. Every chunk carries the contexts, so each can be checked by itself."""

    number: int
    """From 0."""
    last: bool
    seen: CausalContext
    received: CausalContext
    cut: CausalContext
    entries: tuple[tuple[bytes, Components], ...]


def encode_chunk(chunk: Chunk, engines: Mapping[str, Engine]) -> bytes:
    """A chunk as bytes. Raises: ValueError, if a number in it is longer than 4096 bytes."""
    return pack([*_head(chunk), [_entry_plain(key, held, engines) for key, held in chunk.entries]])


def decode_chunk(data: bytes, engines: Mapping[str, Engine]) -> Chunk:
    """The chunk that `encode_chunk` wrote. Raises: BadEncoding."""
    plain = unpack(data)
    if type(plain) is not list or len(plain) != 7 or plain[0] != VERSION:
        raise BadEncoding(f"not a chunk of version {VERSION}")
    _, number, last, seen, received, cut, entries = plain
    if type(number) is not int or not 0 <= number < MAX_CHUNKS or type(last) is not bool or type(entries) is not list:
        raise BadEncoding("not a chunk")
    context = plain_context(seen)
    done = plain_context(received)
    if not done <= context:
        raise BadEncoding("a snapshot has received what it has not seen")
    held: dict[bytes, Components] = {}
    for entry in entries:
        key, components = _plain_entry(entry, context, engines)
        if key in held:
            raise BadEncoding("a chunk names a key twice")
        held[key] = components
    return Chunk(number, last, context, done, plain_context(cut), tuple(held.items()))


def _head(chunk: Chunk) -> list[Plain]:
    contexts = [context_plain(c) for c in (chunk.seen, chunk.received, chunk.cut)]
    return [VERSION, chunk.number, chunk.last, *contexts]


def _entry_plain(key: bytes, held: Components, engines: Mapping[str, Engine]) -> Plain:
    plain: list[Plain] = [key]
    for store, value in held.items():
        plain += [None if store == KEY else store, shape_of(engines[store]).encode(value)]
    return plain


def _plain_entry(plain: Plain, seen: CausalContext, engines: Mapping[str, Engine]) -> tuple[bytes, Components]:
    if type(plain) is not list or len(plain) < 3 or len(plain) % 2 == 0 or type(plain[0]) is not bytes:
        raise BadEncoding("not a key and its value")
    held: Components = {}
    for i in range(1, len(plain), 2):
        store = store_of(plain[i], engines)
        engine = engines[store]
        if store in held:
            raise BadEncoding("a key has two values of one type")
        held[store] = plain_value(engine, plain[i + 1])
        check_dots(engine, held[store], seen)
    return plain[0], held


class Snapshot:
    """One moment of a database, to be sent or saved. Making one costs nothing, whatever the number of keys."""

    def __init__(self, db: Database, cut: CausalContext = EMPTY) -> None:
        """`cut`: what is known to be received everywhere; see `collect`."""
        self.seen = db.seen
        self.received = db.received
        self.cut = cut
        self._engines = db.engines
        self._view = db.view()

    def entries(self) -> Iterator[tuple[bytes, Components]]:
        """All keys, each with the values of its stores; a step costs one key. To be gone through once."""
        for key, entry in self._view:
            yield key, entry.components()

    def chunks(self, max_bytes: int = 1 << 16) -> Iterator[bytes]:
        """The encoded chunks, at least one, each of about `max_bytes` or of one key, or of MAX_KEYS keys.

        A step costs one chunk. To be gone through once.
        """
        number, entries, size = 0, list[msgspec.Raw](), 0
        for key, held in self.entries():
            entry = pack(_entry_plain(key, held, self._engines))
            if entries and (size + len(entry) > max_bytes or len(entries) == MAX_KEYS):
                yield self._chunk(number, False, entries)
                number, entries, size = number + 1, [], 0
            entries.append(msgspec.Raw(entry))
            size += len(entry)
        yield self._chunk(number, True, entries)

    def _chunk(self, number: int, last: bool, entries: list[msgspec.Raw]) -> bytes:
        return pack([*_head(Chunk(number, last, self.seen, self.received, self.cut, ())), entries])


class Incoming:
    """A snapshot that is being received. Dropping it half way leaves no trace."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._keys: dict[bytes, Components] = {}
        self._chunks = 0
        self._head: tuple[CausalContext, CausalContext, CausalContext] | None = None
        self._complete = False

    @property
    def complete(self) -> bool:
        """Whether the last chunk is here."""
        return self._complete

    @property
    def keys(self) -> int:
        """How many keys have come."""
        return len(self._keys)

    @property
    def received(self) -> CausalContext:
        """What the snapshot's instance had received; nothing before the first chunk."""
        return EMPTY if self._head is None else self._head[1]

    @property
    def cut(self) -> CausalContext:
        """What the snapshot's instance knew to be received everywhere."""
        return EMPTY if self._head is None else self._head[2]

    def feed(self, chunk: Chunk | bytes) -> bool:
        """The next chunk, in order; True if it was the last. Raises: BadEncoding, also for a chunk out of order."""
        if not isinstance(chunk, Chunk):
            chunk = decode_chunk(chunk, self._db.engines)
        head = chunk.seen, chunk.received, chunk.cut
        if self._complete or chunk.number != self._chunks or self._head not in (None, head):
            raise BadEncoding("a chunk that does not follow the one before")
        for key, held in chunk.entries:
            if key in self._keys:
                raise BadEncoding("a snapshot names a key twice")
            self._keys[key] = held
        self._head = head
        self._chunks += 1
        self._complete = chunk.last
        return self._complete

    def finish(self, now_ms: int = 0) -> list[Effect]:
        """Take the snapshot over at `now_ms`, in one step. Returns effects that waited for what it brings, applied now.

        Its keys are merged as they are asked for and by `Database.settle`, to be called until it returns False.
        Raises: BadEncoding, if chunks are missing; BadEffect, if it claims dots that this process has not made.
        """
        if not self._complete or self._head is None:
            raise BadEncoding("a snapshot without its last chunk")
        seen, received, _ = self._head
        keys, self._keys, self._complete = self._keys, {}, False
        return self._db.take_over(keys, seen, received)

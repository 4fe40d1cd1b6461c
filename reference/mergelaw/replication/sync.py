"""What one instance sends another, and how it takes a snapshot in.

`Outbound` is the sending half of a live link. What the peer lacks at first comes from the backlog, or, where that does
not reach back, as a snapshot: offered, granted by the peer, sent in chunks as the peer gives credit. All the while new
effects go out between the chunks. Both halves of a link do so on their own, so a full sync merges both ways.

`Inbound` is the receiving half of all links together: one snapshot at a time, since the first one may well make the
others needless. Service goes on; effects are applied meanwhile, and the snapshot is merged with its last chunk.

Source: `stores.md`, rule 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mergelaw.replication.backlog import Backlog, Item
from mergelaw.replication.frames import (
    PIECE_BYTES,
    Batch,
    Begin,
    Chunk,
    Credit,
    End,
    FrameError,
    Offer,
    Piece,
    Synced,
    Withdrawn,
    context,
    runs,
)
from mergelaw.replication.host import Host, Incoming, Settings, Stats
from mergelaw.replication.link import Link
from mergelaw.semantics.context import CausalContext, Dot, Run

_READ_AT_ONCE = 2_000
"""Effects looked at in one slice of work."""


@dataclass(slots=True)
class Source:
    """What all links of an instance send from."""

    host: Host
    backlog: Backlog
    settings: Settings
    stats: Stats
    replica: int
    waiting: set[Dot] = field(default_factory=set)
    """Effects that wait at the host for others; they are in the backlog, not in what was received."""
    encoded: tuple[tuple[int, int, int], Piece] | None = None
    """The last batch encoded: from, to, level. Links at one position share it."""

    def held(self) -> CausalContext:
        """All that a peer may be sent. What waits is part of it: its origin may have lost it in a crash."""
        return self.host.received.add(self.waiting) if self.waiting else self.host.received


@dataclass(slots=True)
class _Scan:
    """A walk through the backlog for what a peer lacks."""

    position: int
    end: int
    wanted: CausalContext
    found: list[Run] = field(default_factory=list)


class Outbound:
    """The sending half of a live link."""

    def __init__(self, source: Source, link: Link, received: CausalContext, cut: CausalContext) -> None:
        """To a peer that has `received`, and may have collected below `cut`."""
        assert link.peer is not None
        self.source = source
        self.link = link
        self.peer = link.peer
        self.received = received
        """What the peer has, as it last said."""
        self.congested = False
        """The wire takes no more for now."""
        self.effects = 0
        """How many were sent."""
        self.full = False
        """Whether a snapshot was sent, or is to be."""
        self.announced = False
        """Whether the peer has been told that it has all it lacked."""
        self._cut = cut
        self._position = source.backlog.end
        self._acknowledged = source.backlog.start
        self._scan: _Scan | None = None
        self._pieces: Iterator[Piece] | None = None
        """What is left of a batch or chunk that takes several frames."""
        self._offer_due = False
        self._offered = False
        self._snapshot = 0
        """How many were offered."""
        self._chunks: Iterator[bytes] | None = None
        self._sent = 0
        self._credit = 0
        self._supply()

    # -- what to send ------------------------------------------------------------------------------

    @property
    def syncing(self) -> bool:
        """Whether the peer may still lack what it lacked when the two linked."""
        return not self.announced

    def _supply(self) -> None:
        """The peer is to get all that it lacks: from the backlog if that suffices, else by a snapshot."""
        missing = self.source.held() - self.received
        self._position = self.source.backlog.end
        if self.source.backlog.covers(missing):
            self._walk(missing)
        else:
            self._offer_due = not self._offered and self._chunks is None

    def _walk(self, missing: CausalContext) -> None:
        if missing:
            self._scan = _Scan(self.source.backlog.start, self.source.backlog.end, missing)

    def repair(self, missing: CausalContext) -> None:
        """The peer has lacked this for long, and nobody else seems to send it."""
        if self._scan is not None or self._offer_due or self._offered or self._chunks is not None:
            return
        if self.source.backlog.covers(missing):
            self._walk(missing)
        else:
            self._offer_due = True

    def granted(self, message: Credit) -> None:
        """The peer takes chunks. Raises: FrameError, if they are of no snapshot that was offered."""
        if message.snapshot > self._snapshot:
            raise FrameError(f"credit for snapshot {message.snapshot}, which was not offered")
        if message.snapshot < self._snapshot:
            # Of a snapshot that has been sent.
            return
        if self._offered:
            self._offered = False
            self.received = context(message.received)
            missing = self.source.held() - self.received
            self._position = self.source.backlog.end
            if self.source.backlog.covers(missing):
                self.link.send(Withdrawn())
                self._walk(missing)
                return
            self._begin()
        self._credit = max(self._credit, message.chunks)

    def _begin(self) -> None:
        snapshot = self.source.host.snapshot()
        self.link.send(Begin(runs(snapshot.seen), runs(snapshot.received), runs(snapshot.cut), snapshot.size))
        self._chunks = iter(snapshot.chunks(self.source.settings.chunk_bytes))
        self._sent = 0
        self._credit = 0
        self.full = True
        # What the snapshot holds need not be sent again.
        self.received = self.received | snapshot.received
        self._scan = None
        self._walk(CausalContext(self.source.waiting))

    # -- sending -----------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether `pump` would send something."""
        return not self.congested and (
            self._pieces is not None
            or self._scan is not None
            or self._offer_ready
            or (self._chunks is not None and self._sent < self._credit)
            or self._position < self.source.backlog.end
            or (not self.announced and self._supplied)
        )

    @property
    def _offer_ready(self) -> bool:
        """What the peer has collected by its cut must be here: an older snapshot would bring it back."""
        return self._offer_due and self._cut <= self.source.host.received

    @property
    def _supplied(self) -> bool:
        return not (self._scan is not None or self._offer_due or self._offered or self._chunks is not None)

    def pump(self) -> bool:
        """Sends a slice of what the peer is to get; whether there is more to be sent at once."""
        if self.congested or not self.link.live:
            return False
        if self._pieces is not None:
            piece = next(self._pieces, None)
            if piece is not None:
                self.link.send_piece(piece)
                return True
            self._pieces = None
        if self._scan is not None:
            self._walk_on(self._scan)
        elif self._offer_ready:
            self._offer_due = False
            self._offered = True
            self._snapshot += 1
            self.link.send(Offer(self._snapshot))
        elif self._chunks is not None and self._sent < self._credit:
            self._send_chunk(self._chunks)
        if self._pieces is None:
            self._stream()
        if not self.announced and self._supplied and self._pieces is None:
            self.announced = True
            self.link.send(Synced(self.full))
        return self.ready

    def _walk_on(self, scan: _Scan) -> None:
        try:
            items = self.source.backlog.read(scan.position, min(_READ_AT_ONCE, scan.end - scan.position))
        except LookupError:
            self._scan = None
            self._supply()
            return
        wanted = scan.wanted
        chosen, looked_at = self._choose(items, lambda item: (item.origin, item.last) in wanted)
        scan.position += looked_at
        scan.found += [(item.origin, item.first, item.last) for item in chosen]
        self._send(chosen)
        if scan.position >= scan.end:
            self._scan = None
            absent = wanted - CausalContext.from_runs(scan.found)
            if absent:
                # What was received and is not in the backlog came some other way, and goes on by a snapshot.
                self.source.backlog.forget(absent)
                self._offer_due = True

    def _stream(self) -> None:
        backlog = self.source.backlog
        if self._position == backlog.end:
            return
        try:
            items = backlog.read(self._position, _READ_AT_ONCE)
        except LookupError:
            self._supply()
            return
        start = self._position
        chosen, looked_at = self._choose(items, self._wants)
        self._position += looked_at
        if len(chosen) < looked_at:
            self._send(chosen)
            return
        key = (start, self._position, self.source.settings.level)
        shared = self.source.encoded
        if shared is not None and shared[0] == key:
            self._count(chosen)
            self.link.send_piece(shared[1])
        else:
            self._send(chosen, key)

    def _wants(self, item: Item) -> bool:
        """Whether the peer gets a new effect from us: our own; under causal delivery those of others too."""
        if item.origin != self.source.replica and (not self.source.settings.causal or item.origin == self.peer):
            return False
        return (item.origin, item.last) not in self.received

    def _choose(self, items: Sequence[Item], wants: Callable[[Item], bool]) -> tuple[list[Item], int]:
        """Those of `items` that are wanted, up to the size of a batch, and how many were looked at for that."""
        chosen: list[Item] = []
        size = 0
        for looked_at, item in enumerate(items, 1):
            if wants(item):
                chosen.append(item)
                size += len(item.data)
                if size >= self.source.settings.batch_bytes:
                    return chosen, looked_at
        return chosen, len(items)

    def _send(self, items: list[Item], key: tuple[int, int, int] | None = None) -> None:
        """One batch; with `key`, other links at the same position may use its frame."""
        if not items:
            return
        self._count(items)
        piece = self._send_first(Batch(tuple([(item.origin, item.last, item.data) for item in items])))
        if key is not None and self._pieces is None:
            self.source.encoded = (key, piece)

    def _count(self, items: list[Item]) -> None:
        self.effects += len(items)
        self.source.stats.effects_out += len(items)
        self.source.stats.effects_relayed += sum(item.origin != self.source.replica for item in items)

    def _send_first(self, message: Batch | Chunk) -> Piece:
        """The first frame of `message` is sent; the others, if any, are left for `pump`."""
        pieces = self.link.pieces(message)
        piece = next(pieces)
        self.link.send_piece(piece)
        if piece[2] == PIECE_BYTES:
            self._pieces = pieces
        return piece

    def _send_chunk(self, chunks: Iterator[bytes]) -> None:
        data = next(chunks, None)
        if data is None:
            self.link.send(End(self._sent))
            self._chunks = None
            self.source.stats.full_syncs_out += 1
            return
        self._sent += 1
        self.source.stats.chunks_out += 1
        self._send_first(Chunk(self._sent, data))

    def close(self) -> None:
        """The link is over; what a snapshot holds on to is let go."""
        self._scan = self._chunks = self._pieces = None

    # -- lag ---------------------------------------------------------------------------------------

    def reported(self, received: CausalContext) -> None:
        """The peer says what it has."""
        self.received = received
        backlog = self.source.backlog
        position = max(self._acknowledged, backlog.start)
        while (item := backlog.get(position)) is not None and (
            item.origin != self.source.replica or (item.origin, item.last) in received
        ):
            position += 1
        self._acknowledged = position

    def lag(self, now_ms: int) -> tuple[int, int]:
        """How many of our dots the peer has not confirmed, and the age in ms of the oldest such effect at `now_ms`."""
        replica = self.source.replica
        missing = self.source.host.received - self.received
        dots = sum(last - first + 1 for origin, first, last in missing.runs if origin == replica)
        if not dots:
            return 0, 0
        item = self.source.backlog.get(max(self._acknowledged, self.source.backlog.start))
        return dots, 0 if item is None else max(0, now_ms - item.time_ms)


class Inbound:
    """The receiving half: whose snapshot is coming in, and who waits."""

    def __init__(self, host: Host, settings: Settings, stats: Stats) -> None:
        self._host = host
        self._settings = settings
        self._stats = stats
        self._queue: list[tuple[Link, int]] = []
        self._current: Link | None = None
        self._snapshot = 0
        self._incoming: Incoming | None = None
        self._begun: Begin | None = None
        self._chunks = 0
        self._progress_ms = 0.0

    @property
    def current(self) -> Link | None:
        """Whose snapshot is coming in."""
        return self._current

    def offered(self, link: Link, message: Offer, now_ms: float) -> None:
        """A peer offers a snapshot. Raises: FrameError, if it has done so already."""
        if link is self._current or any(waiting is link for waiting, _ in self._queue):
            raise FrameError("a snapshot is offered twice")
        self._queue.append((link, message.snapshot))
        self._grant(now_ms)

    def _grant(self, now_ms: float) -> None:
        if self._current is None and self._queue:
            self._current, self._snapshot = self._queue.pop(0)
            self._chunks = 0
            self._progress_ms = now_ms
            received = runs(self._host.received)
            self._current.send(Credit(self._snapshot, self._settings.chunks_ahead, received))

    def begin(self, link: Link, message: Begin, now_ms: float) -> None:
        """The snapshot begins. Raises: FrameError, if it was not granted, or is behind what was collected here."""
        if link is not self._current or self._incoming is not None:
            raise FrameError("a snapshot begins that was not asked for")
        seen, received, cut = context(message.seen), context(message.received), context(message.cut)
        if not (received <= seen and cut <= received):
            raise FrameError("a snapshot contradicts itself: it has not seen what it received, or not received its cut")
        try:
            self._incoming = self._host.incoming(seen, received, cut)
        except ValueError as error:
            raise FrameError(f"a snapshot is refused: {error}") from None
        self._begun = message
        self._progress_ms = now_ms

    def chunk(self, link: Link, message: Chunk, now_ms: float) -> None:
        """A chunk has come. Raises: FrameError, if it is not the next, or cannot be read."""
        if link is not self._current or self._incoming is None:
            raise FrameError("a chunk of no snapshot")
        if message.number != self._chunks + 1:
            raise FrameError(f"chunk {message.number} came after chunk {self._chunks}")
        try:
            self._incoming.feed(message.data)
        except ValueError as error:
            raise FrameError(f"a chunk cannot be read: {error}") from None
        self._chunks += 1
        self._stats.chunks_in += 1
        self._progress_ms = now_ms
        link.send(Credit(self._snapshot, self._chunks + self._settings.chunks_ahead, ()))

    def end(self, link: Link, message: End, now_ms: float) -> Begin:
        """The last chunk has come: the snapshot is merged. Returns how it began. Raises: FrameError."""
        if link is not self._current or self._incoming is None or self._begun is None:
            raise FrameError("the end of no snapshot")
        if message.chunks != self._chunks:
            raise FrameError(f"a snapshot of {message.chunks} chunks ends after {self._chunks}")
        begun = self._begun
        try:
            self._incoming.finish()
        except ValueError as error:
            raise FrameError(f"a snapshot cannot be merged: {error}") from None
        self._incoming = None
        self._stats.full_syncs_in += 1
        self._next(now_ms)
        return begun

    def withdrawn(self, link: Link, now_ms: float) -> None:
        """The peer needs not send its snapshot. Raises: FrameError, if it has begun to, or offered none."""
        if link is not self._current or self._incoming is not None:
            raise FrameError("no offer to be withdrawn")
        self._next(now_ms)

    def lost(self, link: Link, now_ms: float) -> None:
        """The link is gone."""
        self._queue = [(waiting, snapshot) for waiting, snapshot in self._queue if waiting is not link]
        if link is self._current:
            if self._incoming is not None:
                self._incoming.abort()
            self._next(now_ms)

    def _next(self, now_ms: float) -> None:
        self._current = None
        self._incoming = None
        self._begun = None
        self._grant(now_ms)

    def stalled(self, now_ms: float) -> Link | None:
        """The link whose snapshot does not go on, if any."""
        if self._current is not None and now_ms - self._progress_ms >= self._settings.stall_ms:
            return self._current
        return None

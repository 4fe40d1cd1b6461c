"""What one instance sends another: the sending half of a live link. The receiving half is in `inbound`.

What the peer lacks at first comes from the backlog, or, where that does not reach back, as a snapshot: offered, granted
by the peer, sent in chunks as the peer gives credit. All the while new effects go out between the chunks. Both halves
of a link do so on their own, so a full sync merges both ways. Where the backlog loses what the peer still lacks, it is
one more snapshot; a peer takes one at a time, so that waits for the end of one that is on its way.

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
from mergelaw.replication.host import Host, Settings, Stats
from mergelaw.replication.link import Link
from mergelaw.semantics.context import EMPTY, CausalContext, Dot, Run

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
        """All that a peer may be sent: what was received, and what waits and is still in the backlog."""
        return self.host.received | self.sendable()

    def sendable(self) -> CausalContext:
        """What waits, as far as the backlog has it. Peers get it too: its origin may have lost it in a crash.

        No snapshot carries what waits, so what the backlog lost of it cannot be sent before it is applied here.
        """
        return CausalContext(self.waiting) - self.backlog.gone if self.waiting else EMPTY


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
        self._again = False
        """After the chunks that are on their way the peer will lack what the backlog has lost meanwhile."""
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
        self._scan = None
        self._position = self.source.backlog.end
        if self.source.backlog.covers(missing):
            self._walk(missing)
        else:
            self._need_snapshot()

    def _need_snapshot(self) -> None:
        """The backlog does not have what the peer lacks. A peer takes one snapshot at a time, so none is offered twice.

        One that is offered and not begun is taken later than now, and brings it.
        """
        if self._chunks is not None:
            self._again = True
        elif not self._offered:
            self._offer_due = True

    def _fell_behind(self) -> None:
        """The backlog was cut off above our place in it."""
        if self._offered or self._chunks is not None:
            self._scan = None
            self._position = self.source.backlog.end
            self._need_snapshot()
        else:
            self._supply()

    def _walk(self, missing: CausalContext) -> None:
        if missing:
            self._scan = _Scan(self.source.backlog.start, self.source.backlog.end, missing)

    def unsent(self, missing: CausalContext) -> CausalContext:
        """Of what the peer lacks, that which new effects will not bring: it is of others, or not in the backlog."""
        gone = self.source.backlog.gone
        own = CausalContext.from_runs(run for run in missing.runs if run[0] == self.source.replica)
        return (missing - own) | (own & gone)

    def repair(self, missing: CausalContext) -> None:
        """The peer has lacked this for long, and nobody else seems to send it."""
        if not self._supplied:
            return
        if self.source.backlog.covers(missing):
            self._walk(missing)
        else:
            self._need_snapshot()

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
        self._walk(self.source.sendable())

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
            self._fell_behind()
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
                self._need_snapshot()

    def _stream(self) -> None:
        backlog = self.source.backlog
        if self._position == backlog.end:
            return
        try:
            items = backlog.read(self._position, _READ_AT_ONCE)
        except LookupError:
            self._fell_behind()
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
            if self._again:
                self._again = False
                self._supply()
            return
        self._sent += 1
        self.source.stats.chunks_out += 1
        self._send_first(Chunk(self._sent, data))

    def close(self) -> None:
        """The link is over; what a snapshot holds on to is let go."""
        self._scan = self._chunks = self._pieces = None

    # -- lag ---------------------------------------------------------------------------------------

    def reported(self, received: CausalContext, cut: CausalContext) -> None:
        """The peer says what it has, and below what it may have collected."""
        self.received = received
        self._cut = cut
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

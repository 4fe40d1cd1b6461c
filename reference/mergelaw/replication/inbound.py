"""How an instance takes snapshots in: the receiving half of all links together.

One snapshot at a time, since the first one may well make the others needless. Service goes on; effects are applied
meanwhile, and the snapshot is merged with its last chunk.

Source: `stores.md`, rule 16.
"""

from __future__ import annotations

from mergelaw.replication.frames import Begin, Chunk, Credit, End, FrameError, Offer, context, runs
from mergelaw.replication.handshake import Refusal, Refusing
from mergelaw.replication.host import Host, Incoming, Settings, Stats
from mergelaw.replication.link import Link


class Inbound:
    """Whose snapshot is coming in, and who waits."""

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
        """The snapshot begins. Raises: FrameError, if it was not granted; Refusing, if it is behind our cut."""
        if link is not self._current or self._incoming is not None:
            raise FrameError("a snapshot begins that was not asked for")
        seen, received, cut = context(message.seen), context(message.received), context(message.cut)
        if not (received <= seen and cut <= received):
            raise FrameError("a snapshot contradicts itself: it has not seen what it received, or not received its cut")
        try:
            self._incoming = self._host.incoming(seen, received, cut)
        except ValueError as error:
            # An honest peer may not know yet how far our cut has come; the next link tells it.
            raise Refusing(Refusal.BEHIND, f"a snapshot is refused: {error}") from None
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

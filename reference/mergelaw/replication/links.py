"""The links of an instance: which there are, whom it dials, what is written, and what follows when one ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mergelaw.clock.clock import Clock
from mergelaw.replication.dialing import Dialer
from mergelaw.replication.handshake import NONCE_BYTES, Identity, Refusal
from mergelaw.replication.host import Entropy, Settings, Stats
from mergelaw.replication.inbound import Inbound
from mergelaw.replication.link import Link
from mergelaw.replication.membership import Configuration, others
from mergelaw.replication.session import Session, Target, Wire

_NOT_FAULTS: Final = frozenset({Refusal.ANOTHER, Refusal.PAUSED, Refusal.STOPPED})
"""Refusals that are in order."""


class Links:
    """All links, also those that do not live yet, and the configuration that they follow."""

    def __init__(
        self,
        identity: Identity,
        configuration: Configuration,
        settings: Settings,
        clock: Clock,
        stats: Stats,
        *,
        dialer: Dialer,
        inbound: Inbound,
        entropy: Entropy,
        on_dial: Callable[[Target], None],
        on_work: Callable[[], None],
    ) -> None:
        """None yet. `on_dial` is told to connect, `on_work` that there is something to send."""
        self.identity = identity
        self.configuration = configuration
        """Who takes part, as far as we know; `changes` sets it."""
        self.sessions: dict[Session, None] = {}
        self.live: dict[int, Session] = {}
        """The live ones, by peer."""
        self.paused = False
        self.stopped = True
        self.on_work = on_work
        self._on_dial = on_dial
        self._settings = settings
        self._clock = clock
        self._stats = stats
        self._dialer = dialer
        self._inbound = inbound
        self._entropy = entropy

    @property
    def replica(self) -> int:
        """Our instance id."""
        return self.identity.id

    @property
    def expelled(self) -> bool:
        """Whether this instance was removed from the database."""
        return self.replica in self.configuration.removed

    @property
    def members(self) -> list[int]:
        """The other members, ascending."""
        return list(others(self.configuration, self.replica))

    def now_ms(self) -> float:
        """Of the monotonic clock."""
        return self._clock.monotonic_us() / 1000

    def totals(self) -> Stats:
        """The counts, with those of the links of this moment."""
        totals = replace(self._stats, refusals=dict(self._stats.refusals))
        for session in self.sessions:
            _count(session.link, totals)
        return totals

    # -- beginning ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Dials all members."""
        self.stopped = False
        self.follow()

    def stop(self) -> None:
        """Ends all links, in order."""
        self.stopped = True
        for session in list(self.sessions):
            self.end(session, Refusal.STOPPED)

    def pause(self) -> None:
        """Ends all links, and makes none until `resume`."""
        if not self.paused:
            self.paused = True
            for session in list(self.sessions):
                self.end(session, Refusal.PAUSED)

    def resume(self) -> None:
        """Dials all members at once."""
        if self.paused:
            self.paused = False
            self._dialer.hurry(self.live)
            self.dial()

    def follow(self, *, hurry: bool = False) -> None:
        """Dials the members of the configuration, which may have changed; with `hurry` those not linked at once."""
        self._dialer.follow(self.configuration)
        if hurry:
            self._dialer.hurry(self.live)
        self.dial()

    def dial(self) -> None:
        """Dials whom it is time for."""
        if not (self.paused or self.stopped or self.expelled):
            for target in self._dialer.due(self.now_ms(), self.live):
                self._on_dial(target)

    def accepted(self, wire: Wire) -> Session:
        """Somebody has connected."""
        session = self._session(wire, None)
        unproved = sum(not s.link.proved and not s.link.dialed for s in self.sessions)
        if self.paused:
            self.end(session, Refusal.PAUSED)
        elif self.stopped:
            self.end(session, Refusal.STOPPED)
        elif unproved > self._settings.unproved_max:
            self.end(session, Refusal.BUSY)
        return session

    def connected(self, wire: Wire, target: Target) -> Session:
        """A dial has succeeded."""
        session = self._session(wire, target)
        if self.paused or self.stopped or (target.peer is not None and target.peer in self.live):
            self.end(session, Refusal.PAUSED if self.paused else Refusal.ANOTHER)
        else:
            self.flush(session)
        return session

    def _session(self, wire: Wire, target: Target | None) -> Session:
        link = Link(
            self.identity,
            self._settings,
            dialed=target is not None,
            expected=None if target is None else target.peer,
            nonce=self._entropy(NONCE_BYTES),
            now_ms=self.now_ms(),
        )
        session = Session(link, wire, target)
        self.sessions[session] = None
        return session

    def dial_failed(self, target: Target, error: str) -> None:
        """A dial has failed."""
        target.busy = False
        target.error = error
        self._dialer.back_off(target, self.now_ms())

    def went_live(self, session: Session, peer: int) -> None:
        """The link to `peer` lives."""
        self.live[peer] = session
        self._stats.links += 1
        target = self._dialer.targets.get(peer)
        if target is not None:
            target.error = ""
        self.on_work()

    # -- writing, ending ---------------------------------------------------------------------------

    def flush(self, session: Session) -> None:
        """What was put out is written; a link that is over is closed."""
        data = session.link.output()
        if data:
            session.wire.write(data)
        if session.link.closing is not None:
            self._closed(session)

    def congested(self, session: Session, congested: bool) -> None:
        """The wire takes no more for now, or takes more again."""
        if session.out is not None:
            session.out.congested = congested
            if not congested:
                self.on_work()

    def end(self, session: Session, code: Refusal, detail: str = "", *, tell: bool = False) -> None:
        """Ends a link, and tells the peer why; with `tell` what the configuration is."""
        session.link.refuse(code, detail, self.configuration.settled() if tell else None)
        self._closed(session)

    def lost(self, session: Session, why: str) -> None:
        """The wire is gone."""
        session.link.lost(why)
        self._closed(session)

    def _closed(self, session: Session) -> None:
        """The link is over: what is left of it is written, and whoever waited for it goes on."""
        if session not in self.sessions:
            return
        del self.sessions[session]
        link, now = session.link, self.now_ms()
        data = link.output()
        if data:
            session.wire.write(data)
        session.wire.close()
        _count(link, self._stats)
        if link.code is not None:
            self._stats.refusals[link.code.value] = self._stats.refusals.get(link.code.value, 0) + 1
        was_live = link.peer is not None and self.live.get(link.peer) is session
        if was_live and link.peer is not None:
            del self.live[link.peer]
        self._inbound.lost(link, now)
        if session.out is not None:
            session.out.close()
        if session.target is not None:
            session.target.busy = False
            session.target.error = link.closing or ""
            self._dialer.back_off(session.target, now)
        target = self._dialer.targets.get(link.peer or 0)
        if target is not None:
            target.add(session)
            if link.code not in _NOT_FAULTS:
                target.error = link.closing or ""
            if was_live:
                self._dialer.back_off(target, now, afresh=True)
        # An offer of another link may have been taken instead.
        self.on_work()


def _count(link: Link, stats: Stats) -> None:
    stats.bytes_in += link.bytes_in
    stats.bytes_out += link.bytes_out
    stats.expanded_in += link.expanded_in
    stats.expanded_out += link.expanded_out

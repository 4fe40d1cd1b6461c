"""What the instances tell each other of what they have, and what is made of it: lag, the cut, repair, agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mergelaw.clock.clock import Clock
from mergelaw.replication.frames import Ping, Report, context, runs
from mergelaw.replication.host import Host, Settings
from mergelaw.replication.session import Session
from mergelaw.replication.stability import Reported, Stability
from mergelaw.semantics.context import EMPTY, CausalContext


class Reports:
    """Reports in and out. A ping is answered at once; else a report goes out when there is something new to tell."""

    def __init__(self, host: Host, settings: Settings, clock: Clock, stability: Stability) -> None:
        """Nothing has been told yet."""
        self.stability = stability
        self.on_report: Callable[[], None] = lambda: None
        """Told of every report that came."""
        self._host = host
        self._settings = settings
        self._clock = clock
        self._serial = 0
        self._stable_due_ms = 0.0

    def _now(self) -> float:
        return self._clock.monotonic_us() / 1000

    def own(self) -> Reported:
        """What we have."""
        return Reported(self._host.received, self._host.durable(), self._host.durable_cut())

    # -- out ---------------------------------------------------------------------------------------

    def send(self, session: Session) -> None:
        """Tells the peer what we have."""
        own = self.own()
        session.told = own
        session.told_ms = self._now()
        session.link.send(
            Report(session.echo, runs(own.received), runs(own.durable), runs(own.cut), self._clock.now_ms())
        )

    def ping(self, session: Session) -> None:
        """Asks the peer for a report."""
        self._serial += 1
        self._ping(session)

    def _ping(self, session: Session) -> None:
        if not session.pinged:
            session.pinged = self._serial
            session.pinged_ms = self._now()
        session.link.send(Ping(self._serial))

    def pinged(self, session: Session, ping: Ping) -> None:
        """The peer asks for a report."""
        session.echo = ping.serial
        if session.out is None or not session.out.congested:
            # A peer that asks and does not read is not to fill our memory.
            self.send(session)

    def ask(self, sessions: Iterable[Session]) -> int:
        """Asks all peers; returns the serial that fresh reports echo, or a greater one."""
        self._serial += 1
        for session in sessions:
            self._ping(session)
        return self._serial

    # -- in ----------------------------------------------------------------------------------------

    def take(self, session: Session, report: Report) -> bool:
        """The peer has reported; True if it is to be sent something that it has lacked for long. Raises: FrameError."""
        reported = Reported(context(report.received), context(report.durable), context(report.cut))
        session.reported = reported
        session.fresh = max(session.fresh, report.echo)
        session.wall_ms = report.time_ms
        if session.pinged and report.echo >= session.pinged:
            session.round_trip_ms = self._now() - session.pinged_ms
            session.pinged = 0
        assert session.link.peer is not None and session.out is not None
        self.stability.report(session.link.peer, reported)
        session.out.reported(reported.received, reported.cut)
        repaired = self._repair(session)
        self.on_report()
        return repaired

    def _repair(self, session: Session) -> bool:
        """Sends what the peer has lacked for long and will not get by itself: its origin may not reach it any more."""
        assert session.out is not None
        missing = session.out.unsent(self._host.received - session.reported.received)
        now = self._now()
        lacking = missing & session.lacking
        if not lacking:
            session.lacking, session.lacking_ms = missing, now
            return False
        if now - session.lacking_ms < self._settings.repair_ms:
            return False
        session.lacking, session.lacking_ms = EMPTY, now
        session.out.repair(lacking)
        return True

    # -- agreement ---------------------------------------------------------------------------------

    def known(self, members: Iterable[int], live: Mapping[int, Session], serial: int) -> CausalContext | None:
        """All that any member has, as reported since `ask` returned `serial`; None while a report is missing."""
        known = self._host.received
        for member in members:
            session = live.get(member)
            if session is None or session.fresh < serial:
                return None
            known = known | session.reported.received
        return known

    def all_have(self, members: Iterable[int], live: Mapping[int, Session], wanted: CausalContext) -> bool:
        """Whether we have `wanted`, and all members say so too."""
        return wanted <= self._host.received and all(
            member in live and wanted <= live[member].reported.received for member in members
        )

    def all_have_of(self, replica: int, live: Mapping[int, Session]) -> bool:
        """Whether all that `replica` is known to have issued has been received by all that are linked."""
        reports = [self._host.received, *(session.reported.received for session in live.values())]
        issued = CausalContext.from_runs(run for received in reports for run in received.runs if run[0] == replica)
        return all(issued <= received for received in reports)

    # -- time --------------------------------------------------------------------------------------

    def tick(self, live: Iterable[Session], members: Iterable[int]) -> None:
        """Time has passed: reports and heartbeats go out, and the cut is moved on among `members`."""
        now = self._now()
        settings = self._settings
        own = self.own()
        for session in live:
            elapsed = now - session.told_ms
            if elapsed >= settings.heartbeat_ms or elapsed >= settings.report_ms and own != session.told:
                self.send(session)
            if not session.pinged and now - session.pinged_ms >= settings.heartbeat_ms:
                self.ping(session)
        if now >= self._stable_due_ms:
            self._stable_due_ms = now + settings.report_ms
            if self.stability.advance(members, own):
                self._host.stable(self.stability.cut, self.stability.everywhere)

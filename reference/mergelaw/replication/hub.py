"""All links of an instance together, without sockets and without a clock of its own.

The hub decides whom to dial, which links live, what goes over them, and what follows from what comes. `mesh` drives it
with asyncio; a simulated network drives the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from mergelaw.clock.clock import Clock
from mergelaw.replica.model import Effect
from mergelaw.replication.backlog import Backlog
from mergelaw.replication.changes import Changes
from mergelaw.replication.dialing import Dialer
from mergelaw.replication.effects import Effects
from mergelaw.replication.frames import (
    Batch,
    Begin,
    Chunk,
    Credit,
    End,
    FrameError,
    Hello,
    Message,
    Offer,
    Ping,
    Refused,
    Report,
    Spread,
    Synced,
    Withdrawn,
    context,
)
from mergelaw.replication.handshake import Identity, Refusal, Refusing
from mergelaw.replication.host import Entropy, Host, PeerInfo, Randomness, Settings, Stats
from mergelaw.replication.inbound import Inbound
from mergelaw.replication.joining import Joining
from mergelaw.replication.link import State
from mergelaw.replication.links import Links
from mergelaw.replication.meeting import Meeting
from mergelaw.replication.membership import Address, Configuration
from mergelaw.replication.overview import info
from mergelaw.replication.reports import Reports
from mergelaw.replication.session import Session, Target, Wire
from mergelaw.replication.stability import Stability
from mergelaw.replication.sync import Source
from mergelaw.semantics.context import EMPTY, CausalContext

_MESSAGES_AT_ONCE: Final = 100


class Hub:
    """Replication of one instance."""

    def __init__(
        self,
        host: Host,
        identity: Identity,
        configuration: Configuration,
        *,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        entropy: Entropy,
        seeds: Iterable[Address] = (),
        routes: Mapping[int, Address] | None = None,
        joining: bool = False,
        cut: CausalContext = EMPTY,
        everywhere: CausalContext = EMPTY,
    ) -> None:
        """Not yet linked to anybody; `start` begins to dial.

        A `configuration` of version 0 says that the instance wants to join: it then dials `seeds` for the
        configuration. `routes`: under which addresses members are dialed from here, where those differ. `joining`:
        writes are refused until the instance is in sync, as they are with version 0; for one that has lost its data.
        `cut`, `everywhere`: as `Host.stable` was told last before a restart.
        """
        self.host = host
        self.identity = identity
        self.settings = settings
        self.clock = clock
        self.stats = Stats()
        """Without the bytes of the links of this moment; see `totals`."""
        self.backlog = Backlog(settings.backlog_bytes, host.received)
        self.stability = Stability(identity.id, cut, everywhere)
        self.reports = Reports(host, settings, clock, self.stability)
        self.on_dial: Callable[[Target], None] = _nothing
        """Told to connect; `connected` or `dial_failed` is to follow."""
        self.on_work: Callable[[], None] = _nothing
        """Told that `work` has something to do."""
        self._dialer = Dialer(identity.id, settings, randomness, seeds, routes or {})
        self._inbound = Inbound(host, settings, self.stats)
        self._links = links = Links(
            identity,
            configuration,
            settings,
            clock,
            self.stats,
            dialer=self._dialer,
            inbound=self._inbound,
            entropy=entropy,
            on_dial=lambda target: self.on_dial(target),
            on_work=lambda: self.on_work(),
        )
        self._source = Source(host, self.backlog, settings, self.stats, identity.id)
        self._effects = Effects(self._source, links, clock)
        self._joining = Joining(
            links, host, self.stability, settings.join_grace_ms, joining=joining or not configuration.version
        )
        self._changes = Changes(links, host, self.stability, self.reports, self._joining)
        self._meeting = Meeting(links, self._changes, self.reports, self._source)

    # -- what others ask ---------------------------------------------------------------------------

    @property
    def replica(self) -> int:
        """Our instance id."""
        return self.identity.id

    @property
    def configuration(self) -> Configuration:
        """Who takes part, as far as we know."""
        return self._links.configuration

    @property
    def expelled(self) -> bool:
        """Whether this instance was removed from the database."""
        return self._links.expelled

    @property
    def retiring(self) -> bool:
        """Whether this instance takes no writes since it is to be removed."""
        return self.configuration.retiring(self.replica)

    @property
    def members(self) -> list[int]:
        """The other members, ascending."""
        return self._links.members

    @property
    def sessions(self) -> list[Session]:
        """All links, also those that do not live yet."""
        return list(self._links.sessions)

    @property
    def live(self) -> dict[int, Session]:
        """The live links, by peer."""
        return self._links.live

    @property
    def paused(self) -> bool:
        """Whether sync is paused."""
        return self._links.paused

    @property
    def stopped(self) -> bool:
        """Whether there are to be no links: before the start, and after the end."""
        return self._links.stopped

    @property
    def synced_with(self) -> set[int]:
        """Members all of whose effects are here that they had when we linked; since the start."""
        return self._joining.synced_with

    @property
    def writable(self) -> bool:
        """Whether clients may write: not while the instance joins, nor once it was removed or is to be."""
        return self._changes.takes_writes and self._joining.done

    def peers(self) -> list[PeerInfo]:
        """All other members, ascending, and how it stands with them."""
        now, wall, known = self._links.now_ms(), self.clock.now_ms(), self._dialer.targets
        self._dialer.follow(self.configuration)
        return [
            info(self._source, known[peer], self.live.get(peer), paused=self.paused, now_ms=now, wall_ms=wall)
            for peer in self.members
        ]

    def totals(self) -> Stats:
        """The counts, with those of the links of this moment."""
        return self._links.totals()

    def ask(self) -> int:
        """Asks all peers for a report; returns the serial that `known_everywhere` takes."""
        serial = self.reports.ask(self.live.values())
        for session in list(self.live.values()):
            self._links.flush(session)
        return serial

    def known_everywhere(self, serial: int) -> CausalContext | None:
        """All that any member has, as reported since `ask` returned `serial`; None while a report is missing."""
        return self.reports.known(self.members, self.live, serial)

    def all_have(self, wanted: CausalContext) -> bool:
        """Whether we have `wanted`, and all members say so too."""
        return self.reports.all_have(self.members, self.live, wanted)

    # -- effects of ours ---------------------------------------------------------------------------

    def preload(self, effect: Effect, data: bytes) -> None:
        """An effect of before the restart, from disk, in order, which `received` holds: peers may lack it."""
        self._effects.preload(effect, data)

    def broadcast(self, data: bytes, effect: Effect) -> None:
        """An effect of ours, committed here; `data` is it, encoded. It is sent by the next `work`."""
        self._effects.broadcast(data, effect)

    # -- wires -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Dials all members."""
        self.host.configured(self.configuration)
        self._links.start()

    def stop(self) -> None:
        """Ends all links, in order."""
        self._links.stop()

    def pause(self) -> None:
        """Stops sending and receiving: ends all links, and makes none until `resume`. What came unread comes again."""
        self._links.pause()

    def resume(self) -> None:
        """Dials all members at once."""
        self._links.resume()

    def accepted(self, wire: Wire) -> Session:
        """Somebody has connected."""
        return self._links.accepted(wire)

    def connected(self, wire: Wire, target: Target) -> Session:
        """A dial has succeeded."""
        return self._links.connected(wire, target)

    def dial_failed(self, target: Target, error: str) -> None:
        """A dial has failed."""
        self._links.dial_failed(target, error)

    def lost(self, session: Session, why: str) -> None:
        """The wire is gone."""
        self._links.lost(session, why)

    def congested(self, session: Session, congested: bool) -> None:
        """The wire takes no more for now, or takes more again."""
        self._links.congested(session, congested)

    # -- what comes --------------------------------------------------------------------------------

    def receive(self, session: Session, data: bytes) -> None:
        """`data` came over the wire; `process` looks at it."""
        session.link.receive(data, self._links.now_ms())

    def process(self, session: Session) -> bool:
        """Works on what came, one batch or chunk, so that clients are served in between; True if there is more."""
        link = session.link
        more = True
        for _ in range(_MESSAGES_AT_ONCE):
            message = link.next()
            if link.state in (State.MEETING, State.MET) and not session.said_hello:
                self._meeting.greet(session)
            if message is None:
                more = False
                break
            try:
                self._take(session, message)
            except Refusing as error:
                link.refuse(error.code, error.detail)
            except FrameError as error:
                link.refuse(Refusal.LIES, str(error))
            if isinstance(message, (Batch, Chunk, Begin, End)):
                break
        self._links.flush(session)
        return more and link.state is not State.CLOSED

    def _take(self, session: Session, message: Message) -> None:
        """Raises: FrameError, for what no peer sends."""
        now = self._links.now_ms()
        match message:
            case Batch():
                self._effects.take(session, message)
            case Report():
                if self.reports.take(session, message):
                    self.on_work()
            case Ping():
                self.reports.pinged(session, message)
            case Hello():
                self._meeting.meet(session, message)
            case Refused():
                if message.settled is not None:
                    self._changes.learn(Configuration.of(message.settled))
            case Synced():
                self._synced(session)
            case Spread():
                self._changes.told(session, Configuration.of(message.settled))
            case Credit():
                assert session.out is not None
                session.out.granted(message)
                self.on_work()
            case Offer():
                session.needed_full |= not session.synced
                self._inbound.offered(session.link, message, now)
                self.on_work()
            case Withdrawn():
                self._inbound.withdrawn(session.link, now)
                self.on_work()
            case Begin():
                self._inbound.begin(session.link, message, now)
            case Chunk():
                self._inbound.chunk(session.link, message, now)
            case End():
                self._merged(self._inbound.end(session.link, message, now))
            case _:
                raise FrameError(f"a {type(message).__name__} on a live link")

    def _merged(self, begun: Begin) -> None:
        self._effects.merged(begun)
        self._joining.adopt(context(begun.cut))

    def _synced(self, session: Session) -> None:
        """All that the peer had when we linked is here. Raises: FrameError, if it has said so before."""
        if session.synced:
            raise FrameError("the peer says twice that all was sent")
        session.synced = True
        if session.needed_full:
            self.stats.partial_err += 1
        else:
            self.stats.partial_ok += 1
        peer = session.link.peer
        assert peer is not None
        self._joining.synced(session, peer)
        self.host.synced(peer, session.hello_received)

    # -- configuration -----------------------------------------------------------------------------

    def add(self, replica: int, address: Address, *, force: bool = False) -> None:
        """Makes `replica` a member, which listens for peers at `address` (("", 0): it dials the others).

        A member that is retiring is kept. Raises: MembershipError, if there is or was one of that id; without `force`
        also if a member is not linked.
        """
        self._changes.add(replica, address, force=force)

    def retire(self, replica: int) -> None:
        """The first step of a removal: `replica` takes no writes from when it hears of it, until `keep`.

        Nothing, if it is so already. Raises: MembershipError, if it is no member.
        """
        self._changes.retire(replica)

    def keep(self, replica: int) -> None:
        """A retiring instance is not to be removed after all, and takes writes again. Raises: MembershipError."""
        self._changes.keep(replica)

    def remove(self, replica: int, *, force: bool = False) -> None:
        """Removes `replica` for good. Raises: MembershipError, if it is no member.

        Without `force` that takes two steps: `replica` is retired, if it is not yet, and is removed once it has said
        what it has issued and all members are linked and have that. Until then MembershipError is raised too: try
        again, or `keep` it. With `force` what has not reached the others is lost, also what `replica` has told clients
        is done.
        """
        self._changes.remove(replica, force=force)

    def move(self, address: Address) -> None:
        """This instance listens for peers at `address` from now on; they are told."""
        self._changes.move(address)

    # -- work and time -----------------------------------------------------------------------------

    def work(self) -> bool:
        """Sends a slice of what is to be sent on each link; True if there is more that can be sent at once."""
        more = False
        for session in list(self.live.values()):
            out = session.out
            if out is not None and out.ready:
                more |= out.pump()
            self._links.flush(session)
        return more

    def tick(self) -> None:
        """Time has passed: every 25 ms or so."""
        now = self._links.now_ms()
        stalled = self._inbound.stalled(now)
        for session in self.sessions:
            session.link.tick(now)
            if session.link is stalled:
                session.link.refuse(Refusal.SILENT, "the snapshot does not go on")
            self._links.flush(session)
        self.reports.tick(list(self.live.values()), self.configuration.members)
        for session in list(self.live.values()):
            self._links.flush(session)
        if any(session.out is not None and session.out.ready for session in self.live.values()):
            self.on_work()
        self._links.dial()


def _nothing(*_: object) -> None:
    return None

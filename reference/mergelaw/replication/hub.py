"""All links of an instance together, without sockets and without a clock of its own.

The hub decides whom to dial, which links live, what goes over them, and what follows from what comes. `mesh` drives it
with asyncio; a simulated network drives the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from mergelaw.clock.clock import Clock
from mergelaw.replica.model import Effect
from mergelaw.replication.admission import judge, replaces
from mergelaw.replication.backlog import Backlog, Item
from mergelaw.replication.dialing import Dialer
from mergelaw.replication.frames import (
    PROTOCOL,
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
    runs,
)
from mergelaw.replication.handshake import NONCE_BYTES, Identity, Refusal, Refusing
from mergelaw.replication.host import Entropy, Host, PeerInfo, Randomness, Settings, Stats
from mergelaw.replication.link import Link, State
from mergelaw.replication.membership import Address, Configuration, MembershipError, others
from mergelaw.replication.overview import info
from mergelaw.replication.reports import Reports
from mergelaw.replication.session import Session, Target, Wire
from mergelaw.replication.stability import Reported, Stability
from mergelaw.replication.sync import Inbound, Outbound, Source
from mergelaw.semantics.context import EMPTY, CausalContext

_NOT_FAULTS: Final = frozenset({Refusal.ANOTHER, Refusal.PAUSED, Refusal.STOPPED})
"""Refusals that are in order."""

_MESSAGES_AT_ONCE = 100


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
        self.configuration = configuration
        self.settings = settings
        self.clock = clock
        self.stats = Stats()
        """Without the bytes of the links of this moment; see `totals`."""
        self.backlog = Backlog(settings.backlog_bytes, host.received)
        self.stability = Stability(identity.id, cut, everywhere)
        self.reports = Reports(identity.id, host, settings, clock, self.stability)
        self.paused = False
        self.stopped = True
        self.live: dict[int, Session] = {}
        """The live links, by peer."""
        self.synced_with: set[int] = set()
        """Members all of whose effects are here that they had when we linked; since the start."""
        self.on_dial: Callable[[Target], None] = _nothing
        """Told to connect; `connected` or `dial_failed` is to follow."""
        self.on_work: Callable[[], None] = _nothing
        """Told that `work` has something to do."""
        self._entropy = entropy
        self._dialer = Dialer(identity.id, settings, randomness, seeds, routes or {})
        self._sessions: dict[Session, None] = {}
        self._source = Source(host, self.backlog, settings, self.stats, identity.id)
        self._inbound = Inbound(host, settings, self.stats)
        self._joining = joining or not configuration.version
        self._joined_ms: float | None = None

    # -- what others ask ---------------------------------------------------------------------------

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

    @property
    def sessions(self) -> list[Session]:
        """All links, also those that do not live yet."""
        return list(self._sessions)

    @property
    def writable(self) -> bool:
        """Whether clients may write: not while the instance joins, nor once it was removed."""
        if self.expelled:
            return False
        if self._joining and self._is_in_sync():
            self._joining = False
        return not self._joining

    def _is_in_sync(self) -> bool:
        if self.replica not in self.configuration.members:
            return False
        now = self._now()
        if self._joined_ms is None:
            self._joined_ms = now
        if self.synced_with.issuperset(self.members):
            return True
        reachable_done = all(session.synced for session in self.live.values())
        return bool(self.synced_with) and reachable_done and now - self._joined_ms >= self.settings.join_grace_ms

    def peers(self) -> list[PeerInfo]:
        """All other members, ascending, and how it stands with them."""
        now, wall, known = self._now(), self.clock.now_ms(), self._dialer.targets
        self._dialer.follow(self.configuration)
        return [
            info(self._source, known[peer], self.live.get(peer), paused=self.paused, now_ms=now, wall_ms=wall)
            for peer in self.members
        ]

    def totals(self) -> Stats:
        """The counts, with those of the links of this moment."""
        totals = replace(self.stats, refusals=dict(self.stats.refusals))
        for session in self._sessions:
            _count(session.link, totals)
        return totals

    def ask(self) -> int:
        """Asks all peers for a report; returns the serial that `known_everywhere` takes."""
        serial = self.reports.ask(self.live.values())
        for session in list(self.live.values()):
            self._flush(session)
        return serial

    def known_everywhere(self, serial: int) -> CausalContext | None:
        """All that any member has, as reported since `ask` returned `serial`; None while a report is missing."""
        return self.reports.known(self.members, self.live, serial)

    def all_have(self, wanted: CausalContext) -> bool:
        """Whether we have `wanted`, and all members say so too."""
        return self.reports.all_have(self.members, self.live, wanted)

    def _now(self) -> float:
        return self.clock.monotonic_us() / 1000

    # -- effects of ours ---------------------------------------------------------------------------

    def preload(self, effect: Effect, data: bytes) -> None:
        """An effect of before the restart, from disk, in order, which `received` holds: peers may lack it."""
        self._append(effect, data)
        self.backlog.gone = self.backlog.gone - CausalContext.from_runs([(effect.origin, effect.first, effect.last)])

    def broadcast(self, data: bytes, effect: Effect) -> None:
        """An effect of ours, committed here; `data` is it, encoded. It is sent by the next `work`."""
        self._append(effect, data)
        if self.live:
            self.on_work()

    def _append(self, effect: Effect, data: bytes) -> None:
        self.backlog.append(Item(effect.origin, effect.first, effect.last, effect.time_ms, data))

    # -- wires -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Dials all members."""
        self.stopped = False
        self.host.configured(self.configuration)
        self._dialer.follow(self.configuration)
        self._dial()

    def stop(self) -> None:
        """Ends all links, in order."""
        self.stopped = True
        for session in self.sessions:
            self._end(session, Refusal.STOPPED)

    def pause(self) -> None:
        """Stops sending and receiving: ends all links, and makes none until `resume`. What came unread comes again."""
        if not self.paused:
            self.paused = True
            for session in self.sessions:
                self._end(session, Refusal.PAUSED)

    def resume(self) -> None:
        """Dials all members at once."""
        if self.paused:
            self.paused = False
            self._dialer.hurry(self.live)
            self._dial()

    def accepted(self, wire: Wire) -> Session:
        """Somebody has connected."""
        session = self._session(wire, None)
        unproved = sum(not s.link.proved and not s.link.dialed for s in self._sessions)
        if self.paused:
            self._end(session, Refusal.PAUSED)
        elif self.stopped:
            self._end(session, Refusal.STOPPED)
        elif unproved > self.settings.unproved_max:
            self._end(session, Refusal.BUSY)
        return session

    def connected(self, wire: Wire, target: Target) -> Session:
        """A dial has succeeded."""
        session = self._session(wire, target)
        if self.paused or self.stopped or (target.peer is not None and target.peer in self.live):
            self._end(session, Refusal.PAUSED if self.paused else Refusal.ANOTHER)
        else:
            self._flush(session)
        return session

    def _session(self, wire: Wire, target: Target | None) -> Session:
        link = Link(
            self.identity,
            self.settings,
            dialed=target is not None,
            expected=None if target is None else target.peer,
            nonce=self._entropy(NONCE_BYTES),
            now_ms=self._now(),
        )
        session = Session(link, wire, target)
        self._sessions[session] = None
        return session

    def dial_failed(self, target: Target, error: str) -> None:
        """A dial has failed."""
        target.busy = False
        target.error = error
        self._dialer.back_off(target, self._now())

    def lost(self, session: Session, why: str) -> None:
        """The wire is gone."""
        session.link.lost(why)
        self._closed(session)

    def congested(self, session: Session, congested: bool) -> None:
        """The wire takes no more for now, or takes more again."""
        if session.out is not None:
            session.out.congested = congested
            if not congested:
                self.on_work()

    def _dial(self) -> None:
        if not (self.paused or self.stopped or self.expelled):
            for target in self._dialer.due(self._now(), self.live):
                self.on_dial(target)

    def _end(self, session: Session, code: Refusal, detail: str = "", *, tell: bool = False) -> None:
        """Ends a link, and tells the peer why; with `tell` what the configuration is."""
        session.link.refuse(code, detail, self.configuration.settled() if tell else None)
        self._closed(session)

    def _flush(self, session: Session) -> None:
        data = session.link.output()
        if data:
            session.wire.write(data)
        if session.link.closing is not None:
            self._closed(session)

    def _closed(self, session: Session) -> None:
        """The link is over: what is left of it is written, and whoever waited for it goes on."""
        if session not in self._sessions:
            return
        del self._sessions[session]
        link, now = session.link, self._now()
        data = link.output()
        if data:
            session.wire.write(data)
        session.wire.close()
        _count(link, self.stats)
        if link.code is not None:
            self.stats.refusals[link.code.value] = self.stats.refusals.get(link.code.value, 0) + 1
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

    # -- what comes --------------------------------------------------------------------------------

    def receive(self, session: Session, data: bytes) -> None:
        """`data` came over the wire; `process` looks at it."""
        session.link.receive(data, self._now())

    def process(self, session: Session) -> bool:
        """Works on what came, one batch or chunk, so that clients are served in between; True if there is more."""
        link = session.link
        more = True
        for _ in range(_MESSAGES_AT_ONCE):
            message = link.next()
            if link.state in (State.MEETING, State.MET) and not session.said_hello:
                self._say_hello(session)
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
        self._flush(session)
        return more and link.state is not State.CLOSED

    def _take(self, session: Session, message: Message) -> None:
        """Raises: FrameError, for what no peer sends."""
        now = self._now()
        match message:
            case Batch():
                self._apply(session, message)
            case Report():
                if self.reports.take(session, message):
                    self.on_work()
            case Ping():
                self.reports.pinged(session, message)
            case Hello():
                self._meet(session, message)
            case Refused():
                if message.settled is not None:
                    self._learn(Configuration.of(message.settled))
            case Synced():
                self._synced(session)
            case Spread():
                self._told(session, Configuration.of(message.settled))
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

    def _apply(self, session: Session, batch: Batch) -> None:
        """Effects of a peer. Raises: FrameError, if one is none, or cannot be applied."""
        host, stats, configuration, waiting = self.host, self.stats, self.configuration, self._source.waiting
        wall = self.clock.now_ms()
        relays = False
        for origin, last, data in batch.effects:
            stats.effects_in += 1
            session.effects_in += 1
            identity = origin, last
            if identity in waiting or identity in host.received:
                stats.effects_filtered += 1
                continue
            try:
                effect = host.decode(data)
            except ValueError as error:
                raise FrameError(f"no effect: {error}") from None
            if effect.identity != identity:
                raise FrameError(f"an effect is called {origin}.{last} and is another")
            if origin not in configuration.members and origin not in configuration.removed:
                raise FrameError(f"an effect of instance {origin}, which is no member")
            try:
                applied = host.incoming_effect(effect, data)
            except ValueError as error:
                raise Refusing(Refusal.EFFECT, str(error)) from None
            self._append(effect, data)
            relays |= self.settings.causal
            if effect.origin == session.link.peer:
                session.ingress_lag_ms = max(0, wall - effect.time_ms)
            if not applied:
                waiting.add(identity)
            elif waiting:
                waiting.difference_update(done.identity for done in applied)
        if relays:
            self.on_work()

    def _merged(self, begun: Begin) -> None:
        """A snapshot has been taken over."""
        self.backlog.forget(context(begun.received))
        self.stability.adopt(context(begun.cut))
        waiting = self._source.waiting
        waiting.difference_update([dot for dot in waiting if dot in self.host.received])
        self.on_work()

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
        self.synced_with.add(peer)
        self.host.synced(peer, session.hello_received)

    # -- meeting -----------------------------------------------------------------------------------

    def _say_hello(self, session: Session) -> None:
        session.said_hello = True
        own = self.reports.own()
        session.link.send(
            Hello(
                self.identity.database,
                self.replica,
                self.identity.run,
                PROTOCOL,
                self.configuration.settled(),
                runs(own.received),
                runs(own.durable),
                runs(own.cut),
            )
        )

    def _meet(self, session: Session, hello: Hello) -> None:
        """Decides on a link whose two sides have proved themselves. Raises: FrameError."""
        theirs = Configuration.of(hello.settled)
        session.config_version = theirs.version
        if theirs.version == self.configuration.version:
            self._learn(theirs)
            if session.link.state is not State.MET:
                return
        verdict = judge(hello, theirs, self.configuration, self.identity)
        if verdict.behind:
            session.link.leave("our configuration was older than the peer's")
            self._learn(theirs)
        elif verdict.refusal is not None:
            self._end(session, verdict.refusal, verdict.detail, tell=verdict.tell)
        elif self._prevails(session, hello):
            self._go_live(session, hello)

    def _prevails(self, session: Session, hello: Hello) -> bool:
        """Whether a new link is to live beside an older one to the same peer, which then is ended."""
        peer = hello.id
        old = self.live.get(peer)
        if old is None:
            return True
        if old.run != hello.run:
            # Another process under the same id, or the same instance started again: then its old link shows no life.
            refusal, detail = Refusal.DUPLICATE, f"instance {peer} is linked already, by another process"
        elif not replaces(self.replica, peer, old_dialed=old.link.dialed, new_dialed=session.link.dialed):
            refusal, detail = Refusal.ANOTHER, ""
        else:
            self._end(old, Refusal.ANOTHER)
            return True
        old.link.challenge(self._now())
        self.reports.ping(old)
        self._flush(old)
        self._end(session, refusal, detail)
        return False

    def _go_live(self, session: Session, hello: Hello) -> None:
        received, durable, cut = context(hello.received), context(hello.durable), context(hello.cut)
        session.run = hello.run
        session.reported = Reported(received, durable, cut)
        session.hello_received = received
        session.link.go_live(self._now())
        session.out = Outbound(self._source, session.link, received, cut)
        self.live[hello.id] = session
        self.stability.report(hello.id, session.reported)
        self.stats.links += 1
        target = self._dialer.targets.get(hello.id)
        if target is not None:
            target.error = ""
        self.on_work()

    # -- configuration -----------------------------------------------------------------------------

    def _learn(self, theirs: Configuration) -> bool:
        """Takes over what is new in a peer's configuration; whether anything was."""
        if not self.configuration.version and self.replica not in theirs.members and self.replica not in theirs.removed:
            # Nobody has added us yet.
            return False
        merged = self.configuration.merge(theirs)
        if merged == self.configuration:
            return False
        self.configure(merged)
        return True

    def _told(self, session: Session, theirs: Configuration) -> None:
        session.config_version = theirs.version
        if not self._learn(theirs) and theirs != self.configuration:
            session.link.send(Spread(self.configuration.settled()))

    def configure(self, configuration: Configuration) -> None:
        """From now on `configuration` holds: it is kept, peers are told, and removed ones are cut off."""
        self.configuration = configuration
        self.host.configured(configuration)
        if self._joined_ms is None and self.replica in configuration.members:
            self._joined_ms = self._now()
        for peer in configuration.removed:
            self.stability.forget(peer)
            self.synced_with.discard(peer)
        told = configuration.settled()
        for peer, session in list(self.live.items()):
            session.link.send(Spread(told))
            gone = self.replica if self.expelled else peer
            if gone in configuration.removed:
                self._end(session, Refusal.REMOVED, f"instance {gone}", tell=True)
            else:
                self._flush(session)
        self._dialer.follow(configuration)
        self._dialer.hurry(self.live)
        self._dial()

    def add(self, replica: int, address: Address, *, force: bool = False) -> None:
        """Makes `replica` a member, which listens for peers at `address` (("", 0): it dials the others).

        Raises: MembershipError, if there is or was one of that id; without `force` also if a member is not linked.
        """
        changed = self.configuration.with_member(replica, address)
        if not force:
            self._all_linked()
        self.configure(changed)

    def remove(self, replica: int, *, force: bool = False) -> None:
        """Removes `replica` for good. Raises: MembershipError, if it is no member.

        Without `force` also if a member is not linked, or something of `replica` has not reached all: try again.
        """
        changed = self.configuration.without_member(replica)
        if not force:
            self._all_linked()
            if not self.reports.all_have_of(replica, self.live):
                raise MembershipError(f"not all instances have received all that instance {replica} wrote")
        self.configure(changed)

    def move(self, address: Address) -> None:
        """This instance listens for peers at `address` from now on; they are told."""
        if self.replica in self.configuration.members:
            moved = self.configuration.with_address(self.replica, address)
            if moved is not self.configuration:
                self.configure(moved)

    def _all_linked(self) -> None:
        missing = ", ".join(str(member) for member in self.members if member not in self.live)
        if missing:
            raise MembershipError(f"not linked to instance {missing}; all have to be, unless it is forced")

    # -- work and time -----------------------------------------------------------------------------

    def work(self) -> bool:
        """Sends a slice of what is to be sent on each link; True if there is more that can be sent at once."""
        more = False
        for session in list(self.live.values()):
            out = session.out
            if out is not None and out.ready:
                more |= out.pump()
            self._flush(session)
        return more

    def tick(self) -> None:
        """Time has passed: every 25 ms or so."""
        now = self._now()
        stalled = self._inbound.stalled(now)
        for session in self.sessions:
            session.link.tick(now)
            if session.link is stalled:
                session.link.refuse(Refusal.SILENT, "the snapshot does not go on")
            self._flush(session)
        self.reports.tick(list(self.live.values()), self.configuration.members)
        for session in list(self.live.values()):
            self._flush(session)
        if any(session.out is not None and session.out.ready for session in self.live.values()):
            self.on_work()
        self._dial()


def _count(link: Link, stats: Stats) -> None:
    stats.bytes_in += link.bytes_in
    stats.bytes_out += link.bytes_out
    stats.expanded_in += link.expanded_in
    stats.expanded_out += link.expanded_out


def _nothing(*_: object) -> None:
    return None

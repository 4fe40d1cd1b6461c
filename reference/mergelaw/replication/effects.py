"""The way of effects: our own to the backlog, those of peers to the host, and what a snapshot brought."""

from __future__ import annotations

from mergelaw.clock.clock import Clock
from mergelaw.replica.model import Effect
from mergelaw.replication.backlog import Item
from mergelaw.replication.frames import Batch, Begin, FrameError, context
from mergelaw.replication.handshake import Refusal, Refusing
from mergelaw.replication.links import Links
from mergelaw.replication.session import Session
from mergelaw.replication.sync import Source
from mergelaw.semantics.context import CausalContext


class Effects:
    """Everything that is to be passed on goes to the backlog of `source`."""

    def __init__(self, source: Source, links: Links, clock: Clock) -> None:
        self._source = source
        self._links = links
        self._clock = clock

    def preload(self, effect: Effect, data: bytes) -> None:
        """An effect of before the restart, which `received` holds: peers may lack it."""
        backlog = self._source.backlog
        self._append(effect, data)
        backlog.gone = backlog.gone - CausalContext.from_runs([(effect.origin, effect.first, effect.last)])

    def broadcast(self, data: bytes, effect: Effect) -> None:
        """An effect of ours, encoded as `data`."""
        self._append(effect, data)
        if self._links.live:
            self._links.on_work()

    def _append(self, effect: Effect, data: bytes) -> None:
        self._source.backlog.append(Item(effect.origin, effect.first, effect.last, effect.time_ms, data))

    def take(self, session: Session, batch: Batch) -> None:
        """Effects of a peer. Raises: FrameError, if one is none, or cannot be applied."""
        source, configuration = self._source, self._links.configuration
        host, stats, waiting = source.host, source.stats, source.waiting
        wall = self._clock.now_ms()
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
            relays |= source.settings.causal
            if effect.origin == session.link.peer:
                session.ingress_lag_ms = max(0, wall - effect.time_ms)
            if not applied:
                waiting.add(identity)
            elif waiting:
                waiting.difference_update(done.identity for done in applied)
        if relays:
            self._links.on_work()

    def merged(self, begun: Begin) -> None:
        """A snapshot has been taken over."""
        self._source.backlog.forget(context(begun.received))
        waiting = self._source.waiting
        waiting.difference_update([dot for dot in waiting if dot in self._source.host.received])
        self._links.on_work()

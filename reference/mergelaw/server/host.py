"""What replication sees of the instance: the database, and what of it is on disk."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mergelaw.clock.clock import Clock
from mergelaw.replica.codec import encode_context, encode_effect
from mergelaw.replica.database import Database
from mergelaw.replica.model import Effect
from mergelaw.replication.adapter import DatabaseHost, Outgoing
from mergelaw.replication.frames import Settled
from mergelaw.replication.membership import Configuration
from mergelaw.semantics.context import CausalContext
from mergelaw.server.storage.store import Store

_encode = msgspec.msgpack.Encoder().encode
_decode_settled = msgspec.msgpack.Decoder(Settled).decode


class InstanceHost(DatabaseHost):
    """A database with a disk."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        store: Store,
        *,
        configuration: Configuration,
        cut: CausalContext,
        everywhere: CausalContext,
    ) -> None:
        super().__init__(db, clock)
        self._store = store
        self.configuration = configuration
        self.cut = self._durable_cut = cut
        self.everywhere = everywhere
        self.durable_received: CausalContext = db.received
        """What a crash cannot take from us."""
        self.on_snapshot: Callable[[], None] = _ignore
        """Told before a snapshot is taken for a peer: what is not yet an effect is to become one."""
        self.on_applied: Callable[[Effect], None] = _ignore
        """Told of each effect of another instance, or of our own past, that is applied."""
        self.on_merged: Callable[[], None] = _ignore
        """Told when a snapshot of a peer was taken over: the disk needs a whole one of ours."""
        self.on_synced: Callable[[int], None] = _ignore
        """Told of each peer all of whose effects of before are here."""
        self.on_configured: Callable[[Configuration], None] = _ignore
        if configuration.members:
            db.set_members(configuration.members)

    def durable(self) -> CausalContext:
        """What a crash cannot take from us."""
        return self.durable_received

    def durable_cut(self) -> CausalContext:
        """The cut, where a crash cannot take it from us."""
        return self._durable_cut

    def cut_is_durable(self, cut: CausalContext) -> None:
        """The disk has it."""
        self._durable_cut = self._durable_cut | cut

    def applied(self, effect: Effect, data: bytes | None) -> None:
        """The effect goes to the log."""
        self._store.append(encode_effect(effect, self.db.engines) if data is None else data)
        self.on_applied(effect)

    def snapshot(self) -> Outgoing:
        """A snapshot of this moment."""
        self.on_snapshot()
        return super().snapshot()

    def merged(self, received: CausalContext, released: list[Effect]) -> None:
        """The effects that waited go to the log; what the snapshot brought, to a snapshot of ours."""
        super().merged(received, released)
        self.on_merged()

    def stable(self, cut: CausalContext, everywhere: CausalContext) -> None:
        """The cuts have grown."""
        super().stable(cut, everywhere)
        self._store.note("cut", encode_context(cut))
        self._store.note("everywhere", encode_context(everywhere))

    def configured(self, configuration: Configuration) -> None:
        """The members have changed."""
        super().configured(configuration)
        self._store.note("configuration", encode_configuration(configuration))
        self.on_configured(configuration)

    def synced(self, peer: int, received: CausalContext) -> None:
        """All that `peer` had is here."""
        self.on_synced(peer)


def encode_configuration(configuration: Configuration) -> bytes:
    """A configuration, for the disk."""
    return _encode(configuration.settled())


def decode_configuration(data: bytes | None) -> Configuration | None:
    """What `encode_configuration` wrote; None of None. Raises: ValueError."""
    return None if data is None else Configuration.of(_decode_settled(data))


def _ignore(*told: object) -> None:
    pass

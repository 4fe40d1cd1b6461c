"""What replication needs from the instance that it works for, and what it is set to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from mergelaw.replica.model import Effect
from mergelaw.replication.membership import Configuration
from mergelaw.semantics.context import CausalContext


class Outgoing(Protocol):
    """A consistent snapshot of an instance, taken when it was made."""

    seen: CausalContext
    received: CausalContext
    cut: CausalContext
    size: int
    """How many keys, about."""

    def chunks(self, max_bytes: int) -> Iterator[bytes]:
        """All of it, piece by piece, of about `max_bytes`; each is made when it is asked for."""
        ...


class Incoming(Protocol):
    """A snapshot that is coming in.

    Service goes on meanwhile, effects are applied, and nothing of the snapshot shows before its end.
    """

    def feed(self, data: bytes) -> None:
        """The next chunk. Raises: ValueError, if it is none."""
        ...

    def finish(self) -> list[Effect]:
        """All chunks are there: it is merged in; returns effects that waited for it and are applied now."""
        ...

    def abort(self) -> None:
        """The link is gone: nothing came."""
        ...


class Host(Protocol):
    """The instance. Its methods are called from the event loop, none of them waits."""

    @property
    def received(self) -> CausalContext:
        """Dots of the effects applied here."""
        ...

    def durable(self) -> CausalContext:
        """Those of them that a crash cannot take from us; all of them where nothing is kept on disk."""
        ...

    def durable_cut(self) -> CausalContext:
        """The cut as last told by `stable`, once a crash cannot take it from us."""
        ...

    def decode(self, data: bytes) -> Effect:
        """The effect that a peer encoded. Raises: ValueError, if it is none."""
        ...

    def incoming_effect(self, effect: Effect, data: bytes) -> list[Effect]:
        """Applies an effect of another instance, or one of our own that a crash took; `data` is it, encoded.

        Returns those applied now. Raises: ValueError, if it cannot be applied, ever.
        """
        ...

    def snapshot(self) -> Outgoing:
        """A snapshot of this moment: all that clients were told is done is in it, and in `received` from then on."""
        ...

    def incoming(self, seen: CausalContext, received: CausalContext, cut: CausalContext) -> Incoming:
        """A peer's snapshot begins. Raises: ValueError, if it is behind what was collected here."""
        ...

    def stable(self, cut: CausalContext, everywhere: CausalContext) -> None:
        """What is known to be held for good by every instance, and what every instance knows to be so, has grown."""
        ...

    def configured(self, configuration: Configuration) -> None:
        """The configuration has changed: keep it, and look anew at whether clients may write."""
        ...

    def settle(self) -> bool:
        """Some work is done on snapshots that came in, a few ms of it; True if more is left."""
        ...

    def synced(self, peer: int, received: CausalContext) -> None:
        """All that `peer` had, when the two linked, is here; `received` is what it had received."""
        ...


@dataclass(slots=True)
class Settings:
    """How replication behaves. Times are ms."""

    level: int = 3
    """Compression of what is sent, 0 (none) to 6."""
    causal: bool = False
    """Whether effects are applied after what their origins had received; then instances relay each other's."""
    backlog_bytes: int = 64 * 1024 * 1024
    message_max_bytes: int = 1024 * 1024 * 1024
    """Greatest batch (one effect may be as large as its value) or chunk."""
    batch_bytes: int = 32 * 1024
    """Batches are closed above this size."""
    chunk_bytes: int = 16 * 1024
    """Size of the chunks of a snapshot, about."""
    chunks_ahead: int = 8
    """How many chunks may be on their way."""
    report_ms: int = 50
    """Reports follow each other no faster."""
    heartbeat_ms: int = 1_000
    """Nor slower."""
    dead_ms: int = 10_000
    """A peer that says nothing for so long is gone."""
    handshake_ms: int = 5_000
    """Time for a peer to prove itself."""
    challenge_ms: int = 1_000
    """Time for an old link to give a sign of life, when a new one would take its place."""
    stall_ms: int = 30_000
    """Time for the next chunk of a snapshot."""
    repair_ms: int = 2_000
    """When a peer has lacked an effect of a third instance for so long, we send it."""
    backoff_min_ms: int = 50
    backoff_max_ms: int = 5_000
    """Pauses between attempts to connect; they double, and vary by half."""
    join_grace_ms: int = 10_000
    """A new instance takes writes once it has synced with all members, or after this time with all it can reach."""
    unproved_max: int = 64
    """Links that have not proved themselves; more are closed."""


@dataclass(slots=True)
class Stats:
    """Counts since the start."""

    full_syncs_in: int = 0
    full_syncs_out: int = 0
    partial_ok: int = 0
    """Syncs of ours, when linking, that the peer's backlog sufficed for."""
    partial_err: int = 0
    """Those for which it did not."""
    chunks_in: int = 0
    chunks_out: int = 0
    effects_in: int = 0
    effects_out: int = 0
    effects_filtered: int = 0
    """Came though they were here already."""
    effects_relayed: int = 0
    """Of other instances, sent on; among `effects_out`."""
    bytes_in: int = 0
    bytes_out: int = 0
    """On the wire."""
    expanded_in: int = 0
    expanded_out: int = 0
    """Without compression."""
    links: int = 0
    """That came to life."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Links refused or closed by us, by reason."""


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """What is known of another instance."""

    id: int
    address: tuple[str, int] | None
    state: str
    """down, connecting, syncing (either way), live, paused."""
    dialed: bool | None
    """Whether we made the link; None: there is none."""
    config_version: int | None
    ops_lag: int
    """Our effects' dots that it has not reported."""
    lag_ms: int
    """Age of the oldest of them; 0: none."""
    ingress_lag_ms: int
    """Age at which its last effect arrived, by both wall clocks."""
    round_trip_ms: float | None
    last_heard_ms: int | None
    """Time since anything came."""
    received: CausalContext | None
    durable: CausalContext | None
    cut: CausalContext | None
    effects_in: int
    effects_out: int
    bytes_in: int
    bytes_out: int
    expanded_in: int
    expanded_out: int
    error: str
    """Why there is no link, or why the last one ended."""


Randomness = Callable[[], float]
"""Uniform in [0, 1); for jitter."""
Entropy = Callable[[int], bytes]
"""So many random bytes that nobody can foresee; for nonces."""

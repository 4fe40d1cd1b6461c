"""What the hub keeps of each link, and of each instance that it dials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from mergelaw.replication.link import Link
from mergelaw.replication.membership import Address
from mergelaw.replication.stability import Reported
from mergelaw.replication.sync import Outbound
from mergelaw.semantics.context import EMPTY, CausalContext

_NOTHING = Reported(EMPTY, EMPTY, EMPTY)


class Wire(Protocol):
    """A connection; the end of it is told to the hub by `lost`."""

    def write(self, data: bytes) -> None:
        """Sends, or keeps for sending."""
        ...

    def close(self) -> None:
        """Closes it once all is sent."""
        ...


@dataclass(slots=True)
class Target:
    """Somebody to dial, and what was counted on all its links that are over."""

    peer: int | None
    """None: whoever answers; for an instance that wants to join."""
    address: Address | None
    """None: not known, the peer has to dial."""
    attempts: int = 0
    next_ms: float = 0.0
    """When it may be dialed again."""
    busy: bool = False
    """It is being dialed, or a link that we dialed is there."""
    error: str = ""
    """Why there is no link, or why the last one ended."""
    reported: Reported | None = None
    """What it reported last."""
    ingress_lag_ms: int = 0
    effects_in: int = 0
    effects_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    expanded_in: int = 0
    expanded_out: int = 0

    def add(self, session: Session) -> None:
        """`session` is over."""
        link = session.link
        self.bytes_in += link.bytes_in
        self.bytes_out += link.bytes_out
        self.expanded_in += link.expanded_in
        self.expanded_out += link.expanded_out
        self.effects_in += session.effects_in
        if session.out is not None:
            self.effects_out += session.out.effects
            self.reported = session.reported
            self.ingress_lag_ms = session.ingress_lag_ms


@dataclass(slots=True, eq=False)
class Session:
    """A link and all that goes with it."""

    link: Link
    wire: Wire
    target: Target | None
    """Whom we dialed; None: the peer dialed us."""
    out: Outbound | None = None
    """Once the link lives."""
    said_hello: bool = False
    run: bytes = b""
    """Which process the peer is."""
    config_version: int = 0
    """Of the peer, as it last said."""
    hello_received: CausalContext = EMPTY
    """What the peer had when the two linked."""
    hello_cut: CausalContext = EMPTY
    """Its cut then."""
    synced: bool = False
    """Whether all of that is here."""
    needed_full: bool = False
    """Whether the peer's backlog did not reach back to it."""
    reported: Reported = field(default=_NOTHING)
    """What the peer last said it has."""
    fresh: int = 0
    """Serial of the newest ping that a report answered."""
    pinged: int = 0
    """Serial of the oldest ping not answered; 0: none."""
    pinged_ms: float = 0.0
    round_trip_ms: float | None = None
    wall_ms: int = 0
    """The peer's clock in its last report."""
    echo: int = 0
    """Serial of the peer's last ping."""
    retired: int | None = None
    """Since the peer says that it takes no writes: serial of the ping whose report tells all that it has issued."""
    told: Reported = field(default=_NOTHING)
    """What we last reported."""
    told_ms: float = 0.0
    lacking: CausalContext = EMPTY
    """Effects of third instances that the peer has lacked since `lacking_ms`."""
    lacking_ms: float = 0.0
    effects_in: int = 0
    ingress_lag_ms: int = 0

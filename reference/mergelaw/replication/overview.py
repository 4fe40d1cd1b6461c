"""What is shown of the peers."""

from __future__ import annotations

from mergelaw.replication.host import PeerInfo
from mergelaw.replication.session import Session, Target
from mergelaw.replication.stability import Reported
from mergelaw.replication.sync import Source
from mergelaw.semantics.context import CausalContext


def info(
    source: Source, target: Target, session: Session | None, *, paused: bool, now_ms: float, wall_ms: int
) -> PeerInfo:
    """How it stands with the member `target`, whose live link is `session`, by our two clocks."""
    assert target.peer is not None
    link = None if session is None else session.link
    out = None if session is None else session.out
    reported = target.reported if session is None else session.reported
    ops, lag = _lag(source, session, reported, wall_ms)
    return PeerInfo(
        id=target.peer,
        address=target.address,
        state=_state(target, session, paused=paused),
        dialed=None if link is None else link.dialed,
        config_version=None if session is None else session.config_version,
        ops_lag=ops,
        lag_ms=lag,
        ingress_lag_ms=target.ingress_lag_ms if session is None else session.ingress_lag_ms,
        round_trip_ms=None if session is None else session.round_trip_ms,
        last_heard_ms=None if link is None else int(now_ms - link.heard_ms),
        received=None if reported is None else reported.received,
        durable=None if reported is None else reported.durable,
        cut=None if reported is None else reported.cut,
        effects_in=target.effects_in + (0 if session is None else session.effects_in),
        effects_out=target.effects_out + (0 if out is None else out.effects),
        bytes_in=target.bytes_in + (0 if link is None else link.bytes_in),
        bytes_out=target.bytes_out + (0 if link is None else link.bytes_out),
        expanded_in=target.expanded_in + (0 if link is None else link.expanded_in),
        expanded_out=target.expanded_out + (0 if link is None else link.expanded_out),
        error=target.error,
    )


def _state(target: Target, session: Session | None, *, paused: bool) -> str:
    if paused:
        return "paused"
    if session is None or session.out is None:
        return "connecting" if target.busy else "down"
    return "live" if session.synced and not session.out.syncing else "syncing"


def _lag(source: Source, session: Session | None, reported: Reported | None, wall_ms: int) -> tuple[int, int]:
    """Our dots that it has not confirmed, and the age of the oldest such effect that the backlog has."""
    if session is not None and session.out is not None:
        return session.out.lag(wall_ms)
    if reported is None:
        return len(_own(source, source.host.received)), 0
    missing = _own(source, source.host.received - reported.received)
    if missing:
        for item in source.backlog.read(source.backlog.start, len(source.backlog)):
            if item.origin == source.replica and (item.origin, item.last) in missing:
                return len(missing), max(0, wall_ms - item.time_ms)
    return len(missing), 0


def _own(source: Source, context: CausalContext) -> CausalContext:
    return CausalContext.from_runs(run for run in context.runs if run[0] == source.replica)

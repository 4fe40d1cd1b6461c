"""Whether a link whose two sides have proved themselves is to live."""

from __future__ import annotations

from dataclasses import dataclass

from mergelaw.replication.frames import PROTOCOL, Hello
from mergelaw.replication.handshake import Identity, Refusal
from mergelaw.replication.membership import Configuration


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a link."""

    refusal: Refusal | None = None
    """Why it is refused; None: it is not."""
    detail: str = ""
    tell: bool = False
    """Whether the peer is to get our configuration with the refusal."""
    behind: bool = False
    """Our own configuration is the older one: the peer refuses us for it, and we come again with its own."""


def judge(hello: Hello, theirs: Configuration, ours: Configuration, identity: Identity) -> Verdict:
    """What the peer's hello means for the link. `theirs` is the configuration in it.

    Where both versions are the same, `ours` has already been merged with `theirs`.
    """
    peer = hello.id
    if hello.database != identity.database:
        return Verdict(Refusal.DATABASE)
    if hello.protocol != PROTOCOL:
        return Verdict(Refusal.PROTOCOL, f"this instance speaks version {PROTOCOL}")
    if hello.run == identity.run:
        return Verdict(Refusal.DUPLICATE, "the peer is this process")
    if peer in ours.removed:
        return Verdict(Refusal.REMOVED, f"instance {peer}", tell=True)
    if theirs.version > ours.version:
        return Verdict(behind=True)
    if peer not in ours.members:
        return Verdict(Refusal.UNKNOWN, f"instance {peer} is not in the configuration")
    if theirs.version < ours.version:
        return Verdict(Refusal.STALE, f"version {theirs.version}, here it is {ours.version}", tell=True)
    return Verdict()


def replaces(replica: int, peer: int, *, old_dialed: bool, new_dialed: bool) -> bool:
    """Whether a new link of `replica` (us) to `peer` takes the place of a live one, between the same two processes.

    `old_dialed`, `new_dialed`: whether we dialed it. The link that the smaller id dialed survives; both sides come to
    that by themselves, in whichever order they meet the links. One that the same side dialed again replaces: it would
    not have dialed if its old one lived.
    """
    return old_dialed == new_dialed or new_dialed == (replica < peer)

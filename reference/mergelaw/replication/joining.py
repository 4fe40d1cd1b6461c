"""The way into the database, for an instance that is new or has lost its data.

It takes no writes before it has what the members had, and their cuts. A cut says more than that all hold something:
whatever was made without it has come. That is so here too once all is here that its instance had received when it had
that cut. An instance that wrote without the cut of the others could write beside what all of them have dropped.

Source: `stores.md`, rules 6 and 16.
"""

from __future__ import annotations

from mergelaw.replication.host import Host
from mergelaw.replication.links import Links
from mergelaw.replication.session import Session
from mergelaw.replication.stability import Stability
from mergelaw.semantics.context import CausalContext


class Joining:
    """Whether the instance is in sync, and what it takes over from its peers until then."""

    def __init__(self, links: Links, host: Host, stability: Stability, grace_ms: int, *, joining: bool) -> None:
        """`joining`: it is on its way. After `grace_ms` as a member it waits only for those that can be reached."""
        self.synced_with: set[int] = set()
        """Members all of whose effects are here that they had when we linked; since the start."""
        self._links = links
        self._host = host
        self._stability = stability
        self._grace_ms = grace_ms
        self._joining = joining
        self._member_since_ms: float | None = None
        self._cuts: list[tuple[CausalContext, CausalContext]] = []
        """Of peers: what they had received, and their cuts; not all of the former is here."""

    def is_member(self) -> None:
        """The instance is one of the members."""
        if self._member_since_ms is None:
            self._member_since_ms = self._links.now_ms()

    def synced(self, session: Session, peer: int) -> None:
        """`peer` has sent all that it had when the two linked."""
        self.synced_with.add(peer)
        if self._joining:
            self._cuts.append((session.hello_received, session.hello_cut))
            self._adopt_what_is_covered()

    def adopt(self, cut: CausalContext) -> None:
        """All is here that the instance of that cut had received: its cut is ours."""
        if self._stability.adopt(cut):
            self._host.stable(self._stability.cut, self._stability.everywhere)

    def _adopt_what_is_covered(self) -> None:
        """Effects may wait here for others when all was sent; what they wait for comes from another peer."""
        received = self._host.received
        covered = [cut for had, cut in self._cuts if had <= received]
        self._cuts = [(had, cut) for had, cut in self._cuts if not had <= received]
        for cut in covered:
            self.adopt(cut)

    @property
    def done(self) -> bool:
        """Whether the instance is in sync, now or before."""
        if self._joining and self._is_in_sync():
            self._joining = False
            self._cuts.clear()
        return not self._joining

    def _is_in_sync(self) -> bool:
        if self._links.replica not in self._links.configuration.members:
            return False
        self.is_member()
        assert self._member_since_ms is not None
        self._adopt_what_is_covered()
        if not self._cuts and self.synced_with.issuperset(self._links.members):
            return True
        reachable_done = all(session.synced for session in self._links.live.values())
        waited = self._links.now_ms() - self._member_since_ms >= self._grace_ms
        return bool(self.synced_with) and reachable_done and waited

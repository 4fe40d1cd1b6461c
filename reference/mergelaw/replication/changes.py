"""Changes of the configuration: those made here, and those that peers tell of.

An instance is removed in two steps, so that nothing is lost that it told clients is done. First it is retired: the
configuration says so, and once it knows it refuses writes and says that it does. What it reports from then on is all
that it will ever have issued. When all instances have that, it is removed. In between it can be kept after all; it
takes writes again once all that it is linked to know that, for one of them might remove it else.
"""

from __future__ import annotations

from mergelaw.replication.frames import Spread
from mergelaw.replication.handshake import Refusal
from mergelaw.replication.host import Host
from mergelaw.replication.joining import Joining
from mergelaw.replication.links import Links
from mergelaw.replication.membership import Address, Configuration, MembershipError
from mergelaw.replication.reports import Reports
from mergelaw.replication.session import Session
from mergelaw.replication.stability import Stability


class Changes:
    """Sets the configuration of `links`."""

    def __init__(self, links: Links, host: Host, stability: Stability, reports: Reports, joining: Joining) -> None:
        self._links = links
        self._host = host
        self._stability = stability
        self._reports = reports
        self._joining = joining
        self._kept_version = 0
        """The configuration that says that we are kept after all, while peers may not know; 0: none."""

    @property
    def takes_writes(self) -> bool:
        """Whether the configuration lets clients write here: not once this instance is removed, or to be."""
        links = self._links
        if links.expelled or links.configuration.retiring(links.replica):
            return False
        if any(session.config_version < self._kept_version for session in links.live.values()):
            return False
        self._kept_version = 0
        return True

    # -- told by peers -----------------------------------------------------------------------------

    def learn(self, theirs: Configuration) -> bool:
        """Takes over what is new in a peer's configuration; whether anything was."""
        ours, replica = self._links.configuration, self._links.replica
        if not ours.version and replica not in theirs.members and replica not in theirs.removed:
            # Nobody has added us yet.
            return False
        merged = ours.merge(theirs)
        if merged == ours:
            return False
        self.configure(merged)
        return True

    def told(self, session: Session, theirs: Configuration) -> None:
        """A peer tells on a live link what its configuration is."""
        session.config_version = theirs.version
        assert session.link.peer is not None
        if not theirs.retiring(session.link.peer):
            session.retired = None
        elif session.retired is None:
            session.retired = self._reports.ask([session])
        if not self.learn(theirs) and theirs != self._links.configuration:
            session.link.send(Spread(self._links.configuration.settled()))

    def configure(self, configuration: Configuration) -> None:
        """From now on `configuration` holds: it is kept, peers are told, and removed ones are cut off."""
        links, replica = self._links, self._links.replica
        before, links.configuration = links.configuration, configuration
        self._host.configured(configuration)
        if configuration.retiring(replica) and not before.retiring(replica):
            # A snapshot holds all that clients were told is done: the host has made effects of it.
            self._host.snapshot()
        elif before.retiring(replica) and not configuration.retiring(replica):
            self._kept_version = configuration.version
        if replica in configuration.members:
            self._joining.is_member()
        for peer in configuration.removed:
            self._stability.forget(peer)
            self._joining.synced_with.discard(peer)
        told = configuration.settled()
        for peer, session in list(links.live.items()):
            session.link.send(Spread(told))
            gone = replica if links.expelled else peer
            if gone in configuration.removed:
                links.end(session, Refusal.REMOVED, f"instance {gone}", tell=True)
            else:
                links.flush(session)
        links.follow(hurry=True)

    # -- made here ---------------------------------------------------------------------------------

    def add(self, replica: int, address: Address, *, force: bool) -> None:
        """See `Hub.add`."""
        configuration = self._links.configuration
        if configuration.retiring(replica):
            self.configure(configuration.with_retiring(replica, False).with_address(replica, address))
            return
        changed = configuration.with_member(replica, address)
        if not force:
            self._all_linked()
        self.configure(changed)

    def retire(self, replica: int) -> None:
        """See `Hub.retire`."""
        self._change(self._links.configuration.with_retiring(replica, True))

    def keep(self, replica: int) -> None:
        """See `Hub.keep`."""
        self._change(self._links.configuration.with_retiring(replica, False))

    def remove(self, replica: int, *, force: bool) -> None:
        """See `Hub.remove`."""
        self._links.configuration.without_member(replica)
        if not force:
            self.retire(replica)
            self._all_linked()
            if not self._is_quiet(replica):
                raise MembershipError(
                    f"instance {replica} was told to take no more writes, and has not said what it has issued; "
                    "try again in a moment"
                )
            if not self._reports.all_have_of(replica, self._links.live):
                raise MembershipError(
                    f"not all instances have received all that instance {replica} wrote; try again in a moment"
                )
        self.configure(self._links.configuration.without_member(replica))

    def move(self, address: Address) -> None:
        """See `Hub.move`."""
        if self._links.replica in self._links.configuration.members:
            self._change(self._links.configuration.with_address(self._links.replica, address))

    def _change(self, changed: Configuration) -> None:
        if changed is not self._links.configuration:
            self.configure(changed)

    def _is_quiet(self, replica: int) -> bool:
        """Whether `replica` takes no writes, and has reported since."""
        if replica == self._links.replica:
            return self._links.configuration.retiring(replica)
        session = self._links.live.get(replica)
        return session is not None and session.retired is not None and session.fresh >= session.retired

    def _all_linked(self) -> None:
        missing = ", ".join(str(member) for member in self._links.members if member not in self._links.live)
        if missing:
            raise MembershipError(f"not linked to instance {missing}; all have to be, unless it is forced")

"""The moment when two instances have proved themselves: what they tell each other, and whether the link lives."""

from __future__ import annotations

from mergelaw.replication.admission import judge, replaces
from mergelaw.replication.changes import Changes
from mergelaw.replication.frames import PROTOCOL, Hello, context, runs
from mergelaw.replication.handshake import Refusal
from mergelaw.replication.link import State
from mergelaw.replication.links import Links
from mergelaw.replication.membership import Configuration
from mergelaw.replication.reports import Reports
from mergelaw.replication.session import Session
from mergelaw.replication.stability import Reported
from mergelaw.replication.sync import Outbound, Source


class Meeting:
    """Hellos out and in."""

    def __init__(self, links: Links, changes: Changes, reports: Reports, source: Source) -> None:
        self._links = links
        self._changes = changes
        self._reports = reports
        self._source = source

    def greet(self, session: Session) -> None:
        """Says hello, once."""
        session.said_hello = True
        identity = self._links.identity
        own = self._reports.own()
        session.link.send(
            Hello(
                identity.database,
                identity.id,
                identity.run,
                PROTOCOL,
                self._links.configuration.settled(),
                runs(own.received),
                runs(own.durable),
                runs(own.cut),
            )
        )

    def meet(self, session: Session, hello: Hello) -> None:
        """Decides on a link whose two sides have proved themselves. Raises: FrameError."""
        links = self._links
        theirs = Configuration.of(hello.settled)
        session.config_version = theirs.version
        if theirs.version == links.configuration.version:
            self._changes.learn(theirs)
            if session.link.state is not State.MET:
                return
        verdict = judge(hello, theirs, links.configuration, links.identity)
        if verdict.behind:
            session.link.leave("our configuration was older than the peer's")
            self._changes.learn(theirs)
        elif verdict.refusal is not None:
            links.end(session, verdict.refusal, verdict.detail, tell=verdict.tell)
        elif self._prevails(session, hello):
            self._go_live(session, hello, theirs)

    def _prevails(self, session: Session, hello: Hello) -> bool:
        """Whether a new link is to live beside an older one to the same peer, which then is ended."""
        links, peer = self._links, hello.id
        old = links.live.get(peer)
        if old is None:
            return True
        if old.run != hello.run:
            # Another process under the same id, or the same instance started again: then its old link shows no life.
            refusal, detail = Refusal.DUPLICATE, f"instance {peer} is linked already, by another process"
        elif not replaces(links.replica, peer, old_dialed=old.link.dialed, new_dialed=session.link.dialed):
            refusal, detail = Refusal.ANOTHER, ""
        else:
            links.end(old, Refusal.ANOTHER)
            return True
        old.link.challenge(links.now_ms())
        self._reports.ping(old)
        links.flush(old)
        links.end(session, refusal, detail)
        return False

    def _go_live(self, session: Session, hello: Hello, theirs: Configuration) -> None:
        received, durable, cut = context(hello.received), context(hello.durable), context(hello.cut)
        session.run = hello.run
        session.reported = Reported(received, durable, cut)
        session.hello_received = received
        session.hello_cut = cut
        # One that takes no writes says in its hello all that it has issued.
        session.retired = 0 if theirs.retiring(hello.id) else None
        session.link.go_live(self._links.now_ms())
        session.out = Outbound(self._source, session.link, received, cut)
        self._reports.stability.report(hello.id, session.reported)
        self._links.went_live(session, hello.id)

"""Whom to dial, and when: exponential backoff, with jitter so that a restart does not make all dial at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mergelaw.replication.host import Randomness, Settings
from mergelaw.replication.membership import Address, Configuration, others
from mergelaw.replication.session import Target


class Dialer:
    """The instances to be linked to. Times are ms of a monotonic clock."""

    def __init__(
        self,
        replica: int,
        settings: Settings,
        randomness: Randomness,
        seeds: Iterable[Address],
        routes: Mapping[int, Address],
    ) -> None:
        """For instance `replica`. `seeds` are dialed while no configuration is known, `routes` go before addresses."""
        self.targets: dict[int, Target] = {}
        """The other members."""
        self._replica = replica
        self._settings = settings
        self._random = randomness
        self._seeds = [Target(None, address) for address in seeds]
        self._routes = dict(routes)
        self._joined = False

    def follow(self, configuration: Configuration) -> None:
        """From now on the members of `configuration` are dialed."""
        members = list(others(configuration, self._replica))
        self._joined = configuration.version > 0
        for peer in list(self.targets):
            if peer not in members:
                del self.targets[peer]
        for peer in members:
            address = self._routes.get(peer) or configuration.address(peer)
            target = self.targets.setdefault(peer, Target(peer, address))
            if target.address != address:
                target.address = address
                target.next_ms = 0.0

    def hurry(self, linked: Collection[int]) -> None:
        """All that are not `linked` are to be dialed at once."""
        for target in (*self.targets.values(), *self._seeds):
            if target.peer not in linked:
                target.attempts = 0
                target.next_ms = 0.0

    def back_off(self, target: Target, now_ms: float, *, afresh: bool = False) -> None:
        """There is no link: it is dialed later, the later the more often that has failed (`afresh`: never yet)."""
        if afresh:
            target.attempts = 0
        settings = self._settings
        base = min(settings.backoff_max_ms, settings.backoff_min_ms * 2 ** min(target.attempts, 20))
        target.attempts += 1
        target.next_ms = now_ms + base * (0.5 + self._random())

    def due(self, now_ms: float, linked: Collection[int]) -> list[Target]:
        """Who is to be dialed now; each counts as busy from now on."""
        candidates = self.targets.values() if self._joined else self._seeds
        due = [
            target
            for target in candidates
            if target.address is not None
            and not target.busy
            and target.next_ms <= now_ms
            and (target.peer is None or target.peer not in linked)
        ]
        for target in due:
            target.busy = True
        return due

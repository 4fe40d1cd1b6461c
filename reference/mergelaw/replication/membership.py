"""Who takes part: the configuration of the database, and how it changes.

The configuration is itself a small replicated value: members and removed ids only grow, and who was removed is no
member. So changes made at two instances at once come together, whoever hears of which first. Each change raises the
version; an instance with an older version is refused until it has taken over the newer one.

A member may be retiring: it takes no writes, so that all of its effects can reach the others before it is removed.
Retiring and being kept after all take turns, which are counted; the higher count prevails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mergelaw.replica.model import MAX_REPLICA
from mergelaw.replication.frames import FrameError, Member, Settled

Address = tuple[str, int]
"""Host and port."""


class MembershipError(Exception):
    """A change of the configuration that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Members and removed instances; immutable."""

    version: int = 0
    """Raised by every change; 0: nothing is known yet, the instance wants to join."""
    members: Mapping[int, tuple[Address, int]] = field(default_factory=dict)
    """Id -> where it listens for peers (("", 0): not known), and the version that said so."""
    removed: frozenset[int] = frozenset()
    """Ids that never come back."""
    turns: Mapping[int, int] = field(default_factory=dict)
    """Id of a member -> how often it was retired or kept; odd: it is retiring. Without those of no turn."""

    @staticmethod
    def first(members: Mapping[int, Address]) -> Configuration:
        """The configuration that a new database starts with: version 1. All its instances are given the same ids."""
        for replica in members:
            _check(replica)
        return Configuration(1, {replica: (members[replica], 1) for replica in sorted(members)})

    def address(self, replica: int) -> Address | None:
        """Where `replica` listens for peers; None if it is no member or that is not known."""
        known = self.members.get(replica)
        return known[0] if known is not None and known[0][1] else None

    def retiring(self, replica: int) -> bool:
        """Whether `replica` is a member that takes no writes, since it is to be removed."""
        return self.turns.get(replica, 0) % 2 == 1

    def with_retiring(self, replica: int, retiring: bool) -> Configuration:
        """With a member that is to be removed, or is kept after all; itself where it is so already.

        Raises: MembershipError, if it is no member.
        """
        if replica not in self.members:
            raise MembershipError(f"instance {replica} is no member")
        if self.retiring(replica) == retiring:
            return self
        turns = {**self.turns, replica: self.turns.get(replica, 0) + 1}
        return replace(self, version=self.version + 1, turns=turns)

    def with_member(self, replica: int, address: Address) -> Configuration:
        """With one member more. Raises: MembershipError, if there is or was one of that id."""
        _check(replica)
        if replica in self.removed:
            raise MembershipError(f"instance {replica} was removed; a new instance needs a new id")
        if replica in self.members:
            raise MembershipError(f"instance {replica} is a member already")
        version = self.version + 1
        return replace(self, version=version, members=_sorted({**self.members, replica: (address, version)}))

    def without_member(self, replica: int) -> Configuration:
        """With `replica` removed, for good. Raises: MembershipError, if it is no member."""
        if replica not in self.members:
            raise MembershipError(f"instance {replica} is no member")
        members = {other: known for other, known in self.members.items() if other != replica}
        turns = {other: turn for other, turn in self.turns.items() if other != replica}
        return Configuration(self.version + 1, members, self.removed | {replica}, turns)

    def with_address(self, replica: int, address: Address) -> Configuration:
        """With a member at another address; itself where it is there already. Raises: MembershipError."""
        if replica not in self.members:
            raise MembershipError(f"instance {replica} is no member")
        if self.members[replica][0] == address:
            return self
        version = self.version + 1
        return replace(self, version=version, members=_sorted({**self.members, replica: (address, version)}))

    def merge(self, other: Configuration) -> Configuration:
        """What both say; commutative. Its version is the greater one, or above it where that does not say it all."""
        if not other.version:
            return self
        if not self.version:
            return other
        removed = self.removed | other.removed
        members: dict[int, tuple[Address, int]] = {}
        for replica in sorted({*self.members, *other.members} - removed):
            known = [c.members[replica] for c in (self, other) if replica in c.members]
            members[replica] = max(known, key=lambda k: (k[1], k[0]))
        turns = {
            replica: max(c.turns.get(replica, 0) for c in (self, other))
            for replica in members
            if replica in self.turns or replica in other.turns
        }
        version = max(self.version, other.version)
        greatest = [c for c in (self, other) if c.version == version]
        if any((c.members, c.removed, c.turns) != (members, removed, turns) for c in greatest):
            version += 1
        return Configuration(version, members, removed, turns)

    def settled(self) -> Settled:
        """As messages carry it."""
        members = tuple(
            Member(replica, known[0], known[1], self.turns.get(replica, 0))
            for replica, known in sorted(self.members.items())
        )
        return Settled(self.version, members, tuple(sorted(self.removed)))

    @staticmethod
    def of(settled: Settled) -> Configuration:
        """What a message says. Raises: FrameError, if it is no configuration."""
        ids = [member.id for member in settled.members]
        if ids != sorted(set(ids)) or list(settled.removed) != sorted(set(settled.removed)):
            raise FrameError("a configuration names an instance twice, or out of order")
        if not set(ids).isdisjoint(settled.removed):
            raise FrameError("a configuration has a removed instance as a member")
        if any(member.since > settled.version for member in settled.members):
            raise FrameError("a configuration knows of later changes")
        if not settled.version and (ids or settled.removed):
            raise FrameError("a configuration without version names instances")
        return Configuration(
            settled.version,
            {member.id: (member.address, member.since) for member in settled.members},
            frozenset(settled.removed),
            {member.id: member.turn for member in settled.members if member.turn},
        )


def _check(replica: int) -> None:
    if not 1 <= replica <= MAX_REPLICA:
        raise MembershipError(f"an instance id is in 1..{MAX_REPLICA}, not {replica}")


def _sorted(members: Mapping[int, tuple[Address, int]]) -> dict[int, tuple[Address, int]]:
    return dict(sorted(members.items()))


def others(configuration: Configuration, replica: int) -> Iterable[int]:
    """The members beside `replica`, ascending."""
    return (other for other in sorted(configuration.members) if other != replica)

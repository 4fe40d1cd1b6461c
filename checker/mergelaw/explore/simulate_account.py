"""What must hold in a simulation, and the account of writes that it is judged by."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import replace

from mergelaw.explore.durable import contents
from mergelaw.explore.model import Violation
from mergelaw.explore.simulate_instance import SimulatedInstance
from mergelaw.laws.model import Shown
from mergelaw.replica.database import Database
from mergelaw.replica.model import Effect
from mergelaw.replication.handshake import Refusal
from mergelaw.semantics.context import EMPTY, CausalContext, Dot

_REMEMBERED = 256
"""So many states are kept, by what was received."""


_ACCUSATIONS = frozenset({Refusal.LIES.value, Refusal.EFFECT.value, Refusal.SECRET.value, Refusal.IDENTITY.value})


class Violated(Exception):
    """A check does not hold."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(f"{violation.check}: {violation.because}")
        self.violation = violation


class Account:
    """All effects of one run, and what follows from them. All methods but `same` raise Violated."""

    def __init__(self, *, always: bool) -> None:
        """`always`: a write is acknowledged once it is durable."""
        self.always = always
        self.effects: dict[Dot, Effect] = {}
        """All that were made, by identity."""
        self.before: dict[Dot, CausalContext] = {}
        """What the origin had received before."""
        self.void: CausalContext = EMPTY
        """Dots that were declared void."""
        self.acknowledged: dict[int, CausalContext] = {}
        """Of each instance, the dots of writes that it told clients are done."""
        self.stable: CausalContext = EMPTY
        """What any instance has taken to be held everywhere for good."""
        self.applied = 0
        """Deliveries: effects applied at another instance than made them, or again after a crash."""
        self._last: dict[int, int] = {}
        self._states: OrderedDict[CausalContext, tuple[Hashable, int]] = OrderedDict()

    # -- as it happens -----------------------------------------------------------------------------

    def wrote(self, instance: SimulatedInstance, effect: Effect, everybody: Iterable[SimulatedInstance]) -> None:
        """An instance has made an effect."""
        own = CausalContext.from_runs([(effect.origin, effect.first, effect.last)])
        if not effect.parts:
            self.void = self.void | own
            for other in everybody:
                if other is not instance and other.db.received & own:
                    raise Violated(
                        Violation("void", f"{own} is declared void, and instance {other.replica} holds some of it")
                    )
            return
        if effect.first <= self._last.get(effect.origin, 0):
            raise Violated(Violation("dots", f"an instance takes dots of {own} for the second time"))
        self._last[effect.origin] = effect.last
        self.effects[effect.identity] = effect
        self.before[effect.identity] = instance.db.received - own

    def received(self, instance: SimulatedInstance, effect: Effect) -> None:
        """An instance has applied an effect that came."""
        self.applied += 1
        if effect.parts and self.void and effect.identity in self.void:
            raise Violated(Violation("void", f"{effect.origin}.{effect.last} is applied though it was declared void"))
        if effect.after is not None and not effect.after <= instance.db.received:
            raise Violated(
                Violation(
                    "causal order", f"{effect.origin}.{effect.last} is applied before what its origin had received"
                )
            )

    def told(self, effect: Effect) -> None:
        """A client was told that its write is done."""
        if not effect.parts:
            return
        own = CausalContext.from_runs([(effect.origin, effect.first, effect.last)])
        self.acknowledged[effect.origin] = self.acknowledged.get(effect.origin, EMPTY) | own

    def restarted(self, instance: SimulatedInstance) -> None:
        """An instance has started again."""
        if self.always:
            lost = self.acknowledged.get(instance.replica, EMPTY) - instance.db.received
            if lost:
                raise Violated(Violation("durability", f"a crash took acknowledged writes: {lost}"))

        taken = self.stable - instance.db.received
        if taken and not instance.seeds:
            raise Violated(
                Violation(
                    "stability", f"a crash took {taken} from instance {instance.replica}, which is held to be stable"
                )
            )

    def cut(
        self,
        instance: SimulatedInstance,
        cut: CausalContext,
        everywhere: CausalContext,
        everybody: Iterable[SimulatedInstance],
    ) -> None:
        """An instance takes `cut` to be stable, and `everywhere` to be known as such everywhere."""
        everybody = list(everybody)
        self.stable = self.stable | cut
        for member in everybody:
            if not member.running or not member.hub.writable:
                # One that joins is not yet asked.
                continue
            if not cut <= member.host.received:
                missing = cut - member.host.received
                raise Violated(
                    Violation(
                        "stability",
                        f"instance {instance.replica} takes {missing} to be stable, and {member.replica} lacks it",
                    )
                )
            if not everywhere <= member.hub.stability.cut:
                raise Violated(
                    Violation(
                        "stability", f"instance {member.replica} does not know what is said to be known everywhere"
                    )
                )
        if self.always:
            mine = instance.db.received
            # What no running instance holds a crash may have taken.
            held = [member.db.received for member in everybody if member.running]
            for identity, before in self.before.items():
                if (
                    identity not in mine
                    and not cut <= before
                    and identity not in self.void
                    and any(identity in received for received in held)
                ):
                    made = f"{identity[0]}.{identity[1]}"
                    raise Violated(
                        Violation(
                            "stability",
                            f"{made} is on its way to an instance, made without what that one takes to be stable",
                        )
                    )

    def faithful(self, instances: Iterable[SimulatedInstance]) -> None:
        """Nobody takes an honest peer for a liar."""
        for instance in instances:
            for code in _ACCUSATIONS & instance.hub.stats.refusals.keys():
                told = "; ".join(peer.error for peer in instance.hub.peers() if peer.error)
                raise Violated(
                    Violation("protocol", f"instance {instance.replica} refuses an honest peer: {code} ({told})")
                )

    # -- now and then ------------------------------------------------------------------------------

    def compare(self, instances: Iterable[SimulatedInstance]) -> None:
        """The same received: the same state, now and in the recent past."""
        for instance in instances:
            db = instance.db
            if not db.settled:
                continue
            held: Hashable = (shown(db), db.seen)
            known = self._states.get(db.received)
            if known is None:
                self._states[db.received] = held, instance.replica
                if len(self._states) > _REMEMBERED:
                    self._states.popitem(last=False)
            elif known[0] != held:
                raise Violated(_differ(known[0], known[1], held, instance.replica))
            if not db.received <= db.seen:
                raise Violated(Violation("seen", f"instance {db.replica} has received what it has not seen"))
            if db.size != sum(entry.content != "none" for entry in db.keys.values()):
                raise Violated(Violation("size", f"instance {db.replica} does not count its keys right"))

    def ended(self, instances: list[SimulatedInstance]) -> None:
        """All faults are over and nothing is on its way: everybody holds the same, and all that was acknowledged."""
        self.compare(instances)
        first = instances[0]
        for other in instances[1:]:
            if other.db.received != first.db.received:
                lacking = (first.db.received - other.db.received) | (other.db.received - first.db.received)
                raise Violated(
                    Violation(
                        "liveness", f"instances {first.replica} and {other.replica} do not come together: {lacking}"
                    )
                )
        if self.always:
            told = EMPTY
            for dots in self.acknowledged.values():
                told = told | dots
            if not told <= first.db.received - self.void:
                raise Violated(
                    Violation(
                        "durability", f"acknowledged writes are nowhere: {told - (first.db.received - self.void)}"
                    )
                )
        self._replay(first)

    def _replay(self, instance: SimulatedInstance) -> None:
        """What all hold is what the effects alone give, in the order of their identities."""
        db = instance.db
        fresh = Database(db.replica % 4095 + 1, db.engines)
        for identity, effect in sorted(self.effects.items()):
            if identity in db.received and identity not in self.void:
                fresh.receive(replace(effect, after=None), 0)
        if shown(fresh) != shown(db):
            raise Violated(_differ(shown(fresh), 0, shown(db), db.replica))


def shown(db: Database) -> Hashable:
    """What the keys hold, and which of its stores each one shows."""
    return contents(db), tuple((key, entry.store, entry.content) for key, entry in sorted(db.keys.items()))


def _differ(left: object, one: int, right: object, other: int) -> Violation:
    where = f"instance {one}" if one else "the effects, merged one by one"
    return Violation(
        "convergence",
        f"instance {other} has received the same as {where} and holds something else",
        (Shown(where, f"{left!r:.2000}"), Shown(f"instance {other}", f"{right!r:.2000}")),
    )

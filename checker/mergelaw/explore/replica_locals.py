"""The states of single instances, interned: what an event does to one is computed once and then looked up.

A search meets the same few local states again and again, in ever new company. So the real code of the replica core runs
once for each pair of a local state and an event; the copy that it runs on is kept as the next local state, and the
checks that concern one instance are made there, once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from mergelaw.explore.model import Violation
from mergelaw.explore.replica_fork import UnknownAttribute
from mergelaw.explore.replica_instance import Image, Instance
from mergelaw.explore.replica_menu import EXPLORED, Call, Served
from mergelaw.explore.replica_oracle import Oracle
from mergelaw.laws.difference import differences
from mergelaw.laws.model import Shown
from mergelaw.replica.codec import encode_effect
from mergelaw.replica.model import Effect
from mergelaw.semantics.context import CausalContext, Run
from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.values import Raw

NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that travels: an effect, or a snapshot."""

    number: int
    data: bytes
    """Of an effect."""
    effect: Effect | None
    image: Image | None
    holds: frozenset[int]
    """The effects that it brings."""

    @property
    def name(self) -> str:
        """`1.3`, the identity of an effect; `snapshot`."""
        return "snapshot" if self.effect is None else f"{self.effect.origin}.{self.effect.last}"


@dataclass(frozen=True, slots=True)
class Ghost:
    """What the explorer knows of an instance, and the instance does not."""

    received: frozenset[int] = NONE
    """The effects that it has applied."""
    outbox: tuple[int, ...] = ()
    """Written, and not yet durable: with `always` neither sent nor acknowledged."""
    acknowledged: frozenset[int] = NONE
    """Its own writes that clients were told of; kept only where it may crash."""
    issued: frozenset[int] = NONE
    """All effects that it ever made; kept only where it may crash."""
    unlinked: frozenset[int] = NONE
    """Peers that it has not been linked with since it restarted."""
    awaited: tuple[tuple[int, frozenset[int]], ...] = ()
    """What peers had when they linked, where some of it is still to come."""
    made: int = 0
    """How many writes clients have asked for here."""


@dataclass(eq=False, slots=True)
class Local:
    """One state of one instance."""

    number: int
    instance: Instance
    ghost: Ghost
    waiting: frozenset[int]
    """Effects that arrived and wait for others."""
    value: Raw
    """Of the key that is explored."""
    contents: int
    """A number for all that it holds: equal iff the same."""
    violation: Violation | None
    results: dict[Hashable, Result] = field(default_factory=dict)
    calls: tuple[Call, ...] | None = None

    @property
    def has(self) -> frozenset[int]:
        """What it may send."""
        ghost = self.ghost
        held = ghost.received | self.waiting
        return held - frozenset(ghost.outbox) if ghost.outbox else held


@dataclass(frozen=True, slots=True)
class Result:
    """What an event does."""

    local: int
    """The next state; -1: the event is not possible."""
    sent: tuple[int, ...] = ()
    """Letters to all peers."""


_REFUSED = Result(-1)


def failure(error: Exception) -> Violation:
    """What an instance raised, and where."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f", in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}"
    return Violation("failure", f"an instance fails: {type(error).__name__}: {error}{where}")


class Locals:
    """All local states of one system, and the letters between them."""

    def __init__(self, served: Served, replicas: int, *, causal: bool, crashes: bool, always: bool, most: int) -> None:
        """`crashes`: disks matter. `always`: appendfsync. `most`: how many calls are tried in a state."""
        self.served = served
        self.replicas = replicas
        self.crashes = crashes
        self.always = always
        self.most = most
        self.oracle = Oracle(served)
        self.letters: list[Letter] = []
        self.all: list[Local] = []
        self.executed = 0
        """How often the real code ran."""
        self._letter_numbers: dict[Hashable, int] = {}
        self._numbers: dict[Hashable, int] = {}
        self._contents: dict[Hashable, int] = {}
        self._by_received: dict[frozenset[int], int] = {}
        engines = served.engines()
        self.first = tuple(
            self._intern(Instance(replica, engines, causal=causal), Ghost(), None) for replica in range(1, replicas + 1)
        )

    # -- events ------------------------------------------------------------------------------------

    def calls(self, number: int) -> tuple[Call, ...]:
        """What clients can ask of a local state, without what is refused."""
        local = self.all[number]
        if local.calls is None:
            wanted = self.served.calls(local.instance.db, self.replicas, self.most)
            local.calls = tuple(call for call in wanted if self.write(number, call).local >= 0)
        return local.calls

    def write(self, number: int, call: Call) -> Result:
        """A client writes."""
        return self._once(number, call, lambda i: self._wrote(number, i, i.write((call,), self.served.store), 1))

    def reap(self, number: int, ms: int) -> Result:
        """The clock goes on by `ms`, and what has expired is deleted."""

        def event(instance: Instance) -> Result:
            instance.now_ms += ms
            return self._wrote(number, instance, instance.reap(), 0)

        return self._once(number, ("reap", ms), event)

    def collect(self, number: int) -> Result:
        """Cancelled counter parts are dropped."""
        return self._once(number, "collect", lambda i: self._wrote(number, i, i.collect(), 0))

    def step_clock(self, number: int, ms: int) -> Result:
        """The clock is set forward, or back."""

        def event(instance: Instance) -> Result:
            instance.now_ms += ms
            return self._next(instance, self.all[number].ghost)

        return self._once(number, ("clock", ms), event)

    def deliver(self, number: int, letter: int) -> Result:
        """A letter arrives."""

        def event(instance: Instance) -> Result:
            local, sent = self.all[number], self.letters[letter]
            known = {self.letters[n].effect.identity: n for n in local.waiting}  # type: ignore[union-attr]
            if sent.image is not None:
                applied = instance.take_over(sent.image)
                instance.settle()
            else:
                assert sent.effect is not None
                known[sent.effect.identity] = letter
                applied = instance.receive(sent.data)
            again = [e for e in applied if known.get(e.identity, -1) in local.ghost.received]
            brought = sent.holds if sent.image is not None else NONE
            received = local.ghost.received | brought | {known[e.identity] for e in applied if e.identity in known}
            twice = Violation("duplicates", f"{sent.name} is applied again, though it was received") if again else None
            return self._next(instance, replace(local.ghost, received=received), violation=twice)

        return self._once(number, ("deliver", letter), event)

    def persist(self, number: int) -> Result:
        """What was appended is durable; with `always`, it is sent and acknowledged now."""

        def event(instance: Instance) -> Result:
            ghost = self.all[number].ghost
            instance.disk.flush()
            acknowledged = ghost.acknowledged | frozenset(ghost.outbox) if self.always else ghost.acknowledged
            return self._next(instance, replace(ghost, outbox=(), acknowledged=acknowledged), ghost.outbox)

        return self._once(number, "persist", event)

    def save(self, number: int) -> Result:
        """A snapshot of its own takes the place of the log."""

        def event(instance: Instance) -> Result:
            ghost = self.all[number].ghost
            instance.save(ghost.received)
            return self._next(instance, ghost)

        return self._once(number, "save", event)

    def crash(self, number: int) -> Result:
        """The process ends and starts again."""

        def event(instance: Instance) -> Result:
            ghost = self.all[number].ghost
            saved = instance.disk.note if isinstance(instance.disk.note, frozenset) else NONE
            kept = saved | {self._letter_numbers[data] for data in instance.disk.log}
            instance.crash()
            peers = frozenset(range(1, self.replicas + 1)) - {instance.db.replica}
            after = Ghost(kept, (), ghost.acknowledged, ghost.issued, peers, (), ghost.made)
            lost = sorted(ghost.acknowledged - kept) if self.always else []
            return self._next(instance, after, violation=self._lost(lost) if lost else None)

        return self._once(number, "crash", event)

    def recover(self, number: int) -> Result:
        """All peers were synced with: what nobody holds is void."""

        def event(instance: Instance) -> Result:
            ghost = self.all[number].ghost
            declared = [self._letter(effect, None) for effect in instance.declare_void()]
            if not self.crashes:
                instance.disk.waiting = ()
            received = ghost.received | frozenset(declared)
            return self._next(instance, replace(ghost, received=received), tuple(declared))

        return self._once(number, "recover", event)

    def linked(self, number: int, peer: int, awaited: frozenset[int]) -> int:
        """The local state once `peer`, which has `awaited`, is linked with."""
        local = self.all[number]
        ghost = local.ghost
        if not self.crashes:
            return number
        others = tuple(a for a in ghost.awaited if a[0] != peer)
        now = replace(ghost, unlinked=ghost.unlinked - {peer}, awaited=(*others, (peer, awaited)))
        return self._intern(local.instance, now, local.violation)

    def image(self, number: int) -> int:
        """The letter that is a snapshot of a local state."""
        local = self.all[number]
        return self._letter(None, local.instance.image(), local.ghost.received)

    # -- results -----------------------------------------------------------------------------------

    def _once(self, number: int, event: Hashable, run: Callable[[Instance], Result]) -> Result:
        local = self.all[number]
        found = local.results.get(event)
        if found is None:
            self.executed += 1
            self.served.engine.runs.clear()
            try:
                found = run(local.instance.fork())
            except UpdateRefused:
                found = _REFUSED
            except UnknownAttribute:
                raise
            except Exception as error:
                # Whatever the real code raises is what the exploration is there to find.
                found = self._next(local.instance.fork(), local.ghost, violation=failure(error))
            local.results[event] = found
        return found

    def _wrote(self, number: int, instance: Instance, effect: Effect | None, clients: int) -> Result:
        """After a transaction of an instance: its effect is known, kept, and sent if it need not be durable first."""
        ghost = self.all[number].ghost
        if effect is None:
            return self._next(instance, ghost)
        violation = self._reused(effect, ghost)
        letter = self._letter(effect, None)
        delta, context = self.oracle.make(ghost.received, instance.db.replica, tuple(self.served.engine.runs))
        self.oracle.know(letter, (delta, context))
        (part,) = effect.parts
        if part.value != delta:
            violation = self._differs(
                "refinement", "an update made another delta than the evaluator", delta, part.value
            )
        elif effect.context != context:
            shown = Shown("evaluator", repr(context)), Shown("instance", repr(effect.context))
            violation = Violation("refinement", "an update forgets other dots than the evaluator", shown)
        made = replace(ghost, received=ghost.received | {letter}, made=ghost.made + clients)
        if not self.crashes:
            return self._next(instance, made, (letter,), violation)
        made = replace(made, issued=ghost.issued | {letter})
        if self.always:
            return self._next(instance, replace(made, outbox=(*ghost.outbox, letter)), (), violation)
        return self._next(instance, made, (letter,), violation)

    def _next(
        self, instance: Instance, ghost: Ghost, sent: tuple[int, ...] = (), violation: Violation | None = None
    ) -> Result:
        if not self.crashes:
            instance.disk.waiting = ()
        return Result(self._intern(instance, ghost, violation), sent)

    def _intern(self, instance: Instance, ghost: Ghost, violation: Violation | None) -> int:
        db = instance.db
        waiting = NONE
        if db.waiting:
            waiting = frozenset(
                self._letter_numbers[encode_effect(effect, db.engines)] for effect, _ in db._waiting.values()
            )
        if ghost.awaited:
            held = ghost.received | waiting
            ghost = replace(
                ghost,
                awaited=tuple(
                    sorted(
                        ((peer, missing) for peer, wanted in ghost.awaited if (missing := wanted - held)),
                        key=lambda a: a[0],
                    )
                ),
            )
        key = db.replica, instance.key(), ghost, violation is None
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.all)
            value, contents, wrong = self._judged(instance, ghost)
            self.all.append(Local(number, instance, ghost, waiting, value, contents, violation or wrong))
        return number

    def _letter(self, effect: Effect | None, image: Image | None, holds: frozenset[int] = NONE) -> int:
        data = b"" if effect is None else encode_effect(effect, self.served.engines())
        key: Hashable = data if effect is not None else (image, holds)
        number = self._letter_numbers.get(key)
        if number is None:
            number = self._letter_numbers[key] = len(self.letters)
            self.letters.append(Letter(number, data, effect, image, holds or frozenset({number})))
            if effect is not None and not effect.parts:
                self.oracle.know(number, None, effect.context)
        return number

    # -- checks ------------------------------------------------------------------------------------

    def _judged(self, instance: Instance, ghost: Ghost) -> tuple[Raw, int, Violation | None]:
        """The value of the explored key, the number of the contents, and what is wrong."""
        db, store = instance.db, self.served.store
        entry = db.entry(EXPLORED)
        held = None if entry is None else entry.component(store)
        value = self.served.engine.zero() if held is None else held
        whole: Hashable = (
            value,
            db.seen,
            len(db.keys),
            None if entry is None else (entry.store, entry.content, entry.others),
        )
        contents = self._contents.setdefault(whole, len(self._contents))
        return value, contents, self._wrong(instance, ghost, value, contents)

    def _wrong(self, instance: Instance, ghost: Ghost, value: Raw, contents: int) -> Violation | None:
        db = instance.db
        runs: list[Run] = []
        for number in ghost.received:
            effect = self.letters[number].effect
            assert effect is not None
            runs.append((effect.origin, effect.first, effect.last))
            if effect.after is not None and not effect.after <= db.received:
                return Violation(
                    "causal order", f"{self.letters[number].name} was applied before what its origin had received"
                )
        expected = CausalContext.from_runs(runs)
        if db.received != expected:
            return Violation(
                "received",
                "an instance counts other effects as received than it was given",
                (Shown("received", repr(db.received)), Shown("given", repr(expected))),
            )
        if not db.received <= db.seen:
            return Violation("seen", "an instance has received what it has not seen")
        known = self._by_received.setdefault(ghost.received, contents)
        spec, seen = self.oracle.state(ghost.received)
        if value != spec:
            check = "refinement" if known == contents else "convergence"
            return self._differs(
                check, "an instance holds another state than the spec gives for what it received", spec, value
            )
        if db.seen != seen:
            return Violation(
                "seen",
                "an instance has seen other dots than the effects that it received bring",
                (Shown("seen", repr(db.seen)), Shown("by the effects", repr(seen))),
            )
        if known != contents:
            return Violation("convergence", "two instances that received the same hold different keys")
        if db.size != sum(entry.content != "none" for entry in db.keys.values()):
            return Violation("size", "the number of keys is not counted right")
        return None

    def _differs(self, check: str, because: str, spec: Raw, held: Raw) -> Violation:
        served = self.served
        places = tuple(d.path or "the value" for d in differences(served.program, served.type, spec, held))
        shown = Shown("spec", served.show_value(spec)), Shown("instance", served.show_value(held))
        return Violation(check, because, shown, differs=places)

    def _reused(self, effect: Effect, ghost: Ghost) -> Violation | None:
        for number in ghost.issued:
            earlier = self.letters[number].effect
            assert earlier is not None
            if effect.first <= earlier.last and earlier.first <= effect.last:
                return Violation(
                    "dots", f"dots {effect.origin}.{effect.first} to {effect.origin}.{effect.last} name two effects"
                )
        return None

    def _lost(self, lost: list[int]) -> Violation:
        names = ", ".join(self.letters[n].name for n in lost)
        return Violation("durability", f"a crash took acknowledged writes: {names}")

"""The system on the spec level as it is: replicas, deltas on their way, one action at a time; nothing is reduced.

A replica has a *holding*: what it received, the state that this gave, the number of its next dot and its clock. A state
of the system is one integer: the numbers of the holdings side by side, and above them that of the deltas made so far.
A delta that was made may arrive anywhere at any time, or never, which covers loss, delay and partitions; a partition is
a time in which nothing arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mergelaw.explore.checks import Checks
from mergelaw.explore.model import ScenarioError, Step, Violation
from mergelaw.explore.tables import SHIFT, Request, Tables
from mergelaw.explore.violations import again, alone, diverged, frame
from mergelaw.explore.wording import called, changed
from mergelaw.laws.model import TimelineStep
from mergelaw.semantics.literals import LiteralError, read, show

_WIDTH = 24
_HOLDING = (1 << _WIDTH) - 1

Action = tuple[str, int, int, int]
"""(kind, replica, what, bit): `what` is an update's request or a sync's source, `bit` the update that it is about."""

FAULTS = {
    "reorder": "deltas overtake each other",
    "duplicate": "deltas arrive again",
    "drop": "deltas never arrive",
    "partition": "for a while nothing arrives",
    "sync": "replicas merge each other's whole states",
    "crash": "a replica keeps its own updates only",
    "clock": "clocks show any time, also an earlier one",
}
"""The faults on the spec level; `causal` is not one, but a promise of the network."""

COVERED = ("drop", "partition")
"""Faults that add no state: a delta may stay on its way for ever as it is."""


@dataclass(frozen=True)
class Setting:
    """What can happen."""

    updates: int
    faults: frozenset[str]
    causal: bool = False
    whole: bool = False
    """Replicas exchange whole states instead of deltas."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one replica has."""

    mask: int
    """The updates that it received; bit (replica - 1) * updates + n is the replica's n-th update, from 0."""
    state: int
    next: int
    """The number of its next dot."""
    clock: int
    """No clock may show less at its next update."""
    wrong: Violation | None = None
    """What went wrong in the last step to it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A delta that was made, as others need to know it."""

    delta: int
    when: int
    """The time of the update, where clocks run well; else 0."""
    saw: int
    """What its replica had received, under causal delivery; else 0."""


class Plain:
    """The system of one type; `model.System` with integers for states."""

    def __init__(
        self, tables: Tables, setting: Setting, checks: Checks, only: Mapping[int, Sent] | None = None
    ) -> None:
        """`only`: of each update's bit the delta that it must make; others are not made."""
        self.tables = tables
        self.setting = setting
        self.checks = checks
        self.replicas = tables.replicas
        self._only = only
        k = setting.updates
        self._own = [((1 << k) - 1) << (r * k) for r in range(self.replicas)]
        self.holdings: list[Holding] = []
        self._numbers: dict[Holding, int] = {}
        self._made: list[tuple[Sent | None, ...]] = []
        self._made_numbers: dict[tuple[Sent | None, ...], int] = {}
        nothing = self._making((None,) * (k * self.replicas))
        start = self._holding(Holding(0, tables.zero, 1, 0))
        self._initial = nothing << (_WIDTH * self.replicas)
        for r in range(self.replicas):
            self._initial |= start << (_WIDTH * r)
        self._options: dict[tuple[int, int], tuple[tuple[Action, Sent, int, int], ...]] = {}
        self._merges: dict[int, int] = {}
        self._arrivals: dict[tuple[int, Sent, int], int] = {}
        self._fine: set[int] = set()
        self._holdings_only = (1 << (_WIDTH * self.replicas)) - 1

    # -- numbers -----------------------------------------------------------------------------------

    def _holding(self, holding: Holding) -> int:
        number = self._numbers.get(holding)
        if number is None:
            number = self._numbers[holding] = len(self.holdings)
            self.holdings.append(holding)
        return number

    def _making(self, made: tuple[Sent | None, ...]) -> int:
        number = self._made_numbers.get(made)
        if number is None:
            number = self._made_numbers[made] = len(self._made)
            self._made.append(made)
        return number

    def held(self, state: int, replica: int) -> Holding:
        """What `replica`, from 1, has in a state."""
        return self.holdings[state >> (_WIDTH * (replica - 1)) & _HOLDING]

    def made(self, state: int) -> tuple[Sent | None, ...]:
        """The deltas made so far, by bit."""
        return self._made[state >> (_WIDTH * self.replicas)]

    def own(self, state: int, replica: int) -> int:
        """How many updates `replica`, from 1, has made."""
        return (self.held(state, replica).mask & self._own[replica - 1]).bit_count()

    def deliveries(self, state: int, replica: int) -> Iterator[Action]:
        """What can arrive at `replica` for the first time."""
        mask = self.held(state, replica).mask
        for bit, message in enumerate(self.made(state)):
            if message is not None and not mask >> bit & 1 and self._may_arrive(mask, bit, message):
                yield ("deliver", replica, 0, bit)

    # -- the system --------------------------------------------------------------------------------

    def initial(self) -> int:
        """The state in which nobody has anything."""
        return self._initial

    def key(self, state: int) -> int:
        """A state is its own key."""
        return state

    def actions(self, state: int) -> Iterable[Action]:
        """What can happen."""
        return (action for action, _ in self.successors(state))

    def successors(self, state: int) -> Iterator[tuple[Action, int]]:
        """All actions with the states after them."""
        setting = self.setting
        made_at = _WIDTH * self.replicas
        numbers = [state >> (_WIDTH * r) & _HOLDING for r in range(self.replicas)]
        own = [(self.holdings[n].mask & self._own[r]).bit_count() for r, n in enumerate(numbers)]
        may_update = sum(own) < setting.updates
        made = self._made[state >> made_at]
        for r, n in enumerate(numbers):
            shift = _WIDTH * r
            if may_update:
                for action, sent, bit, after in self._updates(n, r):
                    grown = state + ((after - n) << shift)
                    if not setting.whole:
                        now = self._making((*made[:bit], sent, *made[bit + 1 :]))
                        grown += (now - (state >> made_at)) << made_at
                    yield action, grown
            if setting.whole or "sync" in setting.faults:
                for q, other in enumerate(numbers):
                    if q != r:
                        yield ("sync", r + 1, q + 1, 0), state + ((self._sync(n, other) - n) << shift)
            if not setting.whole:
                mask = self.holdings[n].mask
                for bit, message in enumerate(made):
                    if message is None:
                        continue
                    if not mask >> bit & 1:
                        if self._may_arrive(mask, bit, message):
                            yield ("deliver", r + 1, 0, bit), state + ((self._arrive(n, message, bit) - n) << shift)
                    elif "duplicate" in setting.faults:
                        yield ("again", r + 1, 0, bit), state + ((self._arrive(n, message, bit) - n) << shift)
                if "crash" in setting.faults:
                    yield ("crash", r + 1, 0, 0), state + ((self._crash(n, r, made) - n) << shift)

    def step(self, state: int, action: Action) -> int:
        """The state after an action, also one with a request that is not among those tried."""
        kind, replica, what, bit = action
        r = replica - 1
        n = state >> (_WIDTH * r) & _HOLDING
        made_at = _WIDTH * self.replicas
        made = self._made[state >> made_at]
        if kind == "update":
            done = self._update(n, r, what)
            if done is None:
                raise ScenarioError(f"instance {replica}: the update is refused")
            _, sent, bit, after = done
            if not self.setting.whole:
                now = self._making((*made[:bit], sent, *made[bit + 1 :]))
                state += (now - (state >> made_at)) << made_at
        elif kind == "sync":
            after = self._sync(n, state >> (_WIDTH * (what - 1)) & _HOLDING)
        elif kind == "crash":
            after = self._crash(n, r, made)
        else:
            message = made[bit]
            assert message is not None
            after = self._arrive(n, message, bit)
        return state + ((after - n) << (_WIDTH * r))

    def _updates(self, n: int, r: int) -> tuple[tuple[Action, Sent, int, int], ...]:
        found = self._options.get((n, r))
        if found is None:
            h = self.holdings[n]
            earliest = 0 if "clock" in self.setting.faults else h.clock
            requests = self.tables.options(h.state, r + 1, h.next, earliest)
            done = (self._update(n, r, request) for request, _ in requests)
            found = self._options[n, r] = tuple(d for d in done if d is not None and self._wanted(d[2], d[1]))
        return found

    def _wanted(self, bit: int, sent: Sent) -> bool:
        if self._only is None:
            return True
        wanted = self._only.get(bit)
        return wanted is not None and wanted.delta == sent.delta and wanted.when == sent.when

    def _update(self, n: int, r: int, request: int) -> tuple[Action, Sent, int, int] | None:
        h = self.holdings[n]
        wanted = self.tables.requests[request]
        delta = self.tables.asked(h.state, wanted, r + 1, h.next)
        if delta is None:
            return None
        when = 0 if "clock" in self.setting.faults else wanted.when
        sent = Sent(delta, when, h.mask if self.setting.causal else 0)
        bit = r * self.setting.updates + (h.mask & self._own[r]).bit_count()
        wrong = next(self.checks.of_state(self.tables.messages[delta]), None) if self._ill(delta) else None
        after = self._received(h, sent, bit, self.tables.last_dot(delta) + 1, None if wrong is None else alone(wrong))
        return ("update", r + 1, request, bit), sent, bit, after

    def _ill(self, delta: int) -> bool:
        """Whether a delta by itself is not as it should be."""
        return not self.checks.state(self.tables.messages[delta])

    def _may_arrive(self, mask: int, bit: int, message: Sent) -> bool:
        if self.setting.causal:
            return not message.saw & ~mask
        if "reorder" in self.setting.faults:
            return True
        return bit % self.setting.updates == 0 or bool(mask >> (bit - 1) & 1)

    def _arrive(self, n: int, message: Sent, bit: int) -> int:
        key = (n, message, bit)
        found = self._arrivals.get(key)
        if found is None:
            h = self.holdings[n]
            found = self._arrivals[key] = self._received(h, message, bit, h.next)
        return found

    def _received(self, h: Holding, message: Sent, bit: int, following: int, wrong: Violation | None = None) -> int:
        """What comes of a holding by a delta; `following` is the number of its next dot then."""
        tables = self.tables
        state = tables.apply(h.state, message.delta)
        merged = tables.frame_faults.get(h.state << SHIFT | message.delta)
        if merged is not None:
            wrong = frame(tables, state, merged)
        elif h.mask >> bit & 1 and state != h.state:
            wrong = again(tables, h.state, state)
        return self._holding(Holding(h.mask | 1 << bit, state, following, max(h.clock, message.when), wrong))

    def _sync(self, n: int, other: int) -> int:
        key = n << _WIDTH | other
        found = self._merges.get(key)
        if found is None:
            h, theirs = self.holdings[n], self.holdings[other]
            state = self.tables.merge(h.state, theirs.state)
            found = self._merges[key] = self._holding(
                Holding(h.mask | theirs.mask, state, h.next, max(h.clock, theirs.clock))
            )
        return found

    def _crash(self, n: int, r: int, made: tuple[Sent | None, ...]) -> int:
        h = self.holdings[n]
        state = self.tables.zero
        k = self.setting.updates
        for bit in range(r * k, r * k + k):
            message = made[bit]
            if message is not None:
                state = self.tables.apply(state, message.delta)
        return self._holding(Holding(h.mask & self._own[r], state, h.next, h.clock))

    # -- checks ------------------------------------------------------------------------------------

    def fine(self, state: int) -> bool:
        """Whether all checks of a state hold; remembered for what they depend on."""
        if self.setting.whole:
            # Without deltas the holdings are the state, so there is nothing to remember beside it.
            return self.violation(state) is None
        part = state if self.checks.homes or self.checks.laws else state & self._holdings_only
        if part in self._fine:
            return True
        if self.violation(state) is not None:
            return False
        self._fine.add(part)
        return True

    def violation(self, state: int) -> Violation | None:
        """The first check that fails in a state."""
        return next(self._violations(state), None)

    def _violations(self, state: int) -> Iterator[Violation]:
        held = [self.holdings[state >> (_WIDTH * r) & _HOLDING] for r in range(self.replicas)]
        yield from (h.wrong for h in held if h.wrong is not None)
        checks = self.checks
        for h in held:
            if not checks.state(h.state):
                yield from checks.of_state(h.state)
        made = [m for m in self._made[state >> (_WIDTH * self.replicas)] if m is not None]
        if checks.laws:
            present = frozenset({*(h.state for h in held), *(self.tables.messages[m.delta] for m in made)})
            if not checks.together(present):
                yield from checks.of_laws(present)
        for i, h in enumerate(held):
            for j, g in enumerate(held):
                if i < j and h.mask == g.mask and h.state != g.state:
                    yield diverged(self.tables, i + 1, h.state, j + 1, g.state)
                if checks.pairwise and not checks.pair(h.state, g.state):
                    yield from checks.of_pair(h.state, g.state)
                if checks.homes and i != j and not checks.home(i + 1, h.state, g.state):
                    yield from checks.of_home(i + 1, h.state, g.state)
            if checks.homes:
                for message in made:
                    if not checks.home(i + 1, h.state, self.tables.messages[message.delta]):
                        yield from checks.of_home(i + 1, h.state, self.tables.messages[message.delta])

    # -- words -------------------------------------------------------------------------------------

    def dependent(self, first: Action, second: Action) -> bool:
        """What happens on one replica has an order; a sync also reads another replica."""
        return bool(_reads(first) & {second[1]} or _reads(second) & {first[1]})

    def enables(self, first: Action, second: Action) -> bool:
        """An update comes before its deliveries."""
        return first[0] == "update" and second[0] in ("deliver", "again") and first[3] == second[3]

    def show(self, state: int, action: Action) -> TimelineStep:
        """The row of the timeline."""
        kind, replica, what, bit = action
        before, after = self.held(state, replica), self.held(self.step(state, action), replica)
        change = changed(self.tables, before.state, after.state)
        if kind == "update":
            sent = self._update(state >> (_WIDTH * (replica - 1)) & _HOLDING, replica - 1, what)
            assert sent is not None
            words = called(self.tables, self.tables.requests[what], sent[1].delta)
        elif kind == "sync":
            words = f"merge from instance {what}"
        elif kind == "crash":
            words = "crash: what others sent is lost"
        else:
            k = self.setting.updates
            words = f"receive update {bit % k + 1} of instance {bit // k + 1}"
            words += " again" if kind == "again" else ""
        return TimelineStep(replica, words, change)

    def to_step(self, state: int, action: Action) -> Step:
        """The step of a scenario; its delta is named by replica and number, which `scenario` makes a plain number."""
        kind, replica, what, bit = action
        if kind == "update":
            wanted = self.tables.requests[what]
            types = next(ts for name, ts, _ in self.tables.updates if name == wanted.update)
            args = tuple(show(self.tables.program, t, a) for t, a in zip(types, wanted.args, strict=True))
            return Step("update", replica, wanted.update, args, wanted.when)
        if kind == "sync":
            return Step("sync", replica, source=what)
        if kind == "crash":
            return Step("crash", replica)
        k = self.setting.updates
        return Step("deliver", replica, more={"of": bit // k + 1, "number": bit % k + 1})

    def find(self, state: int, step: Step) -> Action:
        """The action that a step means. Raises: ScenarioError."""
        if not 1 <= step.at <= self.replicas:
            raise ScenarioError(f"there is no instance {step.at}; the scenario has {self.replicas}")
        match step.do:
            case "update":
                return self._find_update(state, step)
            case "sync" if step.source is not None and 1 <= step.source <= self.replicas:
                return ("sync", step.at, step.source, 0)
            case "crash":
                return ("crash", step.at, 0, 0)
            case "deliver":
                bit = (step.more["of"] - 1) * self.setting.updates + step.more["number"] - 1
                if not 0 <= bit < len(self.made(state)) or self.made(state)[bit] is None:
                    raise ScenarioError(f"instance {step.at} cannot receive an update that has not been made")
                again_ = self.held(state, step.at).mask >> bit & 1
                return ("again" if again_ else "deliver", step.at, 0, bit)
            case _:
                raise ScenarioError(f"`{step.do}` is no step on the spec level")

    def _find_update(self, state: int, step: Step) -> Action:
        tables = self.tables
        names = {name: ts for name, ts, _ in tables.updates}
        if step.update not in names:
            raise ScenarioError(f"{tables.type} has no update `{step.update}`; it has: {', '.join(names)}")
        types = names[step.update]
        if len(types) != len(step.args):
            raise ScenarioError(f"`{step.update}` takes {len(types)} arguments, not {len(step.args)}")
        try:
            args = tuple(read(tables.program, t, a) for t, a in zip(types, step.args, strict=True))
        except LiteralError as problem:
            raise ScenarioError(f"`{step.update}`: {problem}") from problem
        mine = (self.held(state, step.at).mask & self._own[step.at - 1]).bit_count()
        bit = (step.at - 1) * self.setting.updates + mine
        return ("update", step.at, tables.request(Request(step.update, args, step.when)), bit)


def _reads(action: Action) -> set[int]:
    return {action[1], action[2]} if action[0] == "sync" else {action[1]}

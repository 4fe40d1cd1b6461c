"""Tells a failure as a counterexample: runs its history step by step on instances and notes what each step changed."""

from __future__ import annotations

from dataclasses import dataclass

from mergelaw.language.core import substitute
from mergelaw.laws.difference import differences
from mergelaw.laws.explain import Failure, StateIn, ValueOf
from mergelaw.laws.model import Counterexample, Kind, Obligation, Shown, TimelineStep
from mergelaw.laws.reads import uses_time
from mergelaw.laws.system import History, bits
from mergelaw.semantics.literals import show


@dataclass(frozen=True, eq=False)
class _Row:
    """One step; rows are told apart by identity, as they get their numbers last."""

    instance: int
    action: str
    change: str
    source: _Row | None = None
    """Of a merge: the step after which the other instance's state was sent."""


@dataclass(frozen=True)
class _Moment:
    """What one instance holds after a row; without a row: at the start."""

    row: _Row | None
    mask: int
    state: int


@dataclass(frozen=True)
class _Step:
    """A row to be: what an instance does, and what it holds then."""

    action: str
    mask: int
    state: int
    source: _Row | None = None


class _Stage:
    """The instances and the rows so far."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.system = history.system
        self.rows: list[_Row] = []
        self.past: dict[int, list[_Moment]] = {}

    # -- rows --------------------------------------------------------------------------------------

    def now(self, instance: int) -> _Moment:
        """What `instance` holds now."""
        return self.past.setdefault(instance, [_Moment(None, 0, self.system.zero)])[-1]

    def enter(self, instance: int, step: _Step, after: _Row | None = None) -> None:
        """One row, at the end or right after another one; `instance` must do nothing after it as yet."""
        row = _Row(instance, step.action, self._change(self.now(instance).state, step.state), step.source)
        self.rows.insert(len(self.rows) if after is None else self.rows.index(after) + 1, row)
        self.past[instance].append(_Moment(row, step.mask, step.state))

    def _change(self, before: int, after: int) -> str:
        system = self.system
        changed = differences(system.program, system.type, system.value(before), system.value(after))
        shown = ((d.path, show(system.program, d.type, d.right)) for d in changed)
        return ", ".join(f"{path} = {literal}" if path else literal for path, literal in shown)

    def number(self, row: _Row) -> int:
        """The place of a row in the timeline as it is by now, from 1."""
        return self.rows.index(row) + 1

    def timeline(self) -> tuple[TimelineStep, ...]:
        """The rows; a merge says of what time the state was if its sender has gone on since."""
        latest: dict[int, _Row] = {}
        steps = []
        for row in self.rows:
            action = row.action
            if row.source is not None and latest[row.source.instance] is not row.source:
                action += f" as of t{self.number(row.source)}"
            steps.append(TimelineStep(row.instance, action, row.change))
            latest[row.instance] = row
        return tuple(steps)

    # -- steps -------------------------------------------------------------------------------------

    def update(self, number: int) -> None:
        """The rows up to and including an update of the history."""
        move = self.history.moves[number]
        replica = move.call.replica
        self.bring(replica, move.call.saw, move.home)
        self.enter(replica, _Step(self.called(number), move.known, move.after))

    def called(self, number: int) -> str:
        """The call of an update, with what it took."""
        move = self.history.moves[number]
        system, call = self.system, move.call
        definition = system.definition.update(call.update)
        types = [substitute(t, system.bindings) for _, t in definition.params]
        args = ", ".join(show(system.program, t, a) for t, a in zip(types, call.args, strict=True))
        written = f"{call.update}({args})"
        if system.reads_contexts or definition.at:
            dots = [f"{r}.{n}" for r, n in move.delta.dots]
            written += f" at {', '.join(dots)}"
        if uses_time(system.program, system.type, call.update):
            written += f" when {call.when}"
        return written

    def bring(self, instance: int, mask: int, state: int) -> None:
        """Lets `instance` receive what it lacks of `mask`; it then holds `state` if that is what its merges give.

        It merges whole states of other instances where they have just what is missing and give the same result,
        and else receives deltas one by one.
        """
        for step in self._way(instance, mask, state):
            self.enter(instance, step)

    def _way(self, instance: int, mask: int, state: int) -> list[_Step]:
        steps = self._merges(instance, mask)
        if steps is not None and (steps[-1].state if steps else self.now(instance).state) == state:
            return steps
        return self._deltas(instance, mask)

    def _merges(self, instance: int, mask: int) -> list[_Step] | None:
        now = self.now(instance)
        held, state = now.mask, now.state
        steps = []
        while mask & ~held:
            sources = [
                ((moments[-1].mask & ~held).bit_count(), -other)
                for other, moments in sorted(self.past.items())
                if other != instance and moments[-1].mask & ~held and not moments[-1].mask & ~mask
            ]
            if not sources:
                return None
            other = -max(sources)[1]
            theirs = self.now(other)
            held, state = held | theirs.mask, self.system.merge(state, theirs.state)
            steps.append(_Step(f"merge from instance {other}", held, state, theirs.row))
        return steps

    def _deltas(self, instance: int, mask: int) -> list[_Step]:
        now = self.now(instance)
        held, state = now.mask, now.state
        steps = []
        for i in bits(mask & ~held):
            move = self.history.moves[i]
            held, state = held | 1 << i, self.system.merge(state, move.message)
            steps.append(_Step(f"receive {self.called(i)} from instance {move.call.replica}", held, state))
        return steps

    # -- states ------------------------------------------------------------------------------------

    def place(self, wanted: StateIn) -> tuple[int, _Moment] | None:
        """Who holds `wanted`, and since when, after rows that bring an instance to it if none was there yet.

        None for what is no state of the system by itself.
        """
        if wanted.mask is None:
            return None
        state = self.system.intern(wanted.value, wanted.seen)
        if not wanted.mask and state == self.system.zero:
            return 0, _Moment(None, 0, state)
        found = self._found(wanted, state)
        if found is None:
            instance = self._receiver(wanted, state)
            if instance is None:
                return None
            self.bring(instance, wanted.mask, state)
            found = instance, self.now(instance)
        return found

    def _found(self, wanted: StateIn, state: int) -> tuple[int, _Moment] | None:
        for instance, moments in sorted(self.past.items()):
            for moment in reversed(moments):
                fits = wanted.holder in (None, instance) and moment.mask == wanted.mask and moment.state == state
                if fits and moment.row is not None:
                    return instance, moment
        return None

    def _receiver(self, wanted: StateIn, state: int) -> int | None:
        """The instance that needs the fewest deltas to get there; an observer, which has none, if no other can."""
        assert wanted.mask is not None
        observer = max(self.past, default=0) + 1
        instances = sorted(self.past) if wanted.holder is None else [wanted.holder]
        able = [
            (-self._mask(i).bit_count(), i)
            for i in (*instances, observer)
            if not self._mask(i) & ~wanted.mask and self._leads(i, wanted.mask, state)
        ]
        return min(able)[1] if able else None

    def _mask(self, instance: int) -> int:
        return self.past[instance][-1].mask if instance in self.past else 0

    def _leads(self, instance: int, mask: int, state: int) -> bool:
        known = instance in self.past
        steps = self._way(instance, mask, state)
        end = steps[-1].state if steps else self.now(instance).state
        if not known:
            del self.past[instance]
        return end == state

    def merged(self, wanted: StateIn, left: StateIn, right: StateIn) -> tuple[int, _Moment] | None:
        """Where the merge of two states is to be found: on the instance that holds the left one, by a row if need be.

        A right state that the same instance held before is kept for it by another instance, which took a copy.
        """
        at_left, at_right = self.place(left), self.place(right)
        state = self.system.intern(wanted.value, wanted.seen)
        mask = wanted.mask
        if at_left is None or at_right is None or at_left[0] == 0 or at_right[1].row is None or mask is None:
            return None
        (instance, held), (other, sent) = at_left, at_right
        if self.now(instance) is not held or self.system.merge(held.state, sent.state) != state:
            return None
        if other == instance:
            copy = max(self.past) + 1
            if self.system.merge(self.now(copy).state, sent.state) != sent.state:
                del self.past[copy]
                return None
            step = _Step(f"merge from instance {instance}", sent.mask, sent.state, sent.row)
            self.enter(copy, step, after=sent.row)
            other, sent = copy, self.now(copy)
        self.enter(instance, _Step(f"merge from instance {other}", mask, state, sent.row))
        return instance, self.now(instance)

    def exchange(self, left: StateIn, right: StateIn) -> None:
        """If two instances hold these states now, lets each merge the other's as it is."""
        pairs = [(a, b) for a in self._holders(left) for b in self._holders(right) if a != b]
        if not pairs:
            return
        a, b = pairs[0]
        mine, theirs = self.now(a), self.now(b)
        both = mine.mask | theirs.mask
        merge = self.system.merge
        self.enter(a, _Step(f"merge from instance {b}", both, merge(mine.state, theirs.state), theirs.row))
        self.enter(b, _Step(f"merge from instance {a}", both, merge(theirs.state, mine.state), mine.row))

    def again(self, wanted: StateIn) -> None:
        """If an instance holds this state now, lets another one merge it twice."""
        holders = self._holders(wanted)
        state = self.system.intern(wanted.value, wanted.seen)
        if not holders or wanted.mask is None or self.system.merge(self.system.zero, state) != state:
            return
        sent = self.now(holders[0])
        other = max(self.past) + 1
        for action, then in (("", state), (" again", self.system.merge(state, state))):
            self.enter(other, _Step(f"merge from instance {holders[0]}{action}", sent.mask, then, sent.row))

    def _holders(self, wanted: StateIn) -> list[int]:
        state = self.system.intern(wanted.value, wanted.seen)
        return [i for i in sorted(self.past) if self.now(i).state == state and self.now(i).mask == wanted.mask]


def told(failure: Failure, obligation: Obligation, *, exchanges: bool = True) -> Counterexample:
    """The counterexample that shows `failure`; every state in it comes from the engine of the failure's history.

    `exchanges`: whether to show what comes of a broken law: instances that merge each other's states and end up
    apart, or one that merges a state twice.
    """
    stage = _Stage(failure.history)
    for i in range(len(failure.history)):
        stage.update(i)
    places = [(wanted, stage.place(wanted)) for wanted in failure.inputs]
    places += [(e, stage.merged(e, *e.sides) if e.sides else stage.place(e)) for e in failure.ends]
    if exchanges and obligation.kind is Kind.COMMUTATIVE:
        stage.exchange(failure.inputs[0], failure.inputs[1])
    if exchanges and obligation.kind is Kind.IDEMPOTENT:
        stage.again(failure.inputs[0])
    states: list[Shown] = []
    for wanted, place in places:
        states.append(Shown(wanted.label + _where(stage, place), _literal(stage, wanted)))
        is_input = wanted in failure.inputs
        if is_input and stage.system.reads_contexts and (wanted.seen or wanted.mask is None):
            states.append(Shown(f"{wanted.label}.seen", repr(wanted.seen)))
    return Counterexample(
        states=(*(_shown(stage, v) for v in failure.bound), *states),
        results=tuple(_shown(stage, r) for r in failure.results),
        differs=_differs(stage, failure),
        timeline=stage.timeline(),
        replicas=len(stage.past),
        updates=len(failure.history),
        because=failure.because,
        span=failure.span or obligation.span,
        rule=_rule(failure.history, obligation),
    )


def _where(stage: _Stage, place: tuple[int, _Moment] | None) -> str:
    if place is None:
        return ""
    instance, moment = place
    return " (before any update)" if moment.row is None else f" (instance {instance} after t{stage.number(moment.row)})"


def _literal(stage: _Stage, state: StateIn) -> str:
    return show(stage.system.program, stage.system.type, state.value)


def _shown(stage: _Stage, value: ValueOf) -> Shown:
    return Shown(value.label, show(stage.system.program, value.type, value.value))


def _differs(stage: _Stage, failure: Failure) -> tuple[str, ...]:
    if failure.places:
        return failure.places
    if not failure.compared:
        return ()
    left, right = failure.results[:2]
    return tuple(d.path for d in differences(stage.system.program, left.type, left.value, right.value) if d.path)


def _rule(history: History, obligation: Obligation) -> str | None:
    """The rule of the theorem's name, else the one about just the updates in the history."""
    if obligation.kind is not Kind.THEOREM:
        return None
    made = {m.call.update for m in history.moves}
    rules = history.system.definition.rules
    named = [r for r in rules if r.name == obligation.subject]
    fitting = named or [r for r in rules if r.updates and {*r.updates} <= made]
    return f"{fitting[0].name}: {fitting[0].text}" if fitting else None

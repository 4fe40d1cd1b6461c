"""The system of real databases on a simulated network, for the search: states are tuples of small numbers.

Each ordered pair of instances has a channel. What an instance publishes enters the channels to all others; without
`reorder` a channel delivers in order. What was lost (a drop, a cut, a crash) is sent again by whoever has it, as
links do when they come up. After a restart an instance links with each peer anew; what its earlier process had sent
and the peer has not read by then is lost, as in `replication.mesh`. Faults happen at most `each` times a kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mergelaw.explore.model import ScenarioError, Step, Violation
from mergelaw.explore.replica_locals import Local, Locals, Result
from mergelaw.explore.replica_menu import Call, Served
from mergelaw.laws.difference import differences
from mergelaw.laws.model import Shown, TimelineStep
from mergelaw.semantics.literals import show

FAULTS = ("drop", "duplicate", "reorder", "partition", "crash", "clock", "expire", "collect", "sync")
"""The kinds of faults, and of things that happen by themselves, that can be switched on."""

_LOSING = frozenset({"drop", "partition", "crash"})
_CLOCK_MS = (-1, 1)
_LATER_MS = 10_000
"""After so long every deadline that the domains give has come."""


class Act(NamedTuple):
    """One action."""

    do: str
    at: int
    """The instance that acts, from 0."""
    source: int = -1
    """The other instance."""
    what: object = None
    """A call, the number of a letter, or ms."""


class State(NamedTuple):
    """All instances and channels together."""

    locals: tuple[int, ...]
    channels: tuple[tuple[int, ...], ...]
    """From each instance to each other: letters on their way; sorted with `reorder`."""
    cut: frozenset[tuple[int, int]]
    """Pairs, the smaller first, that cannot reach each other."""
    spent: tuple[int, ...]
    """How often each kind of fault has happened."""
    updates: int
    """How many writes clients have asked for."""


class ReplicaSystem:
    """Explores `served` on `replicas` instances with at most `updates` writes in all; see `model.System`."""

    def __init__(
        self,
        served: Served,
        replicas: int,
        updates: int,
        faults: Iterable[str] = (),
        *,
        causal: bool = False,
        always: bool = True,
        each: int = 1,
        most: int = 8,
        program: Mapping[int, tuple[Call, ...]] | None = None,
    ) -> None:
        """`always`: appendfsync, with `crash`. `most`: how many calls are tried in a state. `program`: the writes
        of each instance, from 1, instead of any.
        """
        self.served = served
        self.replicas = replicas
        self.updates = updates
        self.faults = frozenset(faults)
        unknown = self.faults - set(FAULTS)
        if unknown:
            raise ScenarioError(f"no fault is called {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
        self.each = each
        self.program = program
        self.causal = causal
        self.locals = Locals(served, replicas, causal=causal, crashes="crash" in self.faults, always=always, most=most)
        self.pairs = [(s, t) for s in range(replicas) for t in range(replicas) if s != t]
        self._place = {pair: i for i, pair in enumerate(self.pairs)}
        self._calm: dict[State, int] = {}
        self._lossy = bool(self.faults & _LOSING)

    # -- model.System ------------------------------------------------------------------------------

    def initial(self) -> State:
        """Nobody has written."""
        return State(self.locals.first, ((),) * len(self.pairs), frozenset(), (0,) * len(FAULTS), 0)

    def key(self, state: State) -> State:
        """Local states are interned, so the state is its own key."""
        return state

    def actions(self, state: State) -> Iterator[Act]:
        """All that can happen; first what clients and the network do, then faults."""
        yield from self._writes(state)
        yield from self._deliveries(state)
        yield from self._repairs(state)
        yield from self._faults(state)

    def step(self, state: State, action: Act) -> State:
        """What comes of it."""
        do, at, source, what = action
        table, here = self.locals, state.locals[at]
        if do == "update":
            assert isinstance(what, Call)
            return self._after(state, at, table.write(here, what), updates=1)
        if do in ("deliver", "duplicate", "drop"):
            assert isinstance(what, int)
            place = self._place[source, at]
            channel = list(state.channels[place])
            if do != "duplicate":
                channel.remove(what)
                state = self._with(state, place, tuple(channel))
            if do == "drop":
                return self._spend(state, "drop")
            state = self._after(state, at, table.deliver(here, what))
            return self._spend(state, "duplicate") if do == "duplicate" else state
        match do:
            case "persist":
                return self._after(state, at, table.persist(here))
            case "save":
                return self._after(state, at, table.save(here))
            case "recover":
                return self._after(state, at, table.recover(here))
            case "collect":
                return self._spend(self._after(state, at, table.collect(here)), do)
            case "clock":
                assert isinstance(what, int)
                return self._spend(self._after(state, at, table.step_clock(here, what)), do)
            case "expire":
                return self._spend(self._after(state, at, table.reap(here, _LATER_MS)), do)
            case "sync":
                letter = table.image(state.locals[source])
                return self._spend(self._enter(state, source, at, (letter,)), do)
            case "crash":
                return self._spend(self._crash(state, at), do)
            case "link" | "heal":
                return self._link(state, at, source)
            case "resend":
                return self._enter(state, source, at, self._missing(state, source, at))
            case "cut":
                state = self._with(state, self._place[source, at], ())
                state = self._with(state, self._place[at, source], ())
                return self._spend(state._replace(cut=state.cut | {_pair(at, source)}), "partition")
        raise ValueError(f"no action is called {do}")

    def violation(self, state: State) -> Violation | None:
        """What is wrong with an instance, with two that received the same, or with what follows once faults stop."""
        table = self.locals.all
        for number in state.locals:
            wrong = table[number].violation
            if wrong is not None:
                return wrong
        found = [table[number] for number in state.locals]
        for i, one in enumerate(found):
            for other in found[i + 1 :]:
                if one.contents != other.contents and one.instance.db.received == other.instance.db.received:
                    return self._diverged(one, other)
        return self._stuck(state)

    def dependent(self, first: Act, second: Act) -> bool:
        """Whether they share an instance, or something between instances."""
        local = {"update", "deliver", "duplicate", "persist", "save", "collect", "clock", "expire", "recover"}
        if first.do not in local or second.do not in local:
            return True
        if first.do == second.do and first.do != "deliver":
            # The bound may let only one of them happen.
            return True
        return first.at == second.at

    def enables(self, first: Act, second: Act) -> bool:
        """Whether `second` delivers what `first` published."""
        if second.do not in ("deliver", "duplicate") or not isinstance(second.what, int) or first.at != second.source:
            return False
        return first.do == "update"

    # -- what is possible --------------------------------------------------------------------------

    def _writes(self, state: State) -> Iterator[Act]:
        if state.updates >= self.updates:
            return
        for at, number in enumerate(state.locals):
            if self.program is None:
                for call in self.locals.calls(number):
                    yield Act("update", at, -1, call)
            else:
                wanted = self.program.get(at + 1, ())
                made = self.locals.all[number].ghost.made
                if made < len(wanted) and self.locals.write(number, wanted[made]).local >= 0:
                    yield Act("update", at, -1, wanted[made])

    def _deliveries(self, state: State) -> Iterator[Act]:
        every = "reorder" in self.faults
        duplicate = self._allowed(state, "duplicate")
        drop = self._allowed(state, "drop")
        for (source, at), channel in zip(self.pairs, state.channels, strict=True):
            for letter in dict.fromkeys(channel) if every else channel[:1]:
                yield Act("deliver", at, source, letter)
                if duplicate:
                    yield Act("duplicate", at, source, letter)
                if drop:
                    yield Act("drop", at, source, letter)

    def _repairs(self, state: State) -> Iterator[Act]:
        """What instances do by themselves after faults."""
        table = self.locals.all
        if self.locals.crashes:
            for at, number in enumerate(state.locals):
                local = table[number]
                if local.instance.disk.waiting:
                    yield Act("persist", at)
                for peer in sorted(local.ghost.unlinked):
                    if _pair(at, peer - 1) not in state.cut:
                        yield Act("link", at, peer - 1)
                if not (local.instance.db.recovered or local.ghost.unlinked or local.ghost.awaited):
                    yield Act("recover", at)
        for one, other in sorted(state.cut):
            yield Act("heal", one, other)
        if self._lossy:
            for source, at in self.pairs:
                if self._reachable(state, source, at) and self._missing(state, source, at):
                    yield Act("resend", at, source)

    def _faults(self, state: State) -> Iterator[Act]:
        table = self.locals.all
        for at, number in enumerate(state.locals):
            local = table[number]
            if self._allowed(state, "crash"):
                yield Act("crash", at)
                if local.instance.disk.log:
                    yield Act("save", at)
            if self._allowed(state, "clock"):
                for ms in _CLOCK_MS:
                    yield Act("clock", at, -1, ms)
            if self._allowed(state, "expire") and local.instance.db.schedule.next_ms() is not None:
                yield Act("expire", at)
            if self._allowed(state, "collect") and local.instance.db.residue:
                yield Act("collect", at)
        if self._allowed(state, "sync"):
            for source, at in self.pairs:
                if table[state.locals[source]].ghost.received and self._reachable(state, source, at):
                    yield Act("sync", at, source)
        if self._allowed(state, "partition"):
            for source, at in self.pairs:
                if source < at and _pair(source, at) not in state.cut:
                    yield Act("cut", source, at)

    def _allowed(self, state: State, fault: str) -> bool:
        return fault in self.faults and state.spent[FAULTS.index(fault)] < self.each

    def _reachable(self, state: State, source: int, at: int) -> bool:
        table = self.locals.all
        return (
            _pair(source, at) not in state.cut
            and at + 1 not in table[state.locals[source]].ghost.unlinked
            and source + 1 not in table[state.locals[at]].ghost.unlinked
        )

    def _missing(self, state: State, source: int, at: int) -> tuple[int, ...]:
        """What `source` has, and `at` neither has nor is being sent by anybody."""
        table = self.locals.all
        local = table[state.locals[at]]
        missing = table[state.locals[source]].has - local.ghost.received - local.waiting
        if missing:
            for other in range(self.replicas):
                if other != at:
                    missing -= frozenset(state.channels[self._place[other, at]])
        return tuple(sorted(missing))

    # -- what comes of it --------------------------------------------------------------------------

    def _after(self, state: State, at: int, result: Result, updates: int = 0) -> State:
        locals_ = state.locals
        state = State(
            (*locals_[:at], result.local, *locals_[at + 1 :]),
            state.channels,
            state.cut,
            state.spent,
            state.updates + updates,
        )
        if result.sent:
            for peer in range(self.replicas):
                if peer != at:
                    state = self._enter(state, at, peer, result.sent)
        return state

    def _enter(self, state: State, source: int, at: int, letters: tuple[int, ...]) -> State:
        if not self._reachable(state, source, at):
            return state
        place = self._place[source, at]
        channel = (*state.channels[place], *letters)
        return self._with(state, place, tuple(sorted(channel)) if "reorder" in self.faults else channel)

    def _with(self, state: State, place: int, channel: tuple[int, ...]) -> State:
        channels = state.channels
        return state._replace(channels=(*channels[:place], channel, *channels[place + 1 :]))

    def _spend(self, state: State, fault: str) -> State:
        place = FAULTS.index(fault)
        spent = state.spent
        return state._replace(spent=(*spent[:place], spent[place] + 1, *spent[place + 1 :]))

    def _crash(self, state: State, at: int) -> State:
        state = self._after(state, at, self.locals.crash(state.locals[at]))
        for source, target in self.pairs:
            if target == at:
                state = self._with(state, self._place[source, target], ())
        return state

    def _link(self, state: State, one: int, other: int) -> State:
        """A new link: what was on its way is lost, and each side sends what the other lacks."""
        table = self.locals
        state = state._replace(cut=state.cut - {_pair(one, other)})
        has = {i: table.all[state.locals[i]].has for i in (one, other)}
        numbers = list(state.locals)
        for at, peer in ((one, other), (other, one)):
            numbers[at] = table.linked(numbers[at], peer + 1, has[peer])
        state = state._replace(locals=tuple(numbers))
        for source, at in ((one, other), (other, one)):
            state = self._with(state, self._place[source, at], ())
        for source, at in ((one, other), (other, one)):
            state = self._enter(state, source, at, self._missing(state, source, at))
        return state

    # -- checks of several instances ---------------------------------------------------------------

    def _diverged(self, one: Local, other: Local) -> Violation:
        served = self.served
        places = tuple(d.path or "the value" for d in differences(served.program, served.type, one.value, other.value))
        return Violation(
            "convergence",
            "two instances have received the same and hold different states",
            (
                Shown(f"instance {one.instance.db.replica}", served.show_value(one.value)),
                Shown(f"instance {other.instance.db.replica}", served.show_value(other.value)),
            ),
            differs=places,
        )

    def _stuck(self, state: State) -> Violation | None:
        """After faults stop, all must come to the same within a bounded number of steps.

        A state is calmed by the first thing that instances do by themselves; those met on the way are known to come
        through, so each costs one step in all.
        """
        calm, way = self._calm, list[State]()
        bound = 8 * self.replicas * self.replicas * (self.updates + 2 * self.replicas + 4)
        while state not in calm:
            way.append(state)
            action = next(self._calming(state), None)
            if action is None:
                received = {self.locals.all[n].instance.db.received for n in state.locals}
                if len(received) > 1:
                    return Violation("liveness", "nothing is on its way, and instances lack what others have")
                waiting = [n for n in state.locals if self.locals.all[n].waiting - self.locals.all[n].ghost.received]
                if any(self._truly_waits(n) for n in waiting):
                    return Violation("liveness", "an effect waits for ever for what everybody has")
                break
            state = self.step(state, action)
            if len(way) > bound:
                return Violation("liveness", f"instances have not come to the same within {bound} steps without faults")
            wrong = next((v for n in state.locals if (v := self.locals.all[n].violation) is not None), None)
            if wrong is not None:
                return Violation(
                    wrong.check, f"{wrong.because} (once all has arrived)", wrong.details, differs=wrong.differs
                )
        for met in way:
            calm[met] = 0
        return None

    def _truly_waits(self, number: int) -> bool:
        local = self.locals.all[number]
        effects = (self.locals.letters[n].effect for n in local.waiting)
        return any(e is not None and e.identity not in local.instance.db.received for e in effects)

    def _calming(self, state: State) -> Iterator[Act]:
        for (source, at), channel in zip(self.pairs, state.channels, strict=True):
            if channel:
                yield Act("deliver", at, source, channel[0])
        yield from self._repairs(state)

    # -- telling -----------------------------------------------------------------------------------

    def show(self, state: State, action: Act) -> TimelineStep:
        """The row of the timeline."""
        after = self.step(state, action)
        old, new = (self.locals.all[s.locals[action.at]] for s in (state, after))
        served = self.served
        changed = differences(served.program, served.type, old.value, new.value)
        told = [(d.path, show(served.program, d.type, d.right)) for d in changed]
        change = ", ".join(f"{path} = {literal}" if path else literal for path, literal in told)
        return TimelineStep(action.at + 1, self._told(state, after, action), change)

    def _told(self, state: State, after: State, action: Act) -> str:
        letters, other = self.locals.letters, action.source + 1
        match action.do:
            case "update":
                assert isinstance(action.what, Call)
                new = self.locals.all[after.locals[action.at]].ghost.received
                made = sorted(new - self.locals.all[state.locals[action.at]].ghost.received)
                return f"{self.served.show_call(action.what)} at {', '.join(letters[n].name for n in made)}"
            case "deliver" | "duplicate" | "drop":
                assert isinstance(action.what, int)
                name = letters[action.what].name
                kind = {"deliver": "receives", "duplicate": "receives, not for the last time,", "drop": "never gets"}
                return f"{kind[action.do]} {name} from instance {other}"
            case "sync":
                return f"is sent a snapshot by instance {other}"
            case "resend":
                return f"is sent again what it lacks by instance {other}"
            case "link":
                return f"links with instance {other}"
            case "cut" | "heal":
                return f"{'loses' if action.do == 'cut' else 'has again'} the link to instance {other}"
            case "clock":
                return f"the clock is set by {action.what} ms"
            case "crash":
                return "crashes and starts again"
            case "persist":
                return "the disk has what was written"
            case "save":
                return "a snapshot is saved"
            case "recover":
                return "declares void what nobody has"
            case "expire":
                return f"{_LATER_MS} ms pass; deletes what has expired"
            case _:
                return "collects what is cancelled"

    def to_step(self, state: State, action: Act) -> Step:
        """For the scenario file. A letter is told by its name, the identity of its effect."""
        served = self.served
        if action.do == "update":
            assert isinstance(action.what, Call)
            types = served.updates[action.what.update]
            args = tuple(show(served.program, t, a) for t, a in zip(types, action.what.args, strict=True))
            when = self.locals.all[state.locals[action.at]].instance.now_ms
            return Step("update", action.at + 1, action.what.update, args, when)
        source = action.source + 1 if action.source >= 0 else None
        more: dict[str, object] = {}
        if action.do in ("deliver", "duplicate", "drop"):
            assert isinstance(action.what, int)
            more["effect"] = self.locals.letters[action.what].name
        elif action.do == "clock":
            more["ms"] = action.what
        return Step(action.do, action.at + 1, source=source, more=more)

    def find(self, state: State, step: Step) -> Act:
        """The enabled action that `step` means. Raises: ScenarioError."""
        for action in self.actions(state):
            if self.to_step(state, action) == step:
                return action
        raise ScenarioError(f"`{step.do}` at instance {step.at} cannot happen here")


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)

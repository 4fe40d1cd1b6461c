"""The reduced search on the spec level: histories instead of interleavings.

A history is a set of updates, each with what its replica had received by then. It stands for one Mazurkiewicz trace of
the system in which deliveries to one replica commute. That they do is not assumed: in every history the deltas of each
set are merged in every order that their subsets leave open (a diamond a pair), and all orders agree iff all diamonds
close. So a state is told by the set of deltas received, and the 2 ** n sets of a history take the place of its many
interleavings. Where merge is proved commutative, associative and idempotent, the diamonds are taken from the proof.

What a replica may have received by its next update is any set that has all it had before (after a crash: its own
updates) and that the network allows, so the systems that a history stands for are known without walking through them.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import product

from mergelaw.explore.checks import Checks
from mergelaw.explore.history import Call, Calls, Event, Expand, Explored, Grown, Node, OnLevel
from mergelaw.explore.model import NO_LIMITS, Limits, Progress, Watch, unwatched
from mergelaw.explore.plain import Sent, Setting
from mergelaw.explore.renaming import renamings
from mergelaw.explore.search import Clock
from mergelaw.explore.tables import SHIFT, Request, Tables

_EVERY = 16
"""After how many expanded histories time and memory are looked at."""


class Histories:
    """All histories of one type up to a number of updates."""

    def __init__(self, tables: Tables, setting: Setting, checks: Checks, *, trusted: bool, symmetric: bool = True):
        """`trusted`: merge is proved lawful, so diamonds need not be checked."""
        self.tables = tables
        self.setting = setting
        self.checks = checks
        self.trusted = trusted
        self.k = setting.updates
        self._causal = setting.causal or setting.whole
        self._fifo = not self._causal and "reorder" not in setting.faults
        self._clock = "clock" in setting.faults
        self._syncs = "sync" in setting.faults or setting.whole
        self._own = [((1 << self.k) - 1) << (r * self.k) for r in range(tables.replicas)]
        self.events: list[Event] = []
        self._numbers: dict[tuple[int, int, int, int], int] = {}
        self._renamings = renamings(tables) if symmetric else renamings(tables)[:1]
        self._renamed: list[list[int]] = [[] for _ in self._renamings]
        self._delta_names: list[dict[int, str]] = [{} for _ in self._renamings]
        self.symmetric_replicas = len({tuple(sorted(r.replicas.items())) for r in self._renamings}) > 1
        self.symmetric_texts = len({tuple(sorted(r.texts.items())) for r in self._renamings}) > 1

    # -- the search --------------------------------------------------------------------------------

    def run(
        self,
        limits: Limits = NO_LIMITS,
        watch: Watch = unwatched,
        nodes: OnLevel | None = None,
        begin: Explored | None = None,
        expand: Expand | None = None,
    ) -> Explored:
        """All histories, those of fewer updates first, up to the first fault.

        `nodes` is told of every level when it is complete. `begin`: where an earlier run had come to; it is gone on
        from there. `expand` takes the place of `expanded`, as for worker processes.
        """
        found = begin or self.start()
        clock = Clock(limits, found.progress, watch)
        expand = expand or self.expanded
        if not self.checks.state(self.tables.zero):
            found.fault = ()
        try:
            while found.updates < self.k and found.fault is None and not found.stopped:
                found.progress.frontier = len(found.level)
                last = found.updates == self.k - 1
                following: dict[Node, Node] = {}
                found.stopped = clock.stop()
                for n, grown in enumerate(() if found.stopped else expand(found.level, last)):
                    found.add(grown)
                    following.update({c: h for c, h in grown.longer.items() if c not in following})
                    if grown.fault is not None:
                        break
                    if n % _EVERY == 0 and (stopped := clock.stop()):
                        found.stopped = stopped
                        break
                else:
                    if not found.stopped:
                        found.updates = found.progress.depth = found.updates + 1
                        found.level = list(following.values())
                        found.progress.states += len(found.level)
                        if nodes is not None:
                            nodes(found)
        except KeyboardInterrupt:
            found.stopped = "interrupted"
        return found

    def start(self) -> Explored:
        """Before the first update."""
        found = Explored(Progress(states=1, transitions=1, frontier=1), executions=1)
        found.level = [()]
        return found

    def expanded(self, level: list[Node], last: bool) -> Iterator[Grown]:
        """What one more update makes of each history of a level, in order; longer ones are left out of the last."""
        return (self.expand(node, last) for node in level)

    def lattice(self, node: Node) -> dict[int, int]:
        """The sets of updates that one of the replicas can have received, each with the state that it makes."""
        states = {0: self.tables.zero}
        inside: list[Event] = []
        for number in self.in_order(node):
            event = self.events[number]
            states = self._grown(inside, states, event)
            inside.append(event)
        return states

    def _grown(self, inside: list[Event], states: dict[int, int], event: Event) -> dict[int, int]:
        """The lattice after one more update; what nobody can hold any more is left out."""
        known = self._knowns(inside, event)
        new = self._new(states, event, known)
        both = {**states, **new}
        return both if 0 in known else {m: s for m, s in both.items() if any(not k & ~m for k in known)}

    def _knowns(self, inside: list[Event], event: Event | None = None) -> list[int]:
        """Of each replica what it has for certain."""
        events = inside if event is None else [*inside, event]
        return [self._known([e for e in events if e.bit // self.k == r]) for r in range(self.tables.replicas)]

    def _new(self, states: dict[int, int], event: Event, known: list[int]) -> dict[int, int]:
        """The sets with one more update in them that somebody can hold, each with its state."""
        bit, needed = 1 << event.bit, self._needed(event)
        apply, merge = self.tables.apply, self.tables.merge
        free = 0 in known
        new: dict[int, int] = {}
        home = apply(states[event.saw], event.delta)
        for mask in sorted(states, key=int.bit_count):
            whole = mask | bit
            if needed & ~mask or not (free or any(not k & ~whole for k in known)):
                continue
            if mask == event.saw:
                new[whole] = home
            elif self.setting.whole:
                new[whole] = merge(states[mask], home)
            else:
                new[whole] = apply(states[mask], event.delta)
        return new

    def in_order(self, node: Node) -> list[int]:
        """The events of a history, each after those it knew of."""
        waiting = sorted(node, key=lambda n: self.events[n].bit)
        ordered: list[int] = []
        made = 0
        while waiting:
            # What an update knew of need not have all that its own replica knew of, so sizes give no order.
            following = next(n for n in waiting if not self.events[n].saw & ~made)
            waiting.remove(following)
            ordered.append(following)
            made |= 1 << self.events[following].bit
        return ordered

    def _needed(self, event: Event) -> int:
        """What must be received before an event."""
        if self._causal:
            return event.saw
        return 1 << (event.bit - 1) if self._fifo and event.bit % self.k else 0

    def expand(self, node: Node, last: bool) -> Grown:
        """All histories that are one update longer, checked, up to the first fault."""
        tables, k, events = self.tables, self.k, self.events
        inside = [events[n] for n in self.in_order(node)]
        states = self.lattice(node)
        by_size = sorted(states, key=int.bit_count)
        grown = Grown()
        fresh_tried = False
        for r in range(tables.replicas):
            mine = [e for e in inside if e.bit // k == r]
            if not mine and self.symmetric_replicas:
                # All replicas without updates are alike.
                if fresh_tried:
                    continue
                fresh_tried = True
            bit = r * k + len(mine)
            first = 1 + max((tables.last_dot(e.delta) for e in mine), default=0)
            known = self._known(mine)
            done: dict[tuple[int, int], list[int]] = {}
            for mask in by_size:
                if known & ~mask:
                    continue
                earliest = 0 if self._clock else max((e.when for e in inside if mask >> e.bit & 1), default=0)
                for request, delta in tables.options(states[mask], r + 1, first, earliest):
                    grown.transitions += 1
                    when = 0 if self._clock else tables.requests[request].when
                    # Who does the same having received less can receive the rest later.
                    smaller = done.setdefault((delta, when), [])
                    if any(not s & ~mask and self._same(inside, states, s, mask, delta) for s in smaller):
                        continue
                    smaller.append(mask)
                    event = Event(bit, delta, when, mask, request)
                    grown.executions += 1
                    if not self._check(inside, states, event):
                        grown.fault = (*inside, event)
                        return grown
                    self._note(grown, inside, event)
                    if not last:
                        longer = tuple(sorted((*node, self._number(event))))
                        grown.longer.setdefault(self.canonical(longer), longer)
        return grown

    def _same(self, inside: list[Event], states: dict[int, int], small: int, large: int, delta: int) -> bool:
        """Whether it is all one if an update is made before or after the rest of `large` is received."""
        if self.trusted:
            return True
        apply = self.tables.apply
        state = apply(states[small], delta)
        for e in inside:
            if (large & ~small) >> e.bit & 1:
                state = apply(state, e.delta)
        return state == apply(states[large], delta)

    def _known(self, mine: list[Event]) -> int:
        """What a replica has for certain: all that it had at its last update; after a crash its own updates."""
        known = 0
        for e in mine:
            known |= 1 << e.bit | (0 if "crash" in self.setting.faults else e.saw)
        return known

    def _note(self, found: Grown, inside: list[Event], event: Event) -> None:
        requests = self.tables.requests
        name = requests[event.request].update
        found.ran[name] = found.ran.get(name, 0) + 1
        for e in inside:
            if not event.saw >> e.bit & 1:
                other = requests[e.request].update
                found.concurrent.add((name, other) if name <= other else (other, name))

    # -- checks ------------------------------------------------------------------------------------

    def _check(self, inside: list[Event], states: dict[int, int], event: Event) -> bool:
        """Whether all is well in the states that one more update adds to a history."""
        tables, checks = self.tables, self.checks
        if not checks.state(tables.messages[event.delta]):
            return False
        known = self._knowns(inside, event)
        new = self._new(states, event, known)
        if not checks.good.issuperset(new.values()) and not all(checks.state(s) for s in new.values()):
            return False
        if tables.frame_faults and self._frame_fault(inside, states, new, event):
            return False
        if self.trusted and not checks.pairwise and not checks.homes:
            return True
        every = {**states, **new}
        holders = {m: sum(1 << r for r, k in enumerate(known) if not k & ~m) for m in every}
        if not self.trusted and not self._confluent([*inside, event], every, new, holders):
            return False
        if checks.pairwise:
            for mask, state in new.items():
                for other, theirs in every.items():
                    apart = mask == other or _apart(holders[mask], holders[other])
                    if apart and not (checks.pair(state, theirs) and checks.pair(theirs, state)):
                        return False
        return not checks.homes or self._at_home([*inside, event], every, holders)

    def _frame_fault(self, inside: list[Event], states: dict[int, int], new: dict[int, int], event: Event) -> bool:
        """Whether a delta that is applied at its places gives another state than the delta merged."""
        faults = self.tables.frame_faults
        if states[event.saw] << SHIFT | event.delta in faults:
            return True
        if self.setting.whole:
            return False
        every = {**states, **new}
        return any(
            every.get(m & ~(1 << e.bit), -1) << SHIFT | e.delta in faults
            for m in new
            for e in (*inside, event)
            if m >> e.bit & 1 and m & ~(1 << e.bit) in every
        )

    def _confluent(
        self, events: list[Event], every: dict[int, int], new: dict[int, int], holders: dict[int, int]
    ) -> bool:
        """Whether every order of receiving gives the same state, also of what arrives again, and of whole states."""
        apply, merge = self.tables.apply, self.tables.merge
        if not self.setting.whole:
            for mask, state in new.items():
                for e in events:
                    if not mask >> e.bit & 1:
                        continue
                    before = mask & ~(1 << e.bit)
                    # Who holds the smaller set may receive this update last.
                    if holders.get(before) and apply(every[before], e.delta) != state:
                        return False
                    if "duplicate" in self.setting.faults and apply(state, e.delta) != state:
                        return False
        if "crash" in self.setting.faults and not self._survives(events, every):
            return False
        if self._syncs:
            for mask, state in new.items():
                for other, theirs in every.items():
                    both = every.get(mask | other)
                    if both is None or not _apart(holders[mask], holders[other]):
                        continue
                    if merge(state, theirs) != both or merge(theirs, state) != both:
                        return False
        return not self.checks.laws or self._lawful(events, every, holders)

    def _lawful(self, events: list[Event], every: dict[int, int], holders: dict[int, int]) -> bool:
        """Whether merge is commutative and associative on what the replicas and the network hold at one moment.

        Where whole states are merged, in every pair, and give the state of what both had received, that is so for the
        states of replicas; where deltas also arrive in any order and again, one state beside the deltas says it all.
        """
        if self.setting.whole:
            return True
        messages = [self.tables.messages[e.delta] for e in events]
        faults = self.setting.faults
        if not self._causal and {"sync", "duplicate", "reorder"} <= faults:
            return all(self.checks.together(frozenset((*messages, s))) for m, s in every.items() if holders[m])
        held = [[m for m in every if holders[m] >> r & 1] for r in range(self.tables.replicas)]
        return all(
            self.checks.together(frozenset((*messages, *(every[m] for m in chosen)))) for chosen in product(*held)
        )

    def _survives(self, events: list[Event], every: dict[int, int]) -> bool:
        """Whether the own updates of each replica, one by one, give what the network gives by them."""
        for r in range(self.tables.replicas):
            mine = [e for e in events if e.bit // self.k == r]
            state = self.tables.zero
            for e in mine:
                state = self.tables.apply(state, e.delta)
            if every.get(sum(1 << e.bit for e in mine), state) != state:
                return False
        return True

    def _at_home(self, events: list[Event], every: dict[int, int], holders: dict[int, int]) -> bool:
        """Whether what each replica may hold goes with what others may hold and with each delta."""
        messages = {self.tables.messages[e.delta] for e in events}
        for r in range(self.tables.replicas):
            mine = {state for mask, state in every.items() if holders[mask] >> r & 1}
            others = messages | {state for mask, state in every.items() if holders[mask] & ~(1 << r)}
            if not all(self.checks.home(r + 1, state, other) for state in mine for other in others):
                return False
        return True

    # -- histories on their way to other processes --------------------------------------------------

    def dump(self, node: Node) -> Calls:
        """A history as calls, which mean the same in every process."""
        return tuple(self.call(self.events[n]) for n in self.in_order(node))

    def call(self, event: Event) -> Call:
        """An event as a call."""
        wanted = self.tables.requests[event.request]
        return event.bit, event.saw, wanted.update, wanted.args, wanted.when

    def load(self, calls: Calls) -> Node:
        """The history of `calls`. Raises: KeyError, ValueError, if it cannot be made."""
        return tuple(sorted(self._number(e) for e in self.events_of(calls)))

    def events_of(self, calls: Calls) -> tuple[Event, ...]:
        """The events of `calls`, in their order. Raises: KeyError, ValueError, if they cannot be made."""
        tables, k = self.tables, self.k
        states = {0: tables.zero}
        inside: list[Event] = []
        for bit, saw, update, args, when in calls:
            mine = [e for e in inside if e.bit // k == bit // k]
            first = 1 + max((tables.last_dot(e.delta) for e in mine), default=0)
            wanted = Request(update, args, when)
            delta = tables.asked(states[saw], wanted, bit // k + 1, first)
            if delta is None:
                raise ValueError(f"{update} is refused")
            event = Event(bit, delta, 0 if self._clock else when, saw, tables.request(wanted))
            states = {**states, **self._new(states, event, [0])}
            inside.append(event)
        return tuple(inside)

    # -- symmetry ----------------------------------------------------------------------------------

    def _number(self, event: Event) -> int:
        key = (event.bit, event.delta, event.when, event.saw)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.events)
            self.events.append(event)
            for i in range(len(self._renamings)):
                self._renamed[i].append(self._token(i, event))
        return number

    def _token(self, i: int, event: Event) -> int:
        """What an event is called under a renaming."""
        renaming, k = self._renamings[i], self.k
        names = self._delta_names[i]
        name = names.get(event.delta)
        if name is None:
            name = names[event.delta] = renaming.delta(self.tables, event.delta)
        saw = 0
        for r in range(self.tables.replicas):
            there = renaming.replicas.get(r + 1, r + 1) - 1
            saw |= ((event.saw & self._own[r]) >> (r * k)) << (there * k)
        there = renaming.replicas.get(event.bit // k + 1, event.bit // k + 1) - 1
        bit = there * k + event.bit % k
        # The same in every process, and too long for two to be alike by chance.
        return int.from_bytes(blake2b(f"{bit} {event.when} {saw} {name}".encode(), digest_size=16).digest())

    def canonical(self, node: Node) -> Node:
        """The same for all histories that are renamings of each other."""
        return min(tuple(sorted([names[n] for n in node])) for names in self._renamed)


def _apart(left: int, right: int) -> bool:
    """Whether two different replicas can hold the one and the other; both are sets of replicas."""
    return bool(left and right and (left != right or left & (left - 1)))


def programme(events: tuple[Event, ...]) -> dict[int, Sent]:
    """What each update of a history makes, by bit, for a system that does just that."""
    return {e.bit: Sent(e.delta, e.when, 0) for e in events}

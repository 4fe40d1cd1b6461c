"""The system that the finder explores: replicas, their updates, who had received what, and the states that come of it.

A history is a sequence of updates. Each ran at one replica, in its home state: the merge of the deltas that the
replica had received by then, its own among them. Deltas travel apart and in any order, so what a replica had received
is any subset of the earlier updates, as long as it only grows (under causal delivery: and is closed under
"had received"). The states of the system are the merges of all subsets of deltas.

Subsets are bit masks: bit i is the i-th update of the history, from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from mergelaw.language.core import (
    DOT,
    Named,
    Program,
    Type,
    substitute,
)
from mergelaw.laws.domains import TEXTS, TIMES, Sources, argument_lists, dots_in, names_in, occurrences
from mergelaw.laws.reads import uses_replica, uses_time
from mergelaw.laws.symmetry import numbers, symmetry, types_inside
from mergelaw.semantics.context import EMPTY, CausalContext, Dot
from mergelaw.semantics.engine import Delta, Engine, UpdateRefused, frozen
from mergelaw.semantics.values import Raw

_DOTS = ((1, 1), (1, 2), (2, 1))
"""The dots that the updates of plain types are called with."""

_MOST_CALLS, _FEWEST_CALLS = 60, 4
"""How many calls are tried next, shared by the updates of a type, and how many at least of each."""

_NAMED_MOST = 2
"""How many of the numbers that a text names are tried as arguments."""

EngineFactory = Callable[[Program, Named], Engine]


@dataclass(frozen=True)
class Call:
    """One update as it was asked for; what it did is a `Move`."""

    replica: int
    update: str
    args: tuple[Raw, ...]
    when: int
    saw: int
    """The earlier updates that the replica had received."""


@dataclass(frozen=True, slots=True)
class Move:
    """One update as it ran; states are numbers given by `System.intern`."""

    call: Call
    home: int
    """The state it ran in."""
    delta: Delta
    message: int
    """The delta as a state."""
    after: int
    """The home state with the delta merged in."""
    known: int
    """What the replica holds then: what it had received, and this update."""


class Unreachable(Exception):
    """A call that no replica can make at this point: it would have to forget what it had received."""


class History:
    """A sequence of updates and the states it makes; immutable but for its cache."""

    __slots__ = ("_folds", "moves", "parent", "system")

    def __init__(self, system: System, parent: History | None, moves: tuple[Move, ...]) -> None:
        self.system = system
        self.parent = parent
        self.moves = moves
        self._folds: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.moves)

    @property
    def all(self) -> int:
        """The mask of all updates."""
        return (1 << len(self.moves)) - 1

    @property
    def calls(self) -> tuple[Call, ...]:
        """What to run to get this history again."""
        return tuple(m.call for m in self.moves)

    @property
    def replicas(self) -> int:
        """The greatest replica that made an update; 0 without updates."""
        return max((m.call.replica for m in self.moves), default=0)

    def state(self, mask: int) -> int:
        """The merge of the deltas in `mask`, in order of their updates, into zero."""
        if not mask:
            return self.system.zero
        found = self._folds.get(mask)
        if found is None:
            last = mask.bit_length() - 1
            if last < len(self.moves) - 1 and self.parent is not None:
                found = self.parent.state(mask)
            else:
                found = self.system.merge(self.state(mask & ~(1 << last)), self.moves[last].message)
            self._folds[mask] = found
        return found

    def own(self, replica: int) -> int:
        """The updates that `replica` made."""
        return sum(1 << i for i, m in enumerate(self.moves) if m.call.replica == replica)

    def known(self, replica: int) -> int:
        """What `replica` is known to hold: all it had received by its last update, and that."""
        return next((m.known for m in reversed(self.moves) if m.call.replica == replica), 0)

    def held(self, replica: int, mask: int) -> int:
        """The state that `replica` has when it holds just `mask`, which includes `known(replica)`.

        It merges what came after its last update into what it had then; that is `state(mask)` wherever merge is lawful.
        """
        last = next((m for m in reversed(self.moves) if m.call.replica == replica), None)
        if last is None:
            return self.state(mask)
        state = last.after
        for i in bits(mask & ~last.known):
            state = self.system.merge(state, self.moves[i].message)
        return state

    def closed(self, mask: int) -> bool:
        """Whether with each update `mask` has all that its replica had received."""
        return all(self.moves[i].call.saw & ~mask == 0 for i in bits(mask))

    def masks(self, *, new: bool = False) -> Iterator[int]:
        """The subsets that make states, small numbers first; `new`: only those with the last update in them."""
        start = 1 << (len(self.moves) - 1) if new and self.moves else 0
        for mask in range(start, 1 << len(self.moves)):
            if not self.system.causal or self.closed(mask):
                yield mask

    def next_number(self, replica: int) -> int:
        """The number of the next dot of `replica`."""
        return 1 + sum(len(m.delta.dots) for m in self.moves if m.call.replica == replica)


class System:
    """All histories of one type instance; interned states, memoised merges, and the levels explored so far."""

    def __init__(
        self,
        program: Program,
        t: Named,
        make: EngineFactory,
        replicas: int = 3,
        *,
        causal: bool = False,
        given: bool = False,
    ) -> None:
        """`given`: arguments of the type itself are any values, their dots those of the update."""
        self.program = program
        self.type = t
        self.definition = program.types[t.name]
        self.bindings: dict[str, Type] = {p.name: a for p, a in zip(self.definition.params, t.args, strict=True)}
        self.make = make
        self.engine = make(program, t)
        self.replicas = replicas
        self.causal = causal
        self._given = given
        self.symmetry = symmetry(program, t)
        self.numbers = _around(numbers(self.definition))
        """What arguments are tried for the sake of the numbers that the text of the type names."""
        self.reads_contexts = self.definition.kind == "store"
        self._values: list[tuple[Raw, CausalContext]] = []
        self._numbers: dict[tuple[Raw, CausalContext], int] = {}
        self._merges: dict[tuple[int, int], int] = {}
        self._deltas: dict[tuple[object, ...], tuple[Delta, int]] = {}
        self._taken = {u.name: self.engine.dots_taken(u.name) for u in self.definition.updates}
        self._part_engines: dict[Named, Engine] = {}
        self._dots: dict[int, tuple[Dot, ...]] = {}
        self.zero = self.intern(self.engine.zero(), EMPTY)
        self.start = History(self, None, ())
        self._levels: dict[tuple[int, int], _Level] = {}
        self._updates = tuple(
            (u.name, tuple(substitute(pt, self.bindings) for _, pt in u.params), uses_time(program, t, u.name))
            for u in self.definition.updates
        )
        self._most = max(_FEWEST_CALLS, _MOST_CALLS // max(1, len(self._updates)))
        names = [u.name for u in self.definition.updates]
        self._anonymous = (
            not self.reads_contexts and self.symmetry.replicas and not any(uses_replica(program, t, n) for n in names)
        )
        self._takes_dots = any(DOT in types_inside(program, pt) for _, types, _ in self._updates for pt in types)

    # -- states ------------------------------------------------------------------------------------

    def intern(self, value: Raw, seen: CausalContext) -> int:
        """The number of this state; the contexts of a plain type are dropped, as nothing in it can read them."""
        key = (value, seen if self.reads_contexts else EMPTY)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._values)
            self._values.append(key)
        return number

    def value(self, state: int) -> Raw:
        """The raw value of a state."""
        return self._values[state][0]

    def seen(self, state: int) -> CausalContext:
        """The context of a state; empty for plain types."""
        return self._values[state][1]

    def pair(self, state: int) -> tuple[Raw, CausalContext]:
        """Value and context."""
        return self._values[state]

    @property
    def states(self) -> int:
        """How many different states have been met."""
        return len(self._values)

    def merge(self, left: int, right: int) -> int:
        """The merge of two states, under both contexts."""
        found = self._merges.get((left, right))
        if found is None:
            (a, a_seen), (b, b_seen) = self._values[left], self._values[right]
            found = self._merges[left, right] = self.intern(self.engine.merge(a, a_seen, b, b_seen), a_seen | b_seen)
        return found

    # -- histories ---------------------------------------------------------------------------------

    def run(self, history: History, call: Call) -> History:
        """`history` with one more update.

        Raises: UpdateRefused, if its `requires` does not hold; Unreachable, if the replica holds more than `call.saw`.
        """
        if history.known(call.replica) & ~call.saw or call.saw & ~history.all:
            raise Unreachable(f"replica {call.replica} cannot run {call.update} then")
        if self.causal and not history.closed(call.saw):
            raise Unreachable("the update would break causal delivery")
        home = history.held(call.replica, call.saw)
        delta, message = self._delta(home, call, history.next_number(call.replica))
        known = call.saw | 1 << len(history.moves)
        move = Move(call, home, delta, message, self.merge(home, message), known)
        return History(self, history, (*history.moves, move))

    def _delta(self, home: int, call: Call, first: int) -> tuple[Delta, int]:
        """What `call` makes in state `home`, with dots from number `first` on; also as a state."""
        key = (home, call.replica, call.update, call.args, call.when, first)
        found = self._deltas.get(key)
        if found is None:
            dots = tuple((call.replica, first + i) for i in range(self._taken[call.update]))
            value, seen = self.pair(home)
            delta = self.engine.update(call.update, value, seen, call.args, call.replica, dots, call.when)
            found = self._deltas[key] = delta, self.intern(delta.value, delta.context)
        return found

    def replay(self, calls: tuple[Call, ...]) -> History:
        """The history of `calls`. Raises: as `run`."""
        history = self.start
        for call in calls:
            history = self.run(history, call)
        return history

    def histories(self, updates: int, slack: int = 0) -> Iterator[History]:
        """All histories with so many updates, up to renaming and up to the order of independent updates.

        Their replicas are numbered without gaps, but for `slack` of them.
        """
        return iter(self._level(updates, 0 if self.symmetry.replicas else min(slack, self.replicas - 1)))

    def _level(self, updates: int, slack: int) -> _Level:
        """The histories of `histories`; a gap may be filled by the next update, so shorter ones may have one more."""
        level = self._levels.get((updates, slack))
        if level is None:
            if updates == 0:
                level = _Level(iter((self.start,)))
            else:
                more = 0 if self.symmetry.replicas else min(slack + 1, self.replicas - 1)
                level = _Level(self._extended(self._level(updates - 1, more), slack))
            self._levels[updates, slack] = level
        return level

    def _extended(self, level: _Level, slack: int) -> Iterator[History]:
        met: set[frozenset[object]] = set()
        for history in level:
            for longer in self.extensions(history, slack=slack):
                key = _content(longer)
                if key not in met:
                    met.add(key)
                    yield longer

    def extensions(self, history: History, *, ordered: bool = True, slack: int | None = None) -> Iterator[History]:
        """All that one more update can make of `history`.

        Where an update gives the same delta though its replica had received less, only that is kept: it reaches
        more later states. `ordered`: of two independent updates in a row only one order is kept. `slack`: as in
        `histories`.
        """
        texts_used = self._texts_used(history)
        for replica in self.candidates(history):
            if slack is not None and gaps({replica, *(m.call.replica for m in history.moves)}) > slack:
                continue
            met: dict[tuple[object, ...], list[int]] = {}
            for saw in self._subsets(history, replica):
                home = history.held(replica, saw)
                for call in self._calls(history, replica, saw, home, texts_used):
                    if ordered and self._out_of_order(history, call):
                        continue
                    try:
                        longer = self.run(history, call)
                    except UpdateRefused:
                        continue
                    delta = longer.moves[-1].delta
                    key = (call.update, call.args, call.when, delta.value, delta.context, frozen(delta.footprint))
                    smaller = met.setdefault(key, [])
                    if any(s & ~saw == 0 for s in smaller):
                        continue
                    smaller.append(saw)
                    yield longer

    def candidates(self, history: History) -> range:
        """The replicas that may act next: numbered by first use where renaming them changes nothing.

        Where updates do not depend on who makes them, it is another one each time, as long as there are any: a replica
        of its own need not have received what others did.
        """
        unused = history.replicas + 1
        if self._anonymous and unused <= self.replicas:
            return range(unused, unused + 1)
        most = min(self.replicas, unused) if self.symmetry.replicas else self.replicas
        return range(1, most + 1)

    def _subsets(self, history: History, replica: int) -> list[int]:
        """What `replica` may have received, fewest updates first."""
        base = history.known(replica)
        masks = (m for m in range(1 << len(history)) if not base & ~m)
        return sorted((m for m in masks if not self.causal or history.closed(m)), key=lambda m: (m.bit_count(), m))

    def _calls(self, history: History, replica: int, saw: int, home: int, texts_used: int) -> Iterator[Call]:
        for name, types, timed in self._updates:
            for args in argument_lists(self.program, types, self.sources(history, replica, home, name), self._most):
                if self.symmetry.texts and not self._texts_in_order(types, args, texts_used):
                    continue
                for when in TIMES if timed else (0,):
                    yield Call(replica, name, args, when, saw)

    def sources(self, history: History, replica: int, home: int, update: str) -> Sources:
        """Where the arguments of an update at `home` may come from."""
        first = history.next_number(replica)
        dots = tuple((replica, first + i) for i in range(self._taken[update]))
        known = self._dots_of(home)
        if self._given and self.reads_contexts:
            known = dots
        held = names_in(self.program, self.type, self.value(home))
        replicas = tuple(range(1, self.replicas + 1))
        return Sources(replicas, known, lambda t: self.parts(t, replica, dots), held, self.numbers)

    def _dots_of(self, state: int) -> tuple[Dot, ...]:
        """The dots that an argument may name at `state`; none where no update takes a dot.

        In a store a dot is read out of the state; in a plain type, where dots are but data, a few come from anywhere.
        """
        if not self._takes_dots:
            return ()
        found = self._dots.get(state)
        if found is None:
            inside = dots_in(self.program, self.type, self.value(state))
            given = () if self.reads_contexts else _DOTS
            found = self._dots[state] = tuple(dict.fromkeys((*inside, *given)))
        return found

    def parts(self, t: Named, replica: int, dots: tuple[Dot, ...]) -> tuple[Raw, ...]:
        """States of `t` after one update of its own by `replica` with the first of `dots`, and its zero."""
        if self._given and t == self.type:
            return ()
        engine = self._part_engines.get(t)
        if engine is None:
            engine = self._part_engines[t] = self.make(self.program, t)
        definition = self.program.types[t.name]
        bindings = {p.name: a for p, a in zip(definition.params, t.args, strict=True)}
        found: dict[Raw, None] = {}
        for u in definition.updates:
            taken = engine.dots_taken(u.name)
            if taken > len(dots):
                continue
            types = tuple(substitute(pt, bindings) for _, pt in u.params)
            for args in argument_lists(self.program, types, Sources((replica,)), self._most):
                try:
                    found[engine.update(u.name, engine.zero(), EMPTY, args, replica, dots[:taken], 1).value] = None
                except UpdateRefused:
                    continue
        if definition.updates:
            found[engine.zero()] = None
        return tuple(found)

    def _texts_used(self, history: History) -> int:
        if not self.symmetry.texts:
            return 0
        types = {name: ts for name, ts, _ in self._updates}
        used = 0
        for m in history.moves:
            for text in self._texts(types[m.call.update], m.call.args):
                used = max(used, TEXTS.index(text) + 1)
        return used

    def _texts(self, types: tuple[Type, ...], args: tuple[Raw, ...]) -> Iterator[str]:
        for t, value in zip(types, args, strict=True):
            yield from (v for _, v in occurrences(self.program, t, value) if isinstance(v, str) and v in TEXTS)

    def _texts_in_order(self, types: tuple[Type, ...], args: tuple[Raw, ...], used: int) -> bool:
        for text in self._texts(types, args):
            place = TEXTS.index(text)
            if place > used:
                return False
            used = max(used, place + 1)
        return True

    def _out_of_order(self, history: History, call: Call) -> bool:
        """Whether `call` and the last update are independent and the other order is the one kept.

        The key of an update must survive renaming and reordering: every history has an order of its updates
        whose keys are least, and no two independent neighbours in it are out of order.
        """
        if not history.moves:
            return False
        last = history.moves[-1].call
        if last.replica == call.replica or call.saw >> (len(history) - 1) & 1:
            return False
        return self._key(call) < self._key(last)

    def _key(self, call: Call) -> tuple[int, int, int]:
        place = next(i for i, (name, _, _) in enumerate(self._updates) if name == call.update)
        return place, call.when, call.saw.bit_count()


class _Level:
    """The histories of one length, made when first asked for and kept."""

    def __init__(self, source: Iterator[History]) -> None:
        self._source = source
        self._made: list[History] = []

    def __iter__(self) -> Iterator[History]:
        i = 0
        while True:
            while i < len(self._made):
                yield self._made[i]
                i += 1
            following = next(self._source, None)
            if following is None:
                return
            self._made.append(following)


def _content(history: History) -> frozenset[object]:
    """What stays the same when independent updates change places: who did what, knowing what."""
    names = [m.delta.dots[-1] for m in history.moves]
    return frozenset(
        (names[i], m.call.update, m.call.args, m.call.when, frozenset(names[j] for j in bits(m.call.saw)))
        for i, m in enumerate(history.moves)
    )


def _around(named: tuple[int, ...]) -> tuple[int, ...]:
    """The greatest of the numbers named, and what is just beyond; 0, 1 and 2 are tried anyhow."""
    return tuple(dict.fromkeys(m for n in sorted(named, reverse=True)[:_NAMED_MOST] if n > 1 for m in (n, n + 1)))


def gaps(replicas: Collection[int]) -> int:
    """How many smaller numbers a set of replicas leaves out."""
    return max(replicas, default=0) - len(replicas)


def bits(mask: int) -> Iterator[int]:
    """The places of the ones in `mask`, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low

"""What is checked in every state, beside that those who received the same hold the same.

Each check is computed once for a state, or a pair of states, and remembered: a search meets the same states often.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from mergelaw.explore.model import Violation
from mergelaw.explore.tables import SHIFT, Tables, reads_context
from mergelaw.language.core import DOT, MapT, Named, Program, RecordT, Type, set_of
from mergelaw.language.span import Span
from mergelaw.laws.checks import universe
from mergelaw.laws.difference import differences
from mergelaw.laws.explain import Scene, reason
from mergelaw.laws.livedots import places
from mergelaw.laws.model import Shown
from mergelaw.laws.parts import PartProperty
from mergelaw.laws.wording import text
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import Engine, State
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.literals import show
from mergelaw.semantics.values import Raw, make_set

LAWS = ("identity", "idempotent", "commutative", "associative")

_DEPTH = 8
"""How many steps below the state a part is looked for; recursive types have no end."""


class Checks:
    """The properties of one type, decided state by state."""

    def __init__(self, tables: Tables, *, laws: bool = True) -> None:
        """`laws`: whether identity and idempotence are looked at too, because no proof says that they hold."""
        self.tables = tables
        self.laws = laws
        program, t = tables.program, tables.type
        found = list(properties(program, t))
        self._engines: dict[Named, Engine] = {t: tables.engine}
        self.invariants = [p for p in found if p.prop.kind == "invariant"]
        self.relations = [p for p in found if p.prop.kind == "compatible"]
        self.homes = [p for p in found if p.prop.kind == "home"]
        self.store = tables.system.definition.kind == "store"
        self.pairwise = bool(self.relations) or self.store
        """Whether there is anything to check of two states."""
        self.good: set[int] = set()
        """The states that were found to be as they should be."""
        self._bad: set[int] = set()
        self._pairs: dict[int, bool] = {}
        self._at_home: dict[tuple[int, int, int], bool] = {}
        self._lawful: set[frozenset[int]] = set()
        self._equal: set[tuple[int, ...]] = set()
        self._readers = {id(p) for p in found if reads_context(p.prop.body)}
        self._held: set[object] = set()
        self._found: dict[tuple[tuple[str | None, ...], int], dict[tuple[Raw, ...], Raw]] = {}
        self._zeros: dict[Named, Raw] = {}
        self._places: dict[int, dict[Dot, frozenset[str]]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What is checked."""
        own = [f"{p.prop.kind} {label(p)}" for p in (*self.invariants, *self.relations, *self.homes)]
        if self.store:
            own += ["live dots are seen", "a dot lives in one place"]
        return (*own, *(LAWS if self.laws else ()))

    # -- quick answers -----------------------------------------------------------------------------

    def state(self, state: int) -> bool:
        """Whether a state, or a delta by itself, is as it should be."""
        if state in self.good:
            return True
        if state in self._bad:
            return False
        fine = next(self.of_state(state), None) is None
        (self.good if fine else self._bad).add(state)
        return fine

    def pair(self, left: int, right: int) -> bool:
        """Whether two states that exist in one run go together."""
        key = left << SHIFT | right
        found = self._pairs.get(key)
        if found is None:
            found = self._pairs[key] = next(self.of_pair(left, right), None) is None
        return found

    def home(self, replica: int, mine: int, other: int) -> bool:
        """Whether what `replica` holds goes with any other state of the run."""
        key = (replica, mine, other)
        found = self._at_home.get(key)
        if found is None:
            found = self._at_home[key] = next(self.of_home(replica, mine, other), None) is None
        return found

    def together(self, states: frozenset[int]) -> bool:
        """Whether merge is commutative and associative on states and deltas of one moment."""
        if states in self._lawful:
            return True
        if next(self.of_laws(states), None) is not None:
            return False
        self._lawful.add(states)
        return True

    # -- full answers ------------------------------------------------------------------------------

    def of_state(self, state: int) -> Iterator[Violation]:
        """What is wrong with a state by itself."""
        system = self.tables.system
        value, seen = system.pair(state)
        for of in self.invariants:
            yield from self._property(of, (state,), None)
        if self.store:
            lost = CausalContext(self.tables.engine.dots(value)) - seen
            if lost:
                dots = ", ".join(show(system.program, DOT, d) for d in lost)
                details = (Shown("seen", show(system.program, set_of(DOT), make_set(seen))),)
                yield Violation("live dots are seen", f"a live dot must have been seen, but {dots} has not", details)
        if self.laws:
            zero = self.tables.zero
            for label_, found in (
                ("merge(s, zero)", system.merge(state, zero)),
                ("merge(zero, s)", system.merge(zero, state)),
            ):
                if system.value(found) != value:
                    because = "merging with an empty state changes the state"
                    yield self._law("identity", because, label_, found, state)
            twice = system.merge(state, state)
            if system.value(twice) != value:
                yield self._law("idempotent", "a state that arrives twice counts twice", "merge(s, s)", twice, state)

    def of_pair(self, left: int, right: int) -> Iterator[Violation]:
        """What is wrong with two states of one run."""
        for of in self.relations:
            yield from self._property(of, (left, right), None)
        if self.store:
            a, b = self._live(left), self._live(right)
            for dot in sorted(a):
                paths = a[dot] | b.get(dot, a[dot])
                if len(paths) > 1:
                    where = " and in ".join(f"`{p}`" for p in sorted(paths))
                    literal = show(self.tables.program, DOT, dot)
                    because = f"a dot may live in one place only, but {literal} lives in {where}"
                    yield Violation("a dot lives in one place", because)

    def of_home(self, replica: int, mine: int, other: int) -> Iterator[Violation]:
        """What is wrong between the state that a replica holds and another one."""
        for of in self.homes:
            yield from self._property(of, (mine, other), replica)

    def of_laws(self, states: frozenset[int]) -> Iterator[Violation]:
        """Where merge is not commutative or not associative on `states`."""
        merge = self.tables.merge
        equal = self._equal
        for a, b in product(states, repeat=2):
            if a < b and (a, b) not in equal:
                if merge(a, b) != merge(b, a):
                    because = "merge is not commutative: who merges whom makes a difference"
                    sides = ("merge(a, b)", merge(a, b)), ("merge(b, a)", merge(b, a))
                    yield self._unequal("commutative", because, (("a", a), ("b", b)), sides)
                equal.add((a, b))
        for a, b, c in product(states, repeat=3):
            if (a, b, c) not in equal:
                left, right = merge(merge(a, b), c), merge(a, merge(b, c))
                if left != right:
                    because = "merge is not associative: the result depends on which two states meet first"
                    sides = ("merge(merge(a, b), c)", left), ("merge(a, merge(b, c))", right)
                    yield self._unequal("associative", because, (("a", a), ("b", b), ("c", c)), sides)
                equal.add((a, b, c))

    def _unequal(
        self, law: str, because: str, inputs: tuple[tuple[str, int], ...], sides: tuple[tuple[str, int], ...]
    ) -> Violation:
        system = self.tables.system
        details = tuple(Shown(n, show(system.program, system.type, system.value(s))) for n, s in (*inputs, *sides))
        left, right = (system.value(s) for _, s in sides)
        places_ = tuple(d.path for d in differences(system.program, system.type, left, right) if d.path)
        return Violation(law, because, details, self._merge_span(), places_)

    def _merge_span(self) -> Span:
        definition = self.tables.system.definition
        return definition.merge.span if definition.merge is not None else definition.span

    def _law(self, law: str, because: str, name: str, found: int, state: int) -> Violation:
        system = self.tables.system
        left, right = system.value(found), system.value(state)
        details = tuple(Shown(n, show(system.program, system.type, v)) for n, v in ((name, left), ("s", right)))
        differs = tuple(d.path for d in differences(system.program, system.type, left, right) if d.path)
        return Violation(law, because, details, self._merge_span(), differs)

    def _property(self, of: PartProperty, states: tuple[int, ...], replica: int | None) -> Iterator[Violation]:
        system = self.tables.system
        found = [self._parts(of, s) for s in states]
        nothing = self._nothing(of)
        contexts = tuple(system.seen(s) for s in states) if id(of) in self._readers else ()
        for keys in dict.fromkeys(k for parts in found for k in parts):
            values = tuple(parts.get(keys, nothing) for parts in found)
            key = (id(of), replica, values, contexts)
            if key in self._held:
                continue
            read = tuple((v, system.seen(s)) for v, s in zip(values, states, strict=True))
            if self._engine(of.type).holds(of.prop, read, replica, universe(system, states, system.replicas)):
                self._held.add(key)
            else:
                yield self._explained(of, self._path(of, keys), states, read, replica)

    def _engine(self, t: Named) -> Engine:
        engine = self._engines.get(t)
        if engine is None:
            engine = self._engines[t] = self.tables.system.make(self.tables.program, t)
        return engine

    def _nothing(self, of: PartProperty) -> Raw:
        """What a part is where nothing was written; the key () of the state itself is always there."""
        found = self._zeros.get(of.type)
        if found is None:
            found = self._zeros[of.type] = self._engine(of.type).zero()
        return found

    def _parts(self, of: PartProperty, state: int) -> dict[tuple[Raw, ...], Raw]:
        """The parts of a state that a property is about, by the keys of the maps on the way to them."""
        at = (of.steps, state)
        found = self._found.get(at)
        if found is None:
            system = self.tables.system
            found = self._found[at] = dict(parts(system.program, system.type, system.value(state), of.steps))
        return found

    def _path(self, of: PartProperty, keys: tuple[Raw, ...]) -> str:
        """Where a part is, as the language writes it."""
        program, t = self.tables.program, self.tables.program.unfold(self.tables.type)
        path, left = "", list(keys)
        for step in of.steps:
            if isinstance(t, RecordT) and step is not None:
                path, t = (f"{path}.{step}" if path else step), dict(t.fields)[step]
            elif isinstance(t, MapT):
                path, t = f"{path}[{show(program, t.key, left.pop(0))}]", t.value
            t = program.unfold(t)
        return path

    def _explained(
        self, of: PartProperty, path: str, states: tuple[int, ...], read: tuple[State, ...], replica: int | None
    ) -> Violation:
        system, prop = self.tables.system, of.prop
        values: dict[str, Raw] = {n: v for n, (v, _) in zip(prop.states, read, strict=True)}
        shown = [Shown(f"{n}.{path}" if path else n, show(system.program, of.type, v)) for n, v in values.items()]
        if prop.replica is not None:
            values[prop.replica] = replica
            shown.append(Shown(prop.replica, str(replica)))
        seen = {n: s for n, (_, s) in zip(prop.states, read, strict=True)}
        ranges = universe(system, states, system.replicas)
        why = reason(Scene(Interpreter(system.program, of.type), values, seen, ranges), prop.body)
        shown += [Shown(v.label, show(system.program, v.type, v.value)) for v in (*why.bound, *why.results)]
        place = f" of `{path}`" if path else ""
        said = f"`{text(why.part)}` is {'false' if why.expected else 'true'}"
        because = f"{prop.kind} {prop.name}{place} does not hold: {said}"
        return Violation(f"{prop.kind} {label(of)}", because, tuple(shown), prop.span)

    def _live(self, state: int) -> dict[Dot, frozenset[str]]:
        found = self._places.get(state)
        if found is None:
            found = {}
            system = self.tables.system
            for dot, path in places(system.program, system.type, system.value(state)):
                found[dot] = found.get(dot, frozenset()) | {path}
            self._places[state] = found
        return found


def parts(
    program: Program, t: Type, value: Raw, steps: tuple[str | None, ...]
) -> Iterator[tuple[tuple[Raw, ...], Raw]]:
    """The parts of a value at `steps` that are not zero for want of a key, each with the keys on the way."""
    if not steps:
        yield (), value
        return
    t = program.unfold(t)
    if isinstance(t, RecordT) and steps[0] is not None:
        i = t.position(steps[0])
        yield from parts(program, t.fields[i][1], value[i], steps[1:])
    elif isinstance(t, MapT):
        for key, below in value.items():
            for keys, part in parts(program, t.value, below, steps[1:]):
                yield (key, *keys), part


def label(of: PartProperty) -> str:
    """The name of a property, with the way to the part that it is of."""
    where = "".join("[]" if s is None else f".{s}" for s in of.steps).removeprefix(".")
    return f"{where}.{of.prop.name}" if where else of.prop.name


def properties(program: Program, t: Named) -> Iterator[PartProperty]:
    """The properties of a type and of its parts, down to a depth that recursive types never reach the end of."""
    todo: list[tuple[tuple[str | None, ...], Type, frozenset[Named]]] = [((), t, frozenset())]
    while todo:
        steps, of, above = todo.pop(0)
        match of:
            case Named() if of not in above and len(steps) <= _DEPTH:
                for prop in program.types[of.name].properties:
                    yield PartProperty(steps, of, prop)
                todo.append((steps, program.state_type(of), above | {of}))
            case RecordT(fields):
                todo += [((*steps, name), f, above) for name, f in fields]
            case MapT(_, item):
                todo.append(((*steps, None), item, above))
            case _:
                pass

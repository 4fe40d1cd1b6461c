"""What refutes a theorem: a history, states of it, the updates that the theorem makes, and updates after those.

A theorem's updates run as further updates of the history, at the replicas it names after `by`; each such replica
holds the state that the update is asked of. A parameter marked `later` is the merge of any deltas, those of the
theorem and of updates made afterwards included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import permutations, product

from mergelaw.language import core
from mergelaw.language.core import Apply, Expr, TheoremDef, Type, children, substitute
from mergelaw.laws.checks import universe
from mergelaw.laws.domains import TIMES, Sources, argument_lists, dots_in, names_in
from mergelaw.laws.explain import Failure, Scene, StateIn, ValueOf, computed_states, reason
from mergelaw.laws.reads import uses_time
from mergelaw.laws.system import Call, History, System, Unreachable, bits, gaps
from mergelaw.laws.wording import text
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import State, Universe, UpdateRefused
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.values import Raw, is_zero

THEOREM_TIMES = (*TIMES, TIMES[-1] + 1)
"""The times of a theorem's updates and the values of its Time parameters: one later than all of the history."""
_MOST_VALUES = 150
"""How many combinations of a theorem's other parameters are tried on the same states."""
_COMPILED_AFTER = 30
"""A theorem that was looked at so often is compiled; most are not, and compiling takes a moment."""


@dataclass(frozen=True)
class Instance:
    """One way to fill in a theorem over a history."""

    masks: tuple[int, ...]
    """Its states, in the order of their parameters."""
    actors: tuple[int, ...]
    """The replicas of its updates: those of the variables after `by`, then those of the updates without `by`."""
    values: tuple[Raw, ...]
    """Its other parameters."""
    times: tuple[int, ...]
    """The times of its updates that read the clock and do not say `when`."""
    further: tuple[Call, ...] = ()
    """Updates made after the theorem's own."""
    later: tuple[int, ...] = ()
    """The masks of its `later` states."""

    def renamed(self, names: Mapping[int, int]) -> Instance:
        """The instance with the replicas of its updates renamed; its other values stay."""
        further = tuple(replace(c, replica=names.get(c.replica, c.replica)) for c in self.further)
        return replace(self, actors=tuple(names.get(a, a) for a in self.actors), further=further)


class Theorem:
    """A theorem, taken apart for exploring; of one system."""

    def __init__(self, system: System, definition: TheoremDef) -> None:
        self.definition = definition
        self.system = system
        self.body = inlined(definition.body)
        self.states = tuple(
            n for n, t in definition.params if t == system.definition.self_type and n not in definition.later
        )
        self.later = tuple(n for n, _ in definition.params if n in definition.later)
        self.applies = _applies(self.body)
        """Its updates, each once, a nested one before the one around it; see `number`."""
        self._numbers = {id(a): n for n, a in enumerate(self.applies)}
        named = {a.by.name: None for a in self.applies if isinstance(a.by, core.Var)}
        self.by = tuple(n for n, _ in definition.params if n in named)
        self.nameless = tuple(a for a in self.applies if a.by is None)
        self.others = tuple(
            (n, substitute(t, system.bindings))
            for n, t in definition.params
            if n not in self.states and n not in self.later and n not in self.by
        )
        self.timed = tuple(
            a for a in self.applies if a.when is None and uses_time(system.program, system.type, a.update)
        )
        outer = frozenset(n for n, _ in definition.params) - frozenset(self.later)
        self.early = tuple(a for a in self.applies if _free(a) <= outer)
        """Those that depend neither on later states nor on variables bound inside."""
        self.interpreter = Interpreter(system.program, system.type)

    def number(self, apply: Apply) -> int:
        """Which of its updates `apply`, a part of its body, equals."""
        found = self._numbers.get(id(apply))
        if found is None:
            found = self._numbers[id(apply)] = self.applies.index(apply)
        return found

    @property
    def updates(self) -> int:
        """How many updates it makes itself."""
        return len(self.applies)


class Run:
    """The evaluation of one instance of a theorem; grows the history as the theorem's updates run."""

    def __init__(self, theorem: Theorem, history: History, instance: Instance) -> None:
        self.theorem = theorem
        self.history = history
        self.instance = instance
        self._masks = dict(zip(theorem.states, instance.masks, strict=True))
        # Of updates, by number: their bits, their results by arguments and replica, and their times.
        self._bits: dict[int, int] = {}
        self._results: dict[tuple[int, tuple[Raw, ...], int], State] = {}
        self._times = dict(zip(map(theorem.number, theorem.timed), instance.times, strict=True))
        named = len(theorem.by)
        self._actors = dict(zip(map(theorem.number, theorem.nameless), instance.actors[named:], strict=True))
        system = history.system
        self.values: dict[str, Raw] = {n: v for (n, _), v in zip(theorem.others, instance.values, strict=True)}
        self.values |= zip(theorem.by, instance.actors, strict=False)
        self.seen: dict[str, CausalContext] = {}
        for name, mask in self._masks.items():
            self.values[name], self.seen[name] = system.pair(history.state(mask))

    def begin(self) -> None:
        """Runs the updates that depend on no later state. Raises: Unreachable, UpdateRefused."""
        for apply in self.theorem.early:
            self.state(apply)

    def state(self, e: Expr) -> State:
        """The state that `e` denotes, with its context; the common forms need no interpreter.

        Raises: Unreachable, UpdateRefused.
        """
        system = self.history.system
        match e:
            case core.Var(_, name) if name in self.seen:
                return self.values[name], self.seen[name]
            case core.Merge(t, left, right) if t == system.definition.self_type:
                return system.pair(system.merge(system.intern(*self.state(left)), system.intern(*self.state(right))))
            case Apply():
                by = None if e.by is None else self._plain(e.by)
                when = None if e.when is None else self._plain(e.when)
                return self._apply(e, self.state(e.subject), tuple([self._plain(a) for a in e.args]), by, when)
            case _:
                return self.scene().state(e)

    def _plain(self, e: Expr) -> Raw:
        if isinstance(e, core.Var):
            return self.values[e.name]
        return e.value if isinstance(e, core.Lit) else self.scene().value(e)

    def resume(self, instance: Instance, history: History) -> None:
        """Goes on in `history`, which has further updates, with the later states that `instance` names."""
        self.instance = instance
        self.history = history
        for name, mask in zip(self.theorem.later, instance.later, strict=True):
            self._masks[name] = mask
            self.values[name], self.seen[name] = history.system.pair(history.state(mask))

    def scene(self) -> Scene:
        """What the theorem's expressions are evaluated in."""
        return Scene(self.theorem.interpreter, self.values, self.seen, self.universe(), self._apply)

    def universe(self) -> Universe:
        """What quantifiers without source range over."""
        system = self.history.system
        states = [system.intern(v, s) for v, s in self._results.values()]
        states += [system.intern(self.values[n], c) for n, c in self.seen.items()]
        return universe(system, tuple(states), max((system.replicas, *self.instance.actors)))

    def mask(self, e: Expr) -> int | None:
        """The deltas that a state expression is the merge of; None if its form does not tell."""
        match e:
            case core.Var(_, name):
                return self._masks.get(name)
            case core.Apply():
                before = self.mask(e.subject)
                bit = self._bits.get(self.theorem.number(e))
                return None if before is None or bit is None else before | 1 << bit
            case core.Merge(_, left, right):
                a, b = self.mask(left), self.mask(right)
                return None if a is None or b is None else a | b
            case _:
                return None

    def _apply(self, node: Apply, state: State, args: tuple[Raw, ...], by: int | None, when: int | None) -> State:
        number = self.theorem.number(node)
        replica = self._actors[number] if by is None else by
        key = (number, args, replica)
        if key in self._results:
            return self._results[key]
        mask = self.mask(node.subject)
        if mask is None:
            raise Unreachable(f"{node.span}: no replica is known to hold that state")
        history = self.history
        if history.own(replica) & ~mask:
            raise Unreachable(f"replica {replica} holds more than that state")
        time = self._times.get(number, 0) if when is None else when
        longer = history.system.run(history, Call(replica, node.update, args, time, mask))
        move = longer.moves[-1]
        if history.system.value(move.home) != state[0]:
            raise Unreachable(f"replica {replica} holds another state")
        self._bits[number] = len(history)
        self.history = longer
        self._results[key] = history.system.pair(move.after)
        return self._results[key]


class Judgement:
    """Whether an expression of a theorem holds in a run; compiled once it has been asked for often enough."""

    def __init__(self, theorem: Theorem, e: Expr) -> None:
        self.theorem = theorem
        self.e = e
        self._asked = 0
        self._computed: dict[Expr, str] = {}
        self._compiled: Callable[..., bool] | None = None

    def holds(self, run: Run) -> bool:
        """The truth of the expression. Raises: Unreachable, UpdateRefused."""
        self._asked += 1
        if self._asked == _COMPILED_AFTER:
            self._compile()
        if self._compiled is None:
            return bool(run.scene().value(self.e))
        states = [(run.values[n], run.seen[n]) for n in (*self.theorem.states, *self.theorem.later)]
        states += [run.state(e) for e in self._computed]
        values = [run.values[n] for n, _ in self.theorem.definition.params if n not in run.seen]
        return self._compiled(*(part for state in states for part in state), *values, run.universe())

    def _compile(self) -> None:
        theorem, engine = self.theorem, self.theorem.system.engine
        params = theorem.definition.params
        plain = _named_states(self.e, frozenset(n for n, _ in params), self._computed)
        if plain is not None and isinstance(engine, Compiled):
            states: list[tuple[str, Type]] = [(n, theorem.system.definition.self_type) for n in theorem.states]
            states += [(n, theorem.system.definition.self_type) for n in theorem.later]
            values = [(n, t) for n, t in params if n not in dict(states)]
            states += [(name, e.type) for e, name in self._computed.items()]
            self._compiled = engine.claim(plain, tuple(states), tuple(values))


class TheoremCheck:
    """Looks for instances of a theorem that are false."""

    def __init__(self, system: System, definition: TheoremDef) -> None:
        self.theorem = Theorem(system, definition)
        self.system = system
        self._met: set[object] = set()
        self._in_states: dict[int, tuple[frozenset[Dot], tuple[tuple[Type, Raw], ...]]] = {}
        self._body = Judgement(self.theorem, self.theorem.body)
        self._premises = Judgement(self.theorem, premises(self.theorem.body))

    def instances(self, updates: int, spend: Callable[[], None]) -> Iterator[tuple[History, Run]]:
        """All reachable instances with so many updates in all, ready to evaluate; none twice that looks the same.

        `spend` is called for all that is looked at, and may end the search by raising.
        """
        theorem = self.theorem
        spare = updates - theorem.updates
        for further in range(spare + 1 if theorem.later else min(spare, 0) + 1):
            for history in self.system.histories(spare - further, len(theorem.by) + len(theorem.nameless)):
                spend()
                for instance in self._filled(history):
                    spend()
                    yield from self._runs(history, instance, further, spend)

    def _runs(
        self, history: History, instance: Instance, further: int, spend: Callable[[], None]
    ) -> Iterator[tuple[History, Run]]:
        theorem = self.theorem
        run = Run(theorem, history, instance)
        try:
            run.begin()
        except (Unreachable, UpdateRefused):
            return
        if not theorem.later:
            yield history, run
            return
        key = (self._key(history, instance.masks, instance.actors), instance.values, instance.times)
        grown = run.history
        for extended in self._extended(grown, further):
            calls = extended.calls[len(grown) :]
            needed = extended.all & ~grown.all
            spend()
            for masks in product(list(extended.masks()), repeat=len(theorem.later)):
                if needed & ~_reached(extended, masks):
                    continue
                full = (key, tuple(extended.state(m) for m in masks))
                if full in self._met:
                    continue
                self._met.add(full)
                again = Run(theorem, history, instance)
                again.begin()
                spend()
                again.resume(replace(instance, further=calls, later=masks), extended)
                yield history, again

    def _extended(self, history: History, further: int) -> Iterator[History]:
        if further == 0:
            yield history
            return
        for longer in self.system.extensions(history, ordered=False):
            yield from self._extended(longer, further - 1)

    def _key(self, history: History, masks: tuple[int, ...], actors: tuple[int, ...]) -> object:
        """What an instance can tell of a history: states, the dots that its updates will take, and who holds what."""
        states = tuple(history.state(m) for m in masks)
        dots = tuple(history.next_number(r) for r in actors)
        unions = [0]
        for mask in masks:
            unions += [u | mask for u in unions]
        allowed = tuple(history.known(r) & ~u == 0 for r in actors for u in unions)
        return states, actors, dots, allowed

    def _filled(self, history: History) -> Iterator[Instance]:
        theorem = self.theorem
        masks = list(history.masks())
        for chosen in product(masks, repeat=len(theorem.states)):
            if not theorem.later and history.all & ~_reached(history, chosen):
                continue
            for actors in self._actors(history):
                if not self._may_hold(history, dict(zip(theorem.states, chosen, strict=True)), actors):
                    continue
                if not theorem.later:
                    key = self._key(history, chosen, actors)
                    if key in self._met:
                        continue
                    self._met.add(key)
                for values in self._values(history, chosen, actors):
                    for times in product(THEOREM_TIMES, repeat=len(theorem.timed)):
                        yield Instance(chosen, actors, values, times)

    def _actors(self, history: History) -> Iterator[tuple[int, ...]]:
        """Distinct replicas for the theorem's updates; unused ones in order where renaming changes nothing."""
        theorem, used = self.theorem, history.replicas
        names = len(theorem.by)
        pool = max(self.system.replicas, used + len(theorem.nameless), len(theorem.by) + len(theorem.nameless))
        for actors in permutations(range(1, pool + 1), names + len(theorem.nameless)):
            if any(history.own(r) for r in actors[names:]):
                continue
            if gaps({*actors, *(m.call.replica for m in history.moves)}):
                continue
            if self.system.symmetry.replicas:
                fresh = [r for r in actors if r > used]
                if fresh != list(range(used + 1, used + 1 + len(fresh))):
                    continue
            yield actors

    def _may_hold(self, history: History, masks: dict[str, int], actors: tuple[int, ...]) -> bool:
        """Whether each replica holds the parameter that its update is asked of; other subjects: at run time."""
        replicas = dict(zip(self.theorem.by, actors, strict=False))
        for apply in self.theorem.applies:
            if isinstance(apply.by, core.Var) and isinstance(apply.subject, core.Var):
                known = history.known(replicas[apply.by.name])
                if apply.subject.name in masks and known & ~masks[apply.subject.name]:
                    return False
        return True

    def _values(self, history: History, masks: tuple[int, ...], actors: tuple[int, ...]) -> Iterator[tuple[Raw, ...]]:
        system = self.system
        dots: set[Dot] = set()
        held: dict[tuple[Type, Raw], None] = {}
        for mask in masks:
            in_state, names = self._named(history.state(mask))
            dots |= in_state
            held |= dict.fromkeys(names)
        replicas = tuple(range(1, max((system.replicas, *actors)) + 1))
        sources = Sources(
            replicas,
            tuple(sorted(dots)),
            lambda t: system.parts(t, actors[0] if actors else 1, ()),
            tuple(held),
            system.numbers,
            wide=True,
        )
        yield from argument_lists(system.program, tuple(t for _, t in self.theorem.others), sources, _MOST_VALUES)

    def _named(self, state: int) -> tuple[frozenset[Dot], tuple[tuple[Type, Raw], ...]]:
        """The dots and the names that a state can hand to an argument."""
        found = self._in_states.get(state)
        if found is None:
            system = self.system
            value, seen = system.pair(state)
            dots = frozenset((*dots_in(system.program, system.type, value), *seen))
            found = self._in_states[state] = dots, names_in(system.program, system.type, value)
        return found

    def holds(self, run: Run) -> bool:
        """Whether the theorem holds; also where one of its updates cannot be made."""
        try:
            return self._body.holds(run)
        except (Unreachable, UpdateRefused):
            return True

    def rerun(self, history: History, instance: Instance) -> Run | None:
        """The run of `instance` over `history`; None if it is not reachable."""
        run = Run(self.theorem, history, instance)
        if any(m & ~history.all for m in instance.masks):
            return None
        try:
            run.begin()
            grown = run.history
            for call in instance.further:
                grown = grown.system.run(grown, call)
        except (Unreachable, UpdateRefused):
            return None
        run.resume(instance, grown)
        return run

    def judge(self, history: History, instance: Instance) -> Failure | None:
        """The failure of one instance; None if the theorem holds there or the instance cannot be reached."""
        run = self.rerun(history, instance)
        if run is None or self.holds(run):
            return None
        scene = run.scene()
        why = reason(scene, self.theorem.body)
        said = f"`{text(why.part)}` is {'false' if why.expected else 'true'}"
        because = f"theorem {self.theorem.definition.name} does not hold: {said}"
        return replace(
            self.tell(run, because),
            bound=(*self._bound(run), *why.bound),
            results=why.results,
            compared=why.compared,
            ends=self._ends(run, why.scene, why.part),
        )

    def tell(self, run: Run, because: str) -> Failure:
        """The states of a run and how they came about, without any result."""
        theorem, history = self.theorem, run.history
        inputs = tuple(
            StateIn(n, run.values[n], run.seen[n], run.mask(core.Var(history.system.type, n)), self._holder(run, n))
            for n, _ in theorem.definition.params
            if n in run.seen
        )
        ends = self._ends(run, run.scene(), theorem.body)
        return Failure(history, inputs, self._bound(run), (), because, ends=ends, span=theorem.definition.span)

    def _holder(self, run: Run, name: str) -> int | None:
        for a in self.theorem.applies:
            if a.subject == core.Var(a.subject.type, name) and isinstance(a.by, core.Var):
                return int(run.values[a.by.name])
        return None

    def _bound(self, run: Run) -> tuple[ValueOf, ...]:
        types = dict(self.theorem.others) | dict.fromkeys(self.theorem.by, core.REPLICA)
        return tuple(ValueOf(n, types[n], run.values[n]) for n, _ in self.theorem.definition.params if n in types)

    def _ends(self, run: Run, scene: Scene, part: Expr) -> tuple[StateIn, ...]:
        return tuple(_end(run, scene, e) for e in computed_states(part))

    def witnessed(self, run: Run) -> bool:
        """Whether the premises hold in this run, over a state that is not zero."""
        try:
            if not self._premises.holds(run):
                return False
            self._body.holds(run)
        except (Unreachable, UpdateRefused):
            return False
        system = self.system
        if not self.theorem.states and not self.theorem.later:
            return True
        return any(not is_zero(system.program, system.type, run.values[n]) for n in run.seen)


def _end(run: Run, scene: Scene, e: Expr) -> StateIn:
    """A state expression with its value; a merge with those of its sides."""
    value, seen = scene.state(e)
    sides = (_end(run, scene, e.left), _end(run, scene, e.right)) if isinstance(e, core.Merge) else None
    return StateIn(text(e), value, seen, run.mask(e), None, sides)


def premises(e: Expr) -> Expr:
    """What must hold for a claim not to be vacuous: the left sides of its implications."""
    match e:
        case core.Op(t, "implies", (left, right)):
            return core.Op(t, "and", (left, premises(right)))
        case core.Op(t, "and", args):
            return core.Op(t, "and", tuple(premises(a) for a in args))
        case core.Quant(t, "forall", var, var_type, source, body):
            return core.Quant(t, "exists", var, var_type, source, premises(body))
        case core.Let(t, name, value, body):
            return core.Let(t, name, value, premises(body))
        case core.If(t, condition, then, orelse):
            return core.If(t, condition, premises(then), premises(orelse))
        case _:
            return core.Lit(core.BOOL, True)


def _reached(history: History, masks: tuple[int, ...]) -> int:
    """The updates that `masks` hold, or that those knew of."""
    total = 0
    for mask in masks:
        total |= mask
    for i in reversed(list(bits(history.all))):
        if total >> i & 1:
            total |= history.moves[i].call.saw
    return total


def _applies(e: Expr) -> tuple[Apply, ...]:
    found: dict[Apply, None] = {}

    def walk(x: Expr) -> None:
        for c in children(x):
            walk(c)
        if isinstance(x, Apply):
            found[x] = None

    walk(e)
    return tuple(found)


def _free(e: Expr) -> frozenset[str]:
    """The variables in `e`; those that `e` binds itself count too, which only makes it look more dependent."""
    own = {e.name} if isinstance(e, core.Var) else {e.state} if isinstance(e, core.Seen) else set()
    return frozenset(own).union(*(_free(c) for c in children(e)))


def inlined(e: Expr) -> Expr:
    """`e` with `let`s of states made by updates or merges replaced by what they stand for."""
    if isinstance(e, core.Let):
        value = inlined(e.value)
        if _makes_states(value):
            body = inlined(put(e.body, e.name, value))
            return replace(e, value=value, body=body) if _reads_context(body, e.name) else body
    return _mapped(e, inlined)


def _named_states(e: Expr, bound: frozenset[str], names: dict[Expr, str]) -> Expr | None:
    """`e` with names for the states that it computes, which are collected in `names`.

    None if one of them depends on other variables than `bound`.
    """
    inside = False

    def walk(x: Expr) -> Expr:
        nonlocal inside
        if not isinstance(x, Apply | core.Merge):
            return _mapped(x, walk)
        inside = inside or not _free(x) <= bound
        return core.Var(x.type, names.setdefault(x, f"state {len(names)}"))

    plain = walk(e)
    return None if inside else plain


def _makes_states(e: Expr) -> bool:
    return isinstance(e, core.Apply | core.Merge) or any(_makes_states(c) for c in children(e))


def _reads_context(e: Expr, name: str) -> bool:
    return (isinstance(e, core.Seen) and e.state == name) or any(_reads_context(c, name) for c in children(e))


def put(e: Expr, name: str, value: Expr) -> Expr:
    """`e` with `value` for the variable `name`."""
    match e:
        case core.Var(_, n) if n == name:
            return value
        case core.Let(_, n, _, _) if n == name:
            return replace(e, value=put(e.value, name, value))
        case core.Quant(var=var, source=source) | core.SeqFor(var=var, source=source) if var == name:
            return e if source is None else replace(e, source=put(source, name, value))
        case core.Build(var=var) | core.Pick(var=var) if var == name:
            return e
        case _:
            return _mapped(e, lambda x: put(x, name, value))


def _mapped(e: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`e` with `change` applied to its direct subexpressions."""

    def each(x: object) -> object:
        if isinstance(x, Expr):
            return change(x)
        if isinstance(x, tuple):
            return tuple(each(i) for i in x)
        return x

    changed = {f.name: each(getattr(e, f.name)) for f in fields(e) if f.name not in ("type", "span")}
    return replace(e, **changed)  # type: ignore[arg-type]

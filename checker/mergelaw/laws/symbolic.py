"""Symbolic values, and the logic they live in: ground terms, defined quantifiers, instantiation.

A symbolic value mirrors the raw value of its type, with terms at the leaves and closures for maps, so that
a map is only ever looked at key by key. A quantifier is a defined Boolean B: a fresh witness for "not B", and
one instance for every ground value of the bound type for "B". So formulas stay quantifier-free; leaving out
instances can only lose proofs, never make a false one.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from mergelaw.language.core import Type
from mergelaw.laws import smt
from mergelaw.laws.smt import FALSE, TRUE, Term, and_, eq, implies, ite, not_, or_

ENCODING_SECONDS = 6.0
"""How long the encoding of one attempt may take."""

OBSERVER = "Observer:"
"""Prefix of the type names of the observers of abstract values."""


class Unsupported(Exception):
    """The construct has no encoding; the obligation is left to the finder and reported as unknown."""


class BudgetExceeded(Exception):
    """The encoding grew beyond its limit; the obligation is left to the finder and reported as unknown."""


@dataclass(frozen=True, eq=False)
class Tup:
    """A tuple, a record or a Dot (replica, number)."""

    items: tuple[Sym, ...]

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """As in `flatten`."""
        return tuple([t for i in self.items for t in flatten(i)])


@dataclass(frozen=True, eq=False)
class Opt:
    """An Option; `item` is arbitrary where `present` is false."""

    present: Term
    item: Sym

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """As in `flatten`."""
        return (self.present, *[_blank(self.present, t) for t in flatten(self.item)])


@dataclass(frozen=True, eq=False)
class Enm:
    """A value of an enum: `tag` is the variant's number, `payloads` one tuple a variant."""

    tag: Term
    payloads: tuple[tuple[Sym, ...], ...]

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """As in `flatten`."""
        out = [self.tag]
        for n, payload in enumerate(self.payloads):
            here = eq(self.tag, smt.integer(n))
            out.extend([_blank(here, t) for p in payload for t in flatten(p)])
        return tuple(out)


class Fun:
    """A map: a function of symbolic keys, remembered by key."""

    __slots__ = ("_fn", "_memo", "key", "name", "origin", "value", "zero")

    def __init__(
        self, key: Type, value: Type, fn: Callable[[Sym], Sym], *, zero: bool = False, origin: str | None = None
    ) -> None:
        """`zero`: the function is zero everywhere. `origin`: the place in a state that it is the map of."""
        self.origin = origin
        self.name: tuple[str, tuple[Term, ...]] | None = None
        """Of an arbitrary map: its name and the keys it was read at."""
        self.key = key
        self.value = value
        self.zero = zero
        self._fn = fn
        self._memo: dict[tuple[Term, ...], Sym] = {}

    def __call__(self, key: Sym) -> Sym:
        """The value at `key`."""
        terms = (key,) if isinstance(key, Term) else flatten(key)
        found = self._memo.get(terms)
        if found is None:
            found = self._memo[terms] = self._fn(key)
        return found


@dataclass(frozen=True, eq=False)
class Abs:
    """A value of a type parameter with a merge, or of a recursive type inside itself.

    The pair (value, context) is a point of a join-semilattice, hence a set of observers under union; `observe`
    tells which. `atoms` names the contexts it has been merged under; None stands for a zero whose context is
    not known yet. `live` holds of its live dots.
    """

    kind: str
    """Name of the parameter or recursive type."""
    lattice: bool
    """A plain lattice: contexts do not matter and its zero has no observers."""
    observe: Callable[[Term], Term] | None
    live: Callable[[Tup], Term]
    atoms: frozenset[str]
    name: tuple[str, tuple[Term, ...]] | None = None
    """Of an arbitrary value: its name and the keys it was read at."""


Sym = Term | Tup | Opt | Enm | Fun | Abs


def flatten(v: Sym) -> tuple[Term, ...]:
    """The terms that determine `v`, equal for equal values. Raises: Unsupported for maps."""
    if isinstance(v, Term):
        return (v,)
    if isinstance(v, Tup | Opt | Enm):
        return v.terms
    raise Unsupported("a map cannot be a key here")


def _blank(present: Term, t: Term) -> Term:
    blank = FALSE if t.sort == smt.BOOL else smt.integer(0) if t.sort == smt.INT else smt.real(0)
    return ite(present, t, blank)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    value: Sym
    level: int
    origin: str | None


@dataclass(slots=True, eq=False)
class _Table:
    """The ground values of one type, in order of first use."""

    values: dict[tuple[Term, ...], _Ground] = field(default_factory=dict)
    version: int = 0
    """Changes with them."""


Column = dict[tuple[Term, ...], _Ground]
"""The ground values that one bound variable ranges over."""


@dataclass(slots=True, eq=False)
class _Universal:
    types: tuple[str, ...]
    body: Callable[..., Term]
    guard: Term
    origins: tuple[str | None, ...]
    stamp: object = None
    """Of the tables and limits at the last visit."""
    columns: tuple[Column, ...] = ()
    """Those of the last visit: of these, all rows are done."""


class Logic:
    """Collects declarations, facts, ground values and universals for one obligation."""

    def __init__(self, max_level: int = 1, budget: int = 15_000) -> None:
        self.facts: list[Term] = []
        self.max_level = max_level
        self.budget = budget
        self._names: dict[str, int] = {}
        self._ground: defaultdict[str, _Table] = defaultdict(_Table)
        self._columns: dict[tuple[str, str | None], tuple[object, Column]] = {}
        self._universals: list[_Universal] = []
        self._pending: deque[Callable[[], None]] = deque()
        self._saturating = False
        self.deadline = time.process_time() + ENCODING_SECONDS
        self.all_origins = False
        """Take keys of the maps at one place for those of other places too."""
        self.level = 0
        self.steps = 0

    def name(self, prefix: str) -> str:
        """A name that is used nowhere else in this logic."""
        n = self._names.get(prefix, 0)
        self._names[prefix] = n + 1
        return f"{prefix}!{n}" if n else prefix

    def fact(self, t: Term) -> None:
        """Assert `t`."""
        if t is not TRUE:
            self.facts.append(t)

    def ground(self, type_key: str, value: Sym, level: int = 0, origin: str | None = None) -> None:
        """Make `value` an instance for universals over its type, at least `level` deep.

        With an origin, it is a key of the maps at that place of a state.
        """
        level = max(level, self.level)
        table = self._ground[type_key]
        terms = flatten(value)
        known = table.values.get(terms)
        if known is None or known.level > level:
            table.values[terms] = _Ground(value, level, origin if known is None else None)
            table.version += 1

    def ground_values(self, type_key: str, level: int) -> list[Sym]:
        """The ground values of a type up to a level of nesting, in order of first use."""
        return [g.value for g in self._ground[type_key].values.values() if g.level <= level]

    def universal(
        self,
        types: Sequence[str],
        body: Callable[..., Term],
        guard: Term = TRUE,
        origins: Sequence[str | None] = (),
    ) -> None:
        """For every ground value of each of `types`, of which there is at least one: guard implies body(values).

        `origins`: of which maps they are the keys, where that is known. Keys of the maps of other places are left out,
        unless `all_origins` is set.
        """
        self._universals.append(_Universal(tuple(types), body, guard, tuple(origins) or (None,) * len(types)))

    def later(self, action: Callable[[], None]) -> None:
        """Run `action` while saturating (facts that go with a read)."""
        level = self.level

        def run() -> None:
            self.level = level
            action()

        self._pending.append(run)

    def forall(
        self,
        types: Sequence[str],
        witnesses: Sequence[Sym],
        body: Callable[..., Term],
        *,
        claim: bool = False,
        origins: Sequence[str | None] = (),
        holds: Term | None = None,
    ) -> Term:
        """A Boolean that holds iff `body` holds for all values of `types`; `witnesses` are fresh values of them.

        A `claim` is only ever to be shown, so nothing is to be learnt from it: what follows from it is left out.
        `holds` is the Boolean to define, a new one if it is missing.
        """
        outer = self.level
        # The witnesses of the goal itself are few; those made while instantiating have to be kept in check.
        self.level = 1 if claim and not self._saturating else outer + 1
        for t, w, origin in zip(types, witnesses, origins or (None,) * len(types), strict=True):
            # Observers of hypotheses are many and say little about each other: they come last.
            if claim or self.max_level > 1 or not t.startswith(OBSERVER):
                self.ground(t, w, origin=origin)
        at_witness = body(*witnesses)
        self.level = outer
        if at_witness is TRUE or claim:
            return at_witness
        if holds is None:
            holds = smt.const(self.name("all"), smt.BOOL)
        self.fact(or_(holds, not_(at_witness)))
        self.universal(types, body, holds, origins)
        return holds

    def saturate(self) -> None:
        """Instantiate all universals at all ground values, and run pending actions, until nothing is new.

        Raises: BudgetExceeded.
        """
        self._saturating = True
        while True:
            while self._pending:
                self._tick()
                self._pending.popleft()()
            self.level = 0
            if not self._round():
                if self._pending:
                    continue
                return

    def _round(self) -> bool:
        changed = False
        for u in list(self._universals):
            stamp = (self.max_level, self.all_origins, *[self._ground[t].version for t in u.types])
            if stamp == u.stamp:
                continue
            # Limits only rise and ground values stay, so columns only grow.
            columns = tuple([self._column(t, origin) for t, origin in zip(u.types, u.origins, strict=True)])
            for row in _rows(columns, u.columns):
                self._tick()
                self.level = max([g.level for g in row])
                body = u.body(*[g.value for g in row])
                self.level = 0
                if body is not TRUE:
                    self.fact(implies(u.guard, body))
                changed = True
            u.stamp, u.columns = stamp, columns
        return changed

    def _column(self, type_key: str, origin: str | None) -> Column:
        table = self._ground[type_key]
        stamp = (self.max_level, self.all_origins, table.version)
        known = self._columns.get((type_key, origin))
        if known is not None and known[0] == stamp:
            return known[1]
        anywhere = self.all_origins or origin is None
        column = {
            terms: g
            for terms, g in table.values.items()
            if g.level <= self.max_level and (anywhere or g.origin is None or g.origin == origin)
        }
        self._columns[type_key, origin] = (stamp, column)
        return column

    def _tick(self) -> None:
        self.steps += 1
        if self.steps % 64 == 0 and time.process_time() > self.deadline:
            raise BudgetExceeded("its encoding was out of time")
        if self.steps > self.budget:
            raise BudgetExceeded(f"more than {self.budget} instances")


def _rows(columns: tuple[Column, ...], done: tuple[Column, ...]) -> Iterator[tuple[_Ground, ...]]:
    """The rows of the product of `columns`, in order, that are not in the product of `done`; no columns, no rows."""
    if not columns:
        return
    if not done:
        yield from product(*[c.values() for c in columns])
        return
    column, old = columns[0], done[0]
    rest, rest_done = columns[1:], done[1:]
    for terms, g in column.items():
        if terms not in old:
            for row in product(*[c.values() for c in rest]):
                yield (g, *row)
        elif any(len(c) > len(d) for c, d in zip(rest, rest_done, strict=True)):
            for row in _rows(rest, rest_done):
                yield (g, *row)


def alike(a: Sym, b: Sym) -> tuple[Sym, Sym]:
    """Two values of one type in one shape: the zero of a recursive type is abstract where the other side is."""
    if isinstance(a, Abs) and isinstance(b, Fun) and b.zero:
        return a, Abs(a.kind, a.lattice, (lambda _: FALSE) if a.lattice else None, lambda _: FALSE, frozenset())
    if isinstance(b, Abs) and isinstance(a, Fun) and a.zero:
        y, x = alike(b, a)
        return x, y
    return a, b


def joint_origin(f: Fun, g: Fun) -> str | None:
    """The place that a map made of two belongs to."""
    return f.origin if f.origin is not None else g.origin


def choose(c: Term, a: Sym, b: Sym, recontext: Callable[[Abs, frozenset[str]], Abs]) -> Sym:
    """`if c then a else b` on values of one type; `recontext(x, atoms)` moves an abstract value under more contexts."""
    if c is TRUE or a is b:
        return a
    if c is FALSE:
        return b
    a, b = alike(a, b)
    if isinstance(a, Term) and isinstance(b, Term):
        return ite(c, a, b)
    if isinstance(a, Tup) and isinstance(b, Tup):
        return Tup(tuple(choose(c, x, y, recontext) for x, y in zip(a.items, b.items, strict=True)))
    if isinstance(a, Opt) and isinstance(b, Opt):
        if b.present is FALSE:
            return Opt(and_(c, a.present), a.item)
        if a.present is FALSE:
            return Opt(and_(not_(c), b.present), b.item)
        return Opt(ite(c, a.present, b.present), choose(c, a.item, b.item, recontext))
    if isinstance(a, Enm) and isinstance(b, Enm):
        payloads = tuple(
            tuple(choose(c, x, y, recontext) for x, y in zip(p, q, strict=True))
            for p, q in zip(a.payloads, b.payloads, strict=True)
        )
        return Enm(ite(c, a.tag, b.tag), payloads)
    if isinstance(a, Fun) and isinstance(b, Fun):
        f, g = a, b
        return Fun(f.key, f.value, lambda k: choose(c, f(k), g(k), recontext), origin=joint_origin(f, g))
    if isinstance(a, Abs) and isinstance(b, Abs):
        if a.observe is None and b.observe is None:
            return a
        atoms = a.atoms | b.atoms
        x, y = recontext(a, atoms), recontext(b, atoms)
        assert x.observe is not None and y.observe is not None
        ox, oy, lx, ly = x.observe, y.observe, x.live, y.live
        return Abs(a.kind, a.lattice, lambda o: ite(c, ox(o), oy(o)), lambda d: ite(c, lx(d), ly(d)), atoms)
    raise Unsupported("a look into an abstract part")


def nonzero_part(v: Sym) -> Term:
    """Whether one of the scalars in `v` is not zero (maps inside are left out)."""
    if isinstance(v, Term):
        return v if v.sort == smt.BOOL else not_(eq(v, smt.integer(0) if v.sort == smt.INT else smt.real(0)))
    if isinstance(v, Tup):
        return or_(*(nonzero_part(i) for i in v.items))
    if isinstance(v, Opt):
        return v.present
    return FALSE

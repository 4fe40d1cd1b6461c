"""What instances are asked to do: updates of a type with small arguments, read from its signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mergelaw.language.core import DOT, Named, Program, Type, substitute
from mergelaw.laws.domains import Sources, argument_lists, dots_in, names_in
from mergelaw.laws.instances import GIVEN, instance, with_given_values
from mergelaw.laws.symmetry import types_inside
from mergelaw.replica.database import Database, default_engines
from mergelaw.semantics.compiler import Compiled, Local
from mergelaw.semantics.context import EMPTY, Dot
from mergelaw.semantics.engine import Delta, Engine, UpdateRefused
from mergelaw.semantics.library import resolved
from mergelaw.semantics.literals import show
from mergelaw.semantics.values import Raw

EXPLORED = b"k"
"""The key that updates are made on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One update that a client asks for."""

    update: str
    args: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """An update as the replica core ran it."""

    update: str
    args: tuple[Raw, ...]
    dots: tuple[Dot, ...]
    when: int


class Observed(Compiled):
    """An engine that tells which updates were run on it."""

    def __init__(self, program: Program, type: Named) -> None:
        super().__init__(program, type)
        self.runs: list[Run] = []
        """Since somebody last cleared it."""

    def update(
        self, name: str, this: Raw, seen: object, args: tuple[Raw, ...], by: int, dots: tuple[Dot, ...], when: int
    ) -> Delta:
        """As `Compiled`."""
        delta = super().update(name, this, seen, args, by, dots, when)  # type: ignore[arg-type]
        self.runs.append(Run(name, args, dots, when))
        return delta

    def local(self, name: str, keep: tuple[str, ...] = ()) -> Local | None:
        """As `Compiled`."""
        made = super().local(name, keep)
        if made is None:
            return None
        taken, function = made.taken, made.run

        def run(this: Raw, by: int, first: int, when: int, *rest: Any) -> Raw:
            value = function(this, by, first, when, *rest)
            if value is not None:
                _, _, _, *args = rest
                self.runs.append(Run(name, tuple(args), tuple((by, first + i) for i in range(taken)), when))
            return value

        return replace(made, run=run)


class Served:
    """A type as instances serve it."""

    accumulators = frozenset({"onto", "a"})
    """Parameters that name an accumulator. No client does; its instance names one of its own, opened by this run."""

    def __init__(self, program: Program, type: Named) -> None:
        """`type` has concrete arguments."""
        self.program = program
        self.type = type
        self.store = type.name
        self.engine = Observed(program, type)
        self.definition = program.types[type.name]
        bindings: dict[str, Type] = {p.name: a for p, a in zip(self.definition.params, type.args, strict=True)}
        self.updates: Mapping[str, tuple[Type, ...]] = {
            u.name: tuple(substitute(t, bindings) for _, t in u.params) for u in self.definition.updates
        }
        self._parameters = {u.name: frozenset(n for n, _ in u.params) for u in self.definition.updates}
        self.takes_dots = any(DOT in types_inside(program, t) for types in self.updates.values() for t in types)
        self._parts: dict[Named, Engine] = {}

    @staticmethod
    def named(written: str, path: Path | None = None) -> Served:
        """The type that `written` means, in the file at `path` or the library; of a generic type a small instance.

        A type without updates is given values out of the blue, as the finder does.
        Raises: UnknownType, SpecErrors, OSError.
        """
        program, type = resolved(written or None, path)
        if "[" not in written:
            program, type = instance(program, type.name)
        given = with_given_values(program, type.name)
        return Served(program if given is None else given, type)

    def engines(self) -> dict[str, Engine]:
        """What a database of it is made with."""
        return {**default_engines(), self.store: self.engine}

    def show_call(self, call: Call) -> str:
        """`add("x")`."""
        types = self.updates[call.update]
        args = ", ".join(show(self.program, t, a) for t, a in zip(types, call.args, strict=True))
        return f"{call.update}({args})"

    def show_value(self, value: Raw) -> str:
        """As a literal."""
        return show(self.program, self.type, value)

    # -- arguments ---------------------------------------------------------------------------------

    def calls(self, db: Database, replicas: int, most: int) -> Iterator[Call]:
        """What a client could ask of `db`: about `most` calls, at least one of each update, simple ones first."""
        if not self.updates:
            return
        entry = db.entry(EXPLORED)
        value = None if entry is None else entry.component(self.store)
        if value is None:
            value = self.engine.zero()
        each = max(1, most // len(self.updates))
        held = names_in(self.program, self.type, value)
        dots = dots_in(self.program, self.type, value) if self.takes_dots else ()
        if self.takes_dots and self.definition.kind != "store":
            dots = (*dots, (1, 1), (2, 1))
        own = tuple(dot for dot in dots if dot[0] == db.replica and dot[1] >= db.run_first)
        everybody = tuple(range(1, replicas + 1))
        for name, types in self.updates.items():
            fresh = tuple((db.replica, db.last + 1 + i) for i in range(self.engine.dots_taken(name)))
            named = own if self.names_accumulator(name) else dots
            if name == GIVEN:
                named = fresh
            found = Sources(everybody, named, lambda t, f=fresh: self.states(t, db.replica, f), held)  # type: ignore[misc]
            for args in argument_lists(self.program, types, found, each):
                yield Call(name, args)

    def names_accumulator(self, update: str) -> bool:
        """Whether an argument of `update` is an accumulator."""
        return not self.accumulators.isdisjoint(self._parameters[update])

    def states(self, t: Named, replica: int, dots: tuple[Dot, ...]) -> tuple[Raw, ...]:
        """States of a part `t` for arguments: after one update of its own, and its zero."""
        if t == self.type:
            return ()
        engine = self._parts.get(t)
        if engine is None:
            engine = self._parts[t] = Compiled(self.program, t)
        definition = self.program.types[t.name]
        bindings: dict[str, Type] = {p.name: a for p, a in zip(definition.params, t.args, strict=True)}
        found: dict[Raw, None] = {}
        for u in definition.updates:
            taken = engine.dots_taken(u.name)
            if taken > len(dots):
                continue
            types = tuple(substitute(pt, bindings) for _, pt in u.params)
            for args in argument_lists(self.program, types, Sources((replica,)), 2):
                try:
                    found[engine.update(u.name, engine.zero(), EMPTY, args, replica, dots[:taken], 1).value] = None
                except UpdateRefused:
                    continue
        if definition.updates:
            found[engine.zero()] = None
        return tuple(found)

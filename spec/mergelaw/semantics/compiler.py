"""The compiler: a declared type as Python functions of its own.

It does what the interpreter does (`interpreter.Interpreter` says what a spec means), faster: the functions
are printed for one instance, with its types filled in, calls inlined, and set algebra as loops that look only
where something can be. `apply` costs what the delta touches, not what the state holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from mergelaw.language.core import Expr, Named, Program, Property, Type
from mergelaw.semantics.compile.journal import Assembler, Journal
from mergelaw.semantics.compile.module import Module
from mergelaw.semantics.context import CausalContext, Dot
from mergelaw.semantics.engine import Delta, Footprint, State, Universe
from mergelaw.semantics.values import Raw, zero

_KEPT = 256
"""How many compiled instances are kept for reuse; the one used longest ago goes first."""

_Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Local:
    """An update and its merge in one, for the states that it mostly meets; see `compile.local`."""

    run: Callable[..., Raw]
    """(this, replica, first fresh dot's number, time, journal, forgotten, log, *args) -> the new state.

    Writes the journal, and appends to `forgotten` the dots that it forgets and to `log`, if that is no None, the
    journal's keys that it writes. None: the state is another than it is made for, or it is refused; nothing is done.
    """
    taken: int
    """How many dots it takes."""
    update: str
    """Its name."""


class Compiled:
    """Runs one instance of a declared type; see `engine.Engine`. Two of the same program and type share their code."""

    def __init__(self, program: Program, type: Named) -> None:
        """`type` has concrete arguments, as many as its declaration has parameters. Raises: KeyError, ValueError."""
        if len(program.types[type.name].params) != len(type.args):
            raise ValueError(f"{type} needs {len(program.types[type.name].params)} type arguments")
        self.program = program
        self.type = type
        self._code = _code(program, type)
        self._update_functions = self._code.updates
        self._query_functions = self._code.queries
        self._zero = zero(program, type)

    @property
    def source(self) -> str:
        """The generated Python text."""
        return self._code.source

    def zero(self) -> Raw:
        """The least state."""
        return self._zero

    def merge(self, left: Raw, left_seen: CausalContext, right: Raw, right_seen: CausalContext) -> Raw:
        """The merge of two states; it lives under the union of the contexts."""
        return self._code.merge(left, left_seen, right, right_seen)

    def apply(self, this: Raw, seen: CausalContext, delta: Delta) -> Raw:
        """merge(this, seen, delta.value, delta.context), at the places only that the footprint names."""
        return self._code.apply(this, seen, delta.value, delta.context, delta.footprint)

    def update(
        self,
        name: str,
        this: Raw,
        seen: CausalContext,
        args: tuple[Raw, ...],
        by: int,
        dots: tuple[Dot, ...],
        when: int,
    ) -> Delta:
        """The delta of update `name`. Raises: UpdateRefused, KeyError; see `engine.Engine`."""
        function, taken = self._update_functions[name]
        if len(dots) != taken:
            raise ValueError(f"`{name}` takes {taken} dots, not {len(dots)}")
        delta: Delta = function(this, seen, by, dots, when, *args)
        return delta

    def local(self, name: str, keep: tuple[str, ...] = ()) -> Local | None:
        """What runs update `name` at its own replica at once, made when it is first asked for; None: there is no such.

        Of what the update clears, the fields `keep` may hold something, the others are assumed to be zero.
        Raises: KeyError.
        """
        return self._code.local(name, keep)

    def delta(self, journal: Journal) -> tuple[Raw, Footprint]:
        """Value and footprint of the delta that a journal makes: the join of those of the updates that wrote it."""
        return self._code.assembler.delta(journal)

    def touched(self, journal: Journal) -> Footprint:
        """The footprint alone."""
        return self._code.assembler.touched(journal)

    def has_update(self, name: str) -> bool:
        """Whether the type has an update of that name."""
        return name in self._update_functions

    def dots_taken(self, name: str) -> int:
        """max(1, the number of dots that update `name` names). Raises: KeyError."""
        return self._update_functions[name][1]

    def query(self, name: str, this: Raw, seen: CausalContext, args: tuple[Raw, ...]) -> Raw:
        """What query `name` answers. Raises: KeyError."""
        return self._query_functions[name](this, *args, seen)

    def reader(self, name: str) -> Callable[..., Raw]:
        """The function of query `name`: of the state, its arguments, and the context. Raises: KeyError."""
        return self._query_functions[name]

    def dots(self, this: Raw) -> frozenset[Dot]:
        """The live dots of the state."""
        found: list[Dot] = []
        self._code.dots(this, found)
        return frozenset(found)

    def holds(self, prop: Property, states: tuple[State, ...], replica: int | None, universe: Universe | None) -> bool:
        """Whether `prop` holds of `states`, as many as it names; `replica` binds that of a home relation."""
        flat = [part for state in states for part in state]
        return bool(self._code.property(prop)(*flat, replica, universe))

    def claim(
        self, body: Expr, states: tuple[tuple[str, Type], ...], values: tuple[tuple[str, Type], ...]
    ) -> Callable[..., bool]:
        """The function that decides `body`, an expression of a clause of this type without updates.

        Its arguments: value and context of each of the variables `states`, then `values`, then the universe that
        quantifiers without source range over.
        """
        return self._code.claim(body, states, values)


class _Code:
    """The generated functions of one instance."""

    def __init__(self, program: Program, type: Named) -> None:
        definition = program.types[type.name]
        self._type = type
        self._module = Module(program, type)
        module = self._module
        contexts = module.needs_contexts(type)
        merge_name, apply_name = module.merge_function(type), module.apply_function(type)
        dots_name = module.dots_function(type)
        update_names = {u.name: module.update(type, u.name) for u in definition.updates}
        query_names = {q.name: module.query(type, q.name) for q in definition.queries}
        self._run = 0
        self._load()
        found = module.namespace
        merge, apply = found[merge_name], found[apply_name]
        self.merge: _Function = merge if contexts else lambda x, _, y, __: merge(x, y)
        self.apply: _Function = apply if contexts else lambda x, _, y, __, f: apply(x, y, f)
        self.dots: _Function = (lambda this, into: None) if dots_name is None else found[dots_name]
        self.updates: dict[str, tuple[_Function, int]] = {
            u.name: (found[update_names[u.name]], max(1, len(u.at))) for u in definition.updates
        }
        self.queries: dict[str, _Function] = {n: found[f] for n, f in query_names.items()}
        self._properties: dict[int, tuple[Property, _Function]] = {}
        self._locals: dict[tuple[str, tuple[str, ...]], Local | None] = {}
        self.assembler = Assembler(program, type, module.places)

    def local(self, name: str, keep: tuple[str, ...]) -> Local | None:
        """See `Compiled.local`."""
        if (name, keep) not in self._locals:
            taken = self.updates[name][1]
            function = self._module.local(self._type, name, keep)
            self._load()
            made = None if function is None else Local(self._module.namespace[function], taken, name)
            self._locals[name, keep] = made
        return self._locals[name, keep]

    @property
    def source(self) -> str:
        """The generated Python text."""
        return f"# Generated from {self._type}.\n\n\n" + "\n\n\n".join(self._module.parts) + "\n"

    def property(self, prop: Property) -> _Function:
        """The function that decides `prop`, generated when it is first asked for."""
        known = self._properties.get(id(prop))
        if known is None:
            name = self._module.property(self._type, prop)
            self._load()
            known = self._properties[id(prop)] = (prop, self._module.namespace[name])
        return known[1]

    def claim(
        self, body: Expr, states: tuple[tuple[str, Type], ...], values: tuple[tuple[str, Type], ...]
    ) -> _Function:
        """The function that decides `body`, generated anew; see `Compiled.claim`."""
        name = self._module.claim(self._type, "claim", states, values, body)
        self._load()
        return cast(_Function, self._module.namespace[name])

    def _load(self) -> None:
        """Execute what has been written since the last time."""
        self._module.finish()
        text = "\n\n\n".join(self._module.parts[self._run :]) + "\n"
        self._run = len(self._module.parts)
        exec(compile(text, f"<compiled {self._type}>", "exec"), self._module.namespace)


_cache: OrderedDict[tuple[int, Named], tuple[Program, _Code]] = OrderedDict()


def _code(program: Program, type: Named) -> _Code:
    """The code of an instance; generated once for each program object (which the cache keeps alive) and type."""
    key = (id(program), type)
    if key in _cache:
        _cache.move_to_end(key)
        return _cache[key][1]
    made = _Code(program, type)
    _cache[key] = (program, made)
    if len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return made

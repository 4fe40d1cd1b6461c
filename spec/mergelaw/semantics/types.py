"""Types from Python: load a declared type, update its states, exchange deltas, ask queries.

    >>> from mergelaw.semantics.types import load
    >>> ORSet = load("ORSet[Text]")
    >>> here = there = ORSet.zero()

An update returns a delta; a state changes by merging it. Replicas have numbers.

    >>> add = here.add("x", by=1)
    >>> here = here.merge(add)
    >>> there = there.merge(add)
    >>> remove = there.remove("x", by=2)
    >>> again = here.add("x", by=1)

The two writes meet, in either order: the remove had not seen the second add.

    >>> here = here.merge(again).merge(remove)
    >>> there = there.merge(remove).merge(again)
    >>> here == there
    True
    >>> here.contains("x")
    True

A state shows itself, with the dots that it has seen, as a literal that reads back.

    >>> here
    { adds = {"x": {1.2}} } seen {1.1-1.2, 2.1}
    >>> ORSet.read(repr(here)) == here
    True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from mergelaw.language.core import Named, Program, QueryDef, Type, TypeDef, UpdateDef, substitute
from mergelaw.semantics import engine as engines
from mergelaw.semantics.compiler import Compiled
from mergelaw.semantics.context import EMPTY, CausalContext, Dot
from mergelaw.semantics.conversion import from_python, to_python
from mergelaw.semantics.engine import Engine
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.library import UnknownType, declared_in, resolved
from mergelaw.semantics.literals import LiteralError, read, show
from mergelaw.semantics.values import Raw

__all__ = ["Delta", "LoadedType", "State", "UnknownType", "load"]

EngineName = Literal["compiled", "interpreted"]


@dataclass(frozen=True)
class LoadedType:
    """A declared type that can be run."""

    engine: Engine = field(repr=False)

    @property
    def program(self) -> Program:
        """Where the type is declared."""
        return self.engine.program

    @property
    def type(self) -> Named:
        """The instance, with concrete arguments."""
        return self.engine.type

    @property
    def definition(self) -> TypeDef:
        """The declaration."""
        return self.program.types[self.type.name]

    @property
    def updates(self) -> tuple[str, ...]:
        """The names of the updates, in the order of the text."""
        return tuple(u.name for u in self.definition.updates)

    @property
    def queries(self) -> tuple[str, ...]:
        """The names of the queries, in the order of the text."""
        return tuple(q.name for q in self.definition.queries)

    def zero(self) -> State:
        """The state before any update."""
        return State(self, self.engine.zero(), EMPTY)

    def state(self, value: object, seen: CausalContext = EMPTY) -> State:
        """The state that `value`, as `conversion` reads it, is under a context. Raises: TypeError, ValueError."""
        return State(self, from_python(self.program, self.type, value), seen)

    def read(self, text: str) -> State:
        """The state whose literal `text` is: `repr` of a state reads back as an equal one.

        Without `seen {...}` the context is that of the live dots. Raises: LiteralError.
        """
        found = _SEEN.fullmatch(text)
        if found is None:
            raw = read(self.program, self.type, text)
            return State(self, raw, CausalContext.of(self.engine.dots(raw)))
        return State(self, read(self.program, self.type, found["state"]), _read_context(found["runs"]))

    def __str__(self) -> str:
        return str(self.type)


class _Value:
    """What states and deltas have in common: a raw value and a context of one type."""

    __slots__ = ("_hash", "_of", "_raw", "_seen")

    def __init__(self, of: LoadedType, raw: Raw, seen: CausalContext) -> None:
        self._of = of
        self._raw = raw
        self._seen = seen
        self._hash: int | None = None

    @property
    def type(self) -> LoadedType:
        """Its type."""
        return self._of

    @property
    def state(self) -> Raw:
        """The raw value; see `core.Type`."""
        return self._raw

    @property
    def seen(self) -> CausalContext:
        """The dots that it has seen: contained, removed, or never of interest to it."""
        return self._seen

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is type(self)
            and isinstance(other, _Value)
            and self._of.type == other._of.type
            and self._seen == other._seen
            and self._raw == other._raw
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self._of.type, self._raw, self._seen))
        return self._hash

    def __str__(self) -> str:
        """The literal of the value alone."""
        return show(self._of.program, self._of.type, self._raw)

    def __repr__(self) -> str:
        """The literal of the value and, unless it is empty, ` seen ` and the context."""
        return f"{self} seen {self._seen!r}" if self._seen else str(self)

    def _same_type(self, other: object) -> None:
        if not isinstance(other, _Value) or other._of.type != self._of.type:
            what = other._of if isinstance(other, _Value) else f"{other!r}"
            raise TypeError(f"a state of {self._of} merges with its states and deltas, not with {what}")


class State(_Value):
    """An immutable state under its causal context.

    Updates and queries of the type are methods: `s.add("x", by=1)` is a `Delta`, `s.contains("x")` an
    answer as plain Python. One whose name is taken by this class is reached by `update` and `query`.
    """

    __slots__ = ()

    def merge(self, other: State | Delta) -> State:
        """The state that has seen both. Raises: TypeError, for another type's."""
        self._same_type(other)
        run = self._of.engine
        if isinstance(other, Delta):
            raw = run.apply(self._raw, self._seen, other.effect)
        else:
            raw = run.merge(self._raw, self._seen, other._raw, other._seen)
        return State(self._of, raw, self._seen | other._seen)

    def __or__(self, other: State | Delta) -> State:
        return self.merge(other)

    def update(
        self, name: str, *args: object, by: int = 1, at: Dot | Iterable[Dot] | None = None, when: int = 0
    ) -> Delta:
        """The delta of update `name`, done by replica `by` at wall-clock time `when`.

        It takes the dots `at`, or else the next ones of `by` that this state has not seen. This state does
        not change. Raises: AttributeError, if there is no such update; TypeError, ValueError, for wrong
        arguments; UpdateRefused, if the update's `requires` does not hold.
        """
        if name not in self._of.updates:
            raise self._unknown(name, self._of.updates, "update")
        definition = self._of.definition.update(name)
        raw = self._arguments(definition, args)
        dots = self._fresh(name, by, at)
        effect = self._of.engine.update(name, self._raw, self._seen, raw, by, dots, when)
        return Delta(self._of, effect)

    def query(self, name: str, *args: object) -> Any:
        """The answer of query `name`, as plain Python. Raises: AttributeError, TypeError, ValueError."""
        if name not in self._of.queries:
            raise self._unknown(name, self._of.queries, "query")
        definition = self._of.definition.query(name)
        raw = self._of.engine.query(name, self._raw, self._seen, self._arguments(definition, args))
        return to_python(self._of.program, self._concrete(definition.result), raw)

    def dots(self) -> frozenset[Dot]:
        """The live dots: those that a later update may forget."""
        return self._of.engine.dots(self._raw)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._of.queries:
            return partial(self.query, name)
        if name in self._of.updates:
            return partial(self.update, name)
        raise self._unknown(name, (*self._of.updates, *self._of.queries), "update or query")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._of.updates, *self._of.queries]

    def _unknown(self, name: str, names: tuple[str, ...], what: str) -> AttributeError:
        near = get_close_matches(name, names, 1)
        hint = f" Did you mean `{near[0]}`?" if near else f" It has: {', '.join(names)}."
        return AttributeError(f"{self._of} has no {what} `{name}`.{hint}")

    def _concrete(self, t: Type) -> Type:
        names = (p.name for p in self._of.definition.params)
        return substitute(t, dict(zip(names, self._of.type.args, strict=True)))

    def _arguments(self, definition: UpdateDef | QueryDef, args: tuple[object, ...]) -> tuple[Raw, ...]:
        params = [(n, self._concrete(t)) for n, t in definition.params]
        signature = f"{self._of}.{definition.name}({', '.join(f'{n}: {t}' for n, t in params)})"
        if len(args) != len(params):
            raise TypeError(f"{signature} takes {len(params)} arguments, not {len(args)}")
        raw: list[Raw] = []
        for (name, t), arg in zip(params, args, strict=True):
            try:
                given = arg.state if isinstance(arg, State) and arg._of.type == t else None
                raw.append(from_python(self._of.program, t, arg) if given is None else given)
            except (TypeError, ValueError) as problem:
                raise type(problem)(f"{signature}: {name}: {problem}") from None
        return tuple(raw)

    def _fresh(self, name: str, by: int, at: Dot | Iterable[Dot] | None) -> tuple[Dot, ...]:
        count = self._of.engine.dots_taken(name)
        if at is None:
            start = self._seen.next_number(by)
            return tuple((by, start + i) for i in range(count))
        dots: tuple[Any, ...] = tuple(at)
        if dots and isinstance(dots[0], int):
            dots = (dots,)
        if len(dots) != count:
            raise ValueError(f"`{name}` takes {count} dots, not {len(dots)}")
        for i, (replica, number) in enumerate(dots):
            if (replica, number) != (by, dots[0][1] + i):
                raise ValueError(f"the dots of an update are consecutive ones of its replica {by}, not {dots}")
            if (replica, number) in self._seen:
                raise ValueError(f"dot {replica}.{number} is not fresh: the state has seen it")
        return dots


class Delta(_Value):
    """What an update computed: a small state under the dots that it took and forgot. Replicas exchange these."""

    __slots__ = ("effect",)

    effect: engines.Delta

    def __init__(self, of: LoadedType, effect: engines.Delta) -> None:
        super().__init__(of, effect.value, effect.context)
        self.effect = effect

    @property
    def dots(self) -> tuple[Dot, ...]:
        """The dots that the update took; the last is its identity."""
        return self.effect.dots

    def as_state(self) -> State:
        """The delta as a state of the type."""
        return State(self._of, self._raw, self._seen)


# -- loading ---------------------------------------------------------------------------------------


def load(spec: str | Path | Program, type: str | Named | None = None, *, engine: EngineName = "compiled") -> LoadedType:
    """The type that `spec` names, ready to run.

    `spec` is a type such as `"ORSet"` or `"ORMap[Text, ORSet[Text]]"`, found in the library; or a path
    `"my/cart.crdt"`, whose last type is meant, or `"my/cart.crdt:Cart[Text]"`; or a checked program.
    `type` names the type too, where `spec` is a path or a program. Parameters without arguments are
    Text, for a Lattice `Max`, for a Store `ORSet[Text]`.
    Raises: UnknownType; SpecErrors, if a file or the arguments are wrong; OSError, if there is no such file.
    """
    if isinstance(spec, Program):
        return _run(spec, type if isinstance(type, Named) else declared_in(spec, type), engine)
    found = _PATH.fullmatch(str(spec))
    if found is None:
        return _from_library(str(spec), engine)
    path, written = found.groups()
    return _run(*resolved(written if type is None else str(type), Path(path)), engine)


@cache
def _from_library(written: str, engine: EngineName) -> LoadedType:
    return _run(*resolved(written), engine)


def _run(program: Program, t: Named, engine: EngineName) -> LoadedType:
    return LoadedType(Compiled(program, t) if engine == "compiled" else Interpreter(program, t))


_PATH = re.compile(r"(.*\.crdt)(?::(.*))?", re.DOTALL)
_SEEN = re.compile(r"(?P<state>.*?)\s+seen\s+\{(?P<runs>[^{}\"]*)\}\s*", re.DOTALL)
_RUN = re.compile(r"\s*(-?[0-9]+)\.([0-9]+)(?:-\1\.([0-9]+))?\s*")


def _read_context(text: str) -> CausalContext:
    """The context whose runs are `1.1-1.5, 2.3`. Raises: LiteralError."""
    runs: list[tuple[int, int, int]] = []
    for written in text.split(",") if text.strip() else []:
        found = _RUN.fullmatch(written)
        if found is None:
            raise LiteralError(f"`{written.strip()}` is no run of dots such as 1.1-1.5")
        replica, first, last = found.groups()
        runs.append((int(replica), int(first), int(last or first)))
    try:
        return CausalContext.from_runs(runs)
    except ValueError as problem:
        raise LiteralError(str(problem)) from None

"""Printing and running the functions that write and read the values of types; see `encoding` and `decoding`.

A function is printed for one type. Small types inside it are printed in place; recursive and large ones have functions
of their own, which it calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mergelaw.language.core import BOOL, Base, EnumT, MapT, Named, OptionType, Program, RecordT, SeqT, TupleT, Type
from mergelaw.semantics.values import NoZero, Raw, zero

_INLINE = 30
"""Types up to this cost are printed in place. Each loop costs at least two, so no more than fifteen nest in a type
that is; Python allows twenty."""


class Body:
    """The lines of a function, as they are printed."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 1
        self._names = 0

    def line(self, text: str) -> None:
        """One more line, as deep as the blocks around it say."""
        self._lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines printed meanwhile stand under `head`."""
        self.line(head)
        self._depth += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._depth -= 1

    def refuse(self, why: str) -> None:
        """A line that raises BadEncoding."""
        self.line(f"raise BadEncoding({why!r})")

    def name(self, letter: str) -> str:
        """A variable that has not been there yet."""
        self._names += 1
        return f"{letter}{self._names}"

    def names(self, letter: str, count: int) -> list[str]:
        """So many of them."""
        return [self.name(letter) for _ in range(count)]

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)


def display(items: list[str]) -> str:
    """The text of a tuple; also what is assigned to, to unpack one."""
    return f"({', '.join(items)},)" if items else "()"


Print = Callable[["Functions", Body, Type], str]
"""Prints what a function of a type does, and answers the expression of its result."""


class Functions:
    """The functions of the types of one program, printed and run when they are first asked for."""

    def __init__(self, program: Program, kinds: Mapping[str, tuple[str, Print]], names: Mapping[str, Any]) -> None:
        """`kinds`: name -> parameters, and what prints such a function. `names`: what the code may refer to."""
        self.program = program
        self._kinds = kinds
        self._namespace = dict(names)
        self._names: dict[tuple[str, Type], str] = {}
        self._todo: list[tuple[str, Type, str]] = []
        self._constants: dict[int, str] = {}
        self._costs: dict[Type, int] = {}
        self._open: set[Type] = set()
        self._own: set[Type] = set()

    def made(self, kind: str, t: Type) -> Callable[..., Any]:
        """The function of a kind for a type without parameters. Raises: TypeError, if the type has no values."""
        name = self.name(kind, t)
        parts: list[str] = []
        while self._todo:
            kind, t, called = self._todo.pop()
            parameters, printed = self._kinds[kind]
            body = Body()
            body.line(f"return {printed(self, body, t)}")
            parts.append(f"def {called}({parameters}):\n{body.text()}\n")
        exec("\n".join(parts), self._namespace)
        function: Callable[..., Any] = self._namespace[name]
        return function

    def name(self, kind: str, t: Type) -> str:
        """What the function is called in the code."""
        name = self._names.get((kind, t))
        if name is None:
            name = self._names[kind, t] = f"{kind}_{len(self._names)}"
            self._todo.append((kind, t, name))
        return name

    def constant(self, value: Any) -> str:
        """What this very object is called in the code."""
        name = self._constants.get(id(value))
        if name is None:
            name = self._constants[id(value)] = f"C{len(self._constants)}"
            # It keeps the object, so the id stays its own.
            self._namespace[name] = value
        return name

    def zero(self, t: Type) -> Raw:
        """The zero of `t`. Raises: NoZero."""
        return zero(self.program, t)

    def has_zero(self, t: Type) -> bool:
        """Whether `t` has one."""
        try:
            self.zero(t)
        except NoZero:
            return False
        return True

    def payloads(self, t: EnumT) -> list[tuple[Type, ...]]:
        """The types of what the variants hold."""
        return [tuple(f for _, f in fields) for _, fields in self.program.variants(t)]

    # -- what is printed in place ------------------------------------------------------------------

    def is_own(self, t: Type) -> bool:
        """Whether `t` has functions of its own. Raises: TypeError, if it has no values."""
        self._cost(t)
        return t in self._own

    def _cost(self, t: Type) -> int:
        """How much is printed where a value of `t` stands."""
        known = self._costs.get(t)
        if known is not None:
            return known
        if t in self._open:
            self._own.add(t)
            return 1
        self._open.add(t)
        try:
            cost = self._inner_cost(t)
        finally:
            self._open.remove(t)
        if cost > _INLINE:
            self._own.add(t)
        cost = self._costs[t] = 1 if t in self._own else cost
        return cost

    def _inner_cost(self, t: Type) -> int:
        match t:
            case Base():
                return 1
            case Named():
                return self._cost(self.program.state_type(t))
            case OptionType(item) | SeqT(item):
                return 2 + self._cost(item)
            case TupleT(items):
                return 2 + sum(map(self._cost, items))
            case RecordT(fields):
                return 2 + sum(self._cost(f) for _, f in fields)
            case EnumT():
                return 2 + sum(1 + sum(map(self._cost, payload)) for payload in self.payloads(t))
            case MapT(key, value):
                return 3 + self._cost(key) + (0 if value == BOOL else self._cost(value))
            case _:
                raise TypeError(f"{t} has no values")

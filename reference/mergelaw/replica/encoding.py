"""Printing the functions that write values and footprints as plain trees; `shape` says what those look like.

A value that is the shared object of its zero is not looked into.
"""

from __future__ import annotations

from mergelaw.language.core import BOOL, Base, EnumT, MapT, OptionType, RecordT, SeqT, TupleT, Type
from mergelaw.replica.generate import Body, Functions, display
from mergelaw.replica.plain import INT64

_NUMBER = f"({{x}} if -{INT64} <= {{x}} < {INT64} else encode_int({{x}}))"
_BASES = {
    "Bool": "{x}",
    "Replica": "{x}",
    "Dot": "{x}",
    "Nat": _NUMBER,
    "Int": _NUMBER,
    "Time": _NUMBER,
    "Real": f"({{x}} if type({{x}}) is int and -{INT64} <= {{x}} < {INT64} else encode_real({{x}}))",
    "Text": "({x}.encode() if {x}.isascii() else encode_text({x}))",
}

_WIDE = 16
"""A record of more fields has the nils at its end taken away one by one, by a loop."""


def print_encode(functions: Functions, body: Body, t: Type) -> str:
    """What `encode` of a type does, to its parameter `x`."""
    return _Encoder(functions, body).inside(t, "x")


def print_encode_footprint(functions: Functions, body: Body, t: Type) -> str:
    """What `encode_footprint` of a type does, to its parameter `x`."""
    return _FootprintEncoder(functions, body).inside(t, "x")


class _Encoder:
    """Prints how values are written. Methods take the name of a variable and answer an expression of its plain tree."""

    def __init__(self, functions: Functions, body: Body) -> None:
        self._functions = functions
        self._body = body

    def value(self, t: Type, x: str) -> str:
        """A value of `t`, in place or by a call."""
        if self._functions.is_own(t):
            return self._call(t, x)
        return self.inside(t, x)

    def inside(self, t: Type, x: str) -> str:
        """A value of `t`, in place."""
        t = self._functions.program.unfold(t)
        match t:
            case Base(name):
                return _BASES[name].format(x=x)
            case OptionType(item):
                return self._option(item, x)
            case TupleT(items):
                return self._product(t, items, x)
            case RecordT(fields):
                return self._product(t, tuple(f for _, f in fields), x)
            case EnumT():
                return self._enum(t, x)
            case SeqT(item):
                return self._members(item, x)
            case MapT(key, value):
                return self._members(key, x) if value == BOOL else self._map(key, value, x)
            case _:
                raise TypeError(f"{t} has no values")

    def _call(self, t: Type, x: str) -> str:
        call = f"{self._functions.name('encode', t)}({x})"
        if isinstance(self._functions.program.unfold(t), Base) or not self._functions.has_zero(t):
            return call
        made = self._body.name("p")
        self._body.line(f"{made} = None if {x} is {self._functions.constant(self._functions.zero(t))} else {call}")
        return made

    def _option(self, item: Type, x: str) -> str:
        body, made = self._body, self._body.name("p")
        with body.block(f"if {x} is None:"):
            body.line(f"{made} = None")
        with body.block("else:"):
            held = body.name("x")
            body.line(f"({held},) = {x}")
            body.line(f"{made} = ({self.value(item, held)},)")
        return made

    def _members(self, item: Type, x: str) -> str:
        """Of a Seq or a Set."""
        body, made, member = self._body, self._body.name("p"), self._body.name("x")
        with body.block(f"if {x}:"):
            body.line(f"{made} = []")
            with body.block(f"for {member} in {x}:"):
                body.line(f"{made}.append({self.value(item, member)})")
        with body.block("else:"):
            body.line(f"{made} = None")
        return made

    def _map(self, key: Type, value: Type, x: str) -> str:
        body, made = self._body, self._body.name("p")
        k, v = body.names("x", 2)
        with body.block(f"if {x}:"):
            body.line(f"{made} = []")
            with body.block(f"for {k}, {v} in {x}.items():"):
                body.line(f"{made} += ({self.value(key, k)}, {self.value(value, v)})")
        with body.block("else:"):
            body.line(f"{made} = None")
        return made

    # -- tuples, records, enums --------------------------------------------------------------------

    def _product(self, t: Type, items: tuple[Type, ...], x: str) -> str:
        body, functions = self._body, self._functions
        if not items:
            return "None"
        held = body.names("x", len(items))
        if not functions.has_zero(t):
            body.line(f"{display(held)} = {x}")
            plain = [self.value(item, h) for item, h in zip(items, held, strict=True)]
            if not self._is_nilable(items[-1]):
                return display(plain)
            made = body.name("p")
            self._stripped(items, held, plain, made, False)
            return made
        made = body.name("p")
        with body.block(f"if {x} is {functions.constant(functions.zero(t))}:"):
            body.line(f"{made} = None")
        with body.block("else:"):
            body.line(f"{display(held)} = {x}")
            plain = [self.value(item, h) for item, h in zip(items, held, strict=True)]
            self._stripped(items, held, plain, made, True)
        return made

    def _is_nilable(self, t: Type) -> bool:
        """Whether nil is written for a value of `t`: for its zero, then."""
        return not isinstance(self._functions.program.unfold(t), Base) and self._functions.has_zero(t)

    def _something(self, items: tuple[Type, ...], held: list[str], plain: list[str]) -> str:
        """The condition that one of the items, which have zeros, is not zero."""
        tests = [
            f"{p} is not None" if self._is_nilable(item) else h for item, h, p in zip(items, held, plain, strict=True)
        ]
        return " or ".join(tests)

    def _stripped(self, items: tuple[Type, ...], held: list[str], plain: list[str], made: str, zero: bool) -> None:
        """`made` becomes the list of `plain` without the nils at the end; nil for the zero, if there is one."""
        body = self._body
        if len(items) > _WIDE:
            body.line(f"{made} = [{', '.join(plain)}]")
            with body.block(f"while {made} and {made}[-1] is None:"):
                body.line(f"{made}.pop()")
            if zero:
                with body.block(f"if not ({self._something(items, held, plain)}):"):
                    body.line(f"{made} = None")
            return
        branch, count = "if", len(items)
        while count and self._is_nilable(items[count - 1]):
            with body.block(f"{branch} {plain[count - 1]} is not None:"):
                body.line(f"{made} = {display(plain[:count])}")
            branch = "elif"
            count -= 1
        rest = display(plain[:count]) if count else "None"
        if zero and count:
            rest = f"{rest} if {self._something(items[:count], held[:count], plain[:count])} else None"
        if count == len(items):
            body.line(f"{made} = {rest}")
        else:
            with body.block("else:"):
                body.line(f"{made} = {rest}")

    def _enum(self, t: EnumT, x: str) -> str:
        body, functions = self._body, self._functions
        payloads = functions.payloads(t)
        made, number = body.names("p", 2)
        body.line(f"{number} = {x}[0]")
        branch = "if"
        for i, payload in enumerate(payloads):
            if i and not payload:
                continue
            with body.block(f"{branch} {number} == {i}:"):
                self._variant(i, payload, x, made, i == 0 and functions.has_zero(t))
            branch = "elif"
        with body.block("else:"):
            body.line(f"{made} = ({number},)")
        return made

    def _variant(self, number: int, payload: tuple[Type, ...], x: str, made: str, zero: bool) -> None:
        """`made` becomes the list of a variant; nil for the zero, if that is a value of it."""
        body = self._body
        if not payload:
            body.line(f"{made} = None")
            return
        held = body.names("x", len(payload))
        body.line(f"{display(['_', *held])} = {x}")
        plain = [self.value(f, h) for f, h in zip(payload, held, strict=True)]
        written = display([str(number), *plain])
        if zero:
            written = f"{written} if {self._something(payload, held, plain)} else None"
        body.line(f"{made} = {written}")


class _FootprintEncoder:
    """Prints how footprints are written."""

    def __init__(self, functions: Functions, body: Body) -> None:
        self._functions = functions
        self._body = body
        self._keys = _Encoder(functions, body)

    def inside(self, t: Type, x: str) -> str:
        """A footprint of `t`, in place."""
        made = self._body.name("p")
        with self._body.block(f"if {x} is None:"):
            self._body.line(f"{made} = True")
        with self._body.block("else:"):
            self._tree(t, x, made)
        return made

    def _below(self, t: Type, x: str) -> str:
        """A footprint that is not everything."""
        made = self._body.name("p")
        if self._functions.is_own(t):
            self._body.line(f"{made} = {self._functions.name('encode_footprint', t)}({x})")
        else:
            self._tree(t, x, made)
        return made

    def _is_leaf(self, t: Type) -> bool:
        return not isinstance(self._functions.program.unfold(t), RecordT | MapT)

    def _tree(self, t: Type, x: str, made: str) -> None:
        """`made` becomes the plain tree of `x`, which is not everything."""
        t = self._functions.program.unfold(t)
        match t:
            case RecordT(fields):
                self._record(fields, x, made)
            case MapT(key, value):
                self._map(key, value, x, made)
            case _:
                self._body.line(f"{made} = None")

    def _record(self, fields: tuple[tuple[str, Type], ...], x: str, made: str) -> None:
        if len(fields) == 1:
            self._only(*fields[0], x, made)
            return
        body = self._body
        places = self._functions.constant({name: i for i, (name, _) in enumerate(fields)})
        step, below = body.names("x", 2)
        place = body.name("n")
        body.line(f"{made} = []")
        with body.block(f"for {step}, {below} in {x}.items():"):
            body.line(f"{place} = {places}[{step}]")
            with body.block(f"if {below} is None:"):
                body.line(f"{made} += ({place}, True)")
            with body.block(f"elif {below}:"):
                branch = "if"
                for i, (_, field) in enumerate(fields):
                    if self._is_leaf(field):
                        continue
                    with body.block(f"{branch} {place} == {i}:"):
                        inner = self._below(field, below)
                        with body.block(f"if {inner} is not None:"):
                            body.line(f"{made} += ({i}, {inner})")
                    branch = "elif"
        whole = [f"len({made}) == {2 * len(fields)}", *[f"{made}[{2 * i + 1}] is True" for i in range(len(fields))]]
        body.line(f"{made} = True if {' and '.join(whole)} else {made} or None")

    def _only(self, name: str, field: Type, x: str, made: str) -> None:
        """Of a record of one field."""
        body, below = self._body, self._body.name("x")
        body.line(f"{below} = {x}.get({name!r}, NOTHING)")
        with body.block(f"if {below} is None:"):
            body.line(f"{made} = True")
        if not self._is_leaf(field):
            with body.block(f"elif {below}:"):
                inner = self._below(field, below)
                body.line(f"{made} = {inner} if {inner} is None or {inner} is True else (0, {inner})")
        with body.block("else:"):
            body.line(f"{made} = None")

    def _map(self, key: Type, value: Type, x: str, made: str) -> None:
        body = self._body
        step, below = body.names("x", 2)
        body.line(f"{made} = []")
        with body.block(f"for {step}, {below} in {x}.items():"):
            with body.block(f"if {below} is None:"):
                body.line(f"{made} += ({self._keys.value(key, step)}, True)")
            if not self._is_leaf(value):
                with body.block("else:"):
                    inner = self._below(value, below)
                    with body.block(f"if {inner} is not None:"):
                        body.line(f"{made} += ({self._keys.value(key, step)}, {inner})")
        body.line(f"{made} = {made} or None")

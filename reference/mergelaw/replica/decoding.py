"""Printing the functions that read values and footprints from plain trees, and refuse all else.

Nil becomes the shared object of the zero. A function of the kind `decode_dots` tells its parameter `see` of all dots
that the value names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mergelaw.language.core import BOOL, Base, EnumT, MapT, OptionType, RecordT, SeqT, TupleT, Type
from mergelaw.replica.generate import Body, Functions, display
from mergelaw.replica.model import MAX_DOT, MAX_REPLICA

_NUMBER = "({p} if type({p}) is int else decode_int({p}))"
_BASES = {
    "Bool": "({p} if type({p}) is bool else decode_bool({p}))",
    "Nat": "({p} if type({p}) is int and {p} >= 0 else decode_nat({p}))",
    "Int": _NUMBER,
    "Time": _NUMBER,
    "Real": "({p} if type({p}) is int else decode_real({p}))",
    "Text": "({p}.decode('latin-1') if type({p}) is bytes else decode_text({p}))",
    "Replica": f"({{p}} if type({{p}}) is int and 0 < {{p}} <= {MAX_REPLICA} else decode_replica({{p}}))",
}

_FEW = 4
"""A list of fewer than so many items of a record is taken apart without being filled up first."""


def print_decode(functions: Functions, body: Body, t: Type) -> str:
    """What `decode` of a type does, to its parameter `p`."""
    return _Decoder(functions, body, "decode").inside(t, "p")


def print_decode_dots(functions: Functions, body: Body, t: Type) -> str:
    """What `decode_dots` of a type does, to its parameter `p`; `see` is the other one."""
    return _Decoder(functions, body, "decode_dots").inside(t, "p")


def print_decode_footprint(functions: Functions, body: Body, t: Type) -> str:
    """What `decode_footprint` of a type does, to its parameter `p`."""
    return _FootprintDecoder(functions, body).inside(t, "p")


class _Decoder:
    """Prints how values are read. Methods take the name of a variable and answer an expression of the value."""

    def __init__(self, functions: Functions, body: Body, kind: str) -> None:
        self._functions = functions
        self._body = body
        self._kind = kind

    def value(self, t: Type, p: str) -> str:
        """A value of `t`, in place or by a call."""
        if self._functions.is_own(t):
            return self._call(t, p)
        return self.inside(t, p)

    def inside(self, t: Type, p: str) -> str:
        """A value of `t`, in place."""
        functions, body = self._functions, self._body
        t = functions.program.unfold(t)
        if isinstance(t, Base):
            return self._dot(p) if t.name == "Dot" else _BASES[t.name].format(p=p)
        made = body.name("v")
        branch = "if"
        if functions.has_zero(t):
            with body.block(f"if {p} is None:"):
                body.line(f"{made} = {functions.constant(functions.zero(t))}")
            branch = "elif"
        with body.block(f"{branch} type({p}) is not list{self._size(t, p)}:"):
            body.refuse(f"not {self._what(t)}")
        with body.block("else:"):
            self._items(t, p, made)
        return made

    def _call(self, t: Type, p: str) -> str:
        functions = self._functions
        call = f"{functions.name(self._kind, t)}({p}{', see' if self._kind == 'decode_dots' else ''})"
        made = self._body.name("v")
        if functions.has_zero(t):
            call = f"{functions.constant(functions.zero(t))} if {p} is None else {call}"
        self._body.line(f"{made} = {call}")
        return made

    def _dot(self, p: str) -> str:
        body, made = self._body, self._body.name("v")
        replica, number = body.names("n", 2)
        with body.block(
            f"if type({p}) is list and len({p}) == 2"
            f" and type({replica} := {p}[0]) is int and type({number} := {p}[1]) is int"
            f" and 0 < {replica} <= {MAX_REPLICA} and 0 < {number} < {MAX_DOT}:"
        ):
            body.line(f"{made} = ({replica}, {number})")
        with body.block("else:"):
            body.line(f"{made} = decode_dot({p})")
        if self._kind == "decode_dots":
            body.line(f"see({made})")
        return made

    def _size(self, t: Type, p: str) -> str:
        """The rest of the condition that the list `p` is refused."""
        match t:
            case OptionType():
                return f" or len({p}) != 1"
            case TupleT(items):
                return f" or len({p}) > {len(items)}"
            case RecordT(fields):
                return f" or len({p}) > {len(fields)}"
            case EnumT():
                return f" or not {p}"
            case MapT(_, value) if value != BOOL:
                return f" or len({p}) % 2"
            case _:
                return ""

    def _what(self, t: Type) -> str:
        match t:
            case OptionType():
                return "an Option"
            case SeqT():
                return "a Seq"
            case MapT(_, value):
                return "a Set" if value == BOOL else "a Map"
            case _:
                return f"a {t}"

    def _items(self, t: Type, p: str, made: str) -> None:
        """`made` becomes the value that the list `p` says."""
        match t:
            case OptionType(item):
                held = self._body.name("p")
                self._body.line(f"({held},) = {p}")
                self._body.line(f"{made} = ({self.value(item, held)},)")
            case TupleT(items):
                self._product(items, p, made)
            case RecordT(fields):
                self._product(tuple(f for _, f in fields), p, made)
            case EnumT():
                self._enum(t, p, made)
            case SeqT(item):
                self._sequence(item, p, made)
            case MapT(key, value):
                if value == BOOL:
                    self._set(key, p, made)
                else:
                    self._map(key, value, p, made)
            case _:
                raise TypeError(f"{t} has no values")

    def _product(self, items: tuple[Type, ...], p: str, made: str) -> None:
        body, count = self._body, len(items)
        held = body.names("p", count)
        if held:
            with body.block(f"if len({p}) == {count}:"):
                body.line(f"{display(held)} = {p}")
            for size in range(count - 1, 0, -1) if count <= _FEW else ():
                with body.block(f"elif len({p}) == {size}:"):
                    body.line(f"{display(held[:size])} = {p}")
                    body.line(f"{' = '.join(held[size:])} = None")
            with body.block("else:"):
                nils = self._functions.constant((None,) * count)
                body.line(f"{display(held)} = *{p}, *{nils}[len({p}):]")
        body.line(f"{made} = {display([self.value(item, h) for item, h in zip(items, held, strict=True)])}")

    def _enum(self, t: EnumT, p: str, made: str) -> None:
        body = self._body
        payloads = self._functions.payloads(t)
        number = body.name("n")
        body.line(f"{number} = {p}[0]")
        sizes = self._functions.constant(tuple([len(payload) + 1 for payload in payloads]))
        with body.block(
            f"if type({number}) is not int or not 0 <= {number} < {len(payloads)} or len({p}) != {sizes}[{number}]:"
        ):
            body.refuse(f"no variant of {t}")
        branch = "if"
        for i, payload in enumerate(payloads):
            if not payload:
                continue
            with body.block(f"{branch} {number} == {i}:"):
                held = body.names("p", len(payload))
                body.line(f"{display(['_', *held])} = {p}")
                plain = [self.value(f, h) for f, h in zip(payload, held, strict=True)]
                body.line(f"{made} = {display([str(i), *plain])}")
            branch = "elif"
        if branch == "if":
            body.line(f"{made} = ({number},)")
        else:
            with body.block("else:"):
                body.line(f"{made} = ({number},)")

    def _sequence(self, item: Type, p: str, made: str) -> None:
        body, held, found = self._body, self._body.name("p"), self._body.name("q")
        body.line(f"{found} = []")
        with body.block(f"for {held} in {p}:"):
            body.line(f"{found}.append({self.value(item, held)})")
        body.line(f"{made} = tuple({found})")

    def _set(self, key: Type, p: str, made: str) -> None:
        body, held, found, k = self._body, self._body.name("p"), self._body.name("q"), self._body.name("v")
        body.line(f"{found} = {{}}")
        with body.block(f"for {held} in {p}:"):
            body.line(f"{k} = {self.value(key, held)}")
            body.line(f"{found}[{k}] = True")
        with body.block(f"if len({found}) != len({p}):"):
            body.refuse("a Set names a member twice")
        body.line(f"{made} = EMPTY_MAP.set({k}, True) if len({p}) == 1 else Map({found})")

    def _map(self, key: Type, value: Type, p: str, made: str) -> None:
        body, found = self._body, self._body.name("q")
        k, v = body.names("v", 2)
        plain_key, plain_value = body.names("p", 2)
        body.line(f"{found} = {{}}")
        with pairs(body, p, plain_key, plain_value):
            body.line(f"{v} = {self.value(value, plain_value)}")
            zero = self._is_zero(value, v)
            if zero:
                with body.block(f"if {zero}:"):
                    body.refuse("a Map holds a zero")
            body.line(f"{k} = {self.value(key, plain_key)}")
            body.line(f"{found}[{k}] = {v}")
        with body.block(f"if 2 * len({found}) != len({p}):"):
            body.refuse("a Map names a key twice")
        body.line(f"{made} = EMPTY_MAP.set({k}, {v}) if len({p}) == 2 else Map({found})")

    def _is_zero(self, t: Type, v: str) -> str:
        """The condition that `v` is zero; empty if no value is."""
        functions = self._functions
        if not functions.has_zero(t):
            return ""
        match functions.program.unfold(t):
            case OptionType():
                return f"{v} is None"
            case Base() | SeqT() | MapT():
                return f"not {v}"
            case _:
                return f"{v} == {functions.constant(functions.zero(t))}"


@contextmanager
def pairs(body: Body, p: str, first: str, second: str) -> Iterator[None]:
    """What is printed meanwhile is done for each pair in the list `p`, whose length is even."""
    rest = body.name("i")
    body.line(f"{rest} = iter({p})")
    with body.block(f"for {first} in {rest}:"):
        # This takes half the time of `zip`.
        body.line(f"{second} = next({rest})")
        yield


class _FootprintDecoder:
    """Prints how footprints are read."""

    def __init__(self, functions: Functions, body: Body) -> None:
        self._functions = functions
        self._body = body
        self._keys = _Decoder(functions, body, "decode")

    def inside(self, t: Type, p: str) -> str:
        """A footprint of `t`, in place."""
        body, made = self._body, self._body.name("v")
        with body.block(f"if {p} is True:"):
            body.line(f"{made} = None")
        with body.block(f"elif {p} is None:"):
            body.line(f"{made} = NOTHING")
        with body.block("else:"):
            self._tree(t, p, made)
        return made

    def _below(self, t: Type, p: str, made: str) -> None:
        """`made` becomes a footprint that is neither everything nor nothing."""
        if self._functions.is_own(t):
            self._body.line(f"{made} = {self._functions.name('decode_footprint', t)}({p})")
        else:
            self._tree(t, p, made)

    def _tree(self, t: Type, p: str, made: str) -> None:
        t = self._functions.program.unfold(t)
        if not isinstance(t, RecordT | MapT):
            self._body.refuse("a footprint goes deeper than its type")
            return
        body = self._body
        with body.block(f"if type({p}) is not list or len({p}) % 2:"):
            body.refuse("not a footprint")
        body.line(f"{made} = {{}}")
        step, below = body.names("p", 2)
        with pairs(body, p, step, below):
            with body.block(f"if {below} is None:"):
                body.refuse("a footprint names a place and nothing there")
            if isinstance(t, RecordT):
                self._field(t, step, below, made)
            else:
                self._key(t, step, below, made)
        with body.block(f"if 2 * len({made}) != len({p}):"):
            body.refuse(f"a footprint names a {'field' if isinstance(t, RecordT) else 'key'} twice")

    def _field(self, t: RecordT, step: str, below: str, made: str) -> None:
        body = self._body
        with body.block(f"if type({step}) is not int or not 0 <= {step} < {len(t.fields)}:"):
            body.refuse("a footprint names no field")
        names = self._functions.constant(tuple([name for name, _ in t.fields]))
        with body.block(f"if {below} is True:"):
            body.line(f"{made}[{names}[{step}]] = None")
        for i, (name, field) in enumerate(t.fields):
            if isinstance(self._functions.program.unfold(field), RecordT | MapT):
                with body.block(f"elif {step} == {i}:"):
                    inner = body.name("v")
                    self._below(field, below, inner)
                    body.line(f"{made}[{name!r}] = {inner}")
        with body.block("else:"):
            body.refuse("a footprint goes deeper than its type")

    def _key(self, t: MapT, step: str, below: str, made: str) -> None:
        body, inner = self._body, self._body.name("v")
        with body.block(f"if {below} is True:"):
            body.line(f"{inner} = None")
        with body.block("else:"):
            self._below(t.value, below, inner)
        body.line(f"{made}[{self._keys.value(t.key, step)}] = {inner}")

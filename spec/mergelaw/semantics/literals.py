"""Values as text: the literals of the language, written by type and read back by type.

A dot is `1.2` (replica 1, number 2), a record or state `{ adds = {"x": {1.2}} }` without its zero
fields, a map `{k: v}` in ascending order of its keys, a set `{a, b}`, the zero of any of them `{}`.
A Real that no decimal equals is a fraction, `1/3`, which specs themselves cannot write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from mergelaw.language.core import (
    BOOL,
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)
from mergelaw.semantics.values import NoZero, Raw, in_order, is_zero, make_map, make_set, zero


class LiteralError(ValueError):
    """A text is not a literal of the type that it was read as."""


def show(program: Program, t: Type, value: Raw) -> str:
    """The literal of `value`, a value of `t`; equal values have equal literals, and `read` reads it back."""
    match t:
        case Base(name):
            return _show_base(name, value)
        case OptionType(item):
            return "none" if value is None else f"some({show(program, item, value[0])})"
        case TupleT(items):
            return "(" + ", ".join(show(program, i, v) for i, v in zip(items, value, strict=True)) + ")"
        case SeqT(item):
            return "[" + ", ".join(show(program, item, v) for v in value) + "]"
        case RecordT(fields):
            shown = [
                f"{n} = {show(program, f, v)}"
                for (n, f), v in zip(fields, value, strict=True)
                if not is_zero(program, f, v)
            ]
            return "{ " + ", ".join(shown) + " }" if shown else "{}"
        case EnumT():
            name, payload = program.variants(t)[value[0]]
            args = ", ".join(show(program, f, v) for (_, f), v in zip(payload, value[1:], strict=True))
            return f"{name}({args})" if payload else name
        case MapT(key, item):
            keys = in_order(program, key, value)
            if item == BOOL:
                return "{" + ", ".join(show(program, key, k) for k in keys) + "}"
            return "{" + ", ".join(f"{show(program, key, k)}: {show(program, item, value[k])}" for k in keys) + "}"
        case Named():
            return show(program, program.state_type(t), value)
        case _:
            raise TypeError(f"{t} has no literals")


def read(program: Program, t: Type, text: str) -> Raw:
    """The value of `t` whose literal `text` is; any order of keys and fields will do. Raises: LiteralError."""
    reader = _Reader(program, text)
    value = reader.value(t)
    reader.end()
    return value


def _show_base(name: str, value: Raw) -> str:
    match name:
        case "Bool":
            return "true" if value else "false"
        case "Text":
            return _show_text(value)
        case "Dot":
            return f"{value[0]}.{value[1]}"
        case "Real":
            return show_real(Fraction(value))
        case _:
            return str(value)


def _show_text(text: str) -> str:
    """A JSON string; lone surrogates, which no file can hold, are escaped."""
    plain = not any("\ud800" <= c <= "\udfff" for c in text)
    return json.dumps(text, ensure_ascii=not plain)


def show_real(value: Fraction) -> str:
    """The shortest exact decimal, or `n/d` if there is none."""
    rest, places = value.denominator, 0
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    if places == 0:
        return str(value.numerator)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return ("-" if value < 0 else "") + digits[:-places] + "." + digits[-places:]


_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")
      | (?P<number>-?[0-9]+(?:\.[0-9]+|/[0-9]+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<mark>[{}()\[\]:,=])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


class _Reader:
    """Reads one literal, led by the type."""

    def __init__(self, program: Program, text: str) -> None:
        self._program = program
        self._text = text
        self._tokens = self._split(text)
        self._next = 0

    def value(self, t: Type) -> Raw:
        """The value of `t` that starts here."""
        if self._sees("{") and self._sees("}", ahead=1):
            try:
                nothing = zero(self._program, t)
            except NoZero:
                raise self._error(f"{{}} is no {t}: it has no zero") from None
            self._next += 2
            return nothing
        match t:
            case Base(name):
                return self._base(name)
            case OptionType(item):
                if self._take("name", "a value `some(...)` or `none`", ("some", "none")) == "none":
                    return None
                return tuple(self._items("(", [item], ")"))
            case TupleT(items):
                return tuple(self._items("(", list(items), ")"))
            case SeqT(item):
                return tuple(self._many("[", lambda: self.value(item), "]"))
            case RecordT():
                return self._record(t)
            case EnumT():
                return self._variant(t)
            case MapT(key, item):
                if item == BOOL:
                    return make_set(self._many("{", lambda: self.value(key), "}"))
                return make_map(self._program, t, self._many("{", lambda: self._pair(key, item), "}"))
            case Named():
                return self.value(self._program.state_type(t))
            case _:
                raise TypeError(f"{t} has no literals")

    def end(self) -> None:
        """Nothing may follow."""
        if self._next < len(self._tokens):
            raise self._error("the literal should end here")

    def _base(self, name: str) -> Raw:
        match name:
            case "Bool":
                return self._take("name", "`true` or `false`", ("true", "false")) == "true"
            case "Text":
                token = self._take("text", 'a text such as "x"')
                try:
                    return json.loads(token, strict=False)
                except json.JSONDecodeError as problem:
                    self._next -= 1
                    raise self._error(f"no text: {problem.msg}") from None
            case "Dot":
                token = self._take("number", "a dot such as 1.2, number 2 of replica 1")
                replica, point, number = token.partition(".")
                if not point or "/" in token or int(number) < 1:
                    self._next -= 1
                    raise self._error(f"`{token}` is no dot; 1.2 is number 2 of replica 1, numbers count from 1")
                return int(replica), int(number)
            case "Real":
                token = self._take("number", "a number")
                if token.endswith("/0"):
                    self._next -= 1
                    raise self._error("division by zero")
                return Fraction(token)
            case _:
                token = self._take("number", "a whole number")
                if "." in token or "/" in token or (name == "Nat" and token.startswith("-") and int(token)):
                    self._next -= 1
                    raise self._error(f"`{token}` is no {name}")
                return int(token)

    def _record(self, t: RecordT) -> Raw:
        given: dict[str, Raw] = {}

        def field() -> None:
            name = self._take("name", "a field", tuple(n for n, _ in t.fields))
            self._mark("=")
            given[name] = self.value(t.fields[t.position(name)][1])

        self._many("{", field, "}")
        return tuple(given[n] if n in given else self._missing(n, f) for n, f in t.fields)

    def _missing(self, name: str, t: Type) -> Raw:
        try:
            return zero(self._program, t)
        except NoZero:
            raise self._error(f"field `{name}` is missing, and {t} has no zero") from None

    def _variant(self, t: EnumT) -> Raw:
        variants = self._program.variants(t)
        names = tuple(n for n, _ in variants)
        index = names.index(self._take("name", f"a {t}", names))
        payload = [f for _, f in variants[index][1]]
        return (index, *(self._items("(", payload, ")") if payload else ()))

    def _pair(self, key: Type, item: Type) -> tuple[Raw, Raw]:
        k = self.value(key)
        self._mark(":")
        return k, self.value(item)

    def _items(self, opening: str, types: list[Type], closing: str) -> list[Raw]:
        """Exactly one value of each type, in order."""
        self._mark(opening)
        values: list[Raw] = []
        for i, t in enumerate(types):
            if i:
                self._mark(",")
            values.append(self.value(t))
        self._mark(closing)
        return values

    def _many(self, opening: str, item: Callable[[], Raw], closing: str) -> list[Raw]:
        """Any number of items between commas."""
        self._mark(opening)
        values: list[Raw] = []
        while not self._sees(closing):
            if values:
                self._mark(",")
            values.append(item())
        self._next += 1
        return values

    def _sees(self, mark: str, ahead: int = 0) -> bool:
        at = self._next + ahead
        return at < len(self._tokens) and self._tokens[at].kind == "mark" and self._tokens[at].text == mark

    def _mark(self, mark: str) -> None:
        if not self._sees(mark):
            raise self._error(f"`{mark}` should stand here")
        self._next += 1

    def _take(self, kind: str, expected: str, among: tuple[str, ...] = ()) -> str:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == kind and (not among or token.text in among):
                self._next += 1
                return token.text
        choice = f": one of {', '.join(among)}" if among else ""
        raise self._error(f"{expected} should stand here{choice}")

    def _error(self, message: str) -> LiteralError:
        token = self._tokens[self._next] if self._next < len(self._tokens) else None
        column = token.column if token else len(self._text) + 1
        found = f"`{token.text}`" if token else "the end"
        return LiteralError(f"column {column} of `{self._text}`: {message}; found {found}")

    def _split(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise LiteralError(f"column {at + 1} of `{text}`: `{text[at]}` starts no literal")
            tokens.append(_Token(found.lastgroup, found.group(), at + 1))
            at = found.end()
        return tokens

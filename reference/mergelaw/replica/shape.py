"""Raw values and footprints as plain trees of lists, numbers and bytes, by their type; and back, believing nothing.

What a type's values look like:

    Bool, Nat, Int, Time, Replica   the number; a number beyond 64 bits as its bytes
    Real        a whole number as such, others as [numerator, denominator] in lowest terms
    Text        bytes, by latin-1; a text with other characters as a string
    Dot         [replica, number]
    Option      nil, or [value]
    tuple, record   nil for the zero; else the list of its items, without the nils at the end
    enum        nil for the zero; else the list of the variant's number and its items
    Seq         the list
    Set         the list of members
    Map         the list of key, value, key, value
    footprint   true: everything below; nil: nothing; else the list of number of a field, or key, and footprint below it

Maps come in any order, so one value has several encodings. Lists that are written may be tuples.

Each type has functions of its own, as Python code that is printed for it (`encoding`, `decoding`) when one is first
asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from immutables import Map

from mergelaw.language.core import Program, Type
from mergelaw.replica import plain
from mergelaw.replica.decoding import print_decode, print_decode_dots, print_decode_footprint
from mergelaw.replica.encoding import print_encode, print_encode_footprint
from mergelaw.replica.generate import Functions
from mergelaw.replica.plain import MAX_NUMBER_BYTES as MAX_NUMBER_BYTES
from mergelaw.replica.plain import BadEncoding as BadEncoding
from mergelaw.replica.plain import Plain as Plain
from mergelaw.semantics.context import Dot
from mergelaw.semantics.engine import NOTHING, Footprint
from mergelaw.semantics.values import EMPTY_MAP, Raw

_KINDS = {
    "encode": ("x", print_encode),
    "decode": ("p", print_decode),
    "decode_dots": ("p, see", print_decode_dots),
    "encode_footprint": ("x", print_encode_footprint),
    "decode_footprint": ("p", print_decode_footprint),
}
_NAMES: dict[str, Any] = {**vars(plain), "EMPTY_MAP": EMPTY_MAP, "Map": Map, "NOTHING": NOTHING}


class Shape:
    """How values and footprints of one type are written and read."""

    def __init__(self, functions: Functions, t: Type) -> None:
        self._functions = functions
        self._type = t

    @cached_property
    def encode(self) -> Callable[[Raw], Plain]:
        """The plain tree of a value. Raises: ValueError, if a number in it is longer than 4096 bytes."""
        return self._functions.made("encode", self._type)

    @cached_property
    def decode(self) -> Callable[[Plain], Raw]:
        """The value of a plain tree as `unpack` gives it. Raises: BadEncoding; RecursionError, if it is too deep."""
        return self._functions.made("decode", self._type)

    @cached_property
    def decode_dots(self) -> Callable[[Plain, Callable[[Dot], object]], Raw]:
        """As `decode`; the second argument is told of each dot that the value names, live or not."""
        return self._functions.made("decode_dots", self._type)

    @cached_property
    def encode_footprint(self) -> Callable[[Footprint], Plain]:
        """The plain tree of a footprint, without the places at which nothing is touched."""
        return self._functions.made("encode_footprint", self._type)

    @cached_property
    def decode_footprint(self) -> Callable[[Plain], Footprint]:
        """The footprint of a plain tree as `unpack` gives it. Raises: BadEncoding; RecursionError, if too deep."""
        return self._functions.made("decode_footprint", self._type)


class Shapes:
    """Makes the shapes of the types of one program, each once; types may be recursive."""

    def __init__(self, program: Program) -> None:
        self._functions = Functions(program, _KINDS, _NAMES)
        self._known: dict[Type, Shape] = {}

    def of(self, t: Type) -> Shape:
        """The shape of a type without parameters. Raises: TypeError, if it has no values."""
        found = self._known.get(t)
        if found is None:
            self._functions.is_own(t)
            found = self._known[t] = Shape(self._functions, t)
        return found

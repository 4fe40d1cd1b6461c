"""What the encoder asks of types, remembered for as long as their program is."""

from __future__ import annotations

from collections.abc import Mapping

from mergelaw.language.core import (
    EnumT,
    MapT,
    Named,
    OptionType,
    ParamT,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)
from mergelaw.laws.memo import per_program


class Types:
    """The types of one program; get it from `types_of`."""

    def __init__(self, program: Program) -> None:
        self.rep = program.unfold
        """A type with declared types at its head replaced by their states."""
        self._program = program
        self._keys: dict[Type, str] = {}
        self._has_dots: dict[Type, bool] = {}
        self._shapes: dict[Type, tuple[Type, bool]] = {}
        self._arguments: dict[Named, Mapping[str, Type]] = {}

    def arguments(self, t: Named) -> Mapping[str, Type]:
        """The type arguments of an instance by parameter name."""
        found = self._arguments.get(t)
        if found is None:
            d = self._program.types[t.name]
            found = self._arguments[t] = {p.name: a for p, a in zip(d.params, t.args, strict=True)}
        return found

    def key_of(self, t: Type) -> str:
        """Ground values are kept by this name of a type; structurally equal types share it."""
        found = self._keys.get(t)
        if found is None:
            found = self._keys[t] = self._key_of(self.rep(t))
        return found

    def _key_of(self, t: Type) -> str:
        match t:
            case TupleT(items):
                return "(" + ",".join(self.key_of(i) for i in items) + ")"
            case RecordT(fields):
                return "(" + ",".join(self.key_of(i) for _, i in fields) + ")"
            case OptionType(item):
                return f"Option[{self.key_of(item)}]"
            case MapT(key, value):
                return f"Map[{self.key_of(key)},{self.key_of(value)}]"
            case SeqT(item):
                return f"Seq[{self.key_of(item)}]"
            case _:
                return str(t)

    def has_dots(self, t: Type) -> bool:
        """Whether values of `t` can hold live dots."""
        found = self._has_dots.get(t)
        if found is None:
            # What a recursive type holds of itself decides nothing.
            self._has_dots[t] = False
            found = self._has_dots[t] = self._holds_dots(t)
        return found

    def _holds_dots(self, t: Type) -> bool:
        match t:
            case ParamT(_, bound):
                return bound == "Store"
            case Named(name):
                return self._program.types[name].dots is not None or self.has_dots(self._program.state_type(t))
            case RecordT(fields):
                return any(self.has_dots(f) for _, f in fields)
            case MapT(_, value):
                return self.has_dots(value)
            case _:
                return False

    def scalar(self, t: Type) -> bool:
        """Whether a value of `t` is made of finitely many terms: there is no map in it, and nothing abstract."""
        return self.shape(t)[1]

    def shape(self, t: Type) -> tuple[Type, bool]:
        """`rep` and `scalar` of a type."""
        found = self._shapes.get(t)
        if found is None:
            rep = self.rep(t)
            # What holds itself has no end.
            self._shapes[t] = (rep, False)
            found = self._shapes[t] = (rep, self._is_scalar(rep))
        return found

    def _is_scalar(self, t: Type) -> bool:
        match t:
            case ParamT(_, bound):
                return bound not in ("Lattice", "Store")
            case MapT():
                return False
            case OptionType(item):
                return self.scalar(item)
            case TupleT(items):
                return all(self.scalar(i) for i in items)
            case RecordT(fields):
                return all(self.scalar(f) for _, f in fields)
            case EnumT():
                return all(self.scalar(f) for _, payload in self._program.variants(t) for _, f in payload)
            case _:
                return True


types_of = per_program(Types)

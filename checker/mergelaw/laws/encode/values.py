"""Arbitrary values, zeros and causal contexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mergelaw.language.core import (
    DOT,
    Base,
    EnumT,
    MapT,
    OptionType,
    ParamT,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)
from mergelaw.laws import smt
from mergelaw.laws.encode.scope import Context
from mergelaw.laws.encode.types import types_of
from mergelaw.laws.smt import FALSE, INT, REAL, Term, and_
from mergelaw.laws.symbolic import Abs, Enm, Fun, Logic, Opt, Sym, Tup, Unsupported, flatten

Watch = Callable[[str, tuple[Sym, ...], tuple[Type, ...], Sym], None]


class _Inside(NamedTuple):
    """What an arbitrary value is a part of."""

    seen: Context | None = None
    watch: Watch | None = None
    keys: tuple[Sym, ...] = ()
    key_types: tuple[Type, ...] = ()


_ALONE = _Inside()


class Values:
    """Makes the values of one program's types, and states what holds of all of them in one `Logic`."""

    def __init__(self, program: Program, logic: Logic) -> None:
        self.program = program
        self.logic = logic
        self.contexts: dict[str, Context] = {}
        """Those that a value can be moved under, by name."""
        self.types = types_of(program)
        self.rep = self.types.rep
        self.key_of = self.types.key_of
        self.type_env = self.types.arguments
        self._scalars: dict[tuple[str, tuple[Term, ...], Type], Sym] = {}
        self._bounded: set[Term] = set()
        self._zeros: dict[Type, Sym] = {}

    # -- arbitrary values --------------------------------------------------------------------------

    def symbol(
        self,
        t: Type,
        name: str,
        args: tuple[Term, ...] = (),
        *,
        seen: Context | None = None,
        watch: Watch | None = None,
    ) -> Sym:
        """An arbitrary value of `t`: uninterpreted functions of `args` named after `name`.

        `watch(path, keys, key types, value)` is told of every read of a map below it.
        """
        return self._symbol(t, name, args, _ALONE if seen is None and watch is None else _Inside(seen, watch))

    def fresh(self, t: Type, hint: str) -> Sym:
        """An arbitrary value that is used nowhere else."""
        return self._symbol(t, self.logic.name(hint), (), _ALONE)

    def _symbol(self, t: Type, name: str, args: tuple[Term, ...], inside: _Inside) -> Sym:
        t, scalar = self.types.shape(t)
        if scalar:
            key = (name, args, t)
            found = self._scalars.get(key)
            if found is None:
                found = self._scalars[key] = self._scalar(t, name, args)
            return found
        match t:
            case RecordT(fields):
                return Tup(tuple([self._symbol(f, f"{name}.{n}", args, inside) for n, f in fields]))
            case MapT():
                return self._map(t, name, args, inside)
            case ParamT(kind, bound):
                return self._abstract(kind, bound == "Lattice", name, args, inside)
            case OptionType(item):
                return Opt(smt.app(f"{name}.present", args, smt.BOOL), self._symbol(item, name, args, _ALONE))
            case TupleT(items):
                return Tup(tuple([self._symbol(i, f"{name}.{n}", args, _ALONE) for n, i in enumerate(items)]))
            case EnumT():
                return self._enum(t, name, args)
            case _:
                raise Unsupported(f"no encoding of values of type {t}")

    def _scalar(self, t: Type, name: str, args: tuple[Term, ...]) -> Sym:
        match t:
            case Base(base):
                return self._base(base, name, args)
            case OptionType(item):
                return Opt(smt.app(f"{name}.present", args, smt.BOOL), self._scalar(self.rep(item), name, args))
            case TupleT(items):
                return Tup(tuple([self._scalar(self.rep(i), f"{name}.{n}", args) for n, i in enumerate(items)]))
            case RecordT(fields):
                return Tup(tuple([self._scalar(self.rep(f), f"{name}.{n}", args) for n, f in fields]))
            case EnumT():
                return self._enum(t, name, args)
            case _:
                return smt.app(name, args, INT)

    def _base(self, base: str, name: str, args: tuple[Term, ...]) -> Sym:
        if base == "Dot":
            number = smt.app(f"{name}.number", args, INT)
            self._at_least(smt.integer(1), number)
            return Tup((smt.app(f"{name}.replica", args, INT), number))
        if base == "Bool":
            return smt.app(name, args, smt.BOOL)
        if base == "Real":
            return smt.app(name, args, REAL)
        v = smt.app(name, args, INT)
        if base in ("Nat", "Time", "Text"):
            self._at_least(smt.integer(0), v)
        return v

    def _at_least(self, bound: Term, v: Term) -> None:
        if v not in self._bounded:
            self._bounded.add(v)
            self.logic.fact(smt.le(bound, v))

    def _enum(self, t: EnumT, name: str, args: tuple[Term, ...]) -> Enm:
        variants = self.program.variants(t)
        tag = smt.app(f"{name}.tag", args, INT)
        self.logic.fact(and_(smt.le(smt.integer(0), tag), smt.lt(tag, smt.integer(len(variants)))))
        return Enm(
            tag,
            tuple(
                [tuple([self._symbol(ft, f"{name}.{v}.{f}", args, _ALONE) for f, ft in p]) for v, p in variants]
            ),
        )

    def _map(self, t: MapT, name: str, args: tuple[Term, ...], inside: _Inside) -> Fun:
        watch = inside.watch

        def read(k: Sym) -> Sym:
            keys, key_types = (*inside.keys, k), (*inside.key_types, t.key)
            below = _Inside(inside.seen, watch, keys, key_types) if inside is not _ALONE else _ALONE
            v = self._symbol(t.value, name, args + flatten(k), below)
            if watch is not None:
                watch(name, keys, key_types, v)
            return v

        out = Fun(t.key, t.value, read, origin=name.partition(".")[2] if watch is not None else None)
        out.name = (name, args)
        return out

    def _abstract(self, kind: str, lattice: bool, name: str, args: tuple[Term, ...], inside: _Inside) -> Abs:
        seen, watch = inside.seen, inside.watch

        def live(x: Tup) -> Term:
            if lattice:
                return FALSE
            held = smt.app(f"{name}.live", args + flatten(x), smt.BOOL)
            if watch is not None:
                watch(f"{name}#live", (*inside.keys, x), (*inside.key_types, DOT), held)
            return and_(held, seen.has(x)) if seen is not None else held

        atoms = frozenset() if lattice else seen.atoms if seen is not None else frozenset([name])
        return Abs(kind, lattice, lambda o: smt.app(f"{name}.obs", (*args, o), smt.BOOL), live, atoms, (name, args))

    # -- contexts and states -----------------------------------------------------------------------

    def context(self, name: str) -> Context:
        """An arbitrary causal context."""
        return self.derived_context(name, lambda x: smt.app(name, flatten(x), smt.BOOL))

    def derived_context(self, name: str, has: Callable[[Tup], Term]) -> Context:
        """A context given by a predicate."""
        ctx = self.contexts[name] = Context(has, frozenset([name]))
        return ctx

    # -- zeros -------------------------------------------------------------------------------------

    def zero(self, t: Type) -> Sym:
        """The zero of `t`; that of an abstract store takes the context it meets."""
        t, scalar = self.types.shape(t)
        if not scalar:
            return self._zero(t)
        found = self._zeros.get(t)
        if found is None:
            found = self._zeros[t] = self._zero(t)
        return found

    def _zero(self, t: Type) -> Sym:
        match t:
            case Base("Bool"):
                return FALSE
            case Base("Real"):
                return smt.real(0)
            case Base("Dot"):
                return Tup((smt.integer(0), smt.integer(0)))
            case RecordT(fields):
                return Tup(tuple([self.zero(f) for _, f in fields]))
            case MapT(key, value):
                z = self.zero(value)
                return Fun(key, value, lambda _: z, zero=True)
            case ParamT(kind, "Lattice"):
                return Abs(kind, True, lambda _: FALSE, lambda _: FALSE, frozenset())
            case ParamT(kind, "Store"):
                return Abs(kind, False, None, lambda _: FALSE, frozenset())
            case Base() | ParamT():
                return smt.integer(0)
            case OptionType(item):
                return Opt(FALSE, self.zero(item))
            case TupleT(items):
                return Tup(tuple([self.zero(i) for i in items]))
            case EnumT():
                payloads = tuple([tuple([self.zero(ft) for _, ft in p]) for _, p in self.program.variants(t)])
                return Enm(smt.integer(0), payloads)
            case SeqT():
                return smt.const("sequence.empty", INT)
            case _:
                raise Unsupported(f"no zero of type {t}")
